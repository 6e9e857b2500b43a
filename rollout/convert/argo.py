"""Argo Rollouts: Rollout, AnalysisTemplate, ClusterAnalysisTemplate, Experiment.

Source of the fields: argo-rollouts, ``pkg/apis/rollouts/v1alpha1/types.go`` and
``analysis_types.go``; of their meaning: argo-rollouts.readthedocs.io.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from rollout.convert import argosteps, durations
from rollout.convert.analyses import NO_METRIC, Templates, argument, gone, metric, uses
from rollout.convert.fields import Fate, Fields, Log
from rollout.convert.heads import metadata
from rollout.convert.result import Conversion, approval, names, neighbour, ours, running, told

Json = Mapping[str, Any]
GROUP = "argoproj.io/"

HANDOVER = (
    "pause Argo Rollouts for it: kubectl argo rollouts pause OBJECT; no update may be under way",
    "let the routes name one Service, SERVICE, without weights; commit and sync it",
    "apply a Deployment of the same pods, named by the release, and wait until it is ready",
    "take stableService and canaryService out of Argo's Rollout, and the label "
    "rollouts-pod-template-hash off SERVICE's selector: with it our pods get no requests",
    "scale Argo's pods down (spec.replicas: 0 in Argo's Rollout), then delete it; until then the "
    "way back is to undo these steps",
    "apply our Rollout with workload.deployments instead of the template: it adopts that "
    "Deployment and moves nobody; wait for Healthy (rollout wait OBJECT)",
)


def rollout(obj: Json, beside: Sequence[Json]) -> Conversion:
    """Argo's Rollout; ``beside``: the other objects given, such as its workloadRef's Deployment."""
    name, namespace = names(obj)
    log = Log(f"Rollout {name}")
    whole = _whole(obj, log)
    spec = whole.sub("spec")
    strategy = spec.sub("strategy")
    made: dict[str, Any] = {"service": "", "workload": _workload(spec, namespace, beside, log)}
    templates = Templates(gone(obj.get("spec")), beside)
    if "blueGreen" in strategy:
        made |= _blue_green(strategy.sub("blueGreen"), templates)
    else:
        made |= _canary(strategy.sub("canary"), log, templates, made["workload"])
    made["service"] = made["service"] or _service(name, spec, beside, log)
    _deadline(spec, made)
    spec.lost("paused", "pause the release instead: rollout pause")
    spec.lost("restartAt", "kubectl rollout restart works on our Deployments")
    spec.lost("rollbackWindow", "a revision seen before takes the same steps; rollout undo --now")
    spec.lost("analysis", "how many runs are kept is Argo's own; our history has 50 decisions")
    spec.lost(
        "progressDeadlineAbort", "a step that cannot start pauses and asks; rollout abort ends it"
    )
    made = ours("Rollout", name, namespace, made, metadata(whole))
    whole.rest()
    service = str(made["spec"]["service"])
    handover = tuple(line.replace("SERVICE", service) for line in told(HANDOVER, name, namespace))
    return Conversion((made,), tuple(log.notes), handover)


def template(obj: Json, beside: Sequence[Json]) -> Conversion:
    """Argo's AnalysisTemplate, or its cluster-wide kind; ``beside``: the Rollouts given with it."""
    name, namespace = names(obj)
    kind = str(obj.get("kind"))
    log = Log(f"{kind} {name}")
    whole = _whole(obj, log)
    if kind == "ClusterAnalysisTemplate":
        log.add("kind", Fate.CHANGED, "ours belong to a namespace: apply it in each that uses it")
    spec = whole.sub("spec")
    argos = [o.get("spec") for o in beside if str(o.get("apiVersion")).startswith(GROUP)]
    services = frozenset[str]().union(*map(gone, argos))
    dry = frozenset(str(one.peek("metricName")) for one in spec.each("dryRun"))
    metrics = [made for one in spec.each("metrics") if (made := metric(one, services, dry))]
    args: dict[str, str | None] = {}
    for arg in spec.each("args"):
        if uses(metrics, arg.peek("name")):
            args |= argument(arg, services)
        else:
            arg.rest("no metric that is written names it")
    for one in spec.each("dryRun"):
        one.converted("metricName", str, "dryRun: true of that metric")
    spec.lost("measurementRetention", "nothing is kept beyond what a test needs")
    spec.lost("templates", "name each template in the Rollout's spec.analysis.templates")
    if not metrics:
        whole.ignored("metadata")
        whole.rest()
        log.add("spec.metrics", Fate.LOST, f"{NO_METRIC}; none is written")
        return Conversion((), tuple(log.notes))
    meta = metadata(whole)
    whole.rest()
    made = {"metrics": metrics} | ({"args": args} if args else {})
    return Conversion((ours("AnalysisTemplate", name, namespace, made, meta),), tuple(log.notes))


