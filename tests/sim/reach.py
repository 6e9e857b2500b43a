"""In which plays a mutation would decide otherwise: a planted bug is looked for there alone."""

import multiprocessing
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests.sim import spoiling, story
from tests.sim.plan import Plan
from tests.sim.spoiling import Mutation, Turn, mutations

_seen: set[Turn] = set()


@dataclass(frozen=True, slots=True)
class Reach:
    """One play, which mutations would decide otherwise in it, and its cost in seconds of CPU.

    A play that breaks a law without any planted bug could find none, and makes no difference.
    """

    plan: Plan
    turns: frozenset[Turn]
    cost: float


def reaches(plans: Iterable[Plan], jobs: int, rooms: Iterable[str] = ()) -> list[Reach]:
    """What each play makes a difference to, in an order in which a planted bug is soon found."""
    with multiprocessing.get_context("fork").Pool(jobs, _begin, (tuple(rooms),)) as pool:
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


def plays(known: Sequence[Reach], mutation: Mutation) -> list[Reach]:
    """Those in which ``mutation`` would decide otherwise, in an order in which it is soon found.

    In turn one of ``known``, and one in which guards of the same function, or else of its room,
    decide as they do in few plays: such a play is about what it does.
    """
    mine = [one for one in known if mutation.turn in one.turns]
    times = Counter(turn for one in known for turn in one.turns if turn[0] == mutation.room)
    same = {m.turn for m in mutations([mutation.room.removeprefix("rollout.")])
            if m.function == mutation.function}  # fmt: skip

    def about(one: Reach) -> float:
        seldom = (1 / times[turn] for turn in one.turns & times.keys() & same)
        beside = (0.1 / times[turn] for turn in one.turns & times.keys() - same)
        return (sum(seldom) + sum(beside)) / (one.cost + 0.1)

    pairs = zip(mine, sorted(mine, key=about, reverse=True), strict=True)
    return [*dict.fromkeys(one for pair in pairs for one in pair)]


def _begin(rooms: Sequence[str]) -> None:
    global _seen  # noqa: PLW0603 - what the watched functions of this process write to
    _seen = spoiling.watch(rooms)


def watched(plan: Plan) -> Reach:
    """Of a play in a process whose guards are watched."""
    _seen.clear()
    began = time.process_time()
    made = story.play(plan)
    turns = frozenset() if made.broken else frozenset(_seen)
    return Reach(plan, turns, time.process_time() - began)
