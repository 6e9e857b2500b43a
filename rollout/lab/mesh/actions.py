"""What is done with a matched request: one HTTPRoute of Istio's -> fields of Envoy's Route."""

from collections.abc import Iterator, Mapping
from typing import Any

from rollout.lab.kube.client import Object
from rollout.lab.mesh.durations import proto, seconds
from rollout.lab.mesh.matches import string_match
from rollout.lab.mesh.names import Services

_TYPE = "type.googleapis.com/envoy.extensions.filters.http"
# Source: Istio, mesh config `defaultHttpRetryPolicy`, and pilot's route/retry package.
_RETRY_ON = "connect-failure,refused-stream,unavailable,cancelled"
_RETRIES = 2


def action(rule: Mapping[str, Any], services: Services, namespace: str, port: int) -> Object:
    """The part of an Envoy Route beside its match and name.

    Errors: KeyError or ValueError when ``rule`` sends requests nowhere.
    """
    if rule.get("redirect"):
        return {"redirect": _redirect(rule["redirect"])}
    if rule.get("directResponse"):
        return {"direct_response": _direct(rule["directResponse"])}
    if not rule.get("route"):
        raise ValueError("http rule has neither route nor redirect nor directResponse")
    clusters = _Clusters(services, namespace, port)
    filters = _filters(rule)
    return {
        "route": _route(rule, clusters),
        **header_changes(rule.get("headers") or {}),
        **({"typed_per_filter_config": filters} if filters else {}),
    }


def header_changes(headers: Mapping[str, Any]) -> Object:
    """``headers.request`` and ``.response`` in Envoy's words; empty lists are left out."""
    found: Object = {}
    for side in ("request", "response"):
        change = headers.get(side) or {}
        added = [
            {"header": {"key": name, "value": str(value)}, "append_action": how}
            for verb, how in (
                ("set", "OVERWRITE_IF_EXISTS_OR_ADD"),
                ("add", "APPEND_IF_EXISTS_OR_ADD"),
            )
            for name, value in (change.get(verb) or {}).items()
            if not _is_internal(name)  # Envoy refuses a changed Host here; see _host
        ]
        if added:
            found[f"{side}_headers_to_add"] = added
        if removed := [each for each in change.get("remove") or () if not _is_internal(each)]:
            found[f"{side}_headers_to_remove"] = removed
    return found


class _Clusters:
    """Destinations of one object's rules as cluster names."""

    def __init__(self, services: Services, namespace: str, port: int) -> None:
        self._services, self._namespace, self._port = services, namespace, port

    def name(self, destination: Mapping[str, Any]) -> str:
        return self._services.destination(destination, self._namespace, self._port)


def _route(rule: Mapping[str, Any], clusters: _Clusters) -> Object:
    found: Object = {"timeout": proto(rule.get("timeout") or "0s")}
    found |= _targets(rule["route"], clusters)
    found |= _host(rule.get("headers") or {})
    found |= _rewrite(rule.get("rewrite") or {})
    if retry := _retry(rule.get("retries")):
        found["retry_policy"] = retry
    mirrors = list(_mirrors(rule, clusters))
    return found | ({"request_mirror_policies": mirrors} if mirrors else {})


def _targets(routes: list[Object], clusters: _Clusters) -> Object:
    """A single destination gets everything, whatever its weight; of several, 0 is left out.

    Source: istio.io, HTTPRouteDestination.weight, and pilot's route translation.
    """
    if len(routes) == 1:
        changes = header_changes(routes[0].get("headers") or {})
        if not changes:
            return {"cluster": clusters.name(routes[0]["destination"])}
        routes = [{**routes[0], "weight": 1}]
    weighted = [each for each in routes if each.get("weight", 0) > 0]
    if not weighted:
        raise ValueError("total weight is 0; some destination must have a weight")
    return {"weighted_clusters": {"clusters": [_weighted(each, clusters) for each in weighted]}}


def _weighted(route: Object, clusters: _Clusters) -> Object:
    name = clusters.name(route["destination"])
    headers = route.get("headers") or {}
    return {"name": name, "weight": route["weight"], **header_changes(headers), **_host(headers)}


def _rewrite(rewrite: Mapping[str, Any]) -> Object:
    found: Object = {}
    if rewrite.get("uri"):
        found["prefix_rewrite"] = rewrite["uri"]
    if pattern := rewrite.get("uriRegexRewrite"):
        regex = {"regex": pattern["match"]}
        found["regex_rewrite"] = {"pattern": regex, "substitution": pattern["rewrite"]}
    if rewrite.get("authority"):
        found["host_rewrite_literal"] = rewrite["authority"]
    return found


def _is_internal(name: str) -> bool:
    """What no one may change as a header; source: pilot's ``isInternalHeader``."""
    return name.startswith(":") or name.lower() == "host"


