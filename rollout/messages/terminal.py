"""Words for a terminal, as plain text and rows; nothing is printed or coloured from here."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from rollout.errors import visible
from rollout.messages import evidence
from rollout.model.reasons import Reason
from rollout.model.spec import BY_KUBERNETES, asked_by
from rollout.model.status import (
    Answer,
    ConfirmedBy,
    Entry,
    Phase,
    Revision,
    RolloutStatus,
)
from rollout.model.traffic import Route, Split
from rollout.model.units import MOST

if TYPE_CHECKING:
    from rollout.model.source import RolloutSource

NOBODY = Split(100, 0)
NONE_YET = "none yet"
"""Where stable stands before a first release."""
HEAD = ("NAME", "PHASE", "STABLE", "CANARY", "WEIGHT", "STEP", "BECAUSE")
HISTORY_HEAD = ("ID", "AGE", "REVISION", "SPLIT", "STAGE", "BECAUSE")


def age(time: timedelta) -> str:
    """``time`` as kubectl shows it: the largest unit alone, ``0s`` for the future."""
    seconds = max(0, int(time.total_seconds()))
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def row(name: str, status: RolloutStatus) -> tuple[str, ...]:
    """One line of the table, aligned with ``HEAD``; a dash where there is nothing."""
    cells = (
        name,
        status.phase.value,
        *(known_as(one) for one in sides(status)),
        share(status),
        status.attempt.step.name if status.attempt.step else "",
        status.because,
    )
    return tuple(cell or "-" for cell in cells)


def sides(status: RolloutStatus) -> tuple[Revision | None, Revision | None]:
    """Stable and canary."""
    return status.stable, status.attempt.canary


def known_as(revision: Revision | None) -> str:
    """A revision by what people call it, its hash left out where it has an image."""
    return "" if revision is None else revision.label


def marks(revision: Revision | None) -> str:
    """What else tells a revision: its commit, its image, and last the hash that nobody reads."""
    if revision is None:
        return ""
    named = known_as(revision)
    parts = (
        f"commit {revision.commit[:10]}" if revision.commit else "",
        revision.image if revision.image != named else "",
        revision.name if revision.name != named else "",
    )
    return "  ".join(part for part in parts if part)


def share(status: RolloutStatus) -> str:
    """The canary's percent; empty without one."""
    return f"{percent(status)}%" if status.attempt.canary is not None else ""


def percent(status: RolloutStatus) -> int:
    """The canary's percent; 0 without one.

    On the way into its new subset the canary is stable already, and has everyone through either.
    """
    if status.attempt.canary is None:
        return 0
    same = status.stable is not None and status.stable.same(status.attempt.canary)
    return 100 if same else status.stage.split.canary


def unread(name: str, status: RolloutStatus | None, because: str) -> tuple[str, ...]:
    """The line of a Rollout whose spec cannot be read: why, and where its requests go."""
    if status is None:
        return (name, Phase.PAUSED.value, "-", "-", "-", "-", because)
    return row(name, replace(status, because=because))


