"""A shop in a fake cluster, a controller beside it, and what a story does to both."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rollout.controller.app import Controller, Outside, Settings
from rollout.controller.chat.hearing import Hearing
from rollout.controller.chat.roster import Roster
from rollout.controller.chat.showing import Showing
from rollout.controller.keeping.inbox import of_rollouts
from rollout.controller.keeping.store import Store
from rollout.controller.keeping.swap import unchanged
from rollout.controller.ports import Json, Webhooks
from tests import virtual
from tests.fakes import FakeKube, FakeMetrics, FakeProxies
from tests.fakes_chat import FakeChat

NAMESPACE = "shop"
REVISIONS = ("v1", "v2", "v3")
JOURNEY = (
    "100/0", "100/0", "95/5", "50/50", "0/100", "0/100", "0/100", "100/0", "100/0", "100/0",
)  # fmt: skip
"""The split of each decision of ``a_rollout``, from adoption to the end of a first journey."""


def a_rollout(name: str = "shop", revision: str = "v1", **spec: Any) -> Json:
    """A canary at 5 and 50, judged by one plain limit; in the manifests' own words."""
    steps = [{"weight": 5, "bake": "1m"}, {"weight": 50, "bake": "1m"}]
    limit = {"name": "errors-limit", "query": "errors", "max": 1, "failures": {"consecutive": 1}}
    plain = {
        "service": name,
        "revision": revision,
        "workload": {"deployments": name + "-{revision}"},
        "strategy": {"canary": {"steps": steps}},
        "analysis": {"metrics": [limit]},
    }
    return {
        "apiVersion": "rollout.dev/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": plain | spec,
    }


def objects(name: str = "shop", pods: int = 2) -> list[Json]:
    """Everything a person has made before the first Rollout: stable and canary are named."""
    subsets = [{"name": "stable", "labels": {"version": "v1"}}]
    route = [{"destination": {"host": name, "subset": "stable"}}]
    return [
        obj("Service", name, {"selector": {"app": name}}),
        obj("DestinationRule", name, {"host": name, "subsets": subsets}),
        obj("VirtualService", name, {"hosts": [name], "http": [{"route": route}]}),
        *(made for revision in REVISIONS for made in _workload(name, revision, pods)),
        endpoints(name, dict.fromkeys(REVISIONS, pods)),
    ]


def endpoints(name: str, ready: Mapping[str, int]) -> Json:
    """The Service's slice with so many ready pods of each revision."""
    names = [f"{name}-{rev}-h-{i}" for rev, count in ready.items() for i in range(count)]
    made = obj("EndpointSlice", f"{name}-1", None, {"kubernetes.io/service-name": name})
    listed = [
        {"conditions": {"ready": True}, "targetRef": {"kind": "Pod", "name": pod}} for pod in names
    ]
    return {**made, "endpoints": listed}


def _workload(name: str, revision: str, pods: int) -> list[Json]:
    labels = {"app": name, "version": revision}
    full = f"{name}-{revision}"
    spec = {
        "replicas": pods,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}},
    }
    made = [obj("Deployment", full, spec)]
    for index in range(pods):
        pod = obj("Pod", f"{full}-h-{index}", {}, labels | {"pod-template-hash": "h"})
        owner = {"kind": "ReplicaSet", "name": f"{full}-h", "controller": True}
        made.append({**pod, "metadata": {**pod["metadata"], "ownerReferences": [owner]}})
    return made


def obj(
    kind: str,
    name: str,
    spec: Any,
    labels: Mapping[str, str] | None = None,
    namespace: str = NAMESPACE,
) -> Json:
    meta: dict[str, Any] = {"name": name} | ({"namespace": namespace} if namespace else {})
    made = {"kind": kind, "metadata": meta | ({"labels": dict(labels)} if labels else {})}
    return made if spec is None else made | {"spec": spec}


