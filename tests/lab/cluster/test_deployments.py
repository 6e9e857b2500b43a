"""Deployments as values: which ReplicaSet gets how many pods at the next move."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rollout.lab import sample
from rollout.lab.cluster import deployments
from rollout.lab.kube.client import DEPLOYMENT, REPLICASET, Kind, Object
from rollout.lab.kube.watched import Create, Patch

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Objects:
    """What the planner reads of `Watched`."""

    def __init__(self, deployment: Object, *sets: Object) -> None:
        self._objects = {DEPLOYMENT: [deployment], REPLICASET: list(sets)}

    def all(self, kind: Kind) -> list[Object]:
        return self._objects[kind]


def deployment(replicas: int = 4, **spec: Any) -> Object:
    found = sample.deployment("v1", replicas)
    found["metadata"] |= {"uid": "d", "generation": 3}
    found["spec"] |= spec
    return found


def replicaset(of: Object, digest: str, size: int, available: int) -> Object:
    reference = {"kind": "Deployment", "name": "shop-v1", "uid": "d", "controller": True}
    return {
        "metadata": {
            "name": f"shop-v1-{digest}",
            "namespace": "shop",
            "labels": {"pod-template-hash": digest},
            "annotations": {"deployment.kubernetes.io/revision": "1"},
            "ownerReferences": [reference],
        },
        "spec": {"replicas": size},
        "status": {"replicas": size, "readyReplicas": available, "availableReplicas": available},
    }


def sizes(found: Object, *sets: Object) -> dict[str, int]:
    """ReplicaSets that the next move resizes."""
    writes = deployments.plan(Objects(found, *sets), NOW).writes  # type: ignore[arg-type]
    patches = [each for each in writes if isinstance(each, Patch) and each.kind is REPLICASET]
    return {each.name.removeprefix("shop-v1-"): each.body["spec"]["replicas"] for each in patches}


@pytest.mark.parametrize(
    ("replicas", "rolling", "expected"),
    [
        (4, {}, (1, 1)),
        (10, {}, (3, 2)),
        (1, {}, (1, 0)),
        (4, {"maxSurge": 0, "maxUnavailable": "10%"}, (0, 1)),
        (4, {"maxSurge": 2, "maxUnavailable": 0}, (2, 0)),
    ],
)
def test_surge_is_rounded_up_and_unavailable_down(
    replicas: int, rolling: Object, expected: tuple[int, int]
) -> None:
    found = deployment(replicas, strategy={"rollingUpdate": rolling})
    assert deployments.limits(found) == expected


def test_a_new_template_gets_a_replicaset_that_starts_empty_beside_an_old_one() -> None:
    found = deployment()
    writes = deployments.plan(Objects(found, replicaset(found, "old", 4, 4)), NOW).writes  # type: ignore[arg-type]
    (made,) = [each for each in writes if isinstance(each, Create)]
    assert made.body["spec"]["replicas"] == 0
    assert made.body["metadata"]["annotations"] == {"deployment.kubernetes.io/revision": "2"}


def test_the_new_one_grows_by_the_surge_and_the_old_shrinks_by_the_unavailable() -> None:
    found = deployment()
    new = deployments.template_hash(found)
    old = replicaset(found, "old", 4, 4)
    assert sizes(found, old, replicaset(found, new, 0, 0)) == {new: 1, "old": 3}


def test_the_old_one_waits_while_the_new_is_not_available() -> None:
    found = deployment()
    new = deployments.template_hash(found)
    assert sizes(found, replicaset(found, "old", 3, 3), replicaset(found, new, 2, 0)) == {}


def test_broken_pods_of_the_old_one_go_first() -> None:
    found = deployment()
    new = deployments.template_hash(found)
    moves = sizes(found, replicaset(found, "old", 4, 3), replicaset(found, new, 1, 0))
    assert moves == {"old": 3}


def test_recreate_waits_until_every_old_pod_is_gone() -> None:
    found = deployment(strategy={"type": "Recreate"})
    new = deployments.template_hash(found)
    old, fresh = replicaset(found, "old", 4, 4), replicaset(found, new, 0, 0)
    assert sizes(found, old, fresh) == {"old": 0}
    assert sizes(found, replicaset(found, "old", 0, 0), fresh) == {new: 4}


def test_a_rollout_without_progress_is_reported_when_its_deadline_has_passed() -> None:
    found = deployment(progressDeadlineSeconds=10)
    fresh = replicaset(found, deployments.template_hash(found), 4, 0)

    def reason(at: datetime) -> str:
        writes = deployments.plan(Objects(found, fresh), at).writes  # type: ignore[arg-type]
        for each in writes:
            assert isinstance(each, Patch)
            found["status"] = each.body["status"]
        return str(found["status"]["conditions"][1]["reason"])

    assert reason(NOW) == "ReplicaSetUpdated"
    assert reason(NOW + timedelta(seconds=9)) == "ReplicaSetUpdated"
    assert reason(NOW + timedelta(seconds=11)) == "ProgressDeadlineExceeded"
