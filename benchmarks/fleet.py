"""What do a thousand rollouts cost, on a real kube-apiserver and etcd?

``python -m benchmarks.fleet [--rollouts N] [--rollbacks N]`` needs KUBEBUILDER_ASSETS. It prints

* the time of N journeys of five steps at once, against a bare loop that sends the same writes;
* from the answer that fails the gate to stable 100 written, with all the others under way.

Bakes are one second and istiod and Prometheus are stand-ins that answer at once, so that what is
measured is the controller and the API server: the clock is the real one.
"""

import argparse
import asyncio
import contextlib
import json
import logging
import math
import random
import resource
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from kubernetes.aio import client

from benchmarks.under_way import looks as looks_of
from rollout import jsontext
from rollout.controller import app, collector, telemetry
from rollout.controller.app import Controller, Outside
from rollout.controller.ports import Answers
from rollout.controller.seeing import concerns
from rollout.edges.kube import Kube
from rollout.edges.kube.credentials import Connection
from rollout.errors import OutsideError
from rollout.model.observation import CountsQuestion, ProxySync, Value, ValueQuestion
from tests.lab.survival import plain
from tests.lab.survival.plain import NAMESPACE, Api
from tests.realkube import RealKube, running

Json = Mapping[str, Any]
Request = tuple[str, str, Any, str]
"""Method, path, body and what kind of body it is."""

STEPS = tuple({"weight": weight, "bake": "1s"} for weight in (5, 10, 20, 30, 40))
LONG = ({"weight": 5, "bake": "1h"},)
RATIO, P99 = 1.3, 0.3
AT_ONCE = 64
POLL = 0.5  # seconds between two looks at every status
PATIENCE = 300.0  # seconds without a write
MANAGED = "/metadata/managedFields"
AN_INSTANT = 5  # releases that turn bad within one interval of 15 s: a bad afternoon


@dataclass(frozen=True)
class Write:
    """One write as it was sent; when that was, and when its answer was there."""

    sent: float
    at: float
    kind: str
    name: str
    part: str
    body: bytes


class Recording(Kube):
    """The edge itself, with a note of every write that went well.

    Bodies are noted as text: forty thousand as values are millions of objects, which the garbage
    collector would go through again and again.
    """

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.writes: list[Write] = []

    async def patch(
        self, kind: str, namespace: str, name: str, ops: Sequence[Json], subresource: str = ""
    ) -> Json:
        sent = _now()
        obj = await super().patch(kind, namespace, name, ops, subresource)
        self._note(sent, kind, name, subresource, [*ops])
        return obj

    async def create(self, obj: Json) -> Json:
        sent = _now()
        made = await super().create(obj)
        self._note(sent, str(obj["kind"]), str(obj["metadata"]["name"]), "", obj)
        return made

    def _note(self, sent: float, kind: str, name: str, part: str, body: Any) -> None:
        self.writes.append(Write(sent, _now(), kind, name, part, jsontext.written(body)))


@dataclass
class Prometheus:
    """Answers at once: every metric is fine, but those of ``bad`` shops.

    ``told``: when the first bad answer about a shop was given.
    """

    bad: set[str] = field(default_factory=set)
    told: dict[str, float] = field(default_factory=dict)

    async def ask(
        self, counts: tuple[CountsQuestion, ...], values: tuple[ValueQuestion, ...]
    ) -> Answers:
        return (), tuple(self._value(each) for each in values), ()

    def _value(self, asked: ValueQuestion) -> Value:
        if asked.promql in self.bad:
            self.told.setdefault(asked.promql, _now())
        return Value(asked.metric, asked.instant, 5.0 if asked.promql in self.bad else 0.0)


class Istiod:
    """Every proxy has everything at once."""

    async def synced(self, since: datetime) -> ProxySync | None:
        return ProxySync(1, 1)


@dataclass
class Fleet:
    """N shops on one API server, and a controller at work."""

    names: list[str]
    api: Api
    kube: Recording
    prometheus: Prometheus
    controller: Controller

    def looks(self) -> int:
        """How many looks there were, by the controller's own metrics."""
        return looks_of(self.controller)

    def statuses(self) -> dict[str, Json]:
        return {
            str(obj["metadata"]["name"]): obj.get("status") or {}
            for obj in self.kube.list("Rollout")
        }

    async def until(self, what: str, true: Callable[[Json], bool]) -> float:
        """When ``true`` held for every status; fails once nothing is written any more."""
        written, moved_at = -1, _now()
        while left := self._without(true):
            if len(self.kube.writes) != written:
                written, moved_at = len(self.kube.writes), _now()
            if _now() - moved_at > PATIENCE:
                status = self.statuses().get(left[0], {})
                many = f"{len(left)} of {len(self.names)} are not"
                raise AssertionError(f"{what}: {many}, one says {status.get('because')!r}")
            await asyncio.sleep(POLL)
        return _now()

    def _without(self, true: Callable[[Json], bool]) -> list[str]:
        statuses: Mapping[str, Json] = {}
        with contextlib.suppress(OutsideError):  # not listed yet
            statuses = self.statuses()
        return [name for name in self.names if not true(statuses.get(name, {}))]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rollouts", type=int, default=1000)
    parser.add_argument("--rollbacks", type=int, default=40)
    parser.add_argument("--no-journeys", action="store_true", help="rollbacks only")
    given = parser.parse_args()
    _log()
    collector.rarely()  # as `rollout run` does
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as real:
        return asyncio.run(_measured(real, given))


