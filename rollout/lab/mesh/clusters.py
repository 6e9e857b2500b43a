"""Services and DestinationRules -> Envoy's clusters, and ready pods -> their endpoints."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rollout.lab.cluster import identity, pods
from rollout.lab.cluster.network import loopback
from rollout.lab.kube.client import Object
from rollout.lab.mesh.destination import in_force
from rollout.lab.mesh.durations import proto
from rollout.lab.mesh.names import Snapshot, cluster, ports, service_host

_CLUSTER = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
_ASSIGNMENT = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
_NO_LIMIT = 2**32 - 1  # Istio's default for every circuit breaker


@dataclass(frozen=True, slots=True)
class Cluster:
    """One destination: Envoy's cluster without its endpoints, and Envoy's endpoints."""

    cluster: Object
    endpoints: Object


def clusters(world: Snapshot) -> dict[str, Cluster]:
    """By name; one per Service port, and one more per port and subset."""
    spaces: dict[str, dict[str, Object]] = {}
    for pod in world.pods:
        meta = pod["metadata"]
        spaces.setdefault(meta["namespace"], {})[meta["name"]] = pod
    behind = {
        (each["metadata"]["namespace"], each["metadata"]["name"]): each.get("subsets") or ()
        for each in world.endpoints
    }
    return {
        each.cluster["name"]: each
        for service in world.services
        for each in _of(service, world, _backed(service, spaces, behind))
    }


def _backed(
    service: Object,
    spaces: Mapping[str, dict[str, Object]],
    behind: Mapping[tuple[str, str], Sequence[Object]],
) -> "_Backing":
    meta = service["metadata"]
    space = meta["namespace"]
    return _Backing(spaces.get(space, {}), behind.get((space, meta["name"]), ()))


def stat_name(name: str) -> str:
    """The cluster's name in Envoy's metrics: a dot would be read as the end of a tag."""
    return name.replace("|", "_").replace(".", "_")


def _of(service: Object, world: Snapshot, backing: "_Backing") -> Iterator[Cluster]:
    host = service_host(service)
    spec = in_force(world, host)
    top = spec.get("trafficPolicy") or {}
    for port in ports(service):
        number = port["port"]
        for subset in ({}, *(spec.get("subsets") or ())):
            name = cluster(host, number, subset.get("name", ""))
            policy = _merged(top, subset.get("trafficPolicy") or {}, number)
            yield Cluster(
                _cluster(name, service, subset.get("name", ""), policy),
                _assignment(name, backing.endpoints(port, subset.get("labels") or {})),
            )


def _merged(top: Mapping[str, Any], subset: Mapping[str, Any], port: int) -> dict[str, Any]:
    """A subset overrides field by field; settings for a port replace all others.

    Source: DestinationRule reference, Subset.trafficPolicy and TrafficPolicy.portLevelSettings.
    """
    merged = {**top, **subset}
    for each in merged.get("portLevelSettings") or ():
        if each.get("port", {}).get("number") == port:
            return dict(each)
    return merged


def _cluster(name: str, service: Object, subset: str, policy: Mapping[str, Any]) -> Object:
    meta = service["metadata"]
    istio = {"service": f"{service_host(service)};{meta['name']};{meta['namespace']};{subset}"}
    return {
        "@type": _CLUSTER,
        "name": name,
        "alt_stat_name": stat_name(name),
        "type": "EDS",
        "eds_cluster_config": {"service_name": name},
        "metadata": {"filter_metadata": {"istio": istio}},
        **_balancer(policy.get("loadBalancer") or {}),
        **_pool(policy.get("connectionPool") or {}),
        **_outliers(policy.get("outlierDetection")),
    }


def _balancer(balancer: Mapping[str, Any]) -> Object:
    if hashed := balancer.get("consistentHash"):
        least = (hashed.get("ringHash") or hashed).get("minimumRingSize", 1024)
        return {"lb_policy": "RING_HASH", "ring_hash_lb_config": {"minimum_ring_size": int(least)}}
    known = {"ROUND_ROBIN": "ROUND_ROBIN", "RANDOM": "RANDOM"}
    return {"lb_policy": known.get(balancer.get("simple", ""), "LEAST_REQUEST")}  # Istio's default


def _pool(pool: Mapping[str, Any]) -> Object:
    tcp, http = pool.get("tcp") or {}, pool.get("http") or {}
    breaker = {
        "max_connections": tcp.get("maxConnections") or _NO_LIMIT,
        "max_pending_requests": http.get("http1MaxPendingRequests") or _NO_LIMIT,
        "max_requests": http.get("http2MaxRequests") or _NO_LIMIT,
        "max_retries": http.get("maxRetries") or _NO_LIMIT,
    }
    found: Object = {
        "connect_timeout": proto(tcp.get("connectTimeout") or "10s"),
        "circuit_breakers": {"thresholds": [breaker]},
    }
    common: Object = {}
    if http.get("maxRequestsPerConnection"):
        common["max_requests_per_connection"] = http["maxRequestsPerConnection"]
    if http.get("idleTimeout"):
        common["idle_timeout"] = proto(http["idleTimeout"])
    return found | (_http_options(common) if common else {})


def _http_options(common: Object) -> Object:
    kind = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    options = {
        "@type": f"type.googleapis.com/{kind}",
        "common_http_protocol_options": common,
        "explicit_http_config": {"http_protocol_options": {}},
    }
    return {"typed_extension_protocol_options": {kind: options}}


def _outliers(outlier: Mapping[str, Any] | None) -> Object:
    """Source: pilot's `applyOutlierDetection`: only what was asked for ejects, no statistics."""
    if outlier is None:
        return {}
    errors = outlier.get("consecutive5xxErrors", 5)
    gateway = outlier.get("consecutiveGatewayErrors", 0)
    found: Object = {
        "consecutive_5xx": errors or 5,
        "enforcing_consecutive_5xx": 100 if errors else 0,
        "consecutive_gateway_failure": gateway or 5,
        "enforcing_consecutive_gateway_failure": 100 if gateway else 0,
        "enforcing_success_rate": 0,
        "max_ejection_percent": outlier.get("maxEjectionPercent", 10),
        "interval": proto(outlier.get("interval") or "10s"),
        "base_ejection_time": proto(outlier.get("baseEjectionTime") or "30s"),
    }
    panic = {"healthy_panic_threshold": {"value": outlier.get("minHealthPercent", 0)}}
    return {"outlier_detection": found, "common_lb_config": panic}


