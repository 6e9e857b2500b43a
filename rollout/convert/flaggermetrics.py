"""What Flagger judges a release by: built-in checks, PromQL of its own and MetricTemplates.

Source of the fields: flagger, ``pkg/apis/flagger/v1beta1/canary.go`` and ``metric.go``; of their
meaning: docs.flagger.app, "Metrics Analysis".
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rollout import lenient
from rollout.convert import durations
from rollout.convert.fields import Fate, Fields, Log
from rollout.convert.result import label, neighbour

Json = Mapping[str, Any]

_PLACES = {"namespace": "{{namespace}}", "target": "{{canary}}", "service": "{{service}}"}
_VARIABLE = re.compile(r"\{\{\s*([A-Za-z0-9_.]+)\s*\}\}")
_OURS = frozenset({"{{stable}}", *_PLACES.values()})
_LEFT = re.compile(r"\{\{[^{}]{0,80}\}?\}?")
EVIDENCE = "judged by evidence from counted requests, not by a window's value"


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose metrics they are: the Canary's name, the Service and the Deployment that it names."""

    name: str
    host: str
    target: str
    beside: Sequence[Json]


def judged(analysis: Fields, subject: Subject, log: Log) -> dict[str, Any]:
    """``analysis`` of ours."""
    made: dict[str, Any] = {}
    interval = durations.seconds(analysis.changed("interval", (str, int), "of readings, and bake"))
    if interval:
        made["interval"] = durations.written(min(interval, 60))
    metrics = [
        one for each in analysis.each("metrics") if (one := _metric(each, subject, log)) is not None
    ]
    _threshold(analysis, metrics)
    for key in ("primaryReadyThreshold", "canaryReadyThreshold"):
        analysis.lost(key, "workload.minCanaryPods says how many pods must be ready")
    analysis.lost("alerts", "spec.notify: Slack or a signed webhook")
    return made | ({"metrics": metrics} if metrics else {})


def _threshold(analysis: Fields, metrics: Sequence[dict[str, Any]]) -> None:
    """Flagger counts rounds in which anything failed; we count the readings of each number."""
    limit = lenient.number(analysis.peek("threshold"))
    values = [one for one in metrics if "query" in one]
    for one in values:
        one["failures"] = {"total": max(1, limit)}
    if values:
        how = "failures.total of each query, counted apart; requests are judged by evidence"
        analysis.tell("threshold", Fate.CHANGED, how)
    else:
        analysis.lost("threshold", "requests are judged by evidence, not by failed checks")


def _metric(metric: Fields, subject: Subject, log: Log) -> dict[str, Any] | None:
    name = str(metric.converted("name", str, "spec.analysis.metrics") or "metric")
    own = "templateRef" in metric or "query" in metric
    if own or name not in _BUILT_IN:
        return _queried(metric, name, subject, log)
    metric.changed("interval", str, "counts are kept for the whole attempt")
    bound = _bound(metric, _BUILT_IN[name])
    if name == "request-success-rate":
        limit = {} if bound is None else {"successRate": {"min": f"{bound:g}%"}}
        return {"name": "errors", **limit}
    quantile = {} if bound is None else {"latency": {"quantile": 0.99, "max": f"{bound:g}ms"}}
    return {"name": "latency", **quantile}


_BUILT_IN = {"request-success-rate": "min", "request-duration": "max"}
"""Flagger's own checks, and which bound of a range each has."""


def _bound(metric: Fields, side: str) -> Any:
    """The one bound of a built-in check, from the range or from the older ``threshold``."""
    span = metric.sub("thresholdRange")
    where = {"min": "successRate.min", "max": "latency.max at the 99th percentile"}[side]
    found = span.changed(side, (int, float), f"{where}, {EVIDENCE}")
    span.lost({"min": "max", "max": "min"}[side], f"only its {side} has a counterpart")
    if "thresholdRange" in metric:
        metric.lost("threshold", "thresholdRange goes before it")
        return found
    return metric.changed("threshold", (int, float), f"{where}, {EVIDENCE}")


