"""The main job, as `make demo` does it, and the controller killed on the way."""

import asyncio
import os
import random
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest

from rollout.cli import cluster
from rollout.cli.cluster import SeenRollout
from rollout.cli.lab import showcase
from rollout.cli.lab import up as lab
from rollout.cli.lab.push import Checkout
from rollout.cli.settings import Settings
from rollout.edges.kube import Kube
from rollout.errors import RefusedError
from rollout.lab.load import Ask
from rollout.lab.programs.processes import Child
from rollout.lab.world import World
from rollout.model.status import Phase, Stage

pytestmark = [pytest.mark.lab, pytest.mark.long]

KILLS = 10


@pytest.mark.short
@pytest.mark.timeout(180)
async def test_the_demo_promotes_the_good_release_and_takes_the_bad_one_back() -> None:
    demo = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "rollout", "lab", "demo"), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await demo.communicate()
    text = said.decode()
    assert demo.returncode == 0, text
    assert "v2 was promoted after" in text
    assert re.search(r"v2 (was certified as no worse than v1 by|went on by its time box) ", text)
    assert "v3 was taken back after" in text
    assert text.count("never above its step's share") == 2


@pytest.mark.timeout(240)
async def test_a_controller_that_is_killed_ten_times_skips_no_step_and_repeats_none() -> None:
    async with _shop() as (world, checkout):
        seen = await _journey(world, checkout)
    shares = [
        found.status.stage.split.canary
        for found in seen
        if found.status.stage.name is Stage.STEPPING
    ]
    assert sorted(set(shares)) == [10, 40]
    assert all(before <= after for before, after in pairwise(shares))
    entries = [entry for entry in seen[-1].status.history if entry.revision == "v2"]
    steps = [entry.split for entry in entries if entry.stage is Stage.STEPPING]
    assert steps == ["90/10", "60/40"]
    assert seen[-1].status.attempt.number == 1
    assert seen[-1].status.stable is not None
    assert seen[-1].status.stable.name == "v2"


@asynccontextmanager
async def _shop() -> AsyncIterator[tuple[World, Checkout]]:
    """The demo's shop with visitors, and no controller yet."""
    async with lab.world(controller=False) as (world, _):
        await world.apply(*showcase.objects())
        await world.serving(showcase.HOST)
        async with world.load(100, Ask(host=showcase.HOST)):
            checkout = Checkout(world.git_url, world.kubeconfig.parent / "checkout")
            await checkout.push(showcase.FILE, showcase.manifest("v1"), "v1")
            yield world, checkout


async def _journey(world: World, checkout: Checkout) -> list[SeenRollout]:
    """Every status on the way from v1 to v2 with a controller that dies again and again."""
    given = Settings(kubeconfig=str(world.kubeconfig), namespace=showcase.NAMESPACE)
    seen: list[SeenRollout] = []
    async with cluster.connected(given, name=showcase.NAME) as kube:
        await kube.create(showcase.source(world.git_url))
        killing = asyncio.create_task(_kill_and_restart(world))
        await _until(kube, _is_adopted, seen)
        await checkout.push(showcase.FILE, showcase.manifest("v2"), "v2")
        await _until(kube, _is_promoted, seen)
        child = await killing
        await child.stop()
    return seen


async def _kill_and_restart(world: World) -> Child:
    """The controller that is left after ten others were killed, each without a warning."""
    chance = random.Random(7)
    child = await lab.start_controller(world)
    for _ in range(KILLS):
        await asyncio.sleep(chance.uniform(1.0, 6.0))
        os.kill(child.pid, signal.SIGKILL)
        await child.stop()
        child = await lab.start_controller(world)
    return child


async def _until(kube: Kube, done: Callable[[SeenRollout], bool], seen: list[SeenRollout]) -> None:
    async def tell(found: SeenRollout) -> bool:
        seen.append(found)
        return done(found)

    while True:
        try:
            await cluster.follow(kube, showcase.NAMESPACE, showcase.NAME, tell)
        except RefusedError:
            await asyncio.sleep(0.1)  # git has not been read yet
        else:
            return


def _is_adopted(found: SeenRollout) -> bool:
    return found.status.stable is not None


def _is_promoted(found: SeenRollout) -> bool:
    status = found.status
    resting = status.stage.name is Stage.IDLE and status.phase is Phase.HEALTHY
    return resting and status.stable is not None and status.stable.name == "v2"
