"""ReplicaSets -> pods: as many as are wanted, and a status that says how many there are."""

import secrets
from collections.abc import Iterator
from copy import deepcopy
from datetime import datetime, timedelta

from rollout.lab.cluster import pods
from rollout.lab.kube.client import DEPLOYMENT, POD, REPLICASET, Object
from rollout.lab.kube.watched import Create, Delete, Patch, Plan, Watched, Write

KINDS = (DEPLOYMENT, REPLICASET, POD)
# Our own finalizer instead of a grace period: any API server keeps the pod until it has drained.
FINALIZER = "lab.rollout.dev/kubelet"


def plan(watched: Watched, now: datetime, *, injects: bool = True) -> Plan:
    """What makes the pods of every ReplicaSet as many as its spec says.

    ``injects``: pods are made with a proxy; else that is left to whoever the API server asks.
    """
    owned: dict[str, list[Object]] = {}
    for pod in watched.all(POD):
        owned.setdefault(pods.owner(pod, "ReplicaSet"), []).append(pod)
    living = {each["metadata"]["uid"] for each in watched.all(DEPLOYMENT)}
    sets = watched.all(REPLICASET)
    writes: list[Write] = []
    for each in sets:
        mine = owned.pop(each["metadata"]["uid"], [])
        orphan = pods.owner(each, "Deployment") not in living | {""}
        writes += _orphaned(each, mine) if orphan else _set(each, mine, now, injects)
    left = [pod for uid, some in owned.items() if uid for pod in some]
    return Plan([*writes, *map(_delete, filter(_stays, left))], _next_available(sets, watched, now))


def _set(replicaset: Object, mine: list[Object], now: datetime, injects: bool) -> Iterator[Write]:
    active = [pod for pod in mine if not pods.leaving(pod)]
    missing = replicaset["spec"].get("replicas", 1) - len(active)
    for _ in range(missing):
        yield Create(POD, _pod(replicaset, injects))
    for pod in sorted(active, key=_worth)[: max(0, -missing)]:
        yield _delete(pod)
    status = _status(replicaset, active, now)
    if pods.differs(replicaset.get("status", {}), status):
        meta = replicaset["metadata"]
        body = {"status": status}
        yield Patch(REPLICASET, meta["namespace"], meta["name"], body, "status")


PROXY = {"name": "istio-proxy", "image": "rollout.dev/lab/proxy", "restartPolicy": "Always"}
"""What Istio's injection adds: the lab counts at each pod, as that proxy would.

Source: istio/istio, manifests/charts/istio-control/istio-discovery/files/injection-template.yaml
(a native sidecar, which is an init container that stays).
"""


def _pod(replicaset: Object, injects: bool) -> Object:
    name = f"{replicaset['metadata']['name']}-{secrets.token_hex(3)[:5]}"
    return pod(replicaset, name, injects)


def pod(owner: Object, name: str, injects: bool) -> Object:
    """A pod of the owner's template; ``injects``: with a proxy, unless it says no."""
    template = deepcopy(owner["spec"]["template"])
    template["metadata"] |= {
        "name": name,
        "namespace": owner["metadata"]["namespace"],
        "ownerReferences": [pods.reference(owner)],
        "finalizers": [FINALIZER],
    }
    if injects and pods.labels(template).get("sidecar.istio.io/inject") != "false":
        template["spec"].setdefault("initContainers", []).append(PROXY)
    return dict(template)


def _worth(pod: Object) -> tuple[bool, float]:
    # Unready ones go first, then the youngest, as in Kubernetes.
    created = pods.moment(pod["metadata"]["creationTimestamp"])
    return pods.ready(pod), -created.timestamp()


def _status(replicaset: Object, active: list[Object], now: datetime) -> Object:
    times = [pods.available_at(pod, min_ready(replicaset)) for pod in active]
    return {
        "replicas": len(active),
        "readyReplicas": sum(map(pods.ready, active)),
        "availableReplicas": sum(each is not None and each <= now for each in times),
        "observedGeneration": replicaset["metadata"].get("generation", 1),
    }


def min_ready(obj: Object) -> timedelta:
    """How long a pod must have been ready before it counts as available."""
    return timedelta(seconds=obj["spec"].get("minReadySeconds") or 0)


def _next_available(sets: list[Object], watched: Watched, now: datetime) -> timedelta | None:
    waits = {each["metadata"]["uid"]: min_ready(each) for each in sets}
    none = timedelta()
    times = (
        pods.available_at(pod, waits.get(pods.owner(pod, "ReplicaSet"), none))
        for pod in watched.all(POD)
    )
    return pods.soonest(times, now)


def _orphaned(replicaset: Object, mine: list[Object]) -> Iterator[Write]:
    yield from map(_delete, filter(_stays, mine))
    meta = replicaset["metadata"]
    yield Delete(REPLICASET, meta["namespace"], meta["name"])


def _stays(pod: Object) -> bool:
    return not pods.leaving(pod)


def _delete(pod: Object) -> Delete:
    return Delete(POD, pod["metadata"]["namespace"], pod["metadata"]["name"])
