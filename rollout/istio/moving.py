"""What points at a control plane, pointed at another: namespaces, tags and the default validator.

Each function answers with leaves by JSON Pointer: as they are, and as they shall be; a leaf that
only one of the two has comes or goes.
Source: istio/istio, ``istioctl/pkg/tag/generate.go`` and ``util.go``: what ``istioctl tag set``
copies from a revision's own webhook configuration.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

Obj = Mapping[str, Any]

REV_LABEL = "/metadata/labels/istio.io~1rev"
INJECTION_LABEL = "/metadata/labels/istio-injection"
WEBHOOKS = "/webhooks"
_PORT = 443  # istioctl tag set always writes it


class Leaves(NamedTuple):
    """Leaves as they are, and as they shall be."""

    before: Mapping[str, Any]
    after: Mapping[str, Any]


def namespace(labels: Mapping[str, str], revision: str) -> Leaves:
    """A namespace whose new pods are injected by ``revision``: both labels in one patch.

    ``istio-injection`` goes: while it is there, ``istio.io/rev`` is ignored.
    """
    paths = {"istio.io/rev": REV_LABEL, "istio-injection": INJECTION_LABEL}
    before = {path: labels[label] for label, path in paths.items() if label in labels}
    return Leaves(before, {REV_LABEL: revision})


def tag(carrier: Obj, own: Obj, revision: str) -> Leaves:
    """The webhook configuration of a tag, pointed where ``own``, that of ``revision``, points.

    The CA bundle comes along: until istiod wrote it anew, every pod would be refused.
    """
    calls = own["webhooks"][0]["clientConfig"]
    return _pointed(carrier, revision, calls.get("service") or {}, calls)


def validator(carrier: Obj, service: tuple[str, str], ca_bundle: str, revision: str) -> Leaves:
    """The default validator, pointed at the Service (namespace, name) of ``revision``."""
    namespace, name = service
    calls = {"caBundle": ca_bundle}
    return _pointed(carrier, revision, {"namespace": namespace, "name": name}, calls)


def _pointed(carrier: Obj, revision: str, service: Obj, calls: Obj) -> Leaves:
    webhooks = [_calling(webhook, service, calls) for webhook in carrier.get("webhooks") or ()]
    before = {WEBHOOKS: carrier.get("webhooks") or []} | _label(carrier)
    return Leaves(before, {WEBHOOKS: webhooks, REV_LABEL: revision})


def _calling(webhook: Obj, service: Obj, calls: Obj) -> dict[str, Any]:
    old = webhook.get("clientConfig") or {}
    new = {"caBundle": calls["caBundle"]} if calls.get("caBundle") else {}
    if calls.get("url"):
        new["url"] = calls["url"]
    else:
        new["service"] = {**(old.get("service") or {}), **service, "port": _PORT}
    return {**webhook, "clientConfig": new}


def tag_service(carrier: Obj, revision: str, selected: Obj) -> Leaves:
    """The Service of a tag, in front of the istiods that ``selected``, the revision's own, has."""
    wanted = (selected.get("spec") or {}).get("selector") or {}
    path = "/spec/selector"
    before = {path: (carrier.get("spec") or {}).get("selector") or {}} | _label(carrier)
    return Leaves(before, {path: dict(wanted), REV_LABEL: revision})


def _label(carrier: Obj) -> dict[str, str]:
    labels = carrier["metadata"].get("labels") or {}
    return {REV_LABEL: labels["istio.io/rev"]} if "istio.io/rev" in labels else {}


def alike(path: str, one: object, other: object) -> bool:
    """Whether a leaf says the same; istiod writes the CA bundles of webhooks itself."""
    if path == WEBHOOKS:
        return _unsigned(one) == _unsigned(other)
    return one == other


def _unsigned(webhooks: object) -> object:
    if not isinstance(webhooks, list):
        return webhooks
    return [
        {
            **each,
            "clientConfig": {
                k: v for k, v in each.get("clientConfig", {}).items() if k != "caBundle"
            },
        }
        for each in webhooks
        if isinstance(each, Mapping)
    ]
