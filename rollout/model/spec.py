"""What git asks for, as frozen values; manifests, CRDs and the reference page come from here."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema

from rollout.model import units
from rollout.model.reasons import Verb
from rollout.model.traffic import (
    CANARY,
    STABLE,
    Cohort,
    Fault,
    Target,
    VirtualServiceRef,
    full_host,
)
from rollout.model.units import (
    CONFIG,
    SOME,
    Chance,
    Duration,
    Lasting,
    Share,
    Weight,
    exactly_one,
)

GROUP = "rollout.dev"
VERSION = "v1alpha1"
MANAGER = "rollout"
"""Who we are in ``metadata.managedFields`` of what we write."""

MINUTE = timedelta(minutes=1)
TIME_BOX = 20 * MINUTE
"""When a step without a time box stops waiting for evidence."""

LONGEST_BOX = 60 * MINUTE
"""Until when such a step waits on where a certificate is in sight by then."""

PROGRESS_DEADLINE = 30 * MINUTE
"""How long a step may be unable to start or to learn before a person is asked."""

OpenObject = Annotated[
    Mapping[str, Any],
    WithJsonSchema({"type": "object", "x-kubernetes-preserve-unknown-fields": True}),
]


class Finish(StrEnum):
    """What follows a strategy's last step."""

    PROMOTE = "promote"
    HOLD = "hold"


class OnFailure(StrEnum):
    """What a failed gate does: bring everyone back, or freeze the split and tell people."""

    ROLLBACK = "rollback"
    HOLD = "hold"


class OnDrift(StrEnum):
    """What a foreign edit of our leaves does."""

    RESTORE = "restore"
    PAUSE = "pause"


class Ending(StrEnum):
    """What happens when a step's time box is over without a certain answer."""

    PROMOTE = "promote"
    HOLD = "hold"
    ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How much worse than stable is still fine: ``ratio`` times stable plus ``absolute``."""

    __pydantic_config__ = CONFIG

    ratio: Annotated[float, Field(ge=1, le=100, description="a factor on stable's share")] = 1.1
    absolute: Annotated[Share, Field(description="percentage points on top")] = 0.001


@dataclass(frozen=True, slots=True)
class SuccessRate:
    """The least share of good requests, whatever stable does."""

    __pydantic_config__ = CONFIG

    min: Annotated[Share, Field(description="the least share of good requests")]


@dataclass(frozen=True, slots=True)
class LatencyLimit:
    """``quantile`` of requests must be faster than ``max``."""

    __pydantic_config__ = CONFIG

    quantile: Annotated[float, Field(gt=0, lt=1)]
    max: Annotated[Lasting, Field(description="moved up to the next bucket bound, and said")]


@dataclass(frozen=True, slots=True)
class Failures:
    """How many readings beyond a limit fail a metric; None means that count does not matter."""

    __pydantic_config__ = CONFIG

    consecutive: Annotated[
        int | None, Field(ge=1, description="readings beyond the limit in a row")
    ] = None
    total: Annotated[int | None, Field(ge=1, description="such readings in all")] = None


UNREACHED, OF_TEMPLATE = "unreached", "template."
"""What verdicts of our own are called, or begin with; no metric of a spec is called so."""

PLACES = ("namespace", "service", "host", "stable", "canary")
"""What ``{{…}}`` may name in a metric's own PromQL, besides a template's arguments."""

PER_SIDE = frozenset({"revision", "version", "workload"})
"""As ``PLACES``, in ``bad`` and ``total`` alone: they are asked for once per revision."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One thing to judge; its form is told by the fields that are set.

    ``errors`` and ``latency`` by name alone are the built-in comparisons with stable.
    ``success_rate`` and ``latency`` limits judge the canary alone.
    ``bad`` and ``total`` are own counters by pod, compared like the built-in ones.
    ``query`` is any number against ``min`` and ``max``.
    """

    __pydantic_config__ = CONFIG

    name: Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?$")]
    tolerate: Tolerance | None = None
    slower_than: Annotated[
        tuple[Lasting, ...], Field(description="latency bounds; default: chosen from stable")
    ] = ()
    success_rate: SuccessRate | None = None
    latency: LatencyLimit | None = None
    bad: Annotated[str | None, Field(description="PromQL: counter of bad events by pod")] = None
    total: Annotated[str | None, Field(description="PromQL: counter of all events by pod")] = None
    query: Annotated[str | None, Field(description="PromQL that gives one number")] = None
    min: float | None = None
    max: float | None = None
    failures: Failures = Failures(consecutive=3)
    strict: Annotated[
        bool, Field(description="one bad reading of the plain rate counts as a strike")
    ] = False
    dry_run: Annotated[bool, Field(description="judged and shown, never acted upon")] = False

    @property
    def counts_requests(self) -> bool:
        """Whether it is judged by Istio's own counters of requests."""
        return self.query is None and self.bad is None and self.total is None


