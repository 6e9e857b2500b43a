"""Rules about the service and its pods: labels, ports, proxies, probes, who scales them."""

from collections.abc import Iterator
from itertools import combinations

from rollout.istio.routes.listing import namespace, spec
from rollout.labels import Labels
from rollout.preflight.ports import protocol
from rollout.preflight.snapshot import Case, Obj, containers, labels, named, template
from rollout.workloads import deployment, hpa, selector

_APP = ("app", "app.kubernetes.io/name", "service.istio.io/canonical-name")
_PROXY_UID = 1337
_PROXY_PORTS = range(15000, 15091)


def app_label(case: Case) -> Iterator[str]:
    """ROL-001, W: Istio names a workload by its app label in metrics."""
    for workload in case.workloads:
        if not any(labels(workload).get(key) for key in _APP):
            where = named(workload, "deployment")
            yield f"{where}: its pods have no label app; metrics cannot name the service"


def version_label(case: Case) -> Iterator[str]:
    """ROL-001, B: what singles out a revision's pods must differ between the two."""
    for one, two in combinations(case.workloads, 2):
        same = deployment.labels(one)
        if same == deployment.labels(two):
            what = ", ".join(f"{k}={v}" for k, v in same.items())
            pair = f"{named(one, 'deployment')} and {two['metadata']['name']}"
            yield f"{pair}: pods of both carry {what}; a version label of its own is wanted"


def clashing_services(case: Case) -> Iterator[str]:
    """ROL-003, W: one pod behind two services that disagree on a port (IST0116, IST0137)."""
    services = case.here(case.snapshot.services)
    for workload in case.workloads:
        mine = [s for s in services if _selects(s, labels(workload))]
        for one, two in combinations(mine, 2):
            for told in _clash(one, two):
                pair = f"{named(one, 'service')} and {two['metadata']['name']}"
                yield f"{pair}: both send to {workload['metadata']['name']} and {told}"


def _selects(service: Obj, carried: Labels) -> bool:
    wanted = service["spec"].get("selector") or {}
    return bool(wanted) and selector.matches(wanted, carried)


def _clash(one: Obj, two: Obj) -> Iterator[str]:
    for a in one["spec"].get("ports") or ():
        for b in two["spec"].get("ports") or ():
            if a.get("port") == b.get("port") and protocol(a) != protocol(b):
                yield f"disagree on the protocol of port {a.get('port')}"
            target = a.get("targetPort", a.get("port"))
            if target == b.get("targetPort", b.get("port")) and a.get("port") != b.get("port"):
                yield f"reach port {target} by different ports"


def no_proxy(case: Case) -> Iterator[str]:
    """ROL-004, W: callers' proxies split the requests, but nobody counts at the server."""
    if _is_ambient(case):
        return
    for workload in case.workloads:
        pods = case.pods(workload)
        where = named(workload, "deployment")
        if (template(workload).get("spec") or {}).get("hostNetwork"):
            yield f"{where}: hostNetwork is on, so its pods have no proxy and count nothing"
        elif pods and not any(_has_proxy(p) for p in pods):
            yield f"{where}: no pod has a proxy; only what callers' proxies count can be judged"


def has_proxies(case: Case) -> bool | None:
    """Whether any pod of the two revisions has a proxy of its own; None: it cannot be told."""
    pods = [pod for workload in case.workloads for pod in case.pods(workload)]
    return None if not pods or _is_ambient(case) else any(_has_proxy(p) for p in pods)


def _is_ambient(case: Case) -> bool:
    spaces = (n for n in case.snapshot.namespaces if n["metadata"]["name"] == case.target.namespace)
    found = [(n["metadata"].get("labels") or {}).get("istio.io/dataplane-mode") for n in spaces]
    return "ambient" in found


def _has_proxy(pod: Obj) -> bool:
    spec = pod.get("spec") or {}
    every = (*(spec.get("containers") or ()), *(spec.get("initContainers") or ()))
    return any(c.get("name") == "istio-proxy" for c in every)


def reserved(case: Case) -> Iterator[str]:
    """ROL-005, W: the proxy's own user and ports (IST0144)."""
    for workload in case.workloads:
        where = named(workload, "deployment")
        pod = (template(workload).get("spec") or {}).get("securityContext") or {}
        for container in containers(workload):
            user = (container.get("securityContext") or {}).get("runAsUser", pod.get("runAsUser"))
            if user == _PROXY_UID:
                yield f"{where}: {container.get('name')} runs as user 1337, which is the proxy's"
            for port in container.get("ports") or ():
                if port.get("containerPort") in _PROXY_PORTS:
                    told = f"{container.get('name')} uses port {port['containerPort']}"
                    yield f"{where}: {told}, one of the proxy's own (15000 to 15090)"


def headless(case: Case) -> Iterator[str]:
    """ROL-006, W: callers of such a service may reach pods past all routes."""
    service = case.service
    if service is None:
        return
    if service["spec"].get("clusterIP") == "None":
        yield f"service {case.target.host}: it is headless; callers may go to pods past the split"
    if service["spec"].get("type") == "ExternalName":
        yield f"service {case.target.host}: it is an ExternalName; subsets have no pods to select"