def _host(headers: Mapping[str, Any]) -> Object:
    """The host that the headers ask for; of ``set`` and ``add`` the first counts."""
    asked = headers.get("request") or {}
    both = (*(asked.get("add") or {}).items(), *(asked.get("set") or {}).items())
    named = [value for name, value in both if name.lower() in ("host", ":authority")]
    return {"host_rewrite_literal": named[-1]} if named else {}


def _retry(retries: Mapping[str, Any] | None) -> Object | None:
    wanted = retries or {}
    attempts = wanted.get("attempts", _RETRIES)
    if not attempts:
        return None
    words = [each.strip() for each in (wanted.get("retryOn") or _RETRY_ON).split(",")]
    codes = [int(each) for each in words if each.isdigit()]
    names = [each for each in words if not each.isdigit()]
    policy: Object = {
        "retry_on": ",".join([*names, *(["retriable-status-codes"] if codes else [])]),
        "num_retries": attempts,
        "retry_host_predicate": [_PREVIOUS_HOSTS],
        "host_selection_retry_max_attempts": 5,
    }
    if codes:
        policy["retriable_status_codes"] = codes
    if wanted.get("perTryTimeout"):
        policy["per_try_timeout"] = proto(wanted["perTryTimeout"])
    return policy


_PREVIOUS_HOSTS = {
    "name": "envoy.retry_host_predicates.previous_hosts",
    "typed_config": {
        "@type": "type.googleapis.com/"
        "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
    },
}


def _mirrors(rule: Mapping[str, Any], clusters: _Clusters) -> Iterator[Object]:
    single = {"destination": rule.get("mirror"), "percentage": rule.get("mirrorPercentage")}
    if rule.get("mirrorPercent") is not None and single["percentage"] is None:
        single["percentage"] = {"value": rule["mirrorPercent"]}
    for each in (*([single] if rule.get("mirror") else ()), *(rule.get("mirrors") or ())):
        share = _share(each.get("percentage"))
        if share["numerator"]:
            cluster = clusters.name(each["destination"])
            yield {"cluster": cluster, "runtime_fraction": {"default_value": share}}


def _share(percentage: Mapping[str, float] | None) -> Object:
    """Of a mirror none at all means all; an empty one is a 0 that JSON has dropped."""
    value = 100.0 if percentage is None else percentage.get("value", 0)
    return {"numerator": round(value * 10_000), "denominator": "MILLION"}


def _filters(rule: Mapping[str, Any]) -> Object:
    found: Object = {}
    if fault := rule.get("fault"):
        found["envoy.filters.http.fault"] = _fault(fault)
    if cors := rule.get("corsPolicy"):
        found["envoy.filters.http.cors"] = _cors(cors)
    return found


def _fault(fault: Mapping[str, Any]) -> Object:
    """Without a percentage nobody gets it.

    Source: Istio API, VirtualService, ``HTTPFaultInjection``, and pilot's ``TranslateFault``.
    """
    found: Object = {"@type": f"{_TYPE}.fault.v3.HTTPFault"}
    if delay := fault.get("delay"):
        share = _share(delay.get("percentage") or {"value": delay.get("percent") or 0})
        found["delay"] = {"fixed_delay": proto(delay["fixedDelay"]), "percentage": share}
    if abort := fault.get("abort"):
        kind = "grpc_status" if "grpcStatus" in abort else "http_status"
        status = int(abort.get("grpcStatus", abort.get("httpStatus", 503)))
        found["abort"] = {kind: status, "percentage": _share(abort.get("percentage") or {})}
    return found


def _cors(cors: Mapping[str, Any]) -> Object:
    found: Object = {
        "@type": f"{_TYPE}.cors.v3.CorsPolicy",
        "allow_origin_string_match": [string_match(each) for each in cors.get("allowOrigins", ())],
    }
    for ours, theirs in (
        ("allowMethods", "allow_methods"),
        ("allowHeaders", "allow_headers"),
        ("exposeHeaders", "expose_headers"),
    ):
        if cors.get(ours):
            found[theirs] = ",".join(cors[ours])
    if cors.get("maxAge"):
        found["max_age"] = f"{seconds(cors['maxAge']):.0f}"
    if "allowCredentials" in cors:
        found["allow_credentials"] = bool(cors["allowCredentials"])
    return found


def _redirect(redirect: Mapping[str, Any]) -> Object:
    found: Object = {}
    for ours, theirs in (
        ("authority", "host_redirect"),
        ("uri", "path_redirect"),
        ("scheme", "scheme_redirect"),
        ("port", "port_redirect"),
    ):
        if redirect.get(ours):
            found[theirs] = redirect[ours]
    return found | {"response_code": _REDIRECTS[int(redirect.get("redirectCode", 301))]}


_REDIRECTS = {
    301: "MOVED_PERMANENTLY",
    302: "FOUND",
    303: "SEE_OTHER",
    307: "TEMPORARY_REDIRECT",
    308: "PERMANENT_REDIRECT",
}


def _direct(response: Mapping[str, Any]) -> Object:
    body = (response.get("body") or {}).get("string")
    status = {"status": int(response["status"])}
    return status | ({"body": {"inline_string": body}} if body else {})
