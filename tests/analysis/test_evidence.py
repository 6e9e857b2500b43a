"""The one formula that matters, checked against what it promises."""

import itertools
import math
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.analysis import evidence
from rollout.analysis.evidence import Bets, Line, Pair, harmful_bets, harmless_bets, log_factors

SHARES = st.floats(1e-5, 0.9)
LINES = st.builds(Line, st.sampled_from([1.0, 1.1, 1.5, 3.0]), st.floats(1e-4, 0.4))
COUNTS = st.integers(0, 10**9)


class Bet(NamedTuple):
    """One bet alone."""

    canary: float
    stable: float


def each(bets: Bets) -> list[Bet]:
    return [Bet(canary, bets.stable) for canary in bets.canary]


def log_factor(pair: Pair, bet: Bet, line: Line) -> float:
    return log_factors(pair, Bets((bet.canary,), bet.stable), line)[0]


def expected(pair_sizes: tuple[int, int], true: tuple[float, float], bet: Bet, line: Line) -> float:
    """E[S], summed over every pair of outcomes."""
    canary_all, stable_all = pair_sizes
    total = 0.0
    for x, y in itertools.product(range(canary_all + 1), range(stable_all + 1)):
        chance = _binomial(x, canary_all, true[0]) * _binomial(y, stable_all, true[1])
        total += chance * math.exp(log_factor(Pair(x, canary_all, y, stable_all), bet, line))
    return total


def _binomial(x: int, n: int, p: float) -> float:
    return math.comb(n, x) * p**x * (1 - p) ** (n - x)


LIMITS = [Line(1.1, 0.001), Line(1.0, 0.05), Line(2.0, 0.01), Line(0, 0.05), Line(1.1, 0.3)]
SIZES = [(1, 1), (3, 8), (7, 2), (12, 12)]


@pytest.mark.parametrize("line", LIMITS)
@pytest.mark.parametrize("sizes", SIZES)
def test_no_tolerable_canary_has_an_expected_factor_above_one(
    line: Line, sizes: tuple[int, int]
) -> None:
    """Exact enumeration on the line and below it, whatever stable's share and the bet's guess."""
    for guess, stable, fraction in itertools.product(
        (0.002, 0.1, 0.6), (0.0, 0.001, 0.05, 0.3, 0.7), (1.0, 0.6, 0.0)
    ):
        canary = min(1.0, fraction * (line.ratio * stable + line.absolute))
        for bet in each(harmful_bets(guess, line))[::3]:
            assert expected(sizes, (canary, stable), bet, line) <= 1 + 1e-9


@pytest.mark.parametrize("line", LIMITS)
@pytest.mark.parametrize("sizes", SIZES[:3])
def test_no_harmful_canary_has_an_expected_safe_factor_above_one(
    line: Line, sizes: tuple[int, int]
) -> None:
    for guess, stable, more in itertools.product(
        (0.002, 0.1, 0.6), (0.0, 0.001, 0.05, 0.3), (0.0, 0.1, 0.5)
    ):
        canary = min(1.0, line.ratio * stable + line.absolute + more)
        for bet in each(harmless_bets(guess, line)):
            assert expected(sizes, (canary, stable), bet, line) <= 1 + 1e-9


def test_on_the_line_under_the_bets_projection_the_expectation_is_one() -> None:
    line, bet, sizes = Line(1.5, 0.1), Bet(0.8, 0.2), (6, 9)
    (stable,) = evidence._nearest(*sizes, Bets((0.8,), 0.2), line)
    canary = line.ratio * stable + line.absolute
    assert expected(sizes, (canary, stable), bet, line) == pytest.approx(1.0, abs=1e-9)


@given(COUNTS, COUNTS, SHARES, LINES)
def test_the_projection_has_no_slope_along_the_line(
    canary: int, stable: int, share: float, line: Line
) -> None:
    found = [
        (bet, under)
        for bets in (harmful_bets(share, line), harmless_bets(share, line))
        for bet, under in zip(
            each(bets), evidence._nearest(canary + 1, stable + 1, bets, line), strict=True
        )
    ]
    for bet, under in found:
        over = line.ratio * under + line.absolute
        if line.at(bet.stable) > 0.97 or not 1e-8 < under < 1 - 1e-8 or over > 1 - 1e-8:
            continue
        pull = (canary + 1) * line.ratio * (over - bet.canary) / (over * (1 - over))
        push = (stable + 1) * (under - bet.stable) / (under * (1 - under))
        assert abs(pull + push) <= 1e-6 * (abs(pull) + abs(push)) + 1e-6


def test_without_a_margin_it_is_the_conditional_binomial_when_errors_are_rare() -> None:
    """Lindon & Malek (arXiv 2011.03567): each bad request is a coin with the split's odds."""
    pair, bet, line = Pair(30, 10**7, 40, 3 * 10**7), Bet(4e-6, 1e-6), Line(1.0, 1e-12)
    ours = log_factor(pair, bet, line)
    null = pair.canary_all / (pair.canary_all + pair.stable_all)
    odds = 4 * pair.canary_all / (4 * pair.canary_all + pair.stable_all)
    coin = 30 * math.log(odds / null) + 40 * math.log((1 - odds) / (1 - null))
    assert ours == pytest.approx(coin, rel=1e-3)


def test_an_absolute_limit_is_walds_likelihood_ratio() -> None:
    ours = log_factor(Pair(7, 100, 99, 100), Bet(0.1, 0.5), Line(0, 0.01))
    assert ours == pytest.approx(7 * math.log(10) + 93 * math.log(0.9 / 0.99))


@pytest.mark.parametrize("pair", [Pair(0, 0, 5, 100), Pair(5, 100, 0, 0), Pair(0, 0, 0, 0)])
def test_a_block_that_cannot_compare_says_nothing(pair: Pair) -> None:
    assert log_factor(pair, Bet(0.5, 0.01), Line(1.1, 0.001)) == 0.0


@pytest.mark.parametrize("line", [Line(1.1, 1.0), Line(3.0, 0.5), Line(1.0, 0.98)])
def test_where_the_margin_is_near_one_nothing_is_a_regression(line: Line) -> None:
    assert harmful_bets(0.5, line).canary == ()


@given(SHARES, LINES)
def test_bets_lie_on_their_own_side_of_the_line(share: float, line: Line) -> None:
    for bet in each(harmful_bets(share, line)):
        assert bet.canary > line.at(bet.stable)
    for bet in each(harmless_bets(share, line)):
        assert bet.canary < line.at(bet.stable)


@given(COUNTS, COUNTS, st.floats(0, 1), st.floats(0, 1), SHARES, LINES)
def test_no_counts_make_anything_but_a_number(
    canary: int, stable: int, bad: float, stable_bad: float, share: float, line: Line
) -> None:
    pair = Pair(round(canary * bad), canary, round(stable * stable_bad), stable)
    for bet in each(harmful_bets(share, line)) + each(harmless_bets(share, line)):
        assert math.isfinite(log_factor(pair, bet, line))


def test_sums_of_logs() -> None:
    assert evidence.log_sum([0.0, 0.0]) == pytest.approx(math.log(2))
    assert evidence.log_sum([1000.0, 1000.0]) == pytest.approx(1000.0 + math.log(2))
    assert evidence.log_sum([evidence.NOT_STARTED, 0.0]) == pytest.approx(0.0)


def test_a_wide_line_is_clipped() -> None:
    assert Line(3.0, 0.5).at(0.5) == evidence.WIDEST_MARGIN
    assert Line(0, 0).at(0.5) == evidence.EDGE
