"""What every Kube must do: the fake, and the edge on the lab's and on a real API server."""

import asyncio
from collections.abc import Callable

import pytest

from rollout.controller.keeping.swap import unchanged
from rollout.controller.ports import Json
from rollout.controller.seeing import concerns
from rollout.errors import ConflictError, RefusedError
from tests.fakes import FakeKube
from tests.ports.conftest import UnderTest

HOST = "shop.{}.svc.cluster.local"


def virtual_service(namespace: str, name: str = "shop", host: str = "shop") -> Json:
    route = {"destination": {"host": host, "subset": "stable"}}
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"hosts": [host], "http": [{"name": "primary", "route": [route]}]},
    }


def a_rollout(namespace: str, revision: str = "v1") -> Json:
    return {
        "apiVersion": "rollout.dev/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": "shop", "namespace": namespace},
        "spec": {
            "service": "shop",
            "revision": revision,
            "workload": {"deployments": "shop-{revision}"},
            "strategy": {"canary": {"steps": [{"weight": 10}]}},
        },
    }


async def eventually(true: Callable[[], object]) -> None:
    async with asyncio.timeout(300):
        while not true():
            await asyncio.sleep(0.01)


async def test_what_was_made_is_read_at_once(cluster: UnderTest) -> None:
    made = await cluster.kube.create(virtual_service(cluster.namespace))
    assert cluster.kube.get("VirtualService", cluster.namespace, "shop") == made
    assert made["spec"] == virtual_service(cluster.namespace)["spec"]


async def test_what_was_patched_is_read_at_once(cluster: UnderTest) -> None:
    made = await cluster.kube.create(virtual_service(cluster.namespace))
    ops = [unchanged(made), {"op": "add", "path": "/spec/http/0/timeout", "value": "3s"}]
    after = await cluster.kube.patch("VirtualService", cluster.namespace, "shop", ops)
    assert after["spec"]["http"][0]["timeout"] == "3s"
    assert cluster.kube.get("VirtualService", cluster.namespace, "shop") == after


async def test_what_a_patch_takes_away_is_gone(cluster: UnderTest) -> None:
    obj = virtual_service(cluster.namespace)
    await cluster.kube.create({**obj, "metadata": {**obj["metadata"], "annotations": {"a": "b"}}})
    gone = [{"op": "remove", "path": "/metadata/annotations"}]
    after = await cluster.kube.patch("VirtualService", cluster.namespace, "shop", gone)
    assert "annotations" not in after["metadata"]


async def test_a_patch_of_an_older_version_is_a_conflict(cluster: UnderTest) -> None:
    made = await cluster.kube.create(virtual_service(cluster.namespace))
    change = {"op": "add", "path": "/spec/http/0/timeout", "value": "3s"}
    await cluster.kube.patch("VirtualService", cluster.namespace, "shop", [change])
    with pytest.raises(ConflictError):
        await cluster.kube.patch(
            "VirtualService", cluster.namespace, "shop", [unchanged(made), change]
        )


async def test_a_patch_that_no_longer_fits_is_a_conflict(cluster: UnderTest) -> None:
    await cluster.kube.create(virtual_service(cluster.namespace))
    gone = {"op": "replace", "path": "/spec/http/7/timeout", "value": "3s"}
    with pytest.raises(ConflictError):
        await cluster.kube.patch("VirtualService", cluster.namespace, "shop", [gone])


async def test_a_second_object_of_that_name_is_a_conflict(cluster: UnderTest) -> None:
    await cluster.kube.create(virtual_service(cluster.namespace))
    with pytest.raises(ConflictError):
        await cluster.kube.create(virtual_service(cluster.namespace))


async def test_a_patch_of_what_is_not_there_is_refused(cluster: UnderTest) -> None:
    change = {"op": "add", "path": "/spec/x", "value": 1}
    with pytest.raises(RefusedError, match="not found"):
        await cluster.kube.patch("VirtualService", cluster.namespace, "nobody", [change])


async def test_deleting_twice_is_deleting_once(cluster: UnderTest) -> None:
    made = await cluster.kube.create(virtual_service(cluster.namespace))
    for _ in range(2):
        uid = made["metadata"]["uid"]
        await cluster.kube.delete("VirtualService", cluster.namespace, "shop", uid)
    await eventually(lambda: cluster.kube.get("VirtualService", cluster.namespace, "shop") is None)


async def test_what_has_the_name_of_the_deleted_since_is_left_alone(cluster: UnderTest) -> None:
    key = ("VirtualService", cluster.namespace, "shop")
    old = await cluster.kube.create(virtual_service(cluster.namespace))
    await cluster.kube.delete(*key, old["metadata"]["uid"])
    await eventually(lambda: cluster.kube.get(*key) is None)
    new = await cluster.kube.create(virtual_service(cluster.namespace))
    await cluster.kube.delete(*key, old["metadata"]["uid"])
    await cluster.kube.patch(*key, [{"op": "add", "path": "/metadata/labels", "value": {"a": "b"}}])
    await cluster.kube.delete(*key, new["metadata"]["uid"])
    await eventually(lambda: cluster.kube.get(*key) is None)


