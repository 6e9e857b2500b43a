"""What a side was like in the hour before anything moved, as limits that it is held to later.

For a side that nobody is beside: what serves everyone, or what is left behind. The limit is fixed
before a request is judged by it, so that the evidence of ``sequential`` stays valid.
"""

import math
from collections.abc import Iterable
from datetime import datetime, timedelta

from rollout.analysis import buckets, counters, grid, plan
from rollout.analysis.counters import Figures, Tally
from rollout.analysis.evidence import Line
from rollout.model.observation import Counting, Counts, CountsQuestion, View
from rollout.model.spec import DEFAULT_METRICS, Analysis, LatencyLimit, Metric, SuccessRate
from rollout.model.switchover import Before, Slower

ERRORS, SLOW = "before.errors", "before.slow"
"""Names under which the hour is asked for; no metric of a spec begins so."""

ENOUGH = 200  # requests, below which an hour says nothing
WIDEST = 0.98
UPPER = 2.33  # a one-sided bound of 99 %


def questions(
    sides: dict[str, str], since: datetime, interval: timedelta, view: View
) -> tuple[CountsQuestion, ...]:
    """The counters of ``sides`` (name to workload) over the hour before ``since``."""
    instants = grid.hour_before(since, interval)
    return (
        CountsQuestion(ERRORS, Counting.ERRORS, view, instants, "", sides),
        CountsQuestion(SLOW, Counting.SLOW, view, instants, "", sides),
    )


def learned(counts: Iterable[Counts], side: str, analysis: Analysis) -> Before | None:
    """What ``side`` counted in that hour; None where the answers are missing."""
    answers = sorted(counts, key=lambda one: one.at)
    errors = [one for one in answers if one.metric == ERRORS]
    slow = [one for one in answers if one.metric == SLOW]
    if not errors or not slow:
        return None
    every, bad = _risen(errors, side, 1)
    bounds = slow[-1].bounds
    slower_all, *slower = _risen([s for s in slow if s.bounds == bounds], side, len(bounds))
    wanted = _wanted(analysis)
    kept = (
        {buckets.above(bound, bounds) for bound in wanted}
        if wanted
        else set(buckets.chosen(slower, slower_all, bounds, _line(analysis, "latency")))
    )
    pairs = zip(bounds, slower, strict=True)
    return Before(every, bad, tuple(Slower(bound, n) for bound, n in pairs if bound in kept))


def _wanted(analysis: Analysis) -> tuple[timedelta, ...]:
    return tuple(bound for metric in analysis.metrics for bound in metric.slower_than)


def _risen(answers: list[Counts], side: str, kinds: int) -> Figures:
    """All requests between the first and the last instant, then the bad ones by kind."""
    tally, whole = Tally(), (0,) * (kinds + 1)
    for counts in answers:
        mine = [pod for pod in counts.pods if pod.revision == side]
        tally, counted = counters.advance(tally, counts.at, mine)
        whole = tuple(map(sum, zip(whole, counters.together(counted, side, kinds), strict=True)))
    return whole


def limits(before: Before | None, analysis: Analysis) -> tuple[Metric, ...]:
    """Metrics that judge one side alone: no worse than ``before``, by the analysis' tolerance.

    Of errors and of latency, as far as the analysis judges them. None where the hour had too few
    requests to say anything.
    """
    if before is None or before.requests < ENOUGH:
        return ()
    errors, slow = _line(analysis, "errors"), _line(analysis, "latency")
    least = 1 - errors.at(_upper(before.bad, before.requests))
    judged = {metric.name for metric in analysis.metrics}
    found = [Metric("errors", success_rate=SuccessRate(least))] if "errors" in judged else []
    for one in before.slow if "latency" in judged else ():
        share = slow.at(_upper(one.requests, before.requests))
        if share < WIDEST:
            limit = LatencyLimit(1 - share, one.bound)
            found.append(Metric(f"latency-{buckets.name(one.bound)}", latency=limit))
    return tuple(found)


def _line(analysis: Analysis, name: str) -> Line:
    """The tolerance of the metric of that name, or the default one."""
    metrics = {metric.name: metric for metric in (*DEFAULT_METRICS, *analysis.metrics)}
    tolerate = metrics[name].tolerate
    if tolerate is None:
        return plan.DEFAULT_ERRORS if name == "errors" else plan.DEFAULT_SLOW
    return Line(tolerate.ratio, tolerate.absolute)


def _upper(bad: int, every: int) -> float:
    """Wilson's upper bound of a share (E. B. Wilson, JASA 22, 1927)."""
    share, square = bad / every, UPPER * UPPER
    middle = share + square / (2 * every)
    spread = UPPER * math.sqrt(share * (1 - share) / every + square / (4 * every * every))
    return min(1.0, (middle + spread) / (1 + square / every))
