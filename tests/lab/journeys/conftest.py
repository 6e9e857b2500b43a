"""One world and one controller for all journeys; a namespace of its own for each."""

import itertools
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from rollout.cli.lab import up as cli
from tests.lab.journeys.harness import Journey, Lab
from tests.lab.journeys.shop import Shop

_NUMBER = itertools.count(1)
"""Two long names may begin alike; no namespace is used twice."""


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def lab() -> AsyncIterator[Lab]:
    async with cli.world() as (world, controller):
        assert controller is not None
        yield Lab(world, controller)


@pytest_asyncio.fixture(loop_scope="session")
async def journey(lab: Lab, request: pytest.FixtureRequest) -> AsyncIterator[Journey]:
    words = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower())
    made = Journey(lab, Shop(f"{words[:8].strip('-')}-{next(_NUMBER)}"))
    yield made
    await made.ended()
    assert not lab.controller.ended, lab.controller.last_words()
