"""What we remember between looks, and which phase and stage may follow which."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AliasChoices, Field

from rollout.memo import changed
from rollout.model.reasons import Cause, PauseKind, WaitsFor
from rollout.model.spec import OpenObject, Rollout, asked_by
from rollout.model.traffic import Split, SubsetMode, VirtualServiceRef
from rollout.model.units import CONFIG, past

STEP_INDEX = Field(
    validation_alias=AliasChoices("stepIndex", "step"),
    serialization_alias="stepIndex",
    description="counted from 0, as `steps[0]`; `step 1` is its name",
)
"""A step by its index, in a field whose name says so: people count steps from 1."""


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
    Phase.ROLLING_BACK: frozenset({Phase.HEALTHY, Phase.DEGRADED, Phase.PROGRESSING, Phase.PAUSED}),
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
    Stage.PREPARING: frozenset({Stage.STEPPING, Stage.CLEANING, Stage.WITHDRAWING}),
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

UNDER_WAY = (Stage.PREPARING, Stage.STEPPING, Stage.SWITCHING, Stage.BAKING)
"""The stages in which a journey can still be turned round."""

ROUTED = (
    Stage.STEPPING,
    Stage.SWITCHING,
    Stage.BAKING,
    Stage.WITHDRAWING,
    Stage.REPOINTING,
    Stage.RETURNING,
)
"""The stages that go on only once the proxies have our route, which names a subset of each."""

PASSED = (Stage.SWITCHING, Stage.BAKING, Stage.REPOINTING, Stage.RETURNING, Stage.RETIRING)
"""The stages after the last step, of a journey that went well."""


@dataclass(frozen=True, slots=True)
class Revision:
    """One release: the same name and template hash are the same release, whatever the commit.

    ``template_hash``: its content: of ``template:`` with its configuration, or of the pod template
    that its Deployment was seen to have; empty: not seen yet.
    ``build``: with ``template:``, the pod template that the Deployment of our making was first
    seen to have, as the API server completed it; empty: not seen yet.
    ``image``: what its first container runs, such as ``shop:v2``; people know it by that, and
    nothing else does.
    """

    __pydantic_config__ = CONFIG

    name: str
    commit: str = ""
    template_hash: str = ""
    build: str = ""
    image: str = field(default="", compare=False)

    @property
    def title(self) -> str:
        """What people know it by, and the hash by which it is told from others of that image."""
        return f"{self.label} ({self.name})" if self.label != self.name else self.name

    @property
    def label(self) -> str:
        """What people know it by: its name, or the image of one that is named by its hash."""
        return self.image if self.image and self.is_hash else self.name

    @property
    def is_hash(self) -> bool:
        """Whether its name is the hash of its content, which nobody knows it by."""
        return bool(self.name) and self.name == self.template_hash

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
        if other is None or other.name != self.name:
            return self
        content = self.template_hash or other.template_hash
        build, image = self.build or other.build, self.image or other.image
        return replace(self, template_hash=content, build=build, image=image)


class ConfirmedBy(StrEnum):
    """How we know that the proxies have taken the route."""

    SYNCZ = "syncz"  # istiod says every proxy acknowledged it
    SHARE = "observed share"  # the requests divide as asked
    FLOOR = "floor"  # time enough has passed; nobody told us


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


class Standing(StrEnum):
    """Where a canary stands after all evidence so far, by one metric or by all of them."""

    FAILED = "failed"
    CERTIFIED = "certified"
    CLEAN = "clean"  # not certified, nothing suspicious
    SUSPICIOUS = "suspicious"
    TOO_FEW = "too few"
    NO_DATA = "no data"
    ERROR = "error"
    NOTHING = "nothing"  # there is nothing to judge by


@dataclass(frozen=True, slots=True)
class Counted:
    """Requests that were counted, bad ones and all, of the canary and of stable.

    ``outcome``: what is bad: ``errors``, or ``latency>250ms`` for those slower than that.
    Estimates where a counter makes them, so no whole numbers are promised.
    """

    __pydantic_config__ = CONFIG

    outcome: str
    canary_bad: float
    canary_all: float
    stable_bad: float
    stable_all: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one metric says of the canary, with its evidence.

    ``text``: the sentence with both sides' counts and the evidence, under 250 characters.
    ``standing``: where the canary stands by this metric alone; absent for what counts nothing.
    ``counted``: the requests that it speaks of; absent where none are compared.
    ``evidence``: the e-value against "within tolerance"; None where nothing is compared.
    ``certified``: sure enough that it is not worse by more than the harm cap.
    ``since``, ``until``: the window that it speaks of.
    ``bar``: the evidence at which it sends the canary back; None as for ``evidence``.
    ``tolerated``: the worst share of bad requests that is fine beside stable's; None likewise.
    """

    __pydantic_config__ = CONFIG

    metric: str
    outcome: Outcome
    text: str
    standing: Standing | None = None
    counted: Counted | None = None
    evidence: float | None = None
    certified: bool = False
    since: datetime | None = None
    until: datetime | None = None
    step: Annotated[int | None, STEP_INDEX] = None
    dry_run: bool = False
    bar: float | None = None
    tolerated: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """One person's yes or no to one step of one attempt.

    ``who``: ``slack:U…`` where Slack vouched for the person; empty: whoever may annotate.
    ``entry``: what of the list of approvers let them in, such as a user group they were in.
    ``unlike``: the commit's author from whom they were told apart; empty: nobody looked.
    ``claimed``: whom somebody who annotated says they are; it counts for nothing.
    """

    __pydantic_config__ = CONFIG

    who: str = field(default="", kw_only=True)
    yes: bool
    at: datetime
    step: Annotated[int, STEP_INDEX]
    attempt: int
    entry: str = ""
    unlike: str = ""
    reason: str = ""
    claimed: str = ""

    @property
    def answerer(self) -> str:
        """Who answered, as people read it."""
        return asked_by(self.who, self.claimed)


