"""An upgrade of the mesh as a journey; its steps are its stops."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from rollout.journeys.entries import decided, remarks
from rollout.manifest import upgrades
from rollout.messages import upgrades as words
from rollout.model.journey import Decided, Journal, Journey, Reached, Step
from rollout.model.spec import Approval
from rollout.model.upgrade import ControlPlaneUpgrade, ControlPlaneUpgradeSpec, Removal
from rollout.model.upgrading import Awaits, State, UpgradeEntry, UpgradeStatus
from rollout.upgrade import stops
from rollout.upgrade.look import UNDER_WAY

Json = Mapping[str, Any]

_REACHED = {
    State.CANARY: Reached.BEGUN,
    State.WAVES: Reached.BEGUN,
    State.GATEWAYS: Reached.BEGUN,
    State.TAGS: Reached.BEGUN,
    State.DONE: Reached.PROMOTED,
    State.RETURNING: Reached.ROLLED_BACK,
    State.RETURNED: Reached.ROLLED_BACK,
}


def read(obj: Json) -> Journey:
    """Errors: ``ManifestError``."""
    return journey(upgrades.upgrade(obj), upgrades.status(obj))


def journal(obj: Json) -> Journal:
    """Errors: ``ManifestError`` for a status that cannot be read."""
    return _journal(upgrades.status(obj))


def facts(obj: Json, now: datetime) -> list[tuple[str, str]]:
    """Errors: ``ManifestError``."""
    return words.facts(upgrades.upgrade(obj), upgrades.status(obj), now)


def names_a_channel(_: Json) -> bool:
    """There are few of them."""
    return True


def journey(upgrade: ControlPlaneUpgrade, status: UpgradeStatus) -> Journey:
    """What the two say together."""
    attempt, spec = status.attempt, upgrade.spec
    old, new = attempt.asked_from or spec.from_, attempt.asked_to or spec.to
    at = f", {attempt.stop.name}" if attempt.stop else ""
    going = status.state in UNDER_WAY - {State.RETURNING} and not attempt.removing
    return Journey(
        *(upgrades.KIND, "", upgrade.name, upgrade.uid, upgrade.commit, upgrade.author),
        notify=spec.notify,
        approvals=tuple(_approvals(spec)),
        number=attempt.number,
        revision=f"{old} to {new}",
        phase=status.phase,
        place=f"{status.phase.value}, {words.progress(status)}{at}",
        because=status.because,
        under_way=going,
        over=status.state not in UNDER_WAY,
        journal=_journal(status),
        reached=_REACHED.get(status.state),
        step=_step(spec, status),
        pause=attempt.pause,
        answers=attempt.approvals,
        promoted="Upgraded",
        lines=tuple(words.waves_in_short(upgrade, status)),
        verdicts=remarks(attempt.warnings, attempt.verdicts),
        epoch=status.epoch,
    )


def _journal(status: UpgradeStatus) -> Journal:
    return Journal(tuple(map(_decided, status.history)), status.refused_requests)


def _decided(entry: UpgradeEntry) -> Decided:
    return decided(entry, f"{entry.state.value} {entry.stop}".strip(), _REACHED.get(entry.state))


def _approvals(spec: ControlPlaneUpgradeSpec) -> Iterator[Approval]:
    """Of the removal only where there is to be one."""
    for stop in stops.stops(spec):
        kept = stop.state is State.REMOVE and spec.remove is Removal.KEEP
        if stop.approval is not None and not kept:
            yield stop.approval


def _step(spec: ControlPlaneUpgradeSpec, status: UpgradeStatus) -> Step | None:
    at = status.attempt.stop
    if at is None:
        return None
    wanted = stops.current(spec, status).approval
    asks = wanted is not None and status.awaits is Awaits.APPROVAL
    return Step(at.number, at.name, wanted, at.confirmed_at, asks)
