"""Our one annotation on a shared object: the epoch, and what its author wrote where we write."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from rollout.errors import ConflictError
from rollout.model.traffic import Target
from rollout.model.units import adapter_of

PREFIX = "rollout.dev/"
_LAST = 2**53  # epochs end before numbers that not every reader of JSON keeps
_LONGEST = 63  # the name part of an annotation key (Kubernetes, "Annotations", syntax)


@dataclass(frozen=True, slots=True)
class Kept:
    """What the author wrote for our destinations of one route.

    ``at``: which route, by name or by its match, never by position.
    ``was``: subset and weight of each, as written; None means the key was absent.
    ``now``: the subset that we gave each, aligned with ``was``.
    ``made``: subsets of the destinations that we added.
    """

    at: str
    was: tuple[tuple[str | None, int | None], ...]
    now: tuple[str | None, ...]
    made: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ObjectMemory:
    """What one rollout remembers on one object; ``subsets`` are those of our making."""

    epoch: int
    host: str
    base: tuple[Kept, ...] = ()
    subsets: tuple[str, ...] = ()


def key(target: Target) -> str:
    """The annotation of this rollout: one a rollout, so that several may share an object."""
    name = f"{target.rollout}.{target.namespace}"
    if len(name) > _LONGEST:
        name = f"{name[: _LONGEST - 11]}-{hashlib.sha256(name.encode()).hexdigest()[:10]}"
    return PREFIX + name


def read(obj: Mapping[str, Any], target: Target) -> ObjectMemory | None:
    """What this rollout wrote on ``obj``; None when nothing, or when it cannot be read as ours."""
    return _parsed(_annotations(obj).get(key(target)))


def epoch(obj: Mapping[str, Any], target: Target) -> int:
    """The fencing epoch that this rollout wrote last; 0 when it has nothing written there."""
    known = read(obj, target)
    return known.epoch if known else 0


def fence(obj: Mapping[str, Any], target: Target, epoch: int, where: str) -> None:
    """Nothing; or ``ConflictError`` when a newer epoch than ours is written on ``obj``.

    Source: invariant S10 of docs/facts.md.
    """
    known = read(obj, target)
    if known is not None and known.epoch > epoch:
        found = f"{where}: epoch {known.epoch} is written"
        raise ConflictError(f"{found}; ours is {epoch}, so a newer decision rules here")


def others(obj: Mapping[str, Any], target: Target) -> dict[str, ObjectMemory]:
    """What other rollouts wrote on ``obj``, by ``name.namespace``."""
    found = {k: _parsed(v) for k, v in _annotations(obj).items() if k.startswith(PREFIX)}
    mine = key(target)
    return {k.removeprefix(PREFIX): m for k, m in found.items() if m and k != mine}


def text(memory: ObjectMemory) -> str:
    """The annotation's value: compact JSON."""
    adapter = adapter_of(ObjectMemory)
    try:
        return adapter.dump_json(memory).decode()
    except PydanticSerializationError:  # half a surrogate pair, which JSON may name and UTF-8 not
        return json.dumps(adapter.dump_python(memory, mode="json"), separators=(",", ":"))


def written(obj: Mapping[str, Any], target: Target, memory: ObjectMemory | None) -> dict[str, Any]:
    """``obj`` with this memory as our annotation; None takes ours away, the last one wholly."""
    annotations = {k: v for k, v in _annotations(obj).items() if k != key(target)}
    if memory is not None:
        annotations[key(target)] = text(memory)
    metadata = {k: v for k, v in obj["metadata"].items() if k != "annotations"}
    return {**obj, "metadata": metadata | ({"annotations": annotations} if annotations else {})}


def _annotations(obj: Mapping[str, Any]) -> Mapping[str, Any]:
    annotations: Mapping[str, Any] = obj.get("metadata", {}).get("annotations") or {}
    return annotations


def _parsed(value: object) -> ObjectMemory | None:
    return _of_text(value) if isinstance(value, str) else None


@lru_cache(256)
def _of_text(value: str) -> ObjectMemory | None:
    try:
        found: ObjectMemory = adapter_of(ObjectMemory).validate_json(value)
    except ValidationError:  # somebody scribbled on it: as good as gone
        return None
    return found if 0 <= found.epoch < _LAST else replace(found, epoch=0)
