"""The snapshot that the preflight rules look at, from the cache; what they find is theirs."""

from collections.abc import Iterable

from rollout import strategies
from rollout.controller.ports import Json, Kube
from rollout.controller.seeing import concerns, mesh
from rollout.errors import OutsideError
from rollout.model.observation import Finding, Questions
from rollout.model.spec import Rollout
from rollout.model.status import Revision
from rollout.preflight import rollouts
from rollout.preflight.snapshot import Case, Snapshot

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


def findings(
    kube: Kube, rollout: Rollout, asked: Questions, stable: Revision | None, canary: Revision | None
) -> tuple[Finding, ...]:
    """What the rules say of a journey from ``stable`` to ``canary``."""
    names = tuple(rollout.deployment(one.name) if one else "" for one in (stable, canary))
    stops, workload = strategies.plan(rollout.spec.strategy).stops, rollout.spec.workload
    case = Case(
        snapshot=_snapshot(kube, rollout, asked, names),
        target=asked.target,
        stable=names[0],
        canary=names[1],
        cohorts=stops[-1].route.cohorts,  # what a step lets in stays in
        sticky=rollout.spec.traffic.stickiness is not None,
        autoscaler=workload.autoscaler.name if workload.autoscaler else "",
        templated=workload.template is not None,
    )
    return rollouts.findings(case)


def _snapshot(kube: Kube, rollout: Rollout, asked: Questions, names: Iterable[str]) -> Snapshot:
    space = rollout.namespace
    ours = [concerns.deployment(space, name) for name in names if name]
    return Snapshot(
        virtual_services=(*mesh.virtual_services(kube, asked.target),),
        destination_rules=(*mesh.destination_rules(kube, asked.target),),
        services=(*kube.list("Service"),),
        deployments=tuple(obj for one in ours for obj in kube.list("Deployment", one)),
        pods=tuple(obj for one in ours for obj in kube.list("Pod", one)),
        endpoint_slices=(*kube.list("EndpointSlice", concerns.host(rollout.host)),),
        gateways=_perhaps(kube, "Gateway"),
        sidecars=_perhaps(kube, "Sidecar"),
        peer_authentications=_perhaps(kube, "PeerAuthentication"),
        authorization_policies=_perhaps(kube, "AuthorizationPolicy"),
        hpas=_perhaps(kube, "HorizontalPodAutoscaler"),
        pdbs=_perhaps(kube, "PodDisruptionBudget"),
        namespaces=_perhaps(kube, "Namespace"),
        network_policies=_perhaps(kube, "NetworkPolicy"),
        telemetries=_perhaps(kube, "Telemetry"),
        claims=dict.fromkeys(mesh.rivals(kube, rollout), rollout.host),
    )


def _perhaps(kube: Kube, kind: str) -> tuple[Json, ...]:
    try:
        return tuple(kube.list(kind))
    except OutsideError:
        return ()
