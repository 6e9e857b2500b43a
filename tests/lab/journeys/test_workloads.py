"""Pods as they come: from a template of ours, or scaled for the journey."""

import asyncio
from typing import Any

import pytest

from rollout.lab.kube.client import DEPLOYMENT, Kind, Object
from tests.lab.journeys.harness import CONFIGMAP, Journey, until, within
from tests.lab.journeys.shop import Shop, asked, canary, to

pytestmark = [pytest.mark.lab, pytest.mark.long, pytest.mark.asyncio(loop_scope="session")]

STEPS = canary(asked(weight=50))
HPA = Kind("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler")


def template(image: str = "v1", replicas: int = 2) -> Object:
    """A Deployment spec whose pods read a ConfigMap."""
    box = {
        "name": "shop",
        "image": f"rollout.dev/lab/shop:{image}",
        "ports": [{"name": "http", "containerPort": 8080}],
        "envFrom": [{"configMapRef": {"name": "shop-config"}}],
    }
    pods = {"metadata": {"labels": {"app": "shop"}}, "spec": {"containers": [box]}}
    return {"replicas": replicas, "minReadySeconds": 0, "template": pods}


def workload(**changes: Any) -> Object:
    return {"template": template(**changes), "drain": "1s", "revisionHistory": 1}


def objects(shop: Shop, *more: Object) -> list[Object]:
    """No subset and no DestinationRule: only a host."""
    return [shop.service(), shop.gateway(), shop.routes(to()), *more]


def config(shop: Shop, colour: str) -> Object:
    meta = {"name": "shop-config", "namespace": shop.namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"COLOUR": colour}}


async def configured(journey: Journey, colour: str) -> None:
    made = config(journey.shop, colour)
    if await journey.there(CONFIGMAP, "shop-config"):
        await journey.patch(CONFIGMAP, {"data": made["data"]}, "shop-config")
    else:
        await journey.world.kube.create(CONFIGMAP, made)


async def first(journey: Journey, colour: str = "blue") -> str:
    """The first deployment, without ceremony; the name of its revision."""
    await journey.world.apply(*objects(journey.shop))
    await configured(journey, colour)
    await journey.rollout(strategy=STEPS, workload=workload())
    status = await journey.until("adopted", lambda s: s.stable is not None)
    assert status.stable is not None
    name = status.stable.name

    async def serving() -> bool:
        return (await journey.visit(20)).versions == {name: 20}

    await until("the first revision serves", serving)
    return name


async def colour(journey: Journey, revision: str) -> str:
    """What the running pods of ``revision`` are configured with."""
    deployment = await journey.read(DEPLOYMENT, f"shop-{revision}")
    box = deployment["spec"]["template"]["spec"]["containers"][0]
    copy = await journey.read(CONFIGMAP, box["envFrom"][0]["configMapRef"]["name"])
    return str(copy["data"]["COLOUR"])


@pytest.mark.short
async def test_a_pushed_image_is_a_release_and_the_old_pods_drain(journey: Journey) -> None:
    old = await first(journey)
    before = await journey.mesh()
    async with journey.load(100) as people:
        await journey.change({"spec": {"workload": workload(image="v2")}})
        status = await journey.at_step(0)
        assert status.attempt.canary is not None
        new = status.attempt.canary.name
        tally = await journey.visit(400)
        assert set(tally.versions) == {old, new}
        await journey.ask("approve")
        await journey.promoted(new)
        await asyncio.sleep(0.5)
        assert people.tally.failures == 0
    assert (await journey.visit(100)).versions == {new: 100}
    assert (await journey.read(DEPLOYMENT, f"shop-{old}"))["spec"]["replicas"] == 0

    async def back() -> bool:
        return bool((await journey.mesh())[0]["spec"] == before[0]["spec"])

    await until("the route is the author's again", back)


async def test_a_rollback_restores_the_configuration_too(journey: Journey) -> None:
    old = await first(journey, "blue")
    async with journey.load(50) as people:
        await configured(journey, "red")
        status = await journey.at_step(0)
        assert status.attempt.canary is not None
        new = status.attempt.canary.name
        assert (await colour(journey, old), await colour(journey, new)) == ("blue", "red")
        await journey.ask("abort")
        await journey.rejected(new)
        assert people.tally.failures == 0
    assert (await journey.visit(100)).versions == {old: 100}
    assert await colour(journey, old) == "blue"
    await configured(journey, "blue")
    await journey.until("git is served", lambda s: s.rejected is None)
    assert (await journey.status()).stable is not None