@dataclass
class Shop:
    """The cluster and the controller's other doors."""

    kube: FakeKube = field(default_factory=FakeKube)
    metrics: FakeMetrics = field(default_factory=FakeMetrics)
    proxies: FakeProxies = field(default_factory=FakeProxies)
    chat: FakeChat = field(default_factory=FakeChat)
    webhooks: Webhooks | None = None
    hearing: Hearing = field(init=False)

    def __post_init__(self) -> None:
        self.kube.put(*objects())

    @contextlib.asynccontextmanager
    async def controller(self, **settings: Any) -> AsyncIterator[Controller]:
        """A controller at work; at the end it has been stopped as by SIGTERM."""
        outside = Outside(self.kube, self.metrics, self.proxies, self.webhooks)
        beside = (*settings.pop("beside", ()), self._talk)
        told = Settings(**settings, beside=beside)
        made = Controller(outside, told, virtual.clock, virtual.Alarms)
        stop = asyncio.Event()
        task = asyncio.create_task(made.run(stop))
        try:
            yield made
        finally:
            stop.set()
            await task

    async def _talk(self, made: Controller) -> None:
        """The chat beside the looks, as ``cli/people.py`` puts it together."""
        now, inbox = virtual.clock, made.inbox
        self.hearing = Hearing(self.kube, self.chat, inbox, now)
        showing = Showing(self.kube, self.chat, now, inbox.trouble, made.leads)
        self.kube.listen(showing.changed)
        made.when_leading(showing.begin)
        inbox.chat, inbox.members = None, Roster(self.chat, now).members
        await showing.run()

    def restarted(self) -> Hearing:
        """Another process that hears people, and remembers nothing but what the cluster does."""
        old = self.hearing
        store = Store(self.kube)
        wake = old.inbox.boxes["Rollout"].wake
        return Hearing(self.kube, self.chat, of_rollouts(store, wake), old.clock)

    def rollout(self, name: str = "shop") -> Json:
        found = self.kube.get("Rollout", NAMESPACE, name)
        assert found is not None
        return found

    def status(self, name: str = "shop") -> Any:
        return self.rollout(name).get("status") or {}

    def splits(self) -> list[str]:
        """The split of each decision so far, ``stable/canary``; none was taken twice."""
        history = self.status()["history"]
        assert len({entry["id"] for entry in history}) == len(history)
        return [entry["split"] for entry in history]

    def weights(self, name: str = "shop") -> dict[str, int]:
        """What the first route gives each subset now."""
        found = self.kube.get("VirtualService", NAMESPACE, name)
        assert found is not None
        return {
            entry["destination"].get("subset", ""): entry.get("weight", 100)
            for entry in found["spec"]["http"][0]["route"]
        }

    async def push(self, revision: str, name: str = "shop") -> None:
        """Git asks for ``revision`` now."""
        ops: list[Json] = [{"op": "replace", "path": "/spec/revision", "value": revision}]
        await self.kube.patch("Rollout", NAMESPACE, name, ops)

    async def request(self, text: str, name: str = "shop") -> None:
        """Somebody annotated the Rollout with ``text``."""
        note = {"rollout.dev/request": text}
        ops = [{"op": "add", "path": "/metadata/annotations", "value": note}]
        await self.kube.patch("Rollout", NAMESPACE, name, ops)

    async def until(self, phase: str, name: str = "shop", seconds: float = 3600) -> None:
        """Time passes until the stored status says ``phase``."""
        await self.comes(lambda: self.status(name).get("phase") == phase, seconds)

    async def comes(self, true: Callable[[], bool], seconds: float = 3600) -> None:
        """Time passes until ``true``; it fails with the last words of every status."""
        for _ in range(round(seconds * 5)):
            if true():
                return
            await asyncio.sleep(0.2)
        told = [obj.get("status", {}).get("because") for obj in self.kube.list("Rollout")]
        raise AssertionError(f"not within {seconds} s: {told}, {self.kube.writes[-5:]}")

    def rests_on_v2(self) -> bool:
        """Whether the journey to v2 is over and good."""
        status = self.status()
        return bool(
            status.get("stage", {}).get("name") == "Idle" and status["stable"]["name"] == "v2"
        )


__all__ = ["JOURNEY", "NAMESPACE", "Shop", "a_rollout", "endpoints", "objects", "unchanged"]
