from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from rollout.analysis import grid
from tests.analysis.world import START

S = timedelta(seconds=1)
INTERVALS = st.sampled_from([S, 2 * S, 15 * S, 60 * S])


def test_instants_are_multiples_of_the_interval_since_the_epoch() -> None:
    assert grid.floor(START + 14 * S, 15 * S) == START
    assert grid.first(START + S, 15 * S) == START + 15 * S
    assert grid.first(START, 15 * S) == START
    assert grid.latest(START + 16 * S, 15 * S) == START
    assert grid.latest(START + 17 * S, 15 * S) == START + 15 * S


def test_short_intervals_are_asked_for_sooner() -> None:
    assert [grid.lag(i) for i in (15 * S, 60 * S, S)] == [2 * S, 2 * S, S * 2 / 3]


def test_there_is_nothing_between_an_end_and_a_later_begin() -> None:
    assert grid.after(START + S, START, S) == ()
    assert grid.after(START, START, S) == (START,)


@given(st.integers(0, 100_000), INTERVALS)
def test_a_long_gap_is_asked_in_sixty_instants_at_most_and_to_its_end(
    count: int, interval: timedelta
) -> None:
    end = START + count * interval
    instants = grid.after(START, end, interval)
    assert len(instants) <= grid.MOST
    assert instants[-1] == end
    assert instants[0] >= START
    steps = {b - a for a, b in pairwise(instants)}
    assert len(steps) <= 1


@given(st.integers(0, 3600), INTERVALS)
def test_the_last_hour_ends_before_the_window(second: int, interval: timedelta) -> None:
    since = START + second * S
    hour = grid.hour_before(since, interval)
    assert len(hour) == 61
    assert hour[-1] < grid.first(since, interval)
    assert since - hour[-1] <= 8 * interval