def _queried(metric: Fields, name: str, subject: Subject, log: Log) -> dict[str, Any] | None:
    """One number of Prometheus with its range; None where it would never be one."""
    query = _query(metric, subject, log)
    if query is None:
        metric.rest("the metric is not written: its query is not known")
        return None
    interval = metric.peek("interval")
    span = interval if isinstance(interval, str) else "1m"
    text, why = _filled(query, metric, span, subject)
    if why is not None:
        log.add(metric.path, Fate.LOST, why)
        metric.rest("the metric is not written")
        return None
    if re.search(r"\{\{\s*interval\s*\}\}", query):
        metric.converted("interval", str, "written into the query")
    else:
        metric.lost("interval", "its query does not name it: one interval for all readings")
    given = metric.sub("thresholdRange")
    limits = {key: given.converted(key, (int, float), key) for key in ("min", "max")}
    if "thresholdRange" in metric:
        metric.lost("threshold", "thresholdRange goes before it")
    else:
        limits["max"] = metric.converted("threshold", (int, float), "max")
    found = {key: value for key, value in limits.items() if value is not None}
    if not found:
        log.add(metric.path, Fate.LOST, "it has no bound: write min or max")
        return None
    return {"name": label(name), "query": text, **found}


def _query(metric: Fields, subject: Subject, log: Log) -> str | None:
    """Its own PromQL, or that of the MetricTemplate that it names."""
    if "templateRef" not in metric:
        query = metric.converted("query", str, "the metric's query")
        if not query:
            log.add(metric.path, Fate.LOST, "not known, and without a query of its own")
        return str(query) if query else None
    metric.lost("query", "templateRef goes before it")
    ref = metric.sub("templateRef")
    name, namespace = str(ref.peek("name") or ""), str(ref.peek("namespace") or "")
    ref.plain("namespace")
    found = neighbour(subject.beside, "MetricTemplate", name, namespace)
    spec = found.get("spec") if found else None
    text = spec.get("query") if isinstance(spec, dict) else None
    if not isinstance(text, str):
        ref.lost("name", f"give the MetricTemplate {name}, too: its query is needed")
        return None
    provider = spec.get("provider") if isinstance(spec, dict) else None
    kind = provider.get("type") if isinstance(provider, dict) else None
    if kind != "prometheus":
        ref.lost("name", f"{kind} is not asked; only Prometheus is")
        return None
    ref.changed("name", str, "its query is written here")
    return text


def _filled(query: str, metric: Fields, span: str, subject: Subject) -> tuple[str, str | None]:
    """``query`` with our places for Flagger's, and why it would never be answered, or None.

    Flagger's primary is our stable Deployment; its canary Deployment has the target's own name.
    """
    variables = metric.converted("templateVariables", dict, "written into the query") or {}

    def place(match: re.Match[str]) -> str:
        name = match[1]
        _, dot, variable = name.partition("variables.")
        if dot and variable in variables:
            return str(variables[variable])
        literal = {"interval": span, "name": subject.name}
        return literal.get(name) or _PLACES.get(name, match[0])

    text = _VARIABLE.sub(place, query).strip().replace("{{canary}}-primary", "{{stable}}")
    if subject.target:
        named = re.escape(subject.target)
        by_name = rf'((?:workload|deployment)[a-z_]{{0,40}}\s*=~?\s*"){named}(-primary)?(")'
        text = re.sub(by_name, _by_role, text)
    unknown = [part for part in _LEFT.findall(text) if part not in _OURS]
    if unknown:
        return text, f"{unknown[0]} has no counterpart here: write its value"
    for side in ("primary", "canary"):
        for front in {subject.host, "{{service}}", subject.target} - {""}:
            if re.search(rf"(?<![\w.-]){re.escape(front)}-{side}(?![\w-])", text):
                gone = f"it names {front}-{side}, which is gone after the hand-over"
                return text, f"{gone}: ask by workload, {{{{canary}}}} or {{{{stable}}}}"
    return text, None


def _by_role(match: re.Match[str]) -> str:
    return f"{match[1]}{{{{{'stable' if match[2] else 'canary'}}}}}{match[3]}"