@dataclass(frozen=True, slots=True)
class HarmCap:
    """Extra harm, as a share of all traffic, that a step forward need not exclude."""

    __pydantic_config__ = CONFIG

    errors: Share = 0.005
    slow: Share = 0.02


@dataclass(frozen=True, slots=True)
class Confidence:
    """How sure the gate must be before it goes back, and before it goes on."""

    __pydantic_config__ = CONFIG

    false_rollback: Annotated[
        Chance, Field(description="chance of ever rolling back a release within tolerance")
    ] = 0.01
    false_promote: Annotated[
        Chance, Field(description="chance of certifying one beyond the harm cap")
    ] = 0.05
    harm_cap: HarmCap = HarmCap()


@dataclass(frozen=True, slots=True)
class TemplateUse:
    """A named AnalysisTemplate and what to fill in for its arguments."""

    __pydantic_config__ = CONFIG

    name: str
    args: Mapping[str, str] = field(default_factory=dict)


MOST_STEPS, MOST_METRICS, MOST_TEMPLATES = 200, 100, 20
"""Of one Rollout: what each metric came to is in its status, which etcd takes up to 1.5 MiB of, and
where no status can be stored nobody is brought back."""

ERRORS_TOLERANCE = Tolerance()
SLOW_TOLERANCE = Tolerance(absolute=0.01)
DEFAULT_METRICS = (
    Metric("errors", tolerate=ERRORS_TOLERANCE),
    Metric("latency", tolerate=SLOW_TOLERANCE),
)


QUICKEST = timedelta(milliseconds=100)
"""Between two samples; nothing is scraped more often, and each costs a look."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """How the canary is judged in every state in which it gets traffic; ``{}`` is enough."""

    __pydantic_config__ = CONFIG

    interval: Annotated[Lasting, Field(description="align it with the scrape interval")] = (
        timedelta(seconds=15)
    )
    warmup: Annotated[Duration, Field(description="loose tolerance, not blindness")] = timedelta(
        seconds=30
    )
    metrics: Annotated[tuple[Metric, ...], Field(max_length=MOST_METRICS)] = DEFAULT_METRICS
    templates: Annotated[tuple[TemplateUse, ...], Field(max_length=MOST_TEMPLATES)] = ()
    confidence: Confidence = Confidence()
    min_requests: Annotated[
        int, Field(ge=0, description="canary requests below which a step is 'too few'")
    ] = 20
    reporter: Annotated[
        Literal["auto", "source", "destination"], Field(description="whose counters: Istio's label")
    ] = "auto"
    on_no_data: Annotated[
        Literal["hold", "pause"], Field(description="never a strike; pause asks at once")
    ] = "hold"
    on_inconclusive: Annotated[
        Ending, Field(description="time box over, nothing looks wrong, not certified")
    ] = Ending.PROMOTE
    on_suspicious: Annotated[
        Literal["hold", "rollback"], Field(description="time box over, some evidence, no proof")
    ] = "hold"

    def __post_init__(self) -> None:
        if self.interval < QUICKEST:
            found = f"interval is {units.words(self.interval)}"
            raise ValueError(f"{found}; {units.words(QUICKEST)} or more is wanted")


BY_KUBERNETES = "kubernetes"
"""In a list of approvers: whoever may annotate the Rollout, by `rollout approve` or kubectl."""

KUBERNETES_USER = f"{BY_KUBERNETES}:"
"""In front of the API server's name for whoever asked, since they logged in at the page."""


