"""Whoever waits at a cluster that no longer answers hears why, and that it answers again."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from rollout.cli import cluster
from rollout.controller.seeing import concerns
from rollout.edges.kube import Kube, watch
from rollout.lab.apiserver.server import ApiServer
from rollout.lab.apiserver.wire.access import User
from rollout.manifest import definition, schema
from tests.ports.conftest import api, listed
from tests.ports.test_kube import a_rollout


async def said(capsys: pytest.CaptureFixture[str], found: list[str], text: str) -> None:
    async with asyncio.timeout(500):
        while not any(text in line for line in found):
            found += capsys.readouterr().err.splitlines()
            await asyncio.sleep(0.05)


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "WATCH_SECONDS", 1.2)
    monkeypatch.setattr(watch, "GRACE_SECONDS", 0.5)
    monkeypatch.setattr(watch, "LONGEST_WAIT", 0.5)
    monkeypatch.setattr(cluster, "LASTING", 0.5)
    monkeypatch.setattr(cluster, "COMPLAINING", 0.1)


async def test_a_token_that_is_revoked_in_the_middle_is_told_and_its_return_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    server = ApiServer()
    url = await server.start()
    server.access.tokens["mine"] = User("me")
    heard: list[int] = []
    lines: list[str] = []

    async def tell(obj: Any) -> bool:
        heard.append(obj["metadata"]["generation"])
        return len(heard) == 2

    async with Kube(api(url, "mine"), concerns.of) as kube:
        for kind in schema.KINDS.values():
            await kube.create(definition.crd(kind))
        await listed(kube, "Rollout")
        await kube.create(a_rollout("default"))
        waiting = asyncio.create_task(cluster.follow_stored(kube, "default", "shop", tell))
        await until(lambda: bool(heard))
        server.access.tokens = {"other": User("other")}
        await said(capsys, lines, "401 Unauthorized; asking again")
        server.access.tokens = {"mine": User("me")}
        await said(capsys, lines, "the API server answers again")
        ops = [{"op": "replace", "path": "/spec/revision", "value": "v2"}]
        await kube.patch("Rollout", "default", "shop", ops)
        await waiting
    await server.stop()
    assert heard == [1, 2]


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(500):
        while not true():
            await asyncio.sleep(0.01)
