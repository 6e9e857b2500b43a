"""An upgrade of the mesh itself, as git asks for it: which revision, how, and in which waves."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field

from rollout.model.spec import (
    MINUTE,
    PROGRESS_DEADLINE,
    Analysis,
    Approval,
    Notify,
    OnFailure,
    Request,
)
from rollout.model.units import CONFIG, Duration, Share, Weight

_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"

RevisionName = Annotated[str, Field(pattern=f"^{_LABEL}$", description="as in istio.io/rev")]
ObjectName = Annotated[str, Field(pattern=rf"^{_LABEL}/[a-z0-9]([-a-z0-9.]{{0,251}}[a-z0-9])?$")]
"""``namespace/name``."""


@dataclass(frozen=True, slots=True)
class External:
    """Somebody else installs the new revision (Helm, Argo CD, Flux, istioctl); it is waited for."""

    __pydantic_config__ = CONFIG


@dataclass(frozen=True, slots=True)
class Manifests:
    """A folder in git holds the new revision's objects; a RolloutSource applies them.

    It needs ``manifests: true``, and a policy that lets it write a control plane's kinds.
    """

    __pydantic_config__ = CONFIG

    source: Annotated[ObjectName, Field(description="namespace/name of the RolloutSource")]


@dataclass(frozen=True, slots=True)
class Sail:
    """The Sail Operator installs it: ``spec.version`` of its Istio object is set."""

    __pydantic_config__ = CONFIG

    istio: Annotated[str, Field(pattern=f"^{_LABEL}$", description="name of the Istio object")]
    version: Annotated[str, Field(pattern=r"^v[0-9]+\.[0-9]+(\.[0-9]+|-latest)?(-[a-z0-9.]+)?$")]


@dataclass(frozen=True, slots=True)
class Install:
    """How the new revision comes into being; nothing set means ``external``."""

    __pydantic_config__ = CONFIG

    external: External | None = None
    manifests: Manifests | None = None
    sail: Sail | None = None

    def __post_init__(self) -> None:
        named = [one for one in (self.external, self.manifests, self.sail) if one is not None]
        if len(named) > 1:
            raise ValueError(f"names {len(named)} ways to install; one is wanted")


@dataclass(frozen=True, slots=True)
class Wave:
    """Namespaces that move one after the other and are judged together.

    Which they are is settled when the wave begins: those that it names and that still are at the
    old revision. Exactly one way of naming them is set.
    ``percentage``: of the workloads of all namespaces that have not moved when the wave begins.
    ``one_at_a_time``: every namespace left, each judged before the next begins.
    ``tag``: the namespaces of that tag, which moves with them; their labels stay as they are.
    """

    __pydantic_config__ = CONFIG

    name: Annotated[str, Field(pattern=f"^{_LABEL}$")]
    namespaces: Annotated[
        tuple[Annotated[str, Field(pattern=f"^{_LABEL}$")], ...], Field(description="in this order")
    ] = ()
    selector: Annotated[
        Mapping[str, str], Field(description="labels that the namespaces have, all of them")
    ] = field(default_factory=dict)
    percentage: Share | None = None
    one_at_a_time: bool = False
    tag: Annotated[str | None, Field(pattern=f"^{_LABEL}$")] = None
    max_concurrent: Annotated[
        int, Field(ge=1, le=50, description="workloads restarted at a time, in each namespace")
    ] = 1
    bake: Annotated[Duration, Field(description="the least time, from the last proxy on")] = (
        5 * MINUTE
    )
    time_box: Annotated[
        Duration | None, Field(description="when to stop waiting for evidence; default 20m")
    ] = None
    approval: Approval | None = None

    def __post_init__(self) -> None:
        ways = (
            bool(self.namespaces),
            bool(self.selector),
            self.percentage is not None,
            self.one_at_a_time,
            self.tag is not None,
        )
        if sum(ways) != 1:
            raise ValueError(
                f"wave {self.name} names its namespaces in {sum(ways)} ways; exactly one of "
                "namespaces, selector, percentage, oneAtATime and tag is wanted"
            )


@dataclass(frozen=True, slots=True)
class GatewayMove:
    """One gateway, canaried beside the old: an injected Deployment, or a Gateway API Gateway.

    ``shares``: of an injected gateway's pods at the new revision, step by step; the last is 100.
    """

    __pydantic_config__ = CONFIG

    deployment: Annotated[
        ObjectName | None, Field(description="namespace/name of an injected gateway's Deployment")
    ] = None
    gateway: Annotated[
        ObjectName | None, Field(description="namespace/name of a Gateway API Gateway")
    ] = None
    shares: tuple[Weight, ...] = (10, 50, 100)
    bake: Duration = 5 * MINUTE
    time_box: Duration | None = None
    approval: Approval | None = None
    allow_in_place: Annotated[
        bool, Field(description="a gateway that istioctl installs with istiod: it has no canary")
    ] = False

    def __post_init__(self) -> None:
        if (self.deployment is None) == (self.gateway is None):
            raise ValueError("names a deployment or a gateway, and not both")
        rising = all(a < b for a, b in pairwise(self.shares))
        if not self.shares or not rising or self.shares[0] < 1 or self.shares[-1] != 100:
            raise ValueError("shares must rise from 1 or more to 100")

    @property
    def name(self) -> str:
        """``namespace/name`` of what is moved."""
        return self.deployment or self.gateway or ""


@dataclass(frozen=True, slots=True)
class TagMove:
    """A revision tag that is pointed at the new revision, in a step of its own."""

    __pydantic_config__ = CONFIG

    name: Annotated[str, Field(pattern=f"^{_LABEL}$")]
    bake: Duration = MINUTE
    approval: Approval | None = None


@dataclass(frozen=True, slots=True)
class DefaultMove:
    """The default revision moves: injection without a name, and validation of all of Istio's."""

    __pydantic_config__ = CONFIG

    bake: Duration = 5 * MINUTE
    approval: Approval | None = None


