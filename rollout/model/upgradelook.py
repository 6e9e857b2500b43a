"""What one look at an upgrade asks of the outside, what it saw, and what it may ask for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from rollout.model.action import Announce, LetGo
from rollout.model.finding import Finding
from rollout.model.inventory import Inventory
from rollout.model.mesh import Restart
from rollout.model.observation import (
    Counts,
    CountsQuestion,
    NoAnswer,
    Value,
    ValueQuestion,
)
from rollout.model.reasons import Reason
from rollout.model.ref import Ref
from rollout.model.upgrading import Recorded, UpgradeStatus

Object = Mapping[str, Any]
"""One object of the API as JSON."""


@dataclass(frozen=True, slots=True)
class Try:
    """A pod that is tried, and not made: what would injection make of it?

    ``labels``: of the pod, besides those of the namespace.
    """

    namespace: str
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of a pod that was tried.

    ``revision``: annotation ``istio.io/rev``, empty without one; ``proxies``: containers called
    ``istio-proxy``, those among the init containers too. ``refused``: why there would be no pod.
    """

    revision: str = ""
    proxies: int = 0
    image: str = ""
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Brake:
    """Whether Istio's configuration can be written: tried, and not done.

    ``refused``: why a good VirtualService was refused; empty: it was taken.
    ``unguarded``: a bad one was taken, so that nobody validates.
    ``ahead``: why the revision that is to validate next refused a good one; empty: it took it.
    """

    refused: str = ""
    unguarded: bool = False
    ahead: str = ""


@dataclass(frozen=True, slots=True)
class MeshQuestions:
    """Everything one look must see, said beforehand; the inventory is always looked at.

    ``preflight``: whether the rules are to be run. ``record``: of which revision all of its own
    objects are to be listed; empty: none. ``objects``: what is to be read whole.
    ``groups``: of a chat, whose members must be known now.
    ``brake_ahead``: the revision that is to validate Istio's configuration next; empty: none.
    """

    preflight: bool = False
    record: str = ""
    objects: tuple[Ref, ...] = ()
    tries: tuple[Try, ...] = ()
    brake: bool = True
    brake_ahead: str = ""
    counts: tuple[CountsQuestion, ...] = ()
    values: tuple[ValueQuestion, ...] = ()
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MeshObservation:
    """What one look saw.

    ``objects``: of those that were asked for, the ones that are there; ``unread``: those that
    could not be read, with why. ``brake``: None: not asked, or nobody could say.
    ``recorded``: None: not asked, or not to be listed.
    ``unasked``, ``members``: as of a Rollout's observation.
    """

    inventory: Inventory
    objects: Mapping[Ref, Object] = field(default_factory=dict)
    unread: Mapping[Ref, str] = field(default_factory=dict)
    tried: Mapping[Try, Tried] = field(default_factory=dict)
    brake: Brake | None = None
    findings: tuple[Finding, ...] = ()
    recorded: tuple[Recorded, ...] | None = None
    counts: tuple[Counts, ...] = ()
    values: tuple[Value, ...] = ()
    no_answers: tuple[NoAnswer, ...] = ()
    unasked: Reason | None = None
    members: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SetLeaves:
    """The leaves of ``ref`` at these JSON Pointers are so; those of ``absent`` are not there.

    ``version``: the resourceVersion that was looked at; of any other nothing is written.
    """

    ref: Ref
    leaves: Mapping[str, Any]
    absent: tuple[str, ...]
    version: str


@dataclass(frozen=True, slots=True)
class MakeObject:
    """The object is there; one of its name that is there already stays as it is."""

    obj: Object


@dataclass(frozen=True, slots=True)
class RemoveObject:
    """The object of that ``uid`` is not there; another one of its name stays. Empty: whichever."""

    ref: Ref
    uid: str = ""


@dataclass(frozen=True, slots=True)
class RestartPods:
    """The pods of ``ref`` are of ``at`` or newer."""

    ref: Ref
    way: Restart
    at: datetime


MeshAction = SetLeaves | MakeObject | RemoveObject | RestartPods | Announce | LetGo


@dataclass(frozen=True, slots=True)
class UpgradeDecision:
    """The answer of one look: what to remember, then what to do, in this order.

    ``actions``: in order; the first that fails stops the rest.
    ``look_again``: the next moment at which time alone could change the decision; None: never.
    ``because``: one sentence under 80 characters.
    """

    status: UpgradeStatus
    actions: tuple[MeshAction, ...]
    look_again: timedelta | None
    because: str
