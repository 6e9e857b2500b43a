import math
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.analysis import forecast, standing
from rollout.analysis.evidence import Line, Pair
from rollout.analysis.forecast import Stay
from rollout.analysis.history import UNKNOWN_DISPERSION
from rollout.analysis.sequential import ERRORS, Outcome
from rollout.analysis.standing import Confidence
from tests.analysis.trails import PLAIN, after

SURE = Confidence()


@pytest.mark.parametrize(
    ("shares", "weight", "wanted"),
    [
        ((0.2, 0.001), 10, 20),
        ((0.05, 0.001), 10, 100),
        ((0.05, 0.001), 50, 300),
        ((0.01, 0.001), 50, 2630),
        ((0.02, 0.01), 50, 8200),
    ],
)
def test_rollbacks_take_about_as_many_requests_as_was_measured(
    shares: tuple[float, float], weight: int, wanted: int
) -> None:
    """Against what simulations took, a table of which is in docs/analysis.md."""
    canary, stable = shares
    few, many = (
        forecast.smallest_regression(ERRORS, stable, [Stay(weight, n * UNKNOWN_DISPERSION)])
        for n in (wanted / 2.5, wanted * 2.5)
    )
    assert many is not None
    assert many < canary < (few or math.inf)


@pytest.mark.parametrize(("share", "wanted"), [(0.0001, 890), (0.001, 1350), (0.01, 5000)])
def test_certificates_too(share: float, wanted: int) -> None:
    found = forecast.requests_to_certify(ERRORS, share, (50, 100), SURE)
    assert wanted / 2.5 < found < wanted * 2.5


def test_a_tolerable_canary_is_never_sent_back() -> None:
    seen = forecast.smallest_regression(ERRORS, 0.001, [Stay(50, 1e12)])
    assert seen is not None
    assert seen > 0.0015


def test_more_traffic_sees_smaller_regressions() -> None:
    seen = [
        forecast.smallest_regression(ERRORS, 0.001, [Stay(20, n)]) for n in (50, 500, 5000, 50000)
    ]
    assert None not in seen
    assert seen == sorted(seen, key=lambda share: -(share or 0))
    assert forecast.smallest_regression(ERRORS, 0.001, [Stay(20, 1)]) is None


def test_evidence_of_earlier_steps_counts() -> None:
    last, earlier = Stay(40, 400), Stay(20, 400)
    alone = forecast.smallest_regression(ERRORS, 0.001, [last])
    both = forecast.smallest_regression(ERRORS, 0.001, [earlier, last])
    assert alone is not None
    assert both is not None
    assert both < 0.8 * alone


def test_who_wants_to_be_surer_sees_less() -> None:
    rates = (0.2, 0.01, 1e-5)
    seen = [
        forecast.smallest_regression(ERRORS, 0.001, [Stay(20, 2000)], Confidence(rate)) or 1
        for rate in rates
    ]
    assert seen == sorted(seen)
    assert len(set(seen)) == len(rates)


def test_an_outlook_says_what_a_step_will_see() -> None:
    box = timedelta(minutes=20)
    busy = forecast.outlook(ERRORS, 0.001, [Stay(40, 48_000)], 100, box)
    assert busy.requests == 48_000
    assert busy.visible is not None
    assert busy.visible < 0.006
    assert busy.certifies is not None
    assert busy.certifies < timedelta(minutes=3)
    quiet = forecast.outlook(ERRORS, 0.001, [Stay(5, 0.6)], 20, timedelta(minutes=2))
    assert (quiet.visible, quiet.certifies) == (None, None)
    assert forecast.outlook(ERRORS, 0.001, [Stay(5, 0)], 20, box).certifies is None


def test_an_absolute_limit_has_a_forecast_too() -> None:
    limit = Outcome("slo", "slo", Line(0, 0.01))
    assert 100 < forecast.requests_to_certify(limit, 0.001, (100, 100), SURE) < 3000
    assert forecast.requests_to_certify(limit, 0.001, (100, 100), SURE, so_far=10) == 0
    assert forecast.requests_to_certify(ERRORS, 0.001, (100, 100), SURE) == math.inf


CAPS = st.floats(0, 1)


@given(CAPS, st.floats(0, 1), st.integers(1, 99), st.integers(1, 100), st.booleans())
def test_whatever_harm_is_allowed_there_is_a_forecast(
    harm: float, share: float, now: int, then: int, own: bool
) -> None:
    outcome = replace(ERRORS, harm=harm, line=Line(0 if own else 1.1, 0.001))
    more = forecast.requests_to_certify(outcome, share, (now, then), SURE)
    assert more >= 0


def test_a_cap_beyond_all_that_a_step_can_do_is_certified_soonest() -> None:
    most, much, little = (
        forecast.requests_to_certify(replace(ERRORS, harm=harm), 0.01, (5, 5), SURE)
        for harm in (1.0, 0.05, 0.005)
    )
    assert most == much < little


def test_a_certified_canary_outside_the_tolerance_takes_the_requests_that_bring_it_inside() -> None:
    """It said one request more, for as long as that took."""
    fine = after(*[Pair(1, 1000, 9, 9000)] * 40)
    trail = fine._replace(total=Pair(120, 40000, 360, 360000))
    assert forecast.requests_left([(ERRORS, fine, PLAIN)], (50, 100), SURE) == 0
    more = forecast.requests_left([(ERRORS, trail, PLAIN)], (50, 100), SURE)
    bad, every, *stable = trail.total
    inside = trail._replace(total=Pair(int(bad + more / 1000), every + math.ceil(more), *stable))
    assert 0 < more < math.inf
    assert not standing.requests_until_inside(ERRORS, inside, PLAIN)
    unseen = trail._replace(total=Pair(0, 0, 0, 0))
    assert standing.requests_until_inside(ERRORS, unseen, PLAIN) == 1
