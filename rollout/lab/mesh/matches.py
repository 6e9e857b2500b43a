"""One HTTPMatchRequest -> Envoy's RouteMatch, and which rules a listener gets to see at all."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from rollout.lab.kube.client import Object


@dataclass(frozen=True, slots=True)
class Listener:
    """Who asks: ``gateway`` is ``namespace/name`` or ``mesh``; labels are the calling proxy's."""

    gateway: str
    port: int
    labels: Mapping[str, str] = field(default_factory=dict)
    namespace: str = ""


def visible(match: Mapping[str, Any], listener: Listener, namespace: str) -> bool:
    """Whether ``listener`` gets a rule with ``match``, of an object in ``namespace``, at all.

    A match with ``gateways`` does not ask who calls.
    Source: istio/istio, pilot/pkg/networking/core/route/route.go, ``sourceMatchHTTP``.
    """
    if match.get("port") not in (None, listener.port):
        return False
    if gateways := match.get("gateways"):
        return listener.gateway in [gateway(each, namespace) for each in gateways]
    if match.get("sourceNamespace") not in (None, "", listener.namespace):
        return False
    wanted = match.get("sourceLabels") or {}
    return all(listener.labels.get(key) == value for key, value in wanted.items())


def gateway(name: str, namespace: str) -> str:
    """A gateway's name in full; ``mesh`` means every proxy inside and stays as it is."""
    return name if "/" in name or name == "mesh" else f"{namespace}/{name}"


def envoy_match(match: Mapping[str, Any]) -> Object:
    """What Envoy must find in a request; source: envoy.config.route.v3.RouteMatch."""
    found = _path(match.get("uri") or {})
    if match.get("ignoreUriCase"):
        found["case_sensitive"] = False
    headers = [*_headers(match), *_pseudo_headers(match)]
    query = [
        {"name": name, **_value(rule, "string_match")}
        for name, rule in (match.get("queryParams") or {}).items()
    ]
    return found | {k: v for k, v in (("headers", headers), ("query_parameters", query)) if v}


def is_catch_all(found: Mapping[str, Any]) -> bool:
    """Whether Envoy's ``found`` holds for every request; a lone ``/`` or ``.*`` and nothing else.

    Source: istio/istio, pilot/pkg/networking/core/route/route.go, ``IsCatchAllRoute``.
    """
    everything = found.get("prefix") == "/" or found.get("safe_regex") == {"regex": ".*"}
    return everything and not found.get("headers") and not found.get("query_parameters")


def string_match(rule: Mapping[str, str]) -> Object | None:
    """``exact``, ``prefix`` or ``regex`` (RE2, the whole value); None is mere presence.

    The regex ``*`` is none of RE2, and means presence, too.
    """
    if rule.get("regex") == "*":
        return None
    if "exact" in rule:
        return {"exact": rule["exact"]}
    if "prefix" in rule:
        return {"prefix": rule["prefix"]}
    return {"safe_regex": {"regex": rule["regex"]}} if "regex" in rule else None


def _path(uri: Mapping[str, str]) -> Object:
    if "exact" in uri:
        return {"path": uri["exact"]}
    if "regex" in uri:
        return {"safe_regex": {"regex": uri["regex"]}}
    return {"prefix": uri.get("prefix", "/")}


def _value(rule: Mapping[str, str] | None, field_name: str) -> Object:
    found = string_match(rule or {})
    return {"present_match": True} if found is None else {field_name: found}


def _headers(match: Mapping[str, Any]) -> Iterator[Object]:
    for name, rule in (match.get("headers") or {}).items():
        yield {"name": name, **_value(rule, "string_match")}
    for name, rule in (match.get("withoutHeaders") or {}).items():
        found = {"name": name, **_value(rule, "string_match"), "invert_match": True}
        # A request without the header lacks the value too; Envoy would say "no match" else.
        yield (
            found if "present_match" in found else {**found, "treat_missing_header_as_empty": True}
        )


def _pseudo_headers(match: Mapping[str, Any]) -> Iterator[Object]:
    for key in ("scheme", "method", "authority"):
        if match.get(key):
            yield {"name": f":{key}", **_value(match[key], "string_match")}
