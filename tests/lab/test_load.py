"""Visitors: how many there are, what they cost, and that none is counted twice."""

import asyncio
import time

import pytest

from rollout.lab import sample
from rollout.lab.load import Ask, Load
from rollout.lab.world import World

pytestmark = pytest.mark.lab

ASK = Ask(host=sample.HOST)


async def test_two_hundred_a_second_cost_less_than_a_quarter_of_a_core(world: World) -> None:
    await world.apply(*sample.shop(v1=90, v2=10))
    await world.serving(sample.HOST)
    async with world.load(200, ASK) as load:
        await asyncio.sleep(0.5)
        load.take()
        used = time.process_time()
        await asyncio.sleep(3)
        used, tally = time.process_time() - used, load.take()
    print(f"{tally.requests / 3:.0f} requests a second for {used / 3:.1%} of a core, lab included")
    assert tally.failures == 0
    assert 570 <= tally.requests <= 630
    assert used / 3 < 0.25


async def test_a_thousand_a_second_are_all_counted_once(world: World) -> None:
    await world.apply(*sample.shop(v1=90, v2=10))
    await world.serving(sample.HOST)
    await asyncio.sleep(0.2)
    before = world.telemetry.lines
    async with world.load(1000, ASK) as load:
        await asyncio.sleep(3)
    await asyncio.sleep(0.3)
    tally = load.tally
    print(f"{tally.requests / 3:.0f} requests a second, mean {tally.mean_ms:.1f} ms")
    assert tally.failures == 0
    assert tally.requests >= 2700
    assert world.telemetry.lines - before == tally.requests


async def test_a_request_that_nobody_answers_is_a_failure() -> None:
    async with Load("http://127.0.0.1:9", 0) as load:
        tally = await load.send(3)
    assert (tally.requests, tally.failures, tally.statuses) == (3, 3, {0: 3})
