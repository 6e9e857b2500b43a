"""Which of the mesh's objects are a target's, read through the port; what they say is istio's."""

from rollout.controller import concerns
from rollout.controller.ports import Json, Kube
from rollout.istio import destinationrule, virtualservice
from rollout.model.traffic import Target


def virtual_services(kube: Kube, target: Target) -> tuple[Json, ...]:
    """Every VirtualService the target manages or still marks, those it names first."""
    named = {_key(obj): obj for obj in _named(kube, target)}
    sending = kube.list("VirtualService", concerns.host(target.host))
    found = {_key(obj): obj for obj in virtualservice.discover(sending, target)}
    return tuple((named | found).values())


def missing(kube: Kube, target: Target) -> tuple[str, ...]:
    """One phrase per VirtualService that the spec names and nobody has made."""
    named = {_key(obj) for obj in _named(kube, target)}
    wanted = ((ref.namespace or target.namespace, ref.name) for ref in target.virtual_services)
    return tuple(
        f"virtualservice {namespace}/{name}: not found; make it, or change spec.traffic"
        for namespace, name in wanted
        if (namespace, name) not in named
    )


def destination_rule(kube: Kube, target: Target) -> Json | None:
    """The DestinationRule in force for the target's service; None: there is none."""
    return destinationrule.chosen(
        kube.list("DestinationRule", concerns.host(target.host)), target
    )


def _named(kube: Kube, target: Target) -> list[Json]:
    found = (
        kube.get("VirtualService", ref.namespace or target.namespace, ref.name)
        for ref in target.virtual_services
    )
    return [obj for obj in found if obj is not None]


def _key(obj: Json) -> tuple[str, str]:
    return str(obj["metadata"].get("namespace", "")), str(obj["metadata"]["name"])
