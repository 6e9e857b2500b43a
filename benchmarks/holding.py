"""What a process holds, sample by sample, and how fast that grows.

Samples of a process's memory follow from one another, so a line through all of them would seem
surer than it is; the medians of a dozen blocks hardly do.
"""

import asyncio
import gc
import itertools
import math
import os
import statistics
import sys
import threading
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

BLOCKS = 12
T = 2.228  # Student's t of 10 degrees of freedom: 95 in 100 are within it, on both sides
HELD = ("rss", "blocks", "tasks", "threads", "files")


@dataclass(frozen=True, slots=True)
class Sample:
    """What this process holds ``at`` a time, in seconds.

    ``rss`` in KiB; ``blocks``: pieces of memory that Python has given; ``late``: milliseconds by
    which the event loop was late to take it.
    """

    at: float
    rss: float
    blocks: int
    tasks: int
    threads: int
    files: int
    late: float


def sample(at: float, late: float = 0.0) -> Sample:
    """Of this process, whose event loop runs."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return Sample(
        at=at,
        rss=pages * os.sysconf("SC_PAGE_SIZE") / 1024,
        blocks=sys.getallocatedblocks(),
        tasks=len(asyncio.all_tasks()),
        threads=threading.active_count(),
        files=len(os.listdir("/proc/self/fd")),
        late=late * 1000,
    )


def told(samples: Sequence[Sample]) -> bool:
    """Prints how each of what is held went; whether any grows beyond chance."""
    return any([_line(name, samples) for name in (*HELD, "late")][:-1])


def _line(name: str, samples: Sequence[Sample]) -> bool:
    values = [float(getattr(each, name)) for each in samples]
    found = slope([(each.at / 3600, v) for each, v in zip(samples, values, strict=True)])
    print(
        f"{name:<8} {found} an hour, from {values[0]:.0f} to {values[-1]:.0f}, "
        f"median {statistics.median(values):.0f}, most {max(values):.0f}"
    )
    return found.grows


class Added:
    """Where what is added is made, if Python was begun with PYTHONTRACEMALLOC=N; else nothing."""

    def __init__(self) -> None:
        self._before: tracemalloc.Snapshot | None = None

    def begin(self) -> None:
        """What is held now is no news."""
        if tracemalloc.is_tracing():
            gc.collect()
            self._before = tracemalloc.take_snapshot()

    def tell(self) -> None:
        """Prints the places of which most is held beyond what was at the beginning."""
        if self._before is not None:
            gc.collect()
            for added in tracemalloc.take_snapshot().compare_to(self._before, "traceback")[:25]:
                print(added, *added.traceback.format(), sep="\n", file=sys.stderr)


@dataclass(frozen=True, slots=True)
class Slope:
    """``each``: what is added in a unit of time, give or take ``sure`` in 95 cases of 100."""

    each: float
    sure: float

    @property
    def grows(self) -> bool:
        """More than what chance alone would show."""
        return self.each > self.sure

    def __str__(self) -> str:
        return f"{self.each:+.1f} ± {self.sure:.1f}"


def slope(samples: Sequence[tuple[float, float]]) -> Slope:
    """The slope of ``samples``, each a time and a value, in order; at least ``BLOCKS`` of them."""
    size = len(samples) / BLOCKS
    cuts = [round(number * size) for number in range(BLOCKS + 1)]
    blocks = [samples[start:end] for start, end in itertools.pairwise(cuts)]
    times = [statistics.median(time for time, _ in block) for block in blocks]
    values = [statistics.median(value for _, value in block) for block in blocks]
    each, begin = statistics.linear_regression(times, values)
    off = sum((value - begin - each * time) ** 2 for time, value in zip(times, values, strict=True))
    spread = sum((time - statistics.fmean(times)) ** 2 for time in times)
    return Slope(each, T * math.sqrt(off / (BLOCKS - 2) / spread))
