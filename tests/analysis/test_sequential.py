import math
import random
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.scenarios import binomial
from rollout.analysis import evidence, incidents, sequential
from rollout.analysis.evidence import NO_TRAFFIC, NOT_STARTED, Line, Pair
from rollout.analysis.history import Temper
from rollout.analysis.incidents import NO_COURSE, Course
from rollout.analysis.sequential import (
    ERRORS,
    NO_PART,
    Outcome,
    Setting,
    Trail,
    begin,
    weigh,
)
from rollout.analysis.standing import read
from rollout.model.status import Standing
from tests.analysis.trails import PLAIN, SETTING, SURE, after, standing


@pytest.mark.parametrize(("ratio", "absolute"), [(1.1, 0.001), (1.0, 0.01), (1.5, 0.002)])
def test_peeking_at_every_scrape_keeps_the_false_alarm_rate(ratio: float, absolute: float) -> None:
    """The canary lies exactly on the line, the worst that is tolerable; alpha is 5 % here."""
    rng = random.Random(f"{ratio}{absolute}")
    line, stable = Line(ratio, absolute), 0.01
    temper, outcome = Temper(1.0, 0.0, 3000, 300_000, known=True), Outcome("e", "e", line)
    crossed = 0
    for _ in range(100):
        trail = begin(temper)
        for block in range(60):
            canary_all, stable_all = (100, 1000) if block < 30 else (400, 400)
            shares = line.at(stable), stable
            x, y = binomial(rng, canary_all, shares[0]), binomial(rng, stable_all, shares[1])
            pair = Pair(x, canary_all, y, stable_all)
            trail = weigh(trail, pair, outcome, temper, SETTING)
            if trail.log_e >= math.log(20):
                crossed += 1
                break
    assert crossed <= 10


def test_identical_sides_give_no_evidence_and_are_certified_at_last() -> None:
    trail = after(*[Pair(1, 1000, 9, 9000)] * 40)
    assert trail.log_e < 0
    assert standing(trail, 100) is Standing.CERTIFIED


def test_three_blocks_of_an_outage_fail_and_two_do_not() -> None:
    dead = Pair(100, 100, 1, 1000)
    assert standing(after(dead, dead)) is Standing.SUSPICIOUS
    assert standing(after(dead, dead, dead)) is Standing.FAILED


def test_an_outage_after_a_long_good_time_fails_within_four_blocks() -> None:
    good, dead = Pair(0, 100, 1, 1000), Pair(100, 100, 1, 1000)
    assert standing(after(*[good] * 300, *[dead] * 4)) is Standing.FAILED


def test_two_bad_requests_are_too_few_to_send_anybody_back() -> None:
    trail = after(Pair(1, 1, 0, 10**6), Pair(1, 1, 0, 10**6), *[Pair(0, 0, 0, 10**6)] * 3)
    assert standing(trail) is not Standing.FAILED


def test_a_shared_outage_is_no_evidence() -> None:
    assert after(*[Pair(50, 100, 500, 1000)] * 10).log_e < 1


def test_no_traffic_changes_nothing_but_the_fading_baseline() -> None:
    trail = after(Pair(1, 100, 1, 900))
    idle = weigh(trail, NO_TRAFFIC, ERRORS, PLAIN, SETTING)
    assert (idle.harmful, idle.safe, idle.waiting) == (trail.harmful, trail.safe, trail.waiting)


def test_dispersion_divides_the_evidence() -> None:
    pairs = [Pair(8, 1000, 9, 9000)] * 8
    clumped = Temper(8.0, 0.0, 3000, 3_000_000, known=True)
    assert after(*pairs, temper=clumped).log_e < after(*pairs).log_e / 2


def test_pods_that_differ_widen_the_line() -> None:
    uneven = Temper(1.0, 0.5, 3000, 3_000_000, known=True)
    assert sequential.widened(Line(1.1, 0.001), uneven) == Line(2.0, 0.001)
    assert sequential.widened(Line(0, 0.01), uneven) == Line(0, 0.01)


