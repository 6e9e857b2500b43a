"""ControlPlaneUpgrade objects of the cluster, parsed JSON, to nouns, and their status back."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from rollout import lenient
from rollout.manifest import objects, opaque, plain, record
from rollout.model.status import Phase
from rollout.model.units import adapter_of
from rollout.model.upgrade import ControlPlaneUpgrade, ControlPlaneUpgradeSpec
from rollout.model.upgrading import UpgradeStatus

KIND = "ControlPlaneUpgrade"

# What may be lost when it cannot be read: nothing of it says what we changed.
_MAY_BE_LOST = frozenset({
    ("because",),
    ("awaits",),
    ("history",),
    ("attempt", "verdicts"),
    ("attempt", "approvals"),
    ("attempt", "warnings"),
    ("attempt", "checkpoint"),
})  # fmt: skip


def upgrade(obj: Mapping[str, Any]) -> ControlPlaneUpgrade:
    """The ControlPlaneUpgrade that ``obj`` describes.

    Errors: ``ManifestError`` naming the object and the first mistake.
    """
    return ControlPlaneUpgrade(spec=objects.spec_of(KIND, obj), **objects.driven(obj))


def remembered(obj: Mapping[str, Any], status: UpgradeStatus) -> ControlPlaneUpgrade | None:
    """The upgrade ``obj`` by what its status says that it is from and to; None where it does not.

    Enough to take everything back where its own spec cannot be read, and for nothing else.
    """
    old, new = status.attempt.asked_from, status.attempt.asked_to
    if not old or not new:
        return None
    namespace = objects.text(lenient.mapping(obj.get("spec")), "istioNamespace")
    spec = ControlPlaneUpgradeSpec(old, new)
    if namespace:
        spec = replace(spec, istio_namespace=namespace)
    return ControlPlaneUpgrade(spec=spec, **objects.driven(obj))


def status(obj: Mapping[str, Any]) -> UpgradeStatus:
    """What the ControlPlaneUpgrade ``obj`` remembers; fresh when it remembers nothing.

    Errors: ``ManifestError`` where what we changed cannot be read: nobody could take it back.
    """
    stored = lenient.mapping(obj.get("status"))
    complaint = plain.called(KIND, obj), "restore the status: it is the way back"
    return record.remembered(adapter_of(UpgradeStatus), stored, _MAY_BE_LOST, complaint)


def status_json(status: UpgradeStatus, before: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """The whole status as JSON; ``before``: the stored one, for its conditions."""
    made = record.written(adapter_of(UpgradeStatus), status, {"attempt": {"checkpoint"}}) | {
        "phase": status.phase.value,
        "state": status.state.value,
        "observedGeneration": status.observed_generation,
    }
    opaque.pack(made, {"checkpoint": record.finite(dict(status.attempt.checkpoint))})
    pause = status.attempt.pause
    wanted = record.standing(status.phase, status.state.value, status.because, pause)
    conditions = record.conditions(wanted, before, status.observed_generation, now)
    return made | {"conditions": conditions}


def unread_json(
    stored: Mapping[str, Any], because: str, generation: int, now: datetime
) -> dict[str, Any]:
    """The status of an upgrade that cannot be read: what is stored, and why it stands still."""
    told = UpgradeStatus(Phase.PAUSED, because, observed_generation=generation)
    return record.complaining(status_json(told, stored, now), stored)
