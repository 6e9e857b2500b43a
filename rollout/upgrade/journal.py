"""What we changed, held against the world: as asked, as before, or as somebody else wrote it."""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

from rollout import jsonpatch
from rollout.istio import moving
from rollout.model.ref import Ref
from rollout.model.upgradelook import (
    MakeObject,
    MeshAction,
    MeshObservation,
    Object,
    RemoveObject,
    SetLeaves,
)
from rollout.model.upgrading import Change


class Now(StrEnum):
    """How a change stands in the world."""

    AFTER = "after"  # as we asked
    BEFORE = "before"  # as it was
    FOREIGN = "foreign"  # as neither: somebody else wrote it
    GONE = "gone"  # there is no such object
    UNKNOWN = "unknown"  # it could not be read


def standing(change: Change, seen: MeshObservation) -> Now:
    """How ``change`` stands."""
    if change.ref in seen.unread:
        return Now.UNKNOWN
    obj = seen.objects.get(change.ref)
    if change.made is not None:
        return Now.BEFORE if obj is None else Now.AFTER
    if obj is None:
        return Now.GONE
    if _is(obj, change, change.after):
        return Now.AFTER
    return Now.BEFORE if _is(obj, change, change.before) else Now.FOREIGN


def _is(obj: Object, change: Change, wanted: Mapping[str, Any]) -> bool:
    """Whether every leaf that the change is about is as ``wanted`` has it, or is not there."""
    for path in change.before.keys() | change.after.keys():
        has = value(obj, path)
        if (path in wanted) != (has is not ABSENT):
            return False
        if path in wanted and not moving.alike(path, has, wanted[path]):
            return False
    return True


ABSENT = object()
"""Stands for a leaf that is not there, which is unlike every value."""


def value(obj: Object, path: str) -> Any:
    """The leaf of ``obj`` at a JSON Pointer, or ``ABSENT``."""
    at: Any = obj
    for part in jsonpatch.parts(path):
        if not isinstance(at, Mapping) or part not in at:
            return ABSENT
        at = at[part]
    return at


def superseded(changes: Sequence[Change], place: int) -> bool:
    """Whether a later change is of the same object, so that this one's leaves are past."""
    change = changes[place]
    return change.made is None and any(one.ref == change.ref for one in changes[place + 1 :])


def holds(changes: Sequence[Change], place: int, seen: MeshObservation) -> bool:
    """Whether the change at ``place`` is in the world, or was overtaken by a later one of ours.

    A later one that is not done yet has found the world as this one left it.
    """
    change = changes[place]
    if standing(change, seen) is Now.AFTER:
        return True
    later = [place + 1 + i for i, one in enumerate(changes[place + 1 :]) if one.ref == change.ref]
    return change.made is None and any(holds(changes, one, seen) for one in later)


def done(change: Change, seen: MeshObservation) -> Iterator[MeshAction]:
    """The action after which the world is as ``change`` asks; none where it is, or is foreign."""
    if standing(change, seen) is not Now.BEFORE:
        return
    if change.made is not None:
        yield MakeObject(change.made)
    else:
        yield _set(change, seen)


def undone(change: Change, seen: MeshObservation) -> Iterator[MeshAction]:
    """The action after which the world is as before; none where it is, or is foreign."""
    if standing(change, seen) is not Now.AFTER:
        return
    if change.made is not None:
        yield RemoveObject(change.ref, uid(seen.objects[change.ref]))
    else:
        yield _set(change.undone, seen)


def _set(change: Change, seen: MeshObservation) -> SetLeaves:
    obj = seen.objects[change.ref]
    absent = tuple(sorted(change.before.keys() - change.after.keys()))
    version = str(obj["metadata"].get("resourceVersion", ""))
    return SetLeaves(change.ref, change.after, absent, version)


def uid(obj: Object) -> str:
    """The object's uid; empty when it has none."""
    return str(obj["metadata"].get("uid", ""))


def refs(changes: tuple[Change, ...]) -> tuple[Ref, ...]:
    """Every object of ``changes``, once, in order."""
    return tuple(dict.fromkeys(change.ref for change in changes))