def test_a_cold_canary_is_judged_loosely_and_a_dead_one_is_not_forgiven() -> None:
    warm = Setting(levels=(10, 100), warm=True)
    cold = dead = begin(PLAIN)
    for _ in range(3):
        cold = weigh(cold, Pair(8, 100, 1, 1000), ERRORS, PLAIN, warm)
        dead = weigh(dead, Pair(100, 100, 1, 1000), ERRORS, PLAIN, warm)
    assert cold.log_e < 0.5
    assert cold.safe == {}
    assert dead.log_e > math.log(100)


def test_the_masses_of_all_starts_sum_to_one() -> None:
    trail, spent = begin(PLAIN), 0.0
    for block in range(1000):
        before = trail.waiting
        warm = Setting(levels=(100,), warm=block < 2)
        trail = weigh(trail, Pair(0, 10, 0, 90), ERRORS, PLAIN, warm)
        spent += before - trail.waiting
    assert spent + trail.waiting == pytest.approx(1.0)
    assert 0.005 < trail.waiting < 0.01


def test_without_warmup_the_first_block_may_be_the_start_of_both() -> None:
    assert after(Pair(0, 10, 0, 90)).waiting == pytest.approx(0.135)


def test_without_history_stable_is_taken_to_be_nearly_good() -> None:
    assert begin(Temper()).share == pytest.approx(0.001)
    assert Trail(base_all=0, base_bad=0).share == 0.0


@pytest.mark.parametrize(
    "pair",
    [
        Pair(10**9, 10**9, 0, 10**9),
        Pair(0, 10**9, 10**9, 10**9),
        Pair(10**9, 10**9, 10**9, 10**9),
        Pair(0, 10**9, 0, 10**9),
        Pair(1, 1, 0, 1),
        Pair(5, 10**9, 0, 1),
    ],
)
def test_extreme_counts_stay_numbers(pair: Pair) -> None:
    trail = after(*[pair] * 20)
    assert all(map(math.isfinite, (*trail.harmful, *trail.safe[100], trail.log_e)))


def test_a_year_of_looks_still_sees_an_outage() -> None:
    """Two million looks, a thousand at a time: the logs are at their floor, and starts go on."""
    trail = after(*[Pair(0, 100, 0, 900)] * 200)
    floor = (NOT_STARTED,) * 8
    old = trail._replace(harmful=floor, blocks=2_102_400, waiting=0.4 * 240 / 2_102_640)
    for _ in range(8):
        old = weigh(old, Pair(100, 100, 0, 900), ERRORS, PLAIN, SETTING)
    assert old.log_e > math.log(100)


def test_a_margin_that_nothing_exceeds_gives_no_evidence() -> None:
    wide = Outcome("e", "e", Line(1.1, 1.0))
    trail = weigh(begin(PLAIN), Pair(100, 100, 0, 100), wide, PLAIN, SETTING)
    assert trail.log_e == pytest.approx(0.0, abs=1e-3)


@pytest.mark.parametrize(("interval", "parts"), [(5.0, 3), (7.5, 2), (10.0, 2), (1.0, 3), (0.1, 3)])
def test_short_blocks_are_put_together(interval: float, parts: int) -> None:
    setting = Setting((100,), interval=interval)
    whole, trail = after(Pair(20 * parts, 40 * parts, 5 * parts, 400 * parts)), begin(PLAIN)
    for part in range(parts):
        assert trail.part.seconds == pytest.approx(part * interval)
        assert (trail.log_e, trail.blocks) == (begin(PLAIN).log_e, 0)
        trail = weigh(trail, Pair(20, 40, 5, 400), ERRORS, PLAIN, setting)
        assert trail.counted.canary_all == 40 * (part + 1)
    assert trail.log_e == whole.log_e > 0
    assert (trail.total, trail.part) == (whole.total, NO_PART)


def test_a_block_of_which_a_part_was_warm_is_warm() -> None:
    trail = begin(PLAIN)
    for warm in (True, False, False):
        trail = weigh(
            trail, Pair(3, 50, 0, 500), ERRORS, PLAIN, Setting((100,), warm, interval=5.0)
        )
    assert (trail.blocks, trail.cooled) == (1, False)


