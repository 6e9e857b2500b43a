"""``consistentHash`` of a DestinationRule -> what is hashed; the ring belongs to the cluster."""

from collections.abc import Iterator, Mapping
from typing import Any

from rollout.lab.kube.client import Object
from rollout.lab.mesh.destination import in_force
from rollout.lab.mesh.durations import proto
from rollout.lab.mesh.names import Snapshot, fqdn


def policies(rule: Mapping[str, Any], namespace: str, world: Snapshot) -> list[Object]:
    """Of all destinations of ``rule``, each once; empty if none of them hashes."""
    found: list[Object] = []
    for route in rule.get("route") or ():
        host = fqdn(str(route["destination"]["host"]), namespace)
        subset = str(route["destination"].get("subset") or "")
        for policy in _of(host, subset, world):
            if policy not in found:
                found.append(policy)
    return found


def _of(host: str, subset: str, world: Snapshot) -> Iterator[Object]:
    spec = in_force(world, host)
    own = [each for each in spec.get("subsets") or () if subset and each["name"] == subset]
    policies = [each.get("trafficPolicy") for each in (spec, *own)]
    chosen = [each["loadBalancer"] for each in policies if each and each.get("loadBalancer")]
    if hashed := (chosen[-1] if chosen else {}).get("consistentHash"):
        yield _hash_policy(hashed)


def _hash_policy(hashed: Mapping[str, Any]) -> Object:
    if "httpHeaderName" in hashed:
        return {"header": {"header_name": hashed["httpHeaderName"]}}
    if "httpQueryParameterName" in hashed:
        return {"query_parameter": {"name": hashed["httpQueryParameterName"]}}
    if cookie := hashed.get("httpCookie"):
        made: Object = {"name": cookie["name"]}
        made |= {"ttl": proto(cookie["ttl"])} if cookie.get("ttl") else {}
        return {"cookie": made | ({"path": cookie["path"]} if cookie.get("path") else {})}
    return {"connection_properties": {"source_ip": True}}
