"""How sure the name servers' answers make us, and how often they are asked for it."""

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollout.model.switching import RecordPair, SeenRecords, Served
from rollout.model.switchover import Side
from rollout.model.traffic import Split
from rollout.upgrade.switchover import served
from tests.upgrade.switchover.world import HOST, TARGETS, spec

SHARES = st.sampled_from([0, 1, 2, 5, 10, 11, 25, 50, 51, 75, 99, 100])
"""Some are too near to each other to be told apart by as many queries as a look may ask."""
SERVERS = ("ns1.example.com", "ns2.example.com")


def draw(truth: Split, times: int, chance: random.Random) -> dict[str, int]:
    targets = [TARGETS[Side.BLUE][0], TARGETS[Side.GREEN][0]]
    return dict(Counter(chance.choices(targets, (truth.stable, truth.canary), k=times)))


def agreement(answers: list[dict[str, int]], change: tuple[Split, Split]) -> served.Agreement:
    pair = RecordPair(HOST, "A", "x", 1, 1, targets=TARGETS)
    told = [Served(s, HOST, a) for s, a in zip(SERVERS, answers, strict=True)]
    return served.agreement(spec(10), SeenRecords((pair,)), told, change)


@given(SHARES, SHARES)
def test_queries_are_no_flood_and_no_few(old: int, new: int) -> None:
    times = served.times(Split.giving_canary(old), Split.giving_canary(new))
    assert served.FEWEST <= times <= served.MOST


@given(SHARES, SHARES, st.integers(0, 1 << 30))
@settings(max_examples=60, deadline=None)
def test_who_answers_by_the_new_weights_is_believed_within_some_looks(
    old: int, new: int, seed: int
) -> None:
    before, asked, chance = Split.giving_canary(old), Split.giving_canary(new), random.Random(seed)
    times = served.times(before, asked)
    looks = ([draw(asked, times, chance) for _ in SERVERS] for _ in range(10))
    assert any(agreement(answers, (before, asked)).agrees for answers in looks)


@pytest.mark.parametrize(("old", "new"), [(0, 1), (1, 5), (10, 25), (75, 100), (25, 0)])
def test_one_server_with_the_old_weights_is_believed_hardly_ever(old: int, new: int) -> None:
    before, asked = Split.giving_canary(old), Split.giving_canary(new)
    times, chance = served.times(before, asked), random.Random(7)
    believed = sum(
        agreement([draw(asked, times, chance), draw(before, times, chance)], (before, asked)).agrees
        for _ in range(400)
    )
    assert believed <= 2


def test_an_address_of_neither_is_named() -> None:
    said = agreement([{"203.0.113.9": 60}, {}], (Split(100, 0), Split(90, 10)))
    assert (
        said.because == "ns1.example.com answers 203.0.113.9, which is neither blue's nor green's"
    )


def test_the_exact_test_is_one_of_two_sides() -> None:
    assert served.likelihood(0, 100, 0.0) == 1.0
    assert served.likelihood(1, 100, 0.0) == 0.0
    assert served.likelihood(100, 100, 1.0) == 1.0
    assert served.likelihood(50, 100, 0.5) == pytest.approx(1.0)
    assert served.likelihood(35, 100, 0.5) == pytest.approx(0.0035, abs=2e-4)
