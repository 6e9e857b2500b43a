"""A provider's reply -> pods' counters and single values, or the reason why it means nothing."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache

from rollout.analysis.query import BAD, PART, SEEN, TOTAL
from rollout.model.observation import PodCount, Reply, Series
from rollout.model.units import words

FRESH = timedelta(seconds=60)  # a pod whose newest sample is older has vanished, for us
MOST_SERIES = 5000  # of a metric's own counters: a query that forgot to sum
MOST_COUNTED = 2.0**53  # beyond it a float is no count any more
NEAR = timedelta(milliseconds=500)

Workload = tuple[str, str]
"""Namespace and Deployment; "" and its host of a whole service, or its long name of a gateway."""


class UnclearError(Exception):
    """An answer that means nothing: inconclusive, for this reason."""


@dataclass(slots=True)
class Row:
    """One pod's counters of one workload.

    ``up_to``: by the buckets' upper bound, the requests within it; without the last, endless one.
    ``seen``: when its newest sample was taken, seconds since the epoch; 0: not known.
    """

    total: float = -1
    bad: float = 0
    seen: float = 0
    up_to: dict[timedelta, float] = field(default_factory=dict)


Page = dict[Workload, dict[str, Row] | UnclearError]
"""One instant: by workload, the rows by pod."""

_Place = tuple[Workload, str, str]  # workload, pod, instance


def pages(
    reply: Reply, instants: Sequence[datetime], wanted: Iterable[Workload]
) -> dict[datetime, Page]:
    """A page for every instant; a workload without any series has no rows, and that is an answer.

    Errors: ``UnclearError`` when nothing of the reply can be used.
    """
    _refuse_partial(reply)
    known = set(wanted)
    cells: dict[datetime, dict[_Place, Row]] = {at: {} for at in instants}
    seen: dict[datetime, dict[tuple[str, str], float]] = {at: {} for at in instants}
    spoilt: set[tuple[datetime, Workload]] = set()
    for series in reply.series:
        label = series.labels.get
        pod, part = label("pod", ""), label(PART)
        instance = label("instance", "") + label("cluster", "")
        if part == SEEN:
            for at, value in series.points:
                seen[at if at in cells else _instant(at, cells)][pod, instance] = value
            continue
        le, workload = label("le"), _workload(series.labels)
        place = workload, pod, instance
        for at, value in series.points:
            instant = at if at in cells else _instant(at, cells)
            if workload not in known:
                continue
            if not 0 <= value < MOST_COUNTED:
                spoilt.add((instant, workload))
            rows = cells[instant]
            row = rows.get(place) or rows.setdefault(place, Row())
            _enter(row, part, le, value)
    return {at: _page(at, cells[at], seen[at], known, spoilt) for at in instants}


def _workload(labels: Mapping[str, str]) -> Workload:
    if "source_workload" in labels:
        whose = ("cluster", "source_workload_namespace", "source_workload")
        return "", "/".join(labels.get(name, "") for name in whose)
    name = labels.get("destination_workload") or labels.get("destination_service", "")
    return labels.get("destination_workload_namespace", ""), name


def _refuse_partial(reply: Reply) -> None:
    if reply.partial:
        raise UnclearError("a partial answer, it came with warnings")


def _instant(at: datetime, known: Mapping[datetime, object]) -> datetime:
    if at in known:
        return at
    for instant in known:
        if abs(instant - at) <= NEAR:
            return instant
    raise UnclearError("an answer for another time than was asked for")


def _enter(row: Row, part: str | None, le: str | None, value: float) -> None:
    if part == BAD:
        row.bad = value
    elif part == TOTAL and le in (None, "+Inf"):
        row.total = value
    elif part == TOTAL and le is not None:
        row.up_to[bound(le)] = value


@cache  # a mesh has twenty of them, an answer thousands
def bound(le: str) -> timedelta:
    """The bound that ``le`` names in milliseconds: ``500`` and ``500.0`` are the same."""
    try:
        return timedelta(milliseconds=float(le))
    except (ValueError, OverflowError) as error:
        raise UnclearError("a bucket whose bound is not a number") from error


def _page(
    at: datetime,
    cells: Mapping[_Place, Row],
    seen: Mapping[tuple[str, str], float],
    known: Iterable[Workload],
    spoilt: Iterable[tuple[datetime, Workload]],
) -> Page:
    page: dict[Workload, dict[str, Row]] = {workload: {} for workload in known}
    oldest = (at - FRESH).timestamp()
    for (workload, pod, instance), row in cells.items():
        if row.total < 0 or seen.get((pod, instance), oldest) < oldest:
            continue
        row.seen = seen.get((pod, instance), 0)
        rows = page[workload]
        name = pod or instance
        # A pod scraped at two ports counts once: the one that has seen more speaks.
        if name not in rows or row.total > rows[name].total:
            rows[name] = row
    bad = {workload for when, workload in spoilt if when == at}
    unclear = UnclearError("a counter that is not a whole number of requests")
    return {workload: unclear if workload in bad else rows for workload, rows in page.items()}


def counted(rows: Mapping[str, Row], revision: str) -> tuple[PodCount, ...]:
    """The pods' errors."""
    return tuple(
        PodCount(revision, pod, (min(round(row.total), round(row.bad)),), round(row.total))
        for pod, row in rows.items()
    )