def test_two_or_three_blocks_have_their_most_and_what_goes_on_counts_in_full() -> None:
    bad = Pair(50, 100, 1, 1000)
    steps = [after(*[bad] * count).harmful[3] for count in (2, 3, 4, 5)]
    gains = [b - a for a, b in pairwise(steps)]
    assert gains == pytest.approx(
        [incidents.LASTED - incidents.TWO, incidents.CAPS.lifted, incidents.CAPS.lifted], abs=0.01
    )


counts = st.integers(0, 40).flatmap(
    lambda bad: st.builds(Pair, st.just(bad), st.just(100), st.integers(0, 20), st.just(1000))
)


@given(st.lists(counts, max_size=8), st.lists(counts, min_size=2, max_size=3))
def test_an_incident_of_three_blocks_adds_three_caps_at_most(
    before: list[Pair], incident: list[Pair]
) -> None:
    """Whatever it is, if not most requests fail in it; a hundredth for what is rounded."""
    trail, ended = after(*before), after(*before, *incident)
    most = incidents.CAP * len(incident)
    unheld = trail.marks[0].logs if trail.marks else (NOT_STARTED,) * ERRORS.bets
    begun = math.log(trail.waiting - ended.waiting)
    for log, started in zip(ended.harmful, unheld, strict=False):
        assert log <= evidence.log_add(started, begun) + most + 0.01


@pytest.mark.parametrize(
    ("bad", "fails"), [((4, 40, 40), False), ((20, 40, 20), False), ((40, 40, 40), True)]
)
def test_an_incident_of_30_seconds_proves_nothing_alone_even_right_after_warm_up(
    bad: tuple[int, ...], fails: bool
) -> None:
    """It fills one of the three blocks that it touches by half at most; alike ones lasted longer.

    Of two metrics, as an analysis has by default.
    """
    warm, slower = replace(SETTING, warm=True), sequential.slow("latency>1s")
    trail = begin(PLAIN)
    for _ in range(2):
        trail = weigh(trail, Pair(0, 100, 1, 1000), ERRORS, PLAIN, warm)
    for count in bad:
        trail = weigh(trail, Pair(count, 100, 1, 1000), ERRORS, PLAIN, SETTING)
    trails = {"errors": trail, slower.name: begin(PLAIN, outcome=slower)}
    found = read([ERRORS, slower], trails, 10, SURE, {})
    assert (found.standing is Standing.FAILED) is fails


@given(st.lists(counts, max_size=12))
def test_what_is_taken_for_an_incident_only_lessens_the_evidence(blocks: list[Pair]) -> None:
    """So that its guarantee is that of the evidence from which nothing is taken."""
    trail = after(*blocks)
    free = trail.marks[0].logs if trail.marks else (NOT_STARTED,) * ERRORS.bets
    assert all(log <= most for log, most in zip(trail.harmful, free, strict=False))


@given(
    st.lists(st.integers(0, 2), max_size=20),
    st.lists(st.integers(20, 40), min_size=1, max_size=3),
    st.lists(st.integers(0, 2), max_size=20),
)
def test_an_incident_stays_one_however_the_canary_goes_on(
    before: list[int], incident: list[int], later: list[int]
) -> None:
    """Of up to three blocks, which are more than three times as bad as the others are."""
    bad = [*before, *incident, *later]
    trail = after(*[Pair(count, 100, 1, 1000) for count in bad])
    assert not trail.course.is_steady


@given(
    st.tuples(st.integers(0, 20), st.integers(1, 3), st.integers(0, 20)),
    st.sampled_from([0, 1, 10, 100, 500, 800]),
    st.integers(0, 4),
)
def test_an_incident_stays_one_where_many_requests_are_bad_anyway_and_while_it_warms_up(
    blocks: tuple[int, int, int], usual: int, warm: int
) -> None:
    """As those slower than the lowest bound of a latency are: all of them are not twice as many."""
    before, incident, later = blocks
    canary = [usual / 10] * before + [100] * incident + [usual / 10] * later
    trail = begin(PLAIN)
    for number, bad in enumerate(canary):
        setting = replace(SETTING, warm=number < warm)
        trail = weigh(trail, Pair(bad, 100, usual, 1000), ERRORS, PLAIN, setting)
    assert not trail.course.is_steady


