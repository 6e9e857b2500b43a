"""Lists as ``kubectl get`` shows them: the ``Table`` form of meta.k8s.io/v1.

Source: Kubernetes docs, "Kubernetes API Concepts", section "Receiving resources as Tables".
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from json import dumps
from typing import Any

from . import jsonpath
from .kind import Column, JsonObject, Kind

_NAME = Column(
    "Name",
    ".metadata.name",
    format="name",
    description="Name must be unique within a namespace.",
)
_AGE = Column("Age", ".metadata.creationTimestamp", type="date")
_DEFAULT = (_AGE,)


def table(
    kind: Kind,
    version: str,
    documents: Iterable[JsonObject],
    metadata: JsonObject,
    whole: str,
    now: datetime,
) -> JsonObject:
    """``whole`` is what a row has of its object: ``Object``, ``Metadata`` or ``None``."""
    columns = kind.columns.get(version, kind.columns.get("", _DEFAULT))
    if not any(column.name == _NAME.name for column in columns):
        columns = (_NAME, *columns)
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": [_definition(column) for column in columns],
        "rows": [_row(document, columns, whole, now) for document in documents],
    }


def _definition(column: Column) -> JsonObject:
    # Dates are sent as text that is already an age.
    shown = "string" if callable(column.path) and column.type == "date" else column.type
    return {
        "name": column.name,
        "type": shown,
        "format": column.format,
        "description": column.description,
        "priority": column.priority,
    }


def _row(
    document: JsonObject, columns: tuple[Column, ...], whole: str, now: datetime
) -> JsonObject:
    row: JsonObject = {"cells": [_cell(document, column, now) for column in columns]}
    if whole == "Object":
        row["object"] = document
    elif whole != "None":
        row["object"] = {
            "kind": "PartialObjectMetadata",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": document["metadata"],
        }
    return row


def _cell(document: JsonObject, column: Column, now: datetime) -> Any:
    if callable(column.path):
        value = column.path(document)
        return age(value, now) if column.type == "date" else value
    values = jsonpath.found(document, column.path)
    if not values:
        return None if column.type != "date" else "<unknown>"
    return _typed(values, column.type, now)


def _typed(values: list[Any], wanted: str, now: datetime) -> Any:
    first = values[0]
    if wanted == "date":
        return age(first, now)
    if wanted in ("integer", "number"):
        return first if isinstance(first, int | float) else None
    if wanted == "boolean":
        return first if isinstance(first, bool) else None
    texts = [
        value if isinstance(value, str) else dumps(value, separators=(",", ":")) for value in values
    ]
    return ",".join(texts)


def age(moment: Any, now: datetime) -> str:
    """How long ago in kubectl's words: ``5s``, ``3m20s``, ``45m``, ``4h2m``, ``3d``.

    Source: Kubernetes, apimachinery/pkg/util/duration, HumanDuration.
    """
    if not isinstance(moment, str) or not moment:
        return "<unknown>"
    try:
        passed = now - datetime.fromisoformat(moment)
    except (ValueError, TypeError):
        return "<invalid>"
    return _human(passed)


def _human(passed: timedelta) -> str:
    seconds = int(passed.total_seconds())
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86_400
    if seconds < 0:
        return "0s" if seconds >= -1 else "<invalid>"
    if seconds < 120:
        return f"{seconds}s"
    if minutes < 10:
        return _two(minutes, "m", seconds % 60, "s")
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    return _long(hours, days)


def _long(hours: int, days: int) -> str:
    if days < 8:
        return _two(days, "d", hours % 24, "h")
    if days < 365 * 2:
        return f"{days}d"
    if days < 365 * 8:
        return _two(days // 365, "y", days % 365, "d")
    return f"{days // 365}y"


def _two(first: int, first_unit: str, second: int, second_unit: str) -> str:
    return f"{first}{first_unit}" + (f"{second}{second_unit}" if second else "")


def utc_now() -> datetime:
    """The wall clock, in UTC."""
    return datetime.now(UTC)
