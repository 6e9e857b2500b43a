"""What visitors feel of a leader that stands still: real Envoys, every request counted."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from rollout.cli.lab import showcase
from rollout.controller.leader import LEASE
from rollout.lab.programs.processes import Child
from tests.chaos.plane import runs
from tests.lab.survival.arena import Arena, arena
from tests.lab.survival.endings import STEPS

pytestmark = [pytest.mark.lab, pytest.mark.chaos, pytest.mark.timeout(900)]

LONG = LEASE + 4  # seconds after which the other replica leads for certain


async def test_a_leader_that_wakes_up_beside_its_heir_costs_no_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POD_NAMESPACE", showcase.NAMESPACE)
    async with arena(tmp_path) as made:
        first = made.child
        assert first is not None
        await made.start()  # the second, which follows
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(made.journey("v2", 120))
                both.create_task(_stands_still(made, first))
            assert made.commits.path("v2") == STEPS
            assert made.status["stable"]["name"] == "v2"
            assert (made.load.tally.failures, runs(first.pid)) == (0, True)
        finally:
            await first.stop()


async def _stands_still(made: Arena, leader: Child) -> None:
    while STEPS[1] not in made.commits.path("v2"):
        await asyncio.sleep(0.05)
    os.kill(leader.pid, signal.SIGSTOP)
    await asyncio.sleep(LONG)
    os.kill(leader.pid, signal.SIGCONT)
