"""A gateway host that two teams share: their users stay theirs, whatever they carry."""

from typing import Any

import pytest

from rollout.lab.kube.client import VIRTUALSERVICE, Object
from tests.lab.journeys.harness import Journey, until
from tests.lab.journeys.shop import asked, canary

pytestmark = [pytest.mark.lab, pytest.mark.long, pytest.mark.asyncio(loop_scope="session")]

STAFF: Object = {"headers": {"x-staff": {"exact": "1"}}}
OF_STAFF: dict[str, Any] = {"headers": {"x-staff": "1"}}


def pages(journey: Journey, **match: Object) -> list[Object]:
    """Another team's service ``pages`` with version v7, and its younger route on our host.

    Younger by its name at least, where both are made within one second.
    """
    shop = journey.shop
    elsewhere: Object = {"match": [match], "route": [{"destination": {"host": "pages"}}]}
    deployment = shop.deployment("v7")
    for meta in (deployment["metadata"], deployment["spec"]["template"]["metadata"]):
        meta["labels"] = meta["labels"] | {"app": "pages"}
    deployment["metadata"]["name"] = "pages-v7"
    deployment["spec"]["selector"]["matchLabels"]["app"] = "pages"
    routes = shop.routes({**elsewhere, "name": "pages"}, name="the-pages", gateways=["shop"])
    routes["spec"]["hosts"] = [shop.host]
    return [shop.service("pages"), deployment, routes]


async def test_another_teams_path_stays_theirs_at_every_step(journey: Journey) -> None:
    """Case 29: 40 of 40 requests of the cohort to /pages went to the shop."""
    steps = canary(asked(cohorts=[STAFF], weight=0), asked(weight=20))
    sticky = {"stickiness": {"cookie": "side", "for": "1h"}}
    others = pages(journey, uri={"prefix": "/pages"})
    objects = [*journey.shop.by_role("v2"), *others]
    await journey.begin(*objects, strategy=steps, traffic=sticky)
    before = await journey.read(VIRTUALSERVICE)
    await journey.push("v2")
    await journey.at_step(0)
    assert (await journey.visit(40, path="/pages/1?a=b", **OF_STAFF)).versions == {"v7": 40}
    assert (await journey.visit(40, path="/pages")).versions == {"v7": 40}
    assert (await journey.visit(40, **OF_STAFF)).versions == {"v2": 40}
    assert (await journey.call(40, path="/pages", **OF_STAFF)).versions == {"v2": 40}
    await journey.approve(1)
    async with journey.load(0, visitors=20) as load:
        await load.send(100)
        assert set((await load.send(100)).versions) == {"v1", "v2"}
    async with journey.load(0, visitors=20, path="/pages") as load:
        assert (await load.send(100)).versions == {"v7": 100}
    assert (await journey.visit(40, path="/pages", **OF_STAFF)).versions == {"v7": 40}
    await journey.ask("approve")
    await journey.promoted("v2")
    assert (await journey.read(VIRTUALSERVICE))["spec"] == before["spec"]


async def test_a_path_that_comes_in_mid_journey_is_left_to_its_owner(journey: Journey) -> None:
    steps = canary(asked(cohorts=[STAFF], weight=0))
    await journey.begin(*journey.shop.by_role("v2"), strategy=steps)
    await journey.push("v2")
    await journey.at_step(0)
    assert (await journey.visit(20, path="/pages", **OF_STAFF)).versions == {"v2": 20}
    await journey.world.apply(*pages(journey, uri={"exact": "/pages"}))
    await journey.pods_settled()

    async def apart() -> bool:
        return "withoutHeaders" in str(await journey.read(VIRTUALSERVICE))

    await until("written apart", apart)
    await journey.world.pushed()
    assert (await journey.visit(40, path="/pages", **OF_STAFF)).versions == {"v7": 40}
    assert (await journey.visit(40, path="/", **OF_STAFF)).versions == {"v2": 40}


async def test_what_cannot_be_left_to_them_is_refused_before_anything_is_written(
    journey: Journey,
) -> None:
    steps = canary(asked(cohorts=[STAFF], weight=0))
    others = pages(journey, queryParams={"page": {"exact": "1"}})
    await journey.begin(*journey.shop.by_role("v2"), *others, strategy=steps)
    before = await journey.mesh()
    await journey.push("v2")
    status = await journey.until("blocked", lambda s: "ROL-037" in s.because)
    assert status.stage.split.canary == 0
    assert await journey.mesh() == before
    assert (await journey.visit(40, path="/?page=1", **OF_STAFF)).versions == {"v7": 40}