SlackChannel = Annotated[
    str,
    Field(
        pattern=r"^(#[^\s#@<>&|,]{1,80}|[CG][A-Z0-9]{2,20})?$",
        description="#name, or the channel's id, which outlives a change of its name",
    ),
]


@dataclass(frozen=True, slots=True)
class Approval:
    """Who must say yes before a step ends; the step is judged on while they think.

    ``slack``: where people are asked; empty: in ``notify.slack``, if that is set.
    """

    __pydantic_config__ = CONFIG

    slack: SlackChannel = ""
    approvers: Annotated[
        tuple[
            Annotated[str, Field(pattern=rf"^({BY_KUBERNETES}|[UWS][A-Z0-9]{{2,20}})$")],
            ...,
        ],
        Field(
            description="ids of Slack users (U…, W…) and user groups (S…); "
            "kubernetes: whoever may annotate the Rollout; empty: anyone of the workspace"
        ),
    ] = ()
    quorum: Annotated[int, Field(ge=1, le=20)] = 1
    expires: Lasting = timedelta(hours=4)
    not_author: Annotated[bool, Field(description="the commit's author does not count")] = False


@dataclass(frozen=True, slots=True)
class SecretRef:
    """A Secret in the object's own namespace; which entries it has, the user of it says."""

    __pydantic_config__ = CONFIG

    name: str


@dataclass(frozen=True, slots=True)
class Webhook:
    """An HTTP gate: asked by a signed POST until it says open or failed; silence holds."""

    __pydantic_config__ = CONFIG

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][-A-Za-z0-9_. ]{0,30}$")]
    url: Annotated[
        str,
        Field(
            pattern=r"^https?://[A-Za-z0-9.:\[\]_-]+(/[!-~]*)?$",
            max_length=2000,
            description="https; which hosts may be asked, the controller's policy says",
        ),
    ]
    secret_ref: Annotated[
        SecretRef, Field(description="its entry key signs each request; see docs/webhooks.md")
    ]
    interval: Annotated[Duration, Field(description="between two questions while it holds")] = (
        timedelta(seconds=15)
    )
    timeout: Annotated[Duration, Field(description="for one answer, 1s to 60s")] = timedelta(
        seconds=10
    )

    def __post_init__(self) -> None:
        if not timedelta(seconds=1) <= self.timeout <= timedelta(seconds=60):
            raise ValueError(f"timeout is {units.words(self.timeout)}; 1s to 60s is wanted")
        if self.interval < timedelta(seconds=1):
            raise ValueError(f"interval is {units.words(self.interval)}; 1s or more is wanted")


class NotifyOn(StrEnum):
    """What a channel may want to hear of."""

    STARTED = "started"
    WAITING = "waiting"  # for people: an approval, or a pause that nobody asked for
    PROMOTED = "promoted"
    ROLLED_BACK = "rolledBack"
    PAUSED = "paused"
    DEGRADED = "degraded"


@dataclass(frozen=True, slots=True)
class Listener:
    """An HTTP server that is told what happened, by signed POSTs."""

    __pydantic_config__ = CONFIG

    url: Annotated[
        str,
        Field(
            pattern=r"^https?://[A-Za-z0-9.:\[\]_-]+(/[!-~]*)?$",
            max_length=2000,
            description="https; which hosts may be told, the controller's policy says",
        ),
    ]
    secret_ref: Annotated[
        SecretRef, Field(description="its entry key signs each message; see docs/webhooks.md")
    ]


@dataclass(frozen=True, slots=True)
class Notify:
    """Who hears of what; quiet by default: what went back, and what waits for a person."""

    __pydantic_config__ = CONFIG

    slack: SlackChannel = ""
    webhook: Listener | None = None
    events: tuple[NotifyOn, ...] = (NotifyOn.ROLLED_BACK, NotifyOn.WAITING)


