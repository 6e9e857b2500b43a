"""`preflight upgrade/NAME` and `plan` of an upgrade, as a person runs them."""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import Result

from rollout.lab.kube.client import Kind, Kube
from tests.istio.revisions.objects import BUNDLE, ROOT
from tests.upgrade.mesh import NEW, OLD, World, healthy, named

Run = Callable[..., Result]
KIND = Kind("rollout.dev", "v1alpha1", "controlplaneupgrades", "ControlPlaneUpgrade", False)
BLIND = "istiod: /debug/syncz is out of reach; only annotations tell who serves which pod"
SOON = "d29yZHM="
"""A root that never ends: the sample's has ended long ago."""
VERSIONS = {
    "Deployment": "apps/v1",
    "PodDisruptionBudget": "policy/v1",
    "EndpointSlice": "discovery.k8s.io/v1",
    "CustomResourceDefinition": "apiextensions.k8s.io/v1",
    "MutatingWebhookConfiguration": "admissionregistration.k8s.io/v1",
    "ValidatingWebhookConfiguration": "admissionregistration.k8s.io/v1",
}
UPGRADE = {
    "apiVersion": "rollout.dev/v1alpha1",
    "kind": "ControlPlaneUpgrade",
    "metadata": {"name": "mesh"},
    "spec": {
        "from": OLD,
        "to": NEW,
        "waves": [
            {"name": "first", "namespaces": ["cart"]},
            {"name": "rest", "oneAtATime": True},
        ],
        "default": {},
    },
}


def written(folder: Path, world: World, upgrade: Any = UPGRADE) -> Path:
    """The world and the upgrade as a folder of manifests."""
    folder.mkdir(exist_ok=True)
    objs = [
        {"apiVersion": VERSIONS.get(kind, "v1"), "kind": kind, **obj}
        for kind, every in world.items()
        for obj in every
    ]
    text = json.dumps(objs).replace(BUNDLE, SOON).replace(json.dumps(ROOT)[1:-1], "words")
    (folder / "mesh.yaml").write_text(yaml.safe_dump_all(json.loads(text)))
    (folder / "upgrade.yaml").write_text(yaml.safe_dump(upgrade))
    return folder


def test_a_plan_of_files_tells_the_waves(run: Run, tmp_path: Path) -> None:
    told = run("plan", str(written(tmp_path / "x", healthy())))
    assert told.exit_code == 0, told.output
    assert told.stdout.splitlines()[:13] == [
        "upgrade/mesh: 1-29-6 -> 1-30-3",
        "2 waves, 3 namespaces, 4 workloads, 8 pods to restart",
        "about 1d 22m in all; people and evidence may take longer",
        "! UPG-015: namespace cart: names the revision itself; a tag would save its edits",
        f"! UPG-063: {BLIND}",
        "",
        "wave first: 1 namespace, 2 pods, about 5m 40s",
        "  bakes 5m",
        "  cart: istio.io/rev=1-29-6 -> istio.io/rev=1-30-3",
        "    restarts 1 workload, 2 pods, about 40s",
        "",
        "wave rest: 2 namespaces, 6 pods, about 12m",
        "  bakes 10m",
    ]


def test_a_plan_that_would_not_start_says_so(run: Run, tmp_path: Path) -> None:
    world = healthy()
    named(world["Namespace"], "cart")["metadata"]["labels"] = {"istio.io/rev": "gone"}
    folder = written(tmp_path / "x", world)
    told = run("plan", str(folder), "-o", "json")
    (plan,) = json.loads(told.stdout)
    assert told.exit_code == 1
    assert (plan["complete"], plan["waves"][0]["missing"]) == (False, ["cart"])
    assert plan["findings"][0] == {
        "rule": "UPG-012",
        "severity": "block",
        "text": "namespace cart: names gone, which is no revision and no tag; pods get no proxy",
    }
    assert "--cluster" in told.stderr


def test_a_plan_can_be_put_into_a_comment(run: Run, tmp_path: Path) -> None:
    told = run("plan", str(written(tmp_path / "x", healthy())), "-o", "markdown")
    assert told.stdout.startswith("```text\nupgrade/mesh: 1-29-6 -> 1-30-3\n")


def test_a_mistake_in_the_upgrade_is_told_with_its_line(run: Run, tmp_path: Path) -> None:
    spec = {**UPGRADE["spec"], "form": OLD}  # type: ignore[dict-item]
    told = run("plan", str(written(tmp_path / "x", healthy(), {**UPGRADE, "spec": spec})))
    assert told.exit_code == 2
    assert "upgrade.yaml:" in told.stderr


@pytest.fixture
def cluster(run: Run, api: str) -> Iterator[Run]:
    """The same command, where the cluster has the upgrade and nothing of a mesh."""
    asyncio.run(_applied(api))
    yield run
    asyncio.run(_deleted(api))


async def _applied(url: str) -> None:
    kube = Kube(url)
    await kube.create(KIND, UPGRADE)
    await kube.close()


async def _deleted(url: str) -> None:
    kube = Kube(url)
    await kube.delete(KIND, "", "mesh")
    await kube.close()


def test_preflight_asks_the_cluster(cluster: Run) -> None:
    told = cluster("preflight", "upgrade/mesh", "-o", "json")
    found = json.loads(told.stdout)
    assert told.exit_code == 1
    assert {each["upgrade"] for each in found} == {"mesh"}
    by_rule = {each["rule"]: each for each in found}
    assert by_rule["UPG-003"]["text"] == "revision 1-29-6: is not there; there is none"
    assert by_rule["UPG-003"]["page"] == "docs/upgrade-preflight.md#upg-003"
    assert "UPG-000" not in by_rule


def test_what_is_found_stands_in_a_table(cluster: Run) -> None:
    told = cluster("preflight", "upgrade/mesh")
    assert told.stdout.splitlines()[0].split() == ["UPGRADE", "RULE", "SEVERITY", "BECAUSE"]
    assert told.stdout.splitlines()[1].split()[:3] == ["mesh", "UPG-003", "block"]
    assert "docs/upgrade-preflight.md" in told.stderr


def test_an_upgrade_of_the_cluster_is_planned_by_its_name(cluster: Run) -> None:
    told = cluster("plan", "upgrade/mesh")
    assert told.stdout.startswith("upgrade/mesh: 1-29-6 -> 1-30-3\n")
    assert told.exit_code == 1


def test_an_upgrade_that_is_not_there_is_named(run: Run) -> None:
    told = run("preflight", "upgrade/none")
    assert told.exit_code == 1
    assert str(told.exception).startswith("upgrade/none: not found")
