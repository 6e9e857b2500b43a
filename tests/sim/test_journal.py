"""The scenes go as the repository says: a change of what is done, told or written shows there.

A journal that differs is no fault by itself: who means the change runs ``make generate``, and
whoever reviews it reads what it does.
"""

import re

import pytest

from tests.sim import journal, scenes

PLANS = dict(scenes.plans())
ESSENTIAL = 2
"""Every second scene is played by ``make test``, all of them by ``make test-long``."""


def _as_written(name: str) -> None:
    text, made = journal.of(PLANS[name])
    assert made.broken == (), made.story[-40:]
    kept = journal.kept(name)
    assert journal.same(kept, text) or kept == text, "run `make generate` if that is meant"


@pytest.mark.parametrize("name", [*PLANS][::ESSENTIAL])
def test_a_scene_goes_as_it_is_written_down(name: str) -> None:
    _as_written(name)


@pytest.mark.long
@pytest.mark.parametrize("name", [*PLANS][1::ESSENTIAL])
def test_every_other_scene_goes_as_it_is_written_down(name: str) -> None:
    _as_written(name)


def test_no_journal_is_of_a_scene_that_is_no_more() -> None:
    assert {path.stem for path in journal.KEPT.glob("*.txt")} == set(PLANS)


STABLE_HAS_NONE = "its Service chooses Argo's pods, and there are none"


def test_pods_that_never_come_are_those_of_a_revision_that_is_pushed() -> None:
    """Before that it would be stable whose pods are gone, and the scene about something else."""
    assert STABLE_HAS_NONE in PLANS
    for plan in (plan for name, plan in PLANS.items() if name != STABLE_HAS_NONE):
        pushed = min((each.when.at for each in plan.mishaps if each.do == "push"), default=0.0)
        early = [each for each in plan.mishaps if each.do == "never ready"]
        assert all(each.when.at >= pushed for each in early)


def test_a_moment_more_or_less_is_the_same_journal() -> None:
    kept = journal.kept("steps")
    looks = int(re.findall(r"success (\d+)", kept)[0])
    later = kept.replace("  42 ", "  43 ").replace(f"success {looks}", f"success {looks + 10}")
    assert later != kept
    assert journal.same(kept, later)
    assert not journal.same(kept, kept.replace("  42 ", "  44 "))
    assert not journal.same(kept, kept.replace(f"success {looks}", f"success {2 * looks}"))
    assert not journal.same(kept, kept.replace("to v2", "to v3"))


def test_a_journal_is_the_same_whenever_it_is_made() -> None:
    name = "weights edited again and again"
    assert journal.of(PLANS[name])[0] == journal.of(PLANS[name])[0]
