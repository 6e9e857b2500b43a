"""Istio's objects that may matter to a rollout, found through the index; nothing is searched."""

from collections.abc import Iterable, Sequence

from rollout.controller.ports import Json, Kube
from rollout.controller.seeing import concerns
from rollout.istio import hosts
from rollout.model.spec import Rollout
from rollout.model.traffic import Target


def virtual_services(kube: Kube, target: Target) -> Sequence[Json]:
    """Those that send to the target's service, carry its mark, or are named by it."""
    sending = kube.list("VirtualService", concerns.host(target.host))
    found = {_key(obj): obj for obj in sending}
    for ref in target.virtual_services:
        obj = kube.get("VirtualService", ref.namespace or target.namespace, ref.name)
        if obj is not None:
            found[_key(obj)] = obj
    return tuple(found.values())


def roots(kube: Kube, found: Iterable[Json]) -> Sequence[Json]:
    """Those that delegate to one of ``found``."""
    delegates = [_key(obj) for obj in found if not (obj.get("spec") or {}).get("hosts")]
    named = (concerns.named("VirtualService", *key) for key in delegates)
    every = (obj for one in named for obj in kube.list("VirtualService", one))
    return tuple({_key(obj): obj for obj in every if _key(obj) not in delegates}.values())


def destination_rules(kube: Kube, target: Target) -> Sequence[Json]:
    """Those that are about the target's service, by name or by a pattern."""
    names = (target.host, *hosts.patterns(target.host))
    return [o for name in names for o in kube.list("DestinationRule", concerns.host(name))]


def problems(kube: Kube, rollout: Rollout, *, adopted: bool) -> tuple[str, ...]:
    """Why nobody can manage this service for this Rollout, whatever its routes are.

    A Rollout that is being deleted still gives back what it has.
    """
    if rollout.deleting:
        return ()
    if problem := unserved(kube, rollout):
        return (problem,)
    first = next(iter(rivals(kube, rollout)), "")
    if adopted or not first:
        return ()
    service = rollout.spec.service
    return (f"service {service}: rollout {first} has it already; one of the two must go",)


def unserved(kube: Kube, rollout: Rollout) -> str:
    """That the Service is not there, in words; empty when it is."""
    service = rollout.spec.service
    if kube.get("Service", rollout.namespace, service) is not None:
        return ""
    return f"service {rollout.namespace}/{service}: is not there; it is wanted"


def rivals(kube: Kube, rollout: Rollout) -> list[str]:
    """The keys of Rollouts for the same service that were made before this one.

    Who came first goes on: a second one must not be able to stop it.
    """
    claims = {
        f"{obj['metadata'].get('namespace', '')}/{obj['metadata']['name']}": obj
        for obj in kube.list("Rollout", concerns.host(rollout.host))
    }
    mine = _age(claims.get(rollout.key) or {"metadata": {}}), rollout.key
    return sorted(key for key, obj in claims.items() if (_age(obj), key) < mine)


def _age(obj: Json) -> str:
    """When it was made; what is not there yet will be the youngest."""
    return str(obj["metadata"].get("creationTimestamp") or "~")


def _key(obj: Json) -> tuple[str, str]:
    return str(obj["metadata"].get("namespace", "")), str(obj["metadata"]["name"])
