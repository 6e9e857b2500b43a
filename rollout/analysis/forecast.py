"""What a gate will be able to see, and when: for ``plan``, ``explain`` and the preflight.

Rules of thumb from the growth of the evidence per request, not promises: a forecast is never
part of a decision.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from rollout.analysis import evidence, sequential
from rollout.analysis.evidence import Bets, Line, Pair
from rollout.analysis.history import UNKNOWN_DISPERSION, Temper
from rollout.analysis.sequential import COOLED, FIRST, HARMLESS, Outcome, Trail, allowed
from rollout.analysis.standing import (
    LEAST_BAD,
    Confidence,
    can_tell,
    requests_until_inside,
)

MILLION = 1_000_000  # requests that the growth is worked out on, so that whole numbers are exact

FAR = timedelta(days=30)


def _growths(shares: tuple[float, float], weight: float, line: Line, bets: Bets) -> list[float]:
    """Nats per canary request that each of ``bets`` gains if ``shares`` are true."""
    canary, stable = shares
    all_stable = round(MILLION * (1 - weight) / weight) if weight < 1 else 0
    pair = Pair(round(MILLION * canary), MILLION, round(all_stable * stable), all_stable)
    return [gain / MILLION for gain in evidence.log_factors(pair, bets, line)]


def _against(outcome: Outcome, shares: tuple[float, float], weight: int) -> list[float]:
    bets = evidence.harmful_bets(shares[1], outcome.line, outcome.bets)
    return _growths(shares, weight / 100, outcome.line, bets)


def _prices(outcome: Outcome, confidence: Confidence) -> list[float]:
    """Nats that it takes each bet to roll back: what is not known beforehand has its price.

    How bad it is, and when it began: at the start, judged once the canary is warm.
    """
    known = -math.log(confidence.false_rollback * COOLED * (1 - FIRST))
    chances = sequential.likely(outcome.bets + outcome.outage)[: outcome.bets]
    return [known - chance for chance in chances]


def requests_to_certify(
    outcome: Outcome,
    share: float,
    weights: tuple[int, int],
    confidence: Confidence,
    temper: Temper = Temper(),  # noqa: B008  # frozen
    so_far: float = 0.0,
) -> float:
    """More canary requests until one just like stable is certified for the next weight.

    ``share``: stable's; ``weights``: the canary's percentage now and next.
    ``so_far``: the log evidence there is already.
    Infinite where nearly all of stable's are bad: nothing can be told of a canary like that.
    """
    if share > evidence.WIDEST_MARGIN:
        return math.inf
    line = allowed(outcome, outcome.line.ratio, weights[1])
    bets = evidence.harmless_bets(share, line)
    gains = _growths((share, share), weights[0] / 100, line, bets)
    gain = max(gains, default=0.0) / temper.dispersion
    price = -math.log(confidence.false_promote) - HARMLESS[-1] - so_far
    return max(0.0, price) / gain if gain > 0 else math.inf


def requests_left(
    weighed: Iterable[tuple[Outcome, Trail, Temper]], weights: tuple[int, int], sure: Confidence
) -> float:
    """Canary requests until the farthest of ``weighed`` that can tell is certified.

    Everyone gets only a canary whose plain shares are within the tolerance, too.
    Infinite where one metric has none.
    ``weights``: the canary's percentage now, and the one that it would be certified for.
    """
    percent = weights[1]
    every = list(weighed)
    telling = [each for each in every if can_tell(*each)]
    if {each[0].metric for each in telling} != {each[0].metric for each in every}:
        return math.inf
    outcome, trail, temper = min(telling, key=lambda each: each[1].log_safe(percent))
    now = min(99, max(1, weights[0]))
    so_far = trail.log_safe(percent)
    sure_in = requests_to_certify(outcome, trail.share, (now, percent), sure, temper, so_far)
    if percent < 100:
        return sure_in
    return max(sure_in, *(requests_until_inside(*each) for each in telling))


def time_for(requests: float, per_second: float) -> timedelta | None:
    """How long ``requests`` take; None: they do not come, or not within any rollout's life."""
    if per_second <= 0 or requests > per_second * FAR.total_seconds():
        return None
    return timedelta(seconds=requests / per_second)


class Stay(NamedTuple):
    """One step's traffic: the canary's percentage, and its requests until the time box is over."""

    weight: int
    requests: float


def smallest_regression(
    outcome: Outcome,
    share: float,
    stays: Sequence[Stay],
    confidence: Confidence = Confidence(),  # noqa: B008  # frozen
) -> float | None:
    """The least share of bad canary requests that all ``stays`` together would send back.

    Evidence carries over steps.  ``confidence``: the metric's part of the error budget.
    None: not even a canary that fails every request.
    """
    prices = [price * UNKNOWN_DISPERSION for price in _prices(outcome, confidence)]

    def is_seen(canary: float) -> bool:
        if sum(stay.requests for stay in stays) * canary < LEAST_BAD:
            return False
        by_stay = [
            [stay.requests * gain for gain in _against(outcome, (canary, share), stay.weight)]
            for stay in stays
        ]
        return any(sum(gains) >= price for price, *gains in zip(prices, *by_stay, strict=False))

    low, high = outcome.line.at(share), 1.0
    if not is_seen(high):
        return None
    for _ in range(40):
        middle = math.sqrt(low * high)
        low, high = (low, middle) if is_seen(middle) else (middle, high)
    return high


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a gate will have seen by the end of one step, and what follows from it.

    ``requests``: the canary's at this step, until its time box is over.
    ``visible``: the least share of bad requests that is sent back by then, by the evidence of all
    steps so far; None: nothing would be.
    ``certifies``: when a canary like stable is certified; None: not within the time box.
    """

    requests: float
    visible: float | None
    certifies: timedelta | None


def outlook(
    outcome: Outcome,
    share: float,
    stays: Sequence[Stay],
    coming: int,
    time_box: timedelta,
    confidence: Confidence = Confidence(),  # noqa: B008  # frozen
) -> Outlook:
    """The outlook of the last of ``stays``, the steps before it included.

    ``share``: stable's bad share; ``coming``: the canary's percentage after the step.
    """
    weight, requests = stays[-1]
    visible = smallest_regression(outcome, share, stays, confidence)
    needed = requests_to_certify(outcome, share, (weight, coming), confidence)
    certifies = time_box * (needed / requests) if requests and needed <= requests else None
    return Outlook(requests, visible, certifies)
