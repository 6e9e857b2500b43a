"""Questions about pods and their owners that several controllers ask; nothing is decided here."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from rollout.lab.kube.client import Object


def owner(obj: Object, kind: str) -> str:
    """The uid of the controlling owner of ``kind``; empty if there is none."""
    for reference in obj["metadata"].get("ownerReferences", ()):
        if reference["kind"] == kind and reference.get("controller"):
            return str(reference["uid"])
    return ""


def reference(obj: Object) -> Object:
    """What a made object says of ``obj``, its controlling owner."""
    return {
        "apiVersion": obj["apiVersion"],
        "kind": obj["kind"],
        "name": obj["metadata"]["name"],
        "uid": obj["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def leaving(obj: Object) -> bool:
    """Somebody has deleted it; only its finalizers keep it."""
    return bool(obj["metadata"].get("deletionTimestamp"))


def condition(obj: Object, kind: str) -> Object | None:
    """The condition ``kind`` of the status, if it has one."""
    found = obj.get("status", {}).get("conditions") or ()
    return next((each for each in found if each["type"] == kind), None)


def ready(pod: Object) -> bool:
    """Requests may come: its probe says yes, and nobody has deleted it."""
    found = condition(pod, "Ready")
    return bool(found and found["status"] == "True") and not leaving(pod)


def available_at(pod: Object, min_ready: timedelta) -> datetime | None:
    """When the pod has been, or will have been, ready for ``min_ready``; None while it is not."""
    found = condition(pod, "Ready")
    if not ready(pod) or found is None:
        return None
    return moment(found["lastTransitionTime"]) + min_ready


def selected(labels: Mapping[str, str] | None, selector: Mapping[str, str]) -> bool:
    """All of ``selector`` stands in ``labels``; an empty selector selects nothing."""
    return bool(selector) and all((labels or {}).get(k) == v for k, v in selector.items())


def labels(obj: Object) -> dict[str, str]:
    """All of them; empty where the object, or a pod template, has none."""
    return dict(obj["metadata"].get("labels") or {})


def workload(pod: Object) -> str:
    """The Deployment's name, as Istio reads it off the ReplicaSet's name; else the pod's own."""
    digest = labels(pod).get("pod-template-hash", "")
    for each in pod["metadata"].get("ownerReferences", ()):
        return str(each["name"]).removesuffix(f"-{digest}" if digest else "")
    return str(pod["metadata"]["name"])


def moment(text: str) -> datetime:
    """A time as Kubernetes writes it."""
    return datetime.fromisoformat(text)


def stamp(now: datetime) -> str:
    """``now`` as Kubernetes writes times: whole seconds, UTC."""
    return now.strftime("%Y-%m-%dT%H:%M:%SZ")


def soonest(moments: Iterable[datetime | None], now: datetime) -> timedelta | None:
    """How long until the first of ``moments`` that is still to come; None if none is."""
    ahead = [each - now for each in moments if each is not None and each > now]
    return min(ahead, default=None)


def differs(found: Any, wanted: Any) -> bool:
    """Some part of ``wanted`` stands otherwise in ``found``; what else is in there is no matter.

    The API server adds nulls and defaults of its own, inside lists too.
    """
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        return any(differs(found.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list) and isinstance(found, list):
        return len(found) != len(wanted) or any(map(differs, found, wanted))
    return bool((found or None) != (wanted or None))
