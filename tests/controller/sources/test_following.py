import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from rollout.controller.sources.applying import Applier
from rollout.controller.sources.following import Following
from rollout.controller.sources.look import KubeSecrets, Sources
from tests.fakes import FakeKube
from tests.fakes_repo import FakeRepo, NoObjects
from tests.ports.test_repo import SHOP


class World:
    def __init__(self) -> None:
        self.kube, self.repo = FakeKube(), FakeRepo()
        secrets = KubeSecrets(self.kube)
        clock = lambda: datetime.now(UTC)  # noqa: E731 - the loop's own is the same
        team = Applier(self.kube, NoObjects())
        sources = Sources(self.kube, self.repo, secrets, team, clock)
        self.following = Following(sources, self.kube)

    def source(self, name: str, url: str, interval: str = "1h") -> None:
        metadata = {"name": name, "namespace": "market"}
        spec = {"url": url, "interval": interval}
        self.kube.put({"kind": "RolloutSource", "metadata": metadata, "spec": spec})

    async def in_force(self, revision: str) -> None:
        async with asyncio.timeout(300):
            while self.revision() != revision:
                await asyncio.sleep(0.01)

    def revision(self) -> str:
        obj = self.kube.get("Rollout", "market", "shop")
        return str(obj["spec"]["revision"]) if obj else ""


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    task = asyncio.create_task(made.following.run())
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_new_source_is_read_at_once(world: World) -> None:
    await asyncio.sleep(0.05)
    world.repo.push({"shop.yaml": SHOP % "v1"})
    world.source("git", "https://git.invalid/shop")
    await world.in_force("v1")


async def test_a_source_that_was_there_before_is_read_at_once() -> None:
    world = World()
    world.repo.push({"shop.yaml": SHOP % "v1"})
    world.source("git", "https://git.invalid/shop")
    task = asyncio.create_task(world.following.run())
    await world.in_force("v1")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_changed_source_is_read_at_once(world: World) -> None:
    world.repo.push({"shop.yaml": SHOP % "v1"})
    world.source("git", "https://git.invalid/shop")
    await world.in_force("v1")
    world.repo.push({"shop.yaml": SHOP % "v2"})
    world.source("git", "https://git.invalid/shop", interval="2h")
    await world.in_force("v2")
