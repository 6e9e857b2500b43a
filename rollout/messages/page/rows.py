"""One line of the page's list for each thing that moves, the ones that wait for a person first.

Objects and statuses may be anybody's: every text is cut, so that none makes the page slow.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rollout import lenient
from rollout.messages import switching, terminal
from rollout.model import source
from rollout.model.reasons import WaitsFor
from rollout.model.ref import Ref
from rollout.model.spec import GROUP
from rollout.model.status import (
    Pause,
    Phase,
    RolloutStatus,
)
from rollout.model.switchover import SwitchoverStatus
from rollout.model.units import sentence
from rollout.model.upgrade import ControlPlaneUpgrade
from rollout.model.upgrading import Awaits, UpgradeStatus

Json = Mapping[str, Any]

LONGEST = 300
"""Characters of a text on the page: a verdict's sentence has under 250."""

OWNER = f"{GROUP}/owner"
"""The label that says whose a Rollout is; without it, the source that keeps it in force."""

PERSON, TROUBLE, STANDS, MOVES, RESTS = range(5)
"""The order of the list: waits for a person, went back, stands by itself, moves, rests."""

_PEOPLE = frozenset({WaitsFor.APPROVAL, WaitsFor.OBJECTS})
_UPGRADES_PEOPLE = frozenset({
    Awaits.FINDINGS,
    Awaits.INSTALLER,
    Awaits.OWNER,
    Awaits.APPROVAL,
    Awaits.USERS,
    Awaits.OBJECTS,
    Awaits.DRIFT,
})  # fmt: skip
_RANKS = {
    Phase.HEALTHY: RESTS,
    Phase.PROGRESSING: MOVES,
    Phase.PAUSED: STANDS,
    Phase.ROLLING_BACK: TROUBLE,
    Phase.DEGRADED: TROUBLE,
}


def short(text: object, most: int = LONGEST) -> str:
    """``text`` in at most ``most`` characters."""
    return sentence(str(text), most)


def stamp(at: datetime | None) -> int | None:
    """Whole milliseconds since the epoch, as a browser counts them."""
    return None if at is None else round(at.timestamp() * 1000)


def rollout(obj: Json, status: RolloutStatus | None, problem: str = "") -> Json:
    """The line of a Rollout.

    ``status``: None where it has none that can be read; ``problem``: why its spec cannot be.
    """
    known = status or RolloutStatus(phase=Phase.PAUSED)
    meta = obj["metadata"]
    attempt = known.attempt
    return {
        **_named("rollout", meta),
        "owner": _owner(meta),
        "phase": known.phase.value,
        "rank": PERSON if problem else _rank(known),
        "stable": short(terminal.known_as(known.stable)),
        "canary": short(terminal.known_as(attempt.canary)),
        "weight": terminal.percent(known) if attempt.canary else None,
        "step": short(attempt.step.name) if attempt.step else "",
        "because": short(problem or known.because),
        "since": stamp(known.history[-1].at) if known.history else None,
    }


def upgrade(found: ControlPlaneUpgrade, status: UpgradeStatus) -> Json:
    """The line of an upgrade of the mesh."""
    stop, attempt = status.attempt.stop, status.attempt
    waits = status.awaits in _UPGRADES_PEOPLE or _stands_for_people(attempt.pause)
    return {
        **_named("upgrade", {"name": found.key}),
        "owner": "",
        "phase": status.phase.value,
        "rank": PERSON if waits else _RANKS[status.phase],
        "stable": short(found.spec.from_),
        "canary": short(found.spec.to),
        "weight": None,
        "step": short(f"{status.state.value} {stop.name if stop else ''}".strip()),
        "because": short(status.because),
        "since": stamp(status.history[-1].at) if status.history else None,
    }


def switchover(meta: Json, status: SwitchoverStatus) -> Json:
    """The line of a switchover between clusters; ``meta``: the object's metadata."""
    name, phase, _, stage, because = switching.row("", status)
    waits = status.waits_for in _PEOPLE or _stands_for_people(status.attempt.pause)
    return {
        **_named("switchover", meta),
        "owner": _owner(meta),
        "phase": phase,
        "rank": PERSON if waits else _RANKS[status.phase],
        "stable": "blue",
        "canary": "green",
        "weight": status.stage.split.canary,
        "step": name or stage,
        "because": short(because),
        "since": stamp(status.history[-1].at) if status.history else None,
    }


def unread(kind: str, meta: Json, problem: str) -> Json:
    """The line of what cannot be read, and why."""
    named = {**_named(kind, meta), "owner": _owner(meta), "phase": Phase.PAUSED.value}
    empty = {"stable": "", "canary": "", "weight": None, "step": "", "since": None}
    return {**named, **empty, "rank": PERSON, "because": short(problem)}


def _named(kind: str, meta: Json) -> Json:
    namespace, name = str(meta.get("namespace", "")), str(meta["name"])
    where = Ref(kind, namespace, name).where
    return {"id": f"{kind}/{where}", "kind": kind, "namespace": namespace, "name": name}


def _owner(meta: Json) -> str:
    known = lenient.mapping(meta.get("labels"))
    return short(known.get(OWNER) or str(known.get(source.LABEL) or "").partition(".")[2], 63)


def _rank(status: RolloutStatus) -> int:
    if status.waits_for in _PEOPLE or _stands_for_people(status.attempt.pause):
        return PERSON
    return _RANKS[status.phase]


def _stands_for_people(pause: Pause | None) -> bool:
    """Whether only a person ends the pause."""
    return pause is not None and not pause.kind.may_pass
