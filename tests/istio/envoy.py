"""Which route takes a request: Envoy's matching over what the lab's mesh makes of the objects.

The lab reads Istio's objects with code of its own, so it is a second opinion on what we write.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rollout.lab.mesh.edge import covers
from rollout.lab.mesh.names import Snapshot
from rollout.lab.mesh.routes import for_gateway

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """One request at a gateway; ``path`` with its query."""

    path: str = "/"
    host: str = "shop.example"
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def everything(self) -> dict[str, str]:
        pseudo = {":path": self.path, ":authority": self.host, ":method": self.method}
        return {**pseudo, ":scheme": "http", **self.headers}


def edge(objects: Sequence[Json], gateway: Json) -> Mapping[str, Json]:
    """The virtual hosts of ``gateway``."""
    return for_gateway(Snapshot(virtual_services=list(objects), gateways=[gateway]))


def taker(objects: Sequence[Json], gateway: Json, request: Request) -> str:
    """The name of the route that takes ``request`` at ``gateway``; empty: 404."""
    return taken(edge(objects, gateway), request)


def taken(hosts: Mapping[str, Json], request: Request) -> str:
    """As ``taker``, of a gateway that is known."""
    named = [host for host in hosts if covers(host, request.host)]
    if not named:
        return ""
    host = max(named, key=lambda each: (not each.startswith("*"), len(each)))
    routes = hosts[host]["routes"]
    return next((r["name"] for r in routes if _holds(r["match"], request)), "")


def _holds(match: Json, request: Request) -> bool:
    headers = all(_header(h, request.everything) for h in match.get("headers") or ())
    return headers and _path(match, request.path.partition("?")[0])


def _path(match: Json, path: str) -> bool:
    fold = (lambda text: text) if match.get("case_sensitive", True) else str.lower
    if "path" in match:
        return bool(fold(path) == fold(match["path"]))
    if "prefix" in match:
        return bool(fold(path).startswith(fold(match["prefix"])))
    return re.fullmatch(match["safe_regex"]["regex"], path) is not None


def _header(match: Json, headers: Mapping[str, str]) -> bool:
    value = headers.get(match["name"])
    if match.get("present_match"):
        holds = value is not None
    elif value is None and not match.get("treat_missing_header_as_empty"):
        return False
    else:
        holds = _string(match["string_match"], value or "")
    return holds != bool(match.get("invert_match"))


def _string(match: Json, value: str) -> bool:
    if "exact" in match:
        return bool(value == match["exact"])
    if "prefix" in match:
        return value.startswith(match["prefix"])
    return re.fullmatch(match["safe_regex"]["regex"], value) is not None
