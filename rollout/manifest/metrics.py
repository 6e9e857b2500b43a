"""The forms a metric can have, and what goes with which; over plain values."""

from collections.abc import Iterator, Mapping
from typing import Any

from rollout.manifest import plain
from rollout.manifest.scan import Mistake, Path, show

_BUILT_IN = ("errors", "latency")


def of(value: object, path: Path) -> Iterator[Mistake]:
    """What is wrong with a list of metrics; each must have one form and no more."""
    yield from plain.twice(plain.items(value), path, "metric")
    for index, metric in enumerate(plain.items(value)):
        if isinstance(metric, Mapping):
            yield from _metric(metric, (*path, index))


def _metric(metric: Mapping[str, Any], path: Path) -> Iterator[Mistake]:
    name, forms = metric.get("name"), _forms(metric)
    if len(forms) > 1:
        yield Mistake(path, f"has {' and '.join(forms)}", "one of them is wanted")
    elif not forms and name not in _BUILT_IN:
        wanted = "one of successRate, latency, bad with total, query; or the name errors or latency"
        yield Mistake(path, f"{show(name)} says nothing to measure", wanted)
    if ("bad" in metric) != ("total" in metric):
        yield Mistake(path, "has one of bad and total", "both counters are wanted")
    yield from _limits(metric, path, forms)
    bounds = [plain.time(bound) for bound in plain.items(metric.get("slowerThan"))]
    known = [bound for bound in bounds if bound is not None]
    if known != sorted(set(known)):
        yield Mistake((*path, "slowerThan"), "does not rise", "each bound once, lowest first")
    if known and (forms or name != "latency"):
        yield Mistake((*path, "slowerThan"), "has no use here", "it belongs to the metric latency")


def _limits(metric: Mapping[str, Any], path: Path, forms: list[str]) -> Iterator[Mistake]:
    low, high = metric.get("min"), metric.get("max")
    limits = [side for side in ("min", "max") if metric.get(side) is not None]
    if "query" in forms and not limits:
        yield Mistake(path, "has a query and no limit", "min, max or both are wanted")
    if "query" not in forms:
        for side in limits:
            yield Mistake((*path, side), "has no query to limit", "it belongs to query")
    if isinstance(low, int | float) and isinstance(high, int | float) and low > high:
        yield Mistake((*path, "min"), f"is {low}, more than max ({high})", "min below max")
    if metric.get("tolerate") is not None and forms and forms != ["bad with total"]:
        found = f"is not used: {forms[0]} judges the canary alone"
        yield Mistake((*path, "tolerate"), found, "leave it out")


def _forms(metric: Mapping[str, Any]) -> list[str]:
    forms = [form for form in ("successRate", "latency", "query") if metric.get(form) is not None]
    counters = metric.get("bad") is not None or metric.get("total") is not None
    return [*forms, "bad with total"] if counters else forms
