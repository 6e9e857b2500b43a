"""An Event in its two forms: ``v1`` (as it is stored) and ``events.k8s.io/v1``.

Source: Kubernetes, pkg/apis/events/v1/conversion.go; API reference, Event.
"""

from __future__ import annotations

from typing import Any

from .kind import View

JsonObject = dict[str, Any]

# field of v1 -> field of events.k8s.io/v1; a field that is in neither column has one name in both
_NAMES = {
    "involvedObject": "regarding",
    "message": "note",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
    "reportingComponent": "reportingController",
}
_NAMES_BACK = {new: old for old, new in _NAMES.items()}


# Always told, null where there is none; clients sort by them.
_TIMES = ("firstTimestamp", "lastTimestamp", "eventTime")


def core(document: JsonObject) -> JsonObject:
    """The stored event as v1 shows it."""
    return {**dict.fromkeys(_TIMES), **document}


def show(document: JsonObject) -> JsonObject:
    """The stored event in the form of events.k8s.io/v1."""
    renamed = {_NAMES.get(key, key): value for key, value in core(document).items()}
    return {**renamed, "apiVersion": "events.k8s.io/v1", "kind": "Event"}


def read(document: JsonObject) -> JsonObject:
    """An event of events.k8s.io/v1 in the form that is stored."""
    renamed = {_NAMES_BACK.get(key, key): value for key, value in document.items()}
    return {**renamed, "apiVersion": "v1", "kind": "Event"}


def _as_sent(document: JsonObject) -> JsonObject:
    return {**document, "apiVersion": "v1", "kind": "Event"}


CORE = View(core, _as_sent)
VIEW = View(show, read)
