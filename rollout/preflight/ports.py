"""Rules about protocols and ports: in the mesh the service's port decides, at a gateway its server.

Source: Istio, "Protocol Selection"; Gateway API of Istio, ``Server``; pkg/config/gateway,
``IsHTTPServer``.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rollout.istio import beside, hosts
from rollout.istio.routes import reach
from rollout.istio.routes.apart import full_gateway, in_full
from rollout.istio.routes.listing import is_host, meant, namespace, spec, where
from rollout.preflight.snapshot import Case, Obj

HTTP = ("http", "http2", "http_proxy", "grpc", "grpc-web")
OTHER = ("tcp", "udp", "tls", "https", "mongo", "mysql", "redis")
_STANDARD = {"kubernetes.io/h2c": "http2", "kubernetes.io/ws": "http", "kubernetes.io/wss": "https"}
_WELL_KNOWN = (25, 53, 3306, 27017)
"""Ports that are tcp to Istio where nothing is said: mail, names, MySQL, MongoDB."""

_SERVES_HTTP = ("HTTP", "HTTP2", "GRPC", "GRPC-WEB")


def protocol(port: Obj) -> str:
    """What a Service's port speaks: by ``appProtocol``, else its name, up to the first dash.

    Source: istio/istio, pkg/config/kube/conversion.go, ``ConvertProtocol``.
    """
    if port.get("protocol") == "UDP":
        return "udp"
    written = str(port.get("appProtocol") or port.get("name") or "").lower()
    written = _STANDARD.get(written, written)
    word = "grpc-web" if written.startswith("grpc-web") else written.partition("-")[0]
    unsaid = word not in (*HTTP, *OTHER)
    return "tcp" if unsaid and port.get("port") in _WELL_KNOWN else word


def spoken(port: Obj) -> str:
    """The port's protocol, as its Service has it."""
    return "UDP" if port.get("protocol") == "UDP" else protocol(port)


def no_http(case: Case) -> Iterator[str]:
    """ROL-002, B: wherever the object is bound to, its http routes hold for nobody."""
    for obj in _with_http(case):
        places = list(_ignored(obj, case))
        if places and all(because for _, because in places):
            reasons = "; ".join(dict.fromkeys(because for _, because in places))
            yield f"{where(obj, case.target)}: {reasons}, so its http routes are ignored"


def half_http(case: Case) -> Iterator[str]:
    """ROL-002, W: http routes are ignored at one of the places that the object is bound to."""
    for obj in _with_http(case):
        places = list(_ignored(obj, case))
        if not all(because for _, because in places):
            for place, because in places:
                if because:
                    yield f"{where(obj, case.target)}: {because}, so {place} is not split"


def _with_http(case: Case) -> Iterator[Obj]:
    for obj in case.managed:
        if any(place.kind == "http" for place, _ in case.places(obj)):
            yield obj


def _ignored(obj: Obj, case: Case) -> Iterator[tuple[str, str]]:
    """Each place that the object is bound to, and why http routes are ignored there, or nothing.

    A delegate is bound where its roots are. Of a gateway that is not there nothing is known.
    """
    for root, gateway in case.bound(obj):
        if gateway == reach.MESH:
            yield from _in_mesh(root, obj, case)
        else:
            known = case.gateway(gateway, root)
            yield gateway, _at_gateway(known, root, case) if known is not None else ""


def _in_mesh(root: Obj, obj: Obj, case: Case) -> Iterator[tuple[str, str]]:
    """By the ports of each service that the hosts mean: callers speak to these, not to ours."""
    space = namespace(root, case.target)
    listed = _listened(obj)
    for host in spec(root).get("hosts") or ():
        service = case.service_of(hosts.full(str(host), space))
        if service is None:
            yield "the mesh", ""
            continue
        ports = [p for p in service["spec"].get("ports") or [] if _heard(p, listed)]
        deaf = [p for p in ports if protocol(p) in OTHER]
        if ports and len(deaf) == len(ports):
            told = " and ".join(f"port {p.get('port')} is {spoken(p)}" for p in deaf)
            yield "the mesh", f"{told} in service {service['metadata']['name']}"
        else:
            yield "the mesh", ""


def _listened(obj: Obj) -> set[int]:
    """The ports that the matches of its http routes name; empty: any."""
    found: set[int] = set()
    for route in spec(obj).get("http") or ():
        for entry in reach.entries(route):
            if not entry.get("port"):
                return set()
            found.add(int(entry["port"]))
    return found


def _heard(port: Obj, listened: set[int]) -> bool:
    return not listened or port.get("port") in listened


def _at_gateway(gateway: Obj, obj: Obj, case: Case) -> str:
    """Why no server of the gateway that has one of the hosts takes http; empty: one does."""
    mine = list(servers(gateway, obj, case))
    if not mine or any(_serves_http(server) for server in mine):
        return ""
    told = ", ".join(_spoken(server) for server in mine)
    return f"gateway {gateway['metadata']['name']} serves its hosts by {told}"


def servers(gateway: Obj, obj: Obj, case: Case) -> Iterator[Mapping[str, Any]]:
    """The gateway's servers that have one of the VirtualService's hosts."""
    home, space = (namespace(one, case.target) for one in (gateway, obj))
    for server in (gateway.get("spec") or {}).get("servers") or ():
        if beside.hosts_at(server, home, obj, space):
            yield server


