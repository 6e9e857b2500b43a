"""Good and bad releases under real requests: what the gate says, how soon, by which counts."""

import asyncio

import pytest

from rollout.lab.kube.client import Object
from rollout.model.observation import View
from rollout.model.status import Outcome
from tests.lab.gates.harness import Gated, verdict
from tests.lab.journeys.shop import dark

pytestmark = [pytest.mark.lab, pytest.mark.long, pytest.mark.asyncio(loop_scope="session")]

RATE = 300
STEPS: list[Object] = [
    {"weight": 20, "bake": "16s", "timeBox": "60s"},
    {"weight": 50, "bake": "10s", "timeBox": "60s"},
]
AT_ONCE: list[Object] = [{"weight": 50, "bake": "20s", "timeBox": "60s"}]


@pytest.mark.short
async def test_an_error_regression_of_one_percent_is_sent_back(journey: Gated) -> None:
    shop = journey.shop
    bad = shop.deployment("v2", error_rate="0.01")
    await journey.begin_judged(*shop.by_role(), bad, steps=STEPS)
    async with journey.visited(RATE) as people:
        took = await journey.pushed("v2")
        status = await journey.withdrawn()
        print(f"sent back after {took():.1f} s, {people.tally.failures} requests failed")
    print(journey.told(status))
    assert verdict(status, "errors").outcome is Outcome.FAIL
    assert verdict(status, "latency").outcome is not Outcome.FAIL


async def test_an_identical_release_is_promoted_in_the_steps_own_time(journey: Gated) -> None:
    shop = journey.shop
    others = [obj for obj in shop.by_role() if obj["kind"] != "Deployment"]
    # A usual spread: below a millisecond, pods differ by how warm their connections are.
    alike = [shop.deployment(v, latency_ms="20", latency_p99_ms="200") for v in ("v1", "v2")]
    metrics: list[Object] = [{"name": "errors"}, {"name": "latency", "slowerThan": ["250ms"]}]
    analysis = {"metrics": metrics}
    await journey.begin_judged(*others, *alike, steps=STEPS, analysis=analysis)
    async with journey.visited(RATE):
        took = await journey.pushed("v2")
        status = await journey.passed()
        seconds = took()
        print(f"everyone after {seconds:.1f} s, of which 26 are baking")
        await journey.promoted("v2")
    print(journey.told(status))
    assert seconds < 26 + 4
    assert all(v.certified for v in status.attempt.verdicts if v.metric != "unreached")


async def test_a_tail_at_p99_is_sent_back_by_latency_alone(journey: Gated) -> None:
    """Two of a hundred answers take 300 ms; none fails, and no median tells."""
    shop = journey.shop
    slow = shop.deployment("v2", latency_ms="5", slow_rate="0.02", slow_ms="300")
    others = [obj for obj in shop.by_role() if obj["kind"] != "Deployment"]
    tolerate = {"ratio": 1.1, "absolute": "0.2%"}
    latency = {"name": "latency", "slowerThan": ["100ms"], "tolerate": tolerate}
    analysis = {"metrics": [{"name": "errors"}, latency]}
    stable = shop.deployment("v1", latency_ms="5")
    await journey.begin_judged(*others, stable, slow, steps=STEPS, analysis=analysis)
    async with journey.visited(RATE) as people:
        took = await journey.pushed("v2")
        status = await journey.withdrawn()
        print(f"sent back after {took():.1f} s")
        assert people.tally.failures == 0
    print(journey.told(status))
    assert verdict(status, "latency").outcome is Outcome.FAIL
    assert verdict(status, "errors").outcome is not Outcome.FAIL


async def test_ejected_pods_are_seen_by_their_clients_alone(journey: Gated) -> None:
    """A moment of errors ejects the canary's pods; then no server sees anything at all."""
    shop = journey.shop
    await journey.begin_judged(*shop.by_role("v2"), steps=AT_ONCE)
    outliers = {
        "consecutive5xxErrors": 3,
        "interval": "100ms",
        "baseEjectionTime": "60s",
        "maxEjectionPercent": 100,
    }
    await journey.change_rule({"spec": {"trafficPolicy": {"outlierDetection": outliers}}})
    async with journey.visited(100) as people:
        await journey.pushed("v2")
        await asyncio.sleep(3)
        journey.world.set_faults(shop.namespace, "shop-v2", error_rate=1.0)
        await asyncio.sleep(0.3)
        journey.world.set_faults(shop.namespace, "shop-v2")
        clock = asyncio.get_running_loop().time
        began = clock()
        status = await journey.withdrawn()
        print(f"sent back after {clock() - began:.1f} s; {dict(people.tally.statuses)}")
    print(journey.told(status))
    assert verdict(status, "unreached").outcome is Outcome.FAIL


async def test_copies_are_judged_by_what_the_server_saw(journey: Gated) -> None:
    shop = journey.shop
    bad = shop.deployment("v2", error_rate="0.03")
    steps = dark({"mirror": "100%", "bake": "20s", "timeBox": "60s"}, finish="promote")
    analysis = {"interval": "1s", "warmup": "1s"}
    await journey.begin(*shop.by_role(), bad, strategy=steps, analysis=analysis)
    async with journey.visited(RATE) as people:
        took = await journey.pushed("v2")
        status = await journey.withdrawn()
        print(f"sent back after {took():.1f} s")
        assert people.tally.failures == 0
    print(journey.told(status))
    said = verdict(status, "errors")
    assert said.outcome is Outcome.FAIL
    await journey.confirm(said, View.DESTINATION)


async def test_a_verdict_says_what_prometheus_has_counted(journey: Gated) -> None:
    shop = journey.shop
    bad = shop.deployment("v2", error_rate="0.02")
    await journey.begin_judged(*shop.by_role(), bad, steps=AT_ONCE)
    async with journey.visited(RATE):
        await journey.pushed("v2")
        status = await journey.withdrawn()
    print(journey.told(status))
    said = verdict(status, "errors")
    await journey.confirm(said)
