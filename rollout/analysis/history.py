"""What stable's last hour says about chance: how clumped its bad requests are, how unlike its pods.

Both break the independence that the evidence counts on; the remedies are in ``sequential``.
Source: facts of the pre-study, gating 2.7; dispersion is Pearson's, the spread is by moments.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Minute = Mapping[str, tuple[int, int]]
"""One minute of stable's history: pod to its bad and all requests."""

UNKNOWN_DISPERSION = 1.5  # with no history: somewhat clumped, as most services are
PRIOR_WEIGHT = 10  # degrees of freedom that the line above counts for
MOST_DISPERSION = 30.0
MOST_SPREAD = 1.0


@dataclass(frozen=True, slots=True)
class Temper:
    """How far stable's own pods are from independent coin tosses.

    ``dispersion``: variance within minutes over the binomial's, 1 to 30; evidence is divided by it.
    ``spread``: how much pods differ for good, as a share of the mean; the tolerance is widened.
    ``bad``, ``every``: the hour's requests of all pods together.
    ``known``: False when there was nothing to learn from.
    """

    dispersion: float = UNKNOWN_DISPERSION
    spread: float = 0.0
    bad: int = 0
    every: int = 0
    known: bool = False


UNKNOWN = Temper()


def temper(minutes: Sequence[Minute]) -> Temper:
    """What ``minutes`` of stable, in any order, say; none at all give the cautious default."""
    totals = _by_pod(minutes)
    bad = sum(x for x, _ in totals.values())
    every = sum(n for _, n in totals.values())
    if not 0 < bad < every:
        return Temper(bad=bad, every=every, known=every > 0)
    chi_square, freedom = map(sum, zip(*map(_pearson, minutes), strict=True))
    dispersion = (chi_square + UNKNOWN_DISPERSION * PRIOR_WEIGHT) / (freedom + PRIOR_WEIGHT)
    dispersion = min(MOST_DISPERSION, max(1.0, dispersion))
    return Temper(dispersion, _spread(tuple(totals.values()), dispersion), bad, every, known=True)


def _by_pod(minutes: Sequence[Minute]) -> dict[str, tuple[int, int]]:
    totals: dict[str, tuple[int, int]] = {}
    for minute in minutes:
        for pod, (bad, every) in minute.items():
            so_far = totals.get(pod, (0, 0))
            totals[pod] = (so_far[0] + bad, so_far[1] + every)
    return totals


def _pearson(minute: Minute) -> tuple[float, int]:
    """Chi-square of the pods around the minute's own share, and its degrees of freedom.

    Around the minute's own: an outage that all pods share is no dispersion.
    """
    pods = [(bad, every) for bad, every in minute.values() if every > 0]
    bad, every = sum(x for x, _ in pods), sum(n for _, n in pods)
    if len(pods) < 2 or not 0 < bad < every:
        return 0.0, 0
    share = bad / every
    chi_square = sum((x - n * share) ** 2 / (n * share * (1 - share)) for x, n in pods)
    return chi_square, len(pods) - 1


def _spread(pods: Sequence[tuple[int, int]], dispersion: float) -> float:
    """The pods' standard deviation over their mean, less what sampling alone explains."""
    pods = [(bad, every) for bad, every in pods if every > 0]
    every = sum(n for _, n in pods)
    share = sum(x for x, _ in pods) / every
    room = every - sum(n * n for _, n in pods) / every
    if room <= 0:
        return 0.0
    seen = sum(n * (x / n - share) ** 2 for x, n in pods)
    chance = (len(pods) - 1) * dispersion * share * (1 - share)
    return min(MOST_SPREAD, math.sqrt(max(0.0, seen - chance) / room) / share)
