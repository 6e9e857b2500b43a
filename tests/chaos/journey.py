"""One scenario as people go through it: they push, wait for a moment, do something, see the end."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any

from rollout.lab.kube.client import POD, REPLICASET, ApiRefusedError, Kind, Object
from tests.chaos import scenarios
from tests.chaos.fleet import PATIENCE
from tests.chaos.plane import Commit
from tests.chaos.scenarios import Happening, Scenario, When
from tests.cluster.conftest import Control
from tests.sim import objects as sim
from tests.sim.laws import settled

REQUEST = "rollout.dev/request"
HOME = 3 * PATIENCE  # seconds; replicas are killed meanwhile
_NONCES = count(1)


@dataclass
class Newest:
    """The newest version of each object that etcd told of, by namespace."""

    told: list[Commit]
    _read: int = 0
    _newest: dict[str, Object] = field(default_factory=dict)

    def of(self, space: str) -> Object:
        """Empty: none was told of."""
        for commit in self.told[self._read :]:
            self._newest[str(commit.obj["metadata"]["namespace"])] = commit.obj
        self._read = len(self.told)
        return self._newest.get(space, {})


@dataclass
class Journey:
    """``bad``: what Prometheus is told of each service, 0 or more than its limit.

    ``foreign``: the versions of VirtualServices and DestinationRules that somebody else wrote.
    """

    scenario: Scenario
    control: Control
    rollouts: Newest
    bad: dict[str, float]
    foreign: set[int]
    asked: str = "v1"
    home: bool = False
    pushed: bool = False

    @property
    def status(self) -> Mapping[str, Any]:
        return self.rollouts.of(self.scenario.space).get("status") or {}

    @property
    def _stable(self) -> str:
        return str((self.status.get("stable") or {}).get("name", ""))

    @property
    def _rejected(self) -> str:
        return str((self.status.get("rejected") or {}).get("revision", {}).get("name", ""))

    @property
    def under_way(self) -> bool:
        return self.pushed and not self.home

    async def begins(self) -> None:
        """Its service is adopted, with v1 stable."""
        await self.control.apply(*scenarios.begin(self.scenario))
        await self.control.apply(scenarios.rollout(self.scenario, self.control.mesh))
        await self._comes(self._adopted, "adopted")
        if self.scenario.subject.author == "host" and self.scenario.subject.workload == "user":
            for revision in sim.REVISIONS[1:]:
                await self._change("Deployment", f"{self.scenario.called}-{revision}", replicas=1)

    async def runs(self) -> None:
        """v2 is pushed, what is to happen happens, and nothing is under way any more."""
        await self._push("v2")
        self.pushed = True
        for happening in self.scenario.happenings:
            await self._comes(partial(self._is, happening.when), str(happening.when))
            await self._do(happening)
        await self._comes(self._rests, "at rest")
        self.home = True

    async def leaves(self) -> None:
        """Nothing of it is there any more; its Rollout went first, and was let go."""
        space, name = self.scenario.space, self.scenario.called
        await self._goes()
        for kind in ("VirtualService", "DestinationRule", "Service"):
            await self.control.delete(kind, space, name)
        if self.scenario.subject.workload == "scaled":
            await self.control.delete("HorizontalPodAutoscaler", space, f"{name}-load")
        for revision in sim.REVISIONS:
            await self.control.delete("Deployment", space, f"{name}-{revision}")
        for kind_of in (REPLICASET, POD):  # nobody plays Kubernetes' garbage collector
            for obj in (await self.control.kube.list(kind_of))[0]:
                if obj["metadata"]["namespace"] == space:
                    await self._deleted_if_there(kind_of, obj)

    async def _deleted_if_there(self, kind: Kind, obj: Object) -> None:
        with contextlib.suppress(ApiRefusedError):
            await self.control.kube.delete(kind, self.scenario.space, obj["metadata"]["name"])

    async def ends(self) -> list[str]:
        """Where it ended, and what was written in the objects; the same for the same end."""
        status, name = self.status, self.scenario.called
        at = f"{status['phase']} {status['stage']['name']}"
        lines = [f"{at} {self._stable}, rejected {self._rejected!r}"]
        space = self.scenario.space
        route = (await self.control.read("VirtualService", space, name))["spec"]
        rule = (await self.control.read("DestinationRule", space, name))["spec"]
        lines += [f"VirtualService {route}", f"DestinationRule {_used(rule, route)}"]
        for revision in sim.REVISIONS:
            obj = await self.control.read("Deployment", self.scenario.space, f"{name}-{revision}")
            lines.append(f"{revision}: {obj['spec'].get('replicas')} pods")
        return lines

    def _adopted(self) -> bool:
        return self._rests() and self._stable == "v1"

    def _rests(self) -> bool:
        """What was asked is there or was rejected: all was looked at and heard, and has settled."""
        obj = self.rollouts.of(self.scenario.space)
        meta, status = obj.get("metadata") or {}, self.status
        looked = status.get("observedGeneration") == meta.get("generation")
        request = (meta.get("annotations") or {}).get(REQUEST, "")
        heard = request in ("", status.get("lastHandledRequest"))
        over = settled(status) and not status.get("draining")
        asks = status.get("phase") == "Paused" or bool(status.get("waitsFor"))
        answered = self.asked in (self._stable, self._rejected)
        return bool(obj and looked and heard and over and answered and not asks)

    def _is(self, when: When) -> bool:
        status = self.status
        stage = status.get("stage") or {}
        share = int((stage.get("split") or {}).get("canary", 0))
        steps = stage.get("name") in ("Stepping", "Baking")
        return (
            (when.share is None or (steps and share >= when.share))
            and when.waits in ("", status.get("waitsFor"))
            and when.phase in ("", status.get("phase"))
        )

    async def _comes(self, true: Callable[[], bool], what: str) -> None:
        try:
            async with asyncio.timeout(HOME):
                while not true():
                    await asyncio.sleep(0.1)
        except TimeoutError:
            told = {key: self.status.get(key) for key in ("phase", "stage", "because")}
            raise AssertionError(f"{self.scenario.name}: not {what}: {told}") from None

    # What people do

    async def _do(self, happening: Happening) -> None:
        match happening.do:
            case "push":
                await self._push(happening.on)
            case "request":
                await self._asks(happening)
            case "bad":
                self.bad[self.scenario.called] = 5.0
            case "delete":
                await self._deleted()
            case "spec edited":
                await self._merge("Rollout", spec={"strategy": scenarios.OTHER_STEPS})
            case "weights edited":
                await self._divided(30)
            case "mesh applied again":
                for made in scenarios.routes(self.scenario):
                    await self._written(str(made["kind"]), made["spec"])
            case "canary crashes":
                await self._crashes(happening.lasts)
            case other:
                raise AssertionError(f"nobody knows how to do {other}")

    async def _asks(self, happening: Happening) -> None:
        """A person's request; one that was refused is made again, in such a moment again."""
        text = ""
        while not text or self._refused(text):
            await self._comes(partial(self._is, happening.when), str(happening.when))
            text = f"{happening.on}@{next(_NONCES)}"
            await self._merge("Rollout", metadata={"annotations": {REQUEST: text}})
            await self._comes(partial(self._heard, text), f"heard {text}")

    def _heard(self, text: str) -> bool:
        return bool(self.status.get("lastHandledRequest") == text)

    def _refused(self, text: str) -> bool:
        refused = self.status.get("refusedRequests") or ()
        return text in {each["request"] for each in refused}

    async def _push(self, revision: str) -> None:
        self.asked = revision
        await self._merge("Rollout", spec={"revision": revision})

    async def _deleted(self) -> None:
        """The Rollout goes, and is written anew once it has gone."""
        await self._goes()
        await self.control.apply(scenarios.rollout(self.scenario, self.control.mesh, self.asked))

    async def _goes(self) -> None:
        await self.control.delete("Rollout", self.scenario.space, self.scenario.called)
        async with asyncio.timeout(HOME):
            while await self._is_there():
                await asyncio.sleep(0.5)

    async def _is_there(self) -> bool:
        try:
            await self.control.read("Rollout", self.scenario.space, self.scenario.called)
        except ApiRefusedError as refused:
            if refused.status != 404:
                raise
            return False
        return True

    async def _divided(self, share: int) -> None:
        """Somebody divides the managed route otherwise."""
        name = self.scenario.called
        held = await self.control.read("VirtualService", self.scenario.space, name)
        http = held["spec"]["http"]
        for route in http:
            if len(route["route"]) == 2 and route["route"][0]["destination"]["host"] == name:
                route["route"][0]["weight"], route["route"][1]["weight"] = 100 - share, share
        await self._written("VirtualService", {"http": http})

    async def _written(self, kind: str, spec: Any) -> None:
        written = await self._merge(kind, spec=spec)
        self.foreign.add(int(written["metadata"]["resourceVersion"]))

    async def _crashes(self, seconds: float) -> None:
        """The pods of what is asked for are not ready for a while."""
        await self._ready("False")
        await asyncio.sleep(seconds)
        await self._ready("True")

    async def _ready(self, value: str) -> None:
        app = {"app": self.scenario.called, "version": self.asked}
        for pod in await self.control.listed("Pod"):
            meta = pod["metadata"]
            if (
                meta["namespace"] != self.scenario.space
                or not app.items() <= meta["labels"].items()
            ):
                continue
            told = [
                {**each, "status": value} if each["type"] == "Ready" else each
                for each in pod["status"]["conditions"]
            ]
            body = {"status": {"conditions": told}}
            await self.control.kube.patch(POD, meta["namespace"], meta["name"], body, "status")

    async def _change(self, kind: str, name: str, **spec: Any) -> None:
        await self.control.change(kind, self.scenario.space, name, spec=spec)

    async def _merge(self, kind: str, **fields: Any) -> Object:
        called = self.scenario.called
        return await self.control.change(kind, self.scenario.space, called, **fields)


def _used(rule: Any, route: Any) -> list[Object]:
    """The subsets that requests may go to; one that nobody names goes some time later."""
    named = {
        sent["destination"].get("subset")
        for each in route["http"]
        for sent in each.get("route", ())
    }
    subsets = [each for each in rule.get("subsets", ()) if each["name"] in named]
    return sorted(subsets, key=lambda each: str(each["name"]))
