"""What we remember between looks, and which phase and stage may follow which."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from rollout.model.spec import OpenObject
from rollout.model.traffic import Split
from rollout.model.units import CONFIG


def sentence(text: str) -> str:
    """``text`` in at most 79 characters, as every ``because`` must be."""
    return text if len(text) < 80 else text[:78] + "…"


class Phase(StrEnum):
    """Where a rollout stands, in the word every screen shows."""

    HEALTHY = "Healthy"
    PROGRESSING = "Progressing"
    PAUSED = "Paused"
    ROLLING_BACK = "RollingBack"
    DEGRADED = "Degraded"


PHASE_MAY_FOLLOW: Mapping[Phase, frozenset[Phase]] = {
    Phase.HEALTHY: frozenset({Phase.PROGRESSING, Phase.PAUSED}),
    Phase.PROGRESSING: frozenset({Phase.HEALTHY, Phase.PAUSED, Phase.ROLLING_BACK}),
    Phase.PAUSED: frozenset({Phase.PROGRESSING, Phase.HEALTHY, Phase.ROLLING_BACK, Phase.DEGRADED}),
    Phase.ROLLING_BACK: frozenset({Phase.HEALTHY, Phase.DEGRADED, Phase.PROGRESSING}),
    Phase.DEGRADED: frozenset({Phase.PROGRESSING, Phase.HEALTHY, Phase.PAUSED}),
}
"""Which phase may follow which, besides itself; the diagram in ``docs/`` is drawn from it."""


class Stage(StrEnum):
    """Where inside a journey we are; finer than the phase, and only one order leads through."""

    IDLE = "Idle"  # no journey: stable has everyone
    PREPARING = "Preparing"  # preflight, canary pods, subset; no traffic yet
    STEPPING = "Stepping"  # at step ``step.index``
    SWITCHING = "Switching"  # everyone on the canary, waiting for the proxies
    REPOINTING = "Repointing"  # subset stable changes its meaning, at weight 0
    RETURNING = "Returning"  # everyone on subset stable, which is the new revision now
    BAKING = "Baking"  # promoted; the old pods are kept, gates still judge
    RETIRING = "Retiring"  # the drain delay, then the old pods go
    WITHDRAWING = "Withdrawing"  # everyone back on stable, waiting for the proxies
    CLEANING = "Cleaning"  # traffic is gone from the canary: its pods and subset go


STAGE_MAY_FOLLOW: Mapping[Stage, frozenset[Stage]] = {
    Stage.IDLE: frozenset({Stage.PREPARING}),
    Stage.PREPARING: frozenset({Stage.STEPPING, Stage.CLEANING}),
    Stage.STEPPING: frozenset({Stage.SWITCHING, Stage.WITHDRAWING}),
    Stage.SWITCHING: frozenset({Stage.BAKING, Stage.WITHDRAWING}),
    Stage.BAKING: frozenset({Stage.REPOINTING, Stage.RETIRING, Stage.WITHDRAWING}),
    Stage.REPOINTING: frozenset({Stage.RETURNING}),
    Stage.RETURNING: frozenset({Stage.RETIRING}),
    Stage.RETIRING: frozenset({Stage.IDLE}),
    Stage.WITHDRAWING: frozenset({Stage.CLEANING, Stage.PREPARING, Stage.SWITCHING}),
    Stage.CLEANING: frozenset({Stage.IDLE}),
}
"""Which stage may follow which, besides itself; checked by a property, drawn in ``docs/``."""


@dataclass(frozen=True, slots=True)
class Revision:
    """One release: the same name and template hash are the same release, whatever the commit.

    ``template_hash``: its content: of ``template:`` with its configuration, or of the pod template
    that its Deployment was seen to have; empty: not seen yet.
    """

    __pydantic_config__ = CONFIG

    name: str
    commit: str = ""
    template_hash: str = ""

    def same(self, other: "Revision | None") -> bool:
        """Whether ``other`` runs the same thing; a commit that changes only words does not.

        What was never seen may be the same: a Deployment that is not there yet, or no more.
        """
        if other is None or self.name != other.name:
            return False
        return self.template_hash == other.template_hash or not (
            self.template_hash and other.template_hash
        )

    def seen_as(self, other: "Revision | None") -> "Revision":
        """This revision with the content that ``other`` had, where its own is not seen now."""
        if self.template_hash or other is None or other.name != self.name:
            return self
        return replace(self, template_hash=other.template_hash)


class ConfirmedBy(StrEnum):
    """How we know that the proxies have taken the route."""

    SYNCZ = "syncz"  # istiod says every proxy acknowledged it
    SHARE = "observed share"  # the requests divide as asked
    FLOOR = "floor"  # time enough has passed; nobody told us


@dataclass(frozen=True, slots=True)
class StepStatus:
    """The step we are at, and since when."""

    __pydantic_config__ = CONFIG

    index: int
    name: str
    entered_at: datetime


@dataclass(frozen=True, slots=True)
class Drift:
    """Foreign edits of our leaves that were restored: how many, and when the last was seen."""

    __pydantic_config__ = CONFIG

    count: int
    last: datetime
    what: str = ""


class Outcome(StrEnum):
    """What a metric's samples say."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one metric says of the canary, with its evidence.

    ``text``: the sentence with both sides' counts and the evidence, under 250 characters.
    ``evidence``: the e-value against "within tolerance"; None where nothing is compared.
    ``certified``: sure enough that it is not worse by more than the harm cap.
    ``since``, ``until``: the window that it speaks of.
    """

    __pydantic_config__ = CONFIG

    metric: str
    outcome: Outcome
    text: str
    evidence: float | None = None
    certified: bool = False
    since: datetime | None = None
    until: datetime | None = None
    step: int | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """One person's yes or no to one step of one attempt."""

    __pydantic_config__ = CONFIG

    who: str
    yes: bool
    at: datetime
    step: int
    attempt: int