def probes(case: Case) -> Iterator[str]:
    """ROL-041, W: the kubelet has no certificate for STRICT, so its probes must be rewritten."""
    for workload in (each for each in case.workloads if is_strict(each, case)):
        annotations = (template(workload).get("metadata") or {}).get("annotations") or {}
        off = annotations.get("sidecar.istio.io/rewriteAppHTTPProbers") == "false"
        if off and any(_http_probe(c) for c in containers(workload)):
            where = named(workload, "deployment")
            yield f"{where}: http probes fail under STRICT mTLS while probe rewriting is off"


def is_strict(workload: Obj, case: Case) -> bool:
    """Whether every port of its pods takes mTLS alone, by the nearest policy that says anything.

    Source: istio/istio, pilot/pkg/security/authn, ``ComposePeerAuthentication``.
    """
    found = sorted(_governing(workload, case), key=lambda policy: policy[:2])
    said = next((mode for *_, policy in found if (mode := _mode(policy.get("mtls")))), "")
    own = next((policy.get("portLevelMtls") for near, _, policy in found if near == 0), None)
    return said == "STRICT" and {_mode(port) for port in (own or {}).values()} <= {"", "STRICT"}


def _governing(workload: Obj, case: Case) -> Iterator[tuple[int, str, Obj]]:
    """How near each policy is (0: it selects the pods, 1: the namespace, 2: the mesh), its age."""
    for policy in case.snapshot.peer_authentications:
        inside = spec(policy)
        wanted = (inside.get("selector") or {}).get("matchLabels") or {}
        space = namespace(policy, case.target)
        made_at = str(policy["metadata"].get("creationTimestamp") or "")
        if space == case.target.namespace and selector.matches(wanted, labels(workload)):
            yield (0 if wanted else 1), made_at, inside
        elif space == case.snapshot.root and not wanted:
            yield 2, made_at, inside


def _mode(mtls: Obj | None) -> str:
    mode = str((mtls or {}).get("mode") or "")
    return "" if mode == "UNSET" else mode


def _http_probe(container: Obj) -> bool:
    kinds = ("livenessProbe", "readinessProbe", "startupProbe")
    return any((container.get(kind) or {}).get("httpGet") for kind in kinds)


def mesh_revisions(case: Case) -> Iterator[str]:
    """ROL-044, W: a mesh upgrade under way would be mistaken for the canary's doing."""
    found = set()
    for workload in case.workloads:
        for pod in case.pods(workload):
            annotations = pod["metadata"].get("annotations") or {}
            found |= {annotations["istio.io/rev"]} if "istio.io/rev" in annotations else set()
    if len(found) > 1:
        names = " and ".join(sorted(found))
        yield f"service {case.target.host}: its pods are on mesh revisions {names}; let that finish"


def mesh_moves(case: Case) -> Iterator[str]:
    """ROL-063, B: whose doing it was could not be told where pods are being made anew."""
    if case.snapshot.moved_by:
        space = case.target.namespace
        yield f"namespace {space}: {case.snapshot.moved_by} is moving its pods; it waits for that"


def autoscaler(case: Case) -> Iterator[str]:
    """ROL-051, W: stable shrinks while the canary takes load, and the way back is too narrow."""
    found = hpa.of(case.here(case.snapshot.hpas), case.stable) if case.stable else None
    if found is None:
        return
    wanted = max((deployment.replicas(w) for w in case.workloads), default=1)
    if hpa.least(found) < wanted:
        told = f"may shrink {case.stable} to {hpa.least(found)} pods in mid-journey"
        yield f"{named(found, 'hpa')}: {told}; minReplicas {wanted} keeps the way back open"


def left_behind(case: Case) -> Iterator[str]:
    """ROL-051, W: an HPA of one revision's Deployment scales nobody once the next is promoted."""
    found = hpa.of(case.here(case.snapshot.hpas), case.stable) if case.stable else None
    if found is not None and case.templated and not case.autoscaler:
        told = f"scales {case.stable} alone, and nobody after the next release"
        yield f"{named(found, 'hpa')}: {told}; workload.autoscaler hands it over"


def no_hand_over(case: Case) -> Iterator[str]:
    """ROL-051, B: the autoscaler that is to be handed over is not there, or cannot be."""
    if not case.autoscaler:
        return
    where = f"hpa {case.target.namespace}/{case.autoscaler}"
    mine = [h for h in case.here(case.snapshot.hpas) if h["metadata"]["name"] == case.autoscaler]
    if not mine:
        yield f"{where}: is not there; make it, or take workload.autoscaler out"
    for found in mine:
        if problem := hpa.problem(found):
            yield f"{where}: {problem}; take workload.autoscaler out"


def unready(case: Case) -> Iterator[str]:
    """ROL-052, W: pods that count as ready at once, or one pod that is all of the canary."""
    for workload in case.workloads:
        where = named(workload, "deployment")
        if not any(c.get("readinessProbe") for c in containers(workload)):
            yield f"{where}: no readiness probe, so pods get requests before they can answer"
        alone = deployment.replicas(workload) == 1 and workload["metadata"]["name"] == case.canary
        if alone:
            yield f"{where}: one pod is all of the canary; its restart is an outage of the canary"
