"""An upgrade on the lab's mesh: asked for, followed, disturbed, with visitors all the while."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rollout.cli.lab import meshes
from rollout.cli.lab import up as cli
from rollout.lab.apiserver.faults import Call, hang
from rollout.lab.kube.client import POD, STATEFULSET, Object
from rollout.lab.load import Load
from rollout.lab.programs.processes import Child
from rollout.lab.revisions import injection
from rollout.lab.revisions.names import Revision
from rollout.lab.revisions.town import EDGE, GATEWAY, STORE, Town
from rollout.lab.world import World
from rollout.manifest import upgrades
from rollout.model.upgrading import UpgradeStatus

OLD, NEW = meshes.REVISIONS[:2]
PATIENCE = 1800.0  # seconds; a machine that does other work as well fails no upgrade
UPGRADES = "controlplaneupgrades.rollout.dev"
QUICK = {"maxConcurrent": 5, "bake": "2s", "timeBox": "6s"}
Holds = Callable[[UpgradeStatus], bool]
Start = Callable[[World], Awaitable[Child]]


@dataclass(slots=True)
class Upgrading:
    """``controller``: the process that is under way now; another one after ``killed``.

    ``start``: what begins one.
    """

    world: World
    town: Town
    controller: Child
    start: Start = cli.start_controller
    because: list[str] = field(default_factory=list)

    async def ask(self, **spec: Any) -> None:
        """The upgrade from OLD to NEW is asked for, all of it unless ``spec`` says otherwise."""
        found = meshes.upgrade("mesh", OLD.name, NEW.name)
        found["spec"] |= spec
        await self.world.kube.create(meshes.UPGRADE, found)

    async def request(self, verb: str) -> None:
        """As the CLI does: a request in the annotation."""
        note = {"metadata": {"annotations": {"rollout.dev/request": f"{verb}@lab"}}}
        await self.world.kube.patch(meshes.UPGRADE, "", "mesh", note)

    async def status(self) -> UpgradeStatus:
        found = upgrades.status(await self.world.kube.read(meshes.UPGRADE, "", "mesh"))
        if not self.because or self.because[-1] != found.because:
            self.because.append(found.because)
        return found

    async def until(self, what: str, holds: Holds) -> UpgradeStatus:
        """The first status for which ``holds``."""
        end = asyncio.get_running_loop().time() + PATIENCE
        while not holds(status := await self.status()):
            assert not self.controller.ended, self.controller.last_words()
            if asyncio.get_running_loop().time() > end:
                said = "\n  ".join(self.because[-20:])
                raise AssertionError(f"not {what}, in {status.state}:\n  {said}")
            await asyncio.sleep(0.05)
        return status

    async def held(self, what: str, holds: Holds) -> None:
        """The controller hangs in writing the next status, in the first state for which ``holds``.

        Until then it is left alone; what it had written before is done.
        """
        api, hanging = self.world.api, asyncio.Event()
        assert api is not None

        def now(call: Call) -> bool:
            if (call.verb, call.resource, call.subresource) != ("patch", UPGRADES, "status"):
                return False
            found = holds(upgrades.status(api.store.get(UPGRADES, "", call.name)))
            if found:
                hanging.set()
            return found

        api.faults.order(hang(PATIENCE), now)
        try:
            await asyncio.wait_for(hanging.wait(), PATIENCE)
        except TimeoutError:
            raise AssertionError(f"never {what}: {(await self.status()).because}") from None

    async def killed(self) -> None:
        """``kill -9``, and another controller at once."""
        await self.controller.kill()
        self.controller = await self.start(self.world)

    async def revisions(self) -> Mapping[str, set[str]]:
        """By namespace of the town: whose proxies its pods have."""
        found: dict[str, set[str]] = {each: set() for each in self.town.namespaces}
        for pod in (await self.world.kube.list(POD))[0]:
            space = pod["metadata"]["namespace"]
            if space in found and not pod["metadata"].get("deletionTimestamp"):
                found[space].add(injection.revision_of(pod))
        return found

    def visited(self, rate: float) -> Load:
        return self.world.edge_load(rate, EDGE, GATEWAY, self.town.asks())

    async def snapshot(self) -> dict[str, Object]:
        return await meshes.snapshot(self.world.kube)


@contextlib.asynccontextmanager
async def upgrading(
    world: World,
    town: Town,
    revisions: tuple[Revision, ...] = (OLD, NEW),
    start: Start = cli.start_controller,
) -> AsyncIterator[Upgrading]:
    """The town lives at its revision, which is the default, and a controller looks on."""
    for revision in revisions:
        await world.revisions.install(revision)
    await world.revisions.tag("default", revisions[0])
    await world.apply(*town.objects())
    for space in town.namespaces:
        for name in town.names:
            await world.settled(space, name)
    await world.settled(EDGE, GATEWAY)
    if town.sets:
        store = (STATEFULSET, town.namespaces[0], STORE)
        while (await world.kube.read(*store)).get("status", {}).get("readyReplicas") != 2:
            await asyncio.sleep(0.1)
        await world.pushed()
    made = Upgrading(world, town, await start(world), start)
    try:
        yield made
    finally:
        await made.controller.stop()
