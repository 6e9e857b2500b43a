"""What Argo judges a release by: templates, their arguments and metrics.

Source of the fields: argo-rollouts, ``pkg/apis/rollouts/v1alpha1/analysis_types.go``.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rollout.convert import conditions
from rollout.convert.fields import Fate, Fields, Log
from rollout.convert.result import label, names


@dataclass(slots=True)
class Templates:
    """The templates that a release uses, by name with their arguments, as its analyses are read.

    ``services``: those of the release that are ``gone``. ``beside``: the objects given with it.
    """

    services: frozenset[str]
    beside: Sequence[Mapping[str, Any]] = ()
    args: dict[str, dict[str, str]] = field(default_factory=dict)

    def use(self, run: Fields) -> None:
        """``templates`` and ``args`` of an analysis of Argo's."""
        args: dict[str, str | None] = {}
        for arg in run.each("args"):
            args |= argument(arg, self.services)
        for one in run.each("templates"):
            name = one.peek("templateName")
            why = self._unanswered(name, args) if isinstance(name, str) else None
            if why is not None:
                one.lost("templateName", why)
                one.lost("clusterScope", "as the template itself")
                continue
            one.converted("templateName", str, "spec.analysis.templates")
            how = "ours belong to a namespace: apply it in this one"
            one.changed("clusterScope", bool, how)
            if isinstance(name, str) and name:
                template = _named(self.beside, name)
                said = {
                    key: value
                    for key, value in args.items()
                    if value is not None and (template is None or uses(template, key))
                }
                self.args[name] = {**self.args.get(name, {}), **said}
        run.lost("dryRun", "write dryRun: true at each metric that it names")
        run.lost("measurementRetention", "nothing is kept beyond what a test needs")
        run.lost("analysisRunMetadata", "no run objects: evidence is in status.attempt.verdicts")

    def made(self) -> dict[str, Any]:
        """``analysis`` of ours; nothing where there are none."""
        uses = [{"name": n} | ({"args": a} if a else {}) for n, a in self.args.items()]
        return {"analysis": {"templates": uses}} if uses else {}

    def _unanswered(self, name: str, args: Mapping[str, str | None]) -> str | None:
        """Why that template would say nothing, with these arguments; None where it may."""
        template = _named(self.beside, name)
        if template is None:
            lacking = [key for key, value in args.items() if value is None]
            return f"{_LACKS} {lacking[0]}" if lacking else None
        spec = Fields.of(template.get("spec"), "", Log(""))
        if not any(metric(one, self.services) for one in spec.each("metrics")):
            return f"{NO_METRIC}; none is written"
        known: dict[str, str | None] = {}
        for arg in spec.each("args"):
            known |= argument(arg, self.services)
        known |= {
            key: value for key, value in args.items() if value is not None or key not in known
        }
        metrics = spec.peek("metrics")
        unknown = (key for key, value in known.items() if value is None and uses(metrics, key))
        argument_name = next(unknown, None)
        return None if argument_name is None else f"{_LACKS} {argument_name}"


NO_METRIC = "none of its metrics asks Prometheus for what there is"
_LACKS = "it would never be answered: write it by workload, {{canary}}, without its argument"


def _named(objs: Sequence[Mapping[str, Any]], name: str) -> Mapping[str, Any] | None:
    return next(
        (
            obj
            for obj in objs
            if str(obj.get("kind")) in ("AnalysisTemplate", "ClusterAnalysisTemplate")
            and str(obj.get("apiVersion")).startswith("argoproj.io/")
            and names(obj)[0] == name
        ),
        None,
    )


def uses(part: object, name: object) -> bool:
    """Whether a text in ``part`` of a template, of Argo's or of ours, names that argument."""
    text = json.dumps(part, default=str)
    return re.search(rf"\{{\{{\s*args\.{re.escape(str(name))}\s*\}}\}}", text) is not None


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


def _dead(value: object, services: frozenset[str]) -> str | None:
    """Why what asks by it gets no answer: it names one of ``services``, by itself or as a host."""
    for name in sorted(services):
        if re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", str(value)):
            return f"it names the Service {name}, which gets no requests any more"
    return None


