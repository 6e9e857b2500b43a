"""Flagger: Canary and MetricTemplate.

Source of the fields: flagger, ``pkg/apis/flagger/v1beta1/canary.go`` and ``metric.go``; of their
meaning: docs.flagger.app, "How it works", "Metrics Analysis", "Webhooks".
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from rollout import lenient
from rollout.convert import durations
from rollout.convert.fields import Fate, Fields, Log
from rollout.convert.result import Conversion, label, names, neighbour, ours, running, told

Json = Mapping[str, Any]
GROUP = "flagger.app/"

HANDOVER = (
    "suspend Flagger for it: spec.suspend: true in the Canary; no analysis may be under way",
    "apply our Rollout: its Deployment has the labels of NAME's own pods, which Flagger scaled to "
    "0; wait until its pods are ready",
    "let the Service NAME select those labels instead of NAME-primary's, and apply our "
    "VirtualService in place of Flagger's, in one commit; wait for Healthy (rollout wait OBJECT)",
    "delete the Canary (without revertOnDeletion its objects stay), then NAME-primary and the "
    "Services NAME-primary and NAME-canary",
    "the way back until then: put the Service and the VirtualService back, and suspend: false",
)
_SERVICE = ("retries", "timeout", "headers", "corsPolicy", "rewrite")
"""What Flagger writes into each route of the VirtualService that it makes."""
_PLACES = {"namespace": "{{namespace}}", "target": "{{canary}}", "service": "{{service}}"}
_VARIABLE = re.compile(r"\{\{\s*([A-Za-z0-9_.]+)\s*\}\}")


def canary(obj: Json, beside: Sequence[Json]) -> Conversion:
    """Flagger's Canary; ``beside``: the other objects given: Deployments, MetricTemplates."""
    name, namespace = names(obj)
    log = Log(f"Canary {name}")
    whole = Fields.of(obj, "", log)
    whole.ignored("apiVersion", "kind", "metadata", "status")
    spec = whole.sub("spec")
    service = spec.sub("service")
    host = service.converted("name", str, "spec.service") or _target(spec)
    made: dict[str, Any] = {"service": host, "workload": _workload(spec, namespace, beside, log)}
    routes = _routes(service, host, namespace)
    analysis = spec.sub("analysis") if "analysis" in spec else spec.sub("canaryAnalysis")
    made |= _journey(analysis, log)
    made["analysis"] = _judged(analysis, beside, log)
    _gates(analysis, made)
    deadline = spec.converted("progressDeadlineSeconds", int, "spec.progressDeadline")
    if deadline:
        made["progressDeadline"] = durations.written(deadline)
    spec.changed("provider", str, "Istio is the only one")
    spec.changed("revertOnDeletion", bool, "deletion always gives the routes back")
    spec.lost("skipAnalysis", "rollout promote takes everyone at once")
    spec.lost("suspend", "rollout pause")
    spec.lost("metricsServer", "one Prometheus for all: the controller's --prometheus")
    for key in ("ingressRef", "routeRef", "upstreamRef"):
        spec.lost(key, "only Istio's VirtualServices are driven")
    whole.rest()
    objs = (*routes, ours("Rollout", name, namespace, made))
    return Conversion(objs, tuple(log.notes), told(HANDOVER, name, namespace))


def template(obj: Json) -> Conversion:
    """A MetricTemplate: its query goes into each Rollout that uses it."""
    log = Log(f"MetricTemplate {names(obj)[0]}")
    how = "its query is written into each Rollout that uses it"
    log.add("spec.query", Fate.CHANGED, how)
    provider = Fields.of(obj.get("spec"), "spec", log).sub("provider")
    kind = provider.peek("type")
    if kind != "prometheus":
        log.add("spec.provider.type", Fate.LOST, f"{kind} is not asked; only Prometheus is")
    else:
        provider.ignored("type")
    for key in ("address", "secretRef", "insecureSkipVerify", "region", "headers"):
        provider.lost(key, "one Prometheus for all: the controller's --prometheus")
    provider.rest()
    return Conversion((), tuple(log.notes))


