"""Pods that start, drain, crash and never get ready, while visitors count."""

import asyncio

import pytest

from rollout.lab import sample
from rollout.lab.kube.client import DEPLOYMENT, ENDPOINTS, POD
from rollout.lab.load import Ask
from rollout.lab.world import World
from tests.lab.journeys.harness import until
from tests.lab.objects import to

pytestmark = pytest.mark.lab

ASK = Ask(host=sample.HOST)
HASTE = {"retries": {"attempts": 0}}


async def test_a_rolling_restart_loses_no_request(world: World) -> None:
    await world.apply(*sample.shop(v1=100, v2=0), sample.virtual_service(to("v1", **HASTE)))
    await world.serving(sample.HOST)
    restart = {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "now"}}}
    async with world.load(100, ASK) as load:
        await asyncio.sleep(0.5)
        before = set(load.take().pods)
        spec = {"spec": {"template": restart}}
        await world.kube.patch(DEPLOYMENT, sample.NAMESPACE, "shop-v1", spec)
        await world.settled(sample.NAMESPACE, "shop-v1")
        during = load.take()

        async def gone_on() -> bool:
            return load.tally.requests >= 50

        await until("visitors go on", gone_on)
        after = set(load.take().pods)
    print(f"{during.requests} requests during the restart, {during.failures} failed")
    assert during.failures == 0
    assert not before & after


async def test_a_pod_that_crashes_resets_its_visitors_and_comes_back(world: World) -> None:
    await world.apply(*sample.shop(v1=100, v2=0), sample.virtual_service(to("v1", **HASTE)))
    await world.serving(sample.HOST)
    world.set_faults(sample.NAMESPACE, "shop-v1", latency_ms=50, crash_after=20)
    async with world.load(100, ASK) as load:

        async def crashed() -> bool:
            return load.tally.failures > 0

        await until("visitors meet the crash", crashed)
    world.set_faults(sample.NAMESPACE, "shop-v1")
    await world.serving(sample.HOST)
    pods, _ = await world.kube.list(POD)
    restarts = [each["status"]["containerStatuses"][0]["restartCount"] for each in pods]
    assert sum(restarts) > 0


async def test_a_pod_that_is_never_ready_gets_no_request(world: World) -> None:
    broken = sample.deployment("v2", never_ready="true")
    await world.apply(*sample.shop(v1=100, v2=0)[:3], sample.deployment("v1"), broken)
    await world.apply(sample.virtual_service(to()))
    await world.settled(sample.NAMESPACE, "shop-v1")
    await asyncio.sleep(0.5)
    async with world.load(0, ASK) as load:
        assert (await load.send(50)).versions == {"v1": 50}
    endpoints = await world.kube.read(ENDPOINTS, sample.NAMESPACE, "shop")
    assert len(endpoints["subsets"][0]["notReadyAddresses"]) == 2


async def test_a_slow_start_delays_readiness(world: World) -> None:
    clock = asyncio.get_running_loop().time
    begun = clock()
    await world.apply(sample.service(), sample.deployment("v1", 1, startup="1500ms"))
    await world.settled(sample.NAMESPACE, "shop-v1")
    assert clock() - begun >= 1.5


async def test_latency_has_the_median_and_the_tail_that_were_asked_for(world: World) -> None:
    await world.apply(*sample.shop(v1=100, v2=0))
    await world.serving(sample.HOST)
    world.set_faults(sample.NAMESPACE, "shop-v1", latency_ms=20, latency_p99_ms=200)
    async with world.load(0, ASK) as load:
        tally = await load.send(1000)
    # A log-normal with this median and tail has its mean at 20 * exp(0.99**2 / 2) = 32.6 ms.
    # A busy machine adds to it; tests/lab/shop has the shape of what is drawn.
    assert tally.milliseconds / tally.requests > 25
    assert tally.slowest_ms > 100


async def test_deleting_a_deployment_takes_its_pods_along(world: World) -> None:
    await world.apply(sample.service(), sample.deployment("v1"))
    await world.settled(sample.NAMESPACE, "shop-v1")
    await world.kube.delete(DEPLOYMENT, sample.NAMESPACE, "shop-v1")
    for _ in range(10_000):
        if not (await world.kube.list(POD))[0]:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("pods are still there after 10 s")
