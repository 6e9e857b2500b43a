"""Dark releases: ordinary users see stable while a cohort or copies try the canary."""

import asyncio

import pytest

from rollout.lab.kube.client import VIRTUALSERVICE, Object
from rollout.model.status import Phase
from tests.lab.journeys.harness import Journey, until
from tests.lab.journeys.shop import asked, dark
from tests.lab.seen import served

pytestmark = [pytest.mark.lab, pytest.mark.long, pytest.mark.asyncio(loop_scope="session")]

JASON: Object = {"headers": {"end-user": {"exact": "jason"}}}
MIRRORED: Object = {"interval": "1s", "warmup": "1s", "reporter": "destination"}


async def test_a_dark_release_holds_at_its_end_until_somebody_promotes(journey: Journey) -> None:
    steps = dark({"cohorts": [JASON], "bake": "1s"})
    await journey.begin(*journey.shop.by_role("v2"), strategy=steps)
    before = await journey.read(VIRTUALSERVICE)
    await journey.push("v2")
    held = await journey.until("held", lambda s: s.phase is Phase.PAUSED)
    assert held.because == "all steps passed; promote or abort, as you wish"
    assert (await journey.visit(300)).versions == {"v1": 300}
    assert (await journey.visit(50, headers={"end-user": "jason"})).versions == {"v2": 50}
    await journey.ask("promote")
    await journey.promoted("v2")
    assert (await journey.visit(100)).versions == {"v2": 100}
    assert (await journey.read(VIRTUALSERVICE))["spec"] == before["spec"]


@pytest.mark.short
async def test_copies_reach_the_canary_and_never_a_client(journey: Journey) -> None:
    steps = dark({"mirror": "100%", "bake": "2s", "timeBox": "5s"}, finish="promote")
    await journey.begin(*journey.shop.by_role("v2"), strategy=steps, analysis=MIRRORED)
    await journey.push("v2")
    async with journey.load(100) as people:
        await journey.at_step(0)
        people.take()
        before = (await served(journey.world, journey.shop.namespace, "shop-v2"))[200]
        await asyncio.sleep(2)
        sent = people.take()
        assert dict(sent.versions) == {"v1": sent.requests}

        async def copied() -> bool:
            counted = await served(journey.world, journey.shop.namespace, "shop-v2")
            return counted[200] - before >= sent.requests * 0.9

        await until("nine of ten requests, at least, are copied", copied)
        done = await journey.promoted("v2", 40)
        assert people.tally.failures == 0
    assert not done.rejected


async def test_a_canary_that_fails_its_copies_is_rejected_and_no_client_felt_it(
    journey: Journey,
) -> None:
    steps = dark({"mirror": "100%", "bake": "10s", "timeBox": "20s"}, finish="promote")
    shop = journey.shop.by_role()
    bad = journey.shop.deployment("v2", error_rate="1.0")
    await journey.begin(*shop, bad, strategy=steps, analysis=MIRRORED)
    async with journey.load(100) as people:
        await journey.push("v2")
        done = await journey.rejected("v2", 40)
        tally = people.tally
    print(done.because)
    assert (tally.failures, dict(tally.versions)) == (0, {"v1": tally.requests})
    assert "errors: canary" in done.because or "errors" in done.because


async def test_steps_may_follow_the_dark_ones(journey: Journey) -> None:
    steps = {"canary": {"steps": [asked(cohorts=[JASON], weight=0), asked(weight=50)]}}
    await journey.begin(*journey.shop.by_role("v2"), strategy=steps)
    await journey.push("v2")
    await journey.at_step(0)
    assert (await journey.visit(100)).versions == {"v1": 100}
    await journey.approve(1)
    assert set((await journey.visit(100)).versions) == {"v1", "v2"}
