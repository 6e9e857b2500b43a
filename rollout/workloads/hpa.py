"""The HorizontalPodAutoscaler of a Deployment: found, and handed over when the spec says so."""

from collections.abc import Iterable, Mapping
from typing import Any

Obj = Mapping[str, Any]


def of(hpas: Iterable[Obj], deployment: str) -> Obj | None:
    """The autoscaler that scales ``deployment``; None when nobody does."""
    return next((h for h in hpas if scales(h, deployment)), None)


def scales(hpa: Obj, deployment: str) -> bool:
    """Whether ``hpa`` scales this Deployment."""
    ref = hpa["spec"].get("scaleTargetRef") or {}
    return (ref.get("kind"), ref.get("name")) == ("Deployment", deployment)


def least(hpa: Obj) -> int:
    """How few pods it may leave; Kubernetes' default is 1."""
    count = hpa["spec"].get("minReplicas")
    return 1 if count is None else int(count)


def hand_over(hpa: Obj, deployment: str) -> list[dict[str, Any]]:
    """The JSON Patch after which ``hpa`` scales ``deployment``; empty when it does already.

    The new Deployment must have its pods before: the autoscaler begins from what it finds.
    """
    if scales(hpa, deployment):
        return []
    path = "/spec/scaleTargetRef/name"
    now = hpa["spec"]["scaleTargetRef"]["name"]
    return [
        {"op": "test", "path": path, "value": now},
        {"op": "replace", "path": path, "value": deployment},
    ]
