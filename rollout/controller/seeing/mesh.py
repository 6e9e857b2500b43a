"""Istio's objects that may matter to a rollout, found through the index; nothing is searched."""

from collections.abc import Sequence

from rollout.controller.ports import Json, Kube
from rollout.controller.seeing import concerns
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


def destination_rules(kube: Kube, target: Target) -> Sequence[Json]:
    """Those that are about the target's service."""
    return kube.list("DestinationRule", concerns.host(target.host))


def _key(obj: Json) -> tuple[str, str]:
    return str(obj["metadata"].get("namespace", "")), str(obj["metadata"]["name"])
