"""Status nouns to the JSON of the status subresource, and back; conditions as kstatus has them."""

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from rollout import lenient
from rollout.errors import ManifestError
from rollout.lenient import MAPPING
from rollout.manifest import former, opaque, plain
from rollout.memo import remembered as once
from rollout.model.status import Pause, Phase, RolloutStatus, Stage
from rollout.model.units import adapter_of

T = TypeVar("T")

_LARGEST = 1e300  # JSON has no infinity, and an overflowing e-value says no less than this

_FINITE = frozenset({str, int, bool, type(None)})

# What may be lost when it cannot be read: nothing of it says where traffic is or was sent,
# and a lost approval is asked for again.
_MAY_BE_LOST = frozenset({
    ("because",),
    ("waitsFor",),
    ("history",),
    ("attempt", "verdicts"),
    ("attempt", "approvals"),
    ("attempt", "warnings"),
    ("attempt", "checkpoint"),
    ("attempt", "step", "opened"),
})  # fmt: skip


@once
def status(obj: Mapping[str, Any]) -> RolloutStatus:
    """What the Rollout ``obj`` remembers; fresh when it remembers nothing.

    Looks, the audit log, chats and forges read each version: whoever changes it makes another.
    Fields that a later version wrote are dropped. Of fields that cannot be read, those that
    only tell a story are dropped too. Those that say where traffic is are an error, never a
    fresh start: what runs now would be taken for stable, judged or not.
    Errors: ``ManifestError`` naming the object and the field.
    """
    stored = lenient.mapping(obj.get("status"))
    if former.is_former(stored):
        stored = former.brought_up(stored)
    wanted = "restore the status, or delete it to take what git asks for now as stable"
    return remembered(
        adapter_of(RolloutStatus), stored, _MAY_BE_LOST, (plain.called("Rollout", obj), wanted)
    )


def remembered(
    adapter: TypeAdapter[T],
    stored: Mapping[str, Any],
    may_be_lost: frozenset[tuple[str, ...]],
    complaint: tuple[str, str],
) -> T:
    """The noun that was stored, without what cannot be read and ``may_be_lost``.

    ``complaint``: the object as messages name it, and what is wanted of a person.
    Errors: ``ManifestError`` naming the first field that may not be lost.
    """
    stored = opaque.unpacked(stored)
    try:
        return read(adapter, stored)
    except ValidationError as error:
        found = error.errors(include_url=False)
    lost = {_lost(one["loc"], may_be_lost) for one in found}
    if lost <= may_be_lost:
        return read(adapter, _without(stored, lost))
    field = ".".join(min(lost - may_be_lost))
    raise ManifestError(complaint[0], 0, f"status.{field} cannot be read", complaint[1])


def is_former(obj: Mapping[str, Any]) -> bool:
    """Whether the status of the Rollout ``obj`` has the former shape; to be written anew."""
    return former.is_former(lenient.mapping(obj.get("status")))


def is_idle(obj: Mapping[str, Any]) -> bool:
    """Whether nothing of the Rollout ``obj`` was under way, as far as its status can be read."""
    stored = lenient.mapping(obj.get("status"))
    if former.is_former(stored):
        stored = former.brought_up(stored)
    stage = lenient.mapping(stored.get("stage")).get("name", Stage.IDLE)
    return bool(stage == Stage.IDLE)


def _lost(loc: tuple[int | str, ...], may_be_lost: frozenset[tuple[str, ...]]) -> tuple[str, ...]:
    """The field that goes with the value at ``loc``: the one that may be lost, or the first."""
    path = tuple(str(part) for part in loc)
    heads = [path[:length] for length in range(1, len(path) + 1)]
    return next((head for head in heads if head in may_be_lost), path[:1])


def _without(stored: Mapping[str, Any], lost: Iterable[tuple[str, ...]]) -> dict[str, Any]:
    """``stored`` without the values at these paths."""
    kept = dict(stored)
    for head, *rest in lost:
        if rest:
            kept[head] = _without(lenient.mapping(kept.get(head)), [tuple(rest)])
        else:
            kept.pop(head, None)
    return kept


def read(adapter: TypeAdapter[T], stored: Mapping[str, Any]) -> T:
    """The noun that was stored; what a later version wrote is dropped.

    Errors: pydantic's ``ValidationError``.
    """
    known = {key: value for key, value in stored.items() if value is not None}
    return adapter.validate_python(known, by_alias=True, by_name=False, extra="ignore")