def _target(spec: Fields) -> str:
    target = spec.peek("targetRef")
    return str(target.get("name") or "") if isinstance(target, dict) else ""


def _workload(spec: Fields, namespace: str, beside: Sequence[Json], log: Log) -> dict[str, Any]:
    target = spec.sub("targetRef")
    target.plain("apiVersion")
    kind = target.converted("kind", str, "spec.workload.template")
    name = target.changed(
        "name", str, "its spec is copied to spec.workload.template; ours from now"
    )
    found = neighbour(beside, str(kind), str(name), namespace)
    template = found.get("spec") if found else None
    workload: dict[str, Any] = {}
    if kind != "Deployment":
        log.add(target.at("kind"), Fate.LOST, f"{kind}: only Deployments are released")
    if isinstance(template, dict):
        workload["template"] = running(template, target.at("name"), log)
    else:
        why = f"give the manifest of {name}, too: its pods are needed"
        log.add(target.at("name"), Fate.LOST, why)
        workload["template"] = {}
    if "autoscalerRef" in spec:
        ref = spec.sub("autoscalerRef")
        ref.plain("apiVersion")
        scaler = ref.converted("name", str, "spec.workload.autoscaler.name")
        if ref.peek("kind") == "HorizontalPodAutoscaler" and scaler:
            ref.ignored("kind")
            workload["autoscaler"] = {"name": scaler}
        else:
            ref.lost("kind", "only a HorizontalPodAutoscaler follows the release")
        ref.lost("primaryScalerReplicas", "the autoscaler's own bounds stay as they are")
        ref.lost("primaryScalerQueries", "the autoscaler's own bounds stay as they are")
    return workload


# Routes


def _routes(service: Fields, host: str, namespace: str) -> tuple[dict[str, Any], ...]:
    """The VirtualService that Flagger made by itself; here it is the team's."""
    where = f"VirtualService {host}"
    hosts = service.converted("hosts", list, where) or []
    gateways = service.converted("gateways", list, where) or []
    route: dict[str, Any] = {"route": [{"destination": {"host": host}}]}
    match = service.converted("match", list, where)
    if match:
        route = {"match": match, **route}
    for key in _SERVICE:
        value = service.converted(key, (dict, str), where)
        if value is not None:
            route[key] = value
    for key in ("port", "targetPort", "portName", "portDiscovery", "appProtocol", "apex"):
        service.lost(key, f"the Service {host} is the team's: write it there")
    for key in ("primary", "canary"):
        service.lost(key, "there are no Services of their own: subsets tell the pods apart")
    service.lost("trafficPolicy", f"write it in the DestinationRule of {host}")
    service.lost("delegation", "a delegate is found by itself; keep the root VirtualService")
    service.lost("mirror", "a step's mirror")
    service.lost("backends", "App Mesh's own")
    service.lost("meshName", "App Mesh's own")
    spec: dict[str, Any] = {"hosts": list(dict.fromkeys([*map(str, hosts), host]))}
    if gateways:
        spec["gateways"] = [*gateways, *(["mesh"] if "mesh" not in gateways else [])]
    obj = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": host} | ({"namespace": namespace} if namespace else {}),
        "spec": {**spec, "http": [route]},
    }
    return (obj,) if host else ()


# Steps