def _serves_http(server: Mapping[str, Any]) -> bool:
    spoken = str((server.get("port") or {}).get("protocol") or "HTTP").upper()
    terminated = (server.get("tls") or {}).get("mode") not in ("PASSTHROUGH", "AUTO_PASSTHROUGH")
    return spoken in _SERVES_HTTP or (spoken == "HTTPS" and terminated)


def _spoken(server: Mapping[str, Any]) -> str:
    port, mode = server.get("port") or {}, (server.get("tls") or {}).get("mode")
    return f"{port.get('protocol')} {mode}" if mode else str(port.get("protocol"))


def unnamed(case: Case) -> Iterator[str]:
    """ROL-002, W: Istio must guess the protocol of a port with no name that tells it."""
    if not any(reach.MESH in bound for _, bound in case.bindings()):
        return
    for port in _routed(case):
        if protocol(port) not in (*HTTP, *OTHER):
            told = f"port {port.get('port')} does not say that it is http"
            yield f"service {case.target.host}: {told}; name it http or set appProtocol"


def deaf(case: Case) -> Iterator[str]:
    """ROL-002, W: callers of a port that is no http are not split by http routes."""
    speaking = [p for p in _all(case.service) if protocol(p) not in OTHER]
    for port in _routed(case) if speaking else ():
        if protocol(port) in OTHER and any(reach.MESH in bound for _, bound in case.bindings()):
            told = f"port {port.get('port')} is {spoken(port)}"
            yield f"service {case.target.host}: {told}; callers of that port are not split"


def _all(service: Obj | None) -> list[Obj]:
    found: list[Obj] = ((service or {}).get("spec") or {}).get("ports") or []
    return found


def _routed(case: Case) -> list[Obj]:
    """The service's ports that managed http routes send to; by default those that speak http."""
    ports = _all(case.service)
    used = {number for obj in case.managed for number in _sent(obj, case)}
    speaking = [p for p in ports if protocol(p) in HTTP] or ports
    return [p for p in ports if p.get("port") in used or (None in used and p in speaking)]


def _sent(obj: Obj, case: Case) -> Iterator[int | None]:
    space = namespace(obj, case.target)
    for place, route in case.places(obj):
        for entry in (route.get("route") or ()) if place.kind == "http" else ():
            if is_host(entry, space, case.target):
                yield (entry["destination"].get("port") or {}).get("number")


def which(case: Case) -> Iterator[str]:
    """ROL-036, B: a port of a gateway is meant that the service does not have (IST0112).

    Source: Istio, ``Destination.port``: without one, of several ports the caller's is meant.
    """
    for obj, route, told in _portless(case):
        missing = _called(obj, route, case) - _numbers(case)
        if missing:
            listed = ", ".join(map(str, sorted(missing)))
            yield f"{told}; a gateway's port {listed} is none of them"


def any_of_several(case: Case) -> Iterator[str]:
    """ROL-036, W: with several ports a destination should say which."""
    for obj, route, told in _portless(case):
        if not _called(obj, route, case) - _numbers(case):
            yield f"{told}; the one that is called is meant"


def _numbers(case: Case) -> set[int]:
    return {int(port["port"]) for port in _all(case.service) if "port" in port}


def _portless(case: Case) -> Iterator[tuple[Obj, Mapping[str, Any], str]]:
    """Routes of managed objects that leave it open to which of several ports they send."""
    count = len(_numbers(case))
    for obj in case.managed if count > 1 else ():
        for place, route in meant(obj, case.target):
            entries = route.get("route") or ()
            mine = [e for e in entries if is_host(e, namespace(obj, case.target), case.target)]
            if any(not (e["destination"].get("port") or {}).get("number") for e in mine):
                told = f"the service has {count} ports and the destination names none"
                yield obj, route, f"{where(obj, case.target)} {place}: {told}"


def _called(obj: Obj, route: Mapping[str, Any], case: Case) -> set[int]:
    """The ports of those of its gateways that are there, by which requests come to the route."""
    found: set[int] = set()
    for root, name in case.bound(obj):
        gateway = case.gateway(name, root) if name != reach.MESH else None
        listened = set(_ports_of(servers(gateway, root, case))) if gateway is not None else set()
        full = full_gateway(name, namespace(root, case.target))
        if root is not obj:
            handing = case.handing(root, obj)
            listened = {n for r in handing for n in _let_through(r, full, root, listened, case)}
        found |= _let_through(route, full, obj, listened, case)
    return found


def _let_through(
    route: Mapping[str, Any], gateway: str, obj: Obj, listened: set[int], case: Case
) -> set[int]:
    """Those of the ports that the route's match lets in; it may name gateways, and a port."""
    space, found = namespace(obj, case.target), set[int]()
    for entry in (in_full(each, space) for each in reach.entries(route)):
        if gateway in (entry.get("gateways") or [gateway]):
            found |= listened & {entry["port"]} if entry.get("port") else listened
    return found


def _ports_of(found: Iterable[Mapping[str, Any]]) -> Iterator[int]:
    """Of those that send requests on; one that redirects to https sends none."""
    for server in found:
        port, tls = server.get("port") or {}, server.get("tls") or {}
        if port.get("number") and not tls.get("httpsRedirect"):
            yield int(port["number"])
