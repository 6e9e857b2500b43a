"""TCP and TLS routes -> where a listener sends each new connection; weights count connections."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rollout.lab.kube.client import Object
from rollout.lab.mesh.matches import Listener, gateway, visible
from rollout.lab.mesh.names import Services, Snapshot, cluster, fqdn, is_http, ports
from rollout.lab.mesh.routes import MESH, oldest_first

_Chains = list["Chain"]


@dataclass(frozen=True, slots=True)
class Chain:
    """Connections that ask for one of ``server_names``, or any if empty, go to ``targets``."""

    server_names: tuple[str, ...]
    targets: Object


def streams(world: Snapshot, caller: Listener) -> dict[str, _Chains]:
    """By listener, ``tcp|<port>|<host>`` inside and ``tcp|<port>|gateway`` at the edge.

    Chains that ask for a server name come before the one that does not.
    """
    found = dict(_inside(world, caller))
    return found | {name: chains for name, chains in _at_the_edge(world) if chains}


def _inside(world: Snapshot, caller: Listener) -> Iterator[tuple[str, _Chains]]:
    services = Services(world.services)
    for host, service in services:
        for port in ports(service):
            if is_http(port):
                continue
            number = port["port"]
            listener = Listener(MESH, number, caller.labels, caller.namespace)
            chains = list(_chains(world, services, listener, host))
            plain = Chain((), {"cluster": cluster(host, number)})
            yield f"tcp|{number}|{host}", _ordered([*chains, plain])


def _at_the_edge(world: Snapshot) -> Iterator[tuple[str, _Chains]]:
    services = Services(world.services)
    for each in world.gateways:
        name = f"{each['metadata']['namespace']}/{each['metadata']['name']}"
        for server in each["spec"].get("servers") or ():
            if server["port"]["protocol"].upper() in ("TCP", "TLS"):
                number = server["port"]["number"]
                listener = Listener(name, number)
                yield f"tcp|{number}|gateway", _ordered(_chains(world, services, listener, ""))


def _ordered(chains: Any) -> _Chains:
    """First match wins, so of chains with the same server names only the first one counts."""
    first: dict[tuple[str, ...], Chain] = {}
    for chain in chains:
        first.setdefault(chain.server_names, chain)
    return sorted(first.values(), key=lambda chain: not chain.server_names)


def _chains(world: Snapshot, services: Services, listener: Listener, host: str) -> Iterator[Chain]:
    """Of every VirtualService for ``host``, or for any host if it is empty."""
    for each in oldest_first(world):
        namespace = each["metadata"]["namespace"]
        spec = each["spec"]
        bound = [gateway(name, namespace) for name in spec.get("gateways") or [MESH]]
        hosts = [fqdn(name, namespace) for name in spec.get("hosts") or ()]
        if listener.gateway in bound and (not host or host in hosts):
            for kind in ("tls", "tcp"):
                yield from _of(spec.get(kind) or (), services, listener, namespace)


def _of(rules: Any, services: Services, listener: Listener, namespace: str) -> Iterator[Chain]:
    for rule in rules:
        for match in rule.get("match") or [{}]:
            if visible(match, listener, namespace):
                names = tuple(match.get("sniHosts") or ())
                yield Chain(names, _targets(rule["route"], services, listener, namespace))


def _targets(
    routes: list[Mapping[str, Any]], services: Services, listener: Listener, namespace: str
) -> Object:
    def name(route: Mapping[str, Any]) -> str:
        return services.destination(route["destination"], namespace, listener.port)

    if len(routes) == 1:
        return {"cluster": name(routes[0])}
    weighted = [each for each in routes if each.get("weight", 0) > 0]
    clusters = [{"name": name(each), "weight": each["weight"]} for each in weighted]
    return {"weighted_clusters": {"clusters": clusters}}