def _journey(analysis: Fields, log: Log) -> dict[str, Any]:
    """Steps of weights, of cohorts, or a blue-green, as Flagger tells them apart."""
    every = durations.seconds(analysis.peek("interval")) or 60
    rounds = analysis.converted("iterations", int, "how long: rounds of the interval")
    cohorts = [marks for one in analysis.each("match") if (marks := _cohort(one))]
    mirror = analysis.converted("mirror", bool, "mirror of the first step")
    share = analysis.converted("mirrorWeight", int, "mirror of the first step")
    copied = f"{share or 100}%" if mirror else None
    if rounds and not cohorts:
        strategy = {"blueGreen": {"bake": durations.written(every * rounds)}}
        if copied:
            analysis.log.add(analysis.at("mirror"), Fate.LOST, "a dark release mirrors; see docs")
        return {"strategy": strategy}
    steps: list[dict[str, Any]] = [{"mirror": copied}] if copied else []
    if cohorts:
        steps.append({"cohorts": cohorts, "bake": durations.written(every * (rounds or 1))})
    steps += [{"weight": w, "bake": durations.written(every)} for w in _weights(analysis)]
    if steps:
        how = "a step ends once the analysis has certified it, or by its timeBox (20m)"
        log.add(analysis.path or "spec.analysis", Fate.CHANGED, how)
    made: dict[str, Any] = {"strategy": {"canary": {"steps": steps} if steps else {}}}
    sticky = analysis.sub("sessionAffinity")
    cookie = sticky.converted("cookieName", str, "spec.traffic.stickiness.cookie")
    if cookie:
        made["traffic"] = {"stickiness": {"cookie": cookie}}
        age = sticky.converted("maxAge", int, "spec.traffic.stickiness.for")
        if age:
            made["traffic"]["stickiness"]["for"] = durations.written(age)
    for key in ("domain", "httpOnly", "secure", "partitioned", "path", "sameSite"):
        sticky.lost(key, "our cookie has the attributes that Envoy gives it")
    return made


def _weights(analysis: Fields) -> list[int]:
    """The rising weights below everyone; beyond ``maxWeight`` Flagger promotes."""
    listed = analysis.converted("stepWeights", list, "weights of the steps")
    step = analysis.converted("stepWeight", int, "weights of the steps")
    most = analysis.converted("maxWeight", int, "the weight of the last step")
    analysis.lost("stepWeightPromotion", "everyone is switched at once; the proxies' ack is waited")
    wanted = listed or (range(step, (most or 100) + 1, step) if step and step > 0 else [])
    weights = [w for w in wanted if isinstance(w, int) and 0 < w < 100]
    rising = [w for n, w in enumerate(weights) if w > max(weights[:n], default=0)]
    return rising[:100]


def _cohort(match: Fields) -> dict[str, Any] | None:
    made: dict[str, Any] = {}
    headers = match.converted("headers", dict, "a cohort's headers")
    if isinstance(headers, dict) and headers:
        made["headers"] = {str(k).lower(): v for k, v in headers.items()}
    for key, ours_ in (("uri", "path"), ("method", "method")):
        value = match.converted(key, dict, f"a cohort's {ours_}")
        if value:
            made[ours_] = value
    query = match.converted("queryParams", dict, "a cohort's query")
    if query:
        made["query"] = query
    for key in ("sourceLabels", "gateways", "ignoreUriCase", "withoutHeaders", "port", "authority"):
        match.lost(key, "a cohort is told by what a request has")
    return made or None


# Analysis


def _judged(analysis: Fields, beside: Sequence[Json], log: Log) -> dict[str, Any]:
    made: dict[str, Any] = {}
    interval = durations.seconds(analysis.changed("interval", (str, int), "of readings, and bake"))
    if interval:
        made["interval"] = durations.written(min(interval, 60))
    threshold = analysis.converted("threshold", int, "failures.total of each metric")
    metrics = []
    for metric in analysis.each("metrics"):
        one = _metric(metric, beside, log)
        if one is not None:
            if threshold and "query" in one:
                one["failures"] = {"total": max(1, threshold)}
            metrics.append(one)
    for key in ("primaryReadyThreshold", "canaryReadyThreshold"):
        analysis.lost(key, "workload.minCanaryPods says how many pods must be ready")
    analysis.lost("alerts", "spec.notify: Slack or a signed webhook")
    if metrics:
        made["metrics"] = metrics
    return made


