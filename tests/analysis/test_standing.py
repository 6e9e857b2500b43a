import math

import pytest

from rollout.analysis.evidence import Pair
from rollout.analysis.history import Temper
from rollout.analysis.sequential import ERRORS, Trail, slow
from rollout.analysis.standing import can_tell, read
from rollout.model.status import Standing
from tests.analysis.trails import PLAIN, SURE, after, standing


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


FULL = Trail(
    total=Pair(998, 1000, 8982, 9000), base_bad=499.0, base_all=500.0, safe={100: (9.0,) * 3}
)
"""Of a bound that nearly everything exceeds, on both sides."""
BODY = FULL._replace(total=Pair(20, 1000, 180, 9000), base_bad=10.0, harmful=(-9.0,) * 5, waiting=0)


@pytest.mark.parametrize(
    ("trail", "told"),
    [
        (FULL, False),
        (BODY, True),
        (Trail(), True),
        (FULL._replace(total=Pair(100, 1000, 8982, 9000)), True),  # a canary that mends it
        (FULL._replace(base_bad=300.0), True),  # stable is mended meanwhile
    ],
)
def test_an_outcome_that_nearly_all_requests_have_tells_nothing(trail: Trail, told: bool) -> None:
    assert can_tell(slow("a"), trail, PLAIN) is told
    assert can_tell(ERRORS, trail, PLAIN) is told


def test_a_full_bound_is_no_reason_to_withhold_the_certificate_of_its_metric() -> None:
    outcomes = [slow("5ms"), slow("250ms")]
    reading = read(outcomes, {"5ms": FULL, "250ms": BODY}, 100, SURE, {})
    assert (reading.standing, reading.leading.name) == (Standing.CERTIFIED, "250ms")


@pytest.mark.parametrize("percent", [10, 100])
def test_a_metric_that_cannot_tell_is_neither_certified_nor_suspicious(percent: int) -> None:
    trail = FULL._replace(safe={percent: (9.0,) * 3})
    reading = read([slow("5ms")], {"5ms": trail}, percent, SURE, {})
    assert (reading.standing, reading.certified, reading.telling) == (Standing.CLEAN, False, False)
    errors = Trail(total=Pair(0, 1000, 0, 9000), harmful=(-9.0,) * 9, waiting=0)
    errors = errors._replace(safe={percent: (9.0,) * 3})
    both = read([ERRORS, slow("5ms")], {"errors": errors, "5ms": trail}, percent, SURE, {})
    assert (both.standing, both.certified, both.telling) == (Standing.CLEAN, False, True)


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
