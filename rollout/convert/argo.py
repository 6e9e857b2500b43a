"""Argo Rollouts: Rollout, AnalysisTemplate, ClusterAnalysisTemplate, Experiment.

Source of the fields: argo-rollouts, ``pkg/apis/rollouts/v1alpha1/types.go`` and
``analysis_types.go``; of their meaning: argo-rollouts.readthedocs.io.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rollout.convert import durations
from rollout.convert.analyses import NO_METRIC, Templates, argument, gone, metric, nothing
from rollout.convert.fields import Fate, Fields, Log
from rollout.convert.result import Conversion, names, neighbour, ours, running, told

Json = Mapping[str, Any]
GROUP = "argoproj.io/"

GATED = "a step ends once the analysis has certified it, or by its timeBox (20m)"
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
    templates = Templates(gone(obj.get("spec")), nothing(beside))
    if "blueGreen" in strategy:
        made |= _blue_green(strategy.sub("blueGreen"), templates)
    else:
        made |= _canary(strategy.sub("canary"), log, templates)
    made["service"] = made["service"] or _service(name, spec, beside, log)
    _deadline(spec, made)
    spec.lost("paused", "pause the release instead: rollout pause")
    spec.lost("restartAt", "kubectl rollout restart works on our Deployments")
    spec.lost("rollbackWindow", "a revision seen before takes the same steps; rollout undo --now")
    spec.lost("analysis", "how many runs are kept is Argo's own; our history has 50 decisions")
    spec.lost(
        "progressDeadlineAbort", "a step that cannot start pauses and asks; rollout abort ends it"
    )
    whole.rest()
    handover = tuple(
        line.replace("SERVICE", str(made["service"])) for line in told(HANDOVER, name, namespace)
    )
    return Conversion((ours("Rollout", name, namespace, made),), tuple(log.notes), handover)


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
    metrics = [made for one in spec.each("metrics") if (made := metric(one, services))]
    args = {key: value for arg in spec.each("args") for key, value in argument(arg, services)}
    spec.lost("dryRun", "write dryRun: true at each metric that it names")
    spec.lost("measurementRetention", "nothing is kept beyond what a test needs")
    spec.lost("templates", "name each template in the Rollout's spec.analysis.templates")
    whole.rest()
    if not metrics:
        log.add("spec.metrics", Fate.LOST, f"{NO_METRIC}; none is written")
        return Conversion((), tuple(log.notes))
    made = {"metrics": metrics} | ({"args": args} if args else {})
    return Conversion((ours("AnalysisTemplate", name, namespace, made),), tuple(log.notes))


def experiment(obj: Json) -> Conversion:
    """Argo's Experiment has no counterpart: it compares pods that get no requests."""
    log = Log(f"Experiment {names(obj)[0]}")
    why = "no counterpart: a canary is compared with stable by its requests; use a dark release"
    log.add("spec", Fate.LOST, f"{why} (docs/traffic.md)")
    return Conversion((), tuple(log.notes))


def _whole(obj: Json, log: Log) -> Fields:
    whole = Fields.of(obj, "", log)
    whole.ignored("apiVersion", "kind", "metadata", "status")
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
    history = spec.converted("revisionHistoryLimit", int, "spec.workload.revisionHistory")
    if history is not None and history >= 1:
        workload["revisionHistory"] = min(history, 50)
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
    deadline = spec.converted("progressDeadlineSeconds", int, "spec.progressDeadline")
    if deadline:
        made["progressDeadline"] = durations.written(deadline)


# Canary


