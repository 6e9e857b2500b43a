"""Gateways: which hosts their HTTP servers let in, and what a VirtualService may have of them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rollout.lab.mesh.names import Snapshot, age

_HTTP = ("HTTP", "HTTP2", "HTTPS", "GRPC", "GRPC-WEB")  # Gateway reference, Port.protocol


@dataclass(frozen=True, slots=True)
class Server:
    """One server of the Gateway ``namespace/name``; ``hosts`` as written there."""

    gateway: str
    hosts: tuple[str, ...]

    def agreed(self, asked: Iterable[str], namespace: str) -> list[str]:
        """The narrower of each two that overlap, once: ``asked`` by an object of ``namespace``.

        Source: istio/istio, pkg/config/host/names.go, ``NamesForNamespace``, ``Intersection``.
        """
        mine = list(asked)
        both = (_narrower(let_in, host) for let_in in self._for(namespace) for host in mine)
        return list(dict.fromkeys(host for host in both if host))

    def _for(self, namespace: str) -> Iterator[str]:
        home = self.gateway.partition("/")[0]
        for each in self.hosts:
            space, _, host = each.rpartition("/")
            if space in ("", "*", namespace) or (space == "." and home == namespace):
                yield host


def servers(world: Snapshot) -> Iterator[Server]:
    """The HTTP servers of all Gateways, of the oldest first."""
    for each in sorted(world.gateways, key=age):
        name = f"{each['metadata']['namespace']}/{each['metadata']['name']}"
        for server in each["spec"].get("servers") or ():
            if server["port"]["protocol"].upper() in _HTTP:
                yield Server(name, tuple(server.get("hosts") or ()))


def covers(pattern: str, host: str) -> bool:
    """Whether every request to ``host``, a name or a pattern, is one to ``pattern``."""
    if pattern in ("*", host):
        return True
    return pattern.startswith("*.") and host.endswith(pattern[1:])


def _narrower(one: str, two: str) -> str:
    if covers(one, two):
        return two
    return one if covers(two, one) else ""
