"""Waves of an upgrade: which namespaces move when, what is restarted, and about how long it takes.

Pure, and the same for ``rollout plan`` and for the controller when a wave begins.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from heapq import heappush, heapreplace
from math import ceil

from rollout.labels import Selector
from rollout.model.inventory import Budget, GatewayKind, Inventory
from rollout.model.mesh import INJECTION, REV, MeshNamespace, MeshWorkload, Restart, Way
from rollout.model.ref import Ref
from rollout.model.upgrade import ControlPlaneUpgradeSpec, GatewayMove, Removal, Wave
from rollout.model.upgradeplan import (
    PlannedSpace,
    PlannedStop,
    PlannedWave,
    PlannedWorkload,
    UpgradePlan,
)
from rollout.upgrade.members import is_at, members

START = timedelta(seconds=20)
"""How long a new pod takes until it is ready, for an estimate: image, proxy and program."""


def plan(name: str, spec: ControlPlaneUpgradeSpec, mesh: Inventory) -> UpgradePlan:
    """All that the upgrade would do to this mesh."""
    grouped = Grouped(mesh, spec.from_)
    rest, waves = replace(mesh, namespaces=grouped.scope), []
    for wave in spec.groups:
        names = members(wave, rest, spec.from_)
        rest = replace(rest, namespaces=tuple(s for s in rest.namespaces if s.name not in names))
        waves.append(grouped.wave(wave, names))
    return UpgradePlan(
        name,
        spec.from_,
        spec.to,
        tuple(waves),
        tuple(_gateway(move, mesh) for move in spec.gateways),
        tuple(_tags(spec)),
        tuple(space.name for space in rest.namespaces),
        grouped.own,
        spec.bake,
        "asks" if spec.remove is Removal.APPROVAL else "",
    )


class Grouped:
    """A mesh by namespace, as far as it is at the revision ``old``."""

    def __init__(self, mesh: Inventory, old: str) -> None:
        self.spaces = {space.name: space for space in mesh.namespaces}
        self.scope = tuple(s for s in mesh.namespaces if is_at(s, old))
        self._workloads = _by_space(mesh.workloads)
        self._budgets: dict[str, list[Budget]] = {}
        for budget in mesh.budgets:
            self._budgets.setdefault(budget.ref.namespace, []).append(budget)
        self._gateways: dict[str, list[Ref]] = {}
        for gateway in mesh.gateways:
            if gateway.kind is GatewayKind.INJECTED:
                self._gateways.setdefault(gateway.ref.namespace, []).append(gateway.ref)
        inside = {space.name for space in self.scope}
        self.own = tuple(
            each.ref
            for each in mesh.workloads
            if each.resolution.revision == old and each.ref.namespace not in inside
        )

    def wave(self, wave: Wave, names: Sequence[str]) -> PlannedWave:
        """One wave with these namespaces."""
        spaces = tuple(self._space(self.spaces[name], wave) for name in names)
        return PlannedWave(
            wave.name,
            spaces,
            wave.tag or "",
            tuple(name for name in wave.namespaces if name not in names),
            wave.bake * (max(len(spaces), 1) if wave.one_at_a_time else 1),
            wave.approval is not None,
        )

    def _space(self, space: MeshNamespace, wave: Wave) -> PlannedSpace:
        every = self._workloads.get(space.name, [])
        moved = [each for each in every if each.resolution.injected or each.ready]
        restarted = [each for each in moved if each.restart is not Restart.MANUAL]
        planned = tuple(
            PlannedWorkload(each.ref, each.replicas, each.restart, takes(each))
            for each in restarted
        )
        return PlannedSpace(
            space.name,
            "" if wave.tag else label(space),
            planned,
            tuple(self._in_the_way(space.name, restarted)),
            tuple(each.ref for each in moved if each.restart is Restart.MANUAL),
            tuple(self._gateways.get(space.name, ())),
            together([each.takes for each in planned], wave.max_concurrent),
        )

    def _in_the_way(self, space: str, workloads: Iterable[MeshWorkload]) -> Iterator[Ref]:
        known = list(workloads)
        for budget in self._budgets.get(space, ()):
            if budget.allowed < 1 and any(_guards(budget.selector, each) for each in known):
                yield budget.ref


def _guards(selector: Selector, workload: MeshWorkload) -> bool:
    return workload.replicas > 0 and selector.matches(workload.labels)


def _by_space(workloads: Iterable[MeshWorkload]) -> dict[str, list[MeshWorkload]]:
    by: dict[str, list[MeshWorkload]] = {}
    for each in workloads:
        by.setdefault(each.ref.namespace, []).append(each)
    return by


def label(space: MeshNamespace) -> str:
    """The label that brings a namespace to its control plane, as a person writes it."""
    key = INJECTION if INJECTION in space.labels else REV
    return f"{key}={space.labels.get(key, '')}" if space.resolution.way is not Way.NONE else ""


def takes(workload: MeshWorkload) -> timedelta:
    """About how long its restart lasts: batch after batch until each pod is new."""
    at_once = max(workload.unavailable + workload.surge, 1)
    return ceil(workload.replicas / at_once) * (START + workload.min_ready)


def together(each: Sequence[timedelta], at_once: int) -> timedelta:
    """How long all of them last, the longest first, ``at_once`` at a time."""
    busy: list[timedelta] = []
    for length in sorted(each, reverse=True):
        if len(busy) < at_once:
            heappush(busy, length)
        else:
            heapreplace(busy, busy[0] + length)
    return max(busy, default=timedelta())


def _gateway(move: GatewayMove, mesh: Inventory) -> PlannedStop:
    if move.allow_in_place:
        return PlannedStop(move.name, "in place, with the control plane that brought it")
    if move.gateway is not None:
        twin = "a twin Gateway at the new revision; routes get both as parents"
        return PlannedStop(move.name, twin, move.bake)
    known = {f"{g.ref.namespace}/{g.ref.name}": g for g in mesh.gateways}
    gateway = known.get(move.name)
    pods = f" of {gateway.replicas} pods" if gateway else ""
    shares = ", ".join(f"{share}%" for share in move.shares)
    how = f"a second Deployment behind the same Service: {shares}{pods}"
    return PlannedStop(move.name, how, move.bake * len(move.shares))


def _tags(spec: ControlPlaneUpgradeSpec) -> Iterator[PlannedStop]:
    for tag in spec.tags:
        yield PlannedStop(tag.name, "webhook and Service, in one step each", tag.bake)
    if spec.default is not None:
        how = "webhook and Service of the tag, and the validator of all Istio objects"
        yield PlannedStop("default", how, spec.default.bake)
