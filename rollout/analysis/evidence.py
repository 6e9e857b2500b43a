"""How much one block of traffic says for or against a canary: e-values on counts, in nats.

A canary is *tolerable* while its share of bad requests is at most ``ratio`` times stable's plus
``absolute``.  For every tolerable pair of true shares, whatever they are and however they drift
from block to block, the factors computed here have an expected value of at most one.  Their
product therefore exceeds ``1/alpha`` with a chance of at most alpha, at however many looks (Ville).

Source of the block form: Turner, Ly & Gruenwald, Generic E-variables (arXiv 2106.02693), with a
linear margin; the projection makes the expectation at most one on the whole convex null.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

_log, _log1p, _sqrt = (
    math.log,
    math.log1p,
    math.sqrt,
)  # looked up once: this is where the time of a look goes

NOT_STARTED = -9999.0  # stands for log 0: finite, so that a status in JSON can hold it
LEAST_SHARE, MOST_SHARE = (
    1e-5,
    0.97,
)  # stable's share as a bet uses it; a wrong one costs power only
WIDEST_MARGIN = 0.98
EDGE = 1e-9


class Pair(NamedTuple):
    """One block's counts of one outcome: bad and all requests of either side.

    Whole numbers by nature; those of another counter may be estimates.
    """

    canary_bad: float
    canary_all: float
    stable_bad: float
    stable_all: float

    def plus(self, other: "Pair") -> "Pair":
        """The counts of both blocks together."""
        a, b, c, d = other
        return Pair(self[0] + a, self[1] + b, self[2] + c, self[3] + d)


NO_TRAFFIC = Pair(0, 0, 0, 0)


class Line(NamedTuple):
    """The worst tolerable canary: ``ratio`` times stable's share plus ``absolute``.

    Ratio 0 is an absolute limit: stable does not matter.
    """

    ratio: float
    absolute: float

    def at(self, stable_share: float) -> float:
        """The canary's worst tolerable share; 0.98 at most, above which nothing is a regression."""
        return min(WIDEST_MARGIN, max(EDGE, self.ratio * stable_share + self.absolute))


class Bets(NamedTuple):
    """The shares that factors bet on, chosen before the block is seen: some of the canary's, and
    one of stable's that goes with each."""

    canary: tuple[float, ...]
    stable: float


def log_factors(pair: Pair, bets: Bets, line: Line) -> list[float]:
    """The log of the e-variable of each bet, against all shares on the other side of ``line``.

    0 when the block cannot tell: no canary requests, or nothing to compare with.
    """
    bad, every, stable_bad, stable_all = pair
    if every <= 0 or (line.ratio > 0 and stable_all <= 0):
        return [0.0] * len(bets.canary)
    if line.ratio == 0:
        null = min(1 - EDGE, max(EDGE, line.absolute))
        return [_gain(bad, every, canary, null) for canary in bets.canary]
    ratio, absolute, stable = line.ratio, line.absolute, bets.stable
    factors = []
    good, stable_good = every - bad, stable_all - stable_bad
    shares = _nearest(every, stable_all, bets, line)
    for canary, share in zip(bets.canary, shares, strict=True):
        null = ratio * share + absolute
        # two of ``_gain``, written out
        factors.append(
            (bad * _log(canary / null) + good * _log1p((null - canary) / (1 - null)))
            + (
                stable_bad * _log(stable / share)
                + stable_good * _log1p((share - stable) / (1 - share))
            )
        )
    return factors


def _gain(bad: float, every: float, bet: float, null: float) -> float:
    return bad * _log(bet / null) + (every - bad) * _log1p((null - bet) / (1 - null))


NEAR = 1e-3  # the last step, of the share: Newton's next ones leave 1e-6, then 1e-12 of it


