"""The labels that Istio's charts give to every object of a control plane.

Source: istio/istio, manifests/charts/istio-control/istio-discovery/templates (1.29, 1.30).
"""

from collections.abc import Mapping

from rollout.lab.revisions.names import REV, Revision


def chart(name: str = "istiod", version: str = "istiod-1.0.0") -> dict[str, str]:
    """What Helm's helper template gives to all of them; ``istioctl`` renders chart 1.0.0."""
    return {
        "app.kubernetes.io/instance": "istio",
        "app.kubernetes.io/managed-by": "Helm",
        "app.kubernetes.io/name": name,
        "app.kubernetes.io/part-of": "istio",
        "app.kubernetes.io/version": "1.0.0",
        "helm.sh/chart": version,
    }


def of(revision: Revision, app: str, **more: str) -> dict[str, str]:
    """Of an object of ``revision``; ``more``: names without a prefix, such as ``istio``."""
    return {"app": app, **chart(), REV: revision.name, "release": "istio", **more}


OPERATED: Mapping[str, str] = {
    "install.operator.istio.io/owning-resource": "unknown",
    "operator.istio.io/component": "Pilot",
}
"""By these ``istioctl uninstall`` finds what it installed; tags that people make lack them."""
