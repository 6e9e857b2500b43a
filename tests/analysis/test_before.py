"""An hour of one side, and the limits that it is held to afterwards."""

from datetime import UTC, datetime, timedelta

import pytest

from rollout.analysis import before
from rollout.model.observation import Counting, Counts, CountsQuestion, PodCount, View
from rollout.model.spec import Analysis, Metric, Tolerance
from rollout.model.switchover import Before, Slower

MS = timedelta(milliseconds=1)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
INTERVAL = timedelta(seconds=15)
BOUNDS = (100 * MS, 500 * MS)


def hour(question: CountsQuestion, *, restart: bool = False) -> list[Counts]:
    """A pod with 100 requests a minute, 1 of them bad and 10 and 2 slow; perhaps restarted once."""
    found = []
    for number, at in enumerate(question.instants):
        n = number if not restart or number < 30 else number - 30
        slow = question.counting is Counting.SLOW
        bad = (10 * n, 2 * n) if slow else (n,)
        pods = (PodCount("blue", "gw-1", bad, 100 * n),)
        found.append(Counts(question.metric, at, pods, BOUNDS if slow else ()))
    return found


def answers(*, restart: bool = False) -> list[Counts]:
    asked = before.questions({"blue": "blue/a/b"}, NOON, INTERVAL, View.GATEWAY)
    return [counts for question in asked for counts in hour(question, restart=restart)]


def test_the_hour_is_what_was_counted_between_its_ends() -> None:
    known = before.learned(answers(), "blue", Analysis())
    assert known == Before(6000, 60, (Slower(100 * MS, 600), Slower(500 * MS, 120)))


def test_a_restart_of_the_gateway_is_no_hole_in_it() -> None:
    known = before.learned(answers(restart=True), "blue", Analysis())
    assert known is not None
    assert (known.requests, known.bad) == (5900, 59)  # less what the restart took


def test_without_both_answers_nothing_is_known() -> None:
    only = [one for one in answers() if one.metric == before.ERRORS]
    assert before.learned(only, "blue", Analysis()) is None
    assert before.limits(None, Analysis()) == ()


def test_too_few_requests_hold_nobody_to_anything() -> None:
    assert before.limits(Before(before.ENOUGH - 1, 0), Analysis()) == ()


def test_the_limit_is_the_tolerance_on_the_upper_bound_of_the_hour() -> None:
    errors, latency = before.limits(Before(10_000, 100, (Slower(500 * MS, 200),)), Analysis())
    assert errors.success_rate is not None
    assert latency.latency is not None
    assert 1 - errors.success_rate.min == pytest.approx(1.1 * 0.01261 + 0.001, abs=1e-4)
    assert 1 - latency.latency.quantile == pytest.approx(1.1 * 0.02352 + 0.01, abs=1e-4)
    assert (latency.name, latency.latency.max) == ("latency-500ms", 500 * MS)


def test_the_specs_own_bounds_and_tolerances_count() -> None:
    metrics = (
        Metric("errors", tolerate=Tolerance(2, 0)),
        Metric("latency", slower_than=(400 * MS,)),
    )
    analysis = Analysis(metrics=metrics)
    known = before.learned(answers(), "blue", analysis)
    assert known is not None
    assert known.slow == (Slower(500 * MS, 120),)
    errors = before.limits(Before(10_000, 100), analysis)[0]
    assert errors.success_rate is not None
    assert 1 - errors.success_rate.min == pytest.approx(2 * 0.01261, abs=1e-4)


def test_a_bound_that_nearly_everything_exceeds_judges_nothing() -> None:
    assert len(before.limits(Before(1000, 0, (Slower(MS, 1000),)), Analysis())) == 1
