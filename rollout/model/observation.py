"""What one look asks of the outside, and what it saw."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from rollout.model.finding import Finding
from rollout.model.reasons import Reason
from rollout.model.spec import Webhook
from rollout.model.status import (
    Outcome,
    Revision,
    Subject,
)
from rollout.model.traffic import Route, Target


class View(StrEnum):
    """Whose counters: Istio's ``reporter`` label."""

    SOURCE = "source"  # what clients felt, after retries
    DESTINATION = "destination"  # what the server saw; the only one that knows mirrored requests
    GATEWAY = "gateway"  # what a cluster's ingress gateway passed on, whatever stands behind it


class Counting(StrEnum):
    """What counts as bad in a pair of counters."""

    ERRORS = "errors"  # 5xx, code 0 unless the client left, failing gRPC statuses
    SLOW = "slow"  # slower than ``bound``
    CUSTOM = "custom"  # the metric's own ``bad`` and ``total``
    UNREACHED = "unreached"  # clients' requests that found no endpoint, of a whole service


@dataclass(frozen=True, slots=True)
class Side:
    """Whole namespaces as one side of a comparison, ``ago`` earlier than was asked for."""

    namespaces: tuple[str, ...]
    ago: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class CountsQuestion:
    """Raw counters by pod of both roles, at aligned times; never a rate.

    ``instants``: oldest first, multiples of the interval since the Unix epoch, so that all
    rollouts share them and one query can answer for all.
    ``bounds``: latency bounds for SLOW, empty meaning every bucket's; empty for the others.
    ``workloads``: revision name to Deployment name; for UNREACHED "" to the service's host; for
    GATEWAY a side's name to ``cluster/namespace/workload``, and no ``namespace``.
    ``sides``: of whole namespaces, in place of ``namespace`` and ``workloads``.
    """

    metric: str
    counting: Counting
    view: View
    instants: tuple[datetime, ...]
    namespace: str
    workloads: Mapping[str, str]
    bounds: tuple[timedelta, ...] = ()
    bad: str = ""
    total: str = ""
    sides: Mapping[str, Side] = field(default_factory=dict)

    @property
    def asked(self) -> frozenset[tuple[str, str]]:
        """Namespace and Deployment of all that is counted; "" for all of a namespace."""
        if self.sides:
            return frozenset((name, "") for side in self.sides.values() for name in side.namespaces)
        return frozenset((self.namespace, name) for name in self.workloads.values())


@dataclass(frozen=True, slots=True)
class ValueQuestion:
    """One number at one time, from a metric's own PromQL."""

    metric: str
    promql: str
    instant: datetime


