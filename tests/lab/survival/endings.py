"""How the demo's two journeys must end, whatever happened on the way."""

from itertools import groupby

from tests.lab.survival.arena import Arena

STEPS = [0, 10, 40, 100]
"""The demo's plan, from nobody to everyone."""

RESTART = 5.0
"""Seconds: the promise from ``kill -9`` to the next correct decision."""


def promoted(made: Arena, revision: str) -> None:
    """``revision`` took every step once, in order, and is stable."""
    status = made.status
    assert made.commits.path(revision) == STEPS, made.commits.shares
    assert status["stable"]["name"] == revision
    assert (status["phase"], "rejected" in status) == ("Healthy", False)
    _orderly(made, revision)


def taken_back(made: Arena, revision: str) -> None:
    """``revision`` took steps once, in order, before the last, and then had nobody."""
    path, status = made.commits.path(revision), made.status
    assert path in ([*STEPS[:2], 0], [*STEPS[:3], 0]), made.commits.shares
    assert status["rejected"]["revision"]["name"] == revision
    assert status["phase"] == "Degraded"
    _orderly(made, revision)


def _orderly(made: Arena, revision: str) -> None:
    """One attempt, each decision of it remembered once, and routes that were never long behind."""
    told = [entry for entry in made.status["history"] if entry.get("revision") == revision]
    assert len({entry["id"] for entry in told}) == len(told)
    splits = [split for split, _ in groupby(e["split"] for e in told if e["stage"] == "Stepping")]
    assert splits == [*dict.fromkeys(splits)], told
    assert made.commits.wrong_for <= RESTART, f"wrong for {made.commits.wrong_for:.1f} s"
