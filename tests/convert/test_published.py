"""Every published example of both projects: none crashes, and no field of one goes silently."""

from collections.abc import Iterator

import pytest
import yaml

from rollout import strategies
from rollout.cli.manifests import beside, rehearsal
from rollout.convert import argo, flagger
from rollout.convert.documents import converted
from rollout.manifest import load
from rollout.model.spec import RolloutSpec
from rollout.model.status import RolloutStatus
from tests.convert import published
from tests.convert.published import EXAMPLES, Json


def leaves(value: object, path: str = "") -> Iterator[str]:
    """Where each single value of a manifest is, as reports write it: ``spec.steps[1].weight``."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and value:
        for number, inner in enumerate(value):
            yield from leaves(inner, f"{path}[{number}]")
    else:
        yield path


def is_told(leaf: str, told: set[str]) -> bool:
    """Whether the leaf itself or anything that holds it has a line in the report.

    Whom a reference means is told where its name is.
    """
    reference, _, last = leaf.rpartition(".")
    if last in ("apiVersion", "kind") and reference.endswith("Ref"):
        leaf = f"{reference}.name"
    return any(leaf == path or leaf.startswith((f"{path}.", f"{path}[")) for path in told)


def releases(objs: list[Json]) -> list[Json]:
    return [o for o in objs if str(o["apiVersion"]).startswith((argo.GROUP, flagger.GROUP))]


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_leaf_of_an_example_has_its_line_in_the_report(name: str) -> None:
    objs = EXAMPLES[name]
    made = converted(objs)
    for obj in releases(objs):
        source = f"{obj['kind']} {obj['metadata']['name']}"
        told = {note.path for note in made.notes if note.source == source}
        assert [leaf for leaf in leaves(obj["spec"], "spec") if not is_told(leaf, told)] == []


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_is_left_to_mend_is_said_with_its_place(name: str) -> None:
    for mistake in published.mistakes(converted(EXAMPLES[name])):
        assert mistake.startswith("converted.yaml:"), mistake


RELEASES = [
    name
    for name, objs in EXAMPLES.items()
    if not published.mistakes(made := converted(objs))
    and any(obj["kind"] == "Rollout" for obj in made.objects)
    and name != "argo-rollouts/examples/rollout-canary-with-analysis.yaml"  # its template is apart
]


@pytest.mark.long
@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.short] * (n in published.SHORT)) for n in RELEASES]
)
async def test_an_example_is_planned_to_its_end_step_by_step(name: str) -> None:
    """With what the hand-over asks for beside it: a Service, and a route that names it."""
    made = converted(EXAMPLES[name])
    text = yaml.safe_dump([dict(obj) for obj in made.objects])
    objs: list[Json] = yaml.safe_load(text)
    (manifest,) = (
        each
        for each in load.text("converted.yaml", yaml.safe_dump_all(objs).encode()).manifests
        if isinstance(each.spec, RolloutSpec)
    )
    assert isinstance(manifest.spec, RolloutSpec)
    planned = await rehearsal.play(
        beside.rollout(manifest, objs=objs), served(objs, manifest.spec), RolloutStatus()
    )
    steps = [moment for moment in planned.moments if moment.step is not None]
    stops = strategies.plan(manifest.spec.strategy).stops
    assert planned.complete, planned.ends
    assert [moment.weight for moment in steps] == [stop.route.split.canary for stop in stops]


def served(objs: list[Json], spec: RolloutSpec) -> list[Json]:
    """``objs`` with a Service and routes, where there are none, and the autoscaler it names."""
    name, labels = spec.service, (spec.workload.template or {})["template"]["metadata"]["labels"]
    blue = spec.strategy.blue_green
    hosts = [name, *([blue.preview_host] if blue and blue.preview_host else [])]
    named = {ref.name: ref.routes for ref in spec.traffic.virtual_services} or {name: ()}
    for obj in objs:
        named.pop(obj["metadata"]["name"] if obj["kind"] == "VirtualService" else "", None)
    found = [
        *objs,
        published.obj("Service", name, {"selector": labels, "ports": [{"port": 80}]}, "v1"),
        *(routes(each, hosts, *primary[:1]) for each, primary in named.items()),
    ]
    if spec.workload.autoscaler:
        found.append(scaler(spec.workload.autoscaler.name))
    for obj in found:
        obj["metadata"]["namespace"] = "default"
    return found


def routes(name: str, hosts: list[str], *named: str) -> Json:
    """A VirtualService with one route, to the Service that the first host is."""
    route: Json = {"route": [{"destination": {"host": hosts[0]}}]}
    http = [{**route, "name": each} for each in named] or [route]
    return published.obj(
        "VirtualService", name, {"hosts": hosts, "http": http}, "networking.istio.io/v1"
    )


def scaler(name: str) -> Json:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    spec = {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 2}
    return published.obj("HorizontalPodAutoscaler", name, spec, "autoscaling/v2")


def test_the_page_is_fresh() -> None:
    assert published.PAGE.read_text() == published.page()
