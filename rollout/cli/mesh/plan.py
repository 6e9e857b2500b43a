"""``plan`` of an upgrade of the mesh: its waves, on a cluster or on manifests of files."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rollout.cli import clock, cluster
from rollout.cli.mesh import preflight, taken
from rollout.cli.settings import Settings
from rollout.messages import waves
from rollout.messages.planned import Line
from rollout.model.finding import Finding, Severity
from rollout.model.upgrade import ControlPlaneUpgradeSpec
from rollout.upgrade import rules
from rollout.upgrade.rules.case import Case

Json = Mapping[str, Any]
Named = tuple[str, ControlPlaneUpgradeSpec]
"""An upgrade's name, and what it asks for."""


@dataclass(frozen=True, slots=True)
class Foreseen:
    """One upgrade and what the rules say of it."""

    case: Case
    findings: tuple[Finding, ...]

    @property
    def complete(self) -> bool:
        """Whether it would start."""
        return not any(each.severity is Severity.BLOCK for each in self.findings)

    @property
    def lines(self) -> Sequence[Line]:
        """For a terminal."""
        return list(waves.lines(self.case.plan, self.findings))

    @property
    def plain(self) -> dict[str, Any]:
        """For machines."""
        return {**waves.plain(self.case.plan, self.findings), "complete": self.complete}


async def of_name(given: Settings, name: str) -> Foreseen:
    """An upgrade that is in the cluster. Errors: as ``taken.spec``."""
    return _foreseen(await preflight.case(given, name))


async def of_manifest(
    given: Settings, named: Named, objs: Iterable[Json], *, live: bool
) -> Foreseen:
    """An upgrade of a file, on the cluster's mesh or on the one that the files describe."""
    name, spec = named
    if not live:
        mesh = taken.of_files(objs, spec.istio_namespace, name)
        return _foreseen(Case.of(name, spec, mesh, clock.now()))
    async with cluster.connected(replace(given, namespace="")) as connection:
        mesh = await taken.of_cluster(connection, spec.istio_namespace, name)
        return _foreseen(Case.of(name, spec, mesh, clock.now()))


def _foreseen(case: Case) -> Foreseen:
    return Foreseen(case, rules.findings(case))
