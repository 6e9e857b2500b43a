import math

import pytest

from rollout.analysis import limits
from rollout.analysis.memory import Strikes
from rollout.model.spec import Failures, Metric
from tests.analysis.world import START

QUEUE = Metric("queue", query="q", min=1, max=100, failures=Failures(consecutive=3, total=5))


def strikes(*values: float, metric: Metric = QUEUE) -> Strikes:
    found = Strikes()
    for value in values:
        found = found.plus(START, value, limits.is_beyond(metric, value))
    return found


@pytest.mark.parametrize(
    ("value", "beyond"),
    [(1, False), (100, False), (0.99, True), (101, True), (math.nan, True), (math.inf, True)],
)
def test_what_lies_between_the_limits_passes(value: float, beyond: bool) -> None:
    assert limits.is_beyond(QUEUE, value) is beyond


def test_without_limits_nothing_is_beyond_them() -> None:
    assert not limits.is_beyond(Metric("q", query="q"), 5)


@pytest.mark.parametrize(
    ("values", "failed"),
    [
        ([500, 500], False),
        ([500, 500, 500], True),
        ([500, 500, 5, 500, 500], False),
        ([500, 500, 5, 500, 500, 5, 500], True),
        ([], False),
    ],
)
def test_strikes_in_a_row_and_in_all_fail_a_metric(values: list[float], failed: bool) -> None:
    assert limits.has_failed(strikes(*values), QUEUE.failures) is failed


def test_a_count_that_is_not_asked_for_does_not_fail() -> None:
    assert not limits.has_failed(strikes(500, 500, 500, 500), Failures(consecutive=None))


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([], "queue: no reading yet"),
        ([50], "queue: 50 is within its limits"),
        ([500], "queue: 500 is above 100 (1 of 3 in a row, 1 of 5 in all)"),
        ([0], "queue: 0 is below 1 (1 of 3 in a row, 1 of 5 in all)"),
        ([0, 5], "queue: 5 is within its limits again (0 of 3 in a row, 1 of 5 in all)"),
    ],
)
def test_readings_are_told_with_their_place(values: list[float], text: str) -> None:
    assert limits.text(QUEUE, strikes(*values)) == text


def test_strikes_that_fail_nothing_are_still_counted() -> None:
    metric = Metric("queue", query="q", max=1, failures=Failures())
    assert limits.count(metric, strikes(5, 5, metric=metric)) == "2 in all"
