"""Every example loads, plans and plays; what is asserted is what its README says."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rollout.cli.manifests import beside, files, rehearsal
from rollout.manifest import load
from rollout.messages.planned import Planned
from rollout.model.spec import Rollout
from rollout.model.status import Phase, RolloutStatus, Stage
from tests.played import Played, foreign

ROOT = Path(__file__).parents[1] / "examples"
NAMES = sorted(path.parent.name for path in ROOT.glob("*/rollout.yaml"))
BY_VERSION = {"dark-by-header"}
"""Examples whose subsets are named by version: there the weights stay ours."""
TEMPLATES = {"template-workload"}
OWN_CANARY_SUBSET = {"dark-by-cookie"}
"""Examples whose author wrote a subset canary and names it: it goes on meaning the last canary."""

WEIGHTS = {
    "blue-green": [0],
    "canary": [5, 20, 40],
    "dark-by-cookie": [0, 0],
    "dark-by-header": [0, 0],
    "dark-by-query": [0],
    "mirrored": [0, 0],
    "several-virtualservices": [0, 10, 40],
    "sticky": [10, 40],
    "template-workload": [10, 40],
}
"""The canary's share of ordinary requests, step by step."""

MADE = {
    "blue-green": 2,
    "canary": 0,
    "dark-by-cookie": 1,
    "dark-by-header": 2,
    "dark-by-query": 1,
    "mirrored": 1,
    "several-virtualservices": 1,
    "sticky": 4,
    "template-workload": 0,
}
"""How many made routes stand in one VirtualService at most."""


def objects_of(name: str) -> list[Any]:
    return list(files.read([ROOT / name]).objs)


def rollout_of(name: str) -> Rollout:
    path = ROOT / name / "rollout.yaml"
    (manifest,) = load.text(str(path), path.read_bytes()).manifests
    return replace(beside.rollout(manifest), uid="u1", generation=1)


def planned(name: str) -> Planned:
    return asyncio.run(rehearsal.play(rollout_of(name), objects_of(name), RolloutStatus()))


def made_at_once(plan: Planned) -> int:
    after = [change.after for moment in plan.moments for change in moment.changes if change.after]
    routes = [[str(r.get("name", "")) for r in obj["spec"].get("http", ())] for obj in after]
    return max(sum(name.startswith("rollout-") for name in names) for names in routes)


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_valid(name: str) -> None:
    found = [load.text(str(p), p.read_bytes()) for p in files.files([ROOT / name])]
    assert [error for one in found for error in one.errors] == []
    assert [m.kind for one in found for m in one.manifests] == ["Rollout"]


@pytest.mark.parametrize("name", NAMES)
def test_an_example_plans_to_its_end_step_by_step(name: str) -> None:
    plan = planned(name)
    assert plan.complete, plan.ends
    assert [m.weight for m in plan.moments if m.step is not None] == WEIGHTS[name]
    assert made_at_once(plan) == MADE[name]


@pytest.mark.parametrize("name", sorted(set(NAMES) - TEMPLATES))
async def test_a_good_release_reaches_everyone_and_leaves_what_git_says(name: str) -> None:
    play = Played.of(rollout_of(name), objects_of(name))
    before = play.objects()
    await play.until(Phase.PROGRESSING)
    await play.until(Phase.HEALTHY, Stage.IDLE)
    await play.settle()
    assert play.status.stable is not None
    assert play.status.stable.name == "v2"
    after = play.objects()
    assert after.keys() == before.keys()
    for key, obj in before.items():
        if key.startswith("VirtualService") and name not in BY_VERSION:
            assert after[key] == obj
        elif key.startswith("VirtualService"):
            assert foreign(after[key]) == foreign(obj)


@pytest.mark.parametrize("name", sorted(set(NAMES) - TEMPLATES))
async def test_a_bad_release_leaves_every_object_as_it_was(name: str) -> None:
    play = Played.of(rollout_of(name), objects_of(name))
    before = play.objects()
    await play.until(Phase.PROGRESSING, Stage.STEPPING)
    play.numbers.value = 5
    await play.until(Phase.DEGRADED)
    await play.settle()
    after = play.objects()
    if name in OWN_CANARY_SUBSET:
        rule = after[f"DestinationRule {play.rollout.name}"]
        rule["spec"]["subsets"][1]["labels"]["version"] = "v1"
        rule["metadata"].pop("annotations")  # the epoch, for as long as the subset is written
    assert after == before


async def test_a_pushed_image_is_a_release_of_the_template_and_old_pods_are_kept_in_history() -> (
    None
):
    rollout = rollout_of("template-workload")
    play = Played.of(rollout, objects_of("template-workload"))
    await play.until(Phase.HEALTHY, Stage.IDLE)
    first = play.status.stable
    template = dict(rollout.spec.workload.template or {})
    pods = template["template"]
    box = pods["spec"]["containers"][0] | {"image": "rollout.dev/lab/shop:v2"}
    template["template"] = pods | {"spec": pods["spec"] | {"containers": [box]}}
    workload = replace(rollout.spec.workload, template=template)
    play.rollout = replace(play.rollout, spec=replace(play.rollout.spec, workload=workload))
    await play.until(Phase.PROGRESSING, Stage.STEPPING)
    await play.until(Phase.HEALTHY, Stage.IDLE)
    assert first is not None
    assert not first.same(play.status.stable)
    sizes = sorted(d["spec"]["replicas"] for d in play.cluster.list("Deployment"))
    assert sizes == [0, 3]


async def test_subsets_by_version_that_are_there_already_cost_no_wait_for_the_proxies() -> None:
    play = Played.of(rollout_of("dark-by-header"), objects_of("dark-by-header"))
    await play.until(Phase.PROGRESSING, Stage.STEPPING)
    assert not any("waiting for the proxies" in line for line in play.story)


@pytest.mark.parametrize("name", NAMES)
def test_an_example_has_a_page_that_names_its_folder(name: str) -> None:
    page = (ROOT / name / "README.md").read_text()
    assert f"rollout plan examples/{name}\n" in page
    assert f"({name})" in (ROOT / "README.md").read_text()
