"""What a gate will be able to see, and when: for ``plan``, ``explain`` and the preflight.

Rules of thumb from the growth of the evidence per request, not promises: a forecast is never
part of a decision.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from rollout.analysis import evidence
from rollout.analysis.evidence import Bets, Line, Pair
from rollout.analysis.history import UNKNOWN_DISPERSION, Temper
from rollout.analysis.sequential import COOLED, FIRST, HARMLESS, LEAST_BAD, Confidence, Outcome

MILLION = 1_000_000  # requests that the growth is worked out on, so that whole numbers are exact


def _growth(shares: tuple[float, float], weight: float, line: Line, bets: Bets) -> float:
    """Nats per canary request that the best of ``bets`` gains if ``shares`` are true."""
    canary, stable = shares
    all_stable = round(MILLION * (1 - weight) / weight) if weight < 1 else 0
    pair = Pair(round(MILLION * canary), MILLION, round(all_stable * stable), all_stable)
    return max(evidence.log_factors(pair, bets, line), default=0.0) / MILLION


def _price(outcome: Outcome, confidence: Confidence) -> float:
    """Nats that it takes to roll back: the confidence, and all that is not known beforehand.

    How bad it is (half of the bets pay), and when it began: at the start, judged once it is warm.
    """
    began = -math.log(COOLED * (1 - FIRST))
    return -math.log(confidence.false_rollback) + math.log(outcome.bets / 2) + began


def requests_to_roll_back(
    outcome: Outcome,
    shares: tuple[float, float],
    weight: int,
    confidence: Confidence = Confidence(),  # noqa: B008  # frozen
    dispersion: float = UNKNOWN_DISPERSION,
) -> float:
    """Canary requests until a canary of ``shares[0]`` against stable's ``shares[1]`` goes back.

    ``weight``: the canary's percentage; ``confidence``: the metric's part of the error budget.
    Infinite when it lies within the tolerance.
    """
    gain = _gain(outcome, shares, weight) / dispersion
    price = _price(outcome, confidence)
    return max(LEAST_BAD / max(shares[0], 1e-9), price / gain) if gain > 0 else math.inf


def _gain(outcome: Outcome, shares: tuple[float, float], weight: int) -> float:
    bets = evidence.harmful_bets(shares[1], outcome.line, outcome.bets)
    return _growth(shares, weight / 100, outcome.line, bets)


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
    """
    base = outcome.line.absolute if outcome.line.ratio == 0 else 0.0
    line = Line(outcome.line.ratio, base + outcome.harm * 100 / weights[1])
    bets = evidence.harmless_bets(share, line)
    gain = _growth((share, share), weights[0] / 100, line, bets) / temper.dispersion
    price = -math.log(confidence.false_promote) - HARMLESS[-1] - so_far
    return max(0.0, price) / gain if gain > 0 else math.inf


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
    price = _price(outcome, confidence) * UNKNOWN_DISPERSION

    def is_seen(canary: float) -> bool:
        if sum(stay.requests for stay in stays) * canary < LEAST_BAD:
            return False
        gains = (_gain(outcome, (canary, share), stay.weight) for stay in stays)
        return sum(g * stay.requests for g, stay in zip(gains, stays, strict=True)) >= price

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
