"""A journey as people's doors see it, of whatever kind: in chats, in audit logs, by listeners.

What a Rollout, an upgrade and a switchover remember has another shape for each; what is asked,
told and recorded of them has this one.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from rollout.model.chat import called
from rollout.model.reasons import PauseKind
from rollout.model.spec import Approval, Notify, NotifyOn
from rollout.model.status import Answer, Pause, Phase, RefusedRequest, counted, epoch_of, of_step


class Reached(StrEnum):
    """How far a journey had come with one decision."""

    BEGUN = "begun"  # somebody is on the new side, or will be at once
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled back"


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision of the past, as an ``Entry`` has it.

    ``stage``, ``split``: where it was, in the words of its kind; ``split`` may be empty.
    ``reached``: None: not as far as any of these.
    """

    id: str
    at: datetime
    stage: str
    split: str
    because: str
    reached: Reached | None = None
    revision: str = ""
    evidence: str = ""
    commit: str = ""
    by: str = ""
    request: str = ""
    claimed: str = ""
    reason: str = ""
    image: str = ""

    @property
    def title(self) -> str:
        """What people know the revision by; empty: it is not said."""
        return self.image or self.revision

    @property
    def attempt(self) -> int:
        """The first half of ``id``; 0 where that cannot be read."""
        return counted(self.id.partition(".")[0])

    @property
    def epoch(self) -> int:
        """The second half of ``id``; 0 where that cannot be read."""
        return epoch_of(self.id)


@dataclass(frozen=True, slots=True)
class Journal:
    """What an object remembers of its own past: decisions, and requests that were not done."""

    decisions: tuple[Decided, ...] = ()
    refused: tuple[RefusedRequest, ...] = ()

    def answer_to(self, request: str) -> Decided | RefusedRequest | None:
        """What came of the request of that text; None: that is not remembered (any more)."""
        told: tuple[Decided | RefusedRequest, ...] = (*self.decisions, *self.refused)
        return next((one for one in told if one.request == request), None)

    def of_attempt(self, number: int) -> tuple[Decided, ...]:
        """The decisions of that attempt, oldest first."""
        return tuple(one for one in self.decisions if one.attempt == number)


@dataclass(frozen=True, slots=True)
class Step:
    """The step that a journey is at.

    ``index``: what answers of people name it by; ``confirmed_at``: when its gate's clock began.
    ``asks``: whether people are asked now: all else is open.
    """

    index: int
    name: str
    approval: Approval | None = None
    confirmed_at: datetime | None = None
    asks: bool = False


@dataclass(frozen=True, slots=True)
class Journey:
    """One object that we drive, and the attempt it is at; ``number`` 0: there was none yet.

    ``revision``: what is on its way, in words. ``place``: the phase in words, and where.
    ``percent``: of users on ``side``, the new one; None: that is not counted.
    ``promoted``: what its good end is called.
    ``approvals``: of every step that has one, in order.
    ``under_way``: whether a person may pause it or abort it. ``over``: whether it is at rest.
    ``lines``: how far it has come, where one sentence does not say it.
    """

    kind: str
    namespace: str
    name: str
    uid: str
    commit: str
    author: str
    notify: Notify
    approvals: tuple[Approval, ...]
    number: int
    revision: str
    phase: Phase
    place: str
    because: str
    under_way: bool
    over: bool
    journal: Journal
    reached: Reached | None = None
    step: Step | None = None
    pause: Pause | None = None
    answers: tuple[Answer, ...] = ()
    percent: int | None = None
    side: str = "canary"
    promoted: str = "Promoted"
    lines: tuple[str, ...] = ()
    verdicts: tuple[str, ...] = ()
    epoch: int = 0

    @property
    def key(self) -> str:
        """How people call it: ``shop/reviews``, ``upgrade/mesh``."""
        return called(self.kind, self.namespace, self.name)

    @property
    def weight(self) -> int:
        """The percent of users on the new side; 0 where that is not counted."""
        return self.percent or 0

    @property
    def decisions(self) -> tuple[Decided, ...]:
        """Those of this attempt, oldest first; adopting is no journey."""
        return self.journal.of_attempt(self.number) if self.number else ()

    @property
    def answered(self) -> tuple[Answer, ...]:
        """What people have answered to the step it is at."""
        index = self.step.index if self.step else -1
        return of_step(self.answers, index, self.number)

    @property
    def happened(self) -> frozenset[NotifyOn]:
        """Whatever is so now, and what this attempt has passed."""
        passed: Iterable[Reached | None] = [one.reached for one in self.decisions]
        passed = {*passed, self.reached} if self.decisions else set()
        by_itself = self.pause is not None and self.pause.kind is not PauseKind.PERSON
        so = {
            NotifyOn.STARTED: Reached.BEGUN in passed,
            NotifyOn.WAITING: by_itself or (self.step is not None and self.step.asks),
            NotifyOn.PROMOTED: Reached.PROMOTED in passed,
            NotifyOn.ROLLED_BACK: Reached.ROLLED_BACK in passed,
            NotifyOn.PAUSED: self.pause is not None,
            NotifyOn.DEGRADED: bool(self.decisions) and self.phase is Phase.DEGRADED,
        }
        return frozenset(event for event, true in so.items() if true)