def test_a_few_bad_requests_early_do_not_hide_an_incident_later() -> None:
    """Two of the first seventeen are a larger share, and say less, than 14 of 127."""
    early = [Pair(2, 5, 1, 142), Pair(0, 6, 1, 142), Pair(0, 6, 1, 142)]
    quiet = [Pair(0, 18, 0, 130)] * 10
    trail = after(*early, *quiet, Pair(0, 38, 0, 117), Pair(9, 42, 2, 138), Pair(5, 47, 1, 113))
    assert (trail.course.worst_every, trail.course.is_steady) == (127, False)


def test_a_canary_that_is_as_bad_in_all_blocks_had_no_incident() -> None:
    """So that nothing is taken from the evidence any more: it is that of all its blocks."""
    bad = [Pair(5, 100, 0, 1000)] * 6
    steady = after(*bad)
    held = steady._replace(course=NO_COURSE)
    assert (after(*bad[:3]).course.is_steady, after(*bad[:4]).course.is_steady) == (False, True)
    assert steady.course == Course(6, 29.4, 600, 14.7, 300)
    free = steady._replace(harmful=steady.marks[0].logs + steady.harmful[-1:], course=NO_COURSE)
    assert held.log_e < steady.log_e == free.log_e


def test_where_every_block_has_a_cap_there_is_no_course() -> None:
    """Nor marks, by which what was taken could be given back."""
    moody = replace(PLAIN, lasting=2)
    trail = weigh(
        after(*[Pair(5, 100, 0, 1000)] * 6), Pair(5, 100, 0, 1000), ERRORS, moody, SETTING
    )
    assert (trail.marks, trail.course) == ((), NO_COURSE)


def test_errors_in_every_other_block_are_no_incident_for_long() -> None:
    """Two percent at five requests a second come unevenly: a block with none is no cure."""
    uneven = [Pair(3, 75, 1, 1425), Pair(0, 75, 1, 1425)] * 5
    failed = [standing(after(*uneven[:count])) is Standing.FAILED for count in range(1, 8)]
    assert failed == [False] * 4 + [True] * 3


# While the weight rises


def test_trouble_of_both_sides_that_begins_while_the_weight_rises_is_nobodys() -> None:
    """From 5 to 20 % in mid-block, then half of all requests fail: of the canary's 40 %."""
    shared = Pair(150, 375, 600, 2625)
    plain = weigh(begin(PLAIN), shared, ERRORS, PLAIN, SETTING)
    rising = weigh(begin(PLAIN), shared, ERRORS, PLAIN, replace(SETTING, rising_to=20))
    assert rising.log_e < 0 < plain.log_e


@given(
    st.integers(1, 60),
    st.integers(0, 39),
    st.floats(0.05, 0.95),
    st.floats(0, 0.9),
    st.floats(0, 0.9),
)
def test_no_order_of_weights_and_trouble_makes_a_tolerable_canary_intolerable(
    first: int, more: int, turn: float, early: float, late: float
) -> None:
    """The canary is on the line before and after the turn, so it is within it in the block."""
    second = min(99, first + more)
    sides = [(turn, first, early), (1 - turn, second, late)]
    line = Line(1.1, 0.001)
    every = [10_000 * part * weight / 100 for part, weight, _ in sides]
    stable = [10_000 * part * (1 - weight / 100) for part, weight, _ in sides]
    bad = sum(n * line.at(share) for n, (_, _, share) in zip(every, sides, strict=True))
    theirs = sum(n * share for n, (_, _, share) in zip(stable, sides, strict=True))
    pair = Pair(bad, sum(every), theirs, sum(stable))
    wide = sequential.while_rising(line, pair, second)
    assert bad / sum(every) <= wide.ratio * theirs / sum(stable) + wide.absolute + 1e-9


@pytest.mark.parametrize("weight", [0, 100])
def test_a_weight_that_leaves_one_side_nobody_widens_no_line(weight: int) -> None:
    line = Line(1.1, 0.001)
    assert sequential.while_rising(line, Pair(1, 10, 0, 10), weight) == line


