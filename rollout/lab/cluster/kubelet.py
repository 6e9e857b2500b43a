"""Pods -> running containers in the shop's process, and their state back into the pods' status."""

import asyncio
import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from rollout.lab.cluster import pods
from rollout.lab.cluster.identity import series
from rollout.lab.cluster.network import Network, loopback
from rollout.lab.kube.client import POD, SERVICE, Object
from rollout.lab.kube.watched import Patch, Plan, Watched, Write
from rollout.lab.programs.processes import Child
from rollout.lab.shop.faults import PREFIX, Faults

_log = logging.getLogger(__name__)
KINDS = (POD, SERVICE)
DRAIN_SECONDS = 0.6
"""Time for the mesh to hear that a pod is leaving before it stops listening, as a preStop sleep."""


class Runtime(Protocol):
    """Runs pods that are no shop's; ``tell`` takes the same words as the shop says."""

    def runs(self, pod: Object) -> bool: ...

    def start(self, pod: Object, address: str, tell: Callable[[str], None]) -> None: ...

    def stop(self, pod: str) -> None:
        """``pod``: its namespace and name, with a slash; it tells ``stopped`` when it is over."""


@dataclass(slots=True)
class _Running:
    ip: str
    started: datetime
    annotated: Faults
    revision: str
    faults: Faults = field(default_factory=Faults)
    sent: dict[str, Any] = field(default_factory=dict)
    state: str = "starting"
    since: datetime | None = None
    restarts: int = 0
    stopping: bool = False
    runtime: Runtime | None = None


class Kubelet:
    """Plans like every controller, and besides talks with the shop.

    ``runtimes``: who runs pods that are not the shop's; the first that says so has a pod.
    ``drain``: seconds for which a pod that leaves still serves.
    """

    def __init__(
        self,
        shop: Child,
        network: Network,
        runtimes: Sequence[Runtime] = (),
        drain: float = DRAIN_SECONDS,
    ) -> None:
        self._drain = drain
        self._shop = shop
        self._network = network
        self._runtimes = runtimes
        self._proxies: dict[str, Mapping[str, object]] = {}  # by the revision that injected them
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
        self._faults[key] = (before or Faults()).changed(values) if values else Faults()
        return self._renewed(
            lambda name, running: (name.partition("/")[0], running.sent["about"]["workload"]) == key
        )

    def set_proxy_faults(self, revision: str, values: Mapping[str, object]) -> int:
        """What every pod that ``revision`` injected suffers besides its own; how many there are.

        Errors: ValueError names what cannot be.
        """
        Faults().changed(values)
        self._proxies[revision] = values
        return self._renewed(lambda _, running: running.revision == revision)

    def _renewed(self, concerns: Callable[[str, _Running], bool]) -> int:
        chosen = [(name, each) for name, each in self._running.items() if concerns(name, each)]
        for name, running in chosen:
            running.faults = self._suffered(name, running)
            self._send({"do": "faults", "pod": name, "faults": asdict(running.faults)})
        return len(chosen)

    def _suffered(self, name: str, running: _Running) -> Faults:
        """The workload's faults, or the pod's own where none are set; and on top its proxy's."""
        key = (name.partition("/")[0], running.sent["about"]["workload"])
        own = self._faults.get(key, running.annotated)
        return own.changed(self._proxies.get(running.revision, {}))

    async def listen(self, watched: Watched) -> None:
        """For ever: news from the shop become pod conditions at the next plan.

        Errors: as ``Child.lines``.
        """
        async for line in self._shop.lines():
            news = json.loads(line)
            self._heard(watched, news["pod"], news["is"])

    def _heard(self, watched: Watched, pod: str, what: str) -> None:
        running = self._running.get(pod)
        if running is not None:
            running.restarts += what == "crashed"
            running.state, running.since = what, datetime.now(UTC)
            watched.poke(POD)

    def _start(self, watched: Watched, pod: Object, now: datetime) -> _Running:
        key = _key(pod)
        running = _Running(self._network.address(), now, _annotated(pod), _revision(pod))
        running.sent = self._described(watched, pod)
        running.faults = self._suffered(key, running)
        running.runtime = next((each for each in self._runtimes if each.runs(pod)), None)
        if running.runtime is None:
            self._send({"do": "start", "ports": _ports(pod), **self._order(pod, running)})
        else:
            address = loopback(running.ip)
            running.runtime.start(pod, address, lambda what: self._heard(watched, key, what))
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
        if running.runtime is None and running.sent != (sent := self._described(watched, pod)):
            running.sent = sent
            self._send({"do": "describe", "ports": _ports(pod), **self._order(pod, running)})
        status = _status(pod, running)
        if pods.differs(pod.get("status", {}), status):
            yield Patch(POD, meta["namespace"], meta["name"], {"status": status}, "status")

    def _later(self, key: str, grace: float) -> None:
        async def drained() -> None:
            await asyncio.sleep(self._drain)
            self._stop(key, grace)

        task = asyncio.create_task(drained())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _stop(self, key: str, grace: float) -> None:
        running = self._running.get(key)
        if running is None or running.runtime is None:
            self._send({"do": "stop", "pod": key, "grace": grace})
        else:
            running.runtime.stop(key)

    def _send(self, message: dict[str, Any]) -> None:
        self._shop.stdin.write(json.dumps(message).encode() + b"\n")


def _key(pod: Object) -> str:
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"


def _revision(pod: Object) -> str:
    """Whose injector the pod met.  Source: istio.io, "Resource Annotations", ``istio.io/rev``."""
    return str((pod["metadata"].get("annotations") or {}).get("istio.io/rev", ""))


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
    up = running.state in ("ready", "unready")
    spec = pod["spec"]
    sidecars = [
        each for each in spec.get("initContainers") or () if each.get("restartPolicy") == "Always"
    ]
    status: dict[str, Any] = {
        "phase": "Running" if up or running.restarts else "Pending",
        "podIP": running.ip,
        "podIPs": [{"ip": running.ip}],
        "startTime": begun,
        "conditions": conditions,
        "containerStatuses": [_box(each, running, since) for each in spec["containers"]],
    }
    if sidecars:
        status["initContainerStatuses"] = [_box(each, running, since) for each in sidecars]
    return status


def _box(box: Object, running: _Running, since: str) -> Object:
    """The status of one container; all of a pod's start, fail and serve together."""
    up = running.state in ("ready", "unready")
    waiting = "CrashLoopBackOff" if running.state == "crashed" else "ContainerCreating"
    return {
        "name": box["name"],
        "image": box.get("image", ""),
        "imageID": "",
        "ready": running.state == "ready",
        "started": up,
        "restartCount": running.restarts,
        "state": {"running": {"startedAt": since}} if up else {"waiting": {"reason": waiting}},
        "lastState": {},
    }


def _condition(kind: str, true: bool, since: str) -> Object:
    return {"type": kind, "status": "True" if true else "False", "lastTransitionTime": since}