class Removal(StrEnum):
    """What becomes of the old revision: its objects go after a person's yes, or stay."""

    APPROVAL = "approval"
    KEEP = "keep"


UNAVOIDABLE: Mapping[str, str] = {
    "UPG-002": "half of the upgrade could not be written",
    "UPG-003": "two revisions of one name cannot be told apart",
    "UPG-012": "its pods would start without a proxy, silently",
    "UPG-013": "pods would get two proxies",
    "UPG-032": "old and new proxies would not trust each other",
    "UPG-066": "two upgrades would take each other's changes for somebody's edits",
    "GW-006": "its pods at the other revision would get no routes",
    "GW-011": "its listeners would be gone for a while at the switch",
}
"""Blocking rules that no word of a person can overrule, and why."""


FREEZE = "UPG-065"
"""The rule of the times in which nothing begins."""


@dataclass(frozen=True, slots=True)
class UpgradeOverrule:
    """A blocking rule that a person lets pass for this upgrade; the finding is still shown."""

    __pydantic_config__ = CONFIG

    rule: Annotated[
        str, Field(pattern=r"^(UPG|GW)-[0-9]{3}$", description="see docs/upgrade-preflight.md")
    ]
    reason: Annotated[
        str,
        Field(min_length=1, max_length=300, description="kept in the status and in the history"),
    ]


@dataclass(frozen=True, slots=True)
class UpgradePreflight:
    """What is done with findings of the rules that are asked before an upgrade starts."""

    __pydantic_config__ = CONFIG

    overrule: Annotated[
        tuple[UpgradeOverrule, ...],
        Field(description="blocking rules that are let pass, each with why"),
    ] = ()