async def test_managed_deployments_come_from_zero_and_go_to_zero(journey: Journey) -> None:
    managed = {"deployments": "shop-{revision}", "scale": "managed", "drain": "1s"}
    sleeping = journey.shop.deployment("v2", replicas=0)
    await journey.begin(*journey.shop.by_role(), sleeping, strategy=STEPS, workload=managed)
    async with journey.load(100) as people:
        await journey.push("v2")
        await journey.at_step(0)
        await journey.ask("approve")
        await journey.promoted("v2")
        await asyncio.sleep(0.5)
        print(f"{people.tally.requests} requests, {people.tally.failures} failed")
        assert people.tally.failures == 0
    replicas = {
        name: (await journey.read(DEPLOYMENT, name))["spec"]["replicas"]
        for name in ("shop-v1", "shop-v2")
    }
    assert replicas == {"shop-v1": 0, "shop-v2": 2}


async def test_a_step_says_how_many_pods_it_wants(journey: Journey) -> None:
    """Fewer than its share would take, and never fewer than the next step needs."""
    managed = {"deployments": "shop-{revision}", "scale": "managed", "drain": "1s"}
    objects = journey.shop.by_role()
    objects[3] = journey.shop.deployment("v1", replicas=4)
    sleeping = journey.shop.deployment("v2", replicas=0)
    steps = canary(asked(weight=20, replicas=1), asked(weight=50, replicas=3), asked(weight=50))
    await journey.begin(*objects, sleeping, strategy=steps, workload=managed)
    await journey.push("v2")
    wanted = []
    for index, share in enumerate((0.2, 0.5, 0.5)):
        await journey.at_step(index)
        assert within(await journey.visit(600), "v2", share)
        wanted.append((await journey.read(DEPLOYMENT, "shop-v2"))["spec"]["replicas"])
        await journey.ask("approve")
    assert wanted == [3, 3, 4]
    await journey.promoted("v2")
    assert (await journey.read(DEPLOYMENT, "shop-v1"))["spec"]["replicas"] == 0


async def test_only_so_many_old_revisions_are_kept(journey: Journey) -> None:
    names = [await first(journey)]
    for image in ("v2", "v3", "v4"):
        await journey.change({"spec": {"workload": workload(image=image)}})
        started = await journey.at_step(0)
        assert started.attempt.canary is not None
        names.append(started.attempt.canary.name)
        await journey.ask("approve")
        await journey.promoted(names[-1])

    async def pruned() -> bool:
        found = (await journey.world.kube.list(DEPLOYMENT))[0]
        mine = {
            obj["metadata"]["name"]: obj["spec"]["replicas"]
            for obj in found
            if obj["metadata"]["namespace"] == journey.shop.namespace
        }
        return mine == {f"shop-{names[2]}": 0, f"shop-{names[3]}": 2}

    await until("one old revision is kept", pruned)


async def test_an_autoscaler_follows_the_release_and_another_one_is_left_alone(
    journey: Journey,
) -> None:
    old = await first(journey)
    for name, target in (("follows", f"shop-{old}"), ("stays", "elsewhere")):
        ref = {"apiVersion": "apps/v1", "kind": "Deployment", "name": target}
        spec = {"scaleTargetRef": ref, "minReplicas": 2, "maxReplicas": 5}
        meta = {"name": name, "namespace": journey.shop.namespace}
        await journey.world.kube.create(HPA, {"metadata": meta, "spec": spec})
    followed = workload(image="v2") | {"autoscaler": {"name": "follows"}}
    await journey.change({"spec": {"workload": followed}})
    new = (await journey.at_step(0)).attempt.canary
    assert new is not None
    assert await scaled(journey, "follows") == f"shop-{old}"
    await journey.ask("approve")
    await journey.promoted(new.name)
    assert await scaled(journey, "follows") == f"shop-{new.name}"
    assert await scaled(journey, "stays") == "elsewhere"


async def scaled(journey: Journey, name: str) -> str:
    return str((await journey.read(HPA, name))["spec"]["scaleTargetRef"]["name"])
