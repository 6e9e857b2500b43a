"""What the objects beside a manifest say of it: rules that the files alone decide."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from rollout import reconcile
from rollout.cli.manifests.memory import Cluster
from rollout.controller.seeing import mesh, preflight
from rollout.errors import ManifestError
from rollout.istio import virtualservice
from rollout.manifest import objects
from rollout.manifest.load import Manifest
from rollout.model.observation import Severity
from rollout.model.spec import AnalysisTemplateSpec, Rollout, RolloutSpec
from rollout.model.status import RolloutStatus
from rollout.preflight import rollouts
from rollout.preflight.rollouts import Rule
from rollout.preflight.snapshot import Case

Json = Mapping[str, Any]

NAMESPACE = "default"
"""Where an object goes that names no namespace, as kubectl has it."""
_NEVER = datetime(2000, 1, 1, tzinfo=UTC)


def rollout(manifest: Manifest, namespace: str = NAMESPACE) -> Rollout:
    """The Rollout that a manifest describes; ``namespace``: where it goes if it names none."""
    obj = {
        "metadata": {**manifest.metadata, "namespace": manifest.namespace or namespace},
        "kind": "Rollout",
        "spec": manifest.plain,
    }
    found = objects.rollout(obj)
    assert isinstance(found.spec, RolloutSpec)  # noqa: S101 - it was loaded as one
    return found


def templates(manifests: Iterable[Manifest], namespace: str) -> dict[str, AnalysisTemplateSpec]:
    """The AnalysisTemplates of one namespace, by name."""
    found = ((m, m.spec) for m in manifests if (m.namespace or NAMESPACE) == namespace)
    return {m.name: spec for m, spec in found if isinstance(spec, AnalysisTemplateSpec)}


def mistakes(manifests: Iterable[Manifest], objs: Iterable[Json]) -> Iterator[ManifestError]:
    """What is wrong with each Rollout among the ``objs`` of the same files."""
    everything, cluster = list(manifests), Cluster()
    cluster.put(*objs)
    for manifest in everything:
        if not isinstance(manifest.spec, RolloutSpec):
            continue
        found = rollout(manifest)
        known = templates(everything, found.namespace)
        for text in _blocks(cluster, replace(found, templates=known)):
            yield ManifestError(manifest.file, manifest.line, f"{manifest.name}: {text}")


def _blocks(cluster: Cluster, found: Rollout) -> Iterator[str]:
    """Nothing where no VirtualService of the files sends to the service: others may."""
    asked = reconcile.ask(found, RolloutStatus(), _NEVER)
    routes = mesh.virtual_services(cluster, asked.target)
    serving = {name for obj in routes for name in virtualservice.serving(obj, asked.target)}
    sides = serving - {"", asked.target.canary}
    stable = sides.pop() if len(sides) == 1 else asked.target.stable
    asked = replace(asked, target=replace(asked.target, stable=stable))
    case = preflight.case(cluster, found, asked, None, None)
    ahead = tuple(replace(route, preview_host=None) for route in case.ahead)  # others may have it
    rules = [rule for rule in rollouts.RULES if rule.by_files]
    findings = rollouts.findings(replace(case, ahead=ahead, overruled=_of(rules, case)), rules)
    yield from (str(f) for f in findings if f.severity is Severity.BLOCK)


def _of(rules: Iterable[Rule], case: Case) -> dict[str, str]:
    ids = {rule.id for rule in rules}
    return {name: reason for name, reason in case.overruled.items() if name in ids}
