"""What an upgrade of the mesh remembers, and which of its states may follow which."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from rollout.model.ref import Ref
from rollout.model.spec import OpenObject
from rollout.model.status import Answer, Pause, Phase, RefusedRequest, Verdict, Vouched
from rollout.model.units import CONFIG, past


class State(StrEnum):
    """Where an upgrade stands: ten states, the way back, and the three in which it is at rest."""

    PREFLIGHT = "Preflight"  # the rules, and what the way back needs is recorded
    BASE = "Base"  # CRDs of the new version, validator still at the old one
    INSTALL = "Install"  # until the new revision is whole
    CANARY = "Canary"  # the namespace that goes first
    WAVES = "Waves"
    GATEWAYS = "Gateways"
    TAGS = "Tags"  # each tag, and then the default
    BAKE = "Bake"
    NODES = "Nodes"  # CNI and ztunnel: one DaemonSet each, which have no canary
    REMOVE = "Remove"  # the point of no return, which asks
    DONE = "Done"
    RETURNING = "Returning"  # the way back, step by step in reverse
    RETURNED = "Returned"  # all is as it was; not tried again
    IDLE = "Idle"  # nothing was begun yet


FORWARD = (
    State.PREFLIGHT,
    State.BASE,
    State.INSTALL,
    State.CANARY,
    State.WAVES,
    State.GATEWAYS,
    State.TAGS,
    State.BAKE,
    State.NODES,
    State.REMOVE,
    State.DONE,
)
"""The order of the way there; a state without anything to do is passed through."""


STATE_MAY_FOLLOW: Mapping[State, frozenset[State]] = {
    State.IDLE: frozenset({State.PREFLIGHT}),
    State.PREFLIGHT: frozenset({State.BASE, State.RETURNED}),
    State.BASE: frozenset({State.INSTALL, State.RETURNING}),
    State.INSTALL: frozenset({State.CANARY, State.WAVES, State.RETURNING}),
    State.CANARY: frozenset({State.WAVES, State.GATEWAYS, State.TAGS, State.BAKE, State.RETURNING}),
    State.WAVES: frozenset({State.GATEWAYS, State.TAGS, State.BAKE, State.RETURNING}),
    State.GATEWAYS: frozenset({State.TAGS, State.BAKE, State.RETURNING}),
    State.TAGS: frozenset({State.BAKE, State.RETURNING}),
    State.BAKE: frozenset({State.NODES, State.RETURNING}),
    State.NODES: frozenset({State.REMOVE, State.DONE, State.RETURNING}),
    State.REMOVE: frozenset({State.DONE, State.RETURNING}),
    State.DONE: frozenset({State.PREFLIGHT}),
    State.RETURNING: frozenset({State.RETURNED}),
    State.RETURNED: frozenset({State.PREFLIGHT}),
}
"""Which state may follow which, besides itself; a turn that this does not allow is not done."""


class Standing(StrEnum):
    """Where one namespace of the mesh stands."""

    WAITING = "Waiting"  # at the old revision; its wave has not begun
    LABELLED = "Labelled"  # its label asks for the other revision; its pods are as they were
    RESTARTING = "Restarting"
    VERIFYING = "Verifying"  # all pods are new; their proxies are looked for at their istiod
    MOVED = "Moved"
    RETURNED = "Returned"


class Awaits(StrEnum):
    """What would move an upgrade on; what it says of it in words is its ``because``."""

    FINDINGS = "Findings"  # preflight's, to be put right or overruled
    INSTALLER = "Installer"  # of the new revision, or of its CRDs
    CONTROL_PLANE = "ControlPlane"  # an istiod that is not whole
    BRAKE = "Brake"  # Istio's configuration cannot be written: nothing moves meanwhile
    ROLLOUTS = "Rollouts"  # under way in a namespace that is to move
    OWNER = "Owner"  # of an object who takes back what we write
    INJECTION = "Injection"  # a pod tried in a namespace would not get its one proxy
    PODS = "Pods"  # restarting
    PROXIES = "Proxies"  # to be at their istiod
    BAKE = "Bake"
    EVIDENCE = "Evidence"
    DATA = "Data"
    APPROVAL = "Approval"
    USERS = "Users"  # of the old revision, which could be removed without them
    OBJECTS = "Objects"  # somebody must put right what cannot be written
    DRIFT = "Drift"  # somebody else's edit of what we changed
    WORSE = "Worse"  # on the way back: what is back serves worse than what is not
    FREEZE = "Freeze"  # the end of a time in which nothing new begins


class Confidence(StrEnum):
    """How we know which istiod the proxies of a namespace are at."""

    SYNCZ = "syncz"  # istiod says so of each
    ANNOTATIONS = "annotations"  # what was injected; nobody says what is connected


@dataclass(frozen=True, slots=True)
class Change:
    """What we change of one object: leaves by JSON Pointer, as they were and as they shall be.

    A pointer that only ``before`` has is taken away, one that only ``after`` has is added.
    ``made``: the whole object, of one that we make; ``before`` and ``after`` are empty then.
    ``step``: the stop of the journey that asked for it.
    """

    __pydantic_config__ = CONFIG

    step: str
    ref: Ref
    before: OpenObject = field(default_factory=dict)
    after: OpenObject = field(default_factory=dict)
    made: OpenObject | None = None

    @property
    def undone(self) -> "Change":
        """The change that takes this one back; of an object that was made: none."""
        return replace(self, before=self.after, after=self.before)


@dataclass(frozen=True, slots=True)
class Recorded:
    """One object that goes with the old revision: only these are ever deleted.

    ``uid``: as preflight saw it; empty, of what we made since: whichever has that name.
    """

    __pydantic_config__ = CONFIG

    ref: Ref
    uid: str = ""


@dataclass(frozen=True, slots=True)
class NamespaceStatus:
    """One namespace that moves, or has moved.

    ``restart_at``: what the restarts of its workloads are marked with; one value a direction, so
    that asking twice restarts once.
    ``left``: pods that nobody can restart (Jobs, bare pods) and that still are at the other side.
    """

    __pydantic_config__ = CONFIG

    name: str
    standing: Standing = Standing.WAITING
    since: datetime | None = None
    restart_at: datetime | None = None
    confidence: Confidence | None = None
    workloads: int = 0
    done: int = 0
    left: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WaveStatus:
    """One wave with the namespaces that it was found to have when it began.

    ``name``: the wave's; with ``/namespace`` behind it where they go one at a time.
    """

    __pydantic_config__ = CONFIG

    name: str
    namespaces: tuple[NamespaceStatus, ...] = ()
    began_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def group(self) -> str:
        """The group of namespaces in the spec that it is, or is a part of."""
        return self.name.partition("/")[0]

    def set_right(self, now: datetime) -> "WaveStatus":
        """The same wave, as ``StopStatus.set_right``; what restarts are marked with stays."""
        if all(one.since is None or one.since <= now for one in self.namespaces):
            return self
        spaces = tuple(replace(one, since=past(one.since, now)) for one in self.namespaces)
        return replace(self, namespaces=spaces)


def tag_wave(tag: str) -> str:
    """The name of the wave of those who come along with that tag."""
    return f"tag {tag}"


@dataclass(frozen=True, slots=True)
class StopStatus:
    """The stop of the journey we are at.

    ``name``: of the wave, gateway or tag; of a state that has but one stop, its own.
    ``part``: which of a gateway's shares, or of a wave that goes one by one.
    ``number``: how many stops this attempt had before; answers of people speak of one of them.
    ``entered_at``: when it began; ``asked_at``: when we last changed something for it.
    ``confirmed_at``: when all of it was verified; the gate's clock and its evidence start here.
    """

    __pydantic_config__ = CONFIG

    name: str
    entered_at: datetime
    part: int = 0
    number: int = 0
    asked_at: datetime | None = None
    confirmed_at: datetime | None = None

    def set_right(self, now: datetime) -> "StopStatus":
        """The same stop once a wall clock that was ahead is right again: nothing is to come."""
        return replace(
            self,
            entered_at=min(self.entered_at, now),
            asked_at=past(self.asked_at, now),
            confirmed_at=past(self.confirmed_at, now),
        )

    @property
    def part_name(self) -> str:
        """The name of the wave that is one part of it."""
        return f"{self.name}/{self.part + 1}"


@dataclass(frozen=True, slots=True)
class Compared:
    """Whose requests the stop is judged by: namespaces that moved, and others as the control."""

    __pydantic_config__ = CONFIG

    moved: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WayBack:
    """Why all goes back, from where, and since when.

    ``left``: how many changes, of the oldest, are still to be taken back.
    ``well_until``: what came before it is what the requests are compared with once they are back:
    the stop that is gone back from had not begun.
    ``holds``: whether it stops where it is seen to do harm; a person who said ``resume`` ends that.
    ``seen``: what the requests said at its end; empty: it is not over.
    """

    __pydantic_config__ = CONFIG

    because: str
    state: State
    at: datetime
    left: int = 0
    well_until: datetime | None = None
    holds: bool = True
    seen: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to bring everything to the new revision; the next begins as a new value.

    ``changes``: what we changed, oldest first, written down before it is done: the way back.
    ``landed``: how many of them, the oldest, were seen to be in the world.
    ``recorded``: the old revision's own objects, as preflight saw them.
    ``asked_from``, ``asked_to``: the revisions of this attempt, whatever git says meanwhile.
    ``removing``: the point of no return is passed.
    ``users_gone_at``: since when nothing uses the old revision any more.
    ``sick_since``: since when the new control plane is not whole, or Istio's configuration cannot
    be written.
    ``istiod``: the name of the new control plane's Deployment, by which its metrics are found.
    ``compared``: whose requests this stop is judged by, settled when it is confirmed.
    ``checkpoint``: the analysis' own state, JSON values only, opaque to all others.
    """

    __pydantic_config__ = CONFIG

    number: int = 0
    asked_from: str = ""
    asked_to: str = ""
    stop: StopStatus | None = None
    waves: tuple[WaveStatus, ...] = ()
    changes: tuple[Change, ...] = ()
    landed: int = 0
    recorded: tuple[Recorded, ...] = ()
    removing: bool = False
    users_gone_at: datetime | None = None
    sick_since: datetime | None = None
    way_back: WayBack | None = None
    pause: Pause | None = None
    istiod: str = ""
    compared: Compared = Compared()
    verdicts: tuple[Verdict, ...] = ()
    approvals: tuple[Answer, ...] = ()
    warnings: tuple[str, ...] = ()
    checkpoint: OpenObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refused:
    """The target revision that was given up; not tried again until git says another, or retry."""

    __pydantic_config__ = CONFIG

    to: str
    because: str
    at: datetime


