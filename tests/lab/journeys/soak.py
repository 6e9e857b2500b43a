"""Good releases one after the other under steady load: how many requests fail because of us?"""

import asyncio
from dataclasses import dataclass, field

from rollout.lab.kube.client import Object
from rollout.lab.load import Tally
from tests.lab.journeys.harness import Journey, until
from tests.lab.journeys.shop import canary, to

STEPS = canary({"weight": 10, "bake": "1s"}, {"weight": 50, "bake": "1s"})


@dataclass(slots=True)
class Found:
    """What visitors met: every request from before the first push until after the last drain."""

    journeys: int = 0
    tally: Tally = field(default_factory=Tally)

    def __str__(self) -> str:
        tally, bad = self.tally, dict(self.tally.failed_versions)
        counted = f"{tally.requests} requests, {tally.failures} failed {bad or ''}".rstrip()
        return f"{self.journeys} journeys, {counted}, slowest {tally.slowest_ms:.0f} ms"


async def templates(journey: Journey, count: int, rate: int) -> Found:
    """Each push changes the image; pods of ours start, take over, and drain."""
    shop = journey.shop
    await journey.world.apply(shop.service(), shop.gateway(), shop.routes(to(retries=_NONE)))
    await journey.rollout(strategy=STEPS, workload=workload(0))

    async def serving() -> bool:
        return (await journey.visit(10)).statuses == {200: 10}

    await until("the first revision serves", serving)
    await journey.until("adopted", lambda s: s.stable is not None)
    found = Found()
    async with journey.load(rate) as people:
        for number in range(1, count + 1):
            await journey.change({"spec": {"workload": workload(number)}})
            started = await journey.until(
                f"journey {number}", lambda s: s.attempt.canary is not None
            )
            assert started.attempt.canary is not None
            await journey.promoted(started.attempt.canary.name, 60)
            found.journeys += 1
        await asyncio.sleep(1.5)  # the last pods stop listening half a second after they are told
        found.tally = people.tally
    return found


async def managed(journey: Journey, count: int, rate: int) -> Found:
    """Two Deployments of the user, of which we start one and stop the other, to and fro."""
    shop, found = journey.shop, Found()
    pods = {"deployments": "shop-{revision}", "scale": "managed", "drain": "1s"}
    objects = [*shop.by_role()[:-1], shop.deployment("v2", replicas=0)]
    await journey.begin(
        *objects, shop.routes(to("stable", retries=_NONE)), strategy=STEPS, workload=pods
    )
    async with journey.load(rate) as people:
        for number in range(count):
            revision = ("v2", "v1")[number % 2]
            await journey.push(revision)
            await journey.promoted(revision, 60)
            found.journeys += 1
        await asyncio.sleep(1.5)
        found.tally = people.tally
    return found


_NONE: Object = {"attempts": 0}
"""No retries: Envoy's would hide a request that we made fail."""


def workload(number: int) -> Object:
    """A pod template that differs from every other ``number``'s."""
    box = {
        "name": "shop",
        "image": f"rollout.dev/lab/shop:{number}",
        "ports": [{"name": "http", "containerPort": 8080}],
    }
    pods = {"metadata": {"labels": {"app": "shop"}}, "spec": {"containers": [box]}}
    template = {"replicas": 3, "minReadySeconds": 0, "template": pods}
    return {"template": template, "drain": "1s", "revisionHistory": 1}
