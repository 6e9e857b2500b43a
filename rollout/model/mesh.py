"""What a mesh is made of: its control planes, and the namespaces and pods that they serve.

In this module a revision is always a mesh revision: one installation of Istio's control plane,
by the name that its objects carry in ``istio.io/rev``.
Source: Istio, "Canary Upgrades"; istio/istio, ``manifests/charts/istio-control``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from rollout.labels import EVERYTHING, Labels, Selector
from rollout.model.ref import Ref

REV = "istio.io/rev"
TAG = "istio.io/tag"
INJECTION = "istio-injection"
INJECT = "sidecar.istio.io/inject"
DATAPLANE = "istio.io/dataplane-mode"
DEFAULT = "default"
"""The name of the tag, and of the installation without a revision, for pods that name neither."""


@dataclass(frozen=True, slots=True)
class Callee:
    """Whom a webhook calls: a Service's path, or a ``url`` outside of the cluster."""

    namespace: str = ""
    service: str = ""
    path: str = ""
    port: int = 443
    url: str = ""

    def __str__(self) -> str:
        return self.url or f"service {self.namespace}/{self.service}"


@dataclass(frozen=True, slots=True)
class Hook:
    """One injection webhook: which pods it is called for, and whom it calls.

    ``ca_bundle``: as it is written, base64 of PEM; empty: istiod has not filled it in yet.
    ``fails_closed``: where nobody answers, the pod is refused.
    """

    configuration: str
    name: str
    calls: Callee
    ca_bundle: str = ""
    namespaces: Selector = EVERYTHING
    objects: Selector = EVERYTHING
    fails_closed: bool = True


