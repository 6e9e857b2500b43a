"""The HorizontalPodAutoscaler of a Deployment: found, and handed over when the spec says so."""

from collections.abc import Iterable, Mapping
from typing import Any

from rollout import lenient
from rollout.errors import visible

Obj = Mapping[str, Any]


def of(hpas: Iterable[Obj], deployment: str) -> Obj | None:
    """The autoscaler that scales ``deployment``; None when nobody does."""
    return next((h for h in hpas if scales(h, deployment)), None)


def scales(hpa: Obj, deployment: str) -> bool:
    """Whether ``hpa`` scales this Deployment."""
    return target(hpa) == deployment


def target(hpa: Obj) -> str:
    """The Deployment that ``hpa`` scales; empty when it scales something else."""
    ref = _ref(hpa)
    return str(ref.get("name")) if ref.get("kind") == "Deployment" else ""


def problem(hpa: Obj) -> str:
    """Why ``hpa`` cannot be handed over, in words; empty when it can.

    Source: KEDA, "Scaling Deployments": its HPA is made from a ScaledObject, and made anew.
    """
    name = hpa["metadata"]["name"]
    for owner in hpa["metadata"].get("ownerReferences") or ():
        if owner.get("kind") == "ScaledObject":
            return f"hpa {name} is KEDA's, which takes a hand-over back"
    kind = _ref(hpa).get("kind")
    if kind is None:
        return f"hpa {name} names nothing to scale"
    told = f"hpa {name} scales a {visible(str(kind))}, not a Deployment"
    return "" if kind == "Deployment" else told


def _ref(hpa: Obj) -> Obj:
    return lenient.mapping(lenient.under(hpa, "spec", "scaleTargetRef"))


def least(hpa: Obj) -> int:
    """How few pods it may leave; Kubernetes' default is 1."""
    count = lenient.under(hpa, "spec", "minReplicas")
    return 1 if count is None else int(count)


def hand_over(hpa: Obj, deployment: str) -> list[dict[str, Any]]:
    """The JSON Patch after which ``hpa`` scales ``deployment``; empty when it does already.

    The new Deployment must have its pods before: the autoscaler begins from what it finds.
    """
    now = target(hpa)
    if now in ("", deployment):
        return []
    path = "/spec/scaleTargetRef/name"
    return [
        {"op": "test", "path": path, "value": now},
        {"op": "replace", "path": path, "value": deployment},
    ]
