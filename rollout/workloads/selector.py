"""Label selectors of Kubernetes, read as the API server reads them."""

from collections.abc import Callable, Mapping
from typing import Any

Labels = Mapping[str, str]

_OPERATORS: Mapping[str, Callable[[str | None, list[str]], bool]] = {
    "In": lambda value, values: value in values,
    "NotIn": lambda value, values: value not in values,
    "Exists": lambda value, _: value is not None,
    "DoesNotExist": lambda value, _: value is None,
}
"""Source: Kubernetes, "Labels and Selectors", set-based requirement."""


def selects(selector: Mapping[str, Any] | None, obj: Mapping[str, Any]) -> bool:
    """Whether a LabelSelector selects ``obj``; None or an empty one selects nothing here.

    (To the API an empty selector means everything; no Deployment may have one.)
    """
    labels = obj["metadata"].get("labels") or {}
    if not selector or not any(selector.values()):
        return False
    return matches(selector.get("matchLabels") or {}, labels) and all(
        _OPERATORS[e["operator"]](labels.get(e["key"]), e.get("values") or [])
        for e in selector.get("matchExpressions") or ()
    )


def matches(wanted: Labels, labels: Labels) -> bool:
    """Whether ``labels`` has every label of ``wanted``, as a Service's selector asks."""
    return wanted.items() <= labels.items()
