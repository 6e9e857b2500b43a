"""Whatever becomes of the neighbours: everybody comes home, and a deleted Rollout goes.

Through the shell: the real loop, look, store and translators, where malformed JSON comes in.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from rollout.controller.ports import Json
from rollout.errors import OutsideError
from tests import virtual
from tests.controller.shop import NAMESPACE, Shop, a_rollout
from tests.fakes import FakeKube

Key = tuple[str, str, str]
Path = tuple[Any, ...]

HOME = 3.0  # seconds: one look's questions, its status, its routes
GONE = 600.0  # seconds: drains and proxies, and then it must be gone
CAPACITY = ("EndpointSlice", "Deployment", "Pod")
"""What says how many pods stable has: without any, nobody may be sent there (law 8)."""

NEIGHBOURS = (
    "Service",
    "EndpointSlice",
    "Deployment",
    "Pod",
    "AnalysisTemplate",
    "HorizontalPodAutoscaler",
    "VirtualService",
    "DestinationRule",
    "Gateway",
    "Namespace",
    "PeerAuthentication",
    "Rollout",
)
MOST_ORDERED = 7
"""Junk may be a number of replicas: an order, and stable then waits for the pods (law 8)."""
JUNK = st.sampled_from([None, 0, 7, -1, 0.5, True, "text", "", [], [None], {}, {"x": None}, [[7]]])


def _obj(kind: str, name: str, spec: Any, namespace: str = NAMESPACE) -> Json:
    return {"kind": kind, "metadata": {"name": name, "namespace": namespace}, "spec": spec}


def neighbours() -> list[Json]:
    """Everything around the shop that somebody else may write at any moment."""
    limit = {"name": "queue", "query": 'queue{team="{{args.team}}"}', "max": 50}
    ref = {"kind": "Deployment", "name": "shop-v1"}
    elsewhere = {"destination": {"host": "shop.shop.svc.cluster.local", "subset": "stable"}}
    server = {"port": {"number": 80}, "hosts": ["shop.example"]}
    return [
        _obj("AnalysisTemplate", "defaults", {"args": {"team": "pay"}, "metrics": [limit]}),
        _obj("HorizontalPodAutoscaler", "shop", {"scaleTargetRef": ref, "minReplicas": 2}),
        _obj("Gateway", "edge", {"selector": {"istio": "ingress"}, "servers": [server]}),
        _obj("Namespace", NAMESPACE, {}, ""),
        _obj("PeerAuthentication", "default", {"mtls": {"mode": "STRICT"}}),
        _obj("DestinationRule", "pattern", {"host": "*.svc.cluster.local"}, "istio-system"),
        _obj(
            "VirtualService",
            "another",
            {"hosts": ["other"], "http": [{"match": [{}], "route": [elsewhere]}]},
            "other-team",
        ),
        _obj("Rollout", "another", {"service": "another", "revision": "v1"}, "other-team"),
    ]


class Unreadable(FakeKube):
    """An API server that lets us read some kinds no more."""

    kinds: frozenset[str] = frozenset()

    def get(self, kind: str, namespace: str, name: str) -> Json | None:
        self._may(kind)
        return super().get(kind, namespace, name)

    def list(self, kind: str, concern: str = "") -> Sequence[Json]:
        self._may(kind)
        return super().list(kind, concern)

    def _may(self, kind: str) -> None:
        if kind in self.kinds:
            raise OutsideError(f"{kind.lower()}: forbidden")


class World:
    """A shop whose neighbours are missing, malformed, renamed, rebuilt, edited or not readable."""

    def __init__(self, weight: int) -> None:
        self.kube = Unreadable()
        self.shop = Shop(kube=self.kube)
        self.kube.put(*neighbours(), judged(weight or 5))
        self.before = dict(self.kube.objects)
        self.touched: set[str] = set()
        self.edits = 0

    def keys(self, kind: str) -> list[Key]:
        """Those of a kind that are neighbours: not what our Rollout itself writes."""
        own = {("Rollout", NAMESPACE, "shop"), ("DestinationRule", NAMESPACE, "shop")}
        own |= {("VirtualService", NAMESPACE, "shop")}
        return [key for key in sorted(self.kube.objects) if key[0] == kind and key not in own]

    def happens(self, kind: str, what: str, draw: Any) -> None:
        """One mishap of one neighbour of that kind."""
        self.touched.add(kind)
        if what == "unreadable":
            self.kube.kinds |= {kind} - {"Rollout", "VirtualService", "DestinationRule"}
            return
        keys = self.keys(kind)
        if not keys:
            return
        key = draw(st.sampled_from(keys))
        obj = self.kube.objects[key]
        if what == "malformed":
            path = draw(st.sampled_from([*places(obj)]))
            self.kube.put(spoilt(obj, path, draw(JUNK)))
            return
        if what == "edited":
            self.edits += 1
            self.kube.put(edited(obj, self.edits))
            return
        asyncio.get_running_loop().create_task(self.kube.delete(*key))
        if what in ("renamed", "rebuilt"):
            name = f"{key[2]}-2" if what == "renamed" else key[2]
            meta = {**obj["metadata"], "name": name}
            fresh = {**obj, "metadata": {k: v for k, v in meta.items() if k != "uid"}}
            asyncio.get_running_loop().call_later(0.5, self.kube.put, fresh)

    def mend_capacity(self) -> None:
        """Stable's pods are there again, as many as anybody ordered; all else stays as it is."""
        self.kube.kinds -= frozenset(CAPACITY)
        for key, obj in self.before.items():
            if key[0] in (*CAPACITY, "Service"):
                self.kube.put(obj)
        pod = self.before["Pod", NAMESPACE, "shop-v1-h-0"]
        slice_ = self.before["EndpointSlice", NAMESPACE, "shop-1"]
        names = [f"shop-v1-h-{number}" for number in range(2, MOST_ORDERED)]
        for name in names:
            meta = {k: v for k, v in pod["metadata"].items() if k != "uid"}
            self.kube.put({**pod, "metadata": {**meta, "name": name}})
        ready = [
            {"conditions": {"ready": True}, "targetRef": {"kind": "Pod", "name": name}}
            for name in names
        ]
        self.kube.put({**slice_, "endpoints": [*slice_["endpoints"], *ready]})

    def on_canary(self) -> int:
        """Percent that any route of the shop gives the canary."""
        found: Any = self.kube.objects["VirtualService", NAMESPACE, "shop"]
        entries = [e for route in found["spec"]["http"] for e in route["route"]]
        mine = [e for e in entries if e["destination"].get("subset") == "canary"]
        return max((e.get("weight", 100) for e in mine), default=0)

    async def back(self, way: str) -> None:
        """A person or git takes the journey back."""
        match way:
            case "abort":
                await self.shop.request("abort@1")
            case "revert":
                await self.shop.push("v1")
            case _:
                await self.delete()

    async def delete(self) -> None:
        obj = self.shop.rollout()
        meta = {**obj["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}
        self.kube.put({**obj, "metadata": meta})


def judged(weight: int) -> Json:
    """The shop's Rollout, long at one step, with a shared template and an autoscaler."""
    steps = [{"weight": weight, "bake": "1h", "timeBox": "2h"}]
    made = a_rollout(strategy={"canary": {"steps": steps}}, progressDeadline="2h")
    uses = [{"name": "defaults"}]
    workload = {"deployments": "shop-{revision}", "scale": "managed"} | {
        "autoscaler": {"name": "shop"}
    }
    analysis = made["spec"]["analysis"] | {"templates": uses}
    return {**made, "spec": made["spec"] | {"analysis": analysis, "workload": workload}}


def places(value: Any, path: Path = ()) -> Iterator[Path]:
    """Every place below ``value``, but what makes it an object of its kind."""
    if path and path[0] != "kind" and path not in (("metadata",), *IDENTITY):
        yield path
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from places(each, (*path, key))
    if isinstance(value, list):
        for index, each in enumerate(value):
            yield from places(each, (*path, index))


def edited(obj: Json, number: int) -> Json:
    """Another build under the same name; of what runs nothing, other labels."""
    made: Any = deepcopy(obj)
    spec = made.get("spec")
    pods = spec.get("template") if isinstance(spec, dict) else None
    meta = pods.setdefault("metadata", {}) if isinstance(pods, dict) else made["metadata"]
    if isinstance(meta, dict):
        meta["annotations" if pods else "labels"] = {"edit": str(number)}
    return dict(made)


IDENTITY = tuple(("metadata", k) for k in ("name", "namespace", "uid", "resourceVersion"))


def spoilt(obj: Json, path: Path, junk: Any) -> Any:
    made: Any = deepcopy(obj)
    at = made
    for part in path[:-1]:
        at = at[part]
    at[path[-1]] = junk
    return made


WHAT = ["missing", "malformed", "malformed", "renamed", "rebuilt", "edited", "unreadable"]
MISHAPS = st.lists(
    st.tuples(
        st.sampled_from(NEIGHBOURS),
        st.sampled_from(WHAT),
        st.sampled_from([0.0, 0.3, 5.0, 61.0]),
    ),
    min_size=1,
    max_size=6,
)


@given(
    st.data(), MISHAPS, st.sampled_from([0, 5, 50]), st.sampled_from(["abort", "revert", "delete"])
)
@settings(
    max_examples=40,
    suppress_health_check=list(HealthCheck),
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # a whole story is slow to shrink
)
def test_everybody_comes_home_and_deletion_ends_whatever_becomes_of_the_neighbours(
    data: st.DataObject, mishaps: list[tuple[str, str, float]], weight: int, way: str
) -> None:
    async def story() -> None:
        world = World(weight)
        shop = world.shop
        async with shop.controller():
            await shop.until("Healthy")
            await shop.push("v2")
            await shop.comes(lambda: shop.status()["stage"]["name"] != "Idle", 600)
            await shop.comes(lambda: world.on_canary() >= weight, 600)
            for kind, what, after in mishaps:
                world.happens(kind, what, data.draw)
                await asyncio.sleep(after)
            await world.back(way)
            await asyncio.sleep(HOME)
            if world.touched & {*CAPACITY, "Service"} and world.on_canary():
                world.mend_capacity()
                await shop.comes(lambda: world.on_canary() == 0, 30)
            assert world.on_canary() == 0, shop.status()
            if way != "delete":
                await world.delete()
            await shop.comes(lambda: ("Rollout", NAMESPACE, "shop") not in shop.kube.objects, GONE)
            assert world.on_canary() == 0

    virtual.run(story())
