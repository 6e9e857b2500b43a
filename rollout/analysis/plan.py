"""Which counters and values a rollout's metrics need, and how each is to be judged."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from functools import lru_cache

from rollout.analysis import buckets, query, sequential
from rollout.analysis.evidence import Line
from rollout.analysis.sequential import LOOSE, LOOSE_SLOW, SLOW_BETS, Outcome
from rollout.analysis.standing import Confidence
from rollout.analysis.window import Journey, Window
from rollout.model.observation import Counting, View
from rollout.model.spec import (
    OF_TEMPLATE,
    PER_SIDE,
    UNREACHED,
    Analysis,
    AnalysisTemplateSpec,
    Metric,
    TemplateUse,
)

ERRORS_KEY, SLOW_KEY = "errors", "slow"
DEFAULT_ERRORS, DEFAULT_SLOW = sequential.ERRORS.line, sequential.slow("slow").line


class Kind(StrEnum):
    """How a metric is judged."""

    COUNTS = "counts"  # by evidence
    VALUE = "value"  # by readings against limits
    SERVICE = "service"  # by strikes, of clients' requests that reached neither side
    BROKEN = "broken"  # not at all, and so nothing passes


@dataclass(frozen=True, slots=True)
class Judged:
    """One metric, made ready: arguments filled in, the source of its counters named.

    ``source``: metrics with the same counters share one; empty for a value.
    ``line``: the worst tolerable canary; of no meaning for a value.
    ``problem``: why it cannot be asked for.
    """

    metric: Metric
    kind: Kind
    source: str = ""
    counting: Counting = Counting.CUSTOM
    line: Line = DEFAULT_ERRORS
    harm: float = sequential.ERRORS.harm
    loose: float = LOOSE
    problem: str = ""

    @property
    def name(self) -> str:
        """The metric's name."""
        return self.metric.name

    def wanted(self) -> tuple[timedelta, ...]:
        """The latency bounds asked for; empty: to be chosen from stable's own."""
        if self.metric.latency is not None:
            return (self.metric.latency.max,)
        return self.metric.slower_than

    def outcomes(self, bounds: tuple[timedelta, ...]) -> tuple[Outcome, ...]:
        """What is weighed for it: one outcome per bound of a latency, else one in all."""
        slow = self.counting is Counting.SLOW
        return _outcomes(self.name, self.line, self.harm, self.loose, bounds if slow else None)


@lru_cache(1024)  # every look asks for the same ones, and their names are slow to write
def _outcomes(
    metric: str, line: Line, harm: float, loose: float, bounds: tuple[timedelta, ...] | None
) -> tuple[Outcome, ...]:
    if bounds is None:
        return (Outcome(metric, metric, line, harm, loose),)
    return tuple(
        Outcome(
            f"{metric}>{buckets.name(bound)}", metric, line, harm, loose, SLOW_BETS, outage=False
        )
        for bound in bounds
    )


def judged(journey: Journey, step_metrics: Iterable[Metric], window: Window) -> tuple[Judged, ...]:
    """Every metric in force, in order: the journey's, its templates', the step's.

    Of two with the same name the later one counts.
    """
    analysis = journey.analysis
    known = _variables(journey, window)
    metrics = [_judged(metric, analysis, known) for metric in analysis.metrics]
    metrics += [one for use in analysis.templates for one in _of_template(journey, use, known)]
    metrics += [_judged(metric, analysis, known) for metric in step_metrics]
    meshed = window.view is not View.GATEWAY and not window.mirrored and not window.sides
    if meshed and any(m.source == ERRORS_KEY for m in metrics):
        metrics.append(_UNREACHED)
    return tuple({one.name: one for one in metrics}.values())


_UNREACHED = Judged(Metric(UNREACHED), Kind.SERVICE, UNREACHED, Counting.UNREACHED)
"""Comes with every judgement of one service's errors: what no server saw, none has counted."""


def _variables(journey: Journey, window: Window) -> dict[str, str]:
    """What ``{{…}}`` may name in a metric's own PromQL, besides its template's arguments."""
    return {
        "namespace": window.namespace,
        "service": journey.service,
        "host": journey.host,
        "stable": window.workload(window.stable),
        "canary": window.workload(window.canary),
    }


def _of_template(journey: Journey, use: TemplateUse, known: Mapping[str, str]) -> Iterable[Judged]:
    template = journey.templates.get(use.name)
    if not isinstance(template, AnalysisTemplateSpec):
        missing = f"AnalysisTemplate {use.name!r} is not there"
        problem = template.problem if template else missing
        return [Judged(Metric(f"{OF_TEMPLATE}{use.name}"[:63]), Kind.BROKEN, problem=problem)]
    args = {**template.args, **use.args}
    given = {f"args.{name}": value for name, value in args.items() if value is not None}
    return [_of(use, metric, journey.analysis, {**known, **given}) for metric in template.metrics]


def _of(use: TemplateUse, metric: Metric, analysis: Analysis, known: Mapping[str, str]) -> Judged:
    """One metric of a template, which may want an argument that nobody gave."""
    texts = (text for text in (metric.query, metric.bad, metric.total) if text)
    wanted = (name for text in texts for name in query.names(text))
    for name in wanted:
        if name.startswith("args.") and name not in known:
            problem = f"{{{{{name}}}}} is not given; template {use.name} wants it"
            return Judged(metric, Kind.BROKEN, problem=problem)
    return _judged(metric, analysis, known)


def _judged(metric: Metric, analysis: Analysis, known: Mapping[str, str]) -> Judged:
    if metric.counts_requests:
        return _kind(metric, analysis)
    try:
        metric = replace(
            metric,
            query=metric.query and query.fill(metric.query, known),
            bad=metric.bad and query.fill(metric.bad, known, left=PER_SIDE),
            total=metric.total and query.fill(metric.total, known, left=PER_SIDE),
        )
    except query.TemplateError as error:
        return Judged(metric, Kind.BROKEN, problem=str(error))
    return _kind(metric, analysis)


def _kind(metric: Metric, analysis: Analysis) -> Judged:
    harm = analysis.confidence.harm_cap
    if metric.query is not None:
        return Judged(metric, Kind.VALUE)
    if metric.latency is not None or metric.name == "latency":
        line = _line(metric, DEFAULT_SLOW)
        return Judged(metric, Kind.COUNTS, SLOW_KEY, Counting.SLOW, line, harm.slow, LOOSE_SLOW)
    line = _line(metric, DEFAULT_ERRORS)
    if metric.bad is not None:
        source = f"custom/{metric.name}"
        return Judged(metric, Kind.COUNTS, source, Counting.CUSTOM, line, harm.errors)
    return Judged(metric, Kind.COUNTS, ERRORS_KEY, Counting.ERRORS, line, harm.errors)


def confidence(analysis: Analysis, part: float = 1.0) -> Confidence:
    """What ``analysis`` asks for; ``part``: of the error budget, for some of the metrics."""
    asked = analysis.confidence
    return Confidence(asked.false_rollback * part, asked.false_promote, analysis.min_requests)


def _line(metric: Metric, default: Line) -> Line:
    if metric.latency is not None:
        return Line(0, 1 - metric.latency.quantile)
    if metric.success_rate is not None:
        return Line(0, 1 - metric.success_rate.min)
    if metric.tolerate is not None:
        return Line(metric.tolerate.ratio, metric.tolerate.absolute)
    return default
