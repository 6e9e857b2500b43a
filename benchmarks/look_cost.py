"""What one look before a journey costs, beside 1 and beside 10,000 other Services.

The promise: the same, within a fifth, since nothing but the rollout's own neighbours is read.
CPU of ``Observer.see`` with preflight, from the real cache and its index; no network, no writes.
"""

import argparse
import asyncio
import gc
import statistics
import time
from collections.abc import Sequence

from rollout import reconcile
from rollout.controller.keeping.inbox import of_rollouts
from rollout.controller.keeping.store import Held, Store
from rollout.controller.ports import Json
from rollout.controller.seeing import concerns
from rollout.controller.seeing.observe import Observer, silent
from rollout.edges.kube.cache import Cache
from rollout.manifest import objects
from rollout.model.status import Revision, Stage
from tests import make
from tests.controller.shop import NAMESPACE, a_rollout
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
            self.caches.setdefault(str(obj["kind"]), Cache(concerns.of)).put(obj)

    def get(self, kind: str, namespace: str, name: str) -> Json | None:
        return self.caches[kind].get((namespace, name)) if kind in self.caches else None

    def list(self, kind: str, concern: str = "") -> Sequence[Json]:
        return self.caches[kind].all(concern) if kind in self.caches else ()


def world(services: int) -> Cached:
    kube = Cached()
    kube.fill([*shop_objects(), a_rollout()])
    kube.fill(
        [
            {
                "kind": "Service",
                "metadata": {"name": f"other-{n}", "namespace": f"team-{n % 100}"},
                "spec": {"selector": {"app": f"other-{n}"}, "ports": [{"port": 80}]},
            }
            for n in range(services)
        ]
    )
    return kube


class Looker:
    """Looks at the shop in one world, just before a journey's first step."""

    def __init__(self, kube: Cached) -> None:
        obj = kube.get("Rollout", NAMESPACE, "shop")
        assert obj is not None
        status = make.status(
            stage=Stage.PREPARING,
            stable=Revision("v1"),
            stable_subset="stable",
            canary=Revision("v2"),
            subset="canary",
        )
        self.held = Held(obj, objects.rollout(obj), status)
        self.asked = reconcile.ask(self.held.rollout, status, make.START)
        inbox = of_rollouts(Store(kube), lambda _: None)
        self.observer = Observer(kube, FakeMetrics(), None, None, inbox)
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
    lookers = Looker(world(1)), Looker(world(given.services))
    gc.freeze()  # the collector's passes over the world are no look's
    for _ in range(given.looks):  # in turn, so that a busy machine slows both
        for looker in lookers:
            looker.look()
    alone, among = (statistics.median(looker.taken) for looker in lookers)
    ratio = among / alone
    print(f"one look: {alone:.2f} ms of CPU beside 1 Service,")
    print(
        f"          {among:.2f} ms beside {given.services:,}: {ratio:.2f} times ({ALLOWED} allowed)"
    )
    return int(ratio > ALLOWED)


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main()))
