"""Killed before and after every single effect of many journeys, and home as if nothing had been.

A play is played once, and at each of its effects a copy of the whole process (``fork``) goes on as
the one that was killed there: what lies before the kill is not played again. The next process of
such a copy is killed once more at ``--pairs`` of a hundred of its own effects, which are drawn.

``python -m tests.sim.crashes`` plays all of it; ``--share 10`` every tenth point.
"""

import argparse
import asyncio
import gc
import json
import multiprocessing
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import TypeVar

from tests.mortal import Life
from tests.sim import story
from tests.sim.plan import AUTHORS, STRATEGIES, WORKLOADS, Mishap, Plan, Setup, Subject, When
from tests.sim.story import Result

T = TypeVar("T")
Moment = tuple[int, ...]
"""Where processes ended, each in its own effects: even numbers before one, odd ones after it."""
CALM = 150.0
_PUSH = Mishap("push", When(20.0), "v2")
_ANSWERS = {
    "approved": (Mishap("approve", When(45.0)),),
    "dark held": (Mishap("request", When(80.0), "promote"),),
}
"""What people answer to the strategies that ask them."""
_EVENTS = {
    "it fails": (Mishap("bad", When(30.0), lasts=60.0),),
    "aborted": (Mishap("request", When(50.0), "abort"),),
    "skipped": (Mishap("request", When(30.0), "skip"),),
    "pushed over": (Mishap("push", When(50.0), "v3"),),
    "reverted": (Mishap("push", When(50.0), "v1"),),
    "deleted": (Mishap("delete", When(50.0)),),
    "other steps": (Mishap("spec edited", When(50.0)),),
    "somebody edits": (Mishap("weights edited", When(50.0), value=30.0),),
    "applied again": (Mishap("mesh applied again", When(50.0)),),
    "pods lost": (Mishap("canary crashes", When(50.0), lasts=20.0),),
}
_SWITCHED: Mapping[str, tuple[str, tuple[Mishap, ...]]] = {
    "all of it": ("plainly", ()),
    "it fails": ("plainly", (Mishap("switch", When(60.0), "green fails", lasts=60.0),)),
    "aborted": ("plainly", (Mishap("switchover asked", When(110.0), "abort"),)),
    "skipped": ("plainly", (Mishap("switchover asked", When(35.0), "skip"),)),
    "git asks for blue": ("plainly", (Mishap("switch", When(60.0), "git asks for blue"),)),
    "deleted": ("plainly", (Mishap("switch", When(60.0), "deleted"),)),
    "somebody edits": (
        "plainly",
        (
            Mishap("switch", When(60.0), "the weights are edited"),
            Mishap("switchover asked", When(80.0), "resume"),
        ),
    ),
    "an object in each cluster": ("apart", ()),
    "an object in each cluster, it fails": (
        "apart",
        (Mishap("switch", When(60.0), "green fails", lasts=60.0),),
    ),
    "a restart": ("restarts", ()),
    "a yes": ("people", (Mishap("switchover asked", When(60.0), "approve"),)),
    "other records": ("plainly", (Mishap("switch", When(60.0), "other records", lasts=60.0),)),
}
"""Which switchover it is, and what comes between."""


@dataclass(frozen=True, slots=True)
class Scenario:
    name: str
    plan: Plan


def scenarios() -> Iterator[Scenario]:
    """Every strategy in every shape, and everything that may come between in each of them."""
    for strategy in STRATEGIES:
        for author in AUTHORS:
            for workload in WORKLOADS if author == "role" else WORKLOADS[:1]:
                yield _scenario(f"{strategy}, {author}, {workload}", strategy, author, workload)
    for strategy in STRATEGIES:
        for event, mishaps in _EVENTS.items():
            yield _scenario(f"{strategy}, {event}", strategy, "role", "user", *mishaps)
    for sourced, chat in ((True, False), (False, True), (True, True)):
        name = f"steps, sourced {sourced}, chat {chat}"
        made = _scenario(name, "steps", "role", "user")
        setup = replace(made.plan.setup, sourced=sourced, chat=chat)
        yield Scenario(name, replace(made.plan, setup=setup))
    for name, (shape, rows) in _SWITCHED.items():
        setup = Setup((), calm=CALM, last="", switching=shape)
        yield Scenario(f"switchover, {name}", Plan(1, setup, rows))


def _scenario(name: str, strategy: str, author: str, workload: str, *more: Mishap) -> Scenario:
    subject = Subject(strategy, workload, author)
    setup = Setup((subject,), chat=strategy == "approved", calm=CALM, last="")
    return Scenario(name, Plan(1, setup, (_PUSH, *_ANSWERS.get(strategy, ()), *more)))


