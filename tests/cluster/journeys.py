"""A journey of each kind on a real API server, and which optional rights it cannot do without."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from rollout.controller.rights import Need
from rollout.lab.kube.client import ApiRefusedError, Object
from tests.cluster import objects
from tests.cluster.conftest import Control
from tests.cluster.replica import PATIENCE
from tests.edges.git.depot import Depot


async def comes(true: Callable[[], Awaitable[bool]], what: Callable[[], Awaitable[Any]]) -> None:
    """``true`` comes to be so; ``what`` is told if it does not."""
    try:
        async with asyncio.timeout(PATIENCE):
            while not await true():
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise AssertionError(await what()) from None


@dataclass(frozen=True)
class Scene:
    """One namespace of a real API server, and a folder for git repositories."""

    control: Control
    space: str
    folder: Path

    async def apply(self, *objs: Object) -> None:
        await self.control.apply(*objs)

    async def read(self, kind: str, name: str) -> Object:
        return await self.control.read(kind, self.space, name)

    async def gone(self, kind: str, name: str) -> None:
        async def true() -> bool:
            return not await self.is_there(kind, name)

        await comes(true, lambda: self.read(kind, name))

    async def is_there(self, kind: str, name: str) -> bool:
        try:
            await self.read(kind, name)
        except ApiRefusedError as refused:
            if refused.status != 404:
                raise
            return False
        return True

    async def status(self, name: str) -> Any:
        """Empty before the first look, and where there is no such Rollout."""
        there = await self.is_there("Rollout", name)
        return (await self.read("Rollout", name)).get("status") or {} if there else {}

    async def push(self, name: str, **spec: Any) -> None:
        """The next release, as ``kubectl apply`` of another spec would have it."""
        await self.control.change("Rollout", self.space, name, spec=spec)

    async def scale(self, deployment: str, replicas: int) -> None:
        spec = {"replicas": replicas}
        await self.control.change("Deployment", self.space, deployment, spec=spec)

    async def moves(self, name: str) -> None:
        """Some requests go to the canary, and the proxies have it."""

        async def true() -> bool:
            stage = (await self.status(name)).get("stage") or {}
            some = int((stage.get("split") or {}).get("canary", 0)) > 0
            return some and bool(stage.get("confirmedAt"))

        await comes(true, lambda: self.status(name))

    async def rests(self, name: str, attempts: int = 0, stable: str = "") -> None:
        """So many journeys are over, and well; ``stable``: where they led, if it has a name."""

        async def true() -> bool:
            seen = await self.status(name)
            idle = (seen.get("stage") or {}).get("name") == "Idle" and not seen.get("draining")
            over = idle and seen.get("phase") == "Healthy" and seen.get("stable")
            return bool(
                over
                and (seen.get("attempt") or {}).get("number", 0) == attempts
                and stable in ("", seen["stable"]["name"])
            )

        async def what() -> Any:
            seen = await self.status(name)
            return {key: value for key, value in seen.items() if key != "checkpoint"}

        await comes(true, what)

    async def asks(self, name: str, verb: str) -> None:
        """A person's request, as the CLI writes it."""
        asked = {"annotations": {"rollout.dev/request": f"{verb}@{name}"}}
        await self.control.change("Rollout", self.space, name, metadata=asked)

    async def shop(
        self, name: str, *, mesh: bool = True, entry: bool = True, waiting: int = 1, **spec: Any
    ) -> None:
        """A service with revisions v1 and v2 of its author's own, and its Rollout.

        ``mesh``: subsets are there, by version; ``entry``: the VirtualService is made here.
        ``waiting``: pods of v2 at the beginning.
        """
        subsets = objects.with_subsets(self.space, name) if mesh else []
        runs = [
            objects.deployment(self.space, name, "v1"),
            objects.deployment(self.space, name, "v2", waiting),
        ]
        made = (*objects.service(self.space, name), *subsets, *runs)
        await self.apply(*(o for o in made if entry or o["kind"] != "VirtualService"))
        await self.apply(objects.rollout(self.space, name, **spec))
        await self.rests(name, stable="v1")

    async def journey(self, name: str) -> None:
        await self.push(name, revision="v2")
        await self.rests(name, 1, "v2")