def rollout_json(status: RolloutStatus, before: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """The whole status of a Rollout as JSON; ``before``: the stored one, for its conditions."""
    made = written(adapter_of(RolloutStatus), status, {"attempt": {"checkpoint"}}) | {
        "phase": status.phase.value,
        "observedGeneration": status.observed_generation,
    }
    split = {"stable": status.stage.split.stable, "canary": status.stage.split.canary}
    stage = {"name": status.stage.name.value, "split": split}
    made["stage"] = {**made.get("stage", {}), **stage}
    made["shown"] = {
        side: revision.label
        for side, revision in (("stable", status.stable), ("canary", status.attempt.canary))
        if revision is not None
    }
    opaque.pack(made, {"checkpoint": finite(dict(status.attempt.checkpoint))})
    pause, phase = status.attempt.pause, status.phase
    wanted = standing(phase, _word(status), status.because, pause)
    generation = status.observed_generation
    return made | {"conditions": conditions(wanted, before, generation, now)}


def unread_json(
    stored: Mapping[str, Any], because: str, generation: int, now: datetime
) -> dict[str, Any]:
    """The status of a Rollout that cannot be read: what is stored, and why it stands still."""
    told = RolloutStatus(phase=Phase.PAUSED, because=because, observed_generation=generation)
    kept = former.brought_up(stored) if former.is_former(stored) else stored
    return complaining(rollout_json(told, stored, now), kept)


def complaining(fresh: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """What is stored, which says what ``fresh`` says of why it stands still, and else is kept."""
    said = ("phase", "because", "observedGeneration", "conditions")
    return {**fresh, **stored, **{key: fresh[key] for key in said}}


def written(adapter: TypeAdapter[T], status: T, exclude: Mapping[str, set[str]]) -> dict[str, Any]:
    """``status`` without what is as in a fresh one, so that little is stored.

    It also keeps us off a trap: kube-apiserver 1.20, if built with Go 1.18 or later, takes empty
    text in a typed field for null, and refuses it.
    """
    made: dict[str, Any] = finite(
        adapter.dump_python(
            status,
            mode="json",
            by_alias=True,
            exclude_none=True,
            exclude_defaults=True,
            exclude=dict(exclude),
        )
    )
    return made


def standing(
    phase: Phase, reason: str, because: str, pause: Pause | None
) -> dict[str, tuple[bool, str, str]]:
    """kstatus' three of whatever has a phase: Stalled waits for a person, Reconciling for time.

    Source: github.com/kubernetes-sigs/cli-utils, pkg/kstatus/README.md, "Conditions".
    """
    by_itself = pause is None or not pause.by
    stalled = phase is Phase.DEGRADED or (phase is Phase.PAUSED and by_itself)
    ready = phase is Phase.HEALTHY
    return {
        "Ready": (ready, reason, because),
        "Reconciling": (not ready and not stalled, reason, because),
        "Stalled": (stalled, reason, because),
    }


def _word(status: RolloutStatus) -> str:
    """Why it stands where it stands, in one word: what to search a runbook for."""
    if status.phase is Phase.DEGRADED and status.rejected and status.rejected.cause:
        return status.rejected.cause.value
    if status.phase is Phase.PAUSED and status.attempt.pause:
        return f"Paused{status.attempt.pause.kind.value}"
    if status.phase is Phase.PROGRESSING and status.waits_for:
        return f"WaitingFor{status.waits_for.value}"
    return status.phase.value


def conditions(
    wanted: Mapping[str, tuple[bool, str, str]],
    before: Mapping[str, Any],
    generation: int,
    now: datetime,
) -> list[dict[str, Any]]:
    """Kubernetes conditions; ``lastTransitionTime`` moves only when a condition turns.

    ``wanted``: type to (whether it holds, reason, message). ``before``: the stored status.
    """
    stored = {
        str(one.get("type")): one
        for one in map(lenient.mapping, lenient.items(before.get("conditions")))
    }
    moment = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    made = []
    for type_, (holds, reason, message) in wanted.items():
        old, word = stored.get(type_, {}), "True" if holds else "False"
        same = old.get("status") == word and isinstance(old.get("lastTransitionTime"), str)
        made.append(
            {
                "type": type_,
                "status": word,
                "reason": reason,
                "message": message,
                "lastTransitionTime": old["lastTransitionTime"] if same else moment,
                "observedGeneration": generation,
            }
        )
    return made


def finite(value: Any) -> Any:
    """``value`` without what JSON cannot say: infinities become large, NaN becomes null."""
    if type(value) in _FINITE:  # most of a status are words
        return value
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        return None if math.isnan(value) else math.copysign(_LARGEST, value)
    if isinstance(value, MAPPING):
        return {key: finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner) for inner in value]
    return value
