"""The preflight rules over what the cache holds: which objects, for which journey."""

from collections.abc import Callable

from rollout import strategies
from rollout.controller import pods
from rollout.controller.ports import Json, Kube
from rollout.controller.store import Held
from rollout.errors import OutsideError
from rollout.model.observation import Finding
from rollout.model.spec import Rollout
from rollout.model.status import RolloutStatus
from rollout.preflight import rollouts
from rollout.preflight.snapshot import Case, Obj, Objs, Snapshot
from rollout.reconcile import wanted

KINDS = (
    "VirtualService", "DestinationRule", "Service", "Deployment", "Pod", "EndpointSlice",
)  # fmt: skip
"""Those that a look reads anyway; a rule about another kind finds nothing in them."""


def over(kube: Kube) -> Callable[[Held], tuple[Finding, ...]]:
    """The rules for one held Rollout, as the observer asks for them."""

    def findings(held: Held) -> tuple[Finding, ...]:
        return rollouts.findings(case(kube, held.rollout, held.status))

    return findings


def case(kube: Kube, rollout: Rollout, status: RolloutStatus) -> Case:
    """What the rules look at for the journey of the canary, or of what git asks for."""
    canary = status.canary or pods.asked(kube, rollout)[0]
    stops = strategies.plan(rollout.spec.strategy).stops
    return Case(
        snapshot=snapshot(kube),
        target=wanted.target(rollout, status),
        stable=pods.name(rollout, status.stable.name) if status.stable else "",
        canary=pods.name(rollout, canary.name) if canary else "",
        cohorts=stops[-1].route.cohorts,
        sticky=rollout.spec.traffic.stickiness is not None,
    )


def snapshot(kube: Kube) -> Snapshot:
    """All of ``KINDS`` at one moment; a kind that could not be read yet is empty."""
    return Snapshot(
        virtual_services=_all(kube, "VirtualService"),
        destination_rules=_all(kube, "DestinationRule"),
        services=_all(kube, "Service"),
        deployments=_all(kube, "Deployment"),
        pods=_all(kube, "Pod"),
        endpoint_slices=_all(kube, "EndpointSlice"),
        claims={_key(obj): _host(obj) for obj in _all(kube, "Rollout")},
    )


def _all(kube: Kube, kind: str) -> Objs:
    try:
        return tuple(kube.list(kind))
    except OutsideError:
        return ()


def _key(obj: Obj) -> str:
    return f"{obj['metadata'].get('namespace', '')}/{obj['metadata']['name']}"


def _host(obj: Json) -> str:
    service = (obj.get("spec") or {}).get("service", "")
    return f"{service}.{obj['metadata'].get('namespace', '')}.svc.cluster.local"
