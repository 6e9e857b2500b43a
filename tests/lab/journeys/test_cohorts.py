"""Who is in a cohort sees the canary and nobody else does; rehearsed faults end with their step."""

import asyncio
from typing import Any

import pytest

from rollout.lab.kube.client import VIRTUALSERVICE, Object
from tests.lab.journeys.harness import Journey, until, within
from tests.lab.journeys.shop import asked, canary

pytestmark = [pytest.mark.lab, pytest.mark.long, pytest.mark.asyncio(loop_scope="session")]

COHORTS: list[Object] = [
    {"headers": {"x-tester": {"exact": "1"}}},
    {"headers": {"end-user": {"exact": "jason"}}},
    {"cookies": {"beta": {"exact": "yes"}}},
    {"query": {"test-v2": {"exact": "true"}}},
    {
        "path": {"prefix": "/api"},
        "method": {"exact": "POST"},
        "headers": {"x-team": {"regex": "a|b"}},
    },
    {"headers": {"x-any": {"present": True}}},
]
INSIDE: dict[str, dict[str, Any]] = {
    "header": {"headers": {"x-tester": "1"}},
    "end-user": {"headers": {"end-user": "jason"}},
    "cookie alone": {"headers": {"cookie": "beta=yes"}},
    "cookie among others": {"headers": {"cookie": "a=b; beta=yes; session=x=y"}},
    "query": {"path": "/?test-v2=true"},
    "query among others": {"path": "/list?page=2&test-v2=true&x=1"},
    "all three marks": {"path": "/api/x", "method": "POST", "headers": {"x-team": "b"}},
    "any value": {"headers": {"x-any": "whatever"}},
}
OUTSIDE: dict[str, dict[str, Any]] = {
    "nothing": {},
    "another user": {"headers": {"end-user": "jasonx"}},
    "another cookie": {"headers": {"cookie": "xbeta=yes; beta=yesno; beta2=yes"}},
    "another value": {"path": "/?test-v2=false"},
    "two marks of three": {"path": "/api/x", "method": "POST"},
    "the other two": {"path": "/api/x", "headers": {"x-team": "a"}},
}
TESTERS: Object = {"headers": {"x-tester": {"exact": "1"}}}
TESTER: dict[str, Any] = {"headers": {"x-tester": "1"}}
ABORT: Object = {"abort": 555}


@pytest.mark.short
async def test_a_cohort_sees_the_canary_and_others_never_do(journey: Journey) -> None:
    steps = canary(asked(cohorts=COHORTS, weight=0), asked(weight=20))
    await journey.begin(*journey.shop.by_role("v2"), strategy=steps)
    before = await journey.read(VIRTUALSERVICE)
    await journey.push("v2")
    await journey.at_step(0)
    inside = {what: await journey.visit(50, **ask) for what, ask in INSIDE.items()}
    outside = {what: await journey.visit(50, **ask) for what, ask in OUTSIDE.items()}
    assert {what: dict(t.versions) for what, t in inside.items() if t.versions["v2"] != 50} == {}
    assert {what: dict(t.versions) for what, t in outside.items() if t.versions["v1"] != 50} == {}
    await journey.approve(1)
    assert (await journey.visit(100, **TESTER)).versions == {"v2": 100}
    assert within(await journey.visit(1000), "v2", 0.2)
    await journey.ask("approve")
    await journey.promoted("v2")
    assert (await journey.read(VIRTUALSERVICE))["spec"] == before["spec"]


@pytest.mark.parametrize("way_out", ["approve", "abort", "push", "delete"])
async def test_a_rehearsed_fault_hits_the_cohort_only_and_ends_with(
    journey: Journey, way_out: str
) -> None:
    steps = canary(asked(cohorts=[TESTERS], weight=10, fault=ABORT), asked(weight=20))
    await journey.begin(*journey.shop.by_role("v2", "v3"), strategy=steps)
    await journey.push("v2")
    await journey.at_step(0)
    assert (await journey.visit(50, **TESTER)).statuses == {555: 50}
    assert (await journey.visit(200)).failures == 0
    match way_out:
        case "approve":
            await journey.approve(1)
        case "abort":
            await journey.ask("abort")
            await journey.rejected("v2")
        case "push":
            await journey.change({"spec": {"strategy": canary(asked(weight=50))}})
            await journey.push("v3")
        case "delete":
            await journey.deleted()

    async def healed() -> bool:
        return (await journey.visit(20, **TESTER)).statuses == {200: 20}

    await until("the cohort is served again", healed)
    await asyncio.sleep(0.5)
    assert (await journey.visit(50, **TESTER)).statuses == {200: 50}


async def test_a_rehearsal_is_not_taken_for_the_canarys_own_failure(journey: Journey) -> None:
    """Envoy answers the fault itself, so neither side's counters may be blamed for it."""
    steps = canary(
        {"cohorts": [TESTERS], "weight": 20, "fault": ABORT, "bake": "4s", "timeBox": "6s"}
    )
    judged = {"interval": "1s", "warmup": "1s"}
    await journey.begin(*journey.shop.by_role("v2"), strategy=steps, analysis=judged)
    async with journey.load(100) as people, journey.load(20, **TESTER) as testers:
        await journey.push("v2")
        await journey.at_step(0)
        testers.take()
        await asyncio.sleep(2)
        assert set(testers.take().statuses) == {555}
        await journey.promoted("v2", 40)
        assert people.tally.failures == 0
