"""Pods of gateways: each is a listener of the lab's Envoy, on the pod's own address."""

import asyncio
from collections.abc import Callable

from rollout.lab.cluster import pods
from rollout.lab.istiod.control_plane import ControlPlane, GatewayPod
from rollout.lab.kube.client import Object
from rollout.lab.metrics.telemetry import Telemetry

PORT = 8080
"""Where a gateway's pods listen for HTTP; its Service says ``targetPort`` 8080."""


class Gateways:
    """The runtime of pods that an injector gave the proxy of a gateway."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry
        self._plane: ControlPlane | None = None
        self._pods: dict[str, tuple[str, str]] = {}  # address and revision, by namespace/name
        self._told: dict[str, Callable[[str], None]] = {}
        self._errors: dict[str, float] = {}  # by revision
        self._tasks: set[asyncio.Task[None]] = set()

    def serve(self, plane: ControlPlane) -> None:
        """From now on there is an Envoy to listen with."""
        self._plane = plane

    def runs(self, pod: Object) -> bool:
        found = pod["metadata"].get("annotations") or {}
        return found.get("inject.istio.io/templates") == "gateway" and "istio.io/rev" in found

    def start(self, pod: Object, address: str, tell: Callable[[str], None]) -> None:
        meta = pod["metadata"]
        key = f"{meta['namespace']}/{meta['name']}"
        self._pods[key] = (address, meta["annotations"]["istio.io/rev"])
        self._told[key] = tell
        self._telemetry.sources[_listener(key)] = {
            "source_workload": pods.workload(pod),
            "source_workload_namespace": meta["namespace"],
            "pod": meta["name"],
            "namespace": meta["namespace"],
        }
        tell("starting")
        self._do(key, "ready")

    def stop(self, pod: str) -> None:
        self._pods.pop(pod, None)
        self._do(pod, "stopped")

    async def set_errors(self, revision: str, share: float) -> None:
        """``share``: of requests, 0 to 1, that gateways of ``revision`` answer with 503."""
        self._errors[revision] = share
        await self._reopened()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _reopened(self) -> None:
        if self._plane is not None:
            self._plane.gateways = {
                _listener(each): GatewayPod(address, PORT, self._errors.get(revision, 0.0))
                for each, (address, revision) in self._pods.items()
            }
            await self._plane.reopened()

    def _do(self, key: str, then: str) -> None:
        async def done() -> None:
            await self._reopened()
            if key in self._told:
                if then == "ready":
                    await _accepting(self._pods[key][0])
                self._told[key](then)

        task = asyncio.create_task(done())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _listener(key: str) -> str:
    return f"gateway/{key}"


async def _accepting(address: str) -> None:
    """Envoy has the listener, and its worker takes connections."""
    while True:
        try:
            _, writer = await asyncio.open_connection(address, PORT)
        except OSError:
            await asyncio.sleep(0.01)
            continue
        writer.close()
        await writer.wait_closed()
        return
