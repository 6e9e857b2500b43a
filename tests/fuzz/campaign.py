"""``make fuzz MINUTES=n``: all eight doors, by seeds, by Hypothesis and by Atheris.

Minutes are of CPU: on a machine that others use, too, as much is drawn, and it takes longer.
Prints a row a door: inputs, inputs a second, findings by kind, the slowest input's CPU time and
the most memory. Exit code 1 where anything was found, or where an input at a door of the
controller's loop took longer than 100 ms. Findings are files in the folder that is named.
"""

import argparse
import gc
import json
import os
import platform
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.drawn import drawn
from tests.fuzz.surfaces import GAP, ON_THE_LOOP, Surface, Watch, tried

BATCH = 1000
"""Inputs between two looks at the clock; Hypothesis remembers a whole run, so it is short."""
MEMORY = 2 << 30


@dataclass(frozen=True, slots=True)
class Row:
    """What one tool did at one door. ``cpu``, ``slowest``: seconds of CPU; ``memory``: bytes."""

    surface: Surface
    tool: str
    inputs: int
    seconds: float
    cpu: float
    slowest: float
    memory: int
    killed: str = ""

    def __str__(self) -> str:
        each = self.cpu / self.inputs * 1000 if self.inputs else 0
        told = f"{self.surface:<11} {self.tool:<10} {self.inputs:>9,} in {self.seconds:>5.0f} s"
        told += f" {each:>6.2f} ms each"
        slow = f"{self.slowest * 1000:>7.0f} ms {self.memory >> 20:>6} MiB"
        return f"{told} {slow}  {self.killed}".rstrip()


def by_seed(surface: Surface, folder: Path, seconds: float) -> Row:
    """Random bytes: nothing is learnt of them, and they cost nothing."""
    return _within(surface, folder, seconds, _seeded)


def by_hypothesis(surface: Surface, folder: Path, seconds: float) -> Row:
    """Bytes that Hypothesis draws: short ones, repeated ones, all of one kind."""
    return _within(surface, folder, seconds, lambda read: drawn(BATCH, read))


def _seeded(read: Callable[[bytes], None]) -> None:
    """A batch of inputs by a seed that is new each time."""
    draw = random.Random(os.urandom(8))
    for _ in range(BATCH):
        read(draw.randbytes(draw.randrange(2, 120)))


Draw = Callable[[Callable[[bytes], None]], None]


def _within(surface: Surface, folder: Path, seconds: float, draw: Draw) -> Row:
    """In a process of its own, within a limit of memory, for so many seconds of CPU."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    watch = Watch(surface, folder)
    tried(surface, b"")  # what is imported and read once is no input's doing
    gc.freeze()
    began, before = time.monotonic(), time.process_time()
    while time.process_time() - before < seconds:
        draw(watch.read)
    took, cpu = time.monotonic() - began, time.process_time() - before
    tool = "seeds" if draw is _seeded else "hypothesis"
    return Row(surface, tool, watch.inputs, took, cpu, watch.slowest, _memory())


def by_atheris(surface: Surface, folder: Path, seconds: float) -> Row:
    """By ``guided``, whose log says how far it came; libFuzzer knows no seconds but the clock's."""
    began, before = time.monotonic(), _children().ru_utime
    words = [str(surface), str(folder), "-1", str(max(1, round(seconds)))]
    command = [sys.executable, "-m", "tests.fuzz.guided", *words]
    with (folder / f"{surface}.guided.log").open("wb") as log:
        done = subprocess.run(command, stdout=log, stderr=log, check=False)
    told = json.loads((folder / f"{surface}.guided.json").read_text())
    killed = "" if done.returncode == 0 else f"ended with {done.returncode}; see its log"
    took, cpu = time.monotonic() - began, _children().ru_utime - before
    memory = _children().ru_maxrss << 10
    return Row(surface, "atheris", told["inputs"], took, cpu, told["slowest"], memory, killed)


def _children() -> resource.struct_rusage:
    return resource.getrusage(resource.RUSAGE_CHILDREN)


def _memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


SHARES = {by_seed: 0.7, by_hypothesis: 0.1, by_atheris: 0.2}
"""Of a door's time: what a tool draws with more thought costs it ten times as much."""


def rows(wanted: Sequence[Surface], folder: Path, seconds: float, processes: int) -> Iterator[Row]:
    """Each door by all three tools, so many at once."""
    with ProcessPoolExecutor(processes, max_tasks_per_child=1) as pool:
        jobs = [
            pool.submit(tool, surface, folder, seconds * share)
            for tool, share in SHARES.items()
            for surface in wanted
        ]
        for job in jobs:
            row = job.result()
            print(row, flush=True)
            yield row


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=8)
    parser.add_argument("--only", nargs="*", type=Surface, default=list(Surface))
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args()
    folder = asked.folder or Path(tempfile.mkdtemp(prefix="rollout-fuzz-"))
    folder.mkdir(exist_ok=True)
    seconds = asked.minutes * 60 * asked.processes / len(asked.only)
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    done = list(rows(asked.only, folder, seconds, asked.processes))
    findings = sorted(folder.glob("*-*.txt"))
    slow = [row for row in done if row.surface in ON_THE_LOOP and row.slowest > GAP]
    print(f"{sum(row.inputs for row in done):,} inputs, {len(findings)} findings in {folder}")
    for file in findings:
        print(f"  {file.name}: {file.read_text().splitlines()[0]}")
    for row in slow:
        print(f"  {row.surface}: {row.slowest * 1000:.0f} ms on the loop; {GAP * 1000:.0f} at most")
    return int(bool(findings or slow or any(row.killed for row in done)))


if __name__ == "__main__":
    sys.exit(main())
