"""VirtualServices and Services -> Envoy's virtual hosts, for a gateway and for callers inside."""

from collections.abc import Iterator

from rollout.lab.kube.client import Object
from rollout.lab.mesh import delegates
from rollout.lab.mesh.actions import action
from rollout.lab.mesh.edge import covers, servers
from rollout.lab.mesh.hashing import policies
from rollout.lab.mesh.matches import Listener, envoy_match, gateway, is_catch_all, visible
from rollout.lab.mesh.names import Services, Snapshot, age, cluster, fqdn, is_http, ports

MESH = "mesh"


Hosts = dict[str, Object]
"""Virtual hosts by name."""


def for_gateway(world: Snapshot) -> Hosts:
    """One virtual host per public host that a VirtualService and a Gateway agree on.

    All HTTP servers of all Gateways share the one edge listener; to rules its port is 80.
    """
    routes: dict[str, list[Object]] = {}
    for server in servers(world):
        listener = Listener(server.gateway, 80)
        for each in oldest_first(world):
            namespace = each["metadata"]["namespace"]
            if server.gateway not in _gateways(each):
                continue
            asked = [fqdn(host, namespace) for host in each["spec"].get("hosts") or ()]
            some = list(_routes(each, world, listener))
            for host in server.agreed(asked, namespace) if some else ():
                routes.setdefault(host, []).extend(some)
    return {host: _merged(host, some) for host, some in routes.items()}


def _merged(host: str, routes: list[Object]) -> Object:
    """Several objects on one host are merged: what matches everything must not hide the others.

    Source: istio/istio, pilot/pkg/networking/core/route/route.go, ``SortVHostRoutes``.
    """
    ordered = sorted(routes, key=lambda route: is_catch_all(route["match"]))
    return {"name": host, "domains": [host], "routes": ordered}


def for_mesh(world: Snapshot, caller: Listener) -> Hosts:
    """One virtual host per Service and HTTP port, as the sidecar of ``caller`` would have them."""
    found: Hosts = {}
    services = Services(world.services)
    names = services.short_names()
    for host, service in services:
        for first, port in _numbered(filter(is_http, ports(service))):
            number = port["port"]
            listener = Listener(MESH, number, caller.labels, caller.namespace)
            name = f"{host}:{number}"
            routes = _owned(world, host, listener) or [_plain(host, number)]
            domains = [f"{each}:{number}" for each in names[host]]
            found[name] = {
                "name": name,
                "domains": [*(names[host] if first else ()), *domains],
                "routes": routes,
            }
    return found | _foreign(world, caller, {host for host, _ in services})


def _foreign(world: Snapshot, caller: Listener, known: set[str]) -> Hosts:
    """Hosts that are no Service, but a VirtualService gives them to callers inside."""
    found: Hosts = {}
    listener = Listener(MESH, 80, caller.labels, caller.namespace)
    for each in filter(_in_mesh, oldest_first(world)):
        for host in each["spec"].get("hosts") or ():
            full = fqdn(host, each["metadata"]["namespace"])
            if full in known or full == "*" or full in found:
                continue
            if routes := list(_routes(each, world, listener)):
                domains = [full] if full.startswith("*") else [full, f"{full}:80"]
                found[full] = {"name": full, "domains": domains, "routes": routes}
    return found


def oldest_first(world: Snapshot) -> list[Object]:
    """The VirtualServices in the order in which istiod reads them."""
    return sorted(world.virtual_services, key=age)


def _gateways(virtual_service: Object) -> list[str]:
    namespace = virtual_service["metadata"]["namespace"]
    names = virtual_service["spec"].get("gateways") or [MESH]
    return [gateway(each, namespace) for each in names if each != MESH]


def _in_mesh(virtual_service: Object) -> bool:
    return MESH in (virtual_service["spec"].get("gateways") or [MESH])


def _owned(world: Snapshot, host: str, listener: Listener) -> list[Object]:
    """The routes of the VirtualService that rules ``host`` inside; empty if none does.

    An exact host comes before ``*.x``, then the oldest; one without routes for HTTP rules nothing.
    """
    best: tuple[int, list[Object]] = 0, []
    for each in filter(_in_mesh, oldest_first(world)):
        for pattern in each["spec"].get("hosts") or ():
            full = fqdn(pattern, each["metadata"]["namespace"])
            rank = len(full) + (1000 if full == host else 0)  # the longer, the more specific
            if covers(full, host) and full != "*" and rank > best[0]:
                routes = list(_routes(each, world, listener))
                best = (rank, routes) if routes else best
    return best[1]


def _numbered(some: Iterator[Object]) -> Iterator[tuple[bool, Object]]:
    return ((index == 0, each) for index, each in enumerate(some))


def _routes(virtual_service: Object, world: Snapshot, listener: Listener) -> Iterator[Object]:
    """In order, up to the first that matches everything: no request comes beyond it."""
    for route in _all_routes(virtual_service, world, listener):
        yield route
        if is_catch_all(route["match"]):
            return


def _all_routes(virtual_service: Object, world: Snapshot, listener: Listener) -> Iterator[Object]:
    services = Services(world.services)
    home = virtual_service["metadata"]["namespace"]
    for rule, namespace in delegates.rules(virtual_service, world.virtual_services):
        matches = rule.get("match") or [{}]
        seen = [each for each in matches if visible(each, listener, home)]
        if not seen:
            continue
        done = action(rule, services, namespace, listener.port)
        if "route" in done and (hashed := policies(rule, namespace, world)):
            done["route"]["hash_policy"] = hashed
        for match in seen:
            yield {"name": rule.get("name") or "default", "match": envoy_match(match), **done}


def _plain(host: str, port: int) -> Object:
    rule = {"route": [{"destination": {"host": host, "port": {"number": port}}}]}
    done = action(rule, Services(()), "", port)
    assert done["route"]["cluster"] == cluster(host, port)  # noqa: S101 - our own promise
    return {"name": "default", "match": {"prefix": "/"}, **done}
