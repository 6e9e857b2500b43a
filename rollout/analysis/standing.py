"""Where a canary stands by all of its outcomes together: one mean, one certificate, one word.

What the blocks of each outcome have said is in ``sequential``; what follows, in ``steprule``.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rollout.analysis import evidence
from rollout.analysis.evidence import WIDEST_MARGIN
from rollout.analysis.history import UNKNOWN, Temper
from rollout.analysis.sequential import Outcome, Trail, widened
from rollout.model.spec import Analysis
from rollout.model.status import Standing

LEAST_BAD = 3  # blocks with bad canary requests: the cap alone lets two speak early in a journey
SUSPICIOUS = math.log(2)


@dataclass(frozen=True, slots=True)
class Confidence:
    """How sure to be, as an Analysis asks; ``min_requests``: fewer are too few to promote by."""

    false_rollback: float = Analysis().confidence.false_rollback
    false_promote: float = Analysis().confidence.false_promote
    min_requests: int = Analysis().min_requests


@dataclass(frozen=True, slots=True)
class Reading:
    """All outcomes' trails together, for a step on to ``percent``.

    ``log_e``: of the metrics' weighted mean; a mean of e-values is one under any dependence
    (Vovk & Wang, arXiv 1912.06116).
    ``leading``: the outcome with the most evidence against it.
    ``certified``: every outcome that can tell is, each at the full level (intersection-union), and
    every metric has one.
    ``telling``: whether any outcome can tell.
    """

    log_e: float
    leading: Outcome
    certified: bool
    standing: Standing
    telling: bool = True


def read(
    outcomes: Sequence[Outcome],
    trails: Mapping[str, Trail],
    percent: int,
    confidence: Confidence,
    tempers: Mapping[str, Temper],
) -> Reading:
    """What the trails, by outcome name, say together; ``outcomes`` has at least one."""
    logs = {outcome.name: trails[outcome.name].log_e for outcome in outcomes}
    log_e = evidence.log_sum(
        math.log(weight) + logs[outcome.name]
        for outcome, weight in zip(outcomes, _weights(outcomes), strict=True)
    )
    telling = [o for o in outcomes if can_tell(o, trails[o.name], tempers.get(o.name, UNKNOWN))]
    leading = max(telling or outcomes, key=lambda outcome: logs[outcome.name])
    certified = all(is_certified(trails[o.name], percent, confidence) for o in telling)
    if percent >= 100:
        certified = certified and all(
            not requests_until_inside(o, trails[o.name], tempers.get(o.name, UNKNOWN))
            for o in telling
        )
    certified = certified and {o.metric for o in telling} == {o.metric for o in outcomes}
    standing = _standing(log_e, (leading, trails[leading.name]), certified, percent, confidence)
    if standing is Standing.CLEAN and telling and percent >= 100 and log_e >= 0:
        # Promotion without a certificate is the one decision that even a hint forbids.
        standing = Standing.SUSPICIOUS
    return Reading(log_e, leading, certified, standing, bool(telling))


def can_tell(outcome: Outcome, trail: Trail, temper: Temper) -> bool:
    """Whether a canary that is worse could be seen at all by ``outcome``.

    Not where nearly every request is bad on both sides: nothing lies beyond the line then, so that
    there is neither evidence for harm nor any worth in a certificate against it.
    """
    bad, every, *_ = trail.counted
    full = widened(outcome.line, temper).at(trail.share) >= WIDEST_MARGIN
    return not (full and bad > WIDEST_MARGIN * every)


def is_certified(trail: Trail, percent: int, confidence: Confidence) -> bool:
    """Whether ``trail`` excludes more harm than the cap at ``percent``."""
    return trail.log_safe(percent) >= -math.log(confidence.false_promote)


def _weights(outcomes: Sequence[Outcome]) -> list[float]:
    """Every metric has the same part of the error budget; its outcomes share it."""
    metrics = [outcome.metric for outcome in outcomes]
    return [1 / len(set(metrics)) / metrics.count(metric) for metric in metrics]


def requests_until_inside(outcome: Outcome, trail: Trail, temper: Temper) -> float:
    """Canary requests until its plain share is within the tolerance, if they are like stable's.

    The best guess, not the proof. 0: it is; infinite: it never comes there.
    """
    bad, every, stable_bad, stable_all = trail.counted
    stable = stable_bad / stable_all if stable_all else 0.0
    line = widened(outcome.line, temper).at(stable)
    if not every:
        return 1.0
    if bad / every <= line:
        return 0.0
    return (bad - line * every) / (line - stable) if line > stable else math.inf


def requests(outcome: Outcome, trail: Trail) -> float:
    """The requests that ``outcome`` can be judged by: the canary's, or stable's if it had fewer."""
    canary, stable = trail.counted.canary_all, trail.counted.stable_all
    return min(canary, stable) if outcome.line.ratio else canary


def _standing(
    log_e: float,
    leading: tuple[Outcome, Trail],
    certified: bool,
    percent: int,
    confidence: Confidence,
) -> Standing:
    outcome, trail = leading
    if log_e >= -math.log(confidence.false_rollback) and trail.bad_blocks >= LEAST_BAD:
        return Standing.FAILED
    if log_e >= SUSPICIOUS:
        return Standing.SUSPICIOUS
    if certified:
        return Standing.CERTIFIED
    # On the way up the time box may speak for little traffic, but not for none at all.
    if requests(outcome, trail) < (confidence.min_requests if percent >= 100 else 1):
        return Standing.TOO_FEW
    return Standing.CLEAN
