"""A cluster switchover as git asks for it, and what is remembered of it, by how long it lives.

Users move from cluster *blue* to cluster *green* by the weights of a DNS record set. Blue has
stable's role and green the canary's: ``Split(stable=75, canary=25)`` is a quarter of the
resolutions on green, and since the two sum to 100, weights that are all 0 cannot exist.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from rollout.model.reasons import WaitsFor
from rollout.model.spec import (
    MINUTE,
    PROGRESS_DEADLINE,
    TIME_BOX,
    Analysis,
    AnalysisTemplateSpec,
    Approval,
    Notify,
    OnFailure,
    OpenObject,
    Request,
    SecretRef,
    Unread,
)
from rollout.model.status import (
    Answer,
    Drift,
    Pause,
    Phase,
    RefusedRequest,
    StepStatus,
    Verdict,
    Vouched,
)
from rollout.model.traffic import Split
from rollout.model.units import CONFIG, Duration, Share, past

_DNS_NAME = r"^(\*\.)?[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)+$"
_OBJECT = r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$"
_LABEL = r"^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"
_PART = r"[A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?"
_HOST = rf"{_PART}(\.{_PART})*"
_PORT = r"([0-9]{1,4}|[1-5][0-9]{4}|6([0-4][0-9]{3}|5([0-4][0-9]{2}|5([0-2][0-9]|3[0-5]))))"
_SERVER = rf"^({_HOST}|\[[0-9a-f:.]{{2,45}}\])(:{_PORT})?$"
_LONGEST_HOST = 253


class Side(StrEnum):
    """One of the two clusters."""

    BLUE = "blue"  # serves now; the way back leads here
    GREEN = "green"  # the one to move to

    @property
    def other(self) -> "Side":
        """The other cluster."""
        return Side.GREEN if self is Side.BLUE else Side.BLUE


@dataclass(frozen=True, slots=True)
class Gateway:
    """The Deployment of a cluster's ingress gateway: whose requests are counted."""

    __pydantic_config__ = CONFIG

    namespace: Annotated[str, Field(pattern=_OBJECT)] = "istio-system"
    workload: Annotated[str, Field(pattern=_OBJECT)] = "istio-ingressgateway"


@dataclass(frozen=True, slots=True)
class Cluster:
    """One of the two clusters: how it is reached, counted and told apart in the answers of DNS."""

    __pydantic_config__ = CONFIG

    set_identifier: Annotated[
        str, Field(min_length=1, max_length=128, description="of its records in the set")
    ]
    kubeconfig: Annotated[
        SecretRef | None,
        Field(description="its entry is kubeconfig; absent: the cluster that the controller is in"),
    ] = None
    gateway: Gateway = Gateway()
    label: Annotated[
        str,
        Field(
            pattern=rf"(^$)|({_LABEL})",
            description="the value of the label cluster in Prometheus; default: blue, or green",
        ),
    ] = ""
    address: Annotated[
        str,
        Field(
            pattern=rf"(^$)|({_SERVER})",
            max_length=_LONGEST_HOST + len(":65535"),
            description="host[:port] of its gateway, for requests past DNS; default: its target",
        ),
    ] = ""
    answers: Annotated[
        tuple[str, ...],
        Field(description="addresses that mean it in DNS, where the record is an alias"),
    ] = ()


@dataclass(frozen=True, slots=True)
class RecordObject:
    """A DNSEndpoint of external-dns that holds records of the set."""

    __pydantic_config__ = CONFIG

    name: Annotated[str, Field(pattern=_OBJECT)]
    namespace: Annotated[
        str, Field(pattern=rf"(^$)|({_OBJECT})", description="default: the switchover's")
    ] = ""
    cluster: Annotated[
        Literal["home", "blue", "green"], Field(description="where it is; home: the controller's")
    ] = "home"


