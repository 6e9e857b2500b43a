"""What the objects beside a manifest say of it: rules that the files alone decide."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from rollout.cli.manifests.memory import MemoryCluster
from rollout.controller.seeing import mesh, preflight
from rollout.errors import ManifestError
from rollout.istio import virtualservice
from rollout.manifest import objects
from rollout.manifest.load import Manifest
from rollout.manifest.scan import Path
from rollout.model.finding import Severity
from rollout.model.spec import AnalysisTemplateSpec, Rollout, RolloutSpec, Unread
from rollout.preflight import rollouts
from rollout.preflight.templates import Known, Wrong, wrong

Json = Mapping[str, Any]

NAMESPACE = "default"
"""Where an object goes that names no namespace, as kubectl has it."""


def rollout(manifest: Manifest, namespace: str = NAMESPACE, objs: Iterable[Json] = ()) -> Rollout:
    """The Rollout that a manifest describes; ``namespace``: where it goes if it names none.

    ``objs``: its AnalysisTemplates are among them.
    """
    space = manifest.namespace or namespace
    obj = {
        "metadata": {**manifest.metadata, "namespace": space},
        "kind": "Rollout",
        "spec": manifest.plain,
    }
    found = objects.rollout(obj, _templates(objs, space))
    assert isinstance(found.spec, RolloutSpec)  # noqa: S101 - it was loaded as one
    return found


def _templates(objs: Iterable[Json], namespace: str) -> dict[str, AnalysisTemplateSpec | Unread]:
    here = (o for o in objs if o.get("kind") == "AnalysisTemplate")
    mine = (o for o in here if (o["metadata"].get("namespace") or NAMESPACE) == namespace)
    return {str(obj["metadata"]["name"]): _template(obj) for obj in mine}


def _template(obj: Json) -> AnalysisTemplateSpec | Unread:
    try:
        return objects.template(obj)
    except ManifestError as error:
        return Unread(str(error))


def mistakes(manifests: Iterable[Manifest], objs: Iterable[Json]) -> Iterator[ManifestError]:
    """What is wrong with each Rollout among the ``objs`` of the same files."""
    objs, cluster = list(objs), MemoryCluster()
    cluster.put(*objs)
    for manifest in manifests:
        if not isinstance(manifest.spec, RolloutSpec):
            continue
        found = rollout(manifest, objs=objs)
        known = _templates(objs, found.namespace)
        if known:  # none at all: they are kept elsewhere
            yield from _misused(manifest, manifest.spec, known)
        for text in _blocks(cluster, found):
            yield manifest.error((), text)


def _misused(manifest: Manifest, spec: RolloutSpec, known: Known) -> Iterator[ManifestError]:
    uses = spec.analysis.templates
    for one in wrong(uses, known):
        here: Path = ("analysis", "templates", one.use)
        path: Path = (*here, "args", one.argument) if one.argument else (*here, "name")
        near = _near(one, uses[one.use].name, known)
        yield manifest.error(path, f"is wrong: {one.found}", near or one.wanted)


def _near(one: Wrong, name: str, known: Known) -> str:
    """The likeliest name that was meant; empty: none is near."""
    template = known.get(name)
    if template is None:
        near = difflib.get_close_matches(name, list(known), 1, 0.7)
    elif one.argument and isinstance(template, AnalysisTemplateSpec):
        near = difflib.get_close_matches(one.argument, list(template.args), 1, 0.7)
    else:
        near = []
    return f"did you mean {near[0]}?" if near else ""


def _blocks(cluster: MemoryCluster, found: Rollout) -> Iterator[str]:
    """Nothing where no VirtualService of the files sends to the service: others may."""
    target = found.target
    routes = mesh.virtual_services(cluster, target)
    serving = {name for obj in routes for name in virtualservice.serving(obj, target)}
    sides = serving - {"", target.canary}
    stable = sides.pop() if len(sides) == 1 else target.stable
    case = preflight.case(cluster, found, replace(target, stable=stable), None, None)
    ahead = tuple(replace(route, preview_host=None) for route in case.ahead)  # others may have it
    rules = [rule for rule in rollouts.RULES if rule.by_files]
    for finding in rollouts.findings(replace(case, ahead=ahead), rules):
        if finding.severity is Severity.BLOCK:
            yield str(finding)
