"""What an object's metadata becomes: labels and annotations go along, another's own do not."""

from typing import Any

from rollout.convert.fields import Fate, Fields

_SERVERS = (
    *("name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp"),
    *("managedFields", "selfLink"),
)
_THEIRS = {
    "notifications.argoproj.io/": "spec.notify says who hears of what",
    "rollout.argoproj.io/": "Argo Rollouts' own bookkeeping",
    "flagger.app/": "Flagger's own bookkeeping",
    "kubectl.kubernetes.io/last-applied-configuration": "it is what kubectl applied of the other",
    "argocd.argoproj.io/tracking-id": "Argo CD writes it anew: it names the other kind",
}
"""Annotations that mean something to another controller, or of the other object, alone."""


def metadata(whole: Fields) -> dict[str, Any]:
    """``labels`` and ``annotations`` of ours, as far as there are any."""
    meta = whole.sub("metadata")
    meta.ignored(*_SERVERS)
    meta.lost("finalizers", "whoever wrote them lets the other object go")
    meta.lost("ownerReferences", "ours belongs to git; write an owner by hand if it has one")
    labels = meta.converted("labels", dict, "metadata.labels")
    notes = meta.sub("annotations")
    kept = {}
    for key, value in notes.value.items():
        why = next((why for name, why in _THEIRS.items() if str(key).startswith(name)), None)
        notes.tell(key, Fate.CONVERTED if why is None else Fate.LOST, why or "metadata.annotations")
        if why is None:
            kept[key] = value
    found = {"labels": labels, "annotations": kept}
    return {key: dict(value) for key, value in found.items() if value}
