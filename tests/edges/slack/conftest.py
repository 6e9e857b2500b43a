"""The stand-in for Slack over real HTTP, and our client before it."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from rollout.edges.slack.calls import Calls
from rollout.edges.slack.client import Client
from rollout.lab.slack.server import Slack


@pytest.fixture
async def slack() -> AsyncIterator[Slack]:
    async with Slack() as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def calls(slack: Slack, http: aiohttp.ClientSession) -> Calls:
    return Calls(http, lambda: slack.tokens.bot, slack.api_url)


@pytest.fixture
def client(calls: Calls) -> Client:
    return Client(calls)
