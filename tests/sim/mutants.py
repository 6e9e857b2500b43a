"""Planted bugs: one guard at a time is spoilt, and the simulator looks for it.

By its laws, which ask of any play whether harm is done; and by the journals of the scenes, which
say of these plays whether anything is done otherwise, and which ``make test`` asks.
"""

import argparse
import multiprocessing
import multiprocessing.pool
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection

from tests.sim import campaign, journal, plan, reach, scenes, shrink, story
from tests.sim.plan import Plan
from tests.sim.spoiling import Mutation, chosen, plant


@dataclass(frozen=True, slots=True)
class Hunt:
    """What became of a mutation.

    ``law``: the law that it broke first; ``scene``: the scene whose journal was another first.
    Empty: none. ``plays``: after how many plays that was known, or that nothing was.
    ``cost``: in seconds of CPU.
    """

    mutation: Mutation
    law: str = ""
    scene: str = ""
    plays: int = 0
    cost: float = 0.0

    @property
    def end(self) -> str:
        by_journal = f"journal of {self.scene!r}" if self.scene else "survives"
        return self.law or (by_journal if self.plays else "unreached")


@dataclass(frozen=True, slots=True)
class Play:
    """``scene``: its name, if its journal is kept; else it is asked for laws alone."""

    plan: Plan
    scene: str = ""


def hunted(mutation: Mutation, seconds: float, plays: Sequence[Play], *, laws: bool = True) -> Hunt:
    """What finds it within ``seconds`` of CPU.

    ``laws``: whether one whose journal is another is hunted on until it breaks a law, too.
    """
    plant(mutation)
    began, number, scene, law = time.process_time(), 0, "", ""
    for one in plays:
        number += 1
        text, made = journal.of(one.plan) if one.scene else ("", story.play(one.plan))
        law = shrink.law(made.broken)
        if one.scene and not scene and not journal.same(text, journal.kept(one.scene)):
            scene = one.scene
        if law or (scene and not laws) or time.process_time() - began > seconds:
            break
    return Hunt(mutation, law, scene, number, time.process_time() - began)


@dataclass(frozen=True, slots=True)
class _Task:
    mutation: Mutation
    seconds: float
    plays: Sequence[Play]
    laws: bool


def _hunt(task: _Task) -> Hunt:
    """In a process of its own, since a spoilt function stays spoilt, and may never end."""
    if not task.plays:
        return Hunt(task.mutation)
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_child, args=(theirs, task))
    child.start()
    theirs.close()
    try:
        hunt = ours.recv()
    except EOFError:
        hunt = Hunt(task.mutation, "hangs", plays=1, cost=_most(task.seconds))
    child.join()
    assert isinstance(hunt, Hunt)
    return hunt


def _child(told: Connection, task: _Task) -> None:
    """Ends by a signal once it has used far more CPU than a hunt takes: its last play hangs."""
    most = _most(task.seconds)
    resource.setrlimit(resource.RLIMIT_CPU, (most, most))
    told.send(hunted(task.mutation, task.seconds, task.plays, laws=task.laws))


def _most(seconds: float) -> int:
    return int(3 * seconds) + 20


def _hunts(
    tasks: Sequence[_Task], seconds: float, pool: multiprocessing.pool.ThreadPool
) -> Iterator[Hunt]:
    """Each is hunted with a part of ``seconds``, and those not found with all that is left then.

    Most are found in one play or two: what these do not take is for those that few plays show.
    """
    share, left, open_ = seconds / len(tasks), seconds, list[tuple[_Task, Hunt]]()
    tasks = [replace(task, seconds=share / FIRST) for task in tasks]
    for task, hunt in zip(tasks, pool.imap(_hunt, tasks), strict=True):
        left -= hunt.cost
        found = hunt.law or (hunt.scene and not task.laws)
        rest = replace(task, plays=task.plays[hunt.plays :])
        if found or not rest.plays:
            yield hunt
        else:
            open_.append((rest, hunt))
    again = [replace(task, seconds=max(left, 0.0) / len(open_)) for task, _ in open_]
    for (_, first), hunt in zip(open_, pool.imap(_hunt, again), strict=True):
        yield replace(hunt, scene=first.scene or hunt.scene, plays=first.plays + hunt.plays)


FIRST = 4
"""In the first round each has a fourth of what it would have if all had the same."""


def _plays(seeds: int) -> Iterator[Play]:
    """The scenes, every plan that once found a fault, and seeds."""
    yield from (Play(asked, name) for name, asked in scenes.plans())
    yield from (Play(plan.read(path.read_text())) for path in sorted(campaign.FOUND.glob("*.json")))
    yield from (Play(plan.drawn(seed)) for seed in range(1, seeds + 1))


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.sim.mutants", description=__doc__)
    parser.add_argument("--count", type=int, default=120)
    parser.add_argument("--seed", type=int, default=0, help="of another even choice of them")
    parser.add_argument("--rooms", default="", help="as in reconcile,gate; none: all of them")
    parser.add_argument(
        "--scenes", default="", help="those alone whose name has one of these; none: all"
    )
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seeds", type=int, default=40, help="plays besides the scenes")
    parser.add_argument("--jobs", type=int, default=multiprocessing.cpu_count())
    parser.add_argument("--quick", action="store_true", help="a journal that differs is enough")
    given = parser.parse_args(argv)
    rooms = [room for room in given.rooms.split(",") if room]
    some = chosen(given.count, rooms, given.seed)
    began = time.monotonic()
    some_scenes = given.scenes.split(",")
    every = _plays(given.seeds)
    plays = {one.plan: one for one in every if any(part in one.scene for part in some_scenes)}
    known = reach.reaches(plays, given.jobs, rooms)
    print(f"{len(known)} plays traced, {time.monotonic() - began:.0f} s", flush=True)
    tasks = [
        _Task(
            mutation,
            0.0,
            [plays[one.plan] for one in reach.plays(known, mutation)],
            not given.quick,
        )
        for mutation in some
    ]
    ends: Counter[str] = Counter()
    with multiprocessing.pool.ThreadPool(given.jobs) as pool:
        for hunt in _hunts(tasks, 60 * given.minutes * given.jobs, pool):
            ends["law" if hunt.law else "journal" if hunt.scene else hunt.end] += 1
            print(f"{hunt.end:10} play {hunt.plays:4}  {hunt.mutation}", flush=True)
    print(f"{ends['law']} of {len(some)} break a law, {ends['journal']} others change a journal")
    print(f"{ends['survives']} survive, {ends['unreached']} are on ways that no play goes")
    print(f"{time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