@dataclass(frozen=True, slots=True)
class Dns:
    """The weighted record set, and who answers for it.

    One object with both records (best), or one per cluster; only their weights are written.
    """

    __pydantic_config__ = CONFIG

    names: Annotated[
        tuple[Annotated[str, Field(pattern=_DNS_NAME, max_length=_LONGEST_HOST)], ...],
        Field(min_length=1, max_length=20, description="host names that move together"),
    ]
    endpoints: Annotated[
        tuple[RecordObject, ...], Field(min_length=1, max_length=4, description="DNSEndpoints")
    ]
    name_servers: Annotated[
        tuple[
            Annotated[str, Field(pattern=_SERVER, max_length=_LONGEST_HOST + len(":65535"))], ...
        ],
        Field(min_length=1, max_length=8, description="the zone's own, host[:port]; never a cache"),
    ]
    previous_ttl: Annotated[
        Duration,
        Field(description="the TTL before it was lowered; so long the first step waits"),
    ] = timedelta(0)
    safety: Annotated[
        int, Field(ge=1, le=10, description="TTLs to wait until caches have forgotten")
    ] = 2
    share_tolerance: Annotated[
        Share, Field(description="how far the observed share may be from the asked one")
    ] = 0.05


@dataclass(frozen=True, slots=True)
class Probe:
    """One request past DNS with the production host (and SNI), and the status that is right."""

    __pydantic_config__ = CONFIG

    url: Annotated[
        str,
        Field(pattern=rf"^https?://{_HOST}(:{_PORT})?(/[!-~]*)?$", max_length=2000),
    ]
    status: Annotated[int, Field(ge=100, le=599)] = 200


@dataclass(frozen=True, slots=True)
class ShiftStep:
    """One stop on the way: green's share of resolutions, and the gate that ends it."""

    __pydantic_config__ = CONFIG

    weight: Annotated[int, Field(ge=1, le=99, description="green's share, percent")]
    bake: Annotated[Duration, Field(description="the least time once requests divide so")] = MINUTE
    time_box: Annotated[Duration, Field(description="when to stop waiting for evidence")] = TIME_BOX
    approval: Annotated[
        Approval | None, Field(description="people who must say yes before the next step")
    ] = None

    @property
    def name(self) -> str:
        """The step as screens call it."""
        return f"{self.weight}%"


def _ramp() -> tuple[ShiftStep, ...]:
    return tuple(ShiftStep(weight) for weight in (1, 5, 10, 25, 50, 75))


@dataclass(frozen=True, slots=True)
class Drain:
    """When blue has so few requests left that nobody misses it."""

    __pydantic_config__ = CONFIG

    below: Annotated[Share, Field(description="blue's share of all requests")] = 0.005
    within: Annotated[
        Duration, Field(description="then blue's gateway is restarted, or a person is asked")
    ] = timedelta(hours=24)
    restart_gateway: Annotated[
        bool, Field(description="long-lived connections end by a restart of blue's gateway pods")
    ] = False


UNAVOIDABLE: Mapping[str, str] = {
    "SW-002": "weights of such records cannot be moved",
    "SW-003": "two writers would write over each other",
    "SW-011": "nothing would be known of what users meet",
}
"""Blocking rules that no word of a person can overrule, and why."""


@dataclass(frozen=True, slots=True)
class OverruleSwitch:
    """A blocking rule that a person lets pass for this switchover; the finding is still shown."""

    __pydantic_config__ = CONFIG

    rule: Annotated[str, Field(pattern=r"^SW-[0-9]{3}$", description="see docs/switchover.md")]
    reason: Annotated[str, Field(min_length=1, max_length=300)]


