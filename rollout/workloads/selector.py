"""Label selectors of workloads, where an empty one selects nothing."""

from collections.abc import Mapping
from typing import Any

from rollout import labels as selecting
from rollout.labels import Labels


def selects(selector: Mapping[str, Any] | None, obj: Mapping[str, Any]) -> bool:
    """Whether a LabelSelector selects ``obj``; None or an empty one selects nothing here.

    (To the API an empty selector means everything; no Deployment may have one.)
    """
    labels = obj["metadata"].get("labels") or {}
    if not selector or not any(selector.values()):
        return False
    if not matches(selector.get("matchLabels") or {}, labels):
        return False
    return not selector.get("matchExpressions") or selecting.selector(selector).matches(labels)


def matches(wanted: Labels, labels: Labels) -> bool:
    """Whether ``labels`` has every label of ``wanted``, as a Service's selector asks."""
    return wanted.items() <= labels.items()
