"""The controller's client, kubernetes.aio, against the lab's server: raw JSON, as it uses it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from kubernetes.aio.client import ApiClient, Configuration

from rollout.lab.apiserver.server import ApiServer
from tests.contract.client import JSON_PATCH, Api
from tests.contract.objects import WIDGET, widget


@pytest.fixture
async def client(server: ApiServer) -> AsyncIterator[ApiClient]:
    configuration = Configuration()
    configuration.host = server.url
    async with ApiClient(configuration) as found:
        yield found


async def call(client: ApiClient, method: str, path: str, body: Any = None, media: str = "") -> Any:
    headers = {"Content-Type": media or "application/json", "Accept": "application/json"}
    url = client.configuration.host + path
    answer: Any = await client.call_api(
        method, url, header_params=headers, body=body, _preload_content=False
    )
    return json.loads(await answer.read())


async def test_it_creates_patches_and_is_told_of_a_failed_test(client: ApiClient, api: Api) -> None:
    await call(client, "POST", api.path(WIDGET), widget())
    path = api.path(WIDGET, "a")
    patch = [
        {"op": "test", "path": "/spec/size", "value": 1},
        {"op": "replace", "path": "/spec/size", "value": 2},
    ]
    found = await call(client, "PATCH", path, patch, JSON_PATCH)
    assert found["spec"]["size"] == 2
    again = await call(client, "PATCH", path, patch, JSON_PATCH)
    assert (again["code"], again["reason"]) == (422, "Invalid")


async def test_a_watch_that_nobody_reads_any_more_is_forgotten(server: ApiServer, api: Api) -> None:
    async with api.watch(api.path(WIDGET)):
        assert len(server.faults.watches) == 1
    for _ in range(10_000):
        if not server.faults.watches:
            break
        await asyncio.sleep(0.02)
    assert not server.faults.watches
