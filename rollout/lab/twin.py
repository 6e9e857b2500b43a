"""Two clusters and the DNS in front: a zone, its name servers, external-dns, one Prometheus.

Addresses in the zone are the documentation's (RFC 5737); visitors know where they lead.
"""

import asyncio
import contextlib
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

from rollout.lab import sample
from rollout.lab.dns.externaldns import ExternalDns
from rollout.lab.dns.server import DnsServer
from rollout.lab.dns.visitors import Visitors
from rollout.lab.dns.zone import Zone
from rollout.lab.kube import crds
from rollout.lab.kube.client import Object
from rollout.lab.programs.prometheus import Prometheus
from rollout.lab.world import Settings, World

HOST = "shop.example.com"
RECORDS = "shop"
ADDRESSES = {"blue": "192.0.2.10", "green": "198.51.100.10"}
GATEWAY = "istio-ingressgateway"
SYSTEM = "istio-system"


@dataclass(slots=True)
class Twin:
    """``async with Twin() as twin:`` - blue serves everyone, green runs the same.

    ``ttl``: of the records, seconds; ``interval``: external-dns's; ``provider``: until INSYNC.
    """

    ttl: int = 2
    interval: float = 1.0
    provider: float = 1.0
    blue: World = field(init=False)
    green: World = field(init=False)
    zone: Zone = field(default_factory=lambda: Zone("example.com"))
    servers: list[DnsServer] = field(default_factory=list)
    prometheus: Prometheus = field(init=False)
    _exit: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._exit.aclose()
            raise
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._exit.aclose()

    @property
    def name_servers(self) -> list[str]:
        return [server.address for server in self.servers]

    def visitors(self, rps: float) -> Visitors:
        """Users of ``HOST`` who find it by DNS."""
        routes = {
            ADDRESSES["blue"]: self.blue.gateway_url,
            ADDRESSES["green"]: self.green.gateway_url,
        }
        servers = tuple(("127.0.0.1", server.port) for server in self.servers)
        return Visitors(HOST, servers, routes, rps)

    def world(self, side: str) -> World:
        """The cluster on that side."""
        return self.blue if side == "blue" else self.green

    async def _start(self) -> None:
        folder = Path(self._exit.enter_context(tempfile.TemporaryDirectory(prefix="rollout-twin-")))
        self.blue, self.green = (
            World(Settings(folder=folder / side, prometheus=False)) for side in ("blue", "green")
        )
        for world in (self.blue, self.green):
            await self._exit.enter_async_context(world)
        for _ in range(2):
            server = DnsServer(self.zone)
            await server.start()
            self._exit.push_async_callback(server.stop)
            self.servers.append(server)
        await self.blue.kube.apply(crds.dns())
        external = ExternalDns(self.blue.kube, self.zone, "home", self.interval, self.provider)
        self._always(external.run())
        for world in (self.blue, self.green):
            await world.apply(*objects())
        self.prometheus = Prometheus(folder, timedelta(seconds=1))
        self._exit.push_async_callback(self.prometheus.stop)
        pages = (self.blue.pages(cluster="blue"), self.green.pages(cluster="green"))
        await self.prometheus.start(*pages)
        for world in (self.blue, self.green):
            await world.serving(HOST)

    def _always(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)

        async def end() -> None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        self._exit.push_async_callback(end)


def objects() -> list[Object]:
    """What each of the two clusters runs: a shop, and its gateway's Deployment.

    The requests are the world's Envoy's; the Deployment stands for its pods.
    """
    route = {"name": "primary", "route": [{"destination": {"host": "shop"}}]}
    edge = sample.deployment("1", name=GATEWAY)
    edge["metadata"] |= {"name": GATEWAY, "namespace": SYSTEM}
    shop = sample.virtual_service(route)
    shop["spec"]["hosts"] = [HOST]
    return [
        sample.service(),
        sample.gateway(),
        sample.deployment("v1", latency_ms="5"),
        shop,
        edge,
    ]


def records(ttl: int) -> Object:
    """The record set, all of it on blue."""
    return {
        "apiVersion": "externaldns.k8s.io/v1alpha1",
        "kind": "DNSEndpoint",
        "metadata": {"name": RECORDS, "namespace": sample.NAMESPACE},
        "spec": {"endpoints": [_record("blue", "100", ttl), _record("green", "0", ttl)]},
    }


def _record(side: str, weight: str, ttl: int) -> Object:
    return {
        "dnsName": HOST,
        "recordType": "A",
        "recordTTL": ttl,
        "targets": [ADDRESSES[side]],
        "setIdentifier": side,
        "providerSpecific": [{"name": "aws/weight", "value": weight}],
    }
