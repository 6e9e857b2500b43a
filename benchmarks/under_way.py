"""What journeys cost the controller itself, with many under way: CPU of a look and of a write.

``python -m benchmarks.under_way [--rollouts N]``. The whole controller on
virtual time, before an API server that is a dict behind the real caches: what is left out is the
HTTP client (``benchmarks.fleet`` has it). What the dict itself takes is measured apart and taken
off.  Seconds are beside a yardstick of the same run: a fixed piece of plain Python.
"""

import argparse
import asyncio
import contextlib
import json
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence

from rollout import jsontext
from rollout.controller.app import Controller, Outside, Settings
from rollout.controller.ports import Json
from rollout.controller.seeing import concerns
from rollout.edges.kube.cache import Cache, key_of
from rollout.edges.kube.source import cached, named
from tests import virtual
from tests.controller.shop import NAMESPACE, a_rollout
from tests.controller.shop import objects as shop_objects
from tests.fakes import FakeKube, FakeMetrics, FakeProxies

WEIGHTS = (5, 10, 20, 30, 40)
STEPS = [{"weight": weight, "bake": "1m"} for weight in WEIGHTS]


class Server(FakeKube):
    """An API server whose objects come as text, and are read from one cache a kind.

    ``spent``: CPU seconds of what a real one would do elsewhere.
    """

    def __init__(self) -> None:
        super().__init__()
        self.caches: dict[str, Cache] = {}
        self.spent = 0.0

    def get(self, kind: str, namespace: str, name: str) -> Json | None:
        return self._cache(kind).get((namespace, name))

    def list(self, kind: str, concern: str = "") -> Sequence[Json]:
        return self._cache(kind).all(concern)

    def some(self, kind: str) -> Json | None:
        return self._cache(kind).some()

    def _cache(self, kind: str) -> Cache:
        if kind not in self.caches:
            self.caches[kind] = cached(kind, concerns.of, virtual.passed)
        return self.caches[kind]

    @contextlib.contextmanager
    def _elsewhere(self) -> Iterator[None]:
        """What the server does itself: its time is not ours, and the watch tells of it later."""
        began = time.process_time()
        told, self._listeners = self._listeners, []
        try:
            yield
        finally:
            self._listeners = told
            self.spent += time.process_time() - began

    async def patch(
        self, kind: str, namespace: str, name: str, ops: Sequence[Json], subresource: str = ""
    ) -> Json:
        sent = json.dumps([*ops])
        with self._elsewhere():
            made = await super().patch(kind, namespace, name, json.loads(sent), subresource)
        return self._come(kind, made)

    async def create(self, obj: Json) -> Json:
        sent = json.dumps(obj)
        with self._elsewhere():
            made = await super().create(json.loads(sent))
        return self._come(str(obj["kind"]), made)

    async def delete(self, kind: str, namespace: str, name: str, uid: str = "") -> None:
        gone = self.objects[kind, namespace, name]
        with self._elsewhere():
            await super().delete(kind, namespace, name, uid)
        self._come(kind, gone)

    def put(self, *objs: Json) -> None:
        with self._elsewhere():
            super().put(*objs)
        for obj in objs:
            meta = obj["metadata"]
            key = str(obj["kind"]), str(meta.get("namespace", "")), str(meta["name"])
            self._come(key[0], self.objects[key])

    def _come(self, kind: str, made: Json) -> Json:
        """The answer to a write as the edge takes it, and the watch's word of the same."""
        began = time.process_time()
        text = json.dumps(made).encode()
        self.spent += time.process_time() - began
        obj = named(kind, jsontext.read(text))
        if (kind, *key_of(obj)) not in self.objects:
            self._tell(kind, self._cache(kind).remove(obj))
        elif kind in self.caches or kind != "Event":
            self._tell(kind, self._cache(kind).written(obj))
            self._cache(kind).put(named(kind, jsontext.read(text)))
        return obj


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rollouts", type=int, default=100)
    given = parser.parse_args()
    before = yardstick()
    virtual.run(_measured([f"shop-{number}" for number in range(given.rollouts)]))
    print(f"yardstick: {min(before, yardstick()) * 1000:.0f} ms, the least of ten")
    return 0


def yardstick() -> float:
    """CPU seconds of a fixed piece of plain Python, the least of five."""
    return min(_fixed() for _ in range(5))


def _fixed() -> float:
    began = time.process_time()
    for _ in range(200):
        rows = [{"name": f"shop-{number}", "weight": number % 100} for number in range(300)]
        assert len({row["name"]: row["weight"] for row in rows}) == 300
    return time.process_time() - began


async def _measured(names: Sequence[str]) -> None:
    server = Server()
    for name in names:
        server.put(*shop_objects(name), a_rollout(name, strategy={"canary": {"steps": STEPS}}))
    outside = Outside(server, FakeMetrics(), FakeProxies())
    controller = Controller(outside, Settings(), virtual.clock, virtual.Alarms)
    stop = asyncio.Event()
    task = asyncio.create_task(controller.run(stop))
    await _until(server, lambda status: bool(status.get("stable")))
    await asyncio.sleep(120)
    with _told("journeys of five steps", server, controller):
        await _push(server, names, "v2", STEPS)
        await _until(server, _rests_on_v2)
    await _push(server, names, "v3", [{"weight": 5, "bake": "1d"}])
    await asyncio.sleep(300)
    with _told("five minutes within a step", server, controller):
        await asyncio.sleep(300)
    stop.set()
    await task


@contextlib.contextmanager
def _told(what: str, server: Server, controller: Controller) -> Iterator[None]:
    """Prints what ``what`` took."""
    server.writes.clear()
    server.spent, before, began = 0.0, looks(controller), time.process_time()
    yield
    took = time.process_time() - began - server.spent
    seen, writes = looks(controller) - before, len(server.writes)
    each = f"{took / seen * 1000:.2f} ms a look, {took / writes * 1000:.2f} ms a write"
    print(f"{what}: {seen} looks, {writes} writes, {took:.2f} s of CPU: {each}", flush=True)


def looks(controller: Controller) -> int:
    """How many looks there were, by the controller's own metrics."""
    text = controller.metrics_text()
    pattern = r'^rollout_reconciles_total{.*result="success".*} ([0-9.e+]+)$'
    return sum(int(float(count)) for count in re.findall(pattern, text, re.MULTILINE))


async def _push(server: Server, names: Sequence[str], revision: str, steps: Sequence[Json]) -> None:
    ops: list[Json] = [
        {"op": "replace", "path": "/spec/revision", "value": revision},
        {"op": "replace", "path": "/spec/strategy/canary/steps", "value": [*steps]},
    ]
    for name in names:
        await server.patch("Rollout", NAMESPACE, name, ops)


async def _until(server: Server, true: Callable[[Json], bool]) -> None:
    while not all(true(obj.get("status") or {}) for obj in server.list("Rollout")):
        await asyncio.sleep(10)


def _rests_on_v2(status: Json) -> bool:
    return bool(status["stage"]["name"] == "Idle" and status["stable"]["name"] == "v2")


if __name__ == "__main__":
    sys.exit(main())
