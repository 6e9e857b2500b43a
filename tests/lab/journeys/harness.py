"""One rollout on the real mesh: applied, pushed, waited for, visited and asked, as people would."""

import asyncio
import math
import secrets
from collections.abc import Awaitable, Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from rollout.lab.kube.client import (
    DEPLOYMENT,
    DESTINATIONRULE,
    VIRTUALSERVICE,
    ApiRefusedError,
    Kind,
    Object,
)
from rollout.lab.load import Ask, Load, Tally
from rollout.lab.programs.processes import Child
from rollout.lab.world import World
from rollout.manifest import record
from rollout.model.status import RolloutStatus, Stage
from tests.lab.journeys.shop import Shop

ROLLOUT = Kind("rollout.dev", "v1alpha1", "rollouts", "Rollout")
EVENT = Kind("", "v1", "events", "Event")
CONFIGMAP = Kind("", "v1", "configmaps", "ConfigMap")
PATIENCE = 25.0  # seconds for any one thing to happen; most take one
SLOW = 10  # a machine that does other work as well fails no journey
SIGMAS = 5  # of a binomial share: a right split is outside once in two million times
QUIET: Mapping[str, Any] = {"metrics": [], "interval": "1s"}
"""An analysis for tests of routes: nothing is judged, so steps last as long as we say."""
LIMITED: Mapping[str, Any] = {
    "interval": "1s",
    "warmup": "1s",
    "metrics": [{"name": "errors"}, {"name": "slo", "successRate": {"min": "95%"}}],
}
"""One metric compares with stable; once stable has no traffic, only the limit can judge."""

Holds = Callable[[RolloutStatus], bool]


@dataclass(slots=True)
class Lab:
    """The world with the controller that watches it, shared by all journeys of a session."""

    world: World
    controller: Child

    def complaints(self, namespace: str) -> str:
        """The controller's last warnings that name ``namespace``."""
        log = self.world.kubeconfig.parent / "controller.log"
        lines = log.read_text(errors="replace").splitlines()
        mine = [x for x in lines if namespace in x and '"info"' not in x]
        return "\n".join(x[-3000:] for x in mine[-4:])


