"""RolloutSource objects of the cluster, parsed JSON, to nouns, and their status back."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from rollout import lenient
from rollout.manifest import objects, record
from rollout.model.source import ForgeStatus, RolloutSource, SourceStatus
from rollout.model.units import adapter_of

KIND = "RolloutSource"


def source(obj: Mapping[str, Any]) -> RolloutSource:
    """The RolloutSource that ``obj`` describes; errors as in ``objects.rollout``."""
    metadata = lenient.meta(obj)
    annotations = lenient.mapping(metadata.get("annotations"))
    return RolloutSource(
        name=objects.text(metadata, "name"),
        namespace=objects.text(metadata, "namespace"),
        uid=objects.text(metadata, "uid"),
        generation=objects.number(metadata, "generation"),
        spec=objects.spec_of(KIND, obj),
        accept=objects.text(annotations, objects.ACCEPT),
        pushed=objects.text(annotations, objects.PUSHED),
        status=status(obj),
    )


def status(obj: Mapping[str, Any]) -> SourceStatus:
    """What the RolloutSource ``obj`` remembers; fresh when it cannot be read.

    Here a fresh start is harmless: the repository is read again and nothing is deleted.
    """
    try:
        return record.read(adapter_of(SourceStatus), lenient.mapping(obj.get("status")))
    except ValidationError:
        return SourceStatus()


def status_json(status: SourceStatus, before: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """The whole status of a RolloutSource as JSON."""
    made = record.written(adapter_of(SourceStatus), status, {})
    word = reason(status)
    ready = word == "Applied"
    wanted = {
        "Ready": (ready, word, status.because),
        "Stalled": (bool(status.held), word, status.because),
    }
    return made | {"conditions": record.conditions(wanted, before, status.observed_generation, now)}


def reason(status: SourceStatus) -> str:
    """How the source stands, in one word for conditions and Events."""
    if status.held:
        return "Held"
    if status.problem:
        return "Unread"
    if status.rejected:
        return "Rejected"
    return "Applied" if status.commit else "Reading"


def forge_json(status: ForgeStatus) -> dict[str, Any]:
    """The part of a RolloutSource's status that whoever reports to the forge writes."""
    return record.written(adapter_of(ForgeStatus), status, {})
