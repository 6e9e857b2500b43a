"""Visitors: how many there are, and that none is counted twice."""

import asyncio

import pytest

from rollout.lab import sample
from rollout.lab.load import Ask, Load
from rollout.lab.world import World
from tests.lab.journeys.harness import until

pytestmark = pytest.mark.lab

ASK = Ask(host=sample.HOST)


async def test_visitors_come_as_often_as_was_asked_and_each_is_counted_once(world: World) -> None:
    """The bounds are those of the time that really passed, not of that which was slept."""
    clock = asyncio.get_running_loop().time
    await world.apply(*sample.shop(v1=90, v2=10))
    await world.serving(sample.HOST)
    async with Load(world.gateway_url, 0, Ask(host="nobody.example")) as last:
        await last.send(1)

    async def read() -> bool:
        return "404" in {dict(each)["response_code"] for each in world.telemetry.metrics.totals()}

    await until("what Envoy logged before is read: its last line is", read)
    before, begun = world.telemetry.lines, clock()
    async with world.load(1000, ASK) as load:
        await asyncio.sleep(3)
    passed, tally = clock() - begun, load.tally
    print(f"{tally.requests / passed:.0f} requests a second, mean {tally.mean_ms:.1f} ms")
    assert tally.failures == 0
    assert 1000 <= tally.requests <= 1000 * passed + 1

    async def counted() -> bool:
        return world.telemetry.lines - before >= tally.requests

    await until("the proxies have counted them", counted)
    assert world.telemetry.lines - before == tally.requests


async def test_a_request_that_nobody_answers_is_a_failure() -> None:
    async with Load("http://127.0.0.1:9", 0) as load:
        tally = await load.send(3)
    assert (tally.requests, tally.failures, tally.statuses) == (3, 3, {0: 3})
