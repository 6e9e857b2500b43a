"""The snapshot that the preflight rules look at, from the cache; what they find is theirs."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rollout import lenient, strategies
from rollout.controller.ports import Json, Kube
from rollout.controller.seeing import choosing, concerns, mesh
from rollout.errors import OutsideError
from rollout.istio import destinationrule, hosts
from rollout.istio.routes import reach
from rollout.model.finding import Finding, Severity
from rollout.model.spec import AnalysisTemplateSpec, Metric, Rollout
from rollout.model.traffic import Route, Sticky, Target
from rollout.preflight import rollouts
from rollout.preflight.snapshot import Case, Objs, Snapshot
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
    deployments = tuple(obj for one in ours for obj in kube.list("Deployment", one))
    near = _Near(kube, space, [*map(_carried, deployments)] or [{}])
    return Snapshot(
        virtual_services=every,
        destination_rules=(*mesh.destination_rules(kube, target),),
        services=_services(near, target, every),
        deployments=deployments,
        pods=_pods(kube, space, ours, slices),
        endpoint_slices=(*slices,),
        gateways=_gateways(kube, space, every),
        sidecars=_perhaps(lambda: kube.list("Sidecar")),
        peer_authentications=near.policies("PeerAuthentication", space, destinationrule.ROOT),
        authorization_policies=_authorization(near),
        hpas=_scalers(kube, rollout, names),
        pdbs=near.policies("PodDisruptionBudget", space),
        namespaces=_perhaps(lambda: (kube.get("Namespace", "", space),)),
        network_policies=near.policies("NetworkPolicy", space),
        telemetries=near.policies("Telemetry", space, destinationrule.ROOT),
        claims=dict.fromkeys(mesh.rivals(kube, rollout), rollout.host),
        beside=mesh.beside(kube, target, next((r for r in ahead if r.is_dressed), None)),
    )


def _carried(workload: Json) -> Mapping[str, str]:
    """The labels of its pods."""
    return lenient.texts(lenient.under(workload, "spec", "template", "metadata", "labels"))


@dataclass(frozen=True, slots=True)
class _Near:
    """What chooses the pods of a namespace by the labels that they carry, each of ``labels``."""

    kube: Kube
    namespace: str
    labels: Sequence[Mapping[str, str]]

    def choosing(self, kind: str, namespace: str) -> list[Json]:
        """Those of ``kind`` in ``namespace`` that may choose our pods, by name; others too."""
        named = (one for labels in self.labels for one in choosing.pods(kind, namespace, labels))
        return _each_once([o for one in dict.fromkeys(named) for o in self.kube.list(kind, one)])

    def policies(self, kind: str, *namespaces: str) -> Objs:
        """As ``choosing``, of these namespaces, one after the other; none where we may not read."""
        spaces = dict.fromkeys(namespaces)
        return _perhaps(lambda: [obj for one in spaces for obj in self.choosing(kind, one)])


def _pods(
    kube: Kube, namespace: str, ours: Iterable[str], slices: Iterable[Json]
) -> tuple[Json, ...]:
    """Those of both revisions, ready or not, and all others that are behind the Service."""
    mine = {str(obj["metadata"]["name"]): obj for one in ours for obj in kube.list("Pod", one)}
    others = {name for name in deployment.endpoints(slices) if name not in mine}
    found = (kube.get("Pod", namespace, name) for name in sorted(others))
    return (*mine.values(), *(obj for obj in found if obj is not None))


def _services(near: _Near, target: Target, routes: Iterable[Json]) -> Objs:
    """Ours, those that choose our pods, too, and those that the routes' hosts mean."""
    meant = [target.host]
    for obj in routes:
        space = str(obj["metadata"].get("namespace", "")) or near.namespace
        meant += [
            hosts.full(str(name), space) for name in (obj.get("spec") or {}).get("hosts") or ()
        ]
    named = [o for host in meant for o in near.kube.list("Service", concerns.host(host))]
    return tuple(_each_once((*near.choosing("Service", near.namespace), *named)))


def _gateways(kube: Kube, namespace: str, routes: Iterable[Json]) -> Objs:
    """Those that the routes are bound to."""
    named = [
        (space or str(obj["metadata"].get("namespace") or namespace), short)
        for obj in routes
        for space, _, short in (str(name).rpartition("/") for name in reach.gateways(obj))
        if short != reach.MESH or space
    ]
    return _perhaps(lambda: [kube.get("Gateway", *key) for key in dict.fromkeys(named)])


def _authorization(near: _Near) -> Objs:
    """Those that may choose our pods; where none does, another, if there is one in the mesh."""
    kind = "AuthorizationPolicy"
    found = near.policies(kind, near.namespace, destinationrule.ROOT)
    return tuple(_each_once(found)) or _perhaps(lambda: (near.kube.some(kind),))


def _scalers(kube: Kube, rollout: Rollout, names: Iterable[str]) -> Objs:
    """Those of both revisions' Deployments, and the one that the spec names."""
    kind, space, wanted = "HorizontalPodAutoscaler", rollout.namespace, rollout.spec.workload
    named = [concerns.scaling(space, name) for name in names if name]
    if wanted.autoscaler is not None:
        named.append(concerns.named(kind, space, wanted.autoscaler.name))
    return _perhaps(lambda: _each_once([obj for one in named for obj in kube.list(kind, one)]))


def _perhaps(read: Callable[[], Iterable[Json | None]]) -> Objs:
    """What is there of what is read, mended; nothing where we may not read it."""
    try:
        return tuple(mesh.mended(obj) for obj in read() if obj is not None)
    except OutsideError:
        return ()


def _each_once(objs: Iterable[Json]) -> list[Json]:
    """By namespace and name."""
    found = {_key(obj): obj for obj in objs}
    return [found[key] for key in sorted(found)]


def _key(obj: Json) -> tuple[str, str]:
    return str(obj["metadata"].get("namespace", "")), str(obj["metadata"]["name"])
