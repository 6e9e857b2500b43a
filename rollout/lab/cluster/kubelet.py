"""Pods -> running containers in the shop's process, and their state back into the pods' status."""

import asyncio
import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from rollout.lab.cluster import pods
from rollout.lab.cluster.identity import series
from rollout.lab.cluster.network import Network, loopback
from rollout.lab.kube.client import POD, SERVICE, Object
from rollout.lab.kube.watched import Patch, Plan, Watched, Write
from rollout.lab.programs.processes import Child
from rollout.lab.shop.faults import PREFIX, Faults

_log = logging.getLogger(__name__)
KINDS = (POD, SERVICE)
# Time for the mesh to hear that the pod is leaving before it stops listening, as a preStop sleep.
_DRAIN_SECONDS = 0.6


@dataclass(slots=True)
class _Running:
    ip: str
    started: datetime
    faults: Faults
    sent: dict[str, Any]
    state: str = "starting"
    since: datetime | None = None
    restarts: int = 0
    stopping: bool = False


class Kubelet:
    """Plans like every controller, and besides talks with the shop."""

    def __init__(self, shop: Child, network: Network) -> None:
        self._shop = shop
        self._network = network
        self._running: dict[str, _Running] = {}
        self._faults: dict[tuple[str, str], Faults] = {}  # by namespace and workload
        self._tasks: set[asyncio.Task[None]] = set()

    def plan(self, watched: Watched, now: datetime) -> Plan:
        """Starts and stops what must be, and tells each pod's status as far as it differs."""
        found = {_key(pod): pod for pod in watched.all(POD)}
        for key in [key for key in self._running if key not in found]:
            self._stop(key, grace=0.0)
            del self._running[key]
        writes: list[Write] = []
        for key, pod in found.items():
            running = self._running.get(key)
            if running is None and not pods.leaving(pod):
                running = self._running[key] = self._start(watched, pod, now)
            writes += self._writes(watched, key, pod, running)
        return Plan(writes)

    def set_faults(self, namespace: str, workload: str, values: Mapping[str, object]) -> int:
        """Running pods of the workload, and those to come, have these faults; how many there are.

        Errors: ValueError names what cannot be.
        """
        key = (namespace, workload)
        before = self._faults.get(key)
        faults = (before or Faults()).changed(values) if values else Faults()
        self._faults[key] = faults
        touched = 0
        for name, running in self._running.items():
            if (name.split("/")[0], running.sent["about"]["workload"]) == key:
                running.faults = faults
                self._send({"do": "faults", "pod": name, "faults": asdict(faults)})
                touched += 1
        return touched

    async def listen(self, watched: Watched) -> None:
        """For ever: news from the shop become pod conditions at the next plan."""
        async for line in self._shop.stdout:
            news = json.loads(line)
            running = self._running.get(news["pod"])
            if running is not None:
                running.restarts += news["is"] == "crashed"
                running.state, running.since = news["is"], datetime.now(UTC)
                watched.poke(POD)

    def _start(self, watched: Watched, pod: Object, now: datetime) -> _Running:
        meta = pod["metadata"]
        faults = self._faults.get((meta["namespace"], pods.workload(pod)))
        if faults is None:
            faults = _annotated(pod)
        running = _Running(self._network.address(), now, faults, {})
        running.sent = self._described(watched, pod)
        self._send({"do": "start", "ports": _ports(pod), **self._order(pod, running)})
        return running

    def _order(self, pod: Object, running: _Running) -> dict[str, Any]:
        faults = asdict(running.faults)
        return {"pod": _key(pod), "ip": loopback(running.ip), "faults": faults, **running.sent}

    @staticmethod
    def _described(watched: Watched, pod: Object) -> dict[str, Any]:
        labels = pods.labels(pod)
        about = {
            "app": labels.get("app", ""),
            "version": labels.get("version", ""),
            "workload": pods.workload(pod),
            "pod": pod["metadata"]["name"],
        }
        return {"series": series(pod, watched.all(SERVICE)), "about": about}

    def _writes(
        self, watched: Watched, key: str, pod: Object, running: _Running | None
    ) -> Iterator[Write]:
        meta = pod["metadata"]
        if pods.leaving(pod):
            if running is None or running.state == "stopped":
                yield Patch(
                    POD, meta["namespace"], meta["name"], {"metadata": {"finalizers": None}}
                )
            elif not running.stopping:
                running.stopping = True
                self._later(key, pod["spec"].get("terminationGracePeriodSeconds") or 30.0)
            return
        assert running is not None, "a pod that stays was started"  # noqa: S101 - our promise
        if running.sent != (sent := self._described(watched, pod)):
            running.sent = sent
            self._send({"do": "describe", "ports": _ports(pod), **self._order(pod, running)})
        status = _status(pod, running)
        if pods.differs(pod.get("status", {}), status):
            yield Patch(POD, meta["namespace"], meta["name"], {"status": status}, "status")

    def _later(self, key: str, grace: float) -> None:
        async def drained() -> None:
            await asyncio.sleep(_DRAIN_SECONDS)
            self._stop(key, grace)

        task = asyncio.create_task(drained())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _stop(self, key: str, grace: float) -> None:
        self._send({"do": "stop", "pod": key, "grace": grace})

    def _send(self, message: dict[str, Any]) -> None:
        self._shop.stdin.write(json.dumps(message).encode() + b"\n")


def _key(pod: Object) -> str:
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"


def _annotated(pod: Object) -> Faults:
    found = pod["metadata"].get("annotations") or {}
    try:
        return Faults.read({k: v for k, v in found.items() if k.startswith(PREFIX)})
    except ValueError as error:
        _log.warning("pod %s: %s; it runs without faults", _key(pod), error)
        return Faults()


def _ports(pod: Object) -> list[int]:
    named = [port for box in pod["spec"]["containers"] for port in box.get("ports", ())]
    return [port["containerPort"] for port in named] or [8080]


def _status(pod: Object, running: _Running) -> dict[str, Any]:
    ready = running.state == "ready"
    since = pods.stamp(running.since or running.started)
    begun = pods.stamp(running.started)
    conditions = [
        _condition("PodScheduled", True, begun),
        _condition("Initialized", True, begun),
        _condition("ContainersReady", ready, since),
        _condition("Ready", ready, since),
    ]
    box = pod["spec"]["containers"][0]
    up = running.state in ("ready", "unready")
    waiting = "CrashLoopBackOff" if running.state == "crashed" else "ContainerCreating"
    state = {"running": {"startedAt": since}} if up else {"waiting": {"reason": waiting}}
    return {
        "phase": "Running" if up or running.restarts else "Pending",
        "podIP": running.ip,
        "podIPs": [{"ip": running.ip}],
        "startTime": begun,
        "conditions": conditions,
        "containerStatuses": [
            {
                "name": box["name"],
                "image": box.get("image", ""),
                "imageID": "",
                "ready": ready,
                "started": up,
                "restartCount": running.restarts,
                "state": state,
                "lastState": {},
            }
        ],
    }


def _condition(kind: str, true: bool, since: str) -> Object:
    return {"type": kind, "status": "True" if true else "False", "lastTransitionTime": since}