async def test_objects_are_found_by_their_concern(cluster: UnderTest) -> None:
    await cluster.kube.create(virtual_service(cluster.namespace))
    await cluster.kube.create(virtual_service(cluster.namespace, "other", "elsewhere.example"))
    host = concerns.host(HOST.format(cluster.namespace))
    found = cluster.kube.list("VirtualService", host)
    assert [obj["metadata"]["name"] for obj in found] == ["shop"]
    assert cluster.kube.some("VirtualService") in cluster.kube.list("VirtualService")


async def test_a_change_names_the_concerns_of_before_and_after_in_order(cluster: UnderTest) -> None:
    await cluster.kube.create(virtual_service(cluster.namespace))
    cluster.told.clear()
    path = "/spec/http/0/route/0/destination/host"
    change = {"op": "replace", "path": path, "value": "new.web.svc.cluster.local"}
    await cluster.kube.patch("VirtualService", cluster.namespace, "shop", [change])
    both = {
        concerns.host(HOST.format(cluster.namespace)),
        concerns.host("new.web.svc.cluster.local"),
    }
    await eventually(lambda: any(both <= {*touched} for _, touched in cluster.told))
    assert all([*touched] == sorted({*touched}) for _, touched in cluster.told)


async def test_a_status_is_written_by_compare_and_swap_and_leaves_the_spec(
    cluster: UnderTest,
) -> None:
    made = await cluster.kube.create(a_rollout(cluster.namespace))
    status = {"op": "add", "path": "/status", "value": {"because": "v1 has everyone"}}
    spec = {"op": "add", "path": "/spec/revision", "value": "v9"}
    ops = [unchanged(made), status, spec]
    after = await cluster.kube.patch("Rollout", cluster.namespace, "shop", ops, "status")
    assert (after["status"], after["spec"]) == ({"because": "v1 has everyone"}, made["spec"])
    with pytest.raises(ConflictError):
        await cluster.kube.patch("Rollout", cluster.namespace, "shop", ops, "status")


async def test_a_spec_changes_the_generation_and_a_status_does_not(cluster: UnderTest) -> None:
    made = await cluster.kube.create(a_rollout(cluster.namespace))
    status = {"op": "add", "path": "/status", "value": {"because": "x"}}
    after = await cluster.kube.patch("Rollout", cluster.namespace, "shop", [status], "status")
    assert after["metadata"]["generation"] == made["metadata"]["generation"]
    spec = {"op": "add", "path": "/spec/revision", "value": "v9"}
    after = await cluster.kube.patch("Rollout", cluster.namespace, "shop", [spec])
    assert after["metadata"]["generation"] == made["metadata"]["generation"] + 1


async def test_the_last_finalizer_taken_away_ends_a_deletion(cluster: UnderTest) -> None:
    obj = a_rollout(cluster.namespace)
    held = {**obj["metadata"], "finalizers": ["rollout.dev/finalizer"]}
    made = await cluster.kube.create({**obj, "metadata": held})
    if not isinstance(cluster.kube, FakeKube):
        uid = made["metadata"]["uid"]
        await cluster.kube.delete("Rollout", cluster.namespace, "shop", uid)
        get = cluster.kube.get
        await eventually(
            lambda: "deletionTimestamp" in get("Rollout", cluster.namespace, "shop")["metadata"]  # type: ignore[index]
        )
    else:
        when = {"op": "add", "path": "/metadata/deletionTimestamp", "value": "2026-01-01T00:00:00Z"}
        await cluster.kube.patch("Rollout", cluster.namespace, "shop", [when])
    free = {"op": "replace", "path": "/metadata/finalizers", "value": []}
    await cluster.kube.patch("Rollout", cluster.namespace, "shop", [free])
    await eventually(lambda: cluster.kube.get("Rollout", cluster.namespace, "shop") is None)


async def test_an_object_asked_for_by_name_is_as_it_is_now_and_none_where_there_is_none(
    cluster: UnderTest,
) -> None:
    lease = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "who-leads", "namespace": cluster.namespace},
        "spec": {"holderIdentity": "a"},
    }
    assert await cluster.kube.fetch("Lease", cluster.namespace, "who-leads") is None
    await cluster.kube.create(lease)
    ops = [{"op": "replace", "path": "/spec/holderIdentity", "value": "b"}]
    after = await cluster.kube.patch("Lease", cluster.namespace, "who-leads", ops)
    assert await cluster.kube.fetch("Lease", cluster.namespace, "who-leads") == after