@dataclass(frozen=True, slots=True)
class SwitchoverSpec:
    """The manifest's ``spec``: two clusters, their records, and which of them git wants to serve.

    ``serve: green`` begins the way there; ``serve: blue`` again is the way back, until the drain
    is over.
    """

    __pydantic_config__ = CONFIG

    blue: Cluster
    green: Cluster
    dns: Dns
    probes: Annotated[tuple[Probe, ...], Field(min_length=1, max_length=20)]
    serve: Annotated[Side, Field(description="change this line and push it")] = Side.BLUE
    steps: Annotated[
        tuple[ShiftStep, ...], Field(max_length=50, description="then everyone goes to green")
    ] = field(default_factory=_ramp)
    analysis: Analysis = Analysis()
    namespaces: Annotated[
        tuple[Annotated[str, Field(pattern=_OBJECT)], ...],
        Field(description="what must be the same in both; default: what the hosts' routes reach"),
    ] = ()
    bake: Annotated[Duration, Field(description="with everyone on green; the way back is open")] = (
        timedelta(hours=1)
    )
    drain: Drain = Drain()
    data_can_go_back: Annotated[
        bool,
        Field(description="no one-way migration runs before the drain is over; SW-008 wants it"),
    ] = False
    overrule: tuple[OverruleSwitch, ...] = ()
    on_failure: OnFailure = OnFailure.ROLLBACK
    notify: Annotated[Notify, Field(description="who hears of what")] = field(
        default_factory=Notify
    )
    progress_deadline: Annotated[
        Duration, Field(description="a step that cannot start or learn pauses and says why")
    ] = PROGRESS_DEADLINE

    def __post_init__(self) -> None:
        if self.blue.set_identifier == self.green.set_identifier:
            raise ValueError("blue and green have one setIdentifier; one of its own is wanted")
        if not self.steps:
            raise ValueError("steps is empty; at least one weight below 100 is wanted")
        weights = [step.weight for step in self.steps]
        if weights != sorted(set(weights)):
            raise ValueError(f"steps have weights {weights}; they must rise")
        if self.dns.share_tolerance > 0.25:
            raise ValueError("dns.shareTolerance is above 25%, so that a step would show nothing")

    def cluster(self, side: Side) -> Cluster:
        """The cluster on ``side``."""
        return self.blue if side is Side.BLUE else self.green

    def step_after(self, weight: int) -> int | None:
        """The first step that sends more than ``weight`` percent to green; None: everyone goes."""
        return next((i for i, step in enumerate(self.steps) if step.weight > weight), None)


@dataclass(frozen=True, slots=True)
class Switchover:
    """One ClusterSwitchover object as the controller knows it; fields as of ``Rollout``."""

    name: str
    namespace: str
    uid: str
    generation: int
    spec: SwitchoverSpec
    commit: str = ""
    author: str = ""
    request: Request | None = None
    deleting: bool = False
    deleted_at: datetime | None = None

    @property
    def key(self) -> str:
        """``namespace/name``, as people write it."""
        return f"{self.namespace}/{self.name}"

    @property
    def analysis(self) -> Analysis:
        """How green is judged."""
        return self.spec.analysis

    @property
    def templates(self) -> Mapping[str, AnalysisTemplateSpec | Unread]:
        """None: a switchover's metrics stand in its own spec."""
        return {}

    @property
    def service(self) -> str:
        """What metrics may name; a gateway's requests belong to no one service."""
        return self.name

    @property
    def host(self) -> str:
        """The first of the host names that move."""
        return self.spec.dns.names[0]

    @property
    def weights(self) -> frozenset[int]:
        """Green's shares at its steps."""
        return frozenset(step.weight for step in self.spec.steps)

    @property
    def progress_deadline(self) -> timedelta:
        """How long a step may be unable to start or to learn before a person is asked."""
        return self.spec.progress_deadline

    def counted_as(self, side: Side) -> str:
        """The gateway of ``side`` as metrics name it: ``cluster/namespace/workload``."""
        cluster = self.spec.cluster(side)
        return f"{cluster.label or side}/{cluster.gateway.namespace}/{cluster.gateway.workload}"


class SwitchStage(StrEnum):
    """Where inside a switchover we are; only one order leads through."""

    SERVING = "Serving"  # at rest: one cluster serves everyone
    CHECKING = "Checking"  # the rules; nothing is written yet
    VERIFYING = "Verifying"  # green is tried in the dark, and the TTL has to be low for long enough
    SHIFTING = "Shifting"  # at step ``step.index``
    BAKING = "Baking"  # everyone is sent to green; blue is kept whole
    DRAINING = "Draining"  # blue's last requests
    RETURNING = "Returning"  # everyone back to blue


