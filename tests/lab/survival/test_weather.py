"""A journey in bad weather ends as it does in good: the same steps, the same end."""

from pathlib import Path

import pytest

from tests.lab.survival.arena import arena
from tests.lab.survival.endings import promoted, taken_back
from tests.lab.survival.weather import Weather

pytestmark = [pytest.mark.lab, pytest.mark.long]


async def test_a_good_release_is_promoted_whatever_the_api_server_answers(tmp_path: Path) -> None:
    async with arena(tmp_path) as made:
        async with Weather(made.api, seed=1).bad() as weather:
            await made.journey("v2", 45)
        print(weather.seen, f"routes behind for {made.commits.wrong_for:.2f} s")
        promoted(made, "v2")
        assert weather.seen.total() >= 10
        assert made.load.tally.failures == 0


async def test_a_bad_release_is_taken_back_whatever_the_api_server_answers(tmp_path: Path) -> None:
    async with arena(tmp_path) as made:
        async with Weather(made.api, seed=2).bad() as weather:
            await made.journey("v3", 45)
        print(weather.seen, f"routes behind for {made.commits.wrong_for:.2f} s")
        taken_back(made, "v3")
        assert weather.seen.total() >= 10
