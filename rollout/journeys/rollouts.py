"""A Rollout as a journey."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from rollout import strategies
from rollout.journeys.entries import decided, remarks
from rollout.manifest import objects, record
from rollout.messages import terminal
from rollout.model.journey import Decided, Journal, Journey, Reached, Step
from rollout.model.reasons import WaitsFor
from rollout.model.spec import Approval, Rollout
from rollout.model.status import UNDER_WAY, Entry, RolloutStatus, Stage

Json = Mapping[str, Any]

_REACHED = {
    Stage.STEPPING: Reached.BEGUN,
    Stage.SWITCHING: Reached.BEGUN,
    Stage.BAKING: Reached.PROMOTED,
    Stage.REPOINTING: Reached.PROMOTED,
    Stage.RETURNING: Reached.PROMOTED,
    Stage.RETIRING: Reached.PROMOTED,
    Stage.WITHDRAWING: Reached.ROLLED_BACK,
    Stage.CLEANING: Reached.ROLLED_BACK,
}


def read(obj: Json) -> Journey:
    """Errors: ``ManifestError``."""
    return journey(objects.rollout(obj), record.status(obj))


def journal(obj: Json) -> Journal:
    """Errors: ``ManifestError`` for a status that cannot be read."""
    return _journal(record.status(obj))


def facts(obj: Json, now: datetime) -> list[tuple[str, str]]:
    """Errors: ``ManifestError``."""
    told = terminal.facts(objects.rollout(obj).key, record.status(obj), now)
    return [(one.label, f"{one.text} {one.faint}".rstrip()) for one in told]


def names_a_channel(obj: Json) -> bool:
    """Most do not, and cost nothing."""
    return objects.names_a_channel(obj)


def journey(rollout: Rollout, status: RolloutStatus) -> Journey:
    """What the two say together."""
    attempt, past = status.attempt, _journal(status)
    mine = past.of_attempt(attempt.number)
    at = f", {attempt.step.name}" if attempt.step else ""
    return Journey(
        *("Rollout", rollout.namespace, rollout.name, rollout.uid, rollout.commit, rollout.author),
        notify=rollout.spec.notify,
        approvals=tuple(_approvals(rollout)),
        number=attempt.number,
        revision=mine[0].revision if mine else "",
        phase=status.phase,
        place=f"{status.phase.value}{at}",
        because=status.because,
        under_way=status.stage.name in UNDER_WAY,
        over=status.stage.name is Stage.IDLE,
        journal=past,
        reached=_REACHED.get(status.stage.name),
        step=_step(rollout, status),
        pause=attempt.pause,
        answers=attempt.approvals,
        percent=terminal.percent(status),
        verdicts=remarks(attempt.warnings, attempt.verdicts),
        epoch=status.epoch,
    )


def _journal(status: RolloutStatus) -> Journal:
    return Journal(tuple(map(_decided, status.history)), status.refused_requests)


def _decided(entry: Entry) -> Decided:
    own = {"split": entry.split, "revision": entry.revision, "image": entry.image}
    return decided(entry, entry.stage.value, _REACHED.get(entry.stage), **own)


def _approvals(rollout: Rollout) -> Iterator[Approval]:
    stops = strategies.plan(rollout.spec.strategy).stops
    return (stop.step.approval for stop in stops if stop.step.approval is not None)


def _step(rollout: Rollout, status: RolloutStatus) -> Step | None:
    at = status.attempt.step
    if at is None:
        return None
    stops = strategies.plan(rollout.spec.strategy).stops
    wanted = stops[at.index].step.approval if 0 <= at.index < len(stops) else None
    asks = wanted is not None and status.waits_for is WaitsFor.APPROVAL
    return Step(at.index, at.name, wanted, status.stage.confirmed_at, asks)
