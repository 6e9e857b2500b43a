"""One upgrade before it begins: what is in the mesh, and what is going to be done with it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from rollout.istio.revisions import webhooks
from rollout.model.inventory import GatewayKind, Inventory, MeshGateway
from rollout.model.mesh import Callee, Injector, MeshNamespace, MeshPod, MeshRevision, MeshWorkload
from rollout.model.ref import Ref
from rollout.model.upgrade import ControlPlaneUpgradeSpec, GatewayMove
from rollout.model.upgradeplan import UpgradePlan
from rollout.upgrade import planning, versions
from rollout.upgrade.versions import Version

_SHOWN = 4


@dataclass(frozen=True)
class Case:
    """The mesh, the upgrade and its plan.

    ``now``: for what ends at some time.
    ``metrics``: whether Prometheus answers; None: nobody asked.
    """

    mesh: Inventory
    spec: ControlPlaneUpgradeSpec
    plan: UpgradePlan
    now: datetime
    metrics: bool | None = None

    @classmethod
    def of(
        cls,
        name: str,
        spec: ControlPlaneUpgradeSpec,
        mesh: Inventory,
        now: datetime,
        metrics: bool | None = None,
    ) -> "Case":
        """The upgrade called ``name``, planned on this mesh."""
        return cls(mesh, spec, planning.plan(name, spec, mesh), now, metrics)

    @cached_property
    def old(self) -> MeshRevision | None:
        """The control plane that is left."""
        return self.mesh.revision(self.spec.from_)

    @cached_property
    def new(self) -> MeshRevision | None:
        """The control plane that is gone to; None: it is yet to be installed."""
        return self.mesh.revision(self.spec.to)

    @property
    def both(self) -> tuple[MeshRevision, ...]:
        """The two, as far as they are there."""
        return tuple(each for each in (self.old, self.new) if each is not None)

    @cached_property
    def current(self) -> Version | None:
        """The version that is left: of istiod's image, else as the revision's name says."""
        return _version(self.old, self.spec.from_, "")

    @cached_property
    def target(self) -> Version | None:
        """The version that is gone to: of its istiod, its installation, or its name."""
        sail = self.spec.install.sail
        return _version(self.new, self.spec.to, sail.version if sail else "")

    @cached_property
    def scope(self) -> tuple[MeshNamespace, ...]:
        """The namespaces that come to the old revision."""
        return tuple(s for s in self.mesh.namespaces if s.resolution.revision == self.spec.from_)

    @cached_property
    def moving(self) -> frozenset[str]:
        """The namespaces that some wave moves."""
        return frozenset(space.name for wave in self.plan.waves for space in wave.spaces)

    @cached_property
    def relabelled(self) -> frozenset[str]:
        """Those of them whose labels we write; the others move with their tag."""
        spaces = (space for wave in self.plan.waves if not wave.tag for space in wave.spaces)
        return frozenset(space.name for space in spaces)

    @property
    def workloads(self) -> Iterator[MeshWorkload]:
        """The workloads that some wave restarts, or would have to."""
        return (w for w in self.mesh.workloads if w.ref.namespace in self.moving)

    @property
    def pods(self) -> Iterator[MeshPod]:
        """The running pods of the namespaces that move."""
        return (p for p in self.mesh.pods if p.namespace in self.moving and not p.over)

    @cached_property
    def injectors(self) -> tuple[Injector, ...]:
        """The webhooks that there will be: those that are, and the new revision's."""
        name = self.spec.to
        if any(each.revision == name and not each.tag for each in self.mesh.injectors):
            return self.mesh.injectors
        space = self.spec.istio_namespace
        calls = Callee(space, webhooks.suffixed("istiod", name), "/inject")
        planned = webhooks.planned(webhooks.canonical(name, space), name, calls)
        return (*self.mesh.injectors, planned)

    def gateways(self, *kinds: GatewayKind) -> Iterator[MeshGateway]:
        """The mesh's gateways of these kinds; of all, without any."""
        return (g for g in self.mesh.gateways if not kinds or g.kind in kinds)

    def move(self, gateway: MeshGateway) -> GatewayMove | None:
        """What the spec says of it; None: nothing."""
        name = f"{gateway.ref.namespace}/{gateway.ref.name}"
        return next((move for move in self.spec.gateways if move.name == name), None)

    def saw(self, *kinds: str) -> bool:
        """Whether all these kinds could be read, so that what is missing is known to be."""
        return self.mesh.seen.issuperset(kinds)


def _version(revision: MeshRevision | None, name: str, installed: str) -> Version | None:
    told = (revision.version if revision else "", installed, name)
    read = (versions.version(text) for text in told if text)
    return next((each for each in read if each is not None), None)


def several(names: Iterable[str | Ref]) -> str:
    """``a, b, c, d and 7 more``."""
    every = [str(name) for name in names]
    shown = ", ".join(every[:_SHOWN])
    return f"{shown} and {len(every) - _SHOWN} more" if len(every) > _SHOWN else shown


def count(number: int, noun: str) -> str:
    """``1 pod``, ``2 pods``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
