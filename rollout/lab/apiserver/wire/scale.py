"""The ``/scale`` subresource: one number of an object, in a form that all scalers know.

Source: Kubernetes API reference, Scale (autoscaling/v1).
"""

from __future__ import annotations

from typing import Any

from rollout.lab.apiserver.kinds.kind import Kind, Scale

JsonObject = dict[str, Any]


def shown(document: JsonObject, kind: Kind) -> JsonObject:
    """The Scale of a stored object."""
    rule = kind.scale or Scale()
    metadata = document["metadata"]
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    status: JsonObject = {"replicas": _at(document, rule.status) or 0}
    selector = _selector_text(_at(document, rule.selector) if rule.selector else None)
    if selector:
        status["selector"] = selector
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: metadata[key] for key in kept if key in metadata},
        "spec": {"replicas": _at(document, rule.replicas) or 0},
        "status": status,
    }


def scaled(document: JsonObject, kind: Kind, scale: JsonObject) -> JsonObject:
    """The object with the replicas, and the resourceVersion if any, of ``scale``."""
    rule = kind.scale or Scale()
    replicas = (scale.get("spec") or {}).get("replicas", 0)
    changed = _with(document, rule.replicas.split("."), replicas)
    revision = (scale.get("metadata") or {}).get("resourceVersion")
    metadata = {**document["metadata"]}
    if revision:
        metadata["resourceVersion"] = revision
    return {**changed, "metadata": metadata}


def _at(document: Any, path: str) -> Any:
    for part in path.split("."):
        document = document.get(part) if isinstance(document, dict) else None
    return document


def _with(document: Any, path: list[str], value: Any) -> JsonObject:
    head, *rest = path
    found = document if isinstance(document, dict) else {}
    return {**found, head: _with(found.get(head), rest, value) if rest else value}


def _selector_text(selector: Any) -> str:
    if isinstance(selector, str):
        return selector
    labels = (selector or {}).get("matchLabels") or {}
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
