"""Readers of git kept warm: those that are gone are nobody's, and no end keeps anybody waiting."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from rollout.edges.git.children import Child, Children, SilenceLimits
from rollout.edges.git.polls import Polls
from rollout.edges.git.processes import Processes
from rollout.errors import OutsideError
from rollout.model.source import Origin

LONG = timedelta(minutes=9)
LIMITS = SilenceLimits(LONG, LONG)


@dataclass(slots=True, kw_only=True)
class Warm(Child):
    """A child that does every job at once; ``number``: which of all that were started."""

    number: int

    async def send(self, job: Mapping[str, Any]) -> None:
        await asyncio.sleep(0)

    async def hear(self, limit: timedelta) -> Mapping[str, Any]:
        await asyncio.sleep(0)
        return {"done": {"by": self.number}}

    async def over(self, patience: float) -> str:
        await asyncio.sleep(0)  # a process takes a while to be gone
        return ""


@dataclass
class Nursery:
    """Starts children, and keeps in mind which."""

    folder: Path
    started: list[Warm] = field(default_factory=list)

    async def start(self, ca: str) -> Warm:
        _, hears = await asyncio.open_unix_connection(str(self.folder / "hears"))
        child = Warm(ca, asyncio.StreamReader(), hears, number=len(self.started))
        self.started.append(child)
        return child


async def test_children_that_are_all_gone_at_once_cost_no_job_of_those_who_ask_at_once(
    tmp_path: Path,
) -> None:
    """As when the container beside ours is started anew: each gone child is let go once."""
    deaf = await asyncio.start_unix_server(lambda _, hears: hears.close(), tmp_path / "hears")
    async with deaf:
        nursery = Nursery(tmp_path)
        children = Children(nursery)
        await asyncio.gather(*(children.ask({"where": "x"}, LIMITS) for _ in range(4)))
        before = list(nursery.started)
        for child in before:
            child.says.feed_eof()
        done = await asyncio.gather(*(children.ask({"where": "x"}, LIMITS) for _ in range(4)))
        gone = {child.number for child in before}
        assert [answer["by"] for answer in done if answer["by"] in gone] == []
        await children.close()


class Nobody:
    """Starts none, for a reason of its own."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def start(self, ca: str) -> Child:
        raise self.error


@pytest.mark.parametrize("error", [ValueError("a bug"), OutsideError("git: nobody is there")])
async def test_whatever_keeps_a_poll_from_its_end_is_told_to_all_who_wait(error: Exception) -> None:
    polls = Polls(Children(Nobody(error)), local=True, limit=LONG)
    origins = [Origin(f"shop/{name}", "https://git.invalid/x", "main", "") for name in "ab"]
    done = await asyncio.gather(*(polls.tip(one, "") for one in origins), return_exceptions=True)
    assert [(type(one), str(one)) for one in done] == [(type(error), str(error))] * 2
    await polls.close()


async def test_a_cache_that_cannot_be_written_is_an_outside_error(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file, and no folder")
    with pytest.raises(OutsideError) as caught:
        await Processes(tmp_path / "cache").start("")
    found = f"git reader in {tmp_path / 'cache'}: File exists; the next poll tries again"
    assert str(caught.value) == found