@dataclass(slots=True)
class _Steps:
    """Our steps as they grow: a weight, then what belongs to it until the next."""

    log: Log
    made: list[dict[str, Any]] = field(default_factory=list)
    weight: int = 0
    pending: dict[str, Any] = field(default_factory=dict)

    def at(self) -> dict[str, Any]:
        """The step that a pause belongs to; what came after the pause before begins a new one."""
        if self.pending or not self.made:
            weight = {"weight": self.weight} if self.weight else {}
            self.made.append({**weight, **self.pending})
            self.pending = {}
        return self.made[-1]

    @property
    def current(self) -> dict[str, Any]:
        """Where a change of routes or pods belongs: to the step until it pauses, then to the next.

        What comes after a pause must not reach anybody before it is over.
        """
        paused = not self.made or self.made[-1].keys() & {"bake", "approval"}
        return self.pending if paused or self.pending else self.made[-1]

    def raised(self, path: str, weight: int) -> None:
        """``setWeight``: a step of its own if it rises; everyone is promotion."""
        if weight >= 100:
            self.log.add(
                path, Fate.CONVERTED, "everyone: that is the promotion after the last step"
            )
            return
        if weight <= self.weight:
            why = "weights rise: a step back is rollout abort, and everyone goes"
            self.log.add(path, Fate.LOST, why)
            return
        self.log.add(path, Fate.CONVERTED, f"a step of weight {weight}")
        self.weight = weight
        self.made.append({"weight": weight, **self.pending})
        self.pending = {}


def _canary(canary: Fields, log: Log, templates: Templates) -> dict[str, Any]:
    steps = _Steps(log)
    for step in canary.each("steps"):
        _step(step, steps, templates)
    _background(canary.sub("analysis"), templates)
    stable = canary.converted("stableService", str, "spec.service")
    how = "one Service for both: DestinationRule subsets tell them apart, which we write"
    other = canary.changed("canaryService", str, how)
    made: dict[str, Any] = {"service": stable or other or ""}
    usable = [step for step in steps.made if step.keys() & {"weight", "cohorts", "mirror"}]
    if steps.pending:
        usable.append(steps.pending)
    made["strategy"] = {"canary": {"steps": usable} if usable else {}}
    if usable:
        log.add(canary.at("steps"), Fate.CHANGED, GATED)
    else:
        log.add(canary.at("steps"), Fate.CHANGED, "no weights: our default steps are taken")
    traffic = _routing(canary.sub("trafficRouting"), log)
    if traffic:
        made["traffic"] = traffic
    made |= templates.made()
    _scaling(canary)
    return made


def _step(step: Fields, steps: _Steps, templates: Templates) -> None:
    weight = step.peek("setWeight")
    if isinstance(weight, int) and not isinstance(weight, bool):
        step.ignored("setWeight")
        steps.raised(step.at("setWeight"), weight)
    if "pause" in step:
        _pause(step, steps)
    if "setCanaryScale" in step:
        scale = step.sub("setCanaryScale")
        replicas = scale.converted("replicas", int, "replicas of the step")
        if replicas:
            steps.current["replicas"] = replicas
        for key in ("weight", "matchTrafficWeight"):
            scale.lost(key, "canary pods follow the weight by themselves; replicas sets a number")
    if "setHeaderRoute" in step:
        _cohorts(step.sub("setHeaderRoute"), steps)
    if "setMirrorRoute" in step:
        _mirror(step.sub("setMirrorRoute"), steps)
    if "analysis" in step:
        run = step.sub("analysis")
        run.log.add(run.path, Fate.CHANGED, "judged at every step, not at this one alone")
        templates.use(run)
    step.lost("experiment", "no counterpart; a dark release (mirror) tries pods without users")
    step.lost("plugin", "an HTTP gate (webhook of a step) may stand in for it")
    step.lost("setWeightWithin", "one canary weight a step")
    step.lost("replicaProgressThreshold", "minCanaryPods says how many pods must be ready")


