"""One world and one controller for all journeys; a namespace of its own for each."""

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from rollout.cli import lab as cli
from tests.lab.journeys.harness import Journey, Lab
from tests.lab.journeys.shop import Shop


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def lab() -> AsyncIterator[Lab]:
    async with cli.world() as (world, controller):
        assert controller is not None
        yield Lab(world, controller)


@pytest_asyncio.fixture(loop_scope="session")
async def journey(lab: Lab, request: pytest.FixtureRequest) -> AsyncIterator[Journey]:
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower())
    made = Journey(lab, Shop(name[:40].strip("-")))
    yield made
    await made.ended()
    assert not lab.controller.ended, lab.controller.last_words()
