"""A switchover between clusters as a journey; green has the canary's role."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rollout.journeys.entries import decided, remarks
from rollout.manifest import switchovers
from rollout.messages import switching
from rollout.model.journey import Decided, Journal, Journey, Reached, Step
from rollout.model.reasons import WaitsFor
from rollout.model.switchover import (
    AHEAD,
    MOVED,
    SwitchEntry,
    Switchover,
    SwitchoverStatus,
    SwitchStage,
)
from rollout.upgrade.switchover import asking

Json = Mapping[str, Any]

_REACHED = {
    SwitchStage.SHIFTING: Reached.BEGUN,
    SwitchStage.BAKING: Reached.PROMOTED,
    SwitchStage.DRAINING: Reached.PROMOTED,
    SwitchStage.RETURNING: Reached.ROLLED_BACK,
}


def read(obj: Json) -> Journey:
    """Errors: ``ManifestError``."""
    return journey(switchovers.switchover(obj), switchovers.status(obj))


def journal(obj: Json) -> Journal:
    """Errors: ``ManifestError`` for a status that cannot be read."""
    return _journal(switchovers.status(obj))


def facts(obj: Json, now: datetime) -> list[tuple[str, str]]:
    """Errors: ``ManifestError``."""
    return switching.facts(switchovers.switchover(obj), switchovers.status(obj), now)


def names_a_channel(_: Json) -> bool:
    """There are few of them."""
    return True


def journey(switchover: Switchover, status: SwitchoverStatus) -> Journey:
    """What the two say together."""
    attempt, stage, who = status.attempt, status.stage, switchover
    at = f", {attempt.step.name}" if attempt.step else ""
    return Journey(
        *(switchovers.KIND, who.namespace, who.name, who.uid, who.commit, who.author),
        notify=who.spec.notify,
        approvals=tuple(one.approval for one in who.spec.steps if one.approval is not None),
        number=attempt.number,
        revision="to green",
        phase=status.phase,
        place=f"{status.phase.value}, {stage.name.value}{at}",
        because=status.because,
        under_way=stage.name in (*AHEAD, *MOVED),
        over=stage.name is SwitchStage.SERVING,
        journal=_journal(status),
        reached=_REACHED.get(stage.name),
        step=_step(who, status),
        pause=attempt.pause,
        answers=attempt.approvals,
        percent=stage.split.canary,
        side="green",
        promoted="Switched over",
        verdicts=remarks(attempt.warnings, attempt.verdicts),
        epoch=status.epoch,
    )


def _journal(status: SwitchoverStatus) -> Journal:
    return Journal(tuple(map(_decided, status.history)), status.refused_requests)


def _decided(entry: SwitchEntry) -> Decided:
    own = {"split": entry.split, "revision": "to green"}
    return decided(entry, entry.stage.value, _REACHED.get(entry.stage), **own)


def _step(switchover: Switchover, status: SwitchoverStatus) -> Step | None:
    at = status.attempt.step
    if at is None:
        return None
    wanted = asking.approval(switchover, status)
    asks = wanted is not None and status.waits_for is WaitsFor.APPROVAL
    return Step(at.index, at.name, wanted, status.stage.confirmed_at, asks)
