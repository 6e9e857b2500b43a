"""Bad luck: what the laws demand when pods, objects and other people misbehave, and the words."""

import asyncio
from typing import Any

import pytest

from rollout.lab.kube.client import (
    DEPLOYMENT,
    DESTINATIONRULE,
    POD,
    SERVICE,
    VIRTUALSERVICE,
    Object,
)
from rollout.model.reasons import PauseKind
from rollout.model.status import Phase, Stage
from tests.lab.journeys.harness import Journey, until, within
from tests.lab.journeys.shop import asked, canary, dark

pytestmark = [pytest.mark.lab, pytest.mark.long, pytest.mark.asyncio(loop_scope="session")]

HALF = canary(asked(weight=50))


async def stepping(journey: Journey, *more: Object, **spec: Any) -> None:
    """v2 is a canary at half of the requests, held by an approval."""
    spec.setdefault("strategy", HALF)
    await journey.begin(*journey.shop.by_role("v2"), *more, **spec)
    await journey.push("v2")
    await journey.at_step(0)


async def test_a_second_rollout_for_the_same_routes_is_refused_by_the_firsts_name(
    journey: Journey,
) -> None:
    await stepping(journey)
    await journey.rollout("second", strategy=HALF, revision="v1")
    refused = await journey.until("refused", lambda s: s.phase is Phase.PAUSED, name="second")
    print(refused.because)
    assert f"rollout {journey.shop.namespace}/shop has it already" in refused.because
    status = await journey.status()
    assert (status.stage.name, status.stage.split.canary, status.attempt.drift) == (
        Stage.STEPPING,
        50,
        None,
    )
    await journey.deleted("second")
    assert (await journey.status()).stage.split.canary == 50


async def test_a_canary_that_never_gets_ready_pauses_at_the_deadline(journey: Journey) -> None:
    never = journey.shop.deployment("v2", never_ready="true")
    await journey.world.apply(*journey.shop.by_role())
    await journey.pods_settled()
    await journey.world.apply(never)
    await journey.world.pushed()
    await journey.rollout(strategy=HALF, progressDeadline="4s")
    await journey.until("adopted", lambda s: s.stable is not None)
    await journey.push("v2")
    paused = await journey.until("paused", lambda s: s.phase is Phase.PAUSED)
    print(paused.because)
    assert paused.attempt.pause is not None
    assert paused.attempt.pause.kind is PauseKind.DEADLINE
    assert (await journey.visit(100)).versions == {"v1": 100}


@pytest.mark.short
async def test_a_canary_that_crashes_in_mid_step_loses_its_traffic_at_once(
    journey: Journey,
) -> None:
    await stepping(journey)
    async with journey.load(50):
        journey.world.set_faults(journey.shop.namespace, "shop-v2", crash_after_seconds=0.1)
        lost = await journey.until("back", lambda s: s.stage.name is not Stage.STEPPING)
        await journey.until("given back", lambda s: s.stage.name is Stage.PREPARING)
        assert (await journey.visit(100)).versions == {"v1": 100}
    print(lost.because, journey.seen)
    assert any("; stable has everyone" in said for said in journey.seen)


async def test_an_evicted_canary_pod_is_replaced_without_a_failed_request(
    journey: Journey,
) -> None:
    await stepping(journey)
    found = (await journey.world.kube.list(POD))[0]
    mine = [p["metadata"] for p in found if p["metadata"]["namespace"] == journey.shop.namespace]
    victim = next(m["name"] for m in mine if m["name"].startswith("shop-v2"))
    async with journey.load(100) as people:
        await asyncio.sleep(0.3)
        await journey.delete(POD, victim)
        await asyncio.sleep(0.3)
        await journey.pods_settled()
        await asyncio.sleep(0.5)
        assert people.tally.failures == 0
    assert (await journey.status()).stage.split.canary == 50


async def test_everyone_stays_on_a_healthy_canary_when_stable_breaks(journey: Journey) -> None:
    await stepping(journey)
    await journey.patch(DEPLOYMENT, {"spec": {"replicas": 0}}, "shop-v1")
    await journey.world.settled(journey.shop.namespace, "shop-v1")
    await journey.ask("abort")
    held = await journey.until("held", lambda s: s.stage.name is Stage.WITHDRAWING)
    await asyncio.sleep(1.5)
    held = await journey.status()
    assert held.because == "aborted by a person; stable has 0 of 2 pods: holding at 50/50"
    assert held.stage.split.stable == 50  # never more onto pods that are not there
    await journey.patch(DEPLOYMENT, {"spec": {"replicas": 2}}, "shop-v1")
    await journey.rejected("v2")
    assert (await journey.visit(100)).versions == {"v1": 100}


async def test_a_stable_that_was_made_smaller_takes_back_what_its_pods_can_carry(
    journey: Journey,
) -> None:
    """As an autoscaler does while the canary takes the load: one pod of two, then two again."""
    await stepping(journey)
    async with journey.load(100) as people:
        await journey.patch(DEPLOYMENT, {"spec": {"replicas": 1}}, "shop-v1")
        await journey.pods_settled()
        await journey.ask("abort")
        held = await journey.until(
            "as wide as its pods",
            lambda s: s.stage.split.stable == 66 and s.stage.confirmed_at is not None,
        )
        met = await journey.visit(1000)
        await journey.patch(DEPLOYMENT, {"spec": {"replicas": 2}}, "shop-v1")
        await journey.rejected("v2")
        assert (await journey.visit(100)).versions == {"v1": 100}
        assert people.tally.failures == 0
    print(held.because, met.versions)
    assert held.because == "stable has 1 of 2 pods: holding at 66/34"
    assert within(met, "v1", 0.66)