class PodCount(NamedTuple):
    """A pod's counters at one instant: whole numbers since the pod began.

    ``bad``: one per bound for SLOW (aligned with the question's bounds), else one.
    """

    revision: str
    pod: str
    bad: tuple[int, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Counts:
    """The answer for one instant of one CountsQuestion.

    ``pods`` may be empty: nothing has counted anything yet.
    ``bounds``: what was really counted; a bound asked for may have moved up to a bucket's.
    ``newest``: when the newest sample behind it was taken; None where that is not known.
    """

    metric: str
    at: datetime
    pods: tuple[PodCount, ...]
    bounds: tuple[timedelta, ...] = ()
    newest: datetime | None = None


@dataclass(frozen=True, slots=True)
class Value:
    """The answer to one ValueQuestion; the number is finite and fresh."""

    metric: str
    at: datetime
    value: float


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Why a question has no usable answer: INCONCLUSIVE is about data, ERROR about the provider."""

    metric: str
    outcome: Outcome
    because: str


@dataclass(frozen=True, slots=True)
class Series:
    """One series of a metrics provider's answer: its labels, and values oldest first.

    A value may be NaN or infinite: whoever uses it must say what that means.
    """

    labels: Mapping[str, str]
    points: tuple[tuple[datetime, float], ...]


@dataclass(frozen=True, slots=True)
class Reply:
    """A provider's whole answer to one query.

    ``partial``: it came with warnings, so that something may be missing from it.
    """

    series: tuple[Series, ...]
    partial: bool = False


class HookVerdict(StrEnum):
    """What an HTTP gate says; SILENT: nothing that could be understood."""

    OPEN = "open"
    HOLD = "hold"
    FAILED = "failed"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class HookQuestion:
    """May this step of this attempt end? ``nonce`` is the same for the same question, for ever.

    ``epoch``: of the decisions so far; ``weight``: the canary's share of ordinary users.
    """

    hook: Webhook
    nonce: str
    uid: str
    namespace: str
    rollout: str
    revision: str
    commit: str
    step: int
    step_name: str
    attempt: int
    weight: int
    epoch: int


@dataclass(frozen=True, slots=True)
class HookAnswer:
    """What was said to the question of that ``nonce``; ``because`` is one short line."""

    nonce: str
    verdict: HookVerdict
    because: str = ""


@dataclass(frozen=True, slots=True)
class Questions:
    """Everything one look must see, said beforehand; the shell fetches this and no more.

    ``target``, ``route``: what traffic should be now, to be compared with the world.
    ``revisions``: whose pods to look at.
    ``since``: when the route was last changed; whether proxies have taken it is asked from here.
    ``counts``, ``values``: what Prometheus is asked.
    ``webhook``: what an HTTP gate is asked; None: no gate, or it has opened.
    ``groups``: of a chat, whose members must be known now.
    ``preflight``: whether the rules are to be run.
    ``released``: nothing of ours should be left: compare with ``ReleaseRoutes``, not ``route``.
    ``reached``: whether to look whose pods the routes reach.
    ``subject``: the names by which all of it is meant; None: the spec's.
    """

    target: Target
    route: Route
    revisions: tuple[Revision, ...] = ()
    since: datetime | None = None
    counts: tuple[CountsQuestion, ...] = ()
    values: tuple[ValueQuestion, ...] = ()
    webhook: HookQuestion | None = None
    groups: tuple[str, ...] = ()
    preflight: bool = False
    released: bool = False
    reached: bool = False
    subject: Subject | None = None


@dataclass(frozen=True, slots=True)
class SeenWorkload:
    """The pods of one revision.

    ``ready``: endpoints of the Service that are ready and belong to the revision.
    ``wanted``: the Deployment's ``spec.replicas``.
    ``labels``: the labels that single out this revision's pods, for a subset.
    ``problem``: why its pods do not come up, in words; empty when nothing is wrong.
    ``build``: the digest of the pod template that its Deployment has now; empty: there is none.
    ``replacing``: pods of an older pod template may still be among the ready ones.
    ``known``: whether this could be read at all; else ``problem`` says why not, and the numbers
    mean nothing.
    ``outdated``: the fields of its Deployment that are not as git's template says by now, of those
    that change without another pod.
    """

    revision: str
    deployment: str
    exists: bool
    wanted: int = 0
    ready: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""
    build: str = ""
    replacing: bool = False
    known: bool = True
    outdated: tuple[str, ...] = ()

    @property
    def down(self) -> bool:
        """Whether it surely has no ready pods: what cannot be read may well serve."""
        return self.known and self.ready == 0


@dataclass(frozen=True, slots=True)
class Serving:
    """One Deployment whose pods a destination reaches.

    ``name``: the Deployment's; empty: ``ready`` pods that belong to none.
    ``revision``: what it runs, by the spec's naming; None: the spec has no name for it.
    ``ready``: how many of its pods are endpoints of the service.
    ``argo``: those of no Deployment are pods of Argo Rollouts.
    """

    name: str
    revision: Revision | None
    ready: int
    argo: bool = False


@dataclass(frozen=True, slots=True)
class Division:
    """How one route divides the requests that it has for the service.

    ``place``: the route as people are told of it, with its object in front.
    ``shares``: whole percent by subset, in the order written; "" is a destination without one.
    ``ordinary``: requests without any mark can take it.
    """

    place: str
    shares: Mapping[str, int]
    ordinary: bool = True


@dataclass(frozen=True, slots=True)
class SeenAutoscaler:
    """The HorizontalPodAutoscaler that the spec names.

    ``scales``: the Deployment that it names; empty when it is none.
    ``problem``: why it cannot be handed over, in words; empty when it can.
    ``owner``: the GitOps tool that owns it, or empty.
    """

    name: str
    exists: bool = True
    scales: str = ""
    problem: str = ""
    owner: str = ""


@dataclass(frozen=True, slots=True)
class SeenTraffic:
    """The mesh's objects against what was asked.

    ``managed``: how many routes carry the service's traffic.
    ``differences``: one phrase per leaf that is not as asked; empty means nothing to do.
    ``splits``: the pair's shares now, ``stable/canary`` as written, one per managed route.
    ``problems``: why these objects cannot be managed; each has its object in front.
    ``refused``: why the route that was asked for cannot be written on them, though another can.
    ``strays``: ordinary routes that send everyone to a subset that is neither side, where nothing
    is managed: somebody has put back an old version's name, and nothing of ours is written there.
    ``gone``: of several VirtualServices those that are named and not there; the others can be
    managed.
    ``subsets``: name to labels, of the DestinationRule in force.
    ``serving``: subset names that ordinary requests go to now ("" for a destination without one).
    ``divisions``: how each route that sends the service anything divides it, as written.
    ``made``: names of those subsets that are of our making.
    ``referenced``: every subset of this host that any managed route names.
    ``epoch``: the highest fencing epoch written on the objects.
    ``owner``: the GitOps tool that owns them, or empty.
    ``fields_held``: one of them names us as the manager of fields that its author writes.
    """

    managed: int = 0
    differences: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    strays: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    subsets: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    serving: tuple[str, ...] = ()
    divisions: tuple[Division, ...] = ()
    referenced: tuple[str, ...] = ()
    made: tuple[str, ...] = ()
    epoch: int = 0
    owner: str = ""
    fields_held: bool = False


@dataclass(frozen=True, slots=True)
class ProxySync:
    """What istiod says of its proxies: how many it has, and how many took all it sent since.

    ``behind``: how many have not acknowledged something that they were sent, whenever that was;
    proxies that are neither synced nor behind were sent nothing since.
    """

    proxies: int
    synced: int
    complaint: str = ""
    behind: int = 0


@dataclass(frozen=True, slots=True)
class Observation:
    """What one look saw; every field answers a question, and None means it could not be seen.

    ``asked``: the revision git asks for now; None with ``problem`` when that cannot be told.
    ``workloads``: by revision name.
    ``unasked``: why people who should be asked in a chat do not know of it yet; None: they do.
    ``members``: who is in the user groups that were asked about; one that is missing is not known.
    ``autoscaler``: the one that the spec names; None: it names none.
    ``webhook``: what the HTTP gate said last; None: nothing yet.
    ``strangers``: ready endpoints of the service that are not the stable revision's.
    ``reached``: subset to the Deployments whose pods it reaches ("" for a destination without one);
    where none has ready pods, those that could have. None: not asked, or not to be read.
    """

    asked: Revision | None
    traffic: SeenTraffic
    workloads: Mapping[str, SeenWorkload] = field(default_factory=dict)
    counts: tuple[Counts, ...] = ()
    values: tuple[Value, ...] = ()
    no_answers: tuple[NoAnswer, ...] = ()
    sync: ProxySync | None = None
    autoscaler: SeenAutoscaler | None = None
    webhook: HookAnswer | None = None
    unasked: Reason | None = None
    members: Mapping[str, frozenset[str]] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    strangers: int = 0
    reached: Mapping[str, tuple[Serving, ...]] | None = None
    problem: str = ""
