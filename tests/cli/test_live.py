from dataclasses import replace
from pathlib import Path

import pytest

from rollout.cli import live
from rollout.cli.cluster import SeenRollout
from rollout.manifest import record
from rollout.model.status import RolloutStatus
from rollout.web import live as door
from tests import make
from tests.make import START

STORED = replace(RolloutStatus(), because="baking for 1m", epoch=3)
SEEN = SeenRollout({}, make.rollout(make.canary_spec(5), "v2"), STORED)
SERVER = "https://api.example:6443"


class Controller:
    """What its last look left."""

    def __init__(self, status: RolloutStatus) -> None:
        self.status = status

    def newest(self, key: str) -> object:
        return record.rollout_json(self.status, {}, START) if key == "shop/shop" else None


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "CACHE", tmp_path)


async def newest(status: RolloutStatus, server: str = SERVER) -> str:
    async with door.opened(Controller(status)) as address:  # type: ignore[arg-type]
        with live.announced(SERVER, address):
            return (await live.fresh(server, SEEN)).status.because


async def test_a_command_shows_what_the_controllers_last_look_left() -> None:
    assert await newest(replace(STORED, because="~400 more canary requests")) == (
        "~400 more canary requests"
    )
    assert await newest(replace(STORED, because="newer"), SERVER + "/") == "newer"


async def test_what_is_older_than_the_api_server_or_of_another_one_is_not_shown() -> None:
    older = replace(STORED, epoch=2, because="an older replica's word")
    assert await newest(older) == STORED.because
    assert await newest(replace(STORED, because="x"), "https://other") == STORED.because


async def test_without_a_door_the_api_servers_word_is_shown(tmp_path: Path) -> None:
    assert await live.fresh(SERVER, SEEN) == SEEN
    with live.announced(SERVER, "127.0.0.1:1"):  # nobody listens there
        assert (await live.fresh(SERVER, SEEN)) == SEEN
    assert not [*(tmp_path / "live").iterdir()]