@dataclass(frozen=True, slots=True)
class Step:
    """One stop of a journey: a route and a gate.

    Cohorts stay on the canary in all later steps.
    """

    __pydantic_config__ = CONFIG

    name: str = ""
    weight: Annotated[Weight | None, Field(description="the canary's share of ordinary users")] = (
        None
    )
    cohorts: Annotated[tuple[Cohort, ...], Field(description="OR between entries")] = ()
    mirror: Annotated[Share | None, Field(description="copies to the canary, answers dropped")] = (
        None
    )
    fault: Annotated[Fault | None, Field(description="a rehearsal, cohort requests only")] = None
    replicas: Annotated[int | None, Field(ge=1, description="canary pods for this step")] = None
    bake: Annotated[Duration, Field(description="the least time, from confirmation")] = MINUTE
    time_box: Annotated[
        Duration | None,
        Field(description="when to stop waiting for evidence; 20m, or 1h if certainty is in sight"),
    ] = None
    analysis: Annotated[
        tuple[Metric, ...],
        Field(max_length=MOST_METRICS, description="more metrics, this step only"),
    ] = ()
    approval: Approval | None = None
    webhook: Webhook | None = None

    @property
    def box(self) -> timedelta:
        """The time box in force: the step's own, or the default and no less than the bake."""
        return self.time_box or max(TIME_BOX, self.bake)

    @property
    def longest(self) -> timedelta:
        """Until when it waits on where a certificate is in sight: a box that was asked for ends."""
        return self.time_box or max(LONGEST_BOX, self.bake)


def _ramp() -> tuple[Step, ...]:
    """The default: one learns most near 40 % and little above 70 % (docs/analysis.md, the ramp)."""
    short = [Step(weight=w, time_box=2 * MINUTE) for w in (5, 10, 20, 30)]
    return (*short, Step(weight=40))


@dataclass(frozen=True, slots=True)
class Canary:
    """A rising share of ordinary requests."""

    __pydantic_config__ = CONFIG

    steps: Annotated[tuple[Step, ...], SOME, Field(max_length=MOST_STEPS)] = field(
        default_factory=_ramp
    )
    bake_after_promotion: Duration = timedelta(0)


@dataclass(frozen=True, slots=True)
class Dark:
    """Mirrored requests and cohorts only; ordinary users see stable."""

    __pydantic_config__ = CONFIG

    steps: Annotated[tuple[Step, ...], SOME, Field(max_length=MOST_STEPS)]
    finish: Finish = Finish.HOLD
    bake_after_promotion: Duration = timedelta(0)


@dataclass(frozen=True, slots=True)
class BlueGreen:
    """A preview, then everyone at once, the old kept warm for a while."""

    __pydantic_config__ = CONFIG

    preview: Annotated[tuple[Cohort, ...], Field(description="who sees the preview")] = ()
    preview_host: Annotated[str | None, Field(description="a host that shows the preview")] = None
    bake: Duration = MINUTE
    time_box: Duration | None = None
    analysis: Annotated[tuple[Metric, ...], Field(max_length=MOST_METRICS)] = ()
    approval: Approval | None = None
    webhook: Webhook | None = None
    keep_warm: Annotated[Duration, Field(description="the way back stays one patch")] = timedelta(
        minutes=30
    )


@dataclass(frozen=True, slots=True)
class Strategy:
    """Exactly one of the three."""

    __pydantic_config__ = exactly_one("canary", "dark", "blueGreen")

    canary: Canary | None = None
    dark: Dark | None = None
    blue_green: BlueGreen | None = None

    def __post_init__(self) -> None:
        named = [s for s in (self.canary, self.dark, self.blue_green) if s is not None]
        if len(named) != 1:
            raise ValueError(f"names {len(named)} strategies; exactly one is wanted")


@dataclass(frozen=True, slots=True)
class Autoscaler:
    """A HorizontalPodAutoscaler of the Rollout's namespace that is to follow the release.

    Only its ``spec.scaleTargetRef.name`` is ours; what it scales, it alone scales.
    """

    __pydantic_config__ = CONFIG

    name: Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$")]


