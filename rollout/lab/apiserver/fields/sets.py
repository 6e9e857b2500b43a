"""Sets of fields in the form of ``FieldsV1``, and their algebra.

A set is a tree of dicts. ``{}`` below the root is a member with no members beneath it; ``"."``
among a node's keys says that the node itself is a member too. At the root ``{}`` is the empty set.
Trees are never changed in place, so parts may be shared.
Source: Kubernetes docs, ``FieldsV1``; structured-merge-diff, fieldpath/set.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .shape import Shape

Fields = dict[str, Any]

_SELF: Fields = {".": {}}


def union(left: Fields, right: Fields) -> Fields:
    """Members of either."""
    if not left or not right or left is right:
        return left or right
    both = {**left, **right}
    for key in left.keys() & right.keys():
        both[key] = _joined(left[key], right[key])
    return both


def _joined(left: Fields, right: Fields) -> Fields:
    if not left:
        return {**_SELF, **right} if right else left
    if not right:
        return {**_SELF, **left}
    return union(left, right)


def difference(left: Fields, right: Fields) -> Fields:
    """Members of ``left`` that are not members of ``right``."""
    if not right:
        return left
    kept = {}
    for key, child in left.items():
        rest = child if key not in right else _rest(key, child, right[key])
        if rest is not None:
            kept[key] = rest
    return kept


def _rest(key: str, child: Fields, taken: Fields) -> Fields | None:
    if key == ".":
        return None
    if not child:
        return None if _has_self(taken) else child
    rest = difference(child, taken or _SELF)
    if rest == _SELF:
        return {}
    return rest or None


def _has_self(node: Fields) -> bool:
    return not node or "." in node


def intersection(left: Fields, right: Fields) -> Fields:
    """Members of both."""
    both = {}
    for key in left.keys() & right.keys():
        if key == ".":
            both[key] = left[key]
            continue
        shared = _shared(left[key], right[key])
        if shared is not None:
            both[key] = shared
    return both


def _shared(left: Fields, right: Fields) -> Fields | None:
    shared = intersection(left or _SELF, right or _SELF)
    if shared == _SELF:
        return {}
    return shared or None


def with_parents(fields: Fields) -> Fields:
    """``fields`` and every node on the way to one of them."""
    if not fields:
        return fields
    return {**_SELF, **{key: with_parents(child) for key, child in fields.items() if key != "."}}


def members(fields: Fields, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The path of every member, parents first."""
    for key, child in fields.items():
        if key == ".":
            yield path
            continue
        if not child:
            yield (*path, key)
        yield from members(child, (*path, key))


def everything(value: Any, shape: Shape) -> Fields:
    """All fields of a value that was added, every node of it being a member."""
    if not shape.granular(value):
        return {}
    inside = {key: everything(part, below) for key, part, below in parts(value, shape)}
    return {**_SELF, **inside} if inside else {}


def applied(value: Any, shape: Shape) -> Fields:
    """The fields that somebody who applies ``value`` claims.

    Declared fields with something in them are not members themselves, their contents are.
    Source: structured-merge-diff, typed/tofieldset.go.
    """
    claimed: Fields = {}
    for key, part, below in parts(value, shape):
        inside = applied(part, below) if below.granular(part) else {}
        declared = isinstance(value, dict) and key[2:] in shape.fields
        claimed[key] = inside if declared or not inside else {**_SELF, **inside}
    return claimed


def changes(old: Any, new: Any, shape: Shape) -> tuple[Fields, Fields]:
    """What was added or modified, and what was removed, on the way from ``old`` to ``new``."""
    before = {key: part for key, part, _ in parts(old, shape)}
    changed: Fields = {}
    removed: Fields = {}
    for key, part, below in parts(new, shape):
        if key not in before:
            changed[key] = everything(part, below)
            continue
        was = before.pop(key)
        if was is not part and was != part:
            _note(key, _between(was, part, below), changed, removed)
    for key, part in before.items():
        removed[key] = everything(part, _below(key, shape))
    return changed, removed


def _note(key: str, found: tuple[Fields | None, Fields], changed: Fields, removed: Fields) -> None:
    added, gone = found
    if added is not None:
        changed[key] = added
    if gone:
        removed[key] = gone


def _between(old: Any, new: Any, shape: Shape) -> tuple[Fields | None, Fields]:
    if shape.granular(old) and shape.granular(new) and type(old) is type(new):
        changed, removed = changes(old, new, shape)
        return changed or None, removed
    inside = {key: everything(part, below) for key, part, below in parts(old, shape)}
    return everything(new, shape), inside


def parts(value: Any, shape: Shape) -> Iterator[tuple[str, Any, Shape]]:
    """The children of a granular value: path element, child, the child's shape."""
    if not shape.granular(value):
        return
    if isinstance(value, dict):
        for key, part in value.items():
            yield f"f:{key}", part, shape.at(key)
    else:
        for element, part in shape.elements(value):
            yield element, part, shape.of_items


def _below(key: str, shape: Shape) -> Shape:
    return shape.at(key[2:]) if key.startswith("f:") else shape.of_items