@dataclass(slots=True)
class Journey:
    """One Rollout called ``shop`` in a namespace of its own."""

    lab: Lab
    shop: Shop
    seen: list[str] = field(default_factory=list)

    @property
    def world(self) -> World:
        return self.lab.world

    def beside(self, what: str) -> "Journey":
        """Another rollout in a namespace of its own; whoever asks for it must end it."""
        return Journey(self.lab, Shop(f"{self.shop.namespace}-{what}"))

    async def begin(self, *objects: Object, **spec: Any) -> RolloutStatus:
        """The shop stands and serves; then its Rollout is applied, and adopted."""
        await self.world.apply(*objects)
        await self.pods_settled()
        await self.world.pushed()
        await self.rollout(**spec)
        return await self.until("adopted", lambda s: s.stable is not None and idle(s))

    async def rollout(self, name: str = "shop", **spec: Any) -> None:
        whole = {
            "service": "shop",
            "workload": {"deployments": "shop-{revision}", "drain": "1s"},
            "analysis": QUIET,
        } | spec
        if "template" not in whole["workload"]:
            whole.setdefault("revision", "v1")
        meta = {"name": name, "namespace": self.shop.namespace}
        await self.world.kube.create(ROLLOUT, {"metadata": meta, "spec": whole})

    async def push(self, revision: str) -> None:
        await self.change({"spec": {"revision": revision}})

    async def change(self, patch: Object, name: str = "shop") -> None:
        await self.world.kube.patch(ROLLOUT, self.shop.namespace, name, patch)

    async def ask(self, verb: str, name: str = "shop") -> None:
        """As the CLI does: a request in the annotation; answered when this returns."""
        text = f"{verb}@{secrets.token_hex(4)}"
        await self.change({"metadata": {"annotations": {"rollout.dev/request": text}}}, name)
        await self.until(text, lambda s: s.last_handled_request == text, name=name)

    async def status(self, name: str = "shop") -> RolloutStatus:
        return record.status(await self.read(ROLLOUT, name))

    async def until(
        self, what: str, holds: Holds, seconds: float = PATIENCE, name: str = "shop"
    ) -> RolloutStatus:
        """The first status for which ``holds``; every sentence on the way is kept in ``seen``."""
        found: RolloutStatus | None = None

        async def so() -> bool:
            nonlocal found
            found = await self.status(name)
            if not self.seen or self.seen[-1] != found.because:
                self.seen.append(found.because)
            return holds(found)

        try:
            await until(what, so, seconds)
        except TimeoutError:
            told = "\n  ".join(self.seen[-12:])
            where = f"{found and found.stage} {found and found.stage.split}"
            log = self.lab.complaints(self.shop.namespace)
            text = f"not {what} within {seconds} s, {where}:\n  {told}\n{log}"
            raise AssertionError(text) from None
        assert found is not None
        return found

    async def at_step(self, index: int, seconds: float = PATIENCE) -> RolloutStatus:
        """At that step, and the proxies have it."""

        def there(status: RolloutStatus) -> bool:
            step = status.attempt.step.index if status.attempt.step else None
            here = status.stage.name is Stage.STEPPING and step == index
            return here and status.stage.confirmed_at is not None

        return await self.until(f"at step {index}", there, seconds)

    async def approve(self, index: int) -> RolloutStatus:
        """The step we are at is approved; ends when step ``index`` is confirmed."""
        await self.ask("approve")
        return await self.at_step(index)

    async def promoted(self, revision: str, seconds: float = PATIENCE) -> RolloutStatus:
        def done(status: RolloutStatus) -> bool:
            return idle(status) and status.stable is not None and status.stable.name == revision

        return await self.until(f"{revision} promoted", done, seconds)

    async def rejected(self, revision: str, seconds: float = PATIENCE) -> RolloutStatus:
        def done(status: RolloutStatus) -> bool:
            found = status.rejected
            return idle(status) and found is not None and found.revision.name == revision

        return await self.until(f"{revision} rejected", done, seconds)

    async def visit(self, count: int, host: str = "", **ask: Any) -> Tally:
        """``count`` visitors at the gateway, and who answered them."""
        asking = Ask(host=host or self.shop.host, **ask)
        async with Load(self.world.gateway_url, 0, asking) as load:
            return await load.send(count)

    async def call(self, count: int, host: str = "", **ask: Any) -> Tally:
        """``count`` callers inside the mesh."""
        asking = Ask(host=host or f"shop.{self.shop.namespace}", **ask)
        async with Load(self.world.mesh_url, 0, asking) as load:
            return await load.send(count)

    def load(self, rps: float, **ask: Any) -> Load:
        return self.world.load(rps, Ask(host=self.shop.host, **ask))

    async def read(self, kind: Kind, name: str = "shop") -> Object:
        return await self.world.kube.read(kind, self.shop.namespace, name)

    async def there(self, kind: Kind, name: str) -> bool:
        try:
            await self.read(kind, name)
        except ApiRefusedError:
            return False
        return True

    async def patch(self, kind: Kind, patch: Object, name: str = "shop") -> None:
        await self.world.kube.patch(kind, self.shop.namespace, name, patch)

    async def delete(self, kind: Kind, name: str = "shop") -> None:
        await self.world.kube.delete(kind, self.shop.namespace, name)

    async def mesh(self) -> list[Object]:
        """Our namespace's VirtualServices and DestinationRules, as people would compare them."""
        found = [
            obj
            for kind in (VIRTUALSERVICE, DESTINATIONRULE)
            for obj in (await self.world.kube.list(kind))[0]
            if obj["metadata"]["namespace"] == self.shop.namespace
        ]
        return [without_bookkeeping(obj) for obj in found]

    async def given_back(self, before: list[Object], revision: str) -> None:
        """All is as it was ``before``, but that subset ``stable`` means ``revision``."""
        wanted = deepcopy(before)
        for obj in wanted:
            for subset in obj["spec"].get("subsets", ()):
                if subset["name"] == "stable":
                    subset["labels"] = {"version": revision}
        now: list[Object] = []

        async def so() -> bool:
            now[:] = await self.mesh()
            return now == wanted

        try:
            await until("given back", so, 10)
        except TimeoutError:
            assert now == wanted

    async def pods_settled(self) -> None:
        for obj in (await self.world.kube.list(DEPLOYMENT))[0]:
            if obj["metadata"]["namespace"] == self.shop.namespace:
                await self.world.settled(self.shop.namespace, obj["metadata"]["name"])

    async def deleted(self, name: str = "shop", seconds: float = PATIENCE) -> None:
        """The Rollout is deleted, and gone."""
        await self.delete(ROLLOUT, name)

        async def gone() -> bool:
            return not await self.there(ROLLOUT, name)

        await until("the rollout is gone", gone, seconds)

    async def ended(self) -> None:
        """Nothing of the namespace is left to disturb the next journey."""
        for kind in (ROLLOUT, VIRTUALSERVICE, DESTINATIONRULE, DEPLOYMENT):
            for obj in (await self.world.kube.list(kind))[0]:
                if obj["metadata"]["namespace"] == self.shop.namespace:
                    if kind is ROLLOUT:
                        await self.deleted(obj["metadata"]["name"])
                    else:
                        await self.delete(kind, obj["metadata"]["name"])


def idle(status: RolloutStatus) -> bool:
    """Nobody is under way, and the proxies have all that they were told."""
    waits = status.stage.asked_at is not None and status.stage.confirmed_at is None
    return status.stage.name is Stage.IDLE and not waits


def within(tally: Tally, version: str, share: float) -> bool:
    """Whether ``version``'s share is what ``share`` gives, chance left aside."""
    margin = SIGMAS * math.sqrt(share * (1 - share) / max(1, tally.requests))
    return abs(tally.share(version) - share) <= margin


async def until(what: str, so: Callable[[], Awaitable[bool]], seconds: float = PATIENCE) -> None:
    """``seconds``: of a quiet machine; a busy one gets ``SLOW`` times as many.

    Errors: TimeoutError names what did not happen.
    """
    clock = asyncio.get_running_loop().time
    end = clock() + seconds * SLOW
    while not await so():
        if clock() > end:
            raise TimeoutError(f"not within {seconds} s: {what}")
        await asyncio.sleep(0.05)


def without_bookkeeping(obj: Object) -> Object:
    """``obj`` as its author could compare it: without what the API server keeps for itself."""
    kept = ("name", "namespace", "labels", "annotations")
    meta = {key: obj["metadata"][key] for key in kept if key in obj["metadata"]}
    return {key: value for key, value in obj.items() if key != "status"} | {"metadata": meta}
