"""``metadata.managedFields``: who wrote which field last, kept up on every write.

Source: Kubernetes docs, "Server-Side Apply", sections "Field management" and "Conflicts".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .sets import Fields, changes, difference, union
from .shape import Shape

# What the server writes itself belongs to nobody.
# Source: apiserver, fieldmanager/stripmeta.go.
_SERVERS: Fields = {
    "f:apiVersion": {},
    "f:kind": {},
    "f:metadata": {
        ".": {},
        "f:name": {},
        "f:namespace": {},
        "f:creationTimestamp": {},
        "f:selfLink": {},
        "f:uid": {},
        "f:generation": {},
        "f:managedFields": {},
        "f:resourceVersion": {},
        "f:deletionTimestamp": {},
        "f:deletionGracePeriodSeconds": {},
    },
}


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes: two writers are the same if all but ``time`` are equal."""

    name: str
    operation: str
    api_version: str
    subresource: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """What one writer manages; ``time`` in RFC 3339."""

    writer: Writer
    fields: Fields
    time: str


def claims(managed: Iterable[Any] | None) -> list[Claim]:
    """``metadata.managedFields`` read; entries that make no sense are dropped."""
    return [_claim(entry) for entry in managed or () if isinstance(entry, dict) and entry]


def _claim(entry: dict[str, Any]) -> Claim:
    writer = Writer(
        str(entry.get("manager", "")),
        str(entry.get("operation", "Update")),
        str(entry.get("apiVersion", "")),
        str(entry.get("subresource", "")),
    )
    return Claim(writer, entry.get("fieldsV1") or {}, str(entry.get("time", "")))


def as_json(claim: Claim) -> dict[str, Any]:
    """One entry of ``metadata.managedFields``."""
    writer = claim.writer
    entry = {
        "manager": writer.name,
        "operation": writer.operation,
        "apiVersion": writer.api_version,
        "time": claim.time,
        "fieldsType": "FieldsV1",
        "fieldsV1": claim.fields,
    }
    return {**entry, "subresource": writer.subresource} if writer.subresource else entry


def without_server_fields(fields: Fields) -> Fields:
    """The part of a set that a writer can own."""
    return difference(fields, _SERVERS)


def after_update(
    held: Sequence[Claim], old: Any, new: Any, claim: Claim, shape: Shape
) -> list[Claim]:
    """The claims after ``claim.writer`` turned ``old`` into ``new``; its fields are found here."""
    changed, removed = changes(old, new, shape)
    changed = without_server_fields(changed)
    taken = union(changed, removed)
    kept = [replace(was, fields=difference(was.fields, taken)) for was in held]
    mine = next((was for was in kept if was.writer == claim.writer), None)
    others = [was for was in kept if was.fields and was is not mine]
    before = mine.fields if mine else {}
    fields = union(before, changed)
    if not fields:
        return others
    time = claim.time if changed or mine is None else mine.time
    return [*others, replace(claim, fields=fields, time=time)]