@dataclass(frozen=True, slots=True)
class UpgradeEntry:
    """One decision of the past: where, why, and who asked for it; as an ``Entry``."""

    __pydantic_config__ = CONFIG

    id: str
    at: datetime
    state: State
    because: str
    stop: str = ""
    evidence: str = ""
    commit: str = ""
    by: str = ""
    request: str = ""
    claimed: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class UpgradeStatus:
    """What one upgrade remembers; what the mesh should be follows from this and the spec alone.

    ``because``: one sentence under 80 characters: why it stands where it stands.
    ``awaits``: what would move it on; absent when nothing has to.
    ``since``: when the state began.
    ``epoch``: rises with every saved decision that acts, never falls.
    ``history``: the last 50 decisions.
    What people asked is kept as in a Rollout's status.
    """

    __pydantic_config__ = CONFIG

    phase: Phase = Phase.HEALTHY
    because: str = ""
    awaits: Awaits | None = None
    state: State = State.IDLE
    since: datetime | None = None
    attempt: Attempt = field(default_factory=Attempt)
    refused: Refused | None = None
    epoch: int = 0
    history: tuple[UpgradeEntry, ...] = ()
    last_handled_request: str = ""
    last_refused_request: str = ""
    refused_requests: tuple[RefusedRequest, ...] = ()
    vouched: Vouched | None = None
    observed_generation: int = 0
    observed_commit: str = ""
