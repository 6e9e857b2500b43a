"""StatefulSets and DaemonSets as values: which pod is made, or goes, at the next move."""

from datetime import UTC, datetime
from typing import Any

import pytest

from rollout.lab.cluster import sets
from rollout.lab.kube.client import DAEMONSET, POD, STATEFULSET, Kind, Object
from rollout.lab.kube.watched import Create, Delete, Patch

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LABELS = {"app": "db"}
PARTITION: dict[str, Any] = {
    "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}
}
ON_DELETE: dict[str, Any] = {"updateStrategy": {"type": "OnDelete"}}


class Objects:
    """What the planner reads of `Watched`."""

    def __init__(self, found: Object, *pods: Object) -> None:
        self._objects = {STATEFULSET: [], DAEMONSET: [], POD: list(pods)}
        self._objects[STATEFULSET if found["kind"] == "StatefulSet" else DAEMONSET].append(found)

    def all(self, kind: Kind) -> list[Object]:
        return self._objects[kind]


def a_set(kind: str = "StatefulSet", **spec: Any) -> Object:
    template = {"metadata": {"labels": LABELS}, "spec": {"containers": [{"name": "app"}]}}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": "db", "namespace": "shop", "uid": "u", "generation": 2},
        "spec": {"replicas": 3, "template": template, **spec},
    }


def made(found: Object, ordinal: int, *, old: bool = False, ready: bool = True) -> Object:
    """A pod of the set; ``old``: of a former template."""
    mark = sets._digest(found)
    state = {"type": "Ready", "status": "True" if ready else "False"}
    owner = {"kind": found["kind"], "name": "db", "uid": "u", "controller": True}
    return {
        "metadata": {
            "name": f"db-{ordinal}",
            "namespace": "shop",
            "labels": {**LABELS, sets.HASH: "former" if old else mark},
            "ownerReferences": [owner],
        },
        "status": {"conditions": [state]},
    }


def moves(found: Object, *pods: Object) -> list[str]:
    """What becomes of pods at the next move."""
    writes = sets.plan(Objects(found, *pods), NOW).writes  # type: ignore[arg-type]
    created = [f"+{w.body['metadata']['name']}" for w in writes if isinstance(w, Create)]
    return created + [f"-{w.name}" for w in writes if isinstance(w, Delete)]


def test_pods_are_made_in_order_and_each_once_the_one_before_is_ready() -> None:
    found = a_set()
    assert moves(found) == ["+db-0"]
    assert moves(found, made(found, 0, ready=False)) == []
    assert moves(found, made(found, 0)) == ["+db-1"]
    assert moves(a_set(podManagementPolicy="Parallel")) == ["+db-0", "+db-1", "+db-2"]


def test_of_too_many_the_highest_goes_first() -> None:
    found = a_set(replicas=1)
    assert moves(found, *(made(found, n) for n in range(3))) == ["-db-2"]


@pytest.mark.parametrize(
    ("spec", "expected"), [({}, ["-db-2"]), (PARTITION, ["-db-2"]), (ON_DELETE, [])]
)
def test_a_new_template_reaches_the_highest_pod_first(spec: Any, expected: list[str]) -> None:
    found = a_set(**spec)
    assert moves(found, *(made(found, n, old=True) for n in range(3))) == expected


def test_below_the_partition_nothing_moves() -> None:
    found = a_set(**PARTITION)
    assert moves(found, made(found, 0, old=True), made(found, 1, old=True), made(found, 2)) == []


def test_a_pod_that_is_not_ready_is_waited_for_although_it_is_to_be_replaced() -> None:
    """Source: Kubernetes, "StatefulSets", "Forced rollback"."""
    found = a_set()
    old = [made(found, 0), made(found, 1), made(found, 2, old=True, ready=False)]
    assert moves(found, *old) == []
    assert moves(found, made(found, 0), made(found, 1)) == ["+db-2"]


def test_a_daemon_set_has_a_pod_on_the_one_node_and_replaces_it() -> None:
    found = a_set("DaemonSet")
    assert [move[:4] for move in moves(found)] == ["+db-"]
    assert moves(found, made(found, 7)) == []
    assert moves(found, made(found, 7, old=True)) == ["-db-7"]
    assert moves(a_set("DaemonSet", **ON_DELETE), made(found, 7, old=True)) == []


def test_the_status_says_how_many_are_ready_and_new() -> None:
    found = a_set()
    pods = [made(found, 0, old=True), made(found, 1), made(found, 2, ready=False)]
    writes = sets.plan(Objects(found, *pods), NOW).writes  # type: ignore[arg-type]
    (patch,) = (each for each in writes if isinstance(each, Patch))
    counted = {key: patch.body["status"][key] for key in ("replicas", "readyReplicas")}
    assert counted == {"replicas": 3, "readyReplicas": 2}
    assert patch.body["status"]["updatedReplicas"] == 2


def test_pods_go_with_their_set() -> None:
    found = a_set()
    other = {**a_set("DaemonSet"), "metadata": {**found["metadata"], "uid": "another"}}
    assert "-db-0" in moves(other, made(found, 0))
