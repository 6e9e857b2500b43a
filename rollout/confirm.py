"""Whether the proxies have taken what we asked, and how we know."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from math import sqrt

from rollout.model.observation import Counting, Counts, CountsQuestion, Observation, View
from rollout.model.status import ConfirmedBy

METRIC = "observed-share"
"""The name under which the share of requests is asked for; no metric of a spec can have it."""

FLOOR = timedelta(seconds=15)
"""With nobody to ask: istiod waits 10 s at most before a push (docs/facts.md)."""

LAGGING = 8
"""Floors to wait for proxies that istiod knows to lag; longer, and one zombie would stop us all."""

ENOUGH = 200
"""Requests below which a share says nothing; Istio's docs speak of a hundred."""

SIGMAS = 3.3
"""A 99.9 % interval."""


def question(
    namespace: str, workloads: Mapping[str, str], since: datetime, now: datetime, every: timedelta
) -> tuple[CountsQuestion, ...]:
    """Requests by pod at the last two aligned instants after ``since``; nothing until then."""
    seconds = every.total_seconds()
    last = now.timestamp() // seconds * seconds
    instants = [datetime.fromtimestamp(last - seconds * k, since.tzinfo) for k in (1, 0)]
    if instants[0] < since:
        return ()
    return (
        CountsQuestion(
            METRIC, Counting.ERRORS, View.DESTINATION, tuple(instants), namespace, workloads
        ),
    )


def floor(convergence: timedelta | None) -> timedelta:
    """How long to wait when nobody can say: twice the known p99 of a push, at least 15 s."""
    return max(FLOOR, 2 * convergence) if convergence is not None else FLOOR


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
    if traffic.differences or traffic.problems or traffic.refused:
        return None
    if seen.sync is not None and seen.sync.proxies and seen.sync.synced >= seen.sync.proxies:
        return ConfirmedBy.SYNCZ
    if shares_agree(seen.counts, canary, canary_percent):
        return ConfirmedBy.SHARE
    lagging = seen.sync is not None and seen.sync.behind > 0
    if now - since >= floor(seen.convergence) * (LAGGING if lagging else 1):
        return ConfirmedBy.FLOOR
    return None


def shares_agree(counts: Iterable[Counts], canary: str, canary_percent: int) -> bool:
    """Whether the requests between the last two instants divide as asked.

    Besides lying in a 99.9 % interval, a side that was given requests must show half of them:
    else few requests would agree with the old split as well.
    """
    mine = sorted((c for c in counts if c.metric == METRIC), key=lambda c: c.at)[-2:]
    if len(mine) < 2:
        return False
    to_canary = _requests(mine[0], mine[1], canary, same=True)
    total = to_canary + _requests(mine[0], mine[1], canary, same=False)
    if total < ENOUGH:
        return False
    asked, got = canary_percent / 100, to_canary / total
    width = SIGMAS * sqrt(asked * (1 - asked) / total) + 0.005
    return abs(got - asked) <= width and asked / 2 <= got <= (1 + asked) / 2


def _requests(before: Counts, after: Counts, canary: str, *, same: bool) -> int:
    """Requests between two instants to the canary's pods (``same``) or to all others.

    Only of pods seen at both: one scrape that was missed would look like a burst.
    """
    was = {pod.pod: pod.total for pod in before.pods}
    return sum(
        max(0, pod.total - was[pod.pod])
        for pod in after.pods
        if pod.pod in was and (pod.revision == canary) is same
    )