class _Backing:
    """The pods behind one Service: addresses from its Endpoints, labels from the pods."""

    def __init__(self, neighbours: Mapping[str, Object], subsets: Sequence[Object]) -> None:
        self._pods = neighbours
        self._subsets = subsets

    def endpoints(self, port: Object, labels: Mapping[str, str]) -> Iterator[Object]:
        """Ready ones of ``port`` whose pods carry ``labels``, beside what the Service selects."""
        for subset in self._subsets:
            number = _number(subset, port)
            for address in (subset.get("addresses") or ()) if number else ():
                pod = self._pods.get((address.get("targetRef") or {}).get("name", ""))
                found = pods.labels(pod) if pod else {}
                if all(found.get(key) == value for key, value in labels.items()):
                    yield _endpoint(loopback(address["ip"]), number, pod)


def _number(subset: Object, port: Object) -> int:
    named = subset.get("ports") or ()
    for each in named:
        if each.get("name", "") == port.get("name", "") or len(named) == 1:
            return int(each["port"])
    return 0


def _endpoint(ip: str, port: int, pod: Object | None) -> Object:
    found: Object = {
        "endpoint": {"address": {"socket_address": {"address": ip, "port_value": port}}}
    }
    if pod is not None:
        found["metadata"] = {"filter_metadata": {"istio": {"workload": _who(pod)}}}
    return found


def _who(pod: Object) -> str:
    """What the access log will say of the pod, as istiod's endpoint metadata does."""
    labels = pods.labels(pod)
    return ";".join(
        (
            pods.workload(pod),
            pod["metadata"]["namespace"],
            identity.canonical_service(pod),
            identity.canonical_revision(pod),
            labels.get("app", "unknown"),
            labels.get("version", "unknown"),
        )
    )


def _assignment(name: str, endpoints: Iterator[Object]) -> Object:
    found: Object = {"@type": _ASSIGNMENT, "cluster_name": name}
    some = list(endpoints)
    return found | ({"endpoints": [{"lb_endpoints": some}]} if some else {})
