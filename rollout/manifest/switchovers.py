"""ClusterSwitchover objects of the cluster, parsed JSON, to nouns, and their status back."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from rollout import lenient
from rollout.manifest import objects, opaque, plain, record
from rollout.model.status import Phase
from rollout.model.switchover import (
    MOVED,
    Side,
    Switchover,
    SwitchoverSpec,
    SwitchoverStatus,
    SwitchStage,
)
from rollout.model.units import adapter_of

KIND = "ClusterSwitchover"

# What may be lost when it cannot be read: nothing of it says where users are.
_MAY_BE_LOST = frozenset({
    ("because",),
    ("waitsFor",),
    ("history",),
    ("lowTtl",),
    ("attempt", "subject"),
    ("attempt", "before"),
    ("attempt", "verdicts"),
    ("attempt", "approvals"),
    ("attempt", "warnings"),
    ("attempt", "checkpoint"),
    ("attempt", "blueCheckpoint"),
})  # fmt: skip


def switchover(obj: Mapping[str, Any]) -> Switchover:
    """The ClusterSwitchover that ``obj`` describes.

    Errors: ``ManifestError`` naming the object and the first mistake.
    """
    namespace = objects.text(lenient.meta(obj), "namespace")
    spec = objects.spec_of(KIND, obj)
    return Switchover(namespace=namespace, spec=spec, **objects.driven(obj))


def remembered(obj: Mapping[str, Any], status: SwitchoverStatus) -> Switchover | None:
    """The switchover ``obj`` by what its status says that it is about; None where it does not.

    Enough to take everyone home by where its own spec cannot be read, and for nothing else.
    """
    subject = status.attempt.subject
    if subject is None:
        return None
    namespace = objects.text(lenient.meta(obj), "namespace")
    known = SwitchoverSpec(subject.blue, subject.green, subject.dns, subject.probes, Side.GREEN)
    return Switchover(namespace=namespace, spec=known, **objects.driven(obj))


def homeward(read: Switchover, status: SwitchoverStatus) -> tuple[Switchover, str]:
    """``read``; where it names other records than users were moved by, these and blue, and why."""
    subject = status.attempt.subject
    under_way = status.stage.name in (*MOVED, SwitchStage.RETURNING)
    if subject is None or not under_way or subject.is_in(read.spec):
        return read, ""
    old = replace(
        read.spec,
        blue=subject.blue,
        green=subject.green,
        dns=subject.dns,
        probes=subject.probes,
        serve=Side.BLUE,
    )
    return replace(read, spec=old), "other records are named: home by those it began with"


def status(obj: Mapping[str, Any]) -> SwitchoverStatus:
    """What the ClusterSwitchover ``obj`` remembers; fresh when it remembers nothing.

    Errors: ``ManifestError`` where it cannot be read which weights were asked for.
    """
    stored = lenient.mapping(obj.get("status"))
    wanted = "restore the status, or delete it once one cluster has all of the weight"
    return record.remembered(
        adapter_of(SwitchoverStatus), stored, _MAY_BE_LOST, (plain.called(KIND, obj), wanted)
    )


def status_json(
    status: SwitchoverStatus, before: Mapping[str, Any], now: datetime
) -> dict[str, Any]:
    """The whole status as JSON; ``before``: the stored one, for its conditions."""
    attempt, split = status.attempt, status.stage.split
    memories = {"checkpoint": attempt.checkpoint, "blueCheckpoint": attempt.blue_checkpoint}
    made = record.written(
        adapter_of(SwitchoverStatus), status, {"attempt": {"checkpoint", "blue_checkpoint"}}
    )
    made |= {"phase": status.phase.value, "observedGeneration": status.observed_generation}
    weights = {"stable": split.stable, "canary": split.canary}
    name = status.stage.name.value
    made["stage"] = {**made.get("stage", {}), "name": name, "split": weights}
    opaque.pack(made, {key: record.finite(dict(value)) for key, value in memories.items()})
    wanted = record.standing(status.phase, status.phase.value, status.because, attempt.pause)
    conditions = record.conditions(wanted, before, status.observed_generation, now)
    return made | {"conditions": conditions}


def still(known: Switchover, obj: Mapping[str, Any]) -> Switchover:
    """What was asked last, where ``obj`` cannot be read; people are heard all the same."""
    return replace(known, **objects.heard(obj))


def unread_json(
    stored: Mapping[str, Any], because: str, generation: int, now: datetime
) -> dict[str, Any]:
    """The status of a switchover that cannot be read: what is stored, and why it stands still."""
    told = SwitchoverStatus(phase=Phase.PAUSED, because=because, observed_generation=generation)
    return record.complaining(status_json(told, stored, now), stored)
