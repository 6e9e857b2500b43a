"""How an object's lists and maps merge: the part of a schema that patches and field sets need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from json import JSONEncoder
from typing import Any


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """One node of an object.

    ``fields``: the declared fields of a map.
    ``item``: the shape of list items and of undeclared map values.
    ``keys``: what identifies an item of a list; empty: the list is a set or one single value.
    ``atomic``: the node is replaced and owned as a whole.
    """

    fields: Mapping[str, Shape] = field(default_factory=dict)
    item: Shape | None = None
    keys: tuple[str, ...] = ()
    key_defaults: Mapping[str, Any] = field(default_factory=dict)
    is_set: bool = False
    atomic: bool = False

    def at(self, name: str) -> Shape:
        """The shape of a map's field; undeclared ones merge as maps and as atomic lists."""
        return self.fields.get(name) or self.item or ANY

    @property
    def of_items(self) -> Shape:
        return self.item or ANY

    def elements(self, values: list[Any]) -> Iterator[tuple[str, Any]]:
        """The items of a set or keyed list, each with its path element as FieldsV1 writes it."""
        for value in values:
            yield self.element(value), value

    def element(self, value: Any) -> str:
        """``k:{"name":"a"}`` or ``v:"a"``.

        Source: structured-merge-diff, fieldpath/serialize-pe.go: keys are sorted, no spaces.
        """
        if self.is_set:
            return f"v:{compact(value)}"
        found = value if isinstance(value, dict) else {}
        named = {key: found.get(key, self.key_defaults.get(key)) for key in sorted(self.keys)}
        return f"k:{compact({key: named[key] for key in named if named[key] is not None})}"

    def granular(self, value: Any) -> bool:
        """Whether ``value`` is owned part by part."""
        if self.atomic:
            return False
        return isinstance(value, dict) or (
            isinstance(value, list) and (self.is_set or bool(self.keys))
        )


ANY = Shape()


def from_schema(schema: Mapping[str, Any]) -> Shape:
    """The shape that a structural schema describes.

    Source: Kubernetes docs, "Server-Side Apply", section "Merge strategy".
    """
    properties = schema.get("properties") or {}
    more = schema.get("additionalProperties")
    items = schema.get("items")
    inner = items if isinstance(items, Mapping) else more
    keys = tuple(schema.get("x-kubernetes-list-map-keys") or ())
    list_type = schema.get("x-kubernetes-list-type", "atomic")
    return Shape(
        fields={name: from_schema(part) for name, part in properties.items()},
        item=from_schema(inner) if isinstance(inner, Mapping) else None,
        keys=keys if list_type == "map" else (),
        key_defaults=_key_defaults(items, keys),
        is_set=list_type == "set",
        atomic=schema.get("x-kubernetes-map-type") == "atomic",
    )


def _key_defaults(items: Any, keys: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(items, Mapping):
        return {}
    parts = {key: (items.get("properties") or {}).get(key) or {} for key in keys}
    return {key: part["default"] for key, part in parts.items() if "default" in part}


_ENCODER = JSONEncoder(separators=(",", ":"), ensure_ascii=False)


def compact(value: Any) -> str:
    """JSON without spaces, as path elements are written."""
    return _ENCODER.encode(value)