def of_step(given: Iterable[Answer], step: int, attempt: int) -> tuple[Answer, ...]:
    """The answers that speak of that step of that attempt; others are of the past."""
    return tuple(one for one in given if (one.step, one.attempt) == (step, attempt))


@dataclass(frozen=True, slots=True)
class Opened:
    """An HTTP gate that has opened; ``nonce`` is the question's, so it speaks of one step only."""

    __pydantic_config__ = CONFIG

    nonce: str
    because: str = field(default="", kw_only=True)
    at: datetime


@dataclass(frozen=True, slots=True)
class Pause:
    """Why we stand still: ``by`` is a person, or "" for the controller itself.

    ``since`` is when; the phase goes back to where it was on ``resume``.
    """

    __pydantic_config__ = CONFIG

    kind: PauseKind
    because: str
    since: datetime
    by: str = ""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A revision that failed; not tried again until git says something else, or a person retry.

    ``cause``: absent where an earlier version of ours wrote it.
    """

    __pydantic_config__ = CONFIG

    revision: Revision
    because: str
    at: datetime
    cause: Cause | None = None


DIGITS = 18  # of a number that we count by, at most


def epoch_of(decision: str) -> int:
    """The epoch in a decision's id, ``attempt.epoch``; 0 where that cannot be read."""
    return counted(decision.rpartition(".")[2])


def counted(text: str) -> int:
    """``text`` as a number that we count by; 0 for what is none, or longer than any of ours."""
    return int(text) if text.isdecimal() and len(text) <= DIGITS else 0


@dataclass(frozen=True, slots=True)
class Entry:
    """One decision of the past: what changed, why, and who asked for it.

    ``id``: ``attempt.epoch``; epochs rise, so the newest has the highest.
    ``by``: who asked, by what proved them, such as ``slack:U…`` or ``kubernetes``; empty: nobody,
    the controller decided.
    ``request``: what they asked, as the annotation has it.
    ``claimed``: whom somebody who annotated says they are, which nothing vouches for.
    ``reason``: why they asked, in their words.
    ``image``: what the revision's first container runs, as people know it.
    """

    __pydantic_config__ = CONFIG

    id: str
    at: datetime
    stage: Stage
    split: str
    because: str
    revision: str = ""
    evidence: str = ""
    commit: str = ""
    by: str = ""
    request: str = ""
    claimed: str = ""
    reason: str = ""
    image: str = field(default="", compare=False)

    @property
    def epoch(self) -> int:
        """The second half of ``id``; 0 where that cannot be read."""
        return epoch_of(self.id)