SWITCH_MAY_FOLLOW: Mapping[SwitchStage, frozenset[SwitchStage]] = {
    SwitchStage.SERVING: frozenset({SwitchStage.CHECKING}),
    SwitchStage.CHECKING: frozenset({SwitchStage.VERIFYING, SwitchStage.SERVING}),
    SwitchStage.VERIFYING: frozenset({SwitchStage.SHIFTING, SwitchStage.SERVING}),
    SwitchStage.SHIFTING: frozenset({SwitchStage.BAKING, SwitchStage.RETURNING}),
    SwitchStage.BAKING: frozenset({SwitchStage.DRAINING, SwitchStage.RETURNING}),
    SwitchStage.DRAINING: frozenset({SwitchStage.SERVING, SwitchStage.RETURNING}),
    SwitchStage.RETURNING: frozenset({SwitchStage.SERVING}),
}
"""Which stage may follow which, besides itself; checked before anything is done."""

OF_BLUE = "blue "
"""What the metrics of verdicts begin with that hold blue to what it was like before."""

AHEAD = frozenset({SwitchStage.CHECKING, SwitchStage.VERIFYING})
"""Stages of a switchover under way in which no weight has moved yet."""

MOVED = frozenset({SwitchStage.SHIFTING, SwitchStage.BAKING, SwitchStage.DRAINING})
"""Stages in which users are on green, or may be."""


@dataclass(frozen=True, slots=True)
class SwitchStageStatus:
    """The stage we are in, the weights that it asks for, and how far they have come.

    ``asked_at``: when they were asked for; ``written_at``: when the objects were seen to have them.
    ``served_at``: when the name servers were sure to answer so; ``ttl``: the longest they gave.
    ``confirmed_at``: when requests divided so; the gate's clock starts here.
    """

    __pydantic_config__ = CONFIG

    name: SwitchStage = SwitchStage.SERVING
    since: datetime | None = None
    split: Split = Split(100, 0)
    before: Split = Split(100, 0)
    asked_at: datetime | None = None
    written_at: datetime | None = None
    served_at: datetime | None = None
    ttl: Duration = timedelta(0)
    confirmed_at: datetime | None = None
    restarted_at: datetime | None = None

    def set_right(self, now: datetime) -> "SwitchStageStatus":
        """The same stage once a wall clock that was ahead is right again: nothing is to come.

        ``restarted_at`` stays: it is what the restart is marked with.
        """
        return replace(
            self,
            since=past(self.since, now),
            asked_at=past(self.asked_at, now),
            written_at=past(self.written_at, now),
            served_at=past(self.served_at, now),
            confirmed_at=past(self.confirmed_at, now),
        )

    def asked(self, now: datetime) -> "SwitchStageStatus":
        """The same stage, whose weights are written and looked for anew."""
        return replace(self, asked_at=now, written_at=None, served_at=None, confirmed_at=None)


@dataclass(frozen=True, slots=True)
class Slower:
    """How many of blue's requests were slower than ``bound`` before anything moved."""

    __pydantic_config__ = CONFIG

    bound: Duration
    requests: int


@dataclass(frozen=True, slots=True)
class Before:
    """Blue's hour before the switchover: what blue, and green once it has everyone, are held to."""

    __pydantic_config__ = CONFIG

    requests: int
    bad: int
    slow: tuple[Slower, ...] = ()


