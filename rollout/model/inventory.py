"""All of a mesh at one moment: its parts, and what of it could not be looked at.

As in ``rollout.model.mesh``, a revision is always a mesh revision.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from rollout.labels import EVERYTHING, Selector
from rollout.model.mesh import (
    DEFAULT,
    NOBODY,
    Injector,
    MeshNamespace,
    MeshPod,
    MeshRevision,
    MeshWorkload,
    ProxyState,
    Resolution,
    Tag,
    Validator,
)
from rollout.model.ref import Ref


class Unread(NamedTuple):
    """What could not be read, and why, in words: a kind, an object or an endpoint."""

    what: str
    because: str


class GatewayKind(StrEnum):
    """How a gateway is installed, and so how it can be moved."""

    BUNDLED = "bundled"  # in the control plane's own installation: changed in place with it
    INJECTED = "injected"  # a Deployment whose pods are injected as a gateway
    API = "api"  # a Gateway of the Gateway API, whose Deployment istiod makes
    WAYPOINT = "waypoint"  # as API, for the ambient mesh


@dataclass(frozen=True, slots=True)
class MeshGateway:
    """A gateway: a Deployment, or a Gateway of the Gateway API with the Deployment made from it.

    ``labels``: of its pods. ``revision``: that it names itself; ``resolution``: that it gets.
    ``services``: that send to its pods, by name. ``addresses``: those it is told to use,
    so that istiod makes no Deployment for it.
    ``configured``: Istio's Gateway objects that select its pods.
    """

    kind: GatewayKind
    ref: Ref
    labels: Mapping[str, str] = field(default_factory=dict)
    revision: str = ""
    resolution: Resolution = NOBODY
    replicas: int = 1
    ready: int = 0
    image: str = ""
    services: tuple[str, ...] = ()
    configured: tuple[Ref, ...] = ()
    autoscaler: str = ""
    bounds: tuple[int, int] = (1, 1)
    budget: str = ""
    grace: timedelta = timedelta(seconds=30)
    local: bool = False  # externalTrafficPolicy of a Service of it is Local
    addresses: tuple[str, ...] = ()
    owner: str = ""
    put_back: bool = False


@dataclass(frozen=True, slots=True)
class Budget:
    """A PodDisruptionBudget. ``allowed``: how many pods may go now; ``never``: none ever may."""

    ref: Ref
    selector: Selector
    allowed: int = 0
    never: bool = False


class FilterTrouble(StrEnum):
    """What of an EnvoyFilter is known to break with another version of Envoy."""

    VERSION = "proxyVersion"  # only proxies of some versions get it
    RELATIVE = "relative"  # put before or after another filter, without a priority
    DEPRECATED = "deprecated name"  # a filter that Envoy calls otherwise by now
    UNTYPED = "untyped"  # a configuration without its type


@dataclass(frozen=True, slots=True)
class EnvoyFilterUse:
    """An EnvoyFilter, whose pods it selects, and what of it may break.

    ``versions``: regexes of ``match.proxy.proxyVersion``. ``troubles``: with the detail of each.
    """

    ref: Ref
    selector: Selector = EVERYTHING
    versions: tuple[str, ...] = ()
    troubles: tuple[tuple[FilterTrouble, str], ...] = ()


@dataclass(frozen=True, slots=True)
class LabelledConfig:
    """An object of Istio's configuration that only the revision ``revision`` reads."""

    ref: Ref
    revision: str


@dataclass(frozen=True, slots=True)
class Root:
    """A root of trust where it was found: SHA-256 of each certificate, and when the first ends."""

    where: str
    fingerprints: tuple[str, ...]
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Agent:
    """A DaemonSet of Istio's on the nodes: CNI or ztunnel. Neither has a canary."""

    ref: Ref
    image: str = ""
    desired: int = 0
    ready: int = 0


@dataclass(frozen=True, slots=True)
class Crd:
    """A CustomResourceDefinition of Istio's or of the Gateway API.

    ``release``: the Helm release that manages it. ``bundle``: the Gateway API's version.
    """

    name: str
    served: tuple[str, ...] = ()
    release: str = ""
    bundle: str = ""