def argument(arg: Fields, services: frozenset[str]) -> dict[str, str | None]:
    """Name and value of an argument; None where what asks by it would get no answer."""
    name = arg.converted("name", str, "args")
    dead = _dead(arg.peek("value"), services)
    if dead is not None:
        arg.lost("value", f"{dead}: ask by workload, {{{{canary}}}}")
        value = None
    else:
        value = arg.converted("value", (str, int, float), "args")
    arg.lost("valueFrom", "write its value: pods, Secrets and fields are not read for arguments")
    return {name: None if value is None else str(value)} if name else {}


def metric(
    one: Fields, services: frozenset[str], dry: frozenset[str] = frozenset()
) -> dict[str, Any] | None:
    """One number of Prometheus with limits; None where it would never be one.

    ``dry``: names of those that are only looked at.
    """
    provider = one.sub("provider")
    prometheus = provider.sub("prometheus")
    dead = _dead(prometheus.peek("query"), services)
    if "prometheus" not in provider or dead is not None:
        _not_written(one, dead)
        return None
    name = one.converted("name", str, "metrics.name")
    made: dict[str, Any] = {"name": label(str(name or "metric"))}
    made["query"] = (prometheus.converted("query", str, "metrics.query") or "").strip()
    for key in ("address", "timeout", "insecure", "headers", "authentication", "rangeQuery"):
        prometheus.lost(key, "one Prometheus for all: the controller's --prometheus")
    limits = _limits(one)
    if limits is None:
        one.log.add(one.path, Fate.LOST, "no limit could be read: write min or max")
    else:
        made |= {k: v for k, v in (("min", limits.min), ("max", limits.max)) if v is not None}
    made |= _failures(one)
    one.lost("interval", "one interval for all: spec.analysis.interval")
    one.lost("count", "it is judged as long as the step lasts")
    one.lost("initialDelay", "spec.analysis.warmup loosens the beginning")
    one.lost("inconclusiveLimit", "what cannot be told holds, and asks after progressDeadline")
    one.lost("consecutiveSuccessLimit", "it is judged as long as the step lasts")
    one.lost("consecutiveErrorLimit", "no answer holds, and is never a failure")
    return made | ({"dryRun": True} if name in dry else {})


def _not_written(one: Fields, dead: str | None) -> None:
    """What is said of a metric of another provider, or of one that gets no answer."""
    why = f"{dead}: ask by workload, {{{{canary}}}}" if dead else "its query is not Prometheus'"
    provider = one.sub("provider")
    if dead is None:
        for key in provider.value:
            provider.lost(key, "an HTTP gate (webhook of a step) may ask it; only Prometheus is")
    else:
        provider.sub("prometheus").lost("query", why)
    one.rest(f"the metric is not written: {why}")


def _failures(one: Fields) -> dict[str, Any]:
    """``failures`` of ours: one more than Argo lets pass; a limit below 0 lets all pass."""
    limit = one.peek("failureLimit")
    if isinstance(limit, str) and re.fullmatch(r"-?\d{1,9}", limit, re.ASCII):
        limit = int(limit)
    if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool)):
        one.lost("failureLimit", "is no number: write failures.total; one failure is enough now")
        limit = 0
    elif limit is not None and limit < 0:
        one.tell("failureLimit", Fate.CHANGED, "dryRun: true, as no failure would count")
        return {"dryRun": True}
    how = "failures.total, one more; read each analysis.interval, not at its own"
    one.tell("failureLimit", Fate.CHANGED, how)
    return {"failures": {"total": (limit or 0) + 1}}


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
        if found is None:
            why = "is no comparison of one number: make the query give one, and write min or max"
            metric.lost(key, why)
        elif limits is not None:
            why = "what is no success fails here; between the two Argo cannot tell"
            metric.lost(key, why)
        else:
            metric.tell(key, *_limited(found))
            limits = found
    return limits


def _limited(found: conditions.Limits) -> tuple[Fate, str]:
    if found.silent:
        return Fate.CHANGED, "min and max; no data holds, and is neither fine nor a failure"
    if found.loose:
        return Fate.CHANGED, "min and max; the bound itself is fine"
    return Fate.CONVERTED, "min and max"