def test_a_block_in_which_the_weight_rose_speaks_against_a_bad_canary_and_certifies_nothing() -> (
    None
):
    rising = replace(SETTING, rising_to=20)
    bad, good = Pair(60, 375, 3, 2625), Pair(0, 375, 3, 2625)
    before = weigh(begin(PLAIN), good, ERRORS, PLAIN, SETTING)
    spoken = weigh(before, bad, ERRORS, PLAIN, rising)
    assert spoken.log_e > before.log_e + 2
    assert weigh(before, good, ERRORS, PLAIN, rising).safe == before.safe


def test_a_short_block_in_which_the_weight_rose_is_left_out() -> None:
    rising = Setting((100,), interval=5.0, rising_to=20)
    trail = begin(PLAIN)
    assert weigh(trail, Pair(60, 375, 3, 2625), ERRORS, PLAIN, rising) == trail


def test_an_outage_that_begins_late_fails_on_its_third_block() -> None:
    good, dead = Pair(0, 100, 1, 1000), Pair(100, 100, 1, 1000)
    assert standing(after(*[good] * 100, *[dead] * 3)) is Standing.FAILED


def test_forty_percent_of_errors_in_three_blocks_after_a_good_minute_do_not_fail() -> None:
    good, blip = Pair(0, 100, 1, 1000), Pair(40, 100, 1, 1000)
    assert standing(after(*[good] * 30, *[blip] * 3, good)) is Standing.SUSPICIOUS


def test_where_stable_fails_half_of_all_requests_no_outage_can_be_told() -> None:
    broken = Temper(1.0, 0.0, 1_500_000, 3_000_000, known=True)
    trail = weigh(begin(broken), Pair(100, 100, 500, 1000), ERRORS, broken, SETTING)
    assert trail.harmful[-1] == pytest.approx(math.log(0.865), abs=0.001)


TWO_MINUTES = Temper(1.0, 0.0, 3000, 3_000_000, known=True, lasting=2, outages=2)


def blocks_until_failed(pair: Pair, temper: Temper, setting: Setting = SETTING) -> int:
    trail = begin(temper)
    for block in range(1, 100):
        trail = weigh(trail, pair, ERRORS, temper, setting)
        if read([ERRORS], {"errors": trail}, 10, SURE, {"errors": temper}).standing == "failed":
            return block
    return 100


@pytest.mark.parametrize("bad", [60, 200])
def test_trouble_twice_as_long_as_stables_own_pods_have_had_proves_nothing(bad: int) -> None:
    """Sixteen blocks are four minutes; without such a past three blocks are enough."""
    pair = Pair(bad, 200, 2, 2000)
    assert blocks_until_failed(pair, PLAIN) == 3
    assert 12 <= blocks_until_failed(pair, TWO_MINUTES) <= 18
    longer = replace(TWO_MINUTES, lasting=4, outages=4)
    assert blocks_until_failed(pair, longer) == blocks_until_failed(pair, TWO_MINUTES)


@pytest.mark.parametrize("bad", [60, 200])
@pytest.mark.parametrize(("interval", "blocks"), [(5.0, 9), (7.5, 6), (30.0, 3)])
def test_trouble_proves_something_after_as_long_whatever_the_interval(
    bad: int, interval: float, blocks: int
) -> None:
    setting = replace(SETTING, interval=interval)
    pair = Pair(bad, 200, 2, 2000)
    assert blocks_until_failed(pair, PLAIN, setting) == blocks
    minutes = blocks_until_failed(pair, TWO_MINUTES, setting) * interval / 60
    assert 2.5 <= minutes <= 5


def test_trouble_that_lasts_longer_than_that_counts_in_full() -> None:
    trail = begin(TWO_MINUTES)
    for _ in range(25):
        before = trail
        trail = weigh(trail, Pair(60, 200, 2, 2000), ERRORS, TWO_MINUTES, SETTING)
    assert trail.harmful[3] - before.harmful[3] == pytest.approx(incidents.CAPS.lifted, abs=0.1)