async def canary(scene: Scene) -> None:
    await scene.shop("canary")
    await scene.journey("canary")


async def subsets(scene: Scene) -> None:
    """Nothing tells the revisions apart but what we make; their author starts the pods."""
    await scene.shop("subsets", mesh=False, waiting=0)
    await scene.scale("subsets-v2", 1)
    await scene.journey("subsets")


async def managed(scene: Scene) -> None:
    workload = {"deployments": "managed-{revision}", "scale": "managed", "drain": "1s"}
    await scene.shop("managed", waiting=0, workload=workload)
    await scene.journey("managed")
    assert (await scene.read("Deployment", "managed-v1"))["spec"]["replicas"] == 0


async def autoscaled(scene: Scene) -> None:
    workload = {
        "deployments": "scaled-{revision}",
        "scale": "managed",
        "drain": "1s",
        "autoscaler": {"name": "scaled"},
    }
    await scene.apply(objects.autoscaler(scene.space, "scaled", "scaled-v1"))
    await scene.shop("scaled", waiting=0, workload=workload)
    await scene.journey("scaled")
    scaler = await scene.read("HorizontalPodAutoscaler", "scaled")
    assert scaler["spec"]["scaleTargetRef"]["name"] == "scaled-v2"


async def blue_green(scene: Scene) -> None:
    preview = [{"headers": {"x-preview": {"exact": "1"}}}]
    strategy = {"blueGreen": {"preview": preview, "bake": "1s", "keepWarm": "1s"}}
    await scene.shop("preview", strategy=strategy)
    await scene.journey("preview")


async def dark(scene: Scene) -> None:
    cohort = {"headers": {"x-tester": {"exact": "1"}}}
    steps = [{"name": "testers", "cohorts": [cohort], "bake": "1s"}]
    await scene.shop("dark", strategy={"dark": {"steps": steps, "finish": "promote"}})
    await scene.journey("dark")


async def judged(scene: Scene) -> None:
    """By an analysis that several Rollouts may share."""
    await scene.apply(objects.analysis(scene.space, "limits"))
    analysis = {"interval": "1s", "metrics": [objects.LIMIT], "templates": [{"name": "limits"}]}
    await scene.shop("judged", analysis=analysis)
    await scene.journey("judged")


async def hooked(scene: Scene) -> None:
    """A step asks a server, by a request that a Secret signs."""
    await scene.apply(objects.secret(scene.space, "gate", "a-key-that-only-the-two-know-of"))
    gate = {
        "name": "smoke",
        "url": f"{scene.control.mesh}/gate",
        "secretRef": {"name": "gate"},
        "interval": "1s",
    }
    steps = [{"weight": 50, "bake": "1s", "webhook": gate}]
    await scene.shop("hooked", strategy={"canary": {"steps": steps}})
    await scene.journey("hooked")


async def templated(scene: Scene) -> None:
    """Image, then configuration; what is past goes, and in the end the Rollout itself."""
    space, name = scene.space, "templated"
    config = objects.config_map(space, "settings", "one")
    await scene.apply(config, objects.secret(space, "password", "one"))
    await scene.apply(*objects.service(space, name))
    template = objects.configured("v1", name)
    workload = {"template": template, "drain": "1s", "revisionHistory": 1}
    await scene.apply(objects.rollout(space, name, None, workload=workload))
    await scene.rests(name)
    first = (await scene.status(name))["stable"]["name"]
    await scene.push(name, workload={"template": objects.configured("v2", name)})
    await scene.rests(name, 1)
    assert await scene.is_there("Deployment", f"{name}-{first}")
    await scene.apply(objects.config_map(space, "settings", "two"))
    await scene.rests(name, 2)
    for kind, kept in (("Deployment", name), ("ConfigMap", "settings"), ("Secret", "password")):
        await scene.gone(kind, f"{kept}-{first}")
    await scene.control.delete("Rollout", space, name)
    await scene.gone("Rollout", name)
    await scene.gone("DestinationRule", name)
    assert await scene.is_there("ConfigMap", "settings")


