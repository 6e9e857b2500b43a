"""The demo's shop on an API server that can be looked into, and a controller that can be killed."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from rollout.cli.lab import showcase
from rollout.cli.lab import up as lab
from rollout.cli.lab.push import Checkout
from rollout.lab.apiserver.server import ApiServer, kubeconfig
from rollout.lab.kube.client import Kube
from rollout.lab.load import Ask, Load
from rollout.lab.programs import processes
from rollout.lab.programs.processes import Child, free_port
from rollout.lab.world import Settings, World
from rollout.manifest import definition, schema
from tests.lab.journeys.harness import SLOW
from tests.lab.survival.commits import Commits

RATE = 150
QUICK = {
    "bake: 5s, timeBox: 12s": "bake: 3s, timeBox: 6s",
    "bake: 5s, timeBox: 30s": "bake: 3s, timeBox: 6s",
    "bakeAfterPromotion: 3s": "bakeAfterPromotion: 2s",
}
"""What makes the demo's manifest a test's: half the waiting."""

Json = Mapping[str, Any]


@dataclass
class Arena:
    """One world, one controller process at a time.

    ``recoveries``: seconds from each start of a controller to its first look that ended well.
    """

    world: World
    api: ApiServer
    commits: Commits
    checkout: Checkout
    folder: Path
    load: Load
    quick: bool
    recoveries: list[float] = field(default_factory=list)
    child: Child | None = None
    _watching: list[asyncio.Task[None]] = field(default_factory=list)

    async def push(self, revision: str) -> None:
        """Git asks for ``revision`` from now on."""
        text = showcase.manifest(revision)
        for found, wanted in QUICK.items() if self.quick else ():
            assert found in text
            text = text.replace(found, wanted)
        await self.checkout.push(showcase.FILE, text, f"shop: {revision}")

    async def start(self) -> None:
        """A controller runs; its first look is timed meanwhile."""
        began, door = _now(), f"127.0.0.1:{free_port()}"
        command = (
            *(sys.executable, "-m", "rollout", "--kubeconfig", self.world.kubeconfig, "run"),
            *("--prometheus", self.world.prometheus_url, "--istiod", self.world.syncz_url),
            *(
                "--cache",
                self.folder / "clones",
                "--policy",
                lab.local_policy(self.folder),
                "--listen",
                door,
            ),
        )
        log = self.folder / "controller.log"
        self.child = await processes.start("controller", command, log=log)
        self._watching.append(asyncio.create_task(self._timed(self.child, door, began)))

    def strike(self) -> None:
        """``kill -9`` of the controller alone: what it started stays behind, as it would."""
        assert self.child is not None
        if not self.child.ended:
            with contextlib.suppress(ProcessLookupError):  # dead already, and not heard of yet
                os.kill(self.child.pid, signal.SIGKILL)

    async def kill(self) -> None:
        """The controller is dead."""
        assert self.child is not None
        self.strike()
        while not self.child.ended:
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        for task in self._watching:
            task.cancel()
        await asyncio.gather(*self._watching, return_exceptions=True)
        if self.child is not None:
            await self.child.stop()

    @property
    def status(self) -> Json:
        """The stored status of the shop's Rollout; empty before the first."""
        return self.commits.status

    @property
    def stage(self) -> str:
        """The stored stage's name; empty before the first status."""
        return str((self.status.get("stage") or {}).get("name", ""))

    def _attempt(self) -> int:
        return int((self.status.get("attempt") or {}).get("number", 0))

    async def rests(self, seconds: float) -> Json:
        """The status once no journey is under way. Fails after ``seconds``, with last words."""
        until = _now() + seconds * SLOW
        while self.stage != "Idle" or not self.status.get("stable"):
            assert self.child is None or not self.child.ended or _now() < until, self._words()
            assert _now() < until, self._words()
            await asyncio.sleep(0.05)
        return self.status

    async def journey(self, revision: str, seconds: float) -> Json:
        """The status at the end of the journey that a push of ``revision`` began."""
        attempt = self._attempt()
        self.commits.forget()
        await self.push(revision)
        until = _now() + seconds * SLOW
        while self._attempt() == attempt:
            assert _now() < until, f"no journey began; {self._words()}"
            await asyncio.sleep(0.05)
        return await self.rests(until - _now())

    async def _timed(self, child: Child, door: str, began: float) -> None:
        async with aiohttp.ClientSession() as http:
            while not child.ended:
                await asyncio.sleep(0.02)
                with contextlib.suppress(aiohttp.ClientError, OSError):
                    async with http.get(f"http://{door}/metrics") as answer:
                        text = await answer.text()
                    if 'rollout_reconciles_total{result="success"}' in text:
                        self.recoveries.append(_now() - began)
                        return

    def _words(self) -> str:
        said = self.child.last_words() if self.child else ""
        return f"{self.status.get('stage')}: {self.status.get('because')}; controller: {said}"


@contextlib.asynccontextmanager
async def arena(folder: Path, *, quick: bool = True) -> AsyncIterator[Arena]:
    """The demo's shop with v1 stable, visitors on their way, and a controller at work.

    ``quick``: half the demo's waiting.
    """
    api = ApiServer()
    await api.start()
    kube = Kube(api.url)
    try:
        async with World(Settings(folder=folder, kube=kube)) as world:
            world.kubeconfig = folder / "kubeconfig"
            world.kubeconfig.write_text(kubeconfig(api.url))
            await _furnish(world)
            async with world.load(RATE, Ask(host=showcase.HOST)) as load:
                checkout = Checkout(world.git_url, folder / "checkout")
                made = Arena(world, api, Commits(api.store.ledger), checkout, folder, load, quick)
                try:
                    await _adopted(made)
                    yield made
                finally:
                    await made.stop()
    finally:
        await kube.close()
        await api.stop()


async def _furnish(world: World) -> None:
    for kind in schema.KINDS.values():
        await world.kube.apply(definition.crd(kind))
    await world.apply(*showcase.objects())
    await world.serving(showcase.HOST)


async def _adopted(made: Arena) -> None:
    """v1, which serves already, is known as stable."""
    await made.push("v1")
    await made.start()
    source = showcase.source(made.world.git_url)
    made.api.store.create("rolloutsources.rollout.dev", source)
    await made.rests(20)


def _now() -> float:
    return asyncio.get_running_loop().time()
