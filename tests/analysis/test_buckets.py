from datetime import timedelta

import pytest

from rollout.analysis import buckets

MS = timedelta(milliseconds=1)
BOUNDS = (50 * MS, 100 * MS, 250 * MS, 500 * MS, 1000 * MS)


@pytest.mark.parametrize(
    ("wanted", "found"), [(250, 250 * MS), (200, 250 * MS), (1, 50 * MS), (2000, None)]
)
def test_a_bound_moves_up_to_a_real_one(wanted: int, found: timedelta | None) -> None:
    assert buckets.above(wanted * MS, BOUNDS) == found


def test_bounds_tell_body_shoulder_and_tail_and_the_next_one_up() -> None:
    assert buckets.chosen([600, 450, 90, 11, 1], 1000, BOUNDS) == BOUNDS[1:]


def test_the_last_bound_has_no_next_one() -> None:
    assert buckets.chosen([990, 960, 940, 930, 400], 1000, BOUNDS) == (1000 * MS,)


def test_of_bounds_that_say_the_same_the_one_beside_the_tail_is_taken() -> None:
    everything_slower = [1000, 1000, 0, 0, 0]
    assert buckets.chosen(everything_slower, 1000, BOUNDS) == BOUNDS[1:4]
    assert buckets.chosen([100, 100, 100, 100, 100], 100, BOUNDS) == BOUNDS[4:]


@pytest.mark.parametrize(("total", "bounds"), [(0, BOUNDS), (10, ())])
def test_there_is_nothing_to_choose_by(total: int, bounds: tuple[timedelta, ...]) -> None:
    assert buckets.chosen([0] * len(bounds), total, bounds) == ()


def test_bounds_below_a_millisecond_have_names_of_their_own() -> None:
    found = [buckets.name(timedelta(milliseconds=ms)) for ms in (0.25, 0.5, 2.5, 250, 1000)]
    assert found == ["0.25ms", "0.5ms", "2.5ms", "250ms", "1s"]
