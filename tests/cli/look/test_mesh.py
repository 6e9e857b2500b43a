"""The commands for an upgrade of the mesh, on an API server of the lab's."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from rollout.lab.kube.client import Kind, Kube
from rollout.manifest import upgrades
from tests.cli.conftest import Run
from tests.messages.test_upgrades import NOON, STATUS

UPGRADE = Kind(
    "rollout.dev", "v1alpha1", "controlplaneupgrades", "ControlPlaneUpgrade", namespaced=False
)
SPEC = {"from": "1-29-6", "to": "1-30-3", "waves": [{"name": "rest", "oneAtATime": True}]}


@pytest.fixture
def mesh(api: str) -> Iterator[None]:
    """An upgrade called mesh, in its second wave."""
    asyncio.run(_put(api, upgrades.status_json(STATUS, {}, NOON)))
    yield
    asyncio.run(_gone(api))


async def _put(url: str, status: dict[str, Any]) -> None:
    kube = Kube(url)
    obj = {
        "apiVersion": "rollout.dev/v1alpha1",
        "kind": "ControlPlaneUpgrade",
        "metadata": {"name": "mesh"},
        "spec": SPEC,
    }
    await kube.create(UPGRADE, obj)
    await kube.patch(UPGRADE, "", "mesh", {"status": status}, "status")
    await kube.close()


async def _gone(url: str) -> None:
    kube = Kube(url)
    await kube.delete(UPGRADE, "", "mesh")
    await kube.close()


@pytest.mark.usefixtures("mesh")
def test_status_fits_80_columns_and_says_where_every_namespace_stands(run: Run) -> None:
    found = run("status", "upgrade/mesh")
    assert found.exit_code == 0
    lines = found.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].split() == ["Upgrade", "upgrade/mesh:", "1-29-6", "to", "1-30-3"]
    assert any("shop: Restarting 1/2 workloads" in line for line in lines)
    assert any(line.startswith("Way back") for line in lines)


@pytest.mark.usefixtures("mesh")
def test_explain_and_history(run: Run) -> None:
    said = " ".join(run("explain", "upgrade/mesh").stdout.split())
    assert said.startswith("upgrade/mesh is in Waves (5 of 10): shop: 1 of 2 workloads done")
    assert run("history", "upgrade/mesh").exit_code == 0


@pytest.mark.usefixtures("mesh")
def test_a_request_stands_on_the_object(run: Run) -> None:
    assert run("abort", "upgrade/mesh", "--no-wait").exit_code == 0
    found = run("status", "upgrade/mesh", "-o", "json").stdout
    assert '"rollout.dev/request": "abort@' in found


def test_one_that_is_not_there_is_told(run: Run) -> None:
    found = run("status", "upgrade/none")
    assert found.exit_code != 0
    assert str(found.exception) == (
        "upgrade/none: not found; kubectl get controlplaneupgrades shows all"
    )
