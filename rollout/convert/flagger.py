"""Flagger: Canary and MetricTemplate.

Source of the fields: flagger, ``pkg/apis/flagger/v1beta1/canary.go`` and ``metric.go``; of their
meaning: docs.flagger.app, "How it works", "Metrics Analysis", "Webhooks".
"""

from collections.abc import Mapping, Sequence
from typing import Any

from rollout.convert import durations, flaggermetrics, flaggersteps
from rollout.convert.fields import Fate, Fields, Log
from rollout.convert.flaggermetrics import Subject
from rollout.convert.heads import metadata
from rollout.convert.result import Conversion, names, neighbour, ours, running, told

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
_SERVICES_OWN = (
    *("port", "targetPort", "portName", "portDiscovery", "appProtocol", "apex"),
    *("headless", "trafficDistribution", "unmanagedMetadata"),
)


def canary(obj: Json, beside: Sequence[Json]) -> Conversion:
    """Flagger's Canary; ``beside``: the other objects given: Deployments, MetricTemplates."""
    name, namespace = names(obj)
    log = Log(f"Canary {name}")
    whole = Fields.of(obj, "", log)
    whole.ignored("apiVersion", "kind", "status")
    spec = whole.sub("spec")
    service = spec.sub("service")
    host = service.converted("name", str, "spec.service") or _target(spec)
    made: dict[str, Any] = {"service": host, "workload": _workload(spec, namespace, beside, log)}
    routes = _routes(service, host, namespace)
    analysis = spec.sub("analysis") if "analysis" in spec else spec.sub("canaryAnalysis")
    if "analysis" in spec:
        spec.lost("canaryAnalysis", "analysis goes before it")
    made |= flaggersteps.journey(analysis, log)
    subject = Subject(name, host, _target(spec), beside)
    made["analysis"] = flaggermetrics.judged(analysis, subject, log)
    how = "spec.progressDeadline: after it the release pauses and a person is asked"
    deadline = spec.changed("progressDeadlineSeconds", int, how)
    if deadline and deadline > 0:
        made["progressDeadline"] = durations.written(deadline)
    if spec.peek("provider") == "istio":
        spec.converted("provider", str, "Istio's VirtualServices are driven")
    else:
        spec.lost("provider", "only Istio's VirtualServices are driven")
    spec.changed("revertOnDeletion", bool, "deletion always gives the routes back")
    spec.lost("skipAnalysis", "rollout promote takes everyone at once")
    spec.lost("suspend", "rollout pause")
    spec.lost("metricsServer", "one Prometheus for all: the controller's --prometheus")
    for key in ("ingressRef", "routeRef", "upstreamRef"):
        spec.lost(key, "only Istio's VirtualServices are driven")
    made = ours("Rollout", name, namespace, made, metadata(whole))
    whole.rest()
    return Conversion((*routes, made), tuple(log.notes), told(HANDOVER, name, namespace))


def template(obj: Json) -> Conversion:
    """A MetricTemplate: its query goes into each Rollout that uses it."""
    log = Log(f"MetricTemplate {names(obj)[0]}")
    whole = Fields.of(obj, "", log)
    whole.ignored("apiVersion", "kind", "metadata", "status")
    spec = whole.sub("spec")
    provider = spec.sub("provider")
    kind = provider.peek("type")
    if kind == "prometheus":
        provider.converted("type", str, "the only one that is asked")
        spec.changed("query", str, "its query is written into each Rollout that uses it")
    else:
        provider.lost("type", f"{kind} is not asked; only Prometheus is")
        spec.lost("query", "only Prometheus is asked")
    for key in ("address", "secretRef", "insecureSkipVerify", "region", "headers"):
        provider.lost(key, "one Prometheus for all: the controller's --prometheus")
    whole.rest()
    return Conversion((), tuple(log.notes))


def _target(spec: Fields) -> str:
    target = spec.peek("targetRef")
    return str(target.get("name") or "") if isinstance(target, dict) else ""


def _workload(spec: Fields, namespace: str, beside: Sequence[Json], log: Log) -> dict[str, Any]:
    target = spec.sub("targetRef")
    target.plain("apiVersion")
    kind, name = target.peek("kind"), str(target.peek("name"))
    found = neighbour(beside, "Deployment", name, namespace) if kind == "Deployment" else None
    template = found.get("spec") if found else None
    workload: dict[str, Any] = {"template": {}}
    if kind == "Deployment":
        target.converted("kind", str, "spec.workload.template")
    else:
        target.lost("kind", f"{kind}: only Deployments are released")
    if isinstance(template, dict):
        target.changed("name", str, "its spec is copied to spec.workload.template; ours from now")
        workload["template"] = running(template, target.at("name"), log)
    elif kind == "Deployment":
        target.lost("name", f"give the manifest of {name}, too: its pods are needed")
    else:
        target.lost("name", "write spec.workload.template")
    if "autoscalerRef" in spec:
        ref = spec.sub("autoscalerRef")
        ref.plain("apiVersion")
        how = "spec.workload.autoscaler.name: handed over at promotion, no second one is made"
        scaler = ref.changed("name", str, how)
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
    for key in _SERVICES_OWN:
        service.lost(key, f"the Service {host} is the team's: write it there")
    for key in ("primary", "canary"):
        service.lost(key, "there are no Services of their own: subsets tell the pods apart")
    service.lost("trafficPolicy", f"write it in the DestinationRule of {host}")
    for key in ("backends", "meshName"):
        service.lost(key, "App Mesh's own")
    for key in ("gatewayRefs", "backendTimeout", "mirror"):
        service.lost(key, "Gateway API's own")
    spec: dict[str, Any] = {"hosts": list(dict.fromkeys([*map(str, hosts), host]))}
    if service.converted("delegation", bool, f"{where} has no hosts: keep its root"):
        spec = {}
    elif gateways:
        spec["gateways"] = [*gateways, *(["mesh"] if "mesh" not in gateways else [])]
    obj = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": host} | ({"namespace": namespace} if namespace else {}),
        "spec": {**spec, "http": [route]},
    }
    return (obj,) if host else ()


def alert_provider(obj: Json) -> Conversion:
    """Who is told of what stands in each Rollout."""
    log = Log(f"AlertProvider {names(obj)[0]}")
    log.add("spec", Fate.LOST, "spec.notify of a Rollout: Slack, or a signed webhook")
    return Conversion((), tuple(log.notes))
