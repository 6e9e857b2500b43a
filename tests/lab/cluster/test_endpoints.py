"""Services and pods as values: who is in the endpoints, and who is not any more."""

from datetime import UTC, datetime
from typing import Any

from rollout.lab import sample
from rollout.lab.cluster import endpoints
from rollout.lab.kube.client import ENDPOINTS, SLICE, Kind, Object
from rollout.lab.kube.watched import Create, Delete

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Objects:
    """What the planner reads of `Watched`."""

    def __init__(self, **kinds: list[Object]) -> None:
        self._objects = kinds

    def all(self, kind: Kind) -> list[Object]:
        return self._objects.get(kind.plural, [])

    def find(self, kind: Kind, namespace: str, name: str) -> Object | None:
        del kind, namespace, name
        return None


def pod(name: str, ready: bool, **meta: Any) -> Object:
    return {
        "metadata": {"name": name, "namespace": "shop", "uid": name, "labels": {"app": "shop"}}
        | meta,
        "spec": {"containers": [{"ports": [{"name": "web", "containerPort": 9080}]}]},
        "status": {
            "podIP": f"10.16.1.{len(name)}",
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
        },
    }


def made(*pods: Object, **port: Any) -> dict[Kind, Object]:
    service = sample.service()
    service["metadata"]["uid"] = "s"
    service["spec"]["ports"][0] |= port
    found = Objects(services=[service], pods=list(pods))
    writes = endpoints.plan(found, NOW).writes  # type: ignore[arg-type]
    return {each.kind: each.body for each in writes if isinstance(each, Create)}


def test_ready_pods_are_in_and_the_others_are_named_apart() -> None:
    leaving = pod("ccc", ready=True, deletionTimestamp="2026-01-01T00:00:00Z")
    (subset,) = made(pod("a", ready=True), pod("bb", ready=False), leaving)[ENDPOINTS]["subsets"]
    assert [each["ip"] for each in subset["addresses"]] == ["10.16.1.1"]
    assert [each["ip"] for each in subset["notReadyAddresses"]] == ["10.16.1.2"]


def test_a_slice_says_that_a_leaving_pod_still_serves() -> None:
    leaving = pod("ccc", ready=True, deletionTimestamp="2026-01-01T00:00:00Z")
    (endpoint,) = made(leaving)[SLICE]["endpoints"]
    assert endpoint["conditions"] == {"ready": False, "serving": True, "terminating": True}


def test_a_target_port_may_be_a_name() -> None:
    (subset,) = made(pod("a", ready=True), targetPort="web")[ENDPOINTS]["subsets"]
    assert subset["ports"] == [{"name": "http", "port": 9080, "protocol": "TCP"}]


def test_endpoints_of_a_service_that_is_gone_are_deleted() -> None:
    owner = {"kind": "Service", "name": "old", "uid": "gone", "controller": True}
    meta = {"name": "old", "namespace": "shop", "ownerReferences": [owner]}
    found = Objects(endpoints=[{"metadata": meta}])
    assert endpoints.plan(found, NOW).writes == [Delete(ENDPOINTS, "shop", "old")]  # type: ignore[arg-type]