@dataclass(frozen=True, slots=True)
class RefusedRequest:
    """A request that was not done, and why not; ``by`` and ``claimed`` as in an ``Entry``."""

    __pydantic_config__ = CONFIG

    request: str
    by: str
    at: datetime
    because: str
    claimed: str = ""


@dataclass(frozen=True, slots=True)
class Vouched:
    """A request whose sender a chat has proved to us; nobody else can write the status.

    ``text``: as the annotation has it; ``who``: as ``Answer.who``.
    """

    __pydantic_config__ = CONFIG

    text: str
    who: str


@dataclass(frozen=True, slots=True)
class Draining:
    """A revision without requests, whose pods go once they have ended what they had begun.

    ``since``: when its last request may have been; None while the routes may still name it.
    """

    __pydantic_config__ = CONFIG

    revision: Revision
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class StageStatus:
    """The stage we are in, and the route that it asks for.

    ``since``: when it began.
    ``asked_at``: when we last changed what the proxies should know; None: never in this attempt.
    ``confirmed_at``: when they had it; the gate's clock and its evidence start here.
    """

    __pydantic_config__ = CONFIG

    name: Stage = Stage.IDLE
    since: datetime | None = None
    split: Split = Split(100, 0)
    asked_at: datetime | None = None
    confirmed_at: datetime | None = None
    confirmed_by: ConfirmedBy | None = None

    @property
    def waits_for_proxies(self) -> bool:
        """Whether something was asked of them that they are not known to have."""
        return self.asked_at is not None and self.confirmed_at is None

    def asked(self, now: datetime) -> "StageStatus":
        """The same stage, in which the proxies are asked anew whether they have it."""
        return replace(self, asked_at=now, confirmed_at=None, confirmed_by=None)

    def set_right(self, now: datetime) -> "StageStatus":
        """The same stage once a wall clock that was ahead is right again: nothing is to come.

        What the proxies were asked at a time that has not been is asked of them anew.
        """
        ahead = any(at is not None and at > now for at in (self.asked_at, self.confirmed_at))
        stage = self.asked(now) if ahead else self
        return changed(stage, since=past(self.since, now))

    def followed_by(self, name: Stage, now: datetime) -> "StageStatus":
        """The stage after this one where the route is the same: the proxies have it already."""
        return replace(self, name=name, since=now)


