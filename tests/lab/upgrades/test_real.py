"""A whole upgrade on a real kube-apiserver, whose own admission asks the stand-ins."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

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
from rollout.lab.revisions.town import Town
from rollout.lab.world import Settings, World
from rollout.model.upgrading import State
from tests.contract.conftest import istio_crds
from tests.lab.revisions.conftest import ON_LOOPBACK
from tests.lab.upgrades.harness import NEW, OLD, QUICK, upgrading
from tests.realkube import running

__all__ = ["istio_crds"]
pytestmark = [pytest.mark.lab, pytest.mark.long, pytest.mark.envtest]


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
            yield made
        await kube.close()


async def test_from_preflight_to_the_removal_of_the_old_revision(world: World) -> None:
    quick = {"canary": {"name": "canary", "namespaces": ["team-01"], **QUICK}}
    waves = [{"name": "rest", "percentage": 100, **QUICK}]
    async with upgrading(world, Town(OLD.name, spaces=3, workloads=1)) as mesh:
        async with mesh.visited(30) as load:
            await mesh.ask(**quick, waves=waves, remove="approval")
            await mesh.until("asking for removal", lambda now: now.state is State.REMOVE)
            await mesh.request("approve")
            status = await mesh.until("at its end", lambda now: now.state is State.DONE)
        assert status.attempt.removing
        assert set().union(*(await mesh.revisions()).values()) == {NEW.name}
        for kind, name in ((DEPLOYMENT, OLD.istiod), (MUTATING, OLD.injector)):
            there = (await world.kube.list(kind))[0]
            assert name not in [each["metadata"]["name"] for each in there]
        validators = (await world.kube.list(VALIDATING))[0]
        assert {each["metadata"]["labels"]["istio.io/rev"] for each in validators} == {NEW.name}
    assert load.tally.failures == 0
