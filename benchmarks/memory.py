"""What an idle rollout keeps in memory: its objects in the cache, and what the store knows of it.

Objects as an API server of today writes them, through the very code that a watch feeds; no
network.  The bar: 20 KiB an idle rollout.
"""

import argparse
import asyncio
import gc
import json
import sys
import tracemalloc
from collections.abc import Iterator, Mapping
from typing import Any

from rollout import jsontext
from rollout.controller.keeping.store import Store
from rollout.controller.seeing import concerns
from rollout.edges.kube.cache import Cache
from rollout.edges.kube.source import cached as cache_of
from rollout.edges.kube.source import named
from tests.controller.shop import a_rollout
from tests.fakes import FakeKube
from tests.lab.survival import plain

ALLOWED = 20.0  # KiB


class Cached(FakeKube):
    """Reads as the controller has them: from one cache a kind."""

    def __init__(self) -> None:
        super().__init__()
        self.caches: dict[str, Cache] = {}

    def get(self, kind: str, namespace: str, name: str) -> Mapping[str, Any] | None:
        return self.caches[kind].get((namespace, name)) if kind in self.caches else None


def texts(name: str, number: int) -> Iterator[str]:
    """A shop's objects and its Rollout, as lines of a watch."""
    rollout = {**a_rollout(name), "metadata": {"name": name, "namespace": plain.NAMESPACE}}
    rollout["status"] = {
        "phase": "Healthy", "stable": {"name": "v1"}, "because": "v1 has everyone",
        "stage": {"name": "Idle", "split": {"stable": 100, "canary": 0}},
    }  # fmt: skip
    for obj in (*plain.shop(name), rollout):
        meta = {**obj["metadata"], "uid": f"{number:08d}-{obj['kind']}", "resourceVersion": "1"}
        fields: dict[str, Any] = {"f:spec": {f"f:field-{n}": {} for n in range(20)}}
        entry = {
            "manager": "kubectl-client-side-apply",
            "operation": "Update",
            "apiVersion": "v1",
            "fieldsType": "FieldsV1",
            "time": "2026-01-05T12:00:00Z",
            "fieldsV1": fields,
        }
        yield json.dumps({**obj, "metadata": {**meta, "managedFields": [entry]}})


async def _measured(count: int) -> tuple[float, float]:
    """KiB a rollout: of its objects in the cache, and of the store on top."""
    kube = Cached()
    store = Store(kube)
    gc.collect()
    tracemalloc.start()
    for number in range(count):
        for text in texts(f"shop-{number}", number):
            obj = jsontext.read(text.encode())
            kind = str(obj["kind"])
            if kind not in kube.caches:
                kube.caches[kind] = cache_of(kind, concerns.of)
            kube.caches[kind].put(named(kind, obj))
    gc.collect()
    cached = tracemalloc.get_traced_memory()[0]
    for number in range(count):
        held = store.load(f"{plain.NAMESPACE}/shop-{number}")
        assert held is not None
        del held
    gc.collect()
    whole = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return cached / count / 1024, (whole - cached) / count / 1024


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rollouts", type=int, default=500)
    count = parser.parse_args().rollouts
    asyncio.run(_measured(20))  # what is made once is made now
    cached, known = asyncio.run(_measured(count))
    size = sum(len(text) for text in texts("shop-0", 0)) / 1024
    objects = len([*texts("shop-0", 0)])
    print(f"{count} idle rollouts, {objects} objects and {size:.1f} KiB of JSON each:")
    print(f"  in the cache {cached:.1f} KiB, known of it {known:.1f} KiB")
    print(f"  together {cached + known:.1f} KiB (at most {ALLOWED:g})")
    return int(cached + known > ALLOWED)


if __name__ == "__main__":
    sys.exit(main())
