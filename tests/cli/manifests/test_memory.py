import pytest

from rollout.cli.manifests.memory import MemoryCluster
from rollout.controller.seeing import concerns
from rollout.errors import ConflictError, RefusedError
from tests.test_examples import objects_of

SCALE = {"op": "replace", "path": "/spec/replicas", "value": 3}


def canary() -> MemoryCluster:
    cluster = MemoryCluster()
    cluster.put(*objects_of("canary"))
    return cluster


def ready(cluster: MemoryCluster) -> int:
    host = concerns.host("reviews.shop.svc.cluster.local")
    (one,) = cluster.list("EndpointSlice", host)
    return sum(endpoint["conditions"]["ready"] for endpoint in one["endpoints"])


async def test_a_deployment_has_its_pods_at_once() -> None:
    cluster = canary()
    assert ready(cluster) == 4
    await cluster.patch("Deployment", "shop", "reviews-v2", [SCALE])
    assert ready(cluster) == 5


async def test_every_write_is_written_down_with_before_and_after() -> None:
    cluster = canary()
    await cluster.patch("Deployment", "shop", "reviews-v2", [SCALE])
    (written,) = cluster.written
    assert written.before is not None
    assert written.after is not None
    replicas = (written.before["spec"]["replicas"], written.after["spec"]["replicas"])
    assert (written.name, replicas) == ("reviews-v2", (2, 3))


async def test_a_patch_that_does_not_fit_is_a_conflict() -> None:
    cluster = canary()
    test = {"op": "test", "path": "/metadata/resourceVersion", "value": "stale"}
    with pytest.raises(ConflictError, match="deployment shop/reviews-v2"):
        await cluster.patch("Deployment", "shop", "reviews-v2", [test, SCALE])
    assert cluster.written == []


async def test_what_is_not_there_cannot_be_patched_and_is_deleted_already() -> None:
    cluster = canary()
    with pytest.raises(RefusedError, match="not found"):
        await cluster.patch("Deployment", "shop", "nobody", [SCALE])
    await cluster.delete("Deployment", "shop", "nobody")
    await cluster.delete("Deployment", "shop", "reviews-v2")
    assert [w.name for w in cluster.written] == ["reviews-v2"]
    assert ready(cluster) == 2


async def test_a_name_is_made_once() -> None:
    cluster = canary()
    with pytest.raises(ConflictError, match="it is there already"):
        await cluster.create(objects_of("canary")[0])
