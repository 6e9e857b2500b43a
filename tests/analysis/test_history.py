import random

import pytest

from rollout.analysis.history import Minute, Temper, temper


def hour(
    rng: random.Random, shares: list[float], clump: int = 1, minutes: int = 60
) -> list[Minute]:
    def pod(share: float) -> tuple[int, int]:
        clumps = sum(rng.random() < share for _ in range(400 // clump))
        return clumps * clump, 400

    return [{f"p{i}": pod(s) for i, s in enumerate(shares)} for _ in range(minutes)]


def test_independent_requests_have_a_dispersion_of_about_one() -> None:
    found = temper(hour(random.Random(1), [0.02] * 10))
    assert found.dispersion == pytest.approx(1.0, abs=0.15)
    assert found.spread < 0.12


def test_clumps_of_eight_have_a_dispersion_of_about_eight() -> None:
    assert temper(hour(random.Random(2), [0.05] * 10, clump=8)).dispersion == pytest.approx(8, 0.25)


def test_an_outage_of_all_pods_is_no_dispersion() -> None:
    rng = random.Random(3)
    both = hour(rng, [0.01] * 10, minutes=30) + hour(rng, [0.5] * 10, minutes=30)
    assert temper(both).dispersion < 1.3


def test_pods_that_differ_for_good_have_a_spread() -> None:
    assert temper(hour(random.Random(4), [0.01] * 5 + [0.05] * 5)).spread == pytest.approx(
        0.66, 0.2
    )


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        ([], Temper()),
        ([{}], Temper()),
        ([{"a": (0, 500)}], Temper(bad=0, every=500, known=True)),
        ([{"a": (5, 5)}], Temper(bad=5, every=5, known=True)),
    ],
)
def test_what_says_nothing_gives_the_cautious_default(
    minutes: list[Minute], expected: Temper
) -> None:
    assert temper(minutes) == expected


def test_one_pod_has_no_neighbours_to_differ_from() -> None:
    assert temper([{"a": (5, 500)}] * 10) == Temper(1.5, 0.0, 50, 5000, known=True)


def test_a_pod_without_requests_does_not_count() -> None:
    with_idle: list[Minute] = [{"a": (5, 500), "b": (4, 500), "c": (0, 0)}] * 5
    without: list[Minute] = [{"a": (5, 500), "b": (4, 500)}] * 5
    assert temper(with_idle) == temper(without)


def test_few_pods_tell_less_about_the_next_one() -> None:
    def pods(count: int) -> list[Minute]:
        return [{str(n): (150 if n % 2 else 100, 10_000) for n in range(count)}] * 60

    two, four, ten = (temper(pods(count)).spread for count in (2, 4, 10))
    assert two == 1.0
    assert ten == pytest.approx(0.2, abs=0.02)
    assert ten < four < two


def hour_with(*bad_minutes: int, bad: int = 300) -> list[dict[str, tuple[int, int]]]:
    """Three pods of 600 requests a minute; the first has an incident in those minutes."""
    return [
        {"a": (bad if m in bad_minutes else 1, 600), "b": (1, 600), "c": (1, 600)}
        for m in range(60)
    ]


@pytest.mark.parametrize(
    ("minutes", "lasting"),
    [((), 0), ((7,), 0), ((7, 8), 1), ((3, 5, 7), 0), ((20, 21, 22, 23), 3), ((57, 58, 59), 2)],
)
def test_how_long_a_pods_incidents_last_is_remembered(
    minutes: tuple[int, ...], lasting: int
) -> None:
    assert temper(hour_with(*minutes)).lasting == lasting


def test_what_does_not_pass_within_five_minutes_is_no_incident() -> None:
    """A pod that broke down half an hour ago must not make an outage of the canary look usual."""
    assert temper(hour_with(*range(7, 12))).lasting == 4
    assert temper(hour_with(*range(7, 13))).lasting == 0
    broken = temper(hour_with(3, 4, *range(40, 60), bad=600))
    assert (broken.lasting, broken.outages) == (1, 1)


def test_only_what_more_than_half_of_the_requests_felt_counts_as_an_outage() -> None:
    half, most = (temper(hour_with(7, 8, 9, bad=bad)) for bad in (300, 590))
    assert (half.lasting, half.outages, most.lasting, most.outages) == (2, 0, 2, 2)
    assert temper(hour_with(7, 8, 9, bad=600)).outages == 2


def test_the_minutes_in_which_an_outage_began_and_ended_are_part_of_it() -> None:
    hour = hour_with(7, 8, 9, 20, 21, bad=200)
    hour[8]["a"] = 600, 600
    assert (temper(hour).lasting, temper(hour).outages) == (2, 2)


def test_a_pod_that_is_always_worse_has_no_incident_nor_has_a_failure_of_all() -> None:
    slow_node = [{"a": (60, 600), "b": (6, 600), "c": (6, 600)}] * 60
    assert temper(slow_node).lasting == 0
    outage = [dict.fromkeys("abc", (300 if 20 <= m < 30 else 1, 600)) for m in range(60)]
    assert temper(outage).lasting == 0


def test_a_pod_that_was_away_has_no_share_of_its_own() -> None:
    silent = [{**page, "d": (0, 0)} for page in hour_with(7, 8)]
    assert temper(silent).lasting == 1
