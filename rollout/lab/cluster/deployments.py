"""Deployments -> ReplicaSets, one per pod template: the new comes in as the old go out."""

import hashlib
import json
import math
from collections.abc import Iterator
from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any

from rollout.lab.cluster import pods
from rollout.lab.kube.client import DEPLOYMENT, REPLICASET, Object
from rollout.lab.kube.watched import Create, Delete, Patch, Plan, Watched, Write

KINDS = (DEPLOYMENT, REPLICASET)


def plan(watched: Watched, now: datetime) -> Plan:
    """What brings the ReplicaSets of every Deployment one move closer to its spec."""
    owned: dict[str, list[Object]] = {}
    for each in watched.all(REPLICASET):
        owned.setdefault(pods.owner(each, "Deployment"), []).append(each)
    writes: list[Write] = []
    deadlines: list[datetime | None] = []
    for deployment in watched.all(DEPLOYMENT):
        mine = owned.get(deployment["metadata"]["uid"], [])
        writes += _moves(deployment, mine)
        writes += _status_writes(deployment, mine, now)
        deadlines.append(_deadline(deployment))
    return Plan(writes, pods.soonest(deadlines, now))


def template_hash(deployment: Object) -> str:
    """Ten letters that differ whenever the pod template does."""
    text = json.dumps(deployment["spec"]["template"], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def limits(deployment: Object) -> tuple[int, int]:
    """How many pods there may be above, and how many may miss below, the wanted number.

    Source: apps/v1 DeploymentStrategy: 25 % each unless said, the first rounded up, the second
    down, and one may be missing if both come out as 0.
    """
    wanted = _wanted(deployment)
    rolling = deployment["spec"].get("strategy", {}).get("rollingUpdate") or {}
    surge = _share(rolling.get("maxSurge", "25%"), wanted, math.ceil)
    missing = _share(rolling.get("maxUnavailable", "25%"), wanted, math.floor)
    return surge, missing if surge or missing else 1


def complete(deployment: Object) -> bool:
    """The status says that all wanted pods are of the new template and available, and no others."""
    status, wanted = deployment.get("status", {}), _wanted(deployment)
    fields = ("updatedReplicas", "replicas", "availableReplicas")
    return all((status.get(each) or 0) == wanted for each in fields)


def _wanted(deployment: Object) -> int:
    return int(deployment["spec"].get("replicas", 1))


def _share(value: int | str, whole: int, rounded: Any) -> int:
    if isinstance(value, str):
        return int(rounded(whole * int(value.rstrip("%")) / 100))
    return value


def _moves(deployment: Object, mine: list[Object]) -> Iterator[Write]:
    new = _current(deployment, mine)
    old = [each for each in mine if each is not new]
    if new is None:
        if not deployment["spec"].get("paused"):
            yield Create(REPLICASET, _replicaset(deployment, old))
        return
    sizes = _recreated if _recreates(deployment) else _rolled
    for each, size in sizes(deployment, new, old):
        if size != each["spec"]["replicas"]:
            meta = each["metadata"]
            yield Patch(REPLICASET, meta["namespace"], meta["name"], {"spec": {"replicas": size}})
    yield from _forgotten(deployment, old)


def _current(deployment: Object, mine: list[Object]) -> Object | None:
    digest = template_hash(deployment)
    return next((each for each in mine if pods.labels(each)["pod-template-hash"] == digest), None)


def _recreates(deployment: Object) -> bool:
    return bool(deployment["spec"].get("strategy", {}).get("type") == "Recreate")


def _replicaset(deployment: Object, old: list[Object]) -> Object:
    digest, meta = template_hash(deployment), deployment["metadata"]
    template = deepcopy(deployment["spec"]["template"])
    labels = template["metadata"]["labels"] = pods.labels(template) | {"pod-template-hash": digest}
    revision = 1 + max((_revision(each) for each in old), default=0)
    empty = any(each["spec"]["replicas"] for each in old) or _recreates(deployment)
    selector = deployment["spec"]["selector"].get("matchLabels", {})
    return {
        "metadata": {
            "name": f"{meta['name']}-{digest}",
            "namespace": meta["namespace"],
            "labels": labels,
            "annotations": {"deployment.kubernetes.io/revision": str(revision)},
            "ownerReferences": [pods.reference(deployment)],
        },
        "spec": {
            "replicas": 0 if empty else _wanted(deployment),
            "minReadySeconds": deployment["spec"].get("minReadySeconds", 0),
            "selector": {"matchLabels": selector | {"pod-template-hash": digest}},
            "template": template,
        },
    }


def _revision(replicaset: Object) -> int:
    annotations = replicaset["metadata"].get("annotations") or {}
    return int(annotations.get("deployment.kubernetes.io/revision", 0))


def _recreated(deployment: Object, new: Object, old: list[Object]) -> Iterator[tuple[Object, int]]:
    yield from ((each, 0) for each in old)
    if not any(each.get("status", {}).get("replicas") for each in old):
        yield new, _wanted(deployment)


def _rolled(deployment: Object, new: Object, old: list[Object]) -> Iterator[tuple[Object, int]]:
    """The sizes after the next move. Source: kubernetes deployment controller, `rolling.go`."""
    wanted, (surge, missing) = _wanted(deployment), limits(deployment)
    size, others = new["spec"]["replicas"], sum(each["spec"]["replicas"] for each in old)
    if not others or size > wanted:
        yield new, wanted
    else:
        yield new, min(wanted, size + max(0, wanted + surge - size - others))
    floor = wanted - missing
    spare = size + others - floor - (size - _available(new))
    for each in sorted(old, key=_revision):
        size = each["spec"]["replicas"]
        gone = min(size - _available(each), max(0, spare))  # broken ones carry nothing: first
        spare -= gone
        healthy = min(size - gone, max(0, spare))
        spare -= healthy
        yield each, size - gone - healthy


def _available(replicaset: Object) -> int:
    found = replicaset.get("status", {}).get("availableReplicas", 0) or 0
    return min(int(found), int(replicaset["spec"]["replicas"]))


def _forgotten(deployment: Object, old: list[Object]) -> Iterator[Write]:
    keep = deployment["spec"].get("revisionHistoryLimit", 10)
    empty = [each for each in old if not each["spec"]["replicas"] and not _replicas(each)]
    for each in sorted(empty, key=_revision)[: max(0, len(empty) - keep)]:
        yield Delete(REPLICASET, each["metadata"]["namespace"], each["metadata"]["name"])


def _replicas(replicaset: Object) -> int:
    return int(replicaset.get("status", {}).get("replicas", 0) or 0)


def _status_writes(deployment: Object, mine: list[Object], now: datetime) -> Iterator[Write]:
    counts = _counts(deployment, mine)
    found = deployment.get("status", {})
    conditions = _conditions(deployment, counts, now)
    status = counts | {"conditions": conditions}
    if pods.differs(found, status):
        meta = deployment["metadata"]
        yield Patch(DEPLOYMENT, meta["namespace"], meta["name"], {"status": status}, "status")


def _counts(deployment: Object, mine: list[Object]) -> dict[str, int]:
    new = _current(deployment, mine)
    available = _sum(mine, "availableReplicas")
    return {
        "observedGeneration": deployment["metadata"].get("generation", 1),
        "replicas": _sum(mine, "replicas"),
        "updatedReplicas": _replicas(new) if new else 0,
        "readyReplicas": _sum(mine, "readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(0, max(_sum(mine, "replicas"), _wanted(deployment)) - available),
    }


def _sum(sets: list[Object], field: str) -> int:
    return sum(each.get("status", {}).get(field, 0) or 0 for each in sets)


def _conditions(deployment: Object, counts: dict[str, int], now: datetime) -> list[Object]:
    enough = counts["availableReplicas"] >= _wanted(deployment) - limits(deployment)[1]
    reason = "MinimumReplicasAvailable" if enough else "MinimumReplicasUnavailable"
    available = _condition(deployment, "Available", enough, reason, now)
    moved = pods.differs(deployment.get("status", {}), counts)
    return [available, _progressing(deployment, counts, moved, now)]


def _progressing(deployment: Object, counts: dict[str, int], moved: bool, now: datetime) -> Object:
    deadline = _deadline(deployment)
    if complete({**deployment, "status": counts}):
        return _condition(deployment, "Progressing", True, "NewReplicaSetAvailable", now)
    if deadline is not None and deadline <= now and not moved:
        return _condition(deployment, "Progressing", False, "ProgressDeadlineExceeded", now)
    progressing = _condition(deployment, "Progressing", True, "ReplicaSetUpdated", now)
    return progressing | ({"lastUpdateTime": pods.stamp(now)} if moved else {})


def _deadline(deployment: Object) -> datetime | None:
    found = pods.condition(deployment, "Progressing")
    if found is None or found["reason"] != "ReplicaSetUpdated":
        return None
    # 600: the API's default for progressDeadlineSeconds.
    patience = timedelta(seconds=deployment["spec"].get("progressDeadlineSeconds", 600))
    return pods.moment(found["lastUpdateTime"]) + patience


def _condition(deployment: Object, kind: str, true: bool, reason: str, now: datetime) -> Object:
    found = pods.condition(deployment, kind)
    status = "True" if true else "False"
    if found and (found["status"], found["reason"]) == (status, reason):
        return found
    since = found["lastTransitionTime"] if found and found["status"] == status else pods.stamp(now)
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": f"Deployment is {reason}",
        "lastUpdateTime": pods.stamp(now),
        "lastTransitionTime": since,
    }
