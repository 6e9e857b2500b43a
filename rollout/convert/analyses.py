"""What Argo judges a release by: templates, their arguments and metrics.

Source of the fields: argo-rollouts, ``pkg/apis/rollouts/v1alpha1/analysis_types.go``.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rollout import lenient
from rollout.convert import conditions, durations
from rollout.convert.fields import Fate, Fields, Log
from rollout.convert.result import label, names


@dataclass(slots=True)
class Templates:
    """The templates that a release uses, by name with their arguments, as its analyses are read.

    ``services``: those of the release that are ``gone``. ``nothing``: templates that are given
    and of which nothing is written.
    """

    services: frozenset[str]
    nothing: frozenset[str] = frozenset()
    args: dict[str, dict[str, str]] = field(default_factory=dict)

    def use(self, run: Fields) -> None:
        """``templates`` and ``args`` of an analysis of Argo's."""
        named = []
        for one in run.each("templates"):
            if lenient.text(one.peek("templateName")) in self.nothing:
                one.lost("templateName", f"{NO_METRIC}; none is written")
                one.lost("clusterScope", "as the template itself")
                continue
            name = one.converted("templateName", str, "spec.analysis.templates")
            if one.peek("clusterScope") is not None:
                how = "ours belong to a namespace: apply it in this one"
                one.changed("clusterScope", bool, how)
            if name:
                named.append(name)
        given = (pair for arg in run.each("args") for pair in argument(arg, self.services))
        args = {key: value for key, value in given if value}
        for name in named:
            self.args[name] = {**self.args.get(name, {}), **args}
        run.lost("dryRun", "write dryRun: true at each metric that it names")
        run.lost("measurementRetention", "nothing is kept beyond what a test needs")
        run.lost("analysisRunMetadata", "no run objects: evidence is in status.attempt.verdicts")

    def made(self) -> dict[str, Any]:
        """``analysis`` of ours; nothing where there are none."""
        uses = [{"name": n} | ({"args": a} if a else {}) for n, a in self.args.items()]
        return {"analysis": {"templates": uses}} if uses else {}


NO_METRIC = "none of its metrics asks Prometheus"


def nothing(objs: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """Names of the templates of Argo's among ``objs`` that have no metric of Prometheus."""
    return frozenset(
        names(obj)[0]
        for obj in objs
        if str(obj.get("kind")) in ("AnalysisTemplate", "ClusterAnalysisTemplate")
        and str(obj.get("apiVersion")).startswith("argoproj.io/")
        and not any(
            "prometheus" in one.sub("provider")
            for one in Fields.of(obj.get("spec"), "", Log("")).each("metrics")
        )
    )


def gone(spec: object) -> frozenset[str]:
    """The Services of a Rollout of Argo's that send to the new revision, and get no requests here.

    ``spec``: the Rollout's own, whatever its shape.
    """
    strategy = Fields.of(spec, "", Log("")).sub("strategy")
    canary, blue = strategy.sub("canary"), strategy.sub("blueGreen")
    stays = canary.peek("stableService") or canary.peek("canaryService")
    sides = canary.sub("pingPong")
    named = (
        *(canary.peek("canaryService"), blue.peek("previewService")),
        *(sides.peek("pingService"), sides.peek("pongService")),
    )
    return frozenset(name for name in named if isinstance(name, str) and name and name != stays)


def _asked(fields: Fields, key: str, kind: Any, where: str, services: frozenset[str]) -> Any:
    """What a metric is asked with; where it names one of ``services``, by itself or as a host."""
    text = str(fields.peek(key))
    for name in sorted(services):
        if re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", text):
            how = f"it names the Service {name}, which gets no requests any more"
            return fields.changed(key, kind, f"{how}: ask by workload, {{{{canary}}}}")
    return fields.converted(key, kind, where)


def argument(arg: Fields, services: frozenset[str]) -> list[tuple[str, str | None]]:
    """Name and value of an argument; a value from elsewhere is not known here."""
    name = arg.converted("name", str, "args")
    value = _asked(arg, "value", (str, int, float), "args", services)
    arg.lost("valueFrom", "write its value: pods, Secrets and fields are not read for arguments")
    return [(name, None if value is None else str(value))] if name else []


def metric(one: Fields, services: frozenset[str]) -> dict[str, Any] | None:
    """One number of Prometheus with limits; None for any other provider."""
    name = one.converted("name", str, "metrics.name")
    provider = one.sub("provider")
    prometheus = provider.sub("prometheus")
    if "prometheus" not in provider:
        for key in provider.value:
            provider.lost(key, "an HTTP gate (webhook of a step) may ask it; only Prometheus is")
        provider.rest()
        return None
    made: dict[str, Any] = {"name": label(str(name or "metric"))}
    query = _asked(prometheus, "query", str, "metrics.query", services)
    made["query"] = (query or "").strip()
    for key in ("address", "timeout", "insecure", "headers", "authentication", "rangeQuery"):
        prometheus.lost(key, "one Prometheus for all: the controller's --prometheus")
    limits = _limits(one)
    if limits is None:
        one.log.add(one.path, Fate.LOST, "no limit could be read: write min or max")
    else:
        made |= {k: v for k, v in (("min", limits.min), ("max", limits.max)) if v is not None}
    failures = one.converted("failureLimit", (int, str), "failures.total, one more")
    count = durations.seconds(failures)
    made["failures"] = {"total": (count or 0) + 1}
    one.lost("interval", "one interval for all: spec.analysis.interval")
    one.lost("count", "it is judged as long as the step lasts")
    one.lost("initialDelay", "spec.analysis.warmup loosens the beginning")
    one.lost("inconclusiveLimit", "what cannot be told holds, and asks after progressDeadline")
    one.lost("consecutiveSuccessLimit", "it is judged as long as the step lasts")
    one.lost("consecutiveErrorLimit", "no answer holds, and is never a failure")
    return made


def _limits(metric: Fields) -> conditions.Limits | None:
    limits = None
    for key, read in (
        ("successCondition", conditions.success),
        ("failureCondition", conditions.failure),
    ):
        text = metric.peek(key)
        if not isinstance(text, str):
            continue
        found = read(text)
        metric.ignored(key)
        if found is None:
            why = "is no comparison of one number: make the query give one, and write min or max"
            metric.log.add(metric.at(key), Fate.LOST, why)
            continue
        fate = Fate.CHANGED if found.loose else Fate.CONVERTED
        how = "min and max; the bound itself is fine" if found.loose else "min and max"
        metric.log.add(metric.at(key), fate, how)
        limits = limits or found
    return limits
