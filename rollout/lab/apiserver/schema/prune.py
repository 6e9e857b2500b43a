"""Unknown fields go, defaults come; the value that needs neither comes back as it was.

Source: Kubernetes docs, "Extend the Kubernetes API with CustomResourceDefinitions", sections
"Field pruning" and "Defaulting".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

# Looked after elsewhere: no schema says anything about them.
_META: Schema = {"x-kubernetes-preserve-unknown-fields": True, "nullable": True}
_ROOT = {"apiVersion": _META, "kind": _META, "metadata": _META}


def shaped(document: dict[str, Any], schema: Schema) -> tuple[dict[str, Any], list[str]]:
    """A whole object pruned and defaulted, and the paths of the fields that were unknown.

    A ``null`` where the schema allows none counts as left out.
    """
    unknown: list[str] = []
    properties = {**(schema.get("properties") or {}), **_ROOT}
    root = {"type": "object", **schema, "properties": properties}
    return _shaped(document, root, "", unknown), unknown


def _shaped(value: Any, schema: Schema, path: str, unknown: list[str]) -> Any:
    if isinstance(value, dict):
        return _map(value, schema, path, unknown)
    items = schema.get("items")
    if isinstance(value, list) and isinstance(items, Mapping):
        new = [_shaped(item, items, f"{path}[{i}]", unknown) for i, item in enumerate(value)]
        return value if _same(value, new) else new
    return value


def _map(value: dict[str, Any], schema: Schema, path: str, unknown: list[str]) -> dict[str, Any]:
    properties = schema.get("properties") or {}
    more = schema.get("additionalProperties")
    new: dict[str, Any] = {}
    for key, part in value.items():
        at = f"{path}.{key}" if path else key
        below = _schema_of(key, properties, more)
        if part is None and below is not None and not below.get("nullable"):
            continue
        if below is not None:
            new[key] = _shaped(part, below, at, unknown)
        elif _keeps(schema, more):
            new[key] = part
        elif not (schema.get("x-kubernetes-embedded-resource") and key in _ROOT):
            unknown.append(at)
        else:
            new[key] = part
    _default(new, properties, path, unknown)
    unchanged = len(new) == len(value) and all(new[key] is value.get(key) for key in new)
    return value if unchanged else new


def _schema_of(key: str, properties: Schema, more: Any) -> Schema | None:
    if key in properties:
        found: Schema = properties[key]
        return found
    return more if isinstance(more, Mapping) else None


def _keeps(schema: Schema, more: Any) -> bool:
    return more is True or bool(schema.get("x-kubernetes-preserve-unknown-fields"))


def _default(new: dict[str, Any], properties: Schema, path: str, unknown: list[str]) -> None:
    for key, below in properties.items():
        if "default" in below and key not in new:
            at = f"{path}.{key}" if path else key
            new[key] = _shaped(below["default"], below, at, unknown)


def _same(left: list[Any], right: list[Any]) -> bool:
    return all(a is b for a, b in zip(left, right, strict=True))