def _metric(metric: Fields, beside: Sequence[Json], log: Log) -> dict[str, Any] | None:
    name = str(metric.converted("name", str, "spec.analysis.metrics") or "metric")
    span = metric.sub("thresholdRange")
    least = span.converted("min", (int, float), "min, or successRate.min")
    most = span.converted("max", (int, float), "max, or latency.max")
    plain = metric.changed("threshold", (int, float), "min of a rate, max of a duration")
    interval = metric.changed("interval", str, "counts are kept for the whole attempt")
    if name == "request-success-rate":
        bound = least if least is not None else plain
        return {"name": "errors"} | (
            {} if bound is None else {"successRate": {"min": f"{bound:g}%"}}
        )
    if name == "request-duration":
        bound = most if most is not None else plain
        limit = {"quantile": 0.99, "max": f"{bound:g}ms"} if bound is not None else None
        return {"name": "latency"} | ({"latency": limit} if limit else {})
    query = _query(metric, beside, log)
    if query is None:
        return None
    made: dict[str, Any] = {"name": label(name), "query": _filled(query, metric, interval)}
    made |= {
        k: v
        for k, v in (("min", least), ("max", most if most is not None else plain))
        if v is not None
    }
    if made.keys() & {"min", "max"}:
        return made
    log.add(metric.path, Fate.LOST, "it has no bound: write min or max")
    return None


def _query(metric: Fields, beside: Sequence[Json], log: Log) -> str | None:
    """Its own PromQL, or that of the MetricTemplate that it names."""
    query = metric.converted("query", str, "the metric's query")
    if query or "templateRef" not in metric:
        if not query:
            log.add(metric.path, Fate.LOST, "not known, and without a query of its own")
        return None if query is None else str(query)
    ref = metric.sub("templateRef")
    name = str(ref.changed("name", str, "its query is written here"))
    namespace = str(ref.peek("namespace") or "")
    ref.ignored("namespace")
    found = neighbour(beside, "MetricTemplate", name, namespace)
    spec = found.get("spec") if found else None
    text = spec.get("query") if isinstance(spec, dict) else None
    if not isinstance(text, str):
        log.add(
            ref.at("name"), Fate.LOST, f"give the MetricTemplate {name}, too: its query is needed"
        )
        return None
    provider = spec.get("provider") if isinstance(spec, dict) else None
    kind = provider.get("type") if isinstance(provider, dict) else None
    if kind != "prometheus":
        log.add(ref.at("name"), Fate.LOST, f"{kind} is not asked; only Prometheus is")
        return None
    return str(text)


def _filled(query: str, metric: Fields, interval: str | None) -> str:
    """``query`` with our places for Flagger's, and its variables as they are given."""
    given = metric.converted("templateVariables", dict, "written into the query") or {}

    def place(match: re.Match[str]) -> str:
        name = match[1]
        if name == "interval":
            return interval or "1m"
        _, dot, variable = name.partition("variables.")
        if dot and variable in given:
            return str(given[variable])
        return _PLACES.get(name, match[0])

    return _VARIABLE.sub(place, query).strip()


# People


def _gates(analysis: Fields, made: dict[str, Any]) -> None:
    """Webhooks: those that confirm become approvals; the rest ask for what only a person knows."""
    stops = made["strategy"].get("canary", {}).get("steps") or [made["strategy"].get("blueGreen")]
    for hook in analysis.each("webhooks"):
        kind = lenient.text(hook.peek("type")) or "rollout"
        hook.ignored("name", "type", "url", "timeout", "metadata", "muteAlert", "retries")
        hook.ignored("disableTLS")
        if kind in ("confirm-promotion", "confirm-traffic-increase", "confirm-rollout"):
            stop = stops[-1] if kind == "confirm-promotion" else stops[0]
            if stop is not None:
                stop["approval"] = {"approvers": ["kubernetes"]}
            how = "an approval: rollout approve, Slack, or an HTTP gate (webhook of a step)"
            hook.log.add(hook.path, Fate.CHANGED, how)
        else:
            hook.log.add(hook.path, Fate.LOST, _HOOKS.get(kind, _HOOKS["rollout"]))


_HOOKS = {
    "rollout": "a load test is started by your own pipeline; an HTTP gate (webhook of a step) asks",
    "pre-rollout": "a test before requests: an HTTP gate (webhook) of a first step with mirror",
    "post-rollout": "spec.notify.webhook is told how it ended",
    "rollback": "rollout abort, by your pipeline or from Slack",
    "event": "spec.notify.webhook is told what happens, signed",
}
