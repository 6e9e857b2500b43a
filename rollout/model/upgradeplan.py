"""What an upgrade of the mesh is going to do, wave by wave, before any of it is done."""

from dataclasses import dataclass
from datetime import timedelta

from rollout.model.mesh import Restart
from rollout.model.ref import Ref


@dataclass(frozen=True, slots=True)
class PlannedWorkload:
    """One workload that is restarted. ``takes``: an estimate, without waiting for evidence."""

    ref: Ref
    pods: int
    restart: Restart
    takes: timedelta


@dataclass(frozen=True, slots=True)
class PlannedSpace:
    """One namespace that moves.

    ``label``: the label that brings it to its control plane now; empty where a tag moves it.
    ``budgets``: PodDisruptionBudgets that let no pod go now.
    ``left``: what nobody can restart; the old revision cannot be removed before it is gone.
    ``gateways``: injected gateways in it, which its label would move in place.
    """

    name: str
    label: str
    workloads: tuple[PlannedWorkload, ...] = ()
    budgets: tuple[Ref, ...] = ()
    left: tuple[Ref, ...] = ()
    gateways: tuple[Ref, ...] = ()
    takes: timedelta = timedelta()

    @property
    def pods(self) -> int:
        """How many pods are made anew."""
        return sum(each.pods for each in self.workloads)


@dataclass(frozen=True, slots=True)
class PlannedWave:
    """Namespaces that move one after the other and are judged together.

    ``tag``: moves with them, instead of their labels. ``missing``: named, and not to be moved.
    ``bake``: the least time from its last proxy on, of all its parts.
    """

    name: str
    spaces: tuple[PlannedSpace, ...] = ()
    tag: str = ""
    missing: tuple[str, ...] = ()
    bake: timedelta = timedelta()
    approval: bool = False

    @property
    def pods(self) -> int:
        """How many pods are made anew."""
        return sum(each.pods for each in self.spaces)

    @property
    def takes(self) -> timedelta:
        """An estimate of restarts and bake together; people and evidence may take longer."""
        return sum((each.takes for each in self.spaces), self.bake)


@dataclass(frozen=True, slots=True)
class PlannedStop:
    """A gateway, tag or the default: what it is, and how it goes there."""

    name: str
    how: str
    takes: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class UpgradePlan:
    """All of an upgrade. ``uncovered``: namespaces at the old revision that no wave moves.

    ``own``: workloads that name the old revision on their own pods; no label of a namespace
    moves them.
    """

    name: str
    old: str
    new: str
    waves: tuple[PlannedWave, ...] = ()
    gateways: tuple[PlannedStop, ...] = ()
    tags: tuple[PlannedStop, ...] = ()
    uncovered: tuple[str, ...] = ()
    own: tuple[Ref, ...] = ()
    bake: timedelta = timedelta()
    removal: str = ""

    @property
    def pods(self) -> int:
        """How many pods are made anew in all waves."""
        return sum(each.pods for each in self.waves)

    @property
    def takes(self) -> timedelta:
        """An estimate of all of it, without waiting for people."""
        waves = sum((each.takes for each in self.waves), self.bake)
        return sum((each.takes for each in (*self.gateways, *self.tags)), waves)
