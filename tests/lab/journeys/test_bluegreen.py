"""Blue-green: a preview by cohort and by host, everyone at once, and one patch back."""

import asyncio

import pytest

from rollout.lab.kube.client import DEPLOYMENT, VIRTUALSERVICE, Object
from rollout.model.status import Stage
from tests.lab.journeys.harness import LIMITED, Journey, until
from tests.lab.journeys.shop import Shop, to

pytestmark = [pytest.mark.lab, pytest.mark.long, pytest.mark.asyncio(loop_scope="session")]

COHORT: Object = {"headers": {"x-preview": {"exact": "1"}}}


def objects(shop: Shop) -> list[Object]:
    hosts = [shop.host, f"preview.{shop.host}", "shop"]
    return [
        *shop.by_role()[:-1],
        shop.deployment("v2"),
        shop.routes(to("stable"), hosts=hosts),
    ]


def strategy(shop: Shop, keep_warm: str) -> Object:
    blue_green = {
        "preview": [COHORT],
        "previewHost": f"preview.{shop.host}",
        "bake": "0s",
        "timeBox": "5s",
        "approval": {},
        "keepWarm": keep_warm,
    }
    return {"blueGreen": blue_green}


@pytest.mark.short
async def test_the_preview_is_shown_to_whom_it_is_for_then_everyone_switches(
    journey: Journey,
) -> None:
    shop = journey.shop
    managed = {"deployments": "shop-{revision}", "scale": "managed", "drain": "1s"}
    await journey.begin(*objects(shop), strategy=strategy(shop, "3s"), workload=managed)
    await journey.push("v2")
    await journey.at_step(0)
    preview = f"preview.{shop.host}"
    assert (await journey.visit(50, host=preview)).versions == {"v2": 50}
    assert (await journey.visit(50, headers={"x-preview": "1"})).versions == {"v2": 50}
    assert (await journey.visit(200)).versions == {"v1": 200}
    async with journey.load(100) as people:
        await asyncio.sleep(0.5)
        await journey.ask("approve")
        await journey.until("switched", lambda s: s.stage.name is Stage.BAKING)
        people.take()
        assert (await journey.visit(100)).versions == {"v2": 100}
        kept = await journey.read(DEPLOYMENT, "shop-v1")
        assert kept["spec"]["replicas"] == 2
        await journey.promoted("v2")
        assert (people.tally.failures, set(people.tally.versions)) == (0, {"v2"})
    old = await journey.read(DEPLOYMENT, "shop-v1")
    assert old["spec"]["replicas"] == 0


async def test_the_way_back_from_a_warm_old_version_is_one_patch(journey: Journey) -> None:
    shop = journey.shop
    await journey.begin(*objects(shop), strategy=strategy(shop, "60s"), analysis=LIMITED)
    await journey.push("v2")
    async with journey.load(100) as people, journey.load(40, headers={"x-preview": "1"}):
        await journey.at_step(0)
        await journey.ask("approve")
        await journey.until(
            "switched", lambda s: s.stage.name is Stage.BAKING and bool(s.stage.confirmed_at)
        )
        writes = (await journey.read(VIRTUALSERVICE))["metadata"]["generation"]
        assert people.tally.failures == 0
        journey.world.set_faults(shop.namespace, "shop-v2", error_rate=1.0)
        shares: list[int] = []

        async def written() -> bool:
            """Something was, and the first thing that was gives everyone back."""
            found = await journey.read(VIRTUALSERVICE)
            route = found["spec"]["http"][0]["route"]
            shares[:] = [entry["weight"] for entry in route if "weight" in entry]
            return bool(found["metadata"]["generation"] > writes)

        await until("written", written)
        assert shares == [100, 0]
        await journey.rejected("v2")
    assert (await journey.visit(100)).versions == {"v1": 100}
