"""Services and ready pods -> Endpoints and EndpointSlices; a pod that leaves is out at once."""

from collections.abc import Iterator
from datetime import datetime

from rollout.lab.cluster import pods
from rollout.lab.kube.client import (
    ENDPOINTS,
    POD,
    SERVICE,
    SLICE,
    ApiRefusedError,
    Kind,
    Kube,
    Object,
)
from rollout.lab.kube.watched import Create, Delete, Patch, Plan, Watched, Write

OLDER_SLICE = Kind("discovery.k8s.io", "v1beta1", "endpointslices", "EndpointSlice")
"""As servers before Kubernetes 1.21 have it; they drop all conditions but ``ready``."""
_MANAGED = {"endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"}


async def slices(kube: Kube) -> Kind:
    """EndpointSlices as this server has them."""
    try:
        await kube.list(SLICE)
    except ApiRefusedError:
        return OLDER_SLICE
    return SLICE


def kinds(slices: Kind = SLICE) -> tuple[Kind, ...]:
    """What ``plan`` reads and writes."""
    return (SERVICE, POD, ENDPOINTS, slices)


def plan(watched: Watched, now: datetime, slices: Kind = SLICE) -> Plan:
    """What makes every Service with a selector name its ready pods, and no others."""
    del now  # readiness alone decides
    writes: list[Write] = []
    spaces: dict[str, list[Object]] = {}
    for pod in sorted(watched.all(POD), key=lambda each: str(each["metadata"]["name"])):
        spaces.setdefault(pod["metadata"]["namespace"], []).append(pod)
    for service in watched.all(SERVICE):
        if service["spec"].get("selector"):
            backing = list(_backing(spaces.get(service["metadata"]["namespace"], []), service))
            writes += _kept(watched, ENDPOINTS, _endpoints(service, backing))
            writes += _kept(watched, slices, _slice(service, backing, slices))
    return Plan([*writes, *_left_behind(watched, slices)])


def target_port(port: Object, pod: Object) -> int | None:
    """The number a pod listens on for a Service's ``port``; None if the pod has no such name."""
    wanted = port.get("targetPort") or port["port"]
    if isinstance(wanted, int):
        return wanted
    named = (each for box in pod["spec"]["containers"] for each in box.get("ports", ()))
    return next((each["containerPort"] for each in named if each.get("name") == wanted), None)


def _backing(neighbours: list[Object], service: Object) -> Iterator[Object]:
    """``neighbours``: the pods of its namespace, by name."""
    for pod in neighbours:
        known = pod.get("status", {}).get("podIP")
        if known and pods.selected(pods.labels(pod), service["spec"]["selector"]):
            yield pod


def _meta(service: Object, name: str, labels: dict[str, str]) -> Object:
    owner = {"apiVersion": "v1", "kind": "Service"} | service
    return {
        "name": name,
        "namespace": service["metadata"]["namespace"],
        "labels": labels,
        "ownerReferences": [pods.reference(owner)],
    }


def _endpoints(service: Object, backing: list[Object]) -> Object:
    ready = [_address(pod) for pod in backing if pods.ready(pod)]
    waiting = [_address(pod) for pod in backing if not pods.ready(pod) and not pods.leaving(pod)]
    found = {"addresses": ready, "notReadyAddresses": waiting, "ports": _ports(service, backing)}
    subset = {key: value for key, value in found.items() if value}
    name = service["metadata"]["name"]
    subsets = [subset] if ready or waiting else []
    return {"metadata": _meta(service, name, pods.labels(service)), "subsets": subsets}


def _address(pod: Object) -> Object:
    meta = pod["metadata"]
    target = {
        "kind": "Pod",
        "name": meta["name"],
        "namespace": meta["namespace"],
        "uid": meta["uid"],
    }
    return {"ip": pod["status"]["podIP"], "targetRef": target}


def _slice(service: Object, backing: list[Object], kind: Kind) -> Object:
    name = service["metadata"]["name"]
    labels = {"kubernetes.io/service-name": name} | _MANAGED
    return {
        "metadata": _meta(service, f"{name}-lab", labels),
        "addressType": "IPv4",
        "endpoints": [_endpoint(pod, older=kind is OLDER_SLICE) for pod in backing],
        "ports": _ports(service, backing),
    }


def _endpoint(pod: Object, *, older: bool) -> Object:
    found = pods.condition(pod, "Ready")
    serving = bool(found and found["status"] == "True")
    leaving = pods.leaving(pod)
    conditions = {"ready": serving and not leaving}
    if not older:
        conditions |= {"serving": serving, "terminating": leaving}
    address = _address(pod)
    return {
        "addresses": [address["ip"]],
        "conditions": conditions,
        "targetRef": address["targetRef"],
    }


def _ports(service: Object, backing: list[Object]) -> list[Object]:
    """One per port of the Service that the first pod knows; real slices split by port set."""
    ports = []
    for port in service["spec"].get("ports", ()) if backing else ():
        number = target_port(port, backing[0])
        if number is not None:
            named = {"name": port.get("name", ""), "port": number}
            ports.append(named | {"protocol": port.get("protocol", "TCP")})
    return ports


def _kept(watched: Watched, kind: Kind, wanted: Object) -> Iterator[Write]:
    meta = wanted["metadata"]
    found = watched.find(kind, meta["namespace"], meta["name"])
    body = {key: value for key, value in wanted.items() if key != "metadata"}
    if found is None:
        yield Create(kind, wanted)
    elif any((found.get(key) or []) != value for key, value in body.items()):
        yield Patch(kind, meta["namespace"], meta["name"], body)


def _left_behind(watched: Watched, slices: Kind) -> Iterator[Write]:
    living = {each["metadata"]["uid"] for each in watched.all(SERVICE)}
    for kind in (ENDPOINTS, slices):
        for each in watched.all(kind):
            if pods.owner(each, "Service") not in living | {""}:
                yield Delete(kind, each["metadata"]["namespace"], each["metadata"]["name"])
