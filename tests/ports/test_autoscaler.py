"""An autoscaler handed over: on the fake, the lab's and a real API server."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from rollout.controller.doing import deployments
from rollout.controller.ports import Json
from rollout.controller.seeing import pods
from rollout.errors import ConflictError, RefusedError
from rollout.model.action import HandOver
from rollout.model.observation import SeenAutoscaler
from rollout.model.spec import Autoscaler, Rollout, Workload
from tests import make
from tests.ports.conftest import UnderTest, listed

OVER = HandOver("shop", "shop-v2")


def rollout(cluster: UnderTest) -> Rollout:
    workload = Workload(template={}, autoscaler=Autoscaler("shop"))
    made = make.rollout(make.canary_spec(workload=workload))
    return replace(made, namespace=cluster.namespace)


async def there(cluster: UnderTest, **metadata: Any) -> Json:
    """An HPA of shop-v1; an old server knows it in another version, where we write the same."""
    await listed(cluster.kube, pods.HPA)
    ref = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop-v1"}
    made = {
        "kind": pods.HPA,
        "metadata": {"name": "shop", "namespace": cluster.namespace, **metadata},
        "spec": {"scaleTargetRef": ref, "minReplicas": 2, "maxReplicas": 9},
    }
    try:
        return await cluster.kube.create({"apiVersion": "autoscaling/v2", **made})
    except RefusedError:
        return await cluster.kube.create({"apiVersion": "autoscaling/v1", **made})


def now(cluster: UnderTest) -> Json:
    found = cluster.kube.get(pods.HPA, cluster.namespace, "shop")
    assert found is not None
    return found


async def test_only_the_name_of_what_it_scales_is_written_and_twice_is_once(
    cluster: UnderTest,
) -> None:
    made = await there(cluster, annotations={"mine": "x"})
    await deployments.hand_over(cluster.kube, rollout(cluster), OVER)
    after = now(cluster)
    assert after["spec"]["scaleTargetRef"] == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "name": "shop-v2",
    }
    rest = {key: value for key, value in after["spec"].items() if key != "scaleTargetRef"}
    assert rest == {key: made["spec"][key] for key in made["spec"] if key != "scaleTargetRef"}
    assert after["metadata"]["annotations"]["mine"] == "x"
    await deployments.hand_over(cluster.kube, rollout(cluster), OVER)
    assert now(cluster)["metadata"]["resourceVersion"] == after["metadata"]["resourceVersion"]


async def test_one_that_somebody_else_has_pointed_meanwhile_is_a_conflict(
    cluster: UnderTest,
) -> None:
    await there(cluster)
    path = "/spec/scaleTargetRef/name"
    ops = [
        {"op": "test", "path": path, "value": "shop-v0"},
        {"op": "replace", "path": path, "value": "shop-v2"},
    ]
    with pytest.raises(ConflictError):
        await cluster.kube.patch(pods.HPA, cluster.namespace, "shop", ops)
    assert now(cluster)["spec"]["scaleTargetRef"]["name"] == "shop-v1"


async def test_what_is_seen_of_it(cluster: UnderTest) -> None:
    asked = rollout(cluster)
    await listed(cluster.kube, pods.HPA)
    assert pods.autoscaler(cluster.kube, asked, "shop") == SeenAutoscaler(
        "shop", exists=False, problem="hpa shop is missing"
    )
    await deployments.hand_over(cluster.kube, asked, OVER)
    await there(cluster, labels={"argocd.argoproj.io/instance": "shop"})
    assert pods.autoscaler(cluster.kube, asked, "shop") == SeenAutoscaler(
        "shop", True, "shop-v1", owner="Argo CD"
    )


async def test_a_change_of_it_wakes_the_rollout_that_names_it(cluster: UnderTest) -> None:
    await there(cluster)
    cluster.told.clear()
    op = {"op": "replace", "path": "/spec/maxReplicas", "value": 12}
    await cluster.kube.patch(pods.HPA, cluster.namespace, "shop", [op])
    async with asyncio.timeout(300):
        while not cluster.told:
            await asyncio.sleep(0.01)
    concern = f"{pods.HPA} {cluster.namespace}/shop"
    assert any(kind == pods.HPA and concern in concerns for kind, concerns in cluster.told)
