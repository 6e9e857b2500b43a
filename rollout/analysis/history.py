"""What stable's last hour says about chance: how clumped its bad requests are, how unlike its pods.

Both break the independence that the evidence counts on; the remedies are in ``sequential``.
Dispersion is Pearson's (McCullagh & Nelder, Generalized Linear Models, 4.5), the spread is by
moments; why either is asked for: ``docs/analysis.md``, "The method".
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

Minute = Mapping[str, tuple[float, float]]
"""One minute of stable's history: pod to its bad and all requests."""

UNKNOWN_DISPERSION = 1.5  # with no history: somewhat clumped, as most services are
PRIOR_WEIGHT = 10  # degrees of freedom that the line above counts for
MOST_DISPERSION = 30.0
MOST_SPREAD = 1.0


@dataclass(frozen=True, slots=True)
class Temper:
    """How far stable's own pods are from independent coin tosses.

    ``dispersion``: variance within minutes over the binomial's, 1 to 30; evidence is divided by it.
    ``spread``: how much pods differ for good, as a share of the mean, the more so the fewer have
    been seen; the tolerance is widened.
    ``bad``, ``every``: the hour's requests of all pods together.
    ``known``: False when there was nothing to learn from.
    ``lasting``: minutes, beyond the first, that a pod's longest incident went on before it passed;
    ``outages``: the same of incidents in which more than half of its requests were bad.
    """

    dispersion: float = UNKNOWN_DISPERSION
    spread: float = 0.0
    bad: float = 0
    every: float = 0
    known: bool = False
    lasting: int = 0
    outages: int = 0


UNKNOWN = Temper()


def temper(minutes: Sequence[Minute]) -> Temper:
    """What ``minutes`` of stable, oldest first, say; none at all give the cautious default."""
    totals = _by_pod(minutes)
    bad = sum(x for x, _ in totals.values())
    every = sum(n for _, n in totals.values())
    if not 0 < bad < every:
        return Temper(bad=bad, every=every, known=every > 0)
    chi_square, freedom = map(sum, zip(*map(_pearson, minutes), strict=True))
    dispersion = (chi_square + UNKNOWN_DISPERSION * PRIOR_WEIGHT) / (freedom + PRIOR_WEIGHT)
    dispersion = min(MOST_DISPERSION, max(1.0, dispersion))
    spread = _spread(tuple(totals.values()), dispersion)
    usual = {pod: x / n / (bad / every) if n else 1.0 for pod, (x, n) in totals.items()}
    return Temper(dispersion, spread, bad, every, True, *_runs(minutes, usual, dispersion))


def _by_pod(minutes: Sequence[Minute]) -> dict[str, tuple[float, float]]:
    totals: dict[str, tuple[float, float]] = {}
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


# By how much more a few pods may mislead about the next one than ten do: Student's t at 97.5 %,
# for so many pods, over its value for ten.
FEW = {2: 5.62, 3: 1.9, 4: 1.41, 5: 1.23, 6: 1.14, 7: 1.08, 8: 1.05, 9: 1.02}


def _spread(pods: Sequence[tuple[float, float]], dispersion: float) -> float:
    """The pods' standard deviation over their mean, less what sampling alone explains."""
    pods = [(bad, every) for bad, every in pods if every > 0]
    every = sum(n for _, n in pods)
    share = sum(x for x, _ in pods) / every
    room = every - sum(n * n for _, n in pods) / every
    if room <= 0:
        return 0.0
    seen = sum(n * (x / n - share) ** 2 for x, n in pods)
    chance = (len(pods) - 1) * dispersion * share * (1 - share)
    deviation = math.sqrt(max(0.0, seen - chance) / room) / share
    return min(MOST_SPREAD, deviation * FEW.get(len(pods), 1.0))


SPOKE = 5.0  # nats; two minutes in a row are chance once in a thousand hours of ten pods
MOST = 0.5  # of a pod's requests: an outage
PASSING = 5  # minutes; what lasts longer is no incident but how that pod is


def _runs(
    minutes: Sequence[Minute], usual: Mapping[str, float], dispersion: float
) -> tuple[int, int]:
    """The most minutes in a row, beyond the first, in which one pod had an incident; an outage.

    An incident is what would have spoken against a canary: a pod far worse than the others were in
    that minute, and than it usually is beside them.
    """
    over, going_on = [_Run(1, True)], dict[str, _Run]()
    for minute in minutes:
        bad, every = sum(x for x, _ in minute.values()), sum(n for _, n in minute.values())
        for pod in usual:
            x, n = minute.get(pod, (0, 0))
            others = (bad - x + 0.5) / (every - n + 1.0) * max(1.0, usual[pod])
            if x > n * others and _against(x, n, others) >= SPOKE * dispersion:
                so_far = going_on.get(pod, NO_RUN)
                going_on[pod] = _Run(so_far.minutes + 1, so_far.outage or x > n * MOST)
            elif pod in going_on:
                over.append(going_on.pop(pod))
    passed = [run for run in (*over, *going_on.values()) if run.minutes <= PASSING]
    longest = max(run.minutes for run in passed)
    return longest - 1, max(run.minutes for run in passed if run.outage) - 1


class _Run(NamedTuple):
    """Minutes in a row; an outage covers its first and last one in part only."""

    minutes: int
    outage: bool


NO_RUN = _Run(0, False)


def _against(bad: float, every: float, share: float) -> float:
    """Nats by which ``bad`` of ``every``, more than ``share``, speak for a higher one (Wald)."""
    good = every - bad
    return bad * math.log(bad / every / share) + (
        good * math.log(good / every / (1 - share)) if good else 0.0
    )