def experiment(obj: Json) -> Conversion:
    """Argo's Experiment has no counterpart: it compares pods that get no requests."""
    log = Log(f"Experiment {names(obj)[0]}")
    why = "no counterpart: a canary is compared with stable by its requests; use a dark release"
    log.add("spec", Fate.LOST, f"{why} (docs/traffic.md)")
    return Conversion((), tuple(log.notes))


def run(obj: Json) -> Conversion:
    """Argo's AnalysisRun is what a template made of itself."""
    log = Log(f"AnalysisRun {names(obj)[0]}")
    why = "a run is no release: give the Rollout and the AnalysisTemplate that it came from"
    log.add("spec", Fate.LOST, why)
    return Conversion((), tuple(log.notes))


def _whole(obj: Json, log: Log) -> Fields:
    whole = Fields.of(obj, "", log)
    whole.ignored("apiVersion", "kind", "status")
    return whole


# Pods


def _workload(spec: Fields, namespace: str, beside: Sequence[Json], log: Log) -> dict[str, Any]:
    """``workload`` with the pods' template, which stands in the Rollout or in a Deployment."""
    where = "spec.workload.template"
    made: dict[str, Any] = {}
    if "workloadRef" in spec:
        made = _referred(spec.sub("workloadRef"), namespace, beside, log)
        if "replicas" not in spec:
            made = running(made, spec.at("workloadRef.name"), log)
    for key in ("selector", "template", "replicas", "minReadySeconds"):
        kind: Any = int if key in ("replicas", "minReadySeconds") else dict
        value = spec.converted(key, kind, f"{where}.{key}")
        if value is not None:
            made[key] = value
    workload: dict[str, Any] = {"template": made}
    history = spec.peek("revisionHistoryLimit")
    if isinstance(history, int) and not isinstance(history, bool):
        kept = workload["revisionHistory"] = min(max(history, 1), 50)
        fate = Fate.CONVERTED if kept == history else Fate.CHANGED
        how = "spec.workload.revisionHistory" + ("" if kept == history else f": {kept}, of 1 to 50")
        spec.tell("revisionHistoryLimit", fate, how)
    return workload


def _referred(ref: Fields, namespace: str, beside: Sequence[Json], log: Log) -> dict[str, Any]:
    ref.plain("apiVersion", "kind")
    name = ref.changed("name", str, "its spec is copied to spec.workload.template; we own the pods")
    ref.lost("scaleDown", "scale the Deployment to 0 once ours serve")
    found = neighbour(beside, str(ref.peek("kind")), str(name), namespace)
    spec = found.get("spec") if found else None
    if not isinstance(spec, dict):
        log.add(ref.at("name"), Fate.LOST, f"give the manifest of {name}, too: its pods are needed")
        return {}
    return dict(spec)


def _service(name: str, spec: Fields, beside: Sequence[Json], log: Log) -> str:
    """The Service whose selector fits the pods, else one of the Rollout's name."""
    template = spec.peek("template")
    metadata = template.get("metadata") if isinstance(template, dict) else None
    labels = metadata.get("labels") if isinstance(metadata, dict) else None
    known = labels if isinstance(labels, dict) else {}
    for obj in beside:
        inner = obj.get("spec")
        selector = inner.get("selector") if isinstance(inner, dict) else None
        wanted = selector.items() if isinstance(selector, dict) else ()
        if obj.get("kind") == "Service" and wanted and all(known.get(k) == v for k, v in wanted):
            return names(obj)[0]
    log.add("spec.strategy", Fate.CHANGED, f"no Service is named: {name} is taken; correct it")
    return name


def _deadline(spec: Fields, made: dict[str, Any]) -> None:
    how = "spec.progressDeadline: after it the release pauses and a person is asked"
    deadline = spec.changed("progressDeadlineSeconds", int, how)
    if deadline and deadline > 0:
        made["progressDeadline"] = durations.written(deadline)


# Canary


def _canary(
    canary: Fields, log: Log, templates: Templates, workload: dict[str, Any]
) -> dict[str, Any]:
    pods = workload["template"].get("replicas")
    made = argosteps.steps(canary, log, templates, pods if isinstance(pods, int) else None)
    _background(canary.sub("analysis"), templates)
    stable = canary.converted("stableService", str, "spec.service")
    how = "one Service for both: DestinationRule subsets tell them apart, which we write"
    other = canary.changed("canaryService", str, how)
    traffic = _routing(canary.sub("trafficRouting"), log)
    _scaling(canary, workload)
    return {
        "service": stable or other or "",
        "strategy": {"canary": made},
        **({"traffic": traffic} if traffic else {}),
        **templates.made(),
    }


def _background(analysis: Fields, templates: Templates) -> None:
    if not analysis.value:
        return
    analysis.lost("startingStep", "every step is judged, from the first on")
    templates.use(analysis)


