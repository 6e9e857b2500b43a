from datetime import timedelta

import pytest

from rollout.analysis import buckets
from rollout.analysis.evidence import Line
from rollout.analysis.sequential import SLOW_LINE as LINE

MS = timedelta(milliseconds=1)
BOUNDS = (50 * MS, 100 * MS, 250 * MS, 500 * MS, 1000 * MS)


@pytest.mark.parametrize(
    ("wanted", "found"), [(250, 250 * MS), (200, 250 * MS), (1, 50 * MS), (2000, None)]
)
def test_a_bound_moves_up_to_a_real_one(wanted: int, found: timedelta | None) -> None:
    assert buckets.above(wanted * MS, BOUNDS) == found


def test_bounds_tell_body_shoulder_and_tail_and_the_next_one_up() -> None:
    assert buckets.chosen([600, 450, 90, 11, 1], 1000, BOUNDS, LINE) == BOUNDS[1:]


def test_the_last_bound_has_no_next_one() -> None:
    assert buckets.chosen([990, 960, 940, 930, 400], 1000, BOUNDS, LINE) == (1000 * MS,)


def test_of_bounds_that_say_the_same_the_one_beside_the_tail_is_taken() -> None:
    assert buckets.chosen([1000, 600, 0, 0, 0], 1000, BOUNDS, LINE) == BOUNDS[1:4]
    assert buckets.chosen([600, 600, 600, 20, 20], 1000, BOUNDS, LINE) == BOUNDS[2:]


@pytest.mark.parametrize("nearly", [1000, 998, 900, 820])
def test_a_bound_that_nearly_everything_exceeds_is_not_chosen(nearly: int) -> None:
    slow = [1000, nearly, 20, 0, 0]
    assert buckets.chosen(slow, 1000, BOUNDS, LINE) == BOUNDS[2:4]


def test_how_much_is_nearly_everything_follows_from_what_is_tolerated() -> None:
    slow = [1000, 600, 20, 0, 0]
    assert buckets.chosen(slow, 1000, BOUNDS, LINE) == BOUNDS[1:4]
    assert buckets.chosen(slow, 1000, BOUNDS, Line(1.6, 0.01)) == BOUNDS[2:4]


def test_where_everything_exceeds_every_bound_there_is_only_the_last() -> None:
    assert buckets.chosen([100, 100, 100, 100, 100], 100, BOUNDS, LINE) == BOUNDS[4:]


@pytest.mark.parametrize(("total", "bounds"), [(0, BOUNDS), (10, ())])
def test_there_is_nothing_to_choose_by(total: int, bounds: tuple[timedelta, ...]) -> None:
    assert buckets.chosen([0] * len(bounds), total, bounds, LINE) == ()


def test_bounds_below_a_millisecond_have_names_of_their_own() -> None:
    found = [buckets.name(timedelta(milliseconds=ms)) for ms in (0.25, 0.5, 2.5, 250, 1000)]
    assert found == ["0.25ms", "0.5ms", "2.5ms", "250ms", "1s"]
