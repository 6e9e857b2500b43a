"""The git source that an object comes from, as its label names it."""

from rollout import lenient
from rollout.controller.ports import Json, Kube
from rollout.errors import OutsideError
from rollout.model.source import LABEL


def url(kube: Kube, obj: Json) -> str:
    """The address of the source that keeps ``obj`` in force; empty where that cannot be told."""
    namespace, _, name = lenient.labels(obj).get(LABEL, "").partition(".")
    try:
        source = kube.get("RolloutSource", namespace, name) if name else None
    except OutsideError:  # a link is not worth waiting for
        return ""
    return lenient.text(lenient.under(source, "spec", "url"))
