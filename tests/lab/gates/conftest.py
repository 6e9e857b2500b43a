"""One world for all gates, with a door before its Prometheus; a namespace for each journey."""

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from rollout.cli.lab import up as cli
from tests.lab.gates.door import Door
from tests.lab.gates.harness import Gated, Lab, controller
from tests.lab.journeys.shop import Shop


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def lab() -> AsyncIterator[Lab]:
    async with cli.world(controller=False) as (world, _):
        door = Door(world.prometheus_url)
        await door.start()
        made = Lab(world, await controller(world, door), door)
        try:
            yield made
        finally:
            await made.controller.stop()
            await door.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def journey(lab: Lab, request: pytest.FixtureRequest) -> AsyncIterator[Gated]:
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower())
    made = Gated(lab, Shop(name[:40].strip("-")))
    lab.door.open()
    yield made
    lab.door.open()
    await made.ended()
    assert not lab.controller.ended, lab.controller.last_words()