@dataclass(frozen=True, slots=True)
class Workload:
    """Where the pods of a revision come from: the user's Deployments, or a template of ours."""

    __pydantic_config__ = exactly_one("deployments", "template")

    deployments: Annotated[
        str | None, Field(description="name pattern, e.g. reviews-{revision}; they exist already")
    ] = None
    template: Annotated[
        OpenObject | None, Field(description="a Deployment spec; each content is a revision")
    ] = None
    scale: Annotated[
        Literal["user", "managed"], Field(description="managed: we scale the canary from and to 0")
    ] = "user"
    min_canary_pods: Annotated[
        int, Field(ge=1, description="ready canary pods before the first request")
    ] = 1
    drain: Annotated[Duration, Field(description="from last traffic to scale-down")] = timedelta(
        seconds=30
    )
    revision_history: Annotated[
        int, Field(ge=1, le=50, description="Deployments of old revisions that are kept")
    ] = 3
    autoscaler: Annotated[
        Autoscaler | None, Field(description="handed over to the new Deployment at promotion")
    ] = None

    def __post_init__(self) -> None:
        if (self.deployments is None) == (self.template is None):
            raise ValueError("needs deployments or template, and not both")
        if self.autoscaler is not None and self.template is None and self.scale == "user":
            raise ValueError("autoscaler needs template, or scale: managed, so that we may scale")


@dataclass(frozen=True, slots=True)
class Stickiness:
    """Users stay on the version they got while weights rise."""

    __pydantic_config__ = CONFIG

    cookie: Annotated[
        str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="the name of our cookie")
    ]
    for_: Annotated[Lasting, Field(alias="for", description="how long a browser keeps it")] = (
        timedelta(days=1)
    )


@dataclass(frozen=True, slots=True)
class Traffic:
    """Which objects carry this service's traffic; by default all that name its host."""

    __pydantic_config__ = CONFIG

    virtual_services: tuple[VirtualServiceRef, ...] = ()
    destination_rule: Annotated[str, Field(description="default: named like the service")] = ""
    stickiness: Stickiness | None = None


UNAVOIDABLE: Mapping[str, str] = {
    "ROL-001": "nothing would tell the pods of the two revisions apart",
    "ROL-037": "such a route cannot be written",
    "ROL-051": "such an autoscaler cannot be handed over",
    "ROL-060": "two rollouts would write over each other",
}
"""Blocking rules that no word of a person can overrule, and why."""


@dataclass(frozen=True, slots=True)
class Overrule:
    """A blocking rule that a person lets pass for this rollout; the finding is still shown."""

    __pydantic_config__ = CONFIG

    rule: Annotated[
        str, Field(pattern=r"^ROL-[0-9]{3}$", description="the rule's id, see docs/rules.md")
    ]
    reason: Annotated[
        str,
        Field(min_length=1, max_length=300, description="kept in the status and in the history"),
    ]


@dataclass(frozen=True, slots=True)
class Preflight:
    """What is done with findings of the rules that are asked before a journey starts."""

    __pydantic_config__ = CONFIG

    overrule: Annotated[
        tuple[Overrule, ...], Field(description="blocking rules that are let pass, each with why")
    ] = ()


@dataclass(frozen=True, slots=True)
class RolloutSpec:
    """The manifest's ``spec``: what git asks for one service."""

    __pydantic_config__ = CONFIG

    service: Annotated[
        str, Field(pattern=r"^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$", description="Kubernetes Service")
    ]
    workload: Workload
    strategy: Strategy
    revision: Annotated[
        str,
        Field(
            pattern=r"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$",
            description="the release: change this line and push it",
        ),
    ] = ""
    traffic: Traffic = Traffic()
    analysis: Analysis = Analysis()
    notify: Notify = Notify()
    preflight: Preflight = Preflight()
    on_failure: OnFailure = OnFailure.ROLLBACK
    on_drift: OnDrift = OnDrift.RESTORE
    progress_deadline: Annotated[
        Duration, Field(description="a step that cannot start or learn pauses and says why")
    ] = PROGRESS_DEADLINE

    def __post_init__(self) -> None:
        if self.workload.deployments is not None and not self.revision:
            raise ValueError("needs revision: with workload.deployments, it names the release")


def asked_by(who: str, claimed: str) -> str:
    """Whoever asked or answered, as people read it: proved, merely claimed, or not even that."""
    if who or not claimed:
        return who or "a person"
    return f"{claimed} (unverified)"


