"""What one look at an upgrade holds in its hand, and what every state wants to know of it."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from rollout.model.mesh import MeshPod, MeshRevision
from rollout.model.reasons import PauseKind, Reason
from rollout.model.ref import Ref
from rollout.model.status import Pause
from rollout.model.turn import HISTORY, SOON, Notice, short
from rollout.model.upgrade import ControlPlaneUpgrade
from rollout.model.upgradelook import MeshAction, MeshObservation
from rollout.model.upgrading import (
    Awaits,
    Change,
    NamespaceStatus,
    State,
    StopStatus,
    UpgradeEntry,
    UpgradeStatus,
    WaveStatus,
)
from rollout.upgrade.stops import Stop, current

PATIENT = timedelta(seconds=30)
"""How often to look for what a person has to put right."""

UNDER_WAY = frozenset(State) - {State.IDLE, State.DONE, State.RETURNED}


@dataclass(frozen=True, slots=True)
class Look:
    """One look: what is asked, remembered and seen, and when."""

    upgrade: ControlPlaneUpgrade
    status: UpgradeStatus
    seen: MeshObservation
    now: datetime

    @property
    def stop(self) -> Stop:
        """The stop we are at."""
        return current(self.upgrade.spec, self.status)

    @property
    def at(self) -> StopStatus:
        """How far it is; a status that lacks it was set right before anybody looked."""
        return self.status.attempt.stop or StopStatus(self.stop.name, self.now)

    @property
    def old(self) -> str:
        """The revision that this attempt comes from."""
        return self.status.attempt.asked_from or self.upgrade.spec.from_

    @property
    def new(self) -> str:
        """The revision that this attempt goes to."""
        return self.status.attempt.asked_to or self.upgrade.spec.to

    def revision(self, name: str) -> MeshRevision | None:
        """What is there of the revision so named."""
        return self.seen.inventory.revision(name)

    def pods(self, namespace: str) -> tuple[MeshPod, ...]:
        """The pods of ``namespace`` that live and stay."""
        return tuple(
            pod
            for pod in self.seen.inventory.pods
            if pod.namespace == namespace and not pod.over and not pod.leaving
        )

    def pods_of(self, workload: Ref) -> tuple[MeshPod, ...]:
        """Those of its pods that live and stay."""
        return tuple(pod for pod in self.pods(workload.namespace) if pod.workload == workload)

    def having(self, status: UpgradeStatus) -> "Look":
        """The same look with another status."""
        return replace(self, status=status)


@dataclass(frozen=True, slots=True)
class Turn:
    """What a state made of a look.

    ``because``: any length; people get it shortened.
    ``again``: when time alone could change the answer; zero: look again at once, since new
    questions are to be asked; None: only an event can.
    ``actions``: what is to be done besides the changes that the status asks for.
    """

    status: UpgradeStatus
    because: str
    again: timedelta | None = None
    awaits: Awaits | None = None
    notice: Notice | None = None
    actions: tuple[MeshAction, ...] = ()


def attempted(status: UpgradeStatus, **changes: Any) -> UpgradeStatus:
    """The status whose attempt has these ``changes``."""
    return replace(status, attempt=replace(status.attempt, **changes))


def at_stop(status: UpgradeStatus, **changes: Any) -> UpgradeStatus:
    """The status whose stop has these ``changes``."""
    stop = status.attempt.stop
    return attempted(status, stop=stop and replace(stop, **changes))


def remember(status: UpgradeStatus, now: datetime, because: str) -> UpgradeStatus:
    """The status with one more decision in its history and the next epoch."""
    epoch, stop = status.epoch + 1, status.attempt.stop
    evidence = "; ".join(v.text for v in status.attempt.verdicts if not v.dry_run)[:400]
    entry = UpgradeEntry(
        id=f"{status.attempt.number}.{epoch}",
        at=now,
        state=status.state,
        because=short(because),
        stop=stop.name if stop else "",
        evidence=evidence,
        commit=status.observed_commit,
    )
    return replace(status, epoch=epoch, history=(*status.history, entry)[-HISTORY:])


def enter(look: Look, stop: Stop, because: str, part: int = 0) -> UpgradeStatus:
    """The status at the beginning of ``stop``."""
    before = look.status.attempt.stop
    number = before.number + 1 if before else 0
    status = replace(
        look.status,
        state=stop.state,
        since=look.status.since if stop.state is look.status.state else look.now,
        attempt=replace(
            look.status.attempt,
            stop=StopStatus(stop.name, look.now, part, number),
            verdicts=(),
            checkpoint={},
        ),
    )
    return remember(status, look.now, because)


def changed(look: Look, changes: tuple[Change, ...], because: str) -> UpgradeStatus:
    """The status with these changes written down, before any of them is done."""
    status = attempted(look.status, changes=(*look.status.attempt.changes, *changes))
    return remember(at_stop(status, asked_at=look.now), look.now, because)


def wave(status: UpgradeStatus, name: str) -> WaveStatus | None:
    """The wave so named, if it has begun."""
    return next((one for one in status.attempt.waves if one.name == name), None)


def with_wave(status: UpgradeStatus, new: WaveStatus) -> UpgradeStatus:
    """The status with the wave in place of the one of its name."""
    waves = tuple(new if one.name == new.name else one for one in status.attempt.waves)
    return attempted(status, waves=waves)


def with_namespace(status: UpgradeStatus, new: NamespaceStatus) -> UpgradeStatus:
    """The status with the namespace in place of the one of its name, in whichever wave it is."""
    waves = tuple(
        replace(
            one, namespaces=tuple(new if each.name == new.name else each for each in one.namespaces)
        )
        for one in status.attempt.waves
    )
    return attempted(status, waves=waves)


def namespaces(status: UpgradeStatus) -> tuple[NamespaceStatus, ...]:
    """Every namespace of every wave that has begun, in the order in which they move."""
    return tuple(each for one in status.attempt.waves for each in one.namespaces)


def hold(look: Look, because: str, awaits: Awaits, *, deadline: bool = True) -> Turn:
    """Stand still for something; what must come by itself and does not pauses, and asks."""
    status, pause = look.status, look.status.attempt.pause
    if pause is not None and not pause.kind.may_pass:
        return Turn(status, pause.because, PATIENT, awaits)
    began = look.at.asked_at or look.at.entered_at
    left = look.upgrade.spec.progress_deadline - (look.now - began)
    if not deadline or left > timedelta(0):
        return Turn(status, because, SOON, awaits)
    if pause is not None:
        renewed = replace(pause, because=short(because))
        return Turn(attempted(status, pause=renewed), because, SOON, awaits)
    return paused(look, PauseKind.DEADLINE, because, awaits=awaits)


def paused(
    look: Look, kind: PauseKind, because: str, by: str = "", awaits: Awaits | None = None
) -> Turn:
    """Stand still until somebody decides, or until what it waits for comes."""
    pause = look.status.attempt.pause
    if pause is not None and pause.kind is kind:
        renewed = replace(pause, because=short(because))
        return Turn(attempted(look.status, pause=renewed), because, SOON, awaits)
    status = attempted(look.status, pause=Pause(kind, short(because), look.now, by))
    notice = Notice("Paused", warning=not by)
    return Turn(remember(status, look.now, because), because, SOON, awaits, notice)


def frozen(look: Look) -> Turn | None:
    """The turn that waits for the end of a freeze before anything new begins."""
    freeze = look.upgrade.spec.frozen(look.now)
    if freeze is None:
        return None
    turn = hold(look, f"frozen {freeze}", Awaits.FREEZE, deadline=False)
    return replace(turn, again=min(freeze.to - look.now, PATIENT))


def blocked(look: Look, because: Reason | str, awaits: Awaits = Awaits.OBJECTS) -> Turn:
    """The turn that stands until somebody has put something right."""
    notice = Notice("Blocked", warning=True)
    return Turn(look.status, because, PATIENT, awaits, notice)
