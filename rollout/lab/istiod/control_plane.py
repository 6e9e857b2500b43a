"""The lab's istiod: it watches, translates, pushes, and tells who has taken what."""

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from rollout.errors import OutsideError
from rollout.lab.istiod.xds import Xds
from rollout.lab.kube.client import (
    DESTINATIONRULE,
    ENDPOINTS,
    GATEWAY,
    POD,
    SERVICE,
    VIRTUALSERVICE,
    Object,
)
from rollout.lab.kube.watched import Watched
from rollout.lab.mesh import listeners
from rollout.lab.mesh.admission import Admission
from rollout.lab.mesh.names import Snapshot
from rollout.lab.mesh.translate import Config, translate
from rollout.lab.programs.envoy import Envoy
from rollout.lab.programs.processes import free_port

_log = logging.getLogger(__name__)
_CONFIG = (VIRTUALSERVICE, DESTINATIONRULE, GATEWAY, SERVICE)
KINDS = (*_CONFIG, ENDPOINTS, POD)
# Source: istio/istio, pilot `proxiesConvergeDelay`.
_CONVERGENCE_SECONDS = (0.1, 0.5, 1, 3, 5, 10, 20, 30)
_TYPE = "type.googleapis.com/envoy.config."
_TYPE_URLS = {
    "cds": f"{_TYPE}cluster.v3.Cluster",
    "lds": f"{_TYPE}listener.v3.Listener",
    "rds": f"{_TYPE}route.v3.RouteConfiguration",
    "eds": f"{_TYPE}endpoint.v3.ClusterLoadAssignment",
}
_SYNCZ = {"cds": "cluster", "lds": "listener", "rds": "route", "eds": "endpoint"}


@dataclass(slots=True)
class Delays:
    """How slow the control plane is: before it pushes (as istiod's debounce), and to each proxy."""

    push: timedelta = timedelta()
    proxy: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class GatewayPod:
    """Where one pod of a gateway listens, and the share of requests that it fails by itself."""

    address: str
    port: int
    errors: float = 0.0


class ControlPlane:
    """Keeps one Envoy as the watched objects want it.

    ``gateways``: pods of gateways, by the name of their listener, which begins with ``gateway``;
    each has the routes of the edge. Whoever changes them asks for ``reopened``.
    """

    def __init__(self, watched: Watched, envoy: Envoy, ports: dict[str, int]) -> None:
        self._watched = watched
        self._envoy = envoy
        self._ports = ports
        self._xds = Xds(envoy)
        self._admission = Admission()
        self._done = 0  # the version of the watched objects that Envoy has
        self.delays = Delays()
        self._convergence: list[float] = []  # seconds, one per push
        self.gateways: dict[str, GatewayPod] = {}
        self._config = Config()
        self._opening = asyncio.Lock()

    async def reopened(self) -> None:
        """Envoy listens as ``gateways`` says."""
        await self._listen(self._config)

    async def start(self) -> None:
        """What is there now is served, and the listeners are open."""
        config = translate(self._snapshot())
        await self._xds.push(config)
        await self._listen(config)

    def port(self, listener: str) -> int:
        """Where on loopback ``gateway``, ``mesh`` or ``tcp|<port>|<host>`` is, or will be."""
        if listener not in self._ports:
            self._ports[listener] = free_port()
        return self._ports[listener]

    async def run(self) -> None:
        """For ever: every change is served as soon as the delays allow."""
        config = 0  # never the version, so that what came since start is pushed
        while True:
            await self._watched.change(KINDS, self._done, None)
            begun = asyncio.get_running_loop().time()
            # 5 ms: the writes of one client's burst arrive together, none waits noticeably.
            await asyncio.sleep(0.005 + self.delays.push.total_seconds())
            seen = self._watched.version(KINDS)
            whole, config = self._watched.version(_CONFIG) != config, self._watched.version(_CONFIG)
            try:
                await self._push(whole)
            except OutsideError as error:
                _log.warning("%s", error)
                await asyncio.sleep(0.5)
            self._done = seen
            self._convergence.append(asyncio.get_running_loop().time() - begun)

    @property
    def idle(self) -> bool:
        """Envoy has all that is known here."""
        return self._done == self._watched.version(KINDS)

    async def syncz(self) -> list[dict[str, Any]]:
        """One entry per proxy, as on istiod's ``/debug/syncz``; acked is Envoy's own word."""
        acked = await self._xds.acked()
        return [
            self._proxy("istio-ingressgateway-0.istio-system", "router", "gateway", acked),
            self._proxy("visitors-0.default", "sidecar", "mesh", acked),
        ]

    def metrics(self) -> str:
        """istiod's own metrics as far as the lab has them, in Prometheus' text format."""
        name, total = "pilot_proxy_convergence_time", len(self._convergence)
        lines = [f"# TYPE {name} histogram"]
        for bound in (*_CONVERGENCE_SECONDS, float("inf")):
            below = sum(each <= bound for each in self._convergence)
            le = "+Inf" if bound == float("inf") else f"{bound:g}"
            lines.append(f'{name}_bucket{{le="{le}"}} {below}')
        lines += [f"{name}_sum {sum(self._convergence):.6f}", f"{name}_count {total}"]
        refused = sum(bool(each.error) for each in self._xds.sent.values())
        lines += ["# TYPE pilot_total_xds_rejects counter", f"pilot_total_xds_rejects {refused}"]
        return "\n".join((*lines, ""))

    async def _push(self, whole: bool) -> None:
        config = translate(self._snapshot())
        await asyncio.sleep(self.delays.proxy.total_seconds())
        if whole:
            await self._xds.push(config)
            await self._listen(config)
        else:
            self._xds.push_endpoints(config.clusters)

    async def _listen(self, config: Config) -> None:
        async with self._opening:
            self._config = config
            await self._xds.listen(self._listeners(config))

    def _listeners(self, config: Config) -> list[Object]:
        http = [
            listeners.http(name, self.port(name), self._envoy.source(f"rds-{name}"))
            for name in config.routes
        ]
        tcp = [
            listeners.tcp(name, self.port(name), chains) for name, chains in config.streams.items()
        ]
        edge = self._envoy.source("rds-gateway")
        pods = [
            listeners.http(name, each.port, edge, "gateway", each.address, each.errors)
            for name, each in self.gateways.items()
        ]
        return [*http, *tcp, *pods]

    def _snapshot(self) -> Snapshot:
        return self._admission.sound(Snapshot(*map(self._watched.all, (*_CONFIG, ENDPOINTS, POD))))

    def _proxy(self, name: str, kind: str, listener: str, acked: dict[str, str]) -> dict[str, Any]:
        entry: dict[str, Any] = {
            "cluster_id": "Kubernetes",
            "proxy": name,
            "proxy_type": kind,
            "istio_version": "lab",
            "resources": {},
        }
        for each, word in _SYNCZ.items():
            key = f"rds-{listener}" if each == "rds" else each
            sent = self._xds.sent[key]
            entry[f"{word}_sent"], entry[f"{word}_acked"] = sent.nonce, acked[key]
            entry["resources"][_TYPE_URLS[each]] = {
                "sent": sent.nonce,
                "acked": acked[key],
                "sentTime": (sent.at or datetime.fromtimestamp(0, UTC)).isoformat(),
                **({"lastError": sent.error} if sent.error else {}),
            }
        return entry
