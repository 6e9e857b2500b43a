"""Whether the proxies have taken what we asked, and how we know."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from math import sqrt

from rollout.model.observation import (
    Counting,
    Counts,
    CountsQuestion,
    Observation,
    Value,
    ValueQuestion,
    View,
)
from rollout.model.status import ConfirmedBy

METRIC, CONVERGENCE = "?share", "?convergence"
"""The names under which is asked how requests divide and how long a push takes; no metric of a
spec can have them."""

_P99 = "histogram_quantile(0.99, sum by (le) (rate(pilot_proxy_convergence_time_bucket[10m])))"
"""Seconds from a change to the proxies; source: Istio, "pilot-discovery" reference."""

SLOWEST = 30.0
"""Seconds: the last bucket of what ``_P99`` is read from."""

FLOOR = timedelta(seconds=15)
"""With nobody to ask: istiod waits 10 s at most before a push (docs/facts.md)."""

LAGGING = 8
"""Floors to wait for proxies that istiod knows to lag; longer, and one zombie would stop us all."""

ENOUGH = 200
"""Requests below which a share says nothing; Istio's docs speak of a hundred."""

SIGMAS = 3.3
"""A 99.9 % interval."""


def question(
    namespace: str,
    workloads: Mapping[str, str],
    since: datetime,
    now: datetime,
    every: timedelta,
) -> tuple[CountsQuestion, ...]:
    """Requests by pod at the last two aligned instants after ``since``; nothing until then."""
    asked = CountsQuestion(METRIC, Counting.ERRORS, View.DESTINATION, (), namespace, workloads)
    return _twice(asked, since, now, every)


ACROSS = 4
"""Intervals over which gateways' requests are counted: DNS divides them lumpily."""


def gateways(
    sides: Mapping[str, str], since: datetime, now: datetime, every: timedelta
) -> tuple[CountsQuestion, ...]:
    """As ``question``, of two clusters' gateways by side, over several intervals."""
    asked = CountsQuestion(METRIC, Counting.ERRORS, View.GATEWAY, (), "", sides)
    return _twice(asked, since, now, every, ACROSS)


def _twice(
    asked: CountsQuestion, since: datetime, now: datetime, every: timedelta, across: int = 1
) -> tuple[CountsQuestion, ...]:
    """``asked`` of the last aligned instant, and of the one ``across`` intervals before."""
    last = _aligned(now, every)
    first = last - across * every
    return (replace(asked, instants=(first, last)),) if first >= since else ()


def _aligned(now: datetime, every: timedelta) -> datetime:
    """The last instant at which all who ask so often ask, so that they ask together."""
    seconds = every.total_seconds()
    return datetime.fromtimestamp(now.timestamp() // seconds * seconds, now.tzinfo)


def pushes(since: datetime, now: datetime, every: timedelta) -> tuple[ValueQuestion, ...]:
    """How long istiod's pushes take, once nothing else is left to go by; nothing until then."""
    if now - since < FLOOR:
        return ()
    return (ValueQuestion(CONVERGENCE, _P99, _aligned(now, every)),)


def floor(values: Iterable[Value]) -> timedelta:
    """How long to wait when nobody can say: twice the known p99 of a push, at least 15 s."""
    known = [one.value for one in values if one.metric == CONVERGENCE and one.value > 0]
    return max(FLOOR, 2 * timedelta(seconds=min(max(known, default=0), SLOWEST)))


def confirmed(
    seen: Observation, since: datetime, now: datetime, canary: str, canary_percent: int
) -> ConfirmedBy | None:
    """How we know that what was asked at ``since`` has reached the proxies; None: not yet.

    ``canary_percent``: the share that ordinary requests should show.
    A difference that is still in the API objects means that nothing was taken.
    Where every proxy has all it was ever sent, the floor will do: istiod sends nothing to those
    whom a change does not concern, nor for a change of annotations alone, and it puts a push off
    for ten seconds at most (PILOT_DEBOUNCE_MAX, docs/facts.md).
    """
    traffic = seen.traffic
    if traffic.differences or traffic.refused:
        return None
    if seen.sync is not None and seen.sync.proxies and seen.sync.synced >= seen.sync.proxies:
        return ConfirmedBy.SYNCZ
    if shares_agree(seen.counts, canary, canary_percent):
        return ConfirmedBy.SHARE
    lagging = seen.sync is not None and seen.sync.behind > 0
    if now - since >= floor(seen.values) * (LAGGING if lagging else 1):
        return ConfirmedBy.FLOOR
    return None


SLACK = 0.005
"""What proxies may be off the split beside chance: each rounds for itself."""


def shares_agree(
    counts: Iterable[Counts], canary: str, canary_percent: int, slack: float = SLACK
) -> bool:
    """Whether the requests between the last two instants divide as asked, give or take ``slack``.

    Besides lying in a 99.9 % interval, a side that was given requests must show half of them:
    else few requests would agree with the old split as well.
    """
    counted = requests(counts, canary)
    if counted is None or sum(counted) < ENOUGH:
        return False
    total = sum(counted)
    asked, got = canary_percent / 100, counted[1] / total
    width = SIGMAS * sqrt(asked * (1 - asked) / total) + slack
    return abs(got - asked) <= width and asked / 2 <= got <= (1 + asked) / 2


def requests(counts: Iterable[Counts], canary: str) -> tuple[int, int] | None:
    """Requests to all others and to ``canary`` between the last two instants; None: not known."""
    mine = sorted((c for c in counts if c.metric == METRIC), key=lambda c: c.at)[-2:]
    if len(mine) < 2:
        return None
    others, to_canary = (_requests(mine[0], mine[1], canary, same=s) for s in (False, True))
    return others, to_canary


def _requests(before: Counts, after: Counts, canary: str, *, same: bool) -> int:
    """Requests between two instants to the canary's pods (``same``) or to all others.

    Only of pods seen at both: one scrape that was missed would look like a burst.
    """
    was = {(pod.revision, pod.pod): pod.total for pod in before.pods}
    return sum(
        max(0, pod.total - was[pod.revision, pod.pod])
        for pod in after.pods
        if (pod.revision, pod.pod) in was and (pod.revision == canary) is same
    )