def _nearest(every: float, stable_all: float, bets: Bets, line: Line) -> list[float]:
    """For each bet, stable's share at the point of ``line`` nearest to it.

    Nearest is where n_c KL(canary, c) + n_s KL(stable, s) is least.  Its derivative along the
    line rises and has one root between two ends; times both spreads it is a cubic, on which
    Newton's steps are cheap.  A last step on the derivative itself makes it exact, since that is
    what the expectation hangs on.  One long function, since half of a look's time goes here.
    """
    ratio, absolute, stable = line.ratio, line.absolute, bets.stable
    weight, margin = every * ratio, stable * ratio
    most = (1 - EDGE - absolute) / ratio
    tilt, still = ratio * (1 - 2 * absolute), absolute * (1 - absolute)
    a, both = weight * ratio + stable_all * ratio * ratio, weight + stable_all
    b_stable = stable_all * (tilt + ratio * ratio * stable)
    c_stable = stable_all * (tilt * stable - still)
    d, bad = stable_all * still * stable, stable_all * stable
    a3 = 3 * a
    shares = []
    for canary in bets.canary:
        short = absolute - canary
        low, high = (-short / ratio, stable) if -short < margin else (stable, -short / ratio)
        low, high = EDGE if low < EDGE else low, most if high > most else high
        b = weight * (short - ratio) - b_stable
        c = c_stable - weight * short
        b2 = 2 * b
        pooled = (bad - every * short) / both  # exact for rare shares
        share = pooled if low < pooled < high else _sqrt(low * high)
        left, right, near = low, high, False
        while not near:  # ends: every turn moves one end of the bracket to ``share``
            value = ((a * share + b) * share + c) * share + d
            if value > 0:
                left = share
            else:
                right = share
            slope = (a3 * share + b2) * share + c
            step = share - value / slope if slope < 0 else left
            if not left < step < right:
                step = (left + right) / 2
            near, share = -NEAR * share <= step - share <= NEAR * share, step
        over = ratio * share + absolute
        spread, other = over * (1 - over), share * (1 - share)
        slope = weight * (over - canary) / spread + stable_all * (share - stable) / other
        bend = weight * ratio * (over * (over - 2 * canary) + canary) / (spread * spread)
        bend += stable_all * (share * (share - 2 * stable) + stable) / (other * other)
        share -= slope / bend
        shares.append(high if share > high else low if share < low else share)
    return shares


BETS = 8  # where a regression may be of any size; fewer where the margin is no rare share
NEAREST_ODDS = 1.3  # the mildest regression bet on, as odds against the margin's odds
WORST_SHARE = 0.9


def harmful_bets(stable_share: float, line: Line, count: int = BETS) -> Bets:
    """Bets beyond ``line``, evenly spaced in log odds; none where nothing is beyond it."""
    stable = min(MOST_SHARE, max(LEAST_SHARE, stable_share))
    margin = line.at(stable)
    nearest = NEAREST_ODDS * margin / (1 - margin)
    worst = max(WORST_SHARE / (1 - WORST_SHARE), 2 * nearest)
    if margin >= WIDEST_MARGIN:
        return Bets((), stable)
    stride = (worst / nearest) ** (1 / (count - 1))
    shares, odds = [], nearest
    for _ in range(count):
        shares.append(odds / (1 + odds))
        odds *= stride
    return Bets(tuple(shares), stable)


def harmless_bets(stable_share: float, line: Line) -> Bets:
    """Three bets below ``line``: nearly nothing bad, a third of the margin, and as stable is."""
    stable = min(MOST_SHARE, max(LEAST_SHARE, stable_share))
    margin = line.at(stable)
    alike = min(0.85 * margin, max(0.02 * margin, stable))
    return Bets((0.05 * margin, 0.35 * margin, alike), stable)


def log_sum(logs: Iterable[float]) -> float:
    """log of the sum of exponentials."""
    values = tuple(logs)
    top = max(values)
    return top + math.log(sum(math.exp(value - top) for value in values))


def log_add(one: float, other: float) -> float:
    """log of the sum of two exponentials."""
    top, low = (one, other) if one > other else (other, one)
    return top + math.log1p(math.exp(low - top))