@dataclass(frozen=True, slots=True)
class SailObject:
    """An object of the Sail Operator: ``Istio`` or ``IstioRevisionTag``.

    ``grace``: for how long an Istio keeps a revision that nothing uses; None: not an Istio.
    ``follows``: a tag that moves by itself as soon as its Istio has another version.
    """

    ref: Ref
    in_place: bool = False
    grace: timedelta | None = None
    follows: bool = False


@dataclass(frozen=True, slots=True)
class Machine:
    """A WorkloadEntry. ``registered``: a proxy made it itself when it connected."""

    ref: Ref
    registered: bool = False


class Remark(NamedTuple):
    """What is wrong with one object of Istio's configuration, in words that follow its name."""

    ref: Ref
    text: str


@dataclass(frozen=True, slots=True)
class Inventory:
    """All of a mesh at one moment; None, or an entry in ``unread``: it could not be looked at.

    ``kubernetes``: the API server's version, ``1.33``. ``proxies``: None without a way to istiod.
    ``services``: ready endpoints of each Service of Istio's namespace and of each that a webhook
    calls, by namespace and name; one that is not there is not in it.
    ``by_revision``: objects that select pods by their label ``istio.io/rev``.
    ``strict``: PeerAuthentications that ask for mTLS. ``machines``: entries of virtual machines.
    ``remotes``: Secrets of other clusters. ``upgrades``: other upgrades that are under way.
    ``dated``, ``broken``, ``clashes``: what of the configuration is deprecated, does not work as
    it is, or is another Gateway's as well.
    ``denied``: what we may not do, in words; None: nobody asked.
    ``seen``: kinds that were read, so that an empty tuple is known to be empty.
    """

    namespace: str = "istio-system"
    kubernetes: str = ""
    revisions: tuple[MeshRevision, ...] = ()
    tags: tuple[Tag, ...] = ()
    injectors: tuple[Injector, ...] = ()
    validators: tuple[Validator, ...] = ()
    namespaces: tuple[MeshNamespace, ...] = ()
    workloads: tuple[MeshWorkload, ...] = ()
    pods: tuple[MeshPod, ...] = ()
    gateways: tuple[MeshGateway, ...] = ()
    budgets: tuple[Budget, ...] = ()
    filters: tuple[EnvoyFilterUse, ...] = ()
    labelled: tuple[LabelledConfig, ...] = ()
    by_revision: tuple[LabelledConfig, ...] = ()
    roots: tuple[Root, ...] = ()
    services: Mapping[tuple[str, str], int] = field(default_factory=dict)
    agents: tuple[Agent, ...] = ()
    crds: tuple[Crd, ...] = ()
    sail: tuple[SailObject, ...] = ()
    strict: tuple[Ref, ...] = ()
    machines: tuple[Machine, ...] = ()
    remotes: tuple[Ref, ...] = ()
    upgrades: tuple[str, ...] = ()
    dated: tuple[Remark, ...] = ()
    broken: tuple[Remark, ...] = ()
    clashes: tuple[Remark, ...] = ()
    denied: tuple[str, ...] | None = None
    proxies: tuple[ProxyState, ...] | None = None
    seen: frozenset[str] = frozenset()
    unread: tuple[Unread, ...] = ()

    def revision(self, name: str) -> MeshRevision | None:
        """The control plane of that name."""
        return next((each for each in self.revisions if each.name == name), None)

    def tag(self, name: str) -> Tag | None:
        """The tag of that name."""
        return next((each for each in self.tags if each.name == name), None)

    def space(self, name: str) -> MeshNamespace | None:
        """The namespace of that name."""
        return next((each for each in self.namespaces if each.name == name), None)

    @property
    def default(self) -> str:
        """The revision that injects where only the default is asked for; empty: none does."""
        tag = self.tag(DEFAULT)
        if tag is not None and tag.by_webhook:
            return tag.by_webhook
        return DEFAULT if self.revision(DEFAULT) is not None else ""

    @property
    def default_validators(self) -> tuple[Validator, ...]:
        """Those that judge objects of no revision; more than one after a half upgrade."""
        return tuple(each for each in self.validators if each.default)

    def served(self, revision: str) -> Iterator[MeshPod]:
        """The pods with a proxy that this control plane injected."""
        return (p for p in self.pods if p.proxies and p.revision == revision and not p.over)
