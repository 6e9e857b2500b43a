"""JSON merge patch (RFC 7386) and Kubernetes' strategic merge patch; no document changes in place.

Source for the strategic one: Kubernetes community, sig-api-machinery/strategic-merge-patch.md.
"""

from __future__ import annotations

from typing import Any

from rollout.lab.apiserver.fields.shape import Shape


def merge(document: Any, patch: Any) -> Any:
    """RFC 7386: maps merge, ``null`` removes, all else replaces."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(document) if isinstance(document, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), value)
    return merged


def strategic(document: Any, patch: Any, shape: Shape) -> Any:
    """Like ``merge``, and lists with keys merge item by item.

    Directives: ``$patch: replace|delete``, ``$retainKeys``, ``$deleteFromPrimitiveList/<field>``;
    ``$setElementOrder/<field>`` orders what it names.
    """
    if not isinstance(patch, dict):
        return patch
    if patch.get("$patch") == "replace":
        return {key: value for key, value in patch.items() if key != "$patch"}
    if patch.get("$patch") == "delete":
        return {}
    merged = _retained(document, patch)
    for key, value in patch.items():
        if not key.startswith("$"):
            _set(merged, key, value, shape.at(key))
    for key, value in patch.items():
        _direct(merged, key, value, shape)
    return merged


def _retained(document: Any, patch: dict[str, Any]) -> dict[str, Any]:
    found = dict(document) if isinstance(document, dict) else {}
    keep = patch.get("$retainKeys")
    return found if keep is None else {key: found[key] for key in found if key in keep}


def _set(merged: dict[str, Any], key: str, value: Any, shape: Shape) -> None:
    if value is None:
        merged.pop(key, None)
    elif isinstance(value, list):
        merged[key] = _list(merged.get(key) or [], value, shape)
    else:
        merged[key] = strategic(merged.get(key), value, shape)


def _list(old: list[Any], patch: list[Any], shape: Shape) -> list[Any]:
    if shape.is_set:
        return old + [value for value in patch if value not in old]
    if not shape.keys:
        return patch
    items = [item for item in patch if isinstance(item, dict)]
    if any(item == {"$patch": "replace"} for item in items):
        return [item for item in items if "$patch" not in item]
    return _keyed(old, items, shape)


def _keyed(old: list[Any], patch: list[dict[str, Any]], shape: Shape) -> list[Any]:
    """The first of the shape's keys is the merge key: strategic merge knows only one."""
    key = shape.keys[0]
    merged = list(old)
    for item in patch:
        at = next((i for i, was in enumerate(merged) if was.get(key) == item.get(key)), None)
        if item.get("$patch") == "delete":
            merged = [was for was in merged if was.get(key) != item.get(key)]
        elif at is None:
            merged.append(strategic({}, item, shape.of_items))
        else:
            merged[at] = strategic(merged[at], item, shape.of_items)
    return merged


def _direct(merged: dict[str, Any], key: str, value: Any, shape: Shape) -> None:
    directive, _, field = key.partition("/")
    if directive == "$deleteFromPrimitiveList":
        merged[field] = [item for item in merged.get(field, []) if item not in value]
    elif directive == "$setElementOrder" and isinstance(merged.get(field), list):
        merged[field] = _ordered(merged[field], value, shape.at(field))


def _ordered(items: list[Any], order: list[Any], shape: Shape) -> list[Any]:
    """Named items in the given order; the others stay behind the neighbour they had."""
    key = shape.keys[0] if shape.keys else None
    wanted = [_identity(item, key) for item in order]
    named = [item for item in items if _identity(item, key) in wanted]
    named.sort(key=lambda item: wanted.index(_identity(item, key)))
    queue = iter(named)
    return [next(queue) if _identity(item, key) in wanted else item for item in items]


def _identity(item: Any, key: str | None) -> Any:
    return item.get(key) if key is not None and isinstance(item, dict) else item