async def reverted(scene: Scene) -> None:
    """Git goes back in mid-journey, and the old release's ConfigMap is there no more."""
    space, name = scene.space, "reverted"
    secret = objects.secret(space, "reverted-password", "one")
    old, new = (objects.config_map(space, which, which) for which in ("old", "new"))
    await scene.apply(old, new, secret, *objects.service(space, name))
    before = objects.configured("v1", name, "old", "reverted-password")
    after = objects.configured("v2", name, "new", "reverted-password")
    strategy = {"canary": {"steps": [{"weight": 50, "bake": "1h"}]}}
    workload = {"template": before, "drain": "1s"}
    await scene.apply(objects.rollout(space, name, None, workload=workload, strategy=strategy))
    await scene.rests(name)
    first = (await scene.status(name))["stable"]["name"]
    await scene.push(name, workload={"template": after})
    await scene.moves(name)
    await scene.control.delete("ConfigMap", space, "old")
    await scene.push(name, workload={"template": before})

    async def home() -> bool:
        stage = (await scene.status(name))["stage"]
        return bool(stage["name"] == "Idle" and stage["split"]["canary"] == 0)

    await comes(home, lambda: scene.status(name))
    assert (await scene.status(name))["stable"]["name"] == first


async def sourced(scene: Scene, server: str = "") -> None:
    """A repository says what is, what changes, and what goes; ``server`` has the scene's folder."""
    space, name = scene.space, "sourced"
    depot = Depot(scene.folder / f"{space}.git")
    url = f"{server}/{space}.git" if server else str(depot.path)
    analysis = {"interval": "1s", "metrics": [objects.LIMIT], "templates": [{"name": "of-git"}]}
    rollout = objects.rollout(space, name, analysis=analysis)
    limits = objects.analysis(space, "of-git")
    other = objects.rollout(space, "other", "v1")
    depot.commit(_files(rollout=rollout, limits=limits, other=other))
    runs = [objects.deployment(space, name, revision) for revision in ("v1", "v2")]
    mesh = (*objects.service(space, name), *objects.with_subsets(space, name))
    await scene.apply(*mesh, *runs, objects.source(space, "git", url))
    await scene.rests(name, 0, "v1")
    depot.commit(_files(rollout=rollout, limits=objects.analysis(space, "of-git", 2)))
    await scene.gone("Rollout", "other")
    inside = {"metrics": [objects.LIMIT], "interval": "1s"}
    depot.commit(_files(rollout=objects.rollout(space, name, "v2", analysis=inside)))
    await scene.gone("AnalysisTemplate", "of-git")
    await scene.rests(name, 1, "v2")


def _files(**manifests: Object) -> Mapping[bytes, bytes]:
    return {f"{name}.yaml".encode(): yaml.dump(obj).encode() for name, obj in manifests.items()}


Way = Callable[[Scene], Coroutine[Any, Any, None]]


@dataclass(frozen=True)
class Journey:
    """``needs``: the optional rights without which it does not come to its end."""

    run: Way
    needs: frozenset[Need]

    @property
    def name(self) -> str:
        return str(getattr(self.run, "__name__", ""))


def _of(run: Way, *needs: Need) -> Journey:
    return Journey(run, frozenset(needs))


JOURNEYS = (
    _of(canary),
    _of(blue_green),
    _of(dark),
    _of(subsets, Need.SUBSETS),
    _of(managed, Need.MANAGED),
    _of(autoscaled, Need.MANAGED, Need.AUTOSCALER),
    _of(judged, Need.TEMPLATES),
    _of(hooked, Need.SECRETS),
    _of(templated, Need.SUBSETS, Need.POD_TEMPLATE, Need.CONFIGURATION),
    _of(reverted, Need.SUBSETS, Need.POD_TEMPLATE, Need.CONFIGURATION),
    _of(sourced, Need.SOURCES, Need.TEMPLATES),
)