def killed(scenario: Scenario, point: int) -> Result:
    """The play whose first process ends at ``point``: even ones before an effect, odd after."""
    return story.play(scenario.plan, Life(point // 2 + 1, bool(point % 2)))


@dataclass(frozen=True, slots=True)
class End:
    """How a play with kills at ``moment`` ended, and the effects at which it was killed."""

    moment: Moment
    effects: tuple[str, ...]
    broken: tuple[str, ...]
    end: tuple[str, ...]

    def wrong(self, clean: Result) -> str:
        """What is not as without the kills; empty: all is."""
        if self.broken:
            return self.broken[0]
        if self.end != clean.end:
            return f"L3: it ended as {self.end}, and without the kill as {clean.end}"
        return ""

    def __str__(self) -> str:
        kills = zip(self.moment, self.effects, strict=True)
        return " and ".join(f"{'after' if m % 2 else 'before'} {m // 2 + 1}, {e}" for m, e in kills)


@dataclass
class Forking(Life):
    """A life that ends at each of the wanted effects, each time in a copy of the whole process.

    ``wants``: whether to end at the moment that is ``past`` and one more number.
    ``past``: where the processes before this one ended in this copy; ``fatal``: at which effects.
    ``ended``: the life of the first process, which keeps both.
    """

    wants: Callable[[Moment], bool] = lambda _: False
    past: Moment = ()
    fatal: tuple[str, ...] = ()
    ended: "Forking | None" = field(default=None, repr=False)

    async def effect(self, name: str, work: Callable[[], Awaitable[T]]) -> T:
        await self.go_on()
        self.names.append(name)
        number = 2 * len(self.names) - 2
        if self._ends(number, name):
            await self.end()
        done = await work()
        if self._ends(number + 1, name):
            await self.end()
        return done

    def heir(self) -> Life:
        root = self.ended or self
        return Forking(wants=self.wants, past=root.past, fatal=root.fatal, ended=root)

    def _ends(self, number: int, name: str) -> bool:
        """In the copy that ends here, true; the original waits for it, and goes on."""
        root = self.ended or self
        moment = (*root.past, number)
        if not self.wants(moment):
            return False
        loop = asyncio.get_running_loop()
        if child := os.fork():
            _, status = os.waitpid(child, 0)
            assert status == 0, f"the copy that was killed at {moment} ended with {status}"
            return False
        gc.disable()  # a copy lives for a second, and shares what it does not write to
        asyncio._set_running_loop(loop)  # asyncio takes a loop for that of the process that set it
        root.past, root.fatal = moment, (*root.fatal, name)
        return True


def explored(plan: Plan, wants: Callable[[Moment], bool]) -> tuple[Result, list[End]]:
    """The play without a kill, and the ends of those that were killed where it was wanted."""
    with tempfile.TemporaryDirectory() as folder:
        ends, life = Path(folder) / "ends", Forking(wants=wants)
        result = story.play(plan, life)
        if life.past:
            with ends.open("a") as file:
                print(json.dumps((life.past, life.fatal, result.broken, result.end)), file=file)
            os._exit(0)
        rows = ends.read_text().splitlines() if ends.exists() else ()
        return result, [End(*map(_tuple, json.loads(row))) for row in rows]


def _tuple(row: list[T]) -> tuple[T, ...]:
    return tuple(row)


@dataclass(frozen=True, slots=True)
class Share:
    """Every ``share``-th point from ``first`` on, and ``pairs`` percent of all second kills."""

    name: str
    share: int
    first: int
    pairs: float

    def __call__(self, moment: Moment) -> bool:
        if len(moment) == 1:
            return moment[0] % self.share == self.first % self.share
        draw = Random(f"{self.name} {moment}").random()
        return len(moment) == 2 and 100 * draw < self.pairs


@dataclass(frozen=True, slots=True)
class Explored:
    """One scenario: how many points there are, how many were played, how many pairs; what broke."""

    name: str
    there: int
    singles: int
    pairs: int
    wrongs: tuple[str, ...]


def _one(task: tuple[int, int, int, float]) -> Explored:
    number, share, first, pairs = task
    scenario = [*scenarios()][number]
    clean, ends = explored(scenario.plan, Share(scenario.name, share, first + number, pairs))
    wrongs = [f"without a kill: {clean.broken[0]}"] if clean.broken else []
    wrongs += [f"killed {one}: {text}" for one in ends if (text := one.wrong(clean))]
    singles = sum(len(one.moment) == 1 for one in ends)
    return Explored(
        scenario.name, 2 * len(clean.effects), singles, len(ends) - singles, tuple(wrongs)
    )


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.sim.crashes", description=__doc__)
    parser.add_argument("--share", type=int, default=1)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--pairs", type=float, default=0.0, help="percent of second kills")
    parser.add_argument("--jobs", type=int, default=multiprocessing.cpu_count())
    parser.add_argument("--only", default="", help="scenarios whose names have this in them")
    given = parser.parse_args(argv)
    warnings.simplefilter("ignore", RuntimeWarning)  # what the dead never awaited
    names = [one.name for one in scenarios()]
    tasks = [
        (number, given.share, given.first, given.pairs)
        for number, name in enumerate(names)
        if given.only in name
    ]
    began, ended = time.monotonic(), list[Explored]()
    with multiprocessing.get_context("fork").Pool(given.jobs, maxtasksperchild=8) as pool:
        for one in pool.imap_unordered(_one, tasks):
            ended.append(one)
            print(
                f"{one.singles:5} of {one.there:5} points, {one.pairs:5} pairs  {one.name}",
                *one.wrongs,
                sep="\n    ",
                flush=True,
            )
    singles, there, pairs = (
        sum(getattr(one, what) for one in ended) for what in ("singles", "there", "pairs")
    )
    wrong = sum(len(one.wrongs) for one in ended)
    print(
        f"{singles} of {there} points and {pairs} pairs of {len(ended)} scenarios "
        f"in {time.monotonic() - began:.0f} s, {wrong} wrong"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
