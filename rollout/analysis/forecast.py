"""What a gate will be able to see, and when: for ``plan``, ``explain`` and the preflight.

Rules of thumb from the growth of the evidence per request, not promises: a forecast is never
part of a decision.
"""

import math
from dataclasses import dataclass
from datetime import timedelta

from rollout.analysis import evidence
from rollout.analysis.evidence import Bets, Line, Pair
from rollout.analysis.history import Temper
from rollout.analysis.sequential import HARMLESS, Confidence, Outcome

MILLION = 1_000_000  # requests that the growth is worked out on, so that whole numbers are exact


def _growth(shares: tuple[float, float], weight: float, line: Line, bets: Bets) -> float:
    """Nats per canary request that the best of ``bets`` gains if ``shares`` are true."""
    canary, stable = shares
    all_stable = round(MILLION * (1 - weight) / weight) if weight < 1 else 0
    pair = Pair(round(MILLION * canary), MILLION, round(all_stable * stable), all_stable)
    return max(evidence.log_factors(pair, bets, line), default=0.0) / MILLION


def requests_to_roll_back(
    outcome: Outcome, shares: tuple[float, float], weight: int, dispersion: float = 1.5
) -> float:
    """Canary requests until a canary of ``shares[0]`` against stable's ``shares[1]`` goes back.

    ``weight``: the canary's percentage.  Infinite when it lies within the tolerance.
    Counts the whole price of not knowing: which metric, which bet, which start (2.3 of the facts).
    """
    bets = evidence.harmful_bets(shares[1], outcome.line, outcome.bets)
    gain = _growth(shares, weight / 100, outcome.line, bets) / dispersion
    price = math.log(100) + math.log(2) + math.log(outcome.bets / 2) + math.log(5)
    return max(3 / max(shares[0], 1e-9), price / gain) if gain > 0 else math.inf


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


def smallest_regression(
    outcome: Outcome, share: float, weight: int, requests: float, dispersion: float = 1.5
) -> float | None:
    """The least share of bad canary requests that ``requests`` canary requests would send back.

    None: not even a canary that fails every request.
    """
    low, high = outcome.line.at(share), 1.0
    if requests_to_roll_back(outcome, (high, share), weight, dispersion) > requests:
        return None
    for _ in range(40):
        middle = math.sqrt(low * high)
        if requests_to_roll_back(outcome, (middle, share), weight, dispersion) > requests:
            low = middle
        else:
            high = middle
    return high


@dataclass(frozen=True, slots=True)
class Outlook:
    """What one step will see: canary requests in its time box, and what follows from them.

    ``visible``: the least share of bad requests that would be sent back; None: nothing would.
    ``certifies``: when a canary like stable is certified; None: not within the time box.
    """

    requests: float
    visible: float | None
    certifies: timedelta | None


def outlook(
    outcome: Outcome,
    share: float,
    per_second: float,
    weights: tuple[int, int],
    time_box: timedelta,
    confidence: Confidence = Confidence(),  # noqa: B008  # frozen
) -> Outlook:
    """The outlook of a step with ``per_second`` requests to the service.

    ``share``: stable's bad share; ``weights``: the canary's percentage at and after the step.
    """
    canary = per_second * weights[0] / 100
    requests = canary * time_box.total_seconds()
    visible = smallest_regression(outcome, share, weights[0], requests)
    needed = requests_to_certify(outcome, share, weights, confidence)
    certifies = timedelta(seconds=needed / canary) if canary and needed <= requests else None
    return Outlook(requests, visible, certifies)
