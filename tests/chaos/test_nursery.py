"""A replica that is forked is a process of its own, whose end is heard of."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from tests.chaos.nursery import nursery

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]


async def test_what_it_says_is_in_its_log_and_its_end_is_heard_of(tmp_path: Path) -> None:
    async with nursery(tmp_path) as made:
        replica = await made.born(tmp_path / "log", [str(tmp_path / "clock"), "run", "--help"])
        await replica.over.wait()
        assert "rollout run [OPTIONS]" in replica.log.read_text()


async def test_one_that_is_killed_has_ended_and_another_has_not(tmp_path: Path) -> None:
    words = [str(tmp_path / "clock"), "--kubeconfig", str(_nobody(tmp_path)), "run"]
    async with nursery(tmp_path) as made:
        first, second = [await made.born(tmp_path / name, words) for name in ("first", "second")]
        os.kill(first.pid, signal.SIGKILL)
        await first.over.wait()
        await asyncio.sleep(1)
        assert (first.ended, second.ended) == (True, False)
        await second.stop()
        assert second.ended


def _nobody(folder: Path) -> Path:
    """A kubeconfig whose API server nobody is."""
    config = folder / "config"
    config.write_text(
        '{"current-context": "x", "users": [{"name": "u", "user": {"token": "t"}}],'
        '"contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],'
        '"clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:9"}}]}'
    )
    return config
