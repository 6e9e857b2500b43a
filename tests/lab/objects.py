"""Small builders with every default, for tests of the translator and the controllers."""

from typing import Any

from rollout.lab import sample
from rollout.lab.kube.client import Object
from rollout.lab.mesh.names import Snapshot

SHOP = "shop.shop.svc.cluster.local"


def pod(name: str, ip: str, **labels: str) -> Object:
    meta = {"name": name, "namespace": "shop", "labels": {"app": "shop", **labels}}
    return {"metadata": meta, "spec": {"containers": []}, "status": {"podIP": ip}}


def endpoints(*pods: Object) -> Object:
    addresses = [
        {"ip": each["status"]["podIP"], "targetRef": {"name": each["metadata"]["name"]}}
        for each in pods
    ]
    subset = {"addresses": addresses, "ports": [{"name": "http", "port": 8080}]}
    return {"metadata": {"name": "shop", "namespace": "shop"}, "subsets": [subset]}


def world(*http: Object, rule: Object | None = None, **more: Any) -> Snapshot:
    """The sample shop with two pods, and a VirtualService with these rules if there are any."""
    pods = [pod("a", "10.16.1.1", version="v1"), pod("b", "10.16.1.2", version="v2")]
    objects: dict[str, Any] = {
        "virtual_services": [_made(sample.virtual_service(*http))] if http else [],
        "destination_rules": [rule or sample.destination_rule("v1", "v2")],
        "gateways": [sample.gateway()],
        "services": [sample.service()],
        "endpoints": [endpoints(*pods)],
        "pods": pods,
    }
    return Snapshot(**(objects | more))


def to(subset: str = "", **fields: Any) -> Object:
    """A rule that sends everything to one subset, or to the whole Service."""
    destination = {"host": "shop"} | ({"subset": subset} if subset else {})
    return {"route": [{"destination": destination}], **fields}


def _made(obj: Object) -> Object:
    meta = {"uid": "1", "creationTimestamp": "2026-01-01T00:00:00Z", **obj["metadata"]}
    return {**obj, "metadata": meta}
