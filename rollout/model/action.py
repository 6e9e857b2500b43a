"""What the core may ask for: every action says a state, none a change; twice is once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from rollout.model.finding import Finding
from rollout.model.reasons import Cause
from rollout.model.status import Revision, RolloutStatus
from rollout.model.traffic import Route, Target


@dataclass(frozen=True, slots=True)
class SetRoute:
    """On every managed route of ``target``, traffic is ``route``."""

    target: Target
    route: Route
    epoch: int


@dataclass(frozen=True, slots=True)
class ReleaseRoutes:
    """Nothing of ours is left: made routes, annotations and added destinations are gone.

    The ordinary users' destination is what the author wrote, or the target's stable subset
    where that alone keeps revisions apart.
    """

    target: Target
    epoch: int


@dataclass(frozen=True, slots=True)
class PointSubset:
    """Subset ``name`` of the target's DestinationRule selects ``labels``; made if missing."""

    target: Target
    name: str
    labels: Mapping[str, str]
    epoch: int


@dataclass(frozen=True, slots=True)
class RemoveSubset:
    """The target's DestinationRule has no subset ``name`` of our making."""

    target: Target
    name: str
    epoch: int


@dataclass(frozen=True, slots=True)
class ReleaseFields:
    """No object of ``target`` names us as the manager of what its author writes.

    Its ``metadata.managedFields`` then have nothing of ours that a server-side apply of the
    author's could conflict with. ``marks``: and no VirtualService has our annotation.
    """

    target: Target
    marks: bool = False


@dataclass(frozen=True, slots=True)
class EnsureWorkload:
    """A Deployment of ours for ``revision`` exists, from the template, with ``replicas`` pods."""

    revision: Revision
    replicas: int


@dataclass(frozen=True, slots=True)
class Scale:
    """Deployment ``name`` wants ``replicas`` pods."""

    name: str
    replicas: int


@dataclass(frozen=True, slots=True)
class HandOver:
    """HorizontalPodAutoscaler ``name`` scales ``deployment``."""

    name: str
    deployment: str


@dataclass(frozen=True, slots=True)
class PruneWorkloads:
    """Of our Deployments, those of ``keep`` and the newest ``history`` others exist."""

    keep: tuple[str, ...]
    history: int


@dataclass(frozen=True, slots=True)
class Announce:
    """One Event and log line: ``because`` is the very sentence of the status.

    ``warning``: a person should look at it. ``cause``: why everyone goes back; None: nobody does.
    """

    reason: str
    because: str
    warning: bool = False
    cause: Cause | None = None
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class LetGo:
    """Our finalizer is gone from the Rollout; the last action of a deleted one."""


Action = (
    SetRoute
    | ReleaseRoutes
    | PointSubset
    | RemoveSubset
    | ReleaseFields
    | EnsureWorkload
    | Scale
    | HandOver
    | PruneWorkloads
    | Announce
    | LetGo
)


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer of one look: what to remember, then what to do, in this order.

    ``actions``: in order; the first that fails stops the rest.
    ``look_again``: the next moment at which time alone could change the decision; None: never.
    ``because``: one sentence under 80 characters; ``whole``: the same uncut.
    """

    status: RolloutStatus
    actions: tuple[Action, ...]
    look_again: timedelta | None
    because: str
    whole: str = ""
