"""Which objects are a revision's own: these, and no others, are removed with it.

Never what merely carries its label: gateways, tags and the nodes' agents may, too, and would go
with it (istio/istio #33822, #47423).
Source: istio/istio, ``manifests/charts/istio-control/istio-discovery/templates``.
"""

from collections.abc import Iterator

from rollout import lenient
from rollout.controller.ports import Json, Kube
from rollout.model.inventory import Inventory
from rollout.model.mesh import REV, TAG
from rollout.model.ref import Ref
from rollout.model.upgrading import Recorded

KINDS = (
    "Deployment",
    "Service",
    "HorizontalPodAutoscaler",
    "PodDisruptionBudget",
    "ServiceAccount",
    "ConfigMap",
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
)
_CONFIG_MAPS = ("istio", "istio-sidecar-injector", "values")


def recorded(kube: Kube, inventory: Inventory, revision: str) -> tuple[Recorded, ...]:
    """The objects of ``revision`` as they are now.

    Errors: ``OutsideError`` while one of the kinds cannot be read.
    """
    found = (
        Recorded(
            Ref(kind, lenient.namespace(obj), lenient.name(obj)),
            lenient.text(lenient.under(obj, "metadata", "uid")),
        )
        for kind in KINDS
        for obj in kube.list(kind)
        if _is_own(kind, obj, inventory, revision)
    )
    return tuple(sorted(found, key=lambda each: each.ref))


def _is_own(kind: str, obj: Json, inventory: Inventory, revision: str) -> bool:
    labels, name = lenient.labels(obj), lenient.name(obj)
    own = inventory.revision(revision)
    if own is None or labels.get(REV) != revision or TAG in labels:
        return False
    if kind == "MutatingWebhookConfiguration":
        return name in own.injectors
    if kind == "ValidatingWebhookConfiguration":
        return name not in {each.name for each in inventory.default_validators}
    return lenient.namespace(obj) == own.namespace and name in {*_names(own.name, kind)}


def _names(revision: str, kind: str) -> Iterator[str]:
    """What the charts call a revision's objects of that kind."""
    end = "" if revision == "default" else f"-{revision}"
    if kind == "ConfigMap":
        yield from (f"{stem}{end}" for stem in _CONFIG_MAPS)
    else:
        yield f"istiod{end}"
