"""Which plays come by which lines: a planted bug is looked for where its guard is asked at all."""

import importlib
import multiprocessing
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Any

from tests.sim import plan, story
from tests.sim.crashes import scenarios
from tests.sim.plan import Plan

Lines = frozenset[tuple[str, int]]
"""Room and line number."""


@dataclass(frozen=True, slots=True)
class Reach:
    """One play, the lines of the rooms that it runs, and what it costs in seconds of CPU.

    A play that breaks a law without any planted bug could find none, and has no lines.
    """

    plan: Plan
    lines: Lines
    cost: float


def plays(seeds: int) -> Iterator[Plan]:
    """The scenarios of the crashes, and seeds."""
    yield from (one.plan for one in scenarios())
    yield from map(plan.drawn, range(1, seeds + 1))


def reaches(rooms: Sequence[str], seeds: int, jobs: int) -> list[Reach]:
    """What each play reaches, the cheapest first."""
    tasks = [(one, tuple(rooms)) for one in plays(seeds)]
    with multiprocessing.get_context("fork").Pool(jobs) as pool:
        return sorted(pool.map(_traced, tasks, chunksize=1), key=lambda one: one.cost)


def _traced(task: tuple[Plan, tuple[str, ...]]) -> Reach:
    asked, rooms = task
    files = {importlib.import_module(room).__file__: room for room in rooms}
    found: set[tuple[str, int]] = set()

    def called(frame: FrameType, _: str, __: Any) -> Any:
        room = files.get(frame.f_code.co_filename)
        if room is None:
            return None

        def line(inner: FrameType, event: str, _: Any) -> Any:
            if event == "line":
                found.add((room, inner.f_lineno))
            return line

        return line

    began = time.process_time()
    sys.settrace(called)
    try:
        unspoilt = story.play(asked)
    finally:
        sys.settrace(None)
    lines = frozenset() if unspoilt.broken else frozenset(found)
    return Reach(asked, lines, time.process_time() - began)
