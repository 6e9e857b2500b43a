"""In which plays a mutation would decide otherwise: a planted bug is looked for there alone."""

import multiprocessing
import time
from collections.abc import Iterable
from dataclasses import dataclass

from tests.sim import spoiling, story
from tests.sim.plan import Plan
from tests.sim.spoiling import Turn

_seen: set[Turn] = set()


@dataclass(frozen=True, slots=True)
class Reach:
    """One play, which mutations would decide otherwise in it, and its cost in seconds of CPU.

    A play that breaks a law without any planted bug could find none, and makes no difference.
    """

    plan: Plan
    turns: frozenset[Turn]
    cost: float


def reaches(plans: Iterable[Plan], jobs: int) -> list[Reach]:
    """What each play makes a difference to, in an order in which a planted bug is soon found."""
    with multiprocessing.get_context("fork").Pool(jobs, _begin) as pool:
        return _ordered(pool.map(watched, plans, chunksize=1))


def _ordered(found: list[Reach]) -> list[Reach]:
    """First those few that are unlike each other, then all others, the cheapest first.

    Most mutations would decide otherwise in most plays, and show in those that are unlike the
    others: of a hundred plays that go the same way one is enough.
    """
    rest, seen, first = sorted(found, key=lambda one: one.cost), set[Turn](), list[Reach]()
    while rest:
        best = max(rest, key=lambda one: len(one.turns - seen) / (one.cost + 0.1))
        if not best.turns - seen:
            break
        rest.remove(best)
        first.append(best)
        seen |= best.turns
    return [*first, *rest]


def _begin() -> None:
    global _seen  # noqa: PLW0603 - what the watched functions of this process write to
    _seen = spoiling.watch()


def watched(plan: Plan) -> Reach:
    """Of a play in a process whose guards are watched."""
    _seen.clear()
    began = time.process_time()
    made = story.play(plan)
    turns = frozenset() if made.broken else frozenset(_seen)
    return Reach(plan, turns, time.process_time() - began)