@dataclass(frozen=True, slots=True)
class StepStatus:
    """The step we are at, and since when.

    ``opened``: the HTTP gate that has opened; it is not asked again in this step.
    """

    __pydantic_config__ = CONFIG

    index: int
    name: str
    entered_at: datetime
    opened: Opened | None = None

    def set_right(self, now: datetime) -> "StepStatus":
        """The same step, which has begun by ``now``; as ``StageStatus.set_right``."""
        return changed(self, entered_at=min(self.entered_at, now))


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to bring a revision to everyone; the next one begins as a new value.

    ``number``: 0 before the first attempt, then one more each time.
    ``canary``: the revision on its way, also while it is being withdrawn; None once it is over.
    ``subset``: the DestinationRule's name of the canary's side.
    ``taken_over``: how requests divided before us, which this attempt began with and left as it
    was; absent: it began with everyone on stable.
    ``stable_pods``: how many stable pods carried everyone when it began, or more since.
    ``pod_losses``: how often the canary lost all its pods, the attempts before included.
    ``stable_down_at``: when stable was last seen to have requests and no ready pods; requests
    that met no endpoint until shortly after are not the canary's.
    ``drift``: foreign edits since it began, also those that came after its end.
    ``warnings``: preflight's findings in force.
    ``pending``: what git says by now and is applied when the attempt is over.
    ``checkpoint``: the analysis' own state, JSON values only, opaque to all others.
    """

    __pydantic_config__ = CONFIG

    number: int = 0
    canary: Revision | None = None
    subset: str = ""
    taken_over: Split | None = None
    stable_pods: int = 0
    pod_losses: int = 0
    stable_down_at: datetime | None = None
    step: StepStatus | None = None
    pause: Pause | None = None
    drift: Drift | None = None
    verdicts: tuple[Verdict, ...] = ()
    approvals: tuple[Answer, ...] = ()
    warnings: tuple[str, ...] = ()
    pending: str = ""
    checkpoint: OpenObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Subject:
    """What a rollout was about when it was adopted, by the spec's names of then.

    By these it goes home, whatever the spec names meanwhile.
    ``deployments``: the pattern; absent: they are made from a template.
    """

    __pydantic_config__ = CONFIG

    service: str
    deployments: str | None = None
    virtual_services: tuple[VirtualServiceRef, ...] = ()
    destination_rule: str = ""

    @classmethod
    def of(cls, rollout: Rollout) -> "Subject":
        """What the spec names now."""
        spec, traffic = rollout.spec, rollout.spec.traffic
        return cls(
            spec.service,
            spec.workload.deployments,
            traffic.virtual_services,
            traffic.destination_rule,
        )

    def named_by(self, rollout: Rollout) -> Rollout:
        """``rollout`` with these names; itself where they are the spec's."""
        if self == Subject.of(rollout):
            return rollout
        spec, template = rollout.spec, rollout.spec.workload.template
        workload = replace(
            spec.workload,
            deployments=self.deployments,
            template=None if self.deployments else (template or {}),
        )
        traffic = replace(
            spec.traffic,
            virtual_services=self.virtual_services,
            destination_rule=self.destination_rule,
        )
        named = replace(spec, service=self.service, workload=workload, traffic=traffic)
        return replace(rollout, spec=named)


@dataclass(frozen=True, slots=True)
class RolloutStatus:
    """What one rollout remembers; what traffic should be follows from this and the spec alone.

    What begins with an attempt is in ``attempt``, with a stage in ``stage``, with a step in
    ``attempt.step``; the rest is the rollout's own.

    ``because``: one sentence under 80 characters: why it stands where it stands.
    ``waits_for``: what would move it on; absent when nothing has to.
    ``subject``: what it is about, by the names of its adoption.
    ``stable``: the revision everyone may be sent to; absent before the first look.
    ``draining``: the revision that had requests before, until its pods are gone.
    ``rejected``: the revision that failed; not tried again.
    ``subset_mode``: how the DestinationRule names the two sides.
    ``stable_subset``: the DestinationRule's name of stable's side.
    ``revisions_isolated``: other revisions' pods are behind the service, so routes name subsets.
    ``autoscaler_target``: the Deployment that the spec's autoscaler last scaled as asked.
    ``epoch``: rises with every saved decision that acts, never falls; fences stale writers.
    ``history``: the last 50 decisions.
    ``last_handled_request``: the annotation's text, echoed once it was handled.
    ``last_refused_request``: that of the last one that could not be done; ``because`` said why.
    ``refused_requests``: the last ten of them.
    ``vouched``: who sent the request of that text, where a chat has proved it.
    ``observed_generation``, ``observed_commit``: of the spec that was looked at last.
    """

    __pydantic_config__ = CONFIG

    phase: Phase = Phase.HEALTHY
    because: str = ""
    waits_for: WaitsFor | None = None
    subject: Subject | None = None
    stable: Revision | None = None
    stage: StageStatus = field(default_factory=StageStatus)
    attempt: Attempt = field(default_factory=Attempt)
    draining: Draining | None = None
    rejected: Rejected | None = None
    subset_mode: SubsetMode | None = None
    stable_subset: str = ""
    revisions_isolated: bool = False
    autoscaler_target: str = ""
    epoch: int = 0
    history: tuple[Entry, ...] = ()
    last_handled_request: str = ""
    last_refused_request: str = ""
    refused_requests: tuple[RefusedRequest, ...] = ()
    vouched: Vouched | None = None
    observed_generation: int = 0
    observed_commit: str = ""
