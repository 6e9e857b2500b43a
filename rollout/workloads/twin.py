"""A second Deployment beside an injected gateway's, for pods of another control plane.

Source: Istio, "Installing Gateways", "Canary upgrade (advanced)": the same labels, so that the
Service in front, Istio's Gateway objects and its policies select both.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

Obj = Mapping[str, Any]

REV = "istio.io/rev"
MARK = "rollout.dev/mesh-revision"
"""Tells the twin's pods from the others, in its own selector alone."""


def name(original: str, revision: str) -> str:
    """The twin's name, within what a Deployment may be called."""
    whole = f"{original}-{revision}"
    if len(whole) <= 63:
        return whole
    told = hashlib.sha256(whole.encode()).hexdigest()[:6]
    return f"{whole[:56].rstrip('-')}-{told}"


def of(original: Obj, revision: str, replicas: int) -> dict[str, Any]:
    """The twin of a gateway's Deployment: its pods are the same but for who injects them.

    Its template may name no revision but ``revision``; what GitOps tools write on the original
    (labels and annotations of ownership) is left out, so that none of them takes it for its own.
    """
    metadata, spec = original["metadata"], original["spec"]
    template = spec["template"]
    labels = {**(template["metadata"].get("labels") or {}), REV: revision, MARK: revision}
    selector = {**(spec["selector"].get("matchLabels") or {}), MARK: revision}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": name(metadata["name"], revision),
            "namespace": metadata.get("namespace", ""),
            "labels": {"app.kubernetes.io/managed-by": "rollout", MARK: revision},
        },
        "spec": {
            **spec,
            "replicas": replicas,
            "selector": {**spec["selector"], "matchLabels": selector},
            "template": {**template, "metadata": {**template["metadata"], "labels": labels}},
        },
    }
