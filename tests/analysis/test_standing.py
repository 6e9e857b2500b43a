import math

import pytest

from rollout.analysis.evidence import Pair
from rollout.analysis.history import Temper
from rollout.analysis.sequential import ERRORS, Trail, slow
from rollout.analysis.standing import read
from rollout.model.status import Standing
from tests.analysis.trails import SURE, after, standing


def test_metrics_share_the_error_budget_and_bounds_their_metrics_part() -> None:
    quiet, loud = Trail(), after(*[Pair(100, 100, 1, 1000)] * 3)
    outcomes = [ERRORS, slow("a"), slow("b")]
    reading = read(outcomes, {"errors": quiet, "a": loud, "b": quiet}, 10, SURE, {})
    assert reading.log_e == pytest.approx(math.log(0.75 + 0.25 * math.exp(loud.log_e)))
    assert reading.leading.name == "a"


def test_promotion_needs_the_plain_shares_within_the_tolerance_too() -> None:
    base = Temper(1.0, 0.0, 3000, 3_000_000, known=True)
    trail = after(*[Pair(1, 1000, 9, 9000)] * 40)
    worse = trail._replace(total=Pair(120, 40000, 360, 360000))
    certified = read([ERRORS], {"errors": worse}, 100, SURE, {"errors": base}).certified
    assert (standing(trail, 100), certified) == (Standing.CERTIFIED, False)
    unseen = trail._replace(total=Pair(0, 0, 0, 0))
    assert not read([ERRORS], {"errors": unseen}, 100, SURE, {}).certified


@pytest.mark.parametrize(
    ("trail", "percent", "expected"),
    [
        (Trail(), 10, Standing.TOO_FEW),
        (Trail(total=Pair(0, 5, 0, 50)), 10, Standing.CLEAN),
        (Trail(total=Pair(0, 5, 0, 50), harmful=(-1.0,) * 8, waiting=0.1), 100, Standing.TOO_FEW),
        (Trail(total=Pair(0, 50, 0, 50), harmful=(-1.0,) * 8, waiting=0.1), 100, Standing.CLEAN),
        (Trail(total=Pair(0, 50, 0, 50), harmful=(0.1,) * 8, waiting=0), 100, Standing.SUSPICIOUS),
        (Trail(total=Pair(0, 50, 0, 50), harmful=(0.1,) * 8, waiting=0), 10, Standing.CLEAN),
        (
            Trail(total=Pair(9, 50, 0, 50), bad_blocks=2, harmful=(9.0,) * 8),
            10,
            Standing.SUSPICIOUS,
        ),
        (Trail(total=Pair(3, 50, 0, 50), bad_blocks=3, harmful=(9.0,) * 8), 10, Standing.FAILED),
    ],
)
def test_where_a_canary_stands(trail: Trail, percent: int, expected: Standing) -> None:
    assert standing(trail, percent) is expected
