"""What istiod says of a configuration object: a few of its rules, in its words; pure.

Source: istio/istio, pkg/config/validation/validation.go (``ValidateVirtualService``,
``ValidateDestinationRule``, ``ValidateGateway``).
"""

from collections.abc import Iterator
from typing import Any

from rollout.lab.kube.client import Object

_ACTIONS = ("route", "redirect", "directResponse", "delegate")


def flaws(obj: Object) -> list[str]:
    """Why the object is refused; nothing where it is as it should be, or of another kind."""
    spec = obj.get("spec") or {}
    match obj.get("kind"):
        case "VirtualService":
            return list(_virtual_service(spec))
        case "DestinationRule":
            return list(_destination_rule(spec))
        case "Gateway":
            return list(_gateway(spec))
    return []


def _virtual_service(spec: Object) -> Iterator[str]:
    if not spec.get("hosts") and not any("delegate" in each for each in spec.get("http") or ()):
        yield "virtual service must have at least one host"
    if "*" in (spec.get("hosts") or ()) and "mesh" in (spec.get("gateways") or ["mesh"]):
        yield "wildcard host * is not allowed for virtual services bound to the mesh gateway"
    if not any(spec.get(each) for each in ("http", "tls", "tcp")):
        yield "http, tcp or tls must be provided in virtual service"
    for route in spec.get("http") or ():
        yield from _http(route)


def _http(route: Object) -> Iterator[str]:
    if not any(route.get(each) for each in _ACTIONS):
        yield "HTTP route, redirect or direct_response is required"
    weights = [_number(each.get("weight")) for each in route.get("route") or ()]
    if any(weight < 0 for weight in weights):
        yield f"weight {min(weights)} < 0"
    if len(weights) > 1 and not sum(weights):
        yield "total destination weight = 0"
    for each in route.get("route") or ():
        if not (each.get("destination") or {}).get("host"):
            yield "destination must have a host"


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _destination_rule(spec: Object) -> Iterator[str]:
    if not spec.get("host"):
        yield "destination rule must have a host"
    seen: set[str] = set()
    for subset in spec.get("subsets") or ():
        name = str(subset.get("name") or "")
        if not name:
            yield "subset name cannot be empty"
        if name in seen:
            yield f"duplicate subset name: {name}"
        seen.add(name)


def _gateway(spec: Object) -> Iterator[str]:
    if not spec.get("servers"):
        yield "gateway must have at least one server"
    for server in spec.get("servers") or ():
        if not server.get("hosts"):
            yield "server config must contain at least one host"
