"""``make fuzz MINUTES=n``: all eight doors, half the time by Atheris and half by Hypothesis.

Prints a row a door: inputs, inputs a second, findings by kind, the slowest input's CPU time and
the most memory. Exit code 1 where anything was found, or where an input at a door of the
controller's loop took longer than 100 ms. Findings are files in the folder that is named.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.drawn import drawn
from tests.fuzz.surfaces import ON_THE_LOOP, Finding, Surface

GAP = 0.1
"""Seconds for which one input may keep the loop busy."""
BATCH = 2000
"""Inputs that Hypothesis draws at a time: it remembers all of a run."""
MEMORY = 2 << 30


@dataclass(frozen=True, slots=True)
class Row:
    """What one tool did at one door. ``slowest``: CPU seconds; ``memory``: bytes."""

    surface: Surface
    tool: str
    inputs: int
    seconds: float
    slowest: float
    memory: int
    killed: str = ""

    def __str__(self) -> str:
        rate = self.inputs / self.seconds if self.seconds else 0
        told = f"{self.surface:<11} {self.tool:<10} {self.inputs:>9,} {rate:>8,.0f}/s"
        slow = f"{self.slowest * 1000:>7.0f} ms {self.memory >> 20:>6} MiB"
        return f"{told} {slow}  {self.killed}".rstrip()


def by_hypothesis(surface: Surface, folder: Path, seconds: float) -> Row:
    """In a process of its own, within a limit of memory."""
    from tests.fuzz import surfaces  # noqa: PLC0415 - timed below, in the child alone

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    began, known = time.monotonic(), set[str]()
    inputs, slowest = 0, 0.0
    read = surfaces.READ[surface]

    def timed(data: bytes) -> None:
        nonlocal inputs, slowest
        inputs += 1
        start = time.thread_time()
        try:
            read(data)
        finally:
            slowest = max(slowest, time.thread_time() - start)

    surfaces.READ[surface] = timed

    def found(finding: Finding) -> None:
        if finding.where not in known:
            known.add(finding.where)
            kept(folder, finding)

    while time.monotonic() - began < seconds:
        drawn(surface, BATCH, found)
    return Row(surface, "hypothesis", inputs, time.monotonic() - began, slowest, _memory())


def kept(folder: Path, finding: Finding) -> None:
    """The input as a file, and its story beside it."""
    file = folder / f"{finding.surface}-{finding.name}"
    file.write_bytes(finding.data)
    story = f"{finding.where}\n{finding.story}"
    file.with_suffix(".txt").write_text(story, "utf-8", "replace")


def by_atheris(surface: Surface, folder: Path, seconds: float) -> Row:
    """By ``guided``, whose log says how far it came."""
    began = time.monotonic()
    words = [str(surface), str(folder), "-1", str(round(seconds))]
    command = [sys.executable, "-m", "tests.fuzz.guided", *words]
    with (folder / f"{surface}.guided.log").open("wb") as log:
        done = subprocess.run(command, stdout=log, stderr=log, check=False)
    told = json.loads((folder / f"{surface}.guided.json").read_text())
    killed = "" if done.returncode == 0 else f"ended with {done.returncode}; see its log"
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss << 10
    took = time.monotonic() - began
    return Row(surface, "atheris", told["inputs"], took, told["slowest"], memory, killed)


def _memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def rows(wanted: Sequence[Surface], folder: Path, seconds: float) -> Iterator[Row]:
    """Each door by both tools, as many at once as there are cores."""
    with ProcessPoolExecutor(os.cpu_count(), max_tasks_per_child=1) as pool:
        jobs = [
            pool.submit(tool, surface, folder, seconds / 2)
            for surface in wanted
            for tool in (by_atheris, by_hypothesis)
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
    asked = parser.parse_args()
    folder = asked.folder or Path(tempfile.mkdtemp(prefix="rollout-fuzz-"))
    folder.mkdir(exist_ok=True)
    seconds = asked.minutes * 60 * (os.cpu_count() or 1) / len(asked.only)
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    done = list(rows(asked.only, folder, seconds))
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