@dataclass(frozen=True, slots=True)
class Injector:
    """One MutatingWebhookConfiguration of Istio's: a revision's own, or a tag's (``tag``)."""

    name: str
    revision: str
    tag: str = ""
    hooks: tuple[Hook, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    owner: str = ""
    put_back: bool = False


@dataclass(frozen=True, slots=True)
class Validator:
    """One ValidatingWebhookConfiguration of Istio's.

    ``default``: it is ``istiod-default-validator`` (or another without a selector of a revision).
    ``objects``: of the objects that it judges.
    ``base_release``: the Helm release of ``istio/base`` that manages it; empty: none.
    """

    name: str
    revision: str
    default: bool = False
    tag: str = ""
    calls: Callee = Callee()
    ca_bundle: str = ""
    objects: Selector = EVERYTHING
    fails_closed: bool = True
    labels: Mapping[str, str] = field(default_factory=dict)
    base_release: str = ""
    owner: str = ""
    put_back: bool = False


@dataclass(frozen=True, slots=True)
class Istiod:
    """A revision's istiod Deployment. ``nodes``: how many nodes its ready pods are spread over."""

    name: str
    image: str = ""
    desired: int = 1
    ready: int = 0
    updated: bool = True
    nodes: int = 0
    guarded: bool = False  # by a PodDisruptionBudget
    memory_limit: int = 0  # bytes; 0: none
    owner: str = ""
    put_back: bool = False


@dataclass(frozen=True, slots=True)
class InjectorConfig:
    """What a revision's ConfigMap ``istio-sidecar-injector`` says of the pods that it injects.

    ``native``: whether proxies become native sidecars (init containers that go on); None: istiod
    decides by the version of Kubernetes.
    """

    image: str = ""
    native: bool | None = None
    every_namespace: bool = False  # enableNamespacesByDefault
    cni: bool = False
    templates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MeshRevision:
    """One control plane. ``version``: ``1.30.3``, from istiod's image; empty: not to be told.

    ``injectors``: names of its own webhook configurations; more than one is no good sign.
    ``endpoints``: ready ones of its Service; None: there is no such Service.
    ``mesh_config``: the text of its ConfigMap; None: it could not be read.
    """

    name: str
    namespace: str = "istio-system"
    version: str = ""
    istiod: Istiod | None = None
    injectors: tuple[str, ...] = ()
    ca_bundle: str = ""
    validator: str = ""
    service: str = ""
    endpoints: int | None = None
    mesh_config: str | None = None
    injection: InjectorConfig | None = None

    @property
    def whole(self) -> bool:
        """Whether it can inject and serve: a ready istiod, a webhook with its CA, endpoints."""
        istiod = self.istiod
        ready = istiod is not None and istiod.updated and istiod.ready >= max(istiod.desired, 1)
        return ready and bool(self.injectors and self.ca_bundle) and bool(self.endpoints)


@dataclass(frozen=True, slots=True)
class Tag:
    """A revision tag and its two carriers, each with the revision it points to ("" is none).

    ``webhook``, ``service``: names of the carriers.
    ``pruned``: it carries labels by which removing a revision would take it along.
    Source: istio/istio, ``istioctl/pkg/tag``; ``pkg/revisions/tag_watcher.go``: istiod takes the
    union of both carriers.
    """

    name: str
    by_webhook: str = ""
    by_service: str = ""
    webhook: str = ""
    service: str = ""
    ca_bundle: str = ""
    calls: Callee = Callee()
    labels: Mapping[str, str] = field(default_factory=dict)
    pruned: bool = False
    owner: str = ""
    put_back: bool = False

    @property
    def revisions(self) -> frozenset[str]:
        """Every revision that takes the tag for its own; two while it is half moved."""
        return frozenset({self.by_webhook, self.by_service} - {""})


class Way(StrEnum):
    """How a pod comes to its control plane, or does not."""

    DIRECT = "revision"
    TAG = "tag"
    DEFAULT = "default"
    NONE = "none"  # nobody asks for a proxy
    DANGLING = "dangling"  # it names what is not there: it starts without a proxy, silently
    SEVERAL = "several"  # more than one webhook: it would be injected twice


@dataclass(frozen=True, slots=True)
class Resolution:
    """Which control plane injects a pod. ``label``: the tag, or the name that dangles.

    ``hooks``: ``configuration/webhook`` of all that are called.
    """

    way: Way
    revision: str = ""
    label: str = ""
    hooks: tuple[str, ...] = ()

    @property
    def injected(self) -> bool:
        """Whether the pod gets at least one proxy."""
        return bool(self.hooks)


NOBODY = Resolution(Way.NONE)


@dataclass(frozen=True, slots=True)
class MeshNamespace:
    """A namespace. ``resolution``: of a pod in it that says nothing of its own.

    ``root``: fingerprints of its ``istio-ca-root-cert``; None: it has none.
    ``owner``: the GitOps tool that writes its labels; ``put_back``: it does so again by itself.
    ``active``: Rollouts (ours, Argo's, Flagger's) that are under way in it; ``prepared``: those of
    them that have moved no request yet, and begin none while the namespace's pods move.
    """

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    resolution: Resolution = NOBODY
    root: tuple[str, ...] | None = None
    owner: str = ""
    put_back: bool = False
    active: tuple[Ref, ...] = ()
    prepared: tuple[Ref, ...] = ()
    terminating: bool = False

    @property
    def ambient(self) -> bool:
        """Whether its pods are in the mesh by ztunnel."""
        return self.labels.get(DATAPLANE) == "ambient"


class Restart(StrEnum):
    """How a workload's pods are made anew."""

    ANNOTATION = "annotation"  # a mark on the pod template; its controller does the rest
    RESTART_AT = "restartAt"  # Argo's Rollout: spec.restartAt
    POD_BY_POD = "pod by pod"  # deleted one at a time, and made anew by their owner
    MANUAL = "manual"  # a Job, a bare pod: nobody makes them anew


@dataclass(frozen=True, slots=True)
class MeshWorkload:
    """A workload with pods that may be in the mesh; labels and annotations are the template's.

    ``unavailable``, ``surge``: how many pods may miss, or be there on top, while it is restarted.
    ``resolution``: where its next pod is injected.
    ``runner``: the Rollout of any tool that a restart would wake; None: nobody minds.
    """

    ref: Ref
    replicas: int = 1
    ready: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    restart: Restart = Restart.ANNOTATION
    unavailable: int = 0
    surge: int = 1
    min_ready: timedelta = timedelta()
    grace: timedelta = timedelta(seconds=30)
    probed: bool = True  # every container has a readiness probe
    runner: Ref | None = None
    resolution: Resolution = NOBODY
    owner: str = ""
    put_back: bool = False


class MeshPod(NamedTuple):
    """A pod with a proxy, or one that should have had one (``proxies`` is 0).

    ``revision``: that injected it, from annotation ``istio.io/rev``, else the one in
    ``sidecar.istio.io/status``; empty: not told.
    ``image``: of its proxy; ``native``: which stands among the init containers.
    ``own_image``: it asks for a proxy image of its own. ``templates``: for templates of its own.
    ``discovery``: ``istiod-1-30-3.istio-system.svc:15012``.
    ``workload``: what makes it anew; None: nobody does.
    """

    namespace: str
    name: str
    revision: str = ""
    image: str = ""
    proxies: int = 0
    native: bool = False
    discovery: str = ""
    ready: bool = False
    over: bool = False  # Succeeded or Failed
    leaving: bool = False
    workload: Ref | None = None
    node: str = ""
    own_image: bool = False
    templates: str = ""
    restarts: bool = True  # restartPolicy is not Never
    uid: str = ""

    @property
    def ref(self) -> Ref:
        """The pod by name."""
        return Ref("Pod", self.namespace, self.name)

    @property
    def version(self) -> str:
        """Its proxy's version, ``1.30.3``, from the image's tag."""
        return image_version(self.image)


def image_version(image: str) -> str:
    """The version in an image's tag, without a variant: ``1.30.3`` of ``…/proxyv2:1.30.3-debug``.

    Empty where there is no tag (a digest alone). Pre-releases keep their name: ``1.31.0-rc.1``.
    """
    plain = image.partition("@")[0].rpartition("/")[2]
    tag = plain.partition(":")[2].removeprefix("v")
    for variant in ("-distroless", "-debug", "-fips"):
        tag = tag.removesuffix(variant)
    return tag


class ProxyState(NamedTuple):
    """What an istiod says of one of its clients (``/debug/syncz``).

    ``revision``: of the istiod that says so. ``waiting``: types sent and not acknowledged.
    ``errors``: why it refused what it was sent, one text a type. ``sent``: the newest.
    """

    namespace: str
    pod: str
    kind: str = "sidecar"
    version: str = ""
    revision: str = ""
    synced: bool = False
    waiting: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    sent: datetime | None = None


def named(labels: Labels) -> str:
    """The revision or tag that a namespace or pod names itself; empty: none."""
    return labels.get(REV, "")
