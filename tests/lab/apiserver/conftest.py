"""A server of the lab's own for one test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from rollout.lab.apiserver.server import ApiServer, Settings
from tests.contract.client import Api
from tests.contract.conftest import prepare


@pytest.fixture
async def server() -> AsyncIterator[ApiServer]:
    found = ApiServer(Settings(bookmark_s=0.2))
    await found.start()
    yield found
    await found.stop()


@pytest.fixture
async def api(server: ApiServer) -> AsyncIterator[Api]:
    async def compact() -> None:
        server.store.ledger.compact()

    async with aiohttp.ClientSession() as session:
        found = Api(session, server.url, False, compact)
        await prepare(found)
        yield found
