"""``kill -9`` of the controller where it hurts most: a change is remembered, and not yet made.

The long form, ten kills at random moments in the demo's own time, is ``make bench-survival``.
"""

from pathlib import Path

import pytest

from tests.lab.survival.arena import arena
from tests.lab.survival.endings import RESTART, promoted, taken_back
from tests.lab.survival.killing import Killer, Saved

pytestmark = [pytest.mark.lab, pytest.mark.long]


async def test_a_killed_controller_promotes_a_good_release(tmp_path: Path) -> None:
    async with arena(tmp_path) as made:
        killer = Killer(made, [Saved("Stepping", 40), Saved("Repointing", 100)])
        async with killer.at_work():
            await made.journey("v2", 45)
        print(killer.told())
        promoted(made, "v2")
        assert len(killer.done) == 2
        assert max(made.recoveries) <= RESTART


async def test_a_killed_controller_takes_a_bad_release_back(tmp_path: Path) -> None:
    async with arena(tmp_path) as made:
        killer = Killer(made, [Saved("Withdrawing", 0)])
        async with killer.at_work():
            await made.journey("v3", 45)
        print(killer.told())
        taken_back(made, "v3")
        assert len(killer.done) == 1
        assert max(made.recoveries) <= RESTART