def _pause(step: Fields, steps: _Steps) -> None:
    pause = step.peek("pause")
    duration = pause.get("duration") if isinstance(pause, dict) else None
    path, known = step.at("pause"), durations.seconds(duration)
    step.ignored("pause")
    at = steps.at()
    if duration is None:
        at["approval"] = {"approvers": ["kubernetes"]}
        how = "an approval: rollout approve, within 4h or as approval.expires says"
        steps.log.add(path, Fate.CHANGED, how)
    elif known is None:
        steps.log.add(path, Fate.LOST, f"{duration!r} is no duration that is known; write bake")
    else:
        before = durations.seconds(at.get("bake", "0s")) or 0
        at["bake"] = durations.written(before + known)
        steps.log.add(path, Fate.CONVERTED, f"bake of the step: {at['bake']}")


def _cohorts(route: Fields, steps: _Steps) -> None:
    route.changed("name", str, "we name our routes ourselves")
    cohorts = []
    for match in route.each("match"):
        header = match.converted("headerName", str, "a cohort's header, in lower case")
        value = match.converted("headerValue", dict, "how its value is matched")
        if header and value:
            cohorts.append({"headers": {header.lower(): dict(value)}})
    if cohorts:
        target = steps.current
        target["cohorts"] = [*target.get("cohorts", []), *cohorts]
    else:
        route.log.add(route.path, Fate.LOST, "cohorts stay on the canary until the release is over")


def _mirror(route: Fields, steps: _Steps) -> None:
    route.changed("name", str, "we name our routes ourselves")
    route.lost("match", "all of the service's requests are mirrored, not those alone")
    percent = route.converted("percentage", int, "mirror of the step")
    if percent is None and "match" not in route:
        route.log.add(route.path, Fate.CHANGED, "a mirror ends with its step by itself")
        return
    steps.made.append({"mirror": f"{100 if percent is None else percent}%", **steps.pending})
    steps.pending = {}


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
    routing.lost("maxTrafficWeight", "weights are percents")
    for key in routing.value.keys() - {"istio", "managedRoutes", "maxTrafficWeight"}:
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


def _scaling(canary: Fields) -> None:
    own = "canary pods stand beside stable's, which stay whole: no surge is needed"
    for key in ("maxSurge", "maxUnavailable", "dynamicStableScale", "minPodsPerReplicaSet"):
        canary.lost(key, own)
    canary.lost("antiAffinity", "write it in the pod template")
    for key in ("canaryMetadata", "stableMetadata"):
        canary.lost(key, "pods carry rollout.dev/revision; labels of a role are not written")
    drain = "workload.drain is from the last request to scale-down (30s)"
    for key in ("scaleDownDelaySeconds", "abortScaleDownDelaySeconds"):
        canary.changed(key, int, drain)
    canary.lost("scaleDownDelayRevisionLimit", "one old revision drains at a time")
    canary.lost("pingPong", "subsets are re-pointed at weight 0 instead")
    canary.lost("stepPlugins", "an HTTP gate (webhook of a step) may stand in for it")


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
        strategy["approval"] = {"approvers": ["kubernetes"]}
    after = blue.changed("autoPromotionSeconds", int, "the least time of the preview: bake")
    if after:
        strategy["bake"] = durations.written(after)
    keep = blue.changed("scaleDownDelaySeconds", int, "how long the old pods stay: keepWarm")
    if keep is not None:
        strategy["keepWarm"] = durations.written(keep)
    for key in ("prePromotionAnalysis", "postPromotionAnalysis"):
        if key in blue:
            run = blue.sub(key)
            run.log.add(run.path, Fate.CHANGED, "judged in the preview and while the old is kept")
            templates.use(run)
    blue.lost("previewReplicaCount", "the new revision is whole before anybody is switched")
    blue.lost("scaleDownDelayRevisionLimit", "one old revision is kept at a time")
    blue.lost("abortScaleDownDelaySeconds", "after a way back the canary drains and goes")
    blue.lost("maxUnavailable", "both revisions are whole")
    blue.lost("antiAffinity", "write it in the pod template")
    for key in ("activeMetadata", "previewMetadata"):
        blue.lost(key, "pods carry rollout.dev/revision; labels of a role are not written")
    made |= {"service": service or "", "strategy": {"blueGreen": strategy}}
    made |= templates.made()
    return made
