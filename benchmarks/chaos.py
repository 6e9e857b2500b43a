"""How long nobody leads, and what it costs, while replicas are killed, stopped and ended at random.

``python -m benchmarks.chaos [--strikes N] [--seed N]``: journeys on a real kube-apiserver under two
replicas that share two Leases. Exit code 1 if a law was broken.
``python -m benchmarks.chaos --cores``: what CPU each of two processes uses, with one Lease and two.
"""

import argparse
import asyncio
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from benchmarks import processes
from rollout.cli.manifests import rbac
from tests.chaos import witness
from tests.chaos.mishaps import Play, Stage
from tests.chaos.plane import Plane
from tests.cluster.conftest import controlled, serving

KINDS = ("kill -9", "SIGTERM", "SIGSTOP for 12 s")
STOPPED = 12.0
ROUND = 8  # strikes while one set of journeys runs, at most
BUSY = [f"shop-{number}" for number in range(5)]
SPACES = 8


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--strikes", type=int, default=40)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--cores", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for real, audit in serving(Path(folder)):
            plane = Plane(real, Path(folder))
            work = _cores(plane, audit) if given.cores else _struck(plane, audit, given)
            return asyncio.run(work)
    return 1


async def _struck(plane: Plane, audit: Path, given: argparse.Namespace) -> int:
    drawn = random.Random(given.seed)
    waits: dict[str, list[float]] = {kind: [] for kind in KINDS}
    journeys = commits = broken = 0
    print(f"seed {given.seed}")
    async with _stage(plane, audit) as stage:
        while (left := given.strikes - sum(map(len, waits.values()))) > 0:
            async with stage.play() as play:
                await play.push()
                for _ in range(min(left, ROUND)):
                    kind = drawn.choice(KINDS)
                    waits[kind].append(await _strike(play, kind, drawn.randrange(2)))
                    await asyncio.sleep(drawn.uniform(0, 2))
                await play.arrives()
                await play.recorded()
                found = witness.broken(play.rollouts, play.routes)
                print(*found, sep="\n", end="\n" if found else "")
                broken += len(found)
                journeys += len(play.scenes) * len(play.names)
                commits += len(play.rollouts) + len(play.routes)
    for kind, seconds in waits.items():
        print(f"{kind}: {_line(seconds)}")
    print(f"journeys {journeys}, versions looked at {commits}, laws broken {broken}")
    return int(broken > 0)


async def _strike(play: Play, kind: str, place: int) -> float:
    """Seconds from the strike until another process has the Lease; both are at work before."""
    await play.fleet.settles()
    pod = await play.fleet.leads(place)
    pid, began = pod.pid, time.monotonic()
    number = {KINDS[0]: signal.SIGKILL, KINDS[1]: signal.SIGTERM}.get(kind, signal.SIGSTOP)
    pod.send(number)
    while (await play.fleet.leads(place)).pid == pid:
        await asyncio.sleep(0.02)
    waited = time.monotonic() - began
    if number is signal.SIGSTOP:
        await asyncio.sleep(max(0.0, STOPPED - waited))
        os.kill(pid, signal.SIGCONT)
    return waited


def _line(seconds: Sequence[float]) -> str:
    if not seconds:
        return "none"
    ordered = sorted(seconds)
    middle, late, most = (ordered[int(len(ordered) * part)] for part in (0.5, 0.9, 0.999))
    told = f"{middle:.1f} s (median), {late:.1f} s (p90), {most:.1f} s (longest)"
    return f"{len(seconds)} times, nobody led for {told}"


async def _cores(plane: Plane, audit: Path) -> int:
    async with _stage(plane, audit) as stage:
        for shards in (1, 2):
            async with stage.play(BUSY, SPACES, shards=shards) as play:
                pods = list(play.fleet.pods.values())
                before, began = [processes.cpu(pod.pid) for pod in pods], time.monotonic()
                await play.push()
                await play.arrives()
                used = sorted(
                    processes.cpu(p.pid) - then for p, then in zip(pods, before, strict=True)
                )
                took = time.monotonic() - began
                many, parts = len(BUSY) * SPACES, ", ".join(f"{each:.1f} s" for each in used)
                print(
                    f"--shards {shards}: {many} journeys in {took:.0f} s; CPU of the two: {parts}"
                )
    return 0


@asynccontextmanager
async def _stage(plane: Plane, audit: Path) -> AsyncIterator[Stage]:
    with tempfile.TemporaryDirectory() as folder:
        async with controlled(plane.real, audit) as control:
            await control.granted(*rbac.manifests("", rbac.OWN))
            yield Stage(plane, control, Path(folder))


if __name__ == "__main__":
    sys.exit(main())
