"""Configuration -> Envoy, in an order in which no request falls between two states.

Clusters come before the routes that name them and go after them. What Envoy refuses is told apart
host by host, so that one bad VirtualService leaves all others as they should be.
"""

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime

from rollout.lab.kube.client import Object
from rollout.lab.mesh.clusters import Cluster, stat_name
from rollout.lab.mesh.routes import Hosts
from rollout.lab.mesh.translate import Config
from rollout.lab.programs.envoy import Envoy

_log = logging.getLogger(__name__)
_ROUTES = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
_PATIENCE = 3.0  # seconds for Envoy to take a file; it needs milliseconds


@dataclass(slots=True)
class Sent:
    """What was last sent of one type: its nonce, when, and the words if it was refused."""

    nonce: str = ""
    at: datetime | None = None
    error: str = ""


class Xds:
    """What Envoy has been told, and what of it has been taken."""

    def __init__(self, envoy: Envoy) -> None:
        self._envoy = envoy
        self._number = 0
        self._clusters: dict[str, Cluster] = {}
        self._endpoints: dict[str, str] = {}  # nonce by cluster
        self._good: dict[str, dict[str, Object]] = {}  # by listener and host: what Envoy took
        self._bad: dict[str, dict[str, Object]] = {}  # and what it refused, not to ask twice
        self.sent = {name: Sent() for name in ("cds", "eds", "lds", "rds-gateway", "rds-mesh")}

    async def listen(self, listeners: list[Object]) -> None:
        """These listeners, and no others, are open; their routes must have been sent."""
        if error := await self._send("lds", "listener_manager.lds", listeners):
            _log.warning("listeners: envoy refused some, the others are open: %s", error)

    async def push(self, config: Config) -> None:
        """All of ``config`` is in force, or the last good of what Envoy refused is."""
        self._send_endpoints(config.clusters)
        old = {name: each for name, each in self._clusters.items() if name not in config.clusters}
        await self._send_clusters(config.clusters | old)
        for listener, hosts in config.routes.items():
            await self._send_hosts(listener, hosts)
        self._clusters = dict(config.clusters)
        if old:
            await self._send_clusters(self._clusters)
            for name in old:
                self._endpoints.pop(name, None)
                self._envoy.drop(_file(name))

    def push_endpoints(self, clusters: dict[str, Cluster]) -> None:
        """Only the endpoints of clusters that Envoy knows already."""
        self._send_endpoints(
            {name: each for name, each in clusters.items() if name in self._clusters}
        )
        self._clusters |= {name: each for name, each in clusters.items() if name in self._clusters}

    async def acked(self) -> dict[str, str]:
        """Per type the nonce Envoy has taken, from its own statistics."""
        taken = await self._envoy.taken()
        names = {"cds": "cluster_manager.cds", "lds": "listener_manager.lds"}
        names |= {f"rds-{each}": f"http.{each}.rds.{each}" for each in ("gateway", "mesh")}
        found = {kind: taken[name].version if name in taken else "" for kind, name in names.items()}
        late = [
            name
            for name, nonce in self._endpoints.items()
            if (each := taken.get(f"cluster.{stat_name(name)}")) is None or each.version != nonce
        ]
        return found | {"eds": "" if late else self.sent["eds"].nonce}

    def _nonce(self) -> str:
        self._number += 1
        return str(self._number)

    def _send_endpoints(self, clusters: dict[str, Cluster]) -> None:
        nonce = self._nonce()
        for name, each in clusters.items():
            known = self._clusters.get(name)
            if known is None or known.endpoints != each.endpoints:
                self._envoy.write(_file(name), nonce, [each.endpoints])
                self._endpoints[name] = nonce
                self.sent["eds"] = Sent(nonce, datetime.now(UTC))

    async def _send_clusters(self, clusters: dict[str, Cluster]) -> None:
        resources = [self._with_source(name, each.cluster) for name, each in clusters.items()]
        if error := await self._send("cds", "cluster_manager.cds", resources):
            _log.warning("clusters: envoy refused some, the others are in force: %s", error)

    def _with_source(self, name: str, cluster: Object) -> Object:
        eds = cluster["eds_cluster_config"] | {"eds_config": self._envoy.source(_file(name))}
        return cluster | {"eds_cluster_config": eds}

    async def _send_hosts(self, listener: str, wanted: Hosts) -> None:
        """All hosts at once; if Envoy says no, each changed one on top of the good ones."""
        good = self._good.setdefault(listener, {})
        bad = self._bad.setdefault(listener, {})
        asked = {
            host: good.get(host) if bad.get(host) == each else each for host, each in wanted.items()
        }
        hosts = {host: each for host, each in asked.items() if each is not None}
        if await self._send_routes(listener, hosts):
            hosts = await self._one_by_one(listener, hosts)
        self._good[listener] = hosts
        self._bad[listener] = {
            host: each for host, each in wanted.items() if hosts.get(host) != each
        }

    async def _one_by_one(self, listener: str, wanted: dict[str, Object]) -> dict[str, Object]:
        good = self._good[listener]
        hosts = {host: good[host] for host in wanted if host in good}
        for host, each in wanted.items():
            if hosts.get(host) == each:
                continue
            if error := await self._send_routes(listener, hosts | {host: each}):
                _log.warning("%s: envoy refused its routes, the last good stay: %s", host, error)
            else:
                hosts[host] = each
        await self._send_routes(listener, hosts)
        return hosts

    async def _send_routes(self, listener: str, hosts: dict[str, Object]) -> str:
        routes = {
            "@type": _ROUTES,
            "name": listener,
            "virtual_hosts": list(hosts.values()),
            "validate_clusters": False,  # a route to nowhere is a 503 for its host, not for all
            # The gateway's port is whichever was free; inside, the port says which Service port.
            "ignore_port_in_host_matching": listener == "gateway",
        }
        return await self._send(f"rds-{listener}", f"http.{listener}.rds.{listener}", [routes])

    async def _send(self, kind: str, subscription: str, resources: list[Object]) -> str:
        """Empty once Envoy took it, else why it did not."""
        before = (await self._envoy.taken()).get(subscription)
        nonce = self._nonce()
        self.sent[kind] = Sent(nonce, datetime.now(UTC))
        self._envoy.write(kind, nonce, resources)
        if before is None:  # nobody has subscribed yet, so nobody will answer
            return ""
        deadline = asyncio.get_running_loop().time() + _PATIENCE
        while asyncio.get_running_loop().time() < deadline:
            now = (await self._envoy.taken())[subscription]
            if now.version == nonce:
                return ""
            if now.refused > before.refused:
                self.sent[kind].error = self._envoy.last_refusal() or "no reason given"
                return self.sent[kind].error
            await asyncio.sleep(0.002)
        return f"no answer within {_PATIENCE:g} s"


def _file(cluster: str) -> str:
    return f"eds-{stat_name(cluster)}"