@dataclass(frozen=True, slots=True)
class Freeze:
    """A time in which nothing new begins; what goes back goes back all the same."""

    __pydantic_config__ = CONFIG

    from_: Annotated[datetime, Field(alias="from", description="with its time zone")]
    to: Annotated[datetime, Field(description="with its time zone")]
    reason: Annotated[
        str, Field(min_length=1, max_length=200, description="why, for whoever waits for its end")
    ]

    def __post_init__(self) -> None:
        if self.from_.tzinfo is None or self.to.tzinfo is None:
            raise ValueError("a freeze needs a time zone: 2026-12-20T00:00:00Z")
        if self.to <= self.from_:
            raise ValueError("a freeze ends after it begins")

    def __str__(self) -> str:
        return f"until {self.to.astimezone(UTC):%Y-%m-%d %H:%M} UTC: {self.reason}"

    def holds(self, now: datetime) -> bool:
        """Whether ``now`` is in it."""
        return self.from_ <= now < self.to


@dataclass(frozen=True, slots=True)
class ControlPlaneUpgradeSpec:
    """Istio's control plane goes from one revision to another, and everything that uses it with it.

    ``canary``: the first wave, judged as the others: a namespace whose loss would not matter.
    ``tags``: moved one by one after the last wave; a tag that a wave names moves there.
    ``default``: absent: the default revision is not moved, and the old one cannot be removed
    while it is the default.
    """

    __pydantic_config__ = CONFIG

    from_: Annotated[RevisionName, Field(alias="from", description="the revision in use now")]
    to: Annotated[RevisionName, Field(description="the revision to go to")]
    istio_namespace: Annotated[str, Field(pattern=f"^{_LABEL}$")] = "istio-system"
    install: Install = Install()
    canary: Wave | None = None
    waves: tuple[Wave, ...] = ()
    gateways: tuple[GatewayMove, ...] = ()
    tags: tuple[TagMove, ...] = ()
    default: DefaultMove | None = None
    analysis: Analysis = field(default_factory=Analysis)
    bake: Annotated[
        Duration, Field(description="nothing changes for so long before the old revision may go")
    ] = timedelta(days=1)
    remove: Removal = Removal.APPROVAL
    approval: Annotated[
        Approval,
        Field(description="who lets the old revision be removed, and where they are asked"),
    ] = field(default_factory=Approval)
    allow_in_place: Annotated[
        bool, Field(description="from and to may be the same revision: no canary and no way back")
    ] = False
    min_replicas: Annotated[
        int, Field(ge=1, le=50, description="ready pods of each istiod below which nothing moves")
    ] = 2
    preflight: UpgradePreflight = UpgradePreflight()
    freezes: Annotated[
        tuple[Freeze, ...], Field(description="no wave, gateway, tag or removal begins in them")
    ] = ()
    on_failure: OnFailure = OnFailure.ROLLBACK
    reverted: Annotated[
        Literal["hold", "rollback"], Field(description="when somebody takes a label of ours back")
    ] = "hold"
    notify: Notify = field(default_factory=Notify)
    progress_deadline: Annotated[
        Duration, Field(description="what should come by itself and does not pauses, and says why")
    ] = PROGRESS_DEADLINE

    def frozen(self, now: datetime) -> Freeze | None:
        """The freeze that ``now`` is in; None where a person has overruled them."""
        if any(each.rule == FREEZE for each in self.preflight.overrule):
            return None
        return next((each for each in self.freezes if each.holds(now)), None)

    @property
    def groups(self) -> tuple[Wave, ...]:
        """The canary, if there is one, and the waves: in the order in which they move."""
        return ((self.canary,) if self.canary else ()) + self.waves


@dataclass(frozen=True, slots=True)
class ControlPlaneUpgrade:
    """One ControlPlaneUpgrade object as the controller knows it; it stands in no namespace.

    ``deleting``: deletion was asked for, and our finalizer holds the object until all is back or
    done; ``deleted_at``: when that was.
    """

    name: str
    uid: str
    generation: int
    spec: ControlPlaneUpgradeSpec
    commit: str = ""
    author: str = ""
    request: Request | None = None
    deleting: bool = False
    deleted_at: datetime | None = None

    @property
    def key(self) -> str:
        """``upgrade/name``, as people write it."""
        return f"upgrade/{self.name}"