def aligned(rows: Iterable[Sequence[str]]) -> str:
    """``rows`` in columns three blanks apart, without blanks at the ends of lines."""
    table = [tuple(map(visible, row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    padded = (
        "   ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in table
    )
    return "\n".join(padded)


def history(status: RolloutStatus, now: datetime) -> list[tuple[str, ...]]:
    """The decisions of the past, newest first, aligned with ``HISTORY_HEAD``."""
    return [
        (e.id, age(now - e.at), e.image or e.revision or "-", e.split, e.stage.value, _story(e))
        for e in reversed(status.history)
    ]


def _story(entry: Entry) -> str:
    """Why; where the sentence had no room for what whoever asked said, who asked what, and why."""
    if not entry.reason or len(entry.because) < MOST - 2:  # a cut takes blanks with it
        return entry.because
    verb, _, _ = entry.request.partition("@")
    proved = "" if entry.by == BY_KUBERNETES else entry.by
    return f"{verb} asked by {asked_by(proved, entry.claimed)}: {entry.reason}"


def bar(percent: int, width: int = 24) -> str:
    """``percent`` as a bar; anything above 0 shows, anything below 100 leaves a gap."""
    full = round(percent * width / 100)
    if 0 < percent < 100:
        full = min(max(full, 1), width - 1)
    return "█" * full + "░" * (width - full)


class Fact(NamedTuple):
    """A label, its text, and what may be shown fainter behind it."""

    label: str
    text: str
    faint: str = ""


def facts(
    key: str,
    status: RolloutStatus,
    now: datetime,
    clocks: Sequence[str] = (),
    route: Route | None = None,
    ways_on: str = "",
) -> list[Fact]:
    """Everything about the rollout ``key`` that a person may want to know, as label and text.

    ``clocks``: what runs now, in words. ``route``: of the step that it is at; None between steps.
    ``ways_on``: what a person has to decide, in commands; empty where nobody is asked.
    """
    step, drift = status.attempt.step, status.attempt.drift
    told: list[tuple[str, ...]] = [
        ("Rollout", key),
        ("Phase", f"{status.phase.value} ({status.because})"),
        ("Next", ways_on),
        ("Stable", known_as(status.stable), marks(status.stable)),
        ("Canary", known_as(status.attempt.canary), marks(status.attempt.canary)),
        ("Split", f"{bar(percent(status))} {percent(status)}% canary"),
        ("Cohorts", beside(route)),
        ("Step", f"{step.name}, for {age(now - step.entered_at)}" if step else ""),
        ("Confirmed", _confirmed(status, now)),
        ("Paused", _paused(status, now)),
        ("Rejected", _rejected(status, now)),
        ("Drift", f"{drift.count}x, last {drift.what}" if drift else ""),
        ("Later", status.attempt.pending),
        ("Refused", _refused(status, now)),
    ]
    told += [("Warning", warning) for warning in status.attempt.warnings]
    told += [("Clocks", text) for text in clocks]
    told += [("Evidence", text) for text in evidence.lines(status.attempt)]
    told += [("Answer", answer(given)) for given in status.attempt.approvals]
    return [Fact(*fact) for fact in told if fact[1]]


def beside(route: Route | None) -> str:
    """Who goes to the canary whatever the split; empty where nobody does."""
    if route is None or not route.is_dressed:
        return ""
    return f"{replace(route, split=NOBODY, sticky=None).sent} to the canary"


def behind(source: "RolloutSource") -> Reason | None:
    """Why what git says is not in force; None when it is."""
    status, name = source.status, f"rolloutsource {source.name}"
    also = f"; {status.problem}" if status.held else ""
    if status.rejected:
        more = f" (and {len(status.rejected) - 1} more)" if len(status.rejected) > 1 else ""
        return Reason(f"{name} refuses {status.rejected[0].message}{more}{also}")
    if status.held or status.problem:
        return Reason(f"{name}: {status.because}{also}")
    if status.notes:
        more = f" (and {len(status.notes) - 1} more)" if len(status.notes) > 1 else ""
        return Reason(f"{name} passes over {status.notes[0]}{more}")
    return None


def vouched(source: "RolloutSource") -> str | None:
    """Whose signature vouches for what is in force; None where none has to."""
    status = source.status
    if status.signature is None:
        return None
    return f"commit {status.commit[:10]} is signed by {status.signature}"


_CONFIRMED = {
    ConfirmedBy.SYNCZ: "istiod",
    ConfirmedBy.SHARE: "the requests themselves",
    ConfirmedBy.FLOOR: "time alone",
}


def _confirmed(status: RolloutStatus, now: datetime) -> str:
    if status.stage.confirmed_at is None:
        return "waiting for the proxies" if status.stage.asked_at is not None else ""
    how = _CONFIRMED[status.stage.confirmed_by] if status.stage.confirmed_by else "time alone"
    return f"{age(now - status.stage.confirmed_at)} ago, by {how}"


def _paused(status: RolloutStatus, now: datetime) -> str:
    if status.attempt.pause is None:
        return ""
    return f"for {age(now - status.attempt.pause.since)}: {status.attempt.pause.because}"


def _rejected(status: RolloutStatus, now: datetime) -> str:
    if status.rejected is None:
        return ""
    rejected = status.rejected
    return f"{rejected.revision.title}, {age(now - rejected.at)} ago: {rejected.because}"


def _refused(status: RolloutStatus, now: datetime) -> str:
    """What was asked last, where it could not be done."""
    if not status.refused_requests or status.last_refused_request != status.last_handled_request:
        return ""
    refusal = status.refused_requests[-1]
    if status.history and status.history[-1].at > refusal.at:
        return ""  # it went on since
    return f"{refusal.because}, {age(now - refusal.at)} ago"


def answer(given: Answer) -> str:
    """Who said what, and why."""
    reason = f" ({given.reason})" if given.reason else ""
    return f"{given.answerer}: {'yes' if given.yes else 'no'}{reason}"
