"""``kill -9`` of the controller in mid-journey: nothing is skipped, nothing is done twice.

The long form, ten kills in the demo's own time, is ``make bench-survival``.
"""

from pathlib import Path

import pytest

from tests.lab.survival.arena import arena
from tests.lab.survival.endings import RESTART, promoted, taken_back
from tests.lab.survival.killing import Killer

pytestmark = pytest.mark.lab


async def test_a_killed_controller_promotes_a_good_release(tmp_path: Path) -> None:
    async with arena(tmp_path) as made:
        killer = Killer(made, seed=2, kills=2)  # in its first write, and 3.7 s later
        async with killer.at_work():
            await made.journey("v2", 40)
        print(killer.told())
        promoted(made, "v2")
        assert len(killer.moments) == 2
        assert max(made.recoveries) <= RESTART


async def test_a_killed_controller_takes_a_bad_release_back(tmp_path: Path) -> None:
    async with arena(tmp_path) as made:
        killer = Killer(made, seed=0, kills=1)  # between the first step's status and its route
        async with killer.at_work():
            await made.journey("v3", 40)
        print(killer.told())
        taken_back(made, "v3")
        assert len(killer.moments) == 1
        assert max(made.recoveries) <= RESTART
