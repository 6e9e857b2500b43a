"""What must be asked of Prometheus before a canary can be judged; see ``judge`` for the answers.

Three things in turn: whose counters there are and which latency buckets (once), stable's last
hour (once), and the counters at every instant since the last look, however long ago that was.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from rollout.analysis import grid, memory, plan
from rollout.analysis.memory import Memory, Source
from rollout.analysis.plan import Judged, Kind
from rollout.analysis.window import Journey, Window
from rollout.model.observation import Counting, CountsQuestion, ValueQuestion, View
from rollout.model.spec import UNREACHED, Metric

PROBED = (View.SOURCE, View.DESTINATION)
"""Whose counters are looked for where nobody said whose; the first that there are count."""

HISTORY_TRIES = 3  # looks that may pass before we judge without stable's last hour, and say so


def questions(
    journey: Journey,
    step_metrics: tuple[Metric, ...],
    window: Window,
    checkpoint: Mapping[str, Any],
    now: datetime,
) -> tuple[tuple[CountsQuestion, ...], tuple[ValueQuestion, ...]]:
    """Everything that ``judge`` needs to see at ``now``; nothing that it has seen already."""
    metrics = plan.judged(journey, step_metrics, window)
    interval = journey.analysis.interval
    kept = in_view(memory.recall(checkpoint, now), journey, window)
    latest = grid.latest(now, interval)
    counts = tuple(
        question
        for one in by_source(metrics).values()
        for question in _counts(one, kept, window, latest, interval)
    )
    values = tuple(
        ValueQuestion(one.name, one.metric.query or "", instant)
        for one in metrics
        if one.kind is Kind.VALUE
        for instant in _unseen(kept.strikes.get(one.name), window, latest, interval)
    )
    service = tuple(
        question
        for one in metrics
        if one.kind is Kind.SERVICE and kept.view is View.SOURCE
        for question in _service(journey.host, kept, window, latest, interval)
    )
    return (*counts, *service), values


def by_source(metrics: Iterable[Judged]) -> dict[str, Judged]:
    """One metric for every source of counters; each is asked for once."""
    return {one.source: one for one in metrics if one.kind is Kind.COUNTS}


def in_view(kept: Memory, journey: Journey, window: Window) -> Memory:
    """``kept``, without the counters of another view: gateways and pods count apart."""
    reporter = journey.analysis.reporter
    view = kept.view
    if window.view is not None:
        view = window.view
    elif window.mirrored or reporter == "destination":
        view = View.DESTINATION
    elif reporter == "source":
        view = View.SOURCE
    if view is kept.view:
        return kept
    strange = [key for key, source in kept.sources.items() if source.view not in (None, view)]
    return replace(kept, view=view, sources={**kept.sources, **dict.fromkeys(strange, Source())})


def probe(key: str, view: View) -> str:
    """The name under which it is asked which counters and buckets there are in ``view``."""
    return f"{key}?{view.value}"


def _counts(
    one: Judged, kept: Memory, window: Window, latest: datetime, interval: timedelta
) -> Iterable[CountsQuestion]:
    source = kept.source(one.source)
    view = kept.view or View.DESTINATION
    if one.counting is not Counting.CUSTOM and kept.view is None:
        for each in PROBED:
            yield _about(one, window, (latest,), each, metric=probe(one.source, each))
    elif one.counting is Counting.SLOW and not source.bounds:
        yield _about(one, window, (latest,), view, metric=probe(one.source, view))
    else:
        if source.tempers is None and window.comparing:
            hour = grid.hour_before(window.since, interval)
            yield _about(one, window, hour, view, bounds=source.bounds)
        base = window.base(interval)
        if instants := _instants(source.tally.at, base, latest, interval):
            yield _about(one, window, instants, view, bounds=source.bounds)


def _about(
    one: Judged,
    window: Window,
    instants: tuple[datetime, ...],
    view: View,
    *,
    metric: str = "",
    bounds: tuple[timedelta, ...] = (),
) -> CountsQuestion:
    """The counters of both roles for ``one``, or for the ``metric`` that probes for them."""
    return CountsQuestion(
        metric=metric or one.source,
        counting=one.counting,
        view=view,
        instants=instants,
        namespace=window.namespace,
        workloads=_pair(window),
        sides=window.sides,
        bounds=bounds,
        bad=one.metric.bad or "",
        total=one.metric.total or "",
    )


def _service(
    host: str, kept: Memory, window: Window, latest: datetime, interval: timedelta
) -> Iterable[CountsQuestion]:
    """Client-side failures of the whole service, which only clients can have counted."""
    source = kept.source(UNREACHED)
    workloads = {"": host}
    ask = CountsQuestion(UNREACHED, Counting.UNREACHED, View.SOURCE, (latest,), "", workloads)
    if source.tempers is None:
        yield replace(ask, instants=grid.hour_before(window.since, interval))
    base = grid.first(window.since, interval)
    asked = _instants(source.tally.at, base, latest, interval)
    if instants := tuple(at for at in asked if at >= base):  # none before counts for its window
        yield replace(ask, instants=instants)


def _pair(window: Window) -> dict[str, str]:
    return {name: window.workload(name) for name in (window.stable, window.canary)}


def _unseen(
    strikes: memory.Strikes | None, window: Window, latest: datetime, interval: timedelta
) -> tuple[datetime, ...]:
    base = grid.first(window.since, interval)
    return _instants(strikes.at if strikes else None, base, latest, interval)


def _instants(
    last: datetime | None, base: datetime, latest: datetime, interval: timedelta
) -> tuple[datetime, ...]:
    """Those after the ``last`` that was counted; from ``base`` on where none was yet."""
    return grid.after(last + interval if last else base, latest, interval)
