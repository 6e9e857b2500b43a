"""Server-side apply: an applied configuration merged into a live object, with its conflicts.

Source: Kubernetes docs, "Server-Side Apply"; structured-merge-diff, merge/update.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from .managed import Claim, Writer, without_server_fields
from .sets import Fields, applied, changes, difference, intersection, union, with_parents
from .shape import Shape


@dataclass(frozen=True, slots=True)
class Applied:
    """What an apply leads to; with ``conflicts`` it may be stored only if it was forced."""

    object: Any
    claims: list[Claim]
    conflicts: list[tuple[Writer, Fields]]


def apply(live: Any, wanted: Any, claim: Claim, held: Sequence[Claim], shape: Shape) -> Applied:
    """``live`` after ``claim.writer`` applied ``wanted``; ``claim.fields`` are worked out here."""
    fields = without_server_fields(applied(wanted, shape))
    before = next((was.fields for was in held if was.writer == claim.writer), {})
    others = [was for was in held if was.writer != claim.writer]
    merged = merged_value(live, wanted, shape)
    dropped = before
    for kept in (fields, *(other.fields for other in others)):
        dropped = difference(dropped, with_parents(kept))
    result = without(merged, dropped, shape)
    changed, removed = changes(live, result, shape)
    conflicts = _conflicts(others, without_server_fields(changed))
    lost = union(changed, removed)
    left = [replace(other, fields=difference(other.fields, lost)) for other in others]
    left = [other for other in left if other.fields]
    mine = [replace(claim, fields=fields)] if fields else []
    return Applied(result, left + mine, conflicts)


def _conflicts(others: Sequence[Claim], changed: Fields) -> list[tuple[Writer, Fields]]:
    shared = [(other.writer, intersection(other.fields, changed)) for other in others]
    return [(writer, fields) for writer, fields in shared if fields]


def merged_value(live: Any, wanted: Any, shape: Shape) -> Any:
    """``wanted`` laid over ``live``; maps and keyed lists merge, all else is replaced."""
    if not shape.granular(wanted) or type(live) is not type(wanted):
        return wanted
    if isinstance(wanted, dict):
        over = {key: _over(live, key, value, shape) for key, value in wanted.items()}
        return {**live, **over}
    return _merged_list(live, wanted, shape)


def _over(live: dict[str, Any], key: str, value: Any, shape: Shape) -> Any:
    return merged_value(live[key], value, shape.at(key)) if key in live else value


def _merged_list(live: list[Any], wanted: list[Any], shape: Shape) -> list[Any]:
    """Items keep their place in ``live``; the new ones follow in the order they were applied."""
    mine = dict(shape.elements(wanted))
    merged = []
    for element, item in shape.elements(live):
        over = mine.pop(element, None)
        merged.append(item if over is None else merged_value(item, over, shape.of_items))
    return merged + list(mine.values())


def without(value: Any, dropped: Fields, shape: Shape) -> Any:
    """``value`` less the members of ``dropped``, less the containers that this leaves empty."""
    if not dropped or not shape.granular(value):
        return value
    if isinstance(value, dict):
        pairs = (
            (key, _less(part, dropped.get(f"f:{key}"), shape.at(key)))
            for key, part in value.items()
        )
        return {key: part for key, part in pairs if part is not _GONE}
    items = (
        _less(item, dropped.get(element), shape.of_items) for element, item in shape.elements(value)
    )
    return [item for item in items if item is not _GONE]


_GONE = object()


def _less(value: Any, dropped: Fields | None, shape: Shape) -> Any:
    if dropped is None:
        return value
    if not dropped or "." in dropped:
        return _GONE
    rest = without(value, dropped, shape)
    return rest if rest or not value else _GONE
