"""The forms a metric can have, and what goes with which; over plain values."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rollout import lenient
from rollout.manifest import plain, promql
from rollout.manifest.scan import Mistake, Path, show
from rollout.model.spec import OF_TEMPLATE, PER_SIDE, PLACES, UNREACHED

_BUILT_IN = ("errors", "latency")


def of(value: object, path: Path, arguments: Mapping[str, Any] | None = None) -> Iterator[Mistake]:
    """What is wrong with a list of metrics; each must have one form and no more.

    ``arguments``: of the template that the metrics are in; None: they are in no template.
    """
    yield from plain.twice(lenient.items(value), path, "metric")
    for index, metric in enumerate(lenient.items(value)):
        if isinstance(metric, Mapping):
            yield from _metric(metric, (*path, index))
            for field in ("query", "bad", "total"):
                yield from _text(metric.get(field), (*path, index, field), arguments)


def _text(text: object, path: Path, arguments: Mapping[str, Any] | None) -> Iterator[Mistake]:
    if not isinstance(text, str):
        return
    if why := promql.wrong(text):
        yield Mistake(path, why, "PromQL is wanted")
    known = [*PLACES, *(sorted(PER_SIDE) if path[-1] != "query" else ())]
    for name in promql.unknown(text, known):
        of_template = name.startswith("args.")
        if of_template and arguments is not None:
            continue  # which arguments there are, a template's own rule says
        found = f"uses {{{{{name[:40]}}}}}, which nobody fills in"
        wanted = ", ".join(known)
        if of_template:
            yield Mistake(path, found, "arguments belong to an AnalysisTemplate")
        else:
            yield Mistake(path, found, _near(name, known) or f"known are {wanted}")


def _near(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, 1, 0.6)
    return f"did you mean {{{{{near[0]}}}}}?" if near else ""


def _metric(metric: Mapping[str, Any], path: Path) -> Iterator[Mistake]:
    name, forms = metric.get("name"), _forms(metric)
    if isinstance(name, str) and (name == UNREACHED or name.startswith(OF_TEMPLATE)):
        yield Mistake((*path, "name"), f"is {show(name)}", "that name is for verdicts of our own")
    if len(forms) > 1:
        yield Mistake(path, f"has {' and '.join(forms)}", "one of them is wanted")
    elif not forms and name not in _BUILT_IN:
        wanted = "one of successRate, latency, bad with total, query; or the name errors or latency"
        yield Mistake(path, f"{show(name)} says nothing to measure", wanted)
    if ("bad" in metric) != ("total" in metric):
        yield Mistake(path, "has one of bad and total", "both counters are wanted")
    yield from _limits(metric, path, forms)
    bounds = [plain.time(bound) for bound in lenient.items(metric.get("slowerThan"))]
    known = [bound for bound in bounds if bound is not None]
    if known != sorted(set(known)):
        yield Mistake((*path, "slowerThan"), "does not rise", "each bound once, lowest first")
    if known and (forms or name != "latency"):
        yield Mistake((*path, "slowerThan"), "has no use here", "it belongs to the metric latency")


def _limits(metric: Mapping[str, Any], path: Path, forms: list[str]) -> Iterator[Mistake]:
    least = lenient.mapping(metric.get("successRate")).get("min")
    if isinstance(least, float) and 0 < least < 1:
        wanted = f"a percentage such as {100 * least:.6g}% is wanted, not a share of one"
        yield Mistake((*path, "successRate", "min"), f"is {show(least)}", wanted)
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