def _log() -> None:
    """What the controller warns of, as it does in production."""
    handler = logging.StreamHandler()
    handler.setFormatter(telemetry.Lines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])


async def _measured(real: RealKube, given: argparse.Namespace) -> int:
    names, ratio = [f"shop-{number}" for number in range(given.rollouts)], 0.0
    async with plain.connected(real) as api:
        began = _now()
        await _all(names, lambda name: _furnish(api, name))
        print(f"{len(names)} shops made in {_now() - began:.1f} s", flush=True)
        if not given.no_journeys:
            async with _fleet(real, api, names) as fleet:
                ours = await _journeys(fleet)
            ratio = ours / await _bare(api, names, fleet.kube.writes)
            print(f"ratio {ratio:.2f} (promise: at most {RATIO})", flush=True)
        async with _fleet(real, api, names) as fleet:
            p99 = await _rollbacks(fleet, min(given.rollbacks, given.rollouts))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of controller and benchmark together {peak:.0f} MiB")
    return int(ratio > RATIO or p99 > P99)


@contextlib.asynccontextmanager
async def _fleet(real: RealKube, api: Api, names: list[str]) -> AsyncIterator[Fleet]:
    """A controller at work, which knows every shop by now."""
    settings = client.Configuration(host=real.url, ssl_ca_cert=str(real.ca))
    settings.api_key["BearerToken"] = f"Bearer {real.token}"
    settings.connection_pool_maxsize = 256
    settings.client_session_kwargs = {"trust_env": False}  # as edges/kube/credentials.py has it
    connection = Connection(settings, _never_ends, None)  # as `rollout run` has it
    async with Recording(connection, concerns.of) as kube:
        prometheus = Prometheus()
        controller = Controller(Outside(kube, prometheus, Istiod()), app.Settings())
        fleet, stop = Fleet(names, api, kube, prometheus, controller), asyncio.Event()
        task = asyncio.create_task(controller.run(stop))
        try:
            await fleet.until("adopted", lambda status: bool(status.get("stable")))
            yield fleet
        finally:
            stop.set()
            await task


async def _never_ends(settings: client.Configuration) -> None:
    """The token is good for as long as anybody asks."""


