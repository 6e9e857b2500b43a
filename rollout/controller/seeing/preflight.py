"""The snapshot that the preflight rules look at, from the cache; what they find is theirs."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from rollout import strategies
from rollout.controller.ports import Json, Kube
from rollout.controller.seeing import concerns, mesh
from rollout.errors import OutsideError
from rollout.istio import destinationrule, hosts
from rollout.model.finding import Finding, Severity
from rollout.model.spec import AnalysisTemplateSpec, Metric, Rollout
from rollout.model.traffic import Route, Sticky, Target
from rollout.preflight import rollouts
from rollout.preflight.snapshot import Case, Snapshot
from rollout.strategies import Stop
from rollout.workloads import deployment

if TYPE_CHECKING:
    from rollout.model.status import Revision

KINDS = (
    "Gateway",
    "Sidecar",
    "PeerAuthentication",
    "AuthorizationPolicy",
    "HorizontalPodAutoscaler",
    "PodDisruptionBudget",
    "Namespace",
    "NetworkPolicy",
    "Telemetry",
)
"""Kinds that only the rules read; where we may not read one, its rules find nothing."""

UNREAD = ODD = "ROL-000"
"""The rule of what cannot be read, so that other rules cannot be asked of it."""


def findings(
    kube: Kube,
    rollout: Rollout,
    target: Target,
    stable: "Revision | None",
    canary: "Revision | None",
    moved_by: str = "",
) -> tuple[Finding, ...]:
    """What the rules say of a journey from ``stable`` to ``canary``.

    ``moved_by``: the upgrade of the mesh that moves the rollout's namespace now; empty: none.
    """
    odd = (Finding(ODD, Severity.BLOCK, text) for text in mesh.oddities(kube, target))
    return (*odd, *rollouts.findings(case(kube, rollout, target, stable, canary, moved_by)))


def case(
    kube: Kube,
    rollout: Rollout,
    target: Target,
    stable: "Revision | None",
    canary: "Revision | None",
    moved_by: str = "",
) -> Case:
    """What the rules look at."""
    names = tuple(rollout.deployment(one.name) if one else "" for one in (stable, canary))
    stops, workload = strategies.plan(rollout.spec.strategy).stops, rollout.spec.workload
    ahead = _ahead(rollout, stops) if target.canary else ()
    return Case(
        snapshot=replace(_snapshot(kube, rollout, target, names, ahead), moved_by=moved_by),
        target=target,
        stable=names[0],
        canary=names[1],
        cohorts=stops[-1].route.cohorts,  # what a step lets in stays in
        sticky=rollout.spec.traffic.stickiness is not None,
        autoscaler=workload.autoscaler.name if workload.autoscaler else "",
        templated=workload.template is not None,
        ahead=ahead,
        counted=tuple(dict.fromkeys(m.name for m in _metrics(rollout, stops) if _holds(m))),
        uses=rollout.spec.analysis.templates,
        templates=rollout.templates,
        server_side=rollout.spec.analysis.reporter == "destination",
        overruled={one.rule: one.reason for one in rollout.spec.preflight.overrule},
    )


def _metrics(rollout: Rollout, stops: Iterable[Stop]) -> Iterator[Metric]:
    """Every metric that may hold a gate: the rollout's, its templates', its steps'."""
    yield from rollout.spec.analysis.metrics
    for template in rollout.templates.values():
        yield from template.metrics if isinstance(template, AnalysisTemplateSpec) else ()
    for stop in stops:
        yield from stop.step.analysis


def _holds(metric: Metric) -> bool:
    return metric.counts_requests and not metric.dry_run


def _ahead(rollout: Rollout, stops: Iterable[Stop]) -> tuple[Route, ...]:
    """The routes of all steps; which value a cookie will have makes no difference to a rule."""
    found = tuple(stop.route for stop in stops)
    wanted = rollout.spec.traffic.stickiness
    if wanted is None:
        return found
    sticky = Sticky(wanted.cookie, "canary", wanted.for_, "stable")
    return tuple(replace(r, sticky=sticky) if r.split.canary else r for r in found)


def _snapshot(
    kube: Kube,
    rollout: Rollout,
    target: Target,
    names: Iterable[str],
    ahead: Iterable[Route],
) -> Snapshot:
    space = rollout.namespace
    routes = mesh.virtual_services(kube, target)
    every = (*routes, *mesh.roots(kube, routes))
    slices = kube.list("EndpointSlice", concerns.host(rollout.host))
    ours = [concerns.deployment(space, name) for name in names if name]
    return Snapshot(
        virtual_services=every,
        destination_rules=(*mesh.destination_rules(kube, target),),
        services=_services(kube, space, every),
        deployments=tuple(obj for one in ours for obj in kube.list("Deployment", one)),
        pods=_pods(kube, space, ours, slices),
        endpoint_slices=(*slices,),
        gateways=_perhaps(kube, "Gateway"),
        sidecars=_perhaps(kube, "Sidecar"),
        peer_authentications=_inside(kube, "PeerAuthentication", space, destinationrule.ROOT),
        authorization_policies=_perhaps(kube, "AuthorizationPolicy"),
        hpas=_inside(kube, "HorizontalPodAutoscaler", space),
        pdbs=_inside(kube, "PodDisruptionBudget", space),
        namespaces=_namespace(kube, space),
        network_policies=_inside(kube, "NetworkPolicy", space),
        telemetries=_inside(kube, "Telemetry", space, destinationrule.ROOT),
        claims=dict.fromkeys(mesh.rivals(kube, rollout), rollout.host),
        beside=mesh.beside(kube, target, next((r for r in ahead if r.is_dressed), None)),
    )


def _pods(
    kube: Kube, namespace: str, ours: Iterable[str], slices: Iterable[Json]
) -> tuple[Json, ...]:
    """Those of both revisions, ready or not, and all others that are behind the Service."""
    mine = {str(obj["metadata"]["name"]): obj for one in ours for obj in kube.list("Pod", one)}
    others = {name for name in deployment.endpoints(slices) if name not in mine}
    found = (kube.get("Pod", namespace, name) for name in sorted(others))
    return (*mine.values(), *(obj for obj in found if obj is not None))


def _services(kube: Kube, namespace: str, routes: Iterable[Json]) -> tuple[Json, ...]:
    """Those of our namespace, and those that the routes' hosts mean: never all of the cluster."""
    found = {_key(obj): obj for obj in kube.list("Service", concerns.inside("Service", namespace))}
    for obj in routes:
        space = str(obj["metadata"].get("namespace", "")) or namespace
        for name in (obj.get("spec") or {}).get("hosts") or ():
            meant = kube.list("Service", concerns.host(hosts.full(str(name), space)))
            found |= {_key(service): service for service in meant}
    return tuple(found.values())


def _key(obj: Json) -> tuple[str, str]:
    return str(obj["metadata"].get("namespace", "")), str(obj["metadata"]["name"])


def _inside(kube: Kube, kind: str, *namespaces: str) -> tuple[Json, ...]:
    """Those of these namespaces; the index knows them, so that nothing is searched."""
    spaces = dict.fromkeys(namespaces)
    return tuple(obj for one in spaces for obj in _perhaps(kube, kind, concerns.inside(kind, one)))


def _namespace(kube: Kube, name: str) -> tuple[Json, ...]:
    try:
        found = kube.get("Namespace", "", name)
    except OutsideError:
        return ()
    return () if found is None else (found,)


def _perhaps(kube: Kube, kind: str, concern: str = "") -> tuple[Json, ...]:
    try:
        return tuple(map(mesh.mended, kube.list(kind, concern)))
    except OutsideError:
        return ()
