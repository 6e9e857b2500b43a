"""Whole upgrades on a real kube-apiserver, whose own admission asks the stand-ins.

The controller is a process of its own and has the documented rights, and no others.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from rollout.cli.lab import up as cli
from rollout.lab.apiserver.server import kubeconfig
from rollout.lab.kube.client import (
    CRD,
    DEPLOYMENT,
    MUTATING,
    VALIDATING,
    Kube,
)
from rollout.lab.revisions.town import GATEWAY, Town
from rollout.lab.world import Settings, World
from rollout.model.upgrading import State
from tests.contract.conftest import istio_crds
from tests.lab.revisions.conftest import ON_LOOPBACK
from tests.lab.upgrades.granted import granted
from tests.lab.upgrades.harness import NEW, OLD, PATIENCE, QUICK, Upgrading, upgrading
from tests.realkube import running

__all__ = ["istio_crds"]
pytestmark = [
    pytest.mark.lab,
    pytest.mark.long,
    pytest.mark.envtest,
    pytest.mark.timeout(2 * PATIENCE),
]
OLD_SERVER = {"rule": "UPG-001", "reason": "the API server of these tests is an old one"}


@pytest.fixture
async def world(tmp_path: Path, istio_crds: dict[str, dict[str, object]]) -> AsyncIterator[World]:
    """Istio's own definitions are there before the lab would make simpler ones."""
    with running(tmp_path, ON_LOOPBACK, accounts=True) as real:
        kube = Kube(real.url, real.token, real.context())
        for crd in istio_crds.values():
            await kube.create(CRD, crd)
        settings = Settings(folder=tmp_path / "lab", revisions=True, kube=kube)
        async with World(settings) as made:
            made.kubeconfig = tmp_path / "lab" / "kubeconfig"
            text = kubeconfig(real.url, real.token, real.ca.read_text())
            made.kubeconfig.write_text(text)
            await cli.teach(made)
            made.kubeconfig = await granted(real, kube, tmp_path / "lab" / "granted")
            yield made
        await kube.close()


async def begun(mesh: Upgrading, **spec: Any) -> None:
    """The whole way, quickly; nothing else is overruled than the age of the API server."""
    await mesh.ask(
        canary={"name": "canary", "namespaces": ["team-01"], **QUICK},
        waves=[{"name": "rest", "percentage": 100, **QUICK}],
        preflight={"overrule": [OLD_SERVER]},
        **spec,
    )


def troubles(world: World) -> list[str]:
    """What the controller was refused, or could not write, in its own words."""
    lines = (world.kubeconfig.parent / "controller.log").read_text().splitlines()
    told = [json.loads(line) for line in lines if line.startswith("{")]
    return [str(each) for each in told if _is_refusal(each)]


def _is_refusal(line: dict[str, Any]) -> bool:
    error = str(line.get("error", ""))
    return line["event"] == "event not written" or any(f" {code} " in error for code in (403, 422))


async def test_from_preflight_to_the_removal_of_the_old_revision(world: World) -> None:
    async with upgrading(world, Town(OLD.name, spaces=3, workloads=1)) as mesh:
        async with mesh.visited(30) as load:
            await begun(mesh, remove="approval")
            await mesh.until("asking for removal", lambda now: now.state is State.REMOVE)
            await mesh.request("approve")
            status = await mesh.until("at its end", lambda now: now.state is State.DONE)
        assert status.attempt.removing
        assert set().union(*(await mesh.revisions()).values()) == {NEW.name}
        for kind, name in ((DEPLOYMENT, OLD.istiod), (MUTATING, OLD.injector)):
            there = (await world.kube.list(kind))[0]
            assert name not in [each["metadata"]["name"] for each in there]
        names = [each["metadata"]["name"] for each in (await world.kube.list(DEPLOYMENT))[0]]
        assert [name for name in names if name.startswith(GATEWAY)] == [GATEWAY]
        validators = (await world.kube.list(VALIDATING))[0]
        assert {each["metadata"]["labels"]["istio.io/rev"] for each in validators} == {NEW.name}
        assert troubles(world) == []
    assert load.tally.failures == 0


async def test_from_the_bake_all_the_way_back_byte_by_byte(world: World) -> None:
    async with upgrading(world, Town(OLD.name, spaces=3, workloads=1)) as mesh:
        before = await mesh.snapshot()
        async with mesh.visited(30) as load:
            await begun(mesh, bake="1h")
            await mesh.until("in the bake", lambda now: now.state is State.BAKE)
            assert set().union(*(await mesh.revisions()).values()) == {NEW.name}
            await mesh.request("abort")
            await mesh.until("back", lambda now: now.state is State.RETURNED)
        assert set().union(*(await mesh.revisions()).values()) == {OLD.name}
        assert await mesh.snapshot() == before
        assert troubles(world) == []
    assert load.tally.failures == 0
