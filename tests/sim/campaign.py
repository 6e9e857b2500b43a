"""Many seeds on every core: what was reached is counted, what broke is shrunk and saved."""

import argparse
import multiprocessing
import platform
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rollout.model.reasons import Cause, PauseKind, WaitsFor
from rollout.model.status import PHASE_MAY_FOLLOW, STAGE_MAY_FOLLOW
from tests.sim import plan, shrink, story
from tests.sim.plan import Plan
from tests.sim.wire import REQUEST_FAULTS

FOUND = Path(__file__).parent / "found"
"""Where plans that broke a law are kept, for good once the fault is mended."""
NOT_PLAYED = {
    # Nothing of these is in the worlds of seeds; scenes, the lab and the stories have them.
    "waits for Records", "waits for Caches", "waits for Share", "waits for Cluster",
    "pause Unopened", "pause StableWorse",
}  # fmt: skip


REJECTS = (Cause.ANALYSIS_FAILED, Cause.REJECTED, Cause.ABORTED, Cause.PODS_NOT_READY)
"""Causes that stay in a status; the others are told once, and gone."""


@dataclass(frozen=True, slots=True)
class Brief:
    """What of a play is sent home from another process."""

    seed: int
    broken: tuple[str, ...]
    digest: str
    fired: Counter[str]
    edges: Counter[str]
    virtual: float
    cpu: float


@dataclass(slots=True)
class Tally:
    """A whole campaign."""

    seeds: int = 0
    broken: list[Brief] = field(default_factory=list)
    fired: Counter[str] = field(default_factory=Counter)
    edges: Counter[str] = field(default_factory=Counter)
    virtual: float = 0.0
    cpu: float = 0.0

    def add(self, brief: Brief) -> None:
        self.seeds += 1
        self.fired += brief.fired
        self.edges += brief.edges
        self.virtual += brief.virtual
        self.cpu += brief.cpu
        if brief.broken:
            self.broken.append(brief)

    def never(self) -> list[str]:
        """What should have happened in a campaign of some thousand seeds, and did not."""
        wanted = {*plan.ALL, *(f"met {what}" for what in REQUEST_FAULTS)}
        edges = edges_there_are() - NOT_PLAYED
        return sorted(wanted - set(self.fired)) + sorted(edges - set(self.edges))


def edges_there_are() -> set[str]:
    """Every edge of the two tables, and every closed reason, as ``Laws`` counts them."""
    found = {f"phase {a} -> {b}" for a, after in PHASE_MAY_FOLLOW.items() for b in after}
    found |= {f"stage {a} -> {b}" for a, after in STAGE_MAY_FOLLOW.items() for b in after}
    found |= {f"waits for {one}" for one in WaitsFor}
    found |= {f"pause {one}" for one in PauseKind}
    return found | {f"cause {one}" for one in REJECTS}


def one(seed: int) -> Brief:
    began = time.process_time()
    made = story.play(plan.drawn(seed))
    return Brief(
        seed,
        made.broken,
        made.digest,
        made.fired,
        made.edges,
        made.seconds,
        time.process_time() - began,
    )


def briefs(seeds: Iterable[int], jobs: int) -> Iterator[Brief]:
    """Every seed's brief, as they come."""
    if jobs == 1:
        yield from map(one, seeds)
        return
    with multiprocessing.get_context("fork").Pool(jobs) as pool:
        yield from pool.imap_unordered(one, seeds)


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="make sim", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--from", dest="first", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=multiprocessing.cpu_count())
    parser.add_argument("--replay", type=Path, help="one saved plan instead, with its whole log")
    given = parser.parse_args(argv)
    if given.replay:
        return _replay(plan.read(given.replay.read_text()))
    tally, began = Tally(), time.monotonic()
    for brief in briefs(range(given.first, given.first + given.seeds), given.jobs):
        tally.add(brief)
        for line in brief.broken[:1]:
            print(f"seed {brief.seed}: {line}", flush=True)
    _report(tally, time.monotonic() - began, given)
    for brief in tally.broken[:5]:
        _save(brief)
    return 1 if tally.broken else 0


def _report(tally: Tally, seconds: float, given: argparse.Namespace) -> None:
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    last = given.first + given.seeds - 1
    print(f"seeds {given.first} to {last}, {given.jobs} processes, commit {commit}")
    print(f"python {platform.python_version()}, {platform.machine()}, {platform.system()}")
    print(f"{len(tally.broken)} broke a law")
    print(
        f"{60 * tally.seeds / seconds:.0f} seeds a minute "
        f"({1000 * tally.cpu / tally.seeds:.0f} ms of CPU each); "
        f"{tally.virtual / 3600:.0f} hours of the worlds' time, {tally.virtual / seconds:.0f} x"
    )
    print(f"mishaps: {sum(n for k, n in tally.fired.items() if not k.startswith('met '))}")
    for what, count in sorted(tally.fired.items()):
        print(f"  {count:7} {what}")
    reached = set(tally.edges) & edges_there_are()
    print(f"edges and reasons: {len(reached)} of {len(edges_there_are() - NOT_PLAYED)} played")
    for what, count in sorted(tally.edges.items()):
        print(f"  {count:7} {what}")
    for what in tally.never():
        print(f"  never   {what}")


def _save(brief: Brief) -> None:
    small = shrink.shrunk(plan.drawn(brief.seed))
    FOUND.mkdir(exist_ok=True)
    path = FOUND / f"seed-{brief.seed}.json"
    path.write_text(small.text() + "\n")
    print(f"seed {brief.seed}: {len(small.mishaps)} mishaps are enough: {path}")


def _replay(saved: Plan) -> int:
    made = story.play(saved)
    print("\n".join(made.story))
    print("broken:", *made.broken, sep="\n  ")
    return 1 if made.broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
