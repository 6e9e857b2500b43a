"""P-GH: lost, doubled, reordered, forged pushes, of unknown repositories, 500 a second."""

import asyncio
import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from rollout.controller.sources import pushed
from rollout.controller.sources.applying import Applier
from rollout.controller.sources.following import Following
from rollout.controller.sources.look import KubeSecrets, Sources
from rollout.controller.sources.pushed import Nudged, Pushes
from rollout.model.forge import Push
from rollout.model.source import Origin, Reading
from tests.fakes import FakeKube
from tests.fakes_repo import FakeRepo, NoObjects
from tests.ports.test_repo import SHOP

URL = "https://git.invalid/team/shop.git"
PUSH = Push((URL, "ssh://git@git.invalid/team/shop.git"), ("refs/heads/main",), "main")


@dataclass
class Counted(FakeRepo):
    """A repository that counts how often it is read; ``slow``: what a read waits for."""

    reads: int = 0
    slow: asyncio.Event | None = None

    async def read(self, origin: Origin, since: str) -> Reading:
        self.reads += 1
        found = await super().read(origin, since)
        if self.slow is not None:
            await self.slow.wait()
        return found


@dataclass
class World:
    kube: FakeKube = field(default_factory=FakeKube)
    repo: Counted = field(default_factory=Counted)
    leads: bool = True

    def __post_init__(self) -> None:
        clock = lambda: datetime.now(UTC)  # noqa: E731 - the loop's own is the same
        team = Applier(self.kube, NoObjects())
        secrets, leads = KubeSecrets(self.kube), lambda _: self.leads
        sources = Sources(self.kube, self.repo, secrets, team, clock, leads=leads)
        self.following = Following(sources, self.kube)
        self.pushes = self.replica(lambda _: self.leads)

    def replica(self, leads: object) -> Pushes:
        clock = lambda: datetime.now(UTC)  # noqa: E731
        shared = lambda: ("the operator's secret",)  # noqa: E731
        return Pushes(self.kube, self.following.nudge, shared, clock, leads)  # type: ignore[arg-type]

    def source(self, name: str = "git", url: str = URL, **more: object) -> None:
        metadata = {"name": name, "namespace": "market"}
        spec = {"url": url, "interval": "1h", **more}
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
    made.repo.push({"shop.yaml": SHOP % "v1"})
    made.source()
    task = asyncio.create_task(made.following.run())
    await made.in_force("v1")
    yield made
    await made.pushes.stop()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_push_is_read_long_before_the_next_poll(world: World) -> None:
    world.repo.push({"shop.yaml": SHOP % "v2"})
    assert await world.pushes.pushed(PUSH) == Nudged(1, 1)
    await world.in_force("v2")


@pytest.mark.parametrize(
    ("push", "nudged"),
    [
        (Push(("https://git.invalid/team/other",)), Nudged(0, 0)),
        (Push((URL,), ("refs/heads/elsewhere",)), Nudged(1, 0)),
        (Push((URL,), ("refs/tags/main",)), Nudged(1, 0)),
    ],
)
async def test_another_repository_or_branch_causes_nothing(
    world: World, push: Push, nudged: Nudged
) -> None:
    before = world.repo.reads
    assert await world.pushes.pushed(push) == nudged
    await asyncio.sleep(0.2)
    assert world.repo.reads == before


async def test_a_push_during_a_fetch_is_followed_by_another_fetch_p_git_02(world: World) -> None:
    world.repo.slow = asyncio.Event()
    before = world.repo.reads
    await world.pushes.pushed(PUSH)
    async with asyncio.timeout(300):
        while world.repo.reads == before:
            await asyncio.sleep(0.01)
    world.repo.push({"shop.yaml": SHOP % "v2"})  # after what that fetch has seen
    await world.pushes.pushed(PUSH)
    world.repo.slow.set()
    await world.in_force("v2")


async def test_a_flood_is_a_few_fetches(world: World) -> None:
    """P-GH: 500 a second are a few fetches."""
    before = world.repo.reads
    for _ in range(500):
        assert await world.pushes.pushed(PUSH) == Nudged(1, 1)
    await asyncio.sleep(0.5)
    assert world.repo.reads - before <= pushed.BURST + 2


async def test_the_last_push_of_a_flood_is_not_lost(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pushed, "EVERY", 0.2)
    for number in range(30):
        world.repo.push({"shop.yaml": SHOP % f"v{number}"})
        await world.pushes.pushed(PUSH)
    await world.in_force("v29")


async def test_one_sources_flood_takes_nothing_from_another(world: World) -> None:
    world.source("other", "https://git.invalid/team/other.git")
    for _ in range(500):
        await world.pushes.pushed(PUSH)
    other = Push(("https://git.invalid/team/other.git",))
    assert await world.pushes.pushed(other) == Nudged(1, 1)


async def test_a_replay_reads_what_is_there_now_and_changes_nothing(world: World) -> None:
    world.repo.push({"shop.yaml": SHOP % "v2"})
    await world.pushes.pushed(PUSH)
    await world.in_force("v2")
    writes = len(world.kube.writes)
    for _ in range(3):
        await world.pushes.pushed(PUSH)
    await asyncio.sleep(0.3)
    assert len(world.kube.writes) == writes


async def test_a_replica_that_does_not_lead_passes_it_on(world: World) -> None:
    follower = world.replica(lambda _: False)
    world.repo.push({"shop.yaml": SHOP % "v2"})
    assert await follower.pushed(PUSH) == Nudged(1, 1)
    await world.in_force("v2")
    await follower.stop()


async def test_a_source_with_its_own_webhook_is_the_only_one_it_reads(world: World) -> None:
    world.source("twin")
    assert await world.pushes.pushed(PUSH) == Nudged(2, 2)
    assert await world.pushes.pushed(PUSH, "market/twin") == Nudged(1, 1)
    assert await world.pushes.pushed(PUSH, "market/nobody") == Nudged(0, 0)


async def test_secrets_are_the_operators_or_the_sources_own(world: World) -> None:
    own = {"key": "the shop's own secret", "previous": "the one before it"}
    data = {name: base64.b64encode(text.encode()).decode() for name, text in own.items()}
    world.kube.put(
        {"kind": "Secret", "metadata": {"name": "hook", "namespace": "market"}, "data": data}
    )
    world.source("own", webhook={"secretRef": {"name": "hook"}})
    world.source("lost", webhook={"secretRef": {"name": "gone"}})
    world.source("odd", webhook=[1])
    assert await world.pushes.secrets("") == ("the operator's secret",)
    assert await world.pushes.secrets("market/own") == list(own.values())
    for nobody in ("market/git", "market/lost", "market/odd", "market/none", "x"):
        assert list(await world.pushes.secrets(nobody)) == []


async def test_a_source_that_is_poisoned_stops_no_other(world: World) -> None:
    """P-GH, SEC-09."""
    metadata = {"name": "a-poison", "namespace": "market"}
    world.kube.put({"kind": "RolloutSource", "metadata": metadata, "spec": None})
    world.source("b-poison", url="https://[")
    assert await world.pushes.pushed(PUSH) == Nudged(1, 1)
