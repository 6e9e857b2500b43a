from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from rollout.analysis import counters
from rollout.analysis.counters import Tally, advance, together
from rollout.model.observation import PodCount
from tests.analysis.world import START

SECOND = timedelta(seconds=1)


def pod(name: str, total: int, bad: int = 0, revision: str = "v2") -> PodCount:
    return PodCount(revision, name, (bad,), total)


def counted(*looks: list[PodCount]) -> list[tuple[int, ...]]:
    """What the canary counted at each look, 15 s apart."""
    tally, found = Tally(), []
    for number, pods in enumerate(looks):
        tally, block = advance(tally, START + 15 * number * SECOND, pods)
        found.append(together(block, "v2", 1))
    return found


def test_the_first_counters_are_a_base_and_count_nothing() -> None:
    assert counted([pod("a", 100, 5)]) == [(0, 0)]


def test_differences_are_summed_over_the_pods_of_a_side() -> None:
    before = [pod("a", 100, 5), pod("b", 10), pod("s", 50, revision="v1")]
    after = [pod("a", 130, 7), pod("b", 15), pod("s", 90, 9, revision="v1")]
    assert counted(before, after) == [(0, 0), (35, 2)]


def test_a_restarted_pod_counts_in_full() -> None:
    assert counted([pod("a", 100, 5)], [pod("a", 20, 3)]) == [(0, 0), (20, 3)]


def test_a_new_pods_first_burst_counts_in_full() -> None:
    assert counted([], [pod("a", 12, 12)]) == [(0, 0), (12, 12)]


def test_a_pod_that_was_lost_before_we_began_counts_nothing_but_is_remembered() -> None:
    looks = [pod("a", 100)], [pod("a", 110), pod("old", 9000, 90)], [pod("old", 9001, 91)]
    assert counted(*looks) == [(0, 0), (10, 0), (1, 1)]


def test_old_pods_of_which_nothing_was_told_before_count_nothing() -> None:
    """A Prometheus that had nothing for a while, and then has all of their lives."""
    stable = [pod("s", 2_940_000 + 5 * n, 5880, revision="v1") for n in range(2)]
    none: list[PodCount] = []
    looks = none, [pod("a", 5000, 900), stable[0]], [pod("a", 5030, 901), stable[1]]
    assert counted(*looks) == [(0, 0), (0, 0), (30, 1)]


def test_a_vanished_pod_counts_nothing_and_all_of_it_when_it_is_back() -> None:
    none: list[PodCount] = []
    assert counted([pod("a", 100, 1)], none, none, [pod("a", 190, 4)]) == [
        (0, 0),
        (0, 0),
        (0, 0),
        (90, 3),
    ]


def test_a_pod_gone_for_longer_than_ten_minutes_is_forgotten() -> None:
    tally, _ = advance(Tally(), START, [pod("a", 100)])
    tally, _ = advance(tally, START + 15 * SECOND, [])
    tally, _ = advance(tally, START + 11 * 60 * SECOND, [])
    assert tally.gone == {}
    assert tally.last_seen() is None


def test_a_replica_that_lags_behind_takes_nothing_back_and_counts_nothing_twice() -> None:
    looks = [pod("a", 1000, 10)], [pod("a", 990, 9)], [pod("a", 1020, 11)], [pod("a", 1010, 11)]
    assert counted(*looks) == [(0, 0), (0, 0), (20, 1), (0, 0)]


def test_a_failure_series_that_was_dropped_is_no_negative_failure() -> None:
    assert counted([pod("a", 100, 50)], [pod("a", 110, 0)]) == [(0, 0), (10, 0)]


def test_more_failures_than_requests_are_as_many_as_requests() -> None:
    assert counted([pod("a", 100, 20)], [pod("a", 110, 50)]) == [(0, 0), (10, 10)]


def test_old_failures_of_which_nothing_was_told_before_count_nothing() -> None:
    looks = [pod("a", 100, 50)], [pod("a", 110, 0)], [pod("a", 120, 51)], [pod("a", 130, 53)]
    assert counted(*looks) == [(0, 0), (10, 0), (10, 0), (10, 2)]


def test_counters_of_another_shape_are_a_new_base() -> None:
    tally, _ = advance(Tally(), START, [pod("a", 100)])
    wide = PodCount("v2", "a", (1, 2), 120)
    tally, block = advance(tally, START + SECOND, [wide])
    assert together(block, "v2", 2) == (0, 0, 0)
    assert tally.pods[counters.key(wide)] == (120, 1, 2)


def test_who_was_counted_and_is_not_any_more_is_lost() -> None:
    tally, _ = advance(Tally(), START, [pod("a", 1), pod("s", 1, revision="v1")])
    assert not tally.lost("v2")
    tally, _ = advance(tally, START + SECOND, [pod("s", 2, revision="v1")])
    assert tally.lost("v2")
    assert not tally.lost("v1")
    assert tally.last_seen() == START + SECOND


@given(st.lists(st.tuples(st.integers(0, 90), st.booleans(), st.booleans()), max_size=20))
def test_whatever_scrapes_fail_nothing_is_forgotten_and_nothing_counted_twice(
    blocks: list[tuple[int, bool, bool]],
) -> None:
    """Two pods, one of which restarts never; any scrape of either may be missing."""
    totals, looks = [100, 100], [[pod("a", 100), pod("b", 100)]]
    for requests, sees_a, sees_b in blocks:
        totals = [total + requests for total in totals]
        looks.append([pod("a", totals[0])] * sees_a + [pod("b", totals[1])] * sees_b)
    looks.append([pod("a", totals[0]), pod("b", totals[1])])
    assert sum(total for total, _ in counted(*looks)) == sum(totals) - 200