async def test_nothing_moves_while_both_sides_are_broken(journey: Journey) -> None:
    await stepping(journey)
    for name in ("shop-v1", "shop-v2"):
        await journey.patch(DEPLOYMENT, {"spec": {"replicas": 0}}, name)
    for name in ("shop-v1", "shop-v2"):
        await journey.world.settled(journey.shop.namespace, name)
    await asyncio.sleep(2)
    broken = await journey.status()
    assert broken.stage.split.canary == 50
    assert broken.because == "v2 was scaled to 0; stable has 0 of 2 pods: holding at 50/50"
    for name in ("shop-v1", "shop-v2"):
        await journey.patch(DEPLOYMENT, {"spec": {"replicas": 2}}, name)
    await journey.pods_settled()
    await journey.at_step(0, 40)
    assert (await journey.visit(100)).failures == 0


@pytest.mark.short
async def test_a_gitops_tool_that_keeps_reverting_us_is_named_with_the_rule_it_needs(
    journey: Journey,
) -> None:
    tracked = {"metadata": {"annotations": {"argocd.argoproj.io/tracking-id": "shop:x/y:z/shop"}}}
    await stepping(journey)
    await journey.patch(VIRTUALSERVICE, tracked)
    git = {"spec": {"http": [{"name": "primary", "route": [
        {"destination": {"host": "shop", "subset": "stable"}}]}]}}  # fmt: skip

    async def fight() -> None:
        while True:
            await journey.patch(VIRTUALSERVICE, git)
            await asyncio.sleep(1)

    fighting = asyncio.create_task(fight())
    try:
        await journey.until("restored", lambda s: s.attempt.drift is not None)
        flapping = await journey.until(
            "flapping", lambda s: bool(s.attempt.drift and s.attempt.drift.count >= 5)
        )
        await asyncio.sleep(3)
        later = await journey.status()
    finally:
        fighting.cancel()
        await asyncio.gather(fighting, return_exceptions=True)
    print(flapping.because, "|", later.because, later.attempt.drift, journey.seen)
    assert "keeps writing our weights" in flapping.because
    assert later.attempt.drift is not None
    assert later.attempt.drift.count <= 8  # a truce, not a race
    assert later.stage.name is Stage.STEPPING


async def test_a_made_route_that_somebody_deletes_comes_back(journey: Journey) -> None:
    cohort = {"headers": {"x-tester": {"exact": "1"}}}
    await stepping(journey, strategy=dark(asked(cohorts=[cohort])))
    found = await journey.read(VIRTUALSERVICE)
    theirs = [r for r in found["spec"]["http"] if not r["name"].startswith("rollout-")]
    assert len(theirs) < len(found["spec"]["http"])
    await journey.patch(VIRTUALSERVICE, {"spec": {"http": theirs}})

    async def back() -> bool:
        return bool((await journey.read(VIRTUALSERVICE))["spec"] == found["spec"])

    await until("the made route is back", back)
    told = await journey.until("told", lambda s: s.attempt.drift is not None)
    print(told.because)
    assert told.because.startswith("restored virtualservice")


@pytest.mark.parametrize("lost", ["subset", "DestinationRule"])
async def test_a_deleted_subset_comes_back_before_anybody_waits_long(
    journey: Journey, lost: str
) -> None:
    await stepping(journey)
    before = await journey.read(DESTINATIONRULE)
    if lost == "subset":
        stable = [s for s in before["spec"]["subsets"] if s["name"] != "canary"]
        await journey.patch(DESTINATIONRULE, {"spec": {"subsets": stable}})
    else:
        await journey.delete(DESTINATIONRULE)

    async def back() -> bool:
        if not await journey.there(DESTINATIONRULE, "shop"):
            return False
        found = (await journey.read(DESTINATIONRULE))["spec"]["subsets"]
        return sorted(s["name"] for s in found) == ["canary", "stable"]

    await until("both subsets are back", back, 5)
    await journey.world.pushed()
    tally = await journey.visit(100)
    assert (tally.failures, set(tally.versions)) == (0, {"v1", "v2"})
    print(journey.seen, (await journey.status()).because)


async def test_a_deleted_service_stands_still_and_goes_on_when_it_is_back(
    journey: Journey,
) -> None:
    await stepping(journey)
    await journey.delete(SERVICE)
    await asyncio.sleep(2)
    gone = await journey.status()
    print(gone.phase, gone.stage, gone.because, gone.stage.split)
    assert gone.stage.split.canary in (0, 50)
    await journey.world.apply(journey.shop.service())

    async def answered() -> bool:
        return (await journey.visit(50)).failures == 0

    await until("its pods are behind it again", answered)
    await journey.until(
        "the journey goes on",
        lambda s: s.stage.name is Stage.STEPPING and s.phase is Phase.PROGRESSING,
    )


async def test_a_deleted_virtualservice_stands_still_and_goes_on_when_it_is_back(
    journey: Journey,
) -> None:
    await stepping(journey)
    before = await journey.read(VIRTUALSERVICE)
    await journey.delete(VIRTUALSERVICE)
    gone = await journey.until("blocked", lambda s: s.phase is Phase.PAUSED)
    print(gone.because)
    assert "virtualservice" in gone.because
    git = journey.shop.routes({"name": "primary", "route": [
        {"destination": {"host": "shop", "subset": "stable"}}]})  # fmt: skip
    await journey.world.apply(git)
    await journey.at_step(0)

    async def back() -> bool:
        return bool((await journey.read(VIRTUALSERVICE))["spec"] == before["spec"])

    await until("our weights are back", back)
