"""What one look costs, beside 1 and beside 10,000 others in the cluster and in one namespace.

The promise: the same, within a fifth, since nothing but the rollout's own neighbours is read: as
many Services of other teams cost nothing, nor do as many Rollouts of the very namespace, each with
a Service, routes, Deployments, pods, a Gateway, an autoscaler, a budget and policies.
CPU of ``Observer.see``, before a journey with preflight and at the first look, from the real cache
and its index; no network, no writes.
"""

import argparse
import asyncio
import gc
import statistics
import time
from collections.abc import Callable, Iterator, Sequence

from rollout import reconcile
from rollout.controller.keeping.inbox import of_rollouts
from rollout.controller.keeping.store import Held, Store
from rollout.controller.ports import Json
from rollout.controller.seeing import concerns
from rollout.controller.seeing.observe import Observer, no_gates, silent
from rollout.edges.kube.cache import Cache
from rollout.edges.kube.source import cached
from rollout.manifest import objects
from rollout.model.status import Revision, RolloutStatus, Stage
from tests import make
from tests.controller.shop import NAMESPACE, a_rollout, endpoints
from tests.controller.shop import objects as shop_objects
from tests.fakes import FakeKube, FakeMetrics

ALLOWED = 1.2


class Cached(FakeKube):
    """Reads as the controller has them: from one cache a kind, by its index."""

    def __init__(self) -> None:
        super().__init__()
        self.caches: dict[str, Cache] = {}

    def fill(self, objs: Sequence[Json]) -> None:
        for obj in objs:
            kind = str(obj["kind"])
            if kind not in self.caches:
                self.caches[kind] = cached(kind, concerns.of)
            self.caches[kind].put(obj)

    def get(self, kind: str, namespace: str, name: str) -> Json | None:
        return self.caches[kind].get((namespace, name)) if kind in self.caches else None

    def list(self, kind: str, concern: str = "") -> Sequence[Json]:
        return self.caches[kind].all(concern) if kind in self.caches else ()

    def some(self, kind: str) -> Json | None:
        return self.caches[kind].some() if kind in self.caches else None


def elsewhere(number: int) -> Iterator[Json]:
    """A Service of another team."""
    yield _made("Service", f"other-{number}", _service(f"other-{number}"), f"team-{number % 100}")


def beside(number: int) -> Iterator[Json]:
    """Another shop of the very same namespace, and all that stands around one."""
    name = f"other-{number}"
    app = {"matchLabels": {"app": name, "part-of": "the-same-store"}}
    bound = {"hosts": [f"{name}.shop.example"], "gateways": [name]}
    route = {"http": [{"route": [{"destination": {"host": name}}]}]}
    runs = {"kind": "Deployment", "name": f"{name}-v1"}
    rollout = a_rollout(name)
    yield rollout
    yield from shop_objects(name, 1)
    yield _made("VirtualService", f"{name}-edge", {**bound, **route})
    yield _made("Gateway", name, {"servers": [{"hosts": [f"{name}.shop.example"]}]})
    yield _made("HorizontalPodAutoscaler", name, {"scaleTargetRef": runs})
    yield _made("PodDisruptionBudget", name, {"selector": app})
    yield _made("NetworkPolicy", name, {"podSelector": app})
    yield _made("AuthorizationPolicy", name, {"selector": app})
    yield _made("PeerAuthentication", name, {"selector": app})
    yield _made("Telemetry", name, {"selector": app})


def _service(name: str) -> Json:
    return {"selector": {"app": name}, "ports": [{"port": 80}]}


def _made(kind: str, name: str, spec: Json, namespace: str = NAMESPACE) -> Json:
    return {"kind": kind, "metadata": {"name": name, "namespace": namespace}, "spec": spec}


def world(others: int, other: Callable[[int], Iterator[Json]]) -> Cached:
    kube = Cached()
    kube.fill([*shop_objects(), a_rollout()])
    for number in range(others):
        kube.fill([*other(number)])
    return kube


BEFORE_A_JOURNEY = make.status(
    stage=Stage.PREPARING,
    stable=Revision("v1"),
    stable_subset="stable",
    canary=Revision("v2"),
    subset="canary",
)


class Looker:
    """Looks at the shop in one world, for the first time or just before a journey's first step."""

    def __init__(self, kube: Cached, status: RolloutStatus) -> None:
        obj = kube.get("Rollout", NAMESPACE, "shop")
        assert obj is not None
        self.held = Held(obj, objects.rollout(obj), status)
        self.asked = reconcile.ask(self.held.rollout, status, make.START)
        inbox = of_rollouts(Store(kube), lambda _: None)
        self.observer = Observer(kube, FakeMetrics(), None, no_gates, inbox)
        self.taken: list[float] = []

    def look(self) -> None:
        began = time.process_time()
        seen = self.observer.see(self.held, self.asked, silent(self.asked))
        self.taken.append((time.process_time() - began) * 1000)
        assert seen.traffic.managed == 1


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--services", type=int, default=10_000)
    parser.add_argument("--looks", type=int, default=300)
    given = parser.parse_args()
    worlds = [world(1, beside), world(given.services, elsewhere), world(given.services, beside)]
    gc.freeze()  # the collector's passes over the worlds are no look's
    before = _compared("before a journey", worlds, BEFORE_A_JOURNEY, given.looks)
    for kube in worlds:
        kube.fill([endpoints("shop", {})])  # none ready, so that it is asked whose they would be
    first = _compared("for the first time", worlds, RolloutStatus(), given.looks)
    return int(max(*before, *first) > ALLOWED)


def _compared(
    when: str, worlds: Sequence[Cached], status: RolloutStatus, looks: int
) -> list[float]:
    """How much more a look costs in each world than in the first."""
    lookers = [Looker(kube, status) for kube in worlds]
    for _ in range(looks):  # in turn, so that a busy machine slows all
        for looker in lookers:
            looker.look()
    alone, *among = (statistics.median(looker.taken) for looker in lookers)
    count = len(worlds[1].list("Service"))
    print(f"one look {when}: {alone:.2f} ms of CPU beside 1 other shop")
    ratios = [took / alone for took in among]
    others = ("other teams' Services", "shops of its namespace")
    for took, ratio, what in zip(among, ratios, others, strict=True):
        print(f"  {took:.2f} ms beside {count:,} {what}: {ratio:.2f} times ({ALLOWED} allowed)")
    return ratios


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main()))