async def _all(names: Sequence[str], work: Callable[[str], Awaitable[None]]) -> None:
    """``work`` for every shop, so many at once as a bare loop would."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(name: str) -> None:
        async with gate:
            await work(name)

    await asyncio.gather(*(one(name) for name in names))


async def _push(
    api: Api, name: str, revision: str, steps: Sequence[Json] = STEPS, interval: str = "1s"
) -> None:
    ops: list[Json] = [
        {"op": "replace", "path": "/spec/analysis/interval", "value": interval},
        {"op": "replace", "path": "/spec/revision", "value": revision},
        {"op": "replace", "path": "/spec/strategy/canary/steps", "value": [*steps]},
    ]
    await api.patch(Api.path("Rollout", NAMESPACE, name), ops)


async def _furnish(api: Api, name: str) -> None:
    for obj in plain.shop(name):
        await api.create(obj)
    limit = {"name": "limit", "query": name, "max": 1, "failures": {"consecutive": 1}}
    analysis = {"metrics": [limit], "interval": "1s", "warmup": "1s"}
    await api.create(plain.a_rollout(name, STEPS, analysis=analysis))


async def _journeys(fleet: Fleet) -> float:
    """Seconds from the first push to the last promotion."""
    await asyncio.sleep(2)
    fleet.kube.writes.clear()
    began, used, looks = _now(), time.process_time(), fleet.looks()
    await _all(fleet.names, lambda name: _push(fleet.api, name, "v2"))
    pushed = _now()
    ended = await fleet.until("promoted", _rests_on("v2"))
    took, cpu = ended - began, time.process_time() - used
    kinds = Counter(f"{w.kind}{'/' + w.part if w.part else ''}" for w in fleet.kube.writes)
    count = len(fleet.kube.writes)
    print(
        f"{len(fleet.names)} journeys of {len(STEPS)} steps: {took:.1f} s, of which pushing "
        f"{pushed - began:.1f} s; {cpu:.1f} s of CPU, {cpu / count * 1000:.2f} ms a write; "
        f"{fleet.looks() - looks} looks; {count} writes {dict(kinds)}",
        flush=True,
    )
    return took


def _rests_on(revision: str) -> Callable[[Json], bool]:
    return lambda s: bool(_stage(s) == "Idle" and s["stable"]["name"] == revision)


def _stage(status: Json) -> str:
    return str((status.get("stage") or {}).get("name", ""))


def _is_under_way(status: Json) -> bool:
    return _stage(status) == "Stepping" and "confirmedAt" in status["stage"]


async def _bare(api: Api, names: Sequence[str], writes: Sequence[Write]) -> float:
    """Seconds that a bare loop needs for the same pushes and writes, in the same order by shop."""
    by_shop: dict[str, list[Request]] = {name: [] for name in names}
    for write in writes:
        by_shop[_shop(write)].append(_request(write))
    answers = Counter[int]()

    async def one(name: str) -> None:
        await _push(api, name, "v2")
        for request in by_shop[name]:
            answers[await api.send(*request)] += 1

    began, used = _now(), time.process_time()
    await _all(names, one)
    took, cpu = _now() - began, (time.process_time() - used) / max(1, len(writes))
    each = f"{cpu * 1000:.2f} ms of CPU a write"
    print(f"a bare loop, the same: {took:.1f} s, {each}, answers {dict(answers)}", flush=True)
    return took


def _shop(write: Write) -> str:
    return write.name.split(".")[0]


def _request(write: Write) -> Request:
    """``write`` as anybody could send it again."""
    body = json.loads(write.body)
    if write.kind == "Event":
        version = Api.path("Event").removeprefix("/api/").rpartition("/")[0]
        meta = {**body["metadata"], "name": f"{body['metadata']['name']}.b"}
        path = Api.path("Event", NAMESPACE)
        return "POST", path, {"apiVersion": version, **body, "metadata": meta}, "application/json"
    ops = [op for op in body if op["op"] != "test"]
    if any(op["path"].startswith(MANAGED) for op in ops):  # of the controller, which nobody is here
        ops = [{"op": "add", "path": "/metadata/labels", "value": {"bare": f"{_now()}"}}]
    path = Api.path(write.kind, NAMESPACE, write.name, write.part)
    return "PATCH", path, ops, "application/json-patch+json"


async def _rollbacks(fleet: Fleet, count: int) -> float:
    """The 99th percentile of the seconds from a failing answer to stable 100 written."""
    await _all(fleet.names, lambda name: _push(fleet.api, name, "v3", LONG, "15s"))
    await fleet.until("under way", _is_under_way)
    fleet.kube.writes.clear()
    began, used = _now(), time.process_time()
    chosen = random.Random(1).sample(fleet.names, count)
    for name in chosen:
        fleet.prometheus.bad.add(name)
        await asyncio.sleep(15 / AN_INSTANT)
    busy = (time.process_time() - used) / (_now() - began)
    await _until(lambda: _first(fleet, "VirtualService").keys() >= set(chosen))
    routes = _first(fleet, "VirtualService")
    took = sorted(routes[name].at - _verdict(fleet, routes[name]) for name in chosen)
    whole = sorted(routes[name].at - fleet.prometheus.told[name] for name in chosen)
    bare = sorted([await _two_writes(fleet.api, name) for name in chosen])
    print(f"{len(fleet.names)} under way take {busy:.0%} of a core; {count} rollbacks:")
    _tell("verdict -> stable 100 written", took, f"promise: p99 {P99 * 1000:.0f} ms")
    _tell("failing answer -> stable 100 written", whole, "behind the looks of the same instant")
    _tell("those two writes by nobody special", bare, "for comparison")
    return _p99(took)


def _tell(what: str, sorted_seconds: Sequence[float], note: str) -> None:
    median, p99 = statistics.median(sorted_seconds) * 1000, _p99(sorted_seconds) * 1000
    print(f"  {what}: median {median:.0f} ms, p99 {p99:.0f} ms ({note})", flush=True)


def _first(fleet: Fleet, kind: str) -> dict[str, Write]:
    """The first write of every object of ``kind`` since they were forgotten."""
    return {each.name: each for each in reversed(fleet.kube.writes) if each.kind == kind}


def _verdict(fleet: Fleet, route: Write) -> float:
    """When the status was sent that says why: the verdict is acted upon without any waiting."""
    mine = (w for w in fleet.kube.writes if (w.kind, w.name) == ("Rollout", route.name))
    return max(write.sent for write in mine if write.at <= route.sent)


async def _two_writes(api: Api, name: str) -> float:
    """Seconds that a status and a route need, written one after the other by nobody special."""
    await asyncio.sleep(0.1)
    began, note = _now(), f"{_now()}"
    for kind in ("Rollout", "VirtualService"):
        op = {"op": "add", "path": "/metadata/labels", "value": {"bare": note}}
        await api.patch(Api.path(kind, NAMESPACE, name), [op])
    return _now() - began


def _p99(sorted_seconds: Sequence[float]) -> float:
    return sorted_seconds[math.ceil(len(sorted_seconds) * 0.99) - 1]


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():
            await asyncio.sleep(0.1)


def _now() -> float:
    return asyncio.get_running_loop().time()


if __name__ == "__main__":
    sys.exit(main())