def newest(pages: Iterable[Mapping[str, Row]]) -> datetime | None:
    """When the newest sample of ``pages`` was taken; None where that is not known."""
    seen = max((row.seen for page in pages for row in page.values()), default=0.0)
    try:
        return datetime.fromtimestamp(seen, UTC) if seen else None
    except (OverflowError, ValueError, OSError):
        return None  # no time that a calendar has


def slow(
    rows: Mapping[str, Row], revision: str, bounds: Sequence[timedelta]
) -> tuple[PodCount, ...]:
    """The pods' requests slower than each of ``bounds``.

    Errors: ``UnclearError`` when a pod has no such bucket.
    """
    return tuple(
        PodCount(revision, pod, _beyond(row, bounds), round(row.total)) for pod, row in rows.items()
    )


def _beyond(row: Row, bounds: Sequence[timedelta]) -> tuple[int, ...]:
    up_to, total = row.up_to, round(row.total)
    try:
        return tuple([max(0, total - round(up_to[bound])) for bound in bounds])
    except KeyError as missing:
        named = words(missing.args[0])
        raise UnclearError(f"pods have other buckets now, none ends at {named}") from missing


def own(reply: Reply, instants: Sequence[datetime]) -> dict[datetime, dict[str, Row]]:
    """By instant, the rows of a metric's own two counters, whatever labels its pods have.

    Errors: ``UnclearError``.
    """
    _refuse_partial(reply)
    if len(reply.series) > MOST_SERIES:
        raise UnclearError(f"{len(reply.series)} series, {MOST_SERIES} at most; sum by (pod)")
    found: dict[datetime, dict[str, Row]] = {at: {} for at in instants}
    for series in reply.series:
        name = _name(series.labels)
        for at, value in series.points:
            if not 0 <= value < MOST_COUNTED:
                raise UnclearError("a counter that is not a whole number of requests")
            row = found[_instant(at, found)].setdefault(name, Row())
            _enter(row, series.labels.get(PART), None, value)
    return {
        at: {name: row for name, row in rows.items() if row.total >= 0}
        for at, rows in found.items()
    }


def _name(labels: Mapping[str, str]) -> str:
    rest = sorted((k, v) for k, v in labels.items() if k != PART)
    return labels.get("pod") or labels.get("instance") or ",".join(f"{k}={v}" for k, v in rest)


def in_line(replies: Sequence[Reply]) -> Reply:
    """The replies to one query at several instants, as one to all of them.

    Two series with the same labels in one reply stay two: nobody knows which of them is true.
    """
    if len(replies) == 1:
        return replies[0]
    points: dict[tuple[frozenset[tuple[str, str]], int], tuple[tuple[datetime, float], ...]] = {}
    for reply in replies:
        twins: Counter[frozenset[tuple[str, str]]] = Counter()
        for one in reply.series:
            labels = frozenset(one.labels.items())
            key = labels, twins[labels]
            twins[labels] += 1
            points[key] = (*points.get(key, ()), *one.points)
    series = tuple(Series(dict(labels), found) for (labels, _), found in points.items())
    return Reply(series, partial=any(reply.partial for reply in replies))


def values(reply: Reply, instants: Sequence[datetime]) -> dict[datetime, float]:
    """The one number at each instant that has a usable one; the last of them must.

    Errors: ``UnclearError``, for an answer that is not exactly one finite series.
    """
    _refuse_partial(reply)
    if len(reply.series) != 1:
        found = f"{len(reply.series)} series" if reply.series else "nothing"
        hint = "" if reply.series else " (`or vector(0)` where nothing is none)"
        raise UnclearError(f"{found} came, one number is wanted{hint}")
    known: dict[datetime, object] = dict.fromkeys(instants)
    found_at = {_instant(at, known): value for at, value in reply.series[0].points}
    last = found_at.get(instants[-1])
    if last is None or not math.isfinite(last):
        raise UnclearError("no data" if last is None else f"{last} came, a finite number is wanted")
    return {at: value for at, value in found_at.items() if math.isfinite(value)}


def all_bounds(rows: Iterable[Mapping[str, Row]]) -> tuple[timedelta, ...]:
    """The bounds that every pod has, rising."""
    sets = [set(row.up_to) for page in rows for row in page.values()]
    return tuple(sorted(set.intersection(*sets))) if sets else ()


__all__ = [
    "FRESH",
    "Page",
    "Row",
    "Series",
    "UnclearError",
    "Workload",
    "all_bounds",
    "bound",
    "counted",
    "in_line",
    "newest",
    "own",
    "pages",
    "slow",
    "values",
]
