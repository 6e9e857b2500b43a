"""Rollouts, upgrades and switchovers as one noun, for all who tell of them or hear people.

Here a kind is told apart, and nowhere in the doors themselves.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from rollout.errors import ManifestError
from rollout.journeys import rollouts, switchovers, upgrades
from rollout.model.journey import Journal, Journey
from rollout.model.ref import KINDS

Json = Mapping[str, Any]
Facts = list[tuple[str, str]]


class Reader(Protocol):
    """How one kind is read; errors of all: ``ManifestError`` for what cannot be."""

    def read(self, obj: Json) -> Journey:
        """The object with what it asks and remembers."""

    def journal(self, obj: Json) -> Journal:
        """What it remembers of its past, whatever it asks now."""

    def facts(self, obj: Json, now: datetime) -> Facts:
        """Everything about it, as label and text."""

    def names_a_channel(self, obj: Json) -> bool:
        """Whether it is told of in a chat at all."""


_READERS: Mapping[str, Reader] = dict(
    zip(KINDS, (rollouts, upgrades, switchovers), strict=True),
)


def of(obj: Json) -> Reader:
    """How an object of that kind is read. Errors: ``ManifestError`` for a kind of others."""
    kind = str(obj.get("kind", ""))
    if kind not in _READERS:
        raise ManifestError(kind, 0, "is not driven by us", f"one of {', '.join(KINDS)}")
    return _READERS[kind]


def perhaps(obj: Json | None) -> Journey | None:
    """The journey of ``obj``; None where there is none, or it cannot be read."""
    if obj is None:
        return None
    try:
        return of(obj).read(obj)
    except ManifestError:
        return None