@dataclass(frozen=True, slots=True)
class Opened:
    """An HTTP gate that has opened; ``nonce`` is the question's, so it speaks of one step only."""

    __pydantic_config__ = CONFIG

    nonce: str
    because: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Pause:
    """Why we stand still: ``by`` is a person, or "" for the controller itself.

    ``since`` is when; the phase goes back to where it was on ``resume``.
    """

    __pydantic_config__ = CONFIG

    because: str
    since: datetime
    by: str = ""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A revision that failed; not tried again until git says something else, or a person retry."""

    __pydantic_config__ = CONFIG

    revision: Revision
    because: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """One decision of the past: what changed, and why."""

    __pydantic_config__ = CONFIG

    id: str
    at: datetime
    stage: Stage
    split: str
    because: str
    revision: str = ""
    evidence: str = ""


class SubsetMode(StrEnum):
    """How the DestinationRule names our two sides."""

    ROLE = "role"  # subsets stable and canary, re-pointed at weight 0
    VERSION = "version"  # subsets v1, v2, …; their weights stay ours


@dataclass(frozen=True, slots=True)
class RolloutStatus:
    """What one rollout remembers; what traffic should be follows from this and the spec alone.

    ``stable``: the revision everyone may be sent to; None before the first look.
    ``canary``: the revision of the journey under way, also while it is being withdrawn.
    ``previous``: a revision without traffic whose pods go once they are drained.
    ``previous_since``: when its last request may have been.
    ``losses``: how often the canary lost all its pods in this journey.
    ``epoch``: rises with every saved decision that acts, never falls; fences stale writers.
    ``stage_since``: when the present stage began.
    ``asked_at``: when we last changed what the proxies should know; None: never in this journey.
    ``confirmed_at``: when they had it; the gate's clock and its evidence start here.
    ``stable_subset``, ``canary_subset``: the DestinationRule's names of the two sides.
    ``apart``: pods of other revisions are behind the service, so its subset must stay named.
    ``pods``: how many stable pods carried everyone when the journey began, or more since.
    ``opened``: the HTTP gate that opened last; it is not asked again in its step.
    ``autoscaled``: the Deployment that the spec's autoscaler was last seen to scale as asked.
    ``checkpoint``: the analysis' own state, JSON values only, opaque to all others.
    ``last_handled_request``: the annotation's text, echoed once it was handled.
    """

    __pydantic_config__ = CONFIG

    phase: Phase = Phase.HEALTHY
    stage: Stage = Stage.IDLE
    because: str = ""
    stable: Revision | None = None
    canary: Revision | None = None
    previous: Revision | None = None
    previous_since: datetime | None = None
    losses: int = 0
    step: StepStatus | None = None
    stage_since: datetime | None = None
    split: Split = Split(100, 0)
    asked_at: datetime | None = None
    confirmed_at: datetime | None = None
    confirmed_by: ConfirmedBy | None = None
    subsets: SubsetMode | None = None
    stable_subset: str = ""
    canary_subset: str = ""
    apart: bool = False
    pods: int = 0
    autoscaled: str = ""
    drift: Drift | None = None
    attempt: int = 0
    epoch: int = 0
    verdicts: tuple[Verdict, ...] = ()
    approvals: tuple[Answer, ...] = ()
    opened: Opened | None = None
    pause: Pause | None = None
    rejected: Rejected | None = None
    warnings: Annotated[tuple[str, ...], Field(description="preflight findings in force")] = ()
    checkpoint: OpenObject = field(default_factory=dict)
    history: tuple[Entry, ...] = ()
    last_handled_request: str = ""
    observed_generation: int = 0
    observed_commit: str = ""
