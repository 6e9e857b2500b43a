"""StatefulSets and DaemonSets -> pods: one move at a time, by each of their update strategies.

The lab is one node, so a DaemonSet is one pod. There are no ControllerRevisions: a pod below a
``partition`` that is made anew gets today's template, where Kubernetes gives it the former one.
Source: kubernetes, ``pkg/controller/statefulset/stateful_set_control.go`` and
``pkg/controller/daemon/update.go``.
"""

import secrets
from collections.abc import Iterator
from datetime import datetime

from rollout.lab.cluster import deployments, pods, replicasets
from rollout.lab.kube.client import DAEMONSET, POD, STATEFULSET, Kind, Object
from rollout.lab.kube.watched import Create, Delete, Patch, Plan, Watched, Write

KINDS = (STATEFULSET, DAEMONSET, POD)
HASH = "controller-revision-hash"


def plan(watched: Watched, now: datetime, *, injects: bool = True) -> Plan:
    """The next move of every set; ``injects``: as of a ReplicaSet."""
    del now
    owned: dict[str, list[Object]] = {}
    for pod in watched.all(POD):
        for kind in (STATEFULSET, DAEMONSET):
            if uid := pods.owner(pod, kind.name):
                owned.setdefault(uid, []).append(pod)
    writes: list[Write] = []
    for kind, moves in ((STATEFULSET, _ordered), (DAEMONSET, _on_the_node)):
        for each in watched.all(kind):
            mine = owned.pop(each["metadata"]["uid"], [])
            writes += moves(each, mine, injects=injects)
            writes += _status(kind, each, mine)
    left = [pod for some in owned.values() for pod in some if not pods.leaving(pod)]
    return Plan([*writes, *map(_delete, left)])


def _ordered(found: Object, mine: list[Object], *, injects: bool) -> Iterator[Write]:
    """Pods 0 to n-1: made from the lowest on, taken away and replaced from the highest on.

    Nothing is replaced before all are ready, a pod that is to be replaced itself included.
    """
    at = {_ordinal(pod): pod for pod in mine}
    wanted, name = found["spec"].get("replicas", 1), found["metadata"]["name"]
    in_order = found["spec"].get("podManagementPolicy") != "Parallel"
    ready = all(map(pods.ready, mine))
    missing = [n for n in range(wanted) if n not in at]
    for ordinal in missing[: 1 if in_order else None]:
        if ready or not in_order:
            yield Create(POD, _pod(found, f"{name}-{ordinal}", injects=injects, ordinal=ordinal))
    surplus = [pod for ordinal, pod in at.items() if ordinal >= wanted and not pods.leaving(pod)]
    yield from map(_delete, sorted(surplus, key=_ordinal)[-1:])
    rolling = found["spec"].get("updateStrategy", {}).get("rollingUpdate") or {}
    if ready and not missing and not surplus and _rolls(found):
        stale = [n for n, pod in at.items() if _stale(found, pod)]
        for ordinal in sorted(n for n in stale if n >= (rolling.get("partition") or 0))[-1:]:
            yield _delete(at[ordinal])


def _on_the_node(found: Object, mine: list[Object], *, injects: bool) -> Iterator[Write]:
    """One pod; the next comes when the last is gone."""
    if not mine:
        name = f"{found['metadata']['name']}-{secrets.token_hex(3)[:5]}"
        yield Create(POD, _pod(found, name, injects=injects))
    for pod in mine:
        if not pods.leaving(pod) and _stale(found, pod) and _rolls(found):
            yield _delete(pod)


def _pod(found: Object, name: str, *, injects: bool, ordinal: int | None = None) -> Object:
    made = replicasets.pod(found, name, injects)
    marks = {HASH: _digest(found)}
    if ordinal is not None:
        marks |= {
            "statefulset.kubernetes.io/pod-name": name,
            "apps.kubernetes.io/pod-index": str(ordinal),
        }
    made["metadata"]["labels"] = pods.labels(made) | marks
    return made


def _digest(found: Object) -> str:
    return f"{found['metadata']['name']}-{deployments.template_hash(found)}"


def _stale(found: Object, pod: Object) -> bool:
    return pods.labels(pod).get(HASH) != _digest(found)


def _rolls(found: Object) -> bool:
    return bool(found["spec"].get("updateStrategy", {}).get("type") != "OnDelete")


def _ordinal(pod: Object) -> int:
    return int(pod["metadata"]["name"].rpartition("-")[2])


def _delete(pod: Object) -> Delete:
    return Delete(POD, pod["metadata"]["namespace"], pod["metadata"]["name"])


def _status(kind: Kind, found: Object, mine: list[Object]) -> Iterator[Write]:
    active = [pod for pod in mine if not pods.leaving(pod)]
    ready = sum(map(pods.ready, active))
    new = sum(not _stale(found, pod) for pod in active)
    status: Object = {"observedGeneration": found["metadata"].get("generation", 1)}
    if kind is STATEFULSET:
        status |= {
            "replicas": len(active),
            "readyReplicas": ready,
            "availableReplicas": ready,
            "updatedReplicas": new,
            "updateRevision": _digest(found),
        }
    else:
        status |= {
            "desiredNumberScheduled": 1,
            "currentNumberScheduled": len(active),
            "numberMisscheduled": 0,
            "numberReady": ready,
            "numberAvailable": ready,
            "updatedNumberScheduled": new,
        }
    if pods.differs(found.get("status", {}), status):
        meta = found["metadata"]
        yield Patch(kind, meta["namespace"], meta["name"], {"status": status}, "status")
