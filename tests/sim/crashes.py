"""Killed before and after every single effect of many journeys, and home as if nothing had been.

``python -m tests.sim.crashes`` plays all of it; ``--share 10`` every tenth point.
"""

import argparse
import multiprocessing
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from tests.mortal import Life
from tests.sim import story
from tests.sim.plan import AUTHORS, STRATEGIES, WORKLOADS, Mishap, Plan, Setup, Subject, When
from tests.sim.story import Result

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


@dataclass(frozen=True, slots=True)
class Scenario:
    name: str
    plan: Plan


def scenarios() -> Iterator[Scenario]:
    """Every strategy in every shape, and everything that may come between."""
    for strategy in STRATEGIES:
        for author in AUTHORS:
            for workload in WORKLOADS if author == "role" else WORKLOADS[:1]:
                yield _scenario(f"{strategy}, {author}, {workload}", strategy, author, workload)
    for event, mishaps in _EVENTS.items():
        yield _scenario(f"steps, {event}", "steps", "role", "user", *mishaps)
    for sourced, chat in ((True, False), (False, True), (True, True)):
        name = f"steps, sourced {sourced}, chat {chat}"
        made = _scenario(name, "steps", "role", "user")
        setup = replace(made.plan.setup, sourced=sourced, chat=chat)
        yield Scenario(name, replace(made.plan, setup=setup))


def _scenario(name: str, strategy: str, author: str, workload: str, *more: Mishap) -> Scenario:
    subject = Subject(strategy, workload, author)
    setup = Setup((subject,), chat=strategy == "approved", calm=CALM, last="")
    return Scenario(name, Plan(1, setup, (_PUSH, *_ANSWERS.get(strategy, ()), *more)))


def points(clean: Result) -> int:
    """Where the first process may end: before and after each of its effects."""
    return 2 * len(clean.effects)


def killed(scenario: Scenario, point: int) -> Result:
    """The play whose first process ends at ``point``: even ones before an effect, odd after."""
    return story.play(scenario.plan, Life(point // 2 + 1, bool(point % 2)))


def wrong(clean: Result, other: Result) -> str:
    """What is not as without the kill; empty: all is."""
    if other.broken:
        return other.broken[0]
    if other.end != clean.end:
        return f"L3: it ended as {other.end}, and without the kill as {clean.end}"
    return ""


def _one(task: tuple[int, int, int]) -> tuple[str, int, int, list[str]]:
    """One scenario: how many points were played of how many, and what went wrong."""
    number, share, first = task
    scenario = [*scenarios()][number]
    clean = story.play(scenario.plan)
    bad = [f"{scenario.name}: {clean.broken}"] if clean.broken else []
    played = range((first + number) % share, points(clean), share)
    for point in played:
        if text := wrong(clean, killed(scenario, point)):
            side = "after" if point % 2 else "before"
            effect = clean.effects[point // 2]
            bad.append(f"{scenario.name}: killed {side} {point // 2 + 1}, {effect}: {text}")
    return scenario.name, len(played), points(clean), bad


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.sim.crashes", description=__doc__)
    parser.add_argument("--share", type=int, default=1)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=multiprocessing.cpu_count())
    given = parser.parse_args(argv)
    count, began = len([*scenarios()]), time.monotonic()
    tasks = [(number, given.share, given.first) for number in range(count)]
    played = there = 0
    bad: list[str] = []
    with multiprocessing.get_context("fork").Pool(given.jobs) as pool:
        for name, some, whole, wrongs in pool.imap_unordered(_one, tasks):
            played, there, bad = played + some, there + whole, [*bad, *wrongs]
            print(f"{some:5} of {whole:5} points  {name}", *wrongs, sep="\n    ", flush=True)
    seconds = time.monotonic() - began
    print(f"{played} of {there} points of {count} scenarios in {seconds:.0f} s, {len(bad)} wrong")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
