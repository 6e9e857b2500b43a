"""What one look at a switchover holds in its hand, and how its status changes."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from rollout.model.reasons import PauseKind, WaitsFor
from rollout.model.status import Pause, StepStatus
from rollout.model.switching import Probed, SeenCluster, Sighting, SwitchAction
from rollout.model.switchover import (
    Side,
    SwitchEntry,
    Switchover,
    SwitchoverStatus,
    SwitchRejected,
    SwitchStage,
    SwitchStageStatus,
)
from rollout.model.traffic import Split
from rollout.model.turn import AT_ONCE, HISTORY, SOON, Notice, short

BLUE, GREEN = Split(100, 0), Split(0, 100)

DOWN = timedelta(seconds=15)
"""How long every probe of a gateway has to fail until it is down, and not only restarting."""


@dataclass(frozen=True, slots=True)
class Look:
    """One look: what is asked, remembered and seen, and when."""

    switchover: Switchover
    status: SwitchoverStatus
    seen: Sighting
    now: datetime

    def cluster(self, side: Side) -> SeenCluster:
        """What was seen of that cluster; a problem where it was not looked at."""
        return self.seen.clusters.get(side) or SeenCluster(side, problem=f"{side} was not seen")

    def probes(self, side: Side) -> tuple[Probed, ...]:
        """The probes of that side's gateway in this look."""
        return tuple(one for one in self.seen.probed if one.side is side)

    def tried(self, side: Side) -> bool:
        """Whether any probe of that side was made: somebody knew where its gateway is."""
        return any(one.tried for one in self.probes(side))

    def fails(self, side: Side) -> bool:
        """Whether every probe of that side failed now; False where none was made."""
        return self.tried(side) and all(one.problem for one in self.probes(side))

    def down(self, side: Side) -> bool:
        """Whether users of that side are surely not served: by its probes, for a while now."""
        attempt = self.status.attempt
        since = attempt.blue_down_at if side is Side.BLUE else attempt.green_down_at
        return since is not None and self.now - since >= DOWN

    @property
    def waited(self) -> timedelta:
        """Since the stage began."""
        return self.now - (self.status.stage.since or self.now)


@dataclass(frozen=True, slots=True)
class Turn:
    """What a stage made of a look; as the turn of ``reconcile``.

    ``writes``: whether the weights may be written; what must not be touched stays as it is found.
    ``actions``: what else is to be done.
    """

    status: SwitchoverStatus
    because: str
    again: timedelta | None = None
    waits_for: WaitsFor | None = None
    notice: Notice | None = None
    writes: bool = True
    actions: tuple[SwitchAction, ...] = field(default=())


def staged(status: SwitchoverStatus, **changes: Any) -> SwitchoverStatus:
    """The status whose stage has these ``changes``."""
    return replace(status, stage=replace(status.stage, **changes))


def attempted(status: SwitchoverStatus, **changes: Any) -> SwitchoverStatus:
    """The status whose attempt has these ``changes``."""
    return replace(status, attempt=replace(status.attempt, **changes))


def remember(status: SwitchoverStatus, now: datetime, because: str) -> SwitchoverStatus:
    """The status with one more decision in its history and the next epoch."""
    epoch = status.epoch + 1
    entry = SwitchEntry(
        id=f"{status.attempt.number}.{epoch}",
        at=now,
        stage=status.stage.name,
        split=str(status.stage.split),
        because=short(because),
        evidence="; ".join(v.text for v in status.attempt.verdicts)[:400],
        commit=status.observed_commit,
    )
    return replace(status, epoch=epoch, history=(*status.history, entry)[-HISTORY:])


def enter(look: Look, name: SwitchStage, split: Split) -> SwitchoverStatus:
    """The status at the beginning of a stage; its weights are asked for from now on.

    Where they are the same as before, what was known of them is known still.
    """
    stage = look.status.stage
    if split == stage.split and stage.asked_at is not None:
        return replace(look.status, stage=replace(stage, name=name, since=look.now))
    begun = SwitchStageStatus(
        name, since=look.now, split=split, before=stage.split, asked_at=look.now
    )
    return replace(look.status, stage=begun)


def enter_step(look: Look, index: int, because: str) -> Turn:
    """The turn to step ``index``; the evidence so far goes on, the weights are new."""
    step = look.switchover.spec.steps[index]
    status = enter(look, SwitchStage.SHIFTING, Split.giving_canary(step.weight))
    status = attempted(status, step=StepStatus(index, step.name, look.now), pause=None)
    if look.status.stage.name is not SwitchStage.SHIFTING:
        status = attempted(status, blue_pods=look.cluster(Side.BLUE).ready)
    status = remember(status, look.now, because)
    return Turn(status, because, AT_ONCE, notice=Notice("Step"))


def enter_bake(look: Look, because: str) -> Turn:
    """The turn that sends everyone to green; from now on it is judged by what blue was like."""
    status = enter(look, SwitchStage.BAKING, GREEN)
    status = attempted(status, step=None, pause=None, checkpoint={}, blue_checkpoint={})
    status = remember(status, look.now, because)
    return Turn(status, because, AT_ONCE, notice=Notice("Everyone"))


def go_back(look: Look, because: str, *, reject: bool) -> Turn:
    """The turn that sends everyone back to blue, where weights have moved; else to rest.

    ``reject``: green is not tried again until git asked for blue, or a person says so.
    """
    status = look.status
    if reject:
        status = replace(status, rejected=SwitchRejected(short(because), look.now))
    look = replace(look, status=attempted(status, pause=None))
    if status.stage.name in (SwitchStage.CHECKING, SwitchStage.VERIFYING):
        status = replace(look.status, stage=SwitchStageStatus(since=look.now))
    else:
        status = attempted(enter(look, SwitchStage.RETURNING, BLUE), step=None)
    status = remember(status, look.now, because)
    return Turn(status, because, AT_ONCE, notice=Notice("GoingBack", warning=True))


def pause(look: Look, kind: PauseKind, because: str, by: str = "") -> Turn:
    """The turn that stands still; the gates judge on, and a failure still goes back."""
    status = look.status
    known = status.attempt.pause
    if known is not None and known.kind is kind:
        return Turn(status, known.because, timedelta(seconds=15), notice=None)
    status = attempted(status, pause=Pause(kind, short(because), look.now, by))
    status = remember(status, look.now, because)
    return Turn(status, because, AT_ONCE, notice=Notice("Paused", warning=not by))


def blocked(look: Look, because: str, waits_for: WaitsFor = WaitsFor.OBJECTS) -> Turn:
    """The turn that stands, and writes nothing, until somebody has put something right."""
    notice = Notice("Blocked", warning=True)
    return Turn(look.status, because, SOON * 6, waits_for, notice, writes=False)
