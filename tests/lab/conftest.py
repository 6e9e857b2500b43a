"""The lab for tests: one world a test, gone at its end."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from rollout.lab.world import Settings, World

Query = Callable[[str], Awaitable[dict[tuple[str, ...], float]]]


@pytest.fixture
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    """A world with Prometheus only for a test that asks for ``query``."""
    metrics = "query" in request.fixturenames
    async with World(Settings(folder=tmp_path, prometheus=metrics)) as made:
        yield made


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield session


@pytest.fixture
def query(world: World, http: aiohttp.ClientSession) -> Query:
    """Instant queries: values by the labels' values, in the order of their names."""

    async def ask(promql: str) -> dict[tuple[str, ...], float]:
        url = f"{world.prometheus_url}/api/v1/query"
        async with http.get(url, params={"query": promql}) as answer:
            found: list[Any] = (await answer.json())["data"]["result"]
        return {
            tuple(value for _, value in sorted(each["metric"].items())): float(each["value"][1])
            for each in found
        }

    return ask
