"""A few journeys of different kinds end as they end without a kill; the whole of it is a benchmark.

`python -m benchmarks.kills` plays all scenarios, and kills two hundred times.
"""

from pathlib import Path

import pytest

from tests.chaos.campaign import Terms, played
from tests.chaos.scenarios import scenarios

pytestmark = [pytest.mark.envtest, pytest.mark.chaos, pytest.mark.timeout(1800)]

CHOSEN = ("steps, role, managed", "approved, version, user", "steps, it fails", "steps, deleted")
KILLS = 4


def test_journeys_end_as_without_kills(tmp_path: Path) -> None:
    chosen = [each for each in scenarios() if each.name in CHOSEN]
    made = played(tmp_path, chosen, Terms(1, KILLS))
    assert (made.broken, made.otherwise, made.lost, made.doubled) == ([], [], [], [])
    assert {name for name, _ in made.ends} == {*CHOSEN}