@dataclass(frozen=True, slots=True)
class Request:
    """What a person asked for, once: ``verb@nonce`` of the annotation, and how they were proved.

    ``who`` is empty for the annotation: Kubernetes' RBAC let somebody write it.
    ``claimed``: whom they say they are; whoever may annotate can say anything.
    ``reason``: why they asked, in their words; empty: they did not say.
    """

    verb: Verb
    nonce: str
    who: str = ""
    claimed: str = ""
    reason: str = ""

    @property
    def text(self) -> str:
        """The annotation's text, which the status echoes once it was handled."""
        return f"{self.verb}@{self.nonce}"

    @property
    def asker(self) -> str:
        """Who asked, as people read it; a name that nothing vouches for says so."""
        return asked_by(self.who, self.claimed)

    @property
    def story(self) -> str:
        """Who asked, and why if they said so."""
        return f"{self.asker}: {self.reason}" if self.reason else self.asker


@dataclass(frozen=True, slots=True)
class AnalysisTemplateSpec:
    """Reusable metrics with named arguments; ``{{args.name}}`` in PromQL is one string token."""

    __pydantic_config__ = CONFIG

    metrics: Annotated[tuple[Metric, ...], Field(max_length=MOST_METRICS)]
    args: Annotated[
        Mapping[str, str | None],
        Field(description="name to default; null, or none at all, means required"),
    ] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Unread:
    """Something that is there and cannot be read; ``problem`` is one sentence that names it."""

    problem: str


@dataclass(frozen=True, slots=True)
class Rollout:
    """One Rollout object as the controller knows it: who, from which commit, and what is asked.

    ``author`` is the commit's author (an e-mail address), empty when applied by hand.
    ``templates``: the AnalysisTemplates that ``spec.analysis.templates`` names, those that exist;
    what cannot be read is said, and judges nothing.
    ``misread``: what somebody asked for that is no request; empty: nothing.
    ``deleting`` is true once deletion was asked for and our finalizer holds the object;
    ``deleted_at``: when that was.
    """

    name: str
    namespace: str
    uid: str
    generation: int
    spec: RolloutSpec
    commit: str = ""
    author: str = ""
    request: Request | None = None
    misread: str = ""
    deleting: bool = False
    deleted_at: datetime | None = None
    templates: Mapping[str, AnalysisTemplateSpec | Unread] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """``namespace/name``, as people write it."""
        return f"{self.namespace}/{self.name}"

    @property
    def analysis(self) -> Analysis:
        """How its canary is judged."""
        return self.spec.analysis

    @property
    def service(self) -> str:
        """The Kubernetes Service in front of all revisions."""
        return self.spec.service

    @property
    def progress_deadline(self) -> timedelta:
        """How long a step may be unable to start or to learn before a person is asked."""
        return self.spec.progress_deadline

    @property
    def weights(self) -> frozenset[int]:
        """The canary's shares at the steps of its strategy."""
        canary = self.spec.strategy.canary
        return frozenset(step.weight or 0 for step in canary.steps) if canary else frozenset()

    @property
    def host(self) -> str:
        """The service's full host name."""
        return full_host(self.spec.service, self.namespace)

    @property
    def target(self) -> Target:
        """What of the mesh's objects is its own before any journey, the subsets named by role."""
        traffic = self.spec.traffic
        return Target(
            rollout=self.name,
            namespace=self.namespace,
            host=self.host,
            stable=STABLE,
            canary=CANARY,
            virtual_services=traffic.virtual_services,
            destination_rule=traffic.destination_rule or self.spec.service,
        )

    @property
    def label(self) -> str:
        """The name as the value of a label, which has 63 characters at most."""
        return _within(self.name, 63)

    def deployment(self, revision: str) -> str:
        """The name of the Deployment that runs ``revision``.

        One of our own making leaves room for what pods add within 63 characters.
        """
        pattern = self.spec.workload.deployments
        if pattern is not None:
            return pattern.replace("{revision}", revision)
        return f"{_within(self.name, 51 - len(revision))}-{revision}"

    def revision_of(self, deployment: str) -> str:
        """The revision that the Deployment so named runs; empty when the spec names no such one."""
        before, _, after = self.deployment("\0").partition("\0")
        if not deployment.startswith(before) or not deployment.endswith(after):
            return ""
        name = deployment[len(before) : len(deployment) - len(after)]
        return name if self.deployment(name) == deployment else ""


def _within(text: str, most: int) -> str:
    """``text`` in ``most`` characters, still unlike any other."""
    if len(text) <= most:
        return text
    told = hashlib.sha256(text.encode()).hexdigest()[:6]
    return f"{text[: most - 7].rstrip('-.')}-{told}"