@dataclass(frozen=True, slots=True)
class SwitchSubject:
    """What a switchover is about since its weights first moved, as the spec had it then.

    By this it goes home, whatever the spec says meanwhile, and if nobody can read it any more.
    """

    __pydantic_config__ = CONFIG

    blue: Cluster
    green: Cluster
    dns: Dns
    probes: tuple[Probe, ...]

    @classmethod
    def of(cls, spec: SwitchoverSpec) -> "SwitchSubject":
        """What the spec says now."""
        return cls(spec.blue, spec.green, spec.dns, spec.probes)

    def is_in(self, spec: SwitchoverSpec) -> bool:
        """Whether the spec still is about the same records, in the same objects and clusters."""
        return (
            self.dns.names == spec.dns.names
            and self.dns.endpoints == spec.dns.endpoints
            and all(_same(self.cluster(side), spec.cluster(side)) for side in Side)
        )

    def cluster(self, side: Side) -> Cluster:
        """The cluster on ``side``."""
        return self.blue if side is Side.BLUE else self.green


def _same(one: Cluster, other: Cluster) -> bool:
    mine, theirs = (one.set_identifier, one.kubeconfig), (other.set_identifier, other.kubeconfig)
    return mine == theirs


@dataclass(frozen=True, slots=True)
class SwitchAttempt:
    """One attempt to bring users to green; the next one begins as a new value.

    ``number``: 0 before the first attempt, then one more each time.
    ``before``: blue's last hour; None: not known yet.
    ``blue_pods``: ready pods of blue's gateway when weights first moved: the way back wants them.
    ``blue_down_at``, ``green_down_at``: since when every probe of that side has failed.
    ``drift``: foreign edits of our weights since it began.
    ``warnings``: findings in force.
    ``checkpoint``, ``blue_checkpoint``: the analysis' own state of either side.
    ``subject``: what it goes home by; None: no weight has moved.
    """

    __pydantic_config__ = CONFIG

    number: int = 0
    step: StepStatus | None = None
    pause: Pause | None = None
    before: Before | None = None
    blue_pods: int = 0
    blue_down_at: datetime | None = None
    green_down_at: datetime | None = None
    drift: Drift | None = None
    verdicts: tuple[Verdict, ...] = ()
    approvals: tuple[Answer, ...] = ()
    warnings: tuple[str, ...] = ()
    checkpoint: OpenObject = field(default_factory=dict)
    blue_checkpoint: OpenObject = field(default_factory=dict)
    subject: SwitchSubject | None = None


@dataclass(frozen=True, slots=True)
class LowTtl:
    """The records' TTL as we saw it: since when it is what it is, and what it was before."""

    __pydantic_config__ = CONFIG

    ttl: Duration
    since: datetime
    before: Duration = timedelta(0)


@dataclass(frozen=True, slots=True)
class SwitchRejected:
    """Why green was left; not tried again until git asked for blue, or a person says retry."""

    __pydantic_config__ = CONFIG

    because: str
    at: datetime


@dataclass(frozen=True, slots=True)
class SwitchEntry:
    """One decision of the past: what changed, why, and who asked for it; as an ``Entry``."""

    __pydantic_config__ = CONFIG

    id: str
    at: datetime
    stage: SwitchStage
    split: str
    because: str
    evidence: str = ""
    commit: str = ""
    by: str = ""
    request: str = ""
    claimed: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SwitchoverStatus:
    """What one switchover remembers; what the weights should be follows from this alone.

    ``serving``: the cluster that served everyone at the last rest; absent before the first look.
    ``low_ttl``: the TTL of the records, and since when.
    The others as of a Rollout's status.
    """

    __pydantic_config__ = CONFIG

    phase: Phase = Phase.HEALTHY
    because: str = ""
    waits_for: WaitsFor | None = None
    serving: Side | None = None
    stage: SwitchStageStatus = field(default_factory=SwitchStageStatus)
    attempt: SwitchAttempt = field(default_factory=SwitchAttempt)
    low_ttl: LowTtl | None = None
    rejected: SwitchRejected | None = None
    epoch: int = 0
    history: tuple[SwitchEntry, ...] = ()
    last_handled_request: str = ""
    last_refused_request: str = ""
    refused_requests: tuple[RefusedRequest, ...] = ()
    vouched: Vouched | None = None
    observed_generation: int = 0
    observed_commit: str = ""


def words(split: Split) -> str:
    """``split`` as people read it."""
    return f"blue {split.stable} / green {split.canary}"