def _routing(routing: Fields, log: Log) -> dict[str, Any]:
    """Which Istio objects carry the routes; other meshes and ingresses are not ours."""
    istio = routing.sub("istio")
    named = [istio.sub("virtualService")] if "virtualService" in istio else []
    refs = [ref for one in (*named, *istio.each("virtualServices")) if (ref := _reference(one))]
    traffic: dict[str, Any] = {"virtualServices": refs} if refs else {}
    rule = istio.sub("destinationRule")
    if name := rule.converted("name", str, "spec.traffic.destinationRule"):
        traffic["destinationRule"] = name
    for key in ("canarySubsetName", "stableSubsetName"):
        rule.changed(key, str, "we write subsets stable and canary ourselves")
    routing.changed("managedRoutes", list, "our routes are named rollout-…, and go by themselves")
    for key in routing.value:
        if key not in ("istio", "managedRoutes", "maxTrafficWeight"):
            routing.lost(key, "only Istio's VirtualServices are driven")
    if not istio.value:
        why = "without Istio's routes nothing divides requests: a VirtualService of the service"
        log.add(routing.path, Fate.LOST, f"{why} is needed")
    return traffic


def _reference(one: Fields) -> dict[str, Any]:
    """One VirtualService by name, with the routes of it that are named."""
    whole = one.converted("name", str, "spec.traffic.virtualServices")
    routes = one.converted("routes", list, "its routes by name")
    for key in ("tlsRoutes", "tcpRoutes"):
        one.lost(key, "weights of TCP and TLS routes are turned where they name the service")
    if not whole:
        return {}
    name, _, namespace = whole.partition(".")
    ref: dict[str, Any] = {"name": name} | ({"namespace": namespace} if namespace else {})
    return ref | ({"routes": [str(route) for route in routes]} if routes else {})


def _scaling(canary: Fields, workload: dict[str, Any]) -> None:
    own = "canary pods stand beside stable's, which stay whole: no surge is needed"
    for key in ("maxSurge", "maxUnavailable", "dynamicStableScale", "minPodsPerReplicaSet"):
        canary.lost(key, own)
    canary.lost("antiAffinity", "write it in the pod template")
    for key in ("canaryMetadata", "stableMetadata"):
        canary.lost(key, "pods carry rollout.dev/revision; labels of a role are not written")
    how = "workload.drain, which also holds for a canary's pods after a way back"
    if (delay := canary.changed("scaleDownDelaySeconds", int, how)) is not None and delay >= 0:
        workload["drain"] = durations.written(delay)
    canary.lost("abortScaleDownDelaySeconds", _ABORTED)
    canary.lost("scaleDownDelayRevisionLimit", "one old revision drains at a time")
    canary.lost("replicaProgressThreshold", "minCanaryPods says how many pods must be ready")
    canary.lost("pingPong", "subsets are re-pointed at weight 0 instead")
    canary.lost("stepPlugins", "an HTTP gate (webhook of a step) may stand in for it")


_ABORTED = "a canary that went back goes after workload.drain (30s), and its pods are not kept"


# Blue-green


def _blue_green(blue: Fields, templates: Templates) -> dict[str, Any]:
    made: dict[str, Any] = {}
    service = blue.converted("activeService", str, "spec.service")
    preview = blue.changed(
        "previewService",
        str,
        "previewHost: put it among the hosts of its routes; no Service is made",
    )
    strategy: dict[str, Any] = {}
    if preview:
        strategy["previewHost"] = preview
    automatic = blue.changed("autoPromotionEnabled", bool, "without it, an approval is asked for")
    if automatic is False:
        strategy["approval"] = approval()
        blue.lost("autoPromotionSeconds", "Argo ignores it where autoPromotionEnabled is false")
        after = None
    else:
        how = "the least time of the preview: bake"
        after = blue.changed("autoPromotionSeconds", int, how)
    if after and after > 0:
        strategy["bake"] = durations.written(after)
    how = "keepWarm: so long the old pods stay, and the new ones are judged"
    keep = blue.changed("scaleDownDelaySeconds", int, how)
    # Argo's own default, which is not ours.
    strategy["keepWarm"] = durations.written(30 if keep is None or keep < 0 else keep)
    for key in ("prePromotionAnalysis", "postPromotionAnalysis"):
        if key in blue:
            run = blue.sub(key)
            how = "judged in the preview and while the old is kept, each metric in both"
            run.log.add(run.path, Fate.CHANGED, how)
            templates.use(run)
    blue.lost("previewReplicaCount", "the new revision is whole before anybody is switched")
    blue.lost("scaleDownDelayRevisionLimit", "one old revision is kept at a time")
    blue.lost("abortScaleDownDelaySeconds", _ABORTED)
    blue.lost("maxUnavailable", "both revisions are whole")
    blue.lost("antiAffinity", "write it in the pod template")
    for key in ("activeMetadata", "previewMetadata"):
        blue.lost(key, "pods carry rollout.dev/revision; labels of a role are not written")
    made |= {"service": service or "", "strategy": {"blueGreen": strategy}}
    made |= templates.made()
    return made
