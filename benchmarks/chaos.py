"""How long nobody leads, and what it costs, while replicas are killed, stopped and ended at random.

``python -m benchmarks.chaos [--strikes N] [--seed N]``: journeys on a real kube-apiserver under two
replicas that share two Leases. Exit code 1 if a law was broken.
``python -m benchmarks.chaos --cores``: what CPU each of two processes uses, with one Lease and two.
"""

import argparse
import asyncio
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import processes
from rollout.cli.manifests import rbac
from rollout.controller import rights
from rollout.controller.leader import LEASE
from rollout.controller.sharing import shard
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


@dataclass(frozen=True, slots=True)
class Strike:
    """One leader that was struck, ``at`` a time of the wall clock, and who came after it.

    ``age``: seconds since the Lease was renewed last; ``waited``: until another process had it.
    ``heir``: the log of whoever followed. ``load``: how many wanted a core, as the machine says.
    """

    kind: str
    place: int
    at: datetime
    age: float
    waited: float
    heir: Path
    load: float

    @property
    def bar(self) -> float:
        return 2.0 if self.kind == "SIGTERM" else 10.0

    @property
    def late(self) -> float:
        """Seconds of it after the Lease was over, or was to be given back."""
        return self.waited - (0.0 if self.kind == "SIGTERM" else max(0.0, LEASE - self.age))

    @property
    def looked(self) -> float | None:
        """Seconds from when the heir led until it told of an object there; None: nothing to."""
        lines = [json.loads(line) for line in self.heir.read_text().splitlines()]
        since = [line for line in lines if datetime.fromisoformat(line["time"]) > self.at]
        name = rights.leases(2)[self.place]
        leads = [line for line in since if line["event"] == "leads" and line["object"] == name]
        if not leads:
            return None
        told = (line for line in since[since.index(leads[0]) :] if self._about(line))
        first = next(told, None)
        return first and _passed(leads[0]["time"], first["time"])

    def _about(self, line: Mapping[str, str]) -> bool:
        space = line.get("rollout", "").partition("/")[0]
        return bool(space) and shard(space, 2) == self.place


def _passed(since: str, until: str) -> float:
    return (datetime.fromisoformat(until) - datetime.fromisoformat(since)).total_seconds()


async def _struck(plane: Plane, audit: Path, given: argparse.Namespace) -> int:
    drawn = random.Random(given.seed)
    strikes: list[Strike] = []
    looked: list[float] = []
    journeys = commits = broken = 0
    print(f"seed {given.seed}", flush=True)
    async with _stage(plane, audit) as stage:
        while (left := given.strikes - len(strikes)) > 0:
            async with stage.play() as play:
                await play.push()
                begun = len(strikes)
                for _ in range(min(left, ROUND)):
                    kind = drawn.choice(KINDS)
                    strike = await _strike(play, kind, drawn.randrange(2))
                    strikes.append(strike)
                    _tell(strike)
                    await asyncio.sleep(drawn.uniform(0, 2))
                await play.arrives()
                await play.recorded()
                firsts = (strike.looked for strike in strikes[begun:])
                looked += [seconds for seconds in firsts if seconds is not None]
                found = witness.broken(play.rollouts, play.routes)
                print(*found, sep="\n", end="\n" if found else "")
                broken += len(found)
                journeys += len(play.scenes) * len(play.names)
                commits += len(play.rollouts) + len(play.routes)
    for kind in KINDS:
        of = [strike for strike in strikes if strike.kind == kind]
        print(f"{kind}: nobody led for {_line([one.waited for one in of])}")
        print(f"  of it after the Lease was over: {_line([one.late for one in of])}")
    print(f"the heir led until it told of a first object: {_line(looked)}")
    print(f"journeys {journeys}, versions looked at {commits}, laws broken {broken}")
    return int(broken > 0)


async def _strike(play: Play, kind: str, place: int) -> Strike:
    """Both replicas are at work before."""
    await play.fleet.settles()
    pod = await play.fleet.leads(place)
    age = await play.fleet.age(place)
    pid, began, at = pod.pid, time.monotonic(), datetime.now(UTC)
    number = {KINDS[0]: signal.SIGKILL, KINDS[1]: signal.SIGTERM}.get(kind, signal.SIGSTOP)
    pod.send(number)
    while (heir := await play.fleet.leads(place)).pid == pid:
        await asyncio.sleep(0.02)
    waited = time.monotonic() - began
    if number is signal.SIGSTOP:
        await asyncio.sleep(max(0.0, STOPPED - waited))
        os.kill(pid, signal.SIGCONT)
    return Strike(kind, place, at, age, waited, heir.log, os.getloadavg()[0])


def _tell(strike: Strike) -> None:
    bar = "" if strike.waited <= strike.bar else f"  over {strike.bar:g} s"
    renewed = f"renewed {strike.age:.1f} s before, load {strike.load:.0f}"
    print(f"{strike.kind:<16} {strike.waited:5.1f} s  {renewed}{bar}", flush=True)


def _line(seconds: Sequence[float]) -> str:
    if not seconds:
        return "none"
    ordered = sorted(seconds)
    middle, late, most = (ordered[int(len(ordered) * part)] for part in (0.5, 0.9, 0.999))
    told = f"{middle:.1f} s (median), {late:.1f} s (p90), {most:.1f} s (longest)"
    return f"{told}, {len(seconds)} times"


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
