"""A mesh of two revisions, on the lab's API server and on a real one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from rollout.lab.kube.client import (
    DEPLOYMENT,
    MUTATING,
    NAMESPACE,
    POD,
    REPLICASET,
    SERVICE,
    VALIDATING,
    ApiRefusedError,
    Kube,
)
from rollout.lab.world import Settings, World
from tests.lab.revisions.mesh import NEW, OLD, Mesh
from tests.realkube import RealKube, running

ON_LOOPBACK = "--service-cluster-ip-range=127.8.0.0/16"
"""Services of a real API server have addresses that can be listened on; see lab/cluster."""


@pytest.fixture(scope="session")
def real_kube(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealKube]:
    with running(tmp_path_factory.mktemp("kube"), ON_LOOPBACK, accounts=True) as found:
        yield found


@pytest.fixture(params=["lab", pytest.param("real", marks=pytest.mark.envtest)])
async def mesh(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Mesh]:
    """``1-29-6``, which is the default, and ``1-30-3`` beside it; nobody uses either yet."""
    if request.param == "lab":
        async with _made(tmp_path, None) as made:
            yield made
        return
    real: RealKube = request.getfixturevalue("real_kube")
    kube = Kube(real.url, real.token, real.context())
    try:
        async with _made(tmp_path, kube) as made:
            yield made
            await _emptied(made)
    finally:
        await kube.close()
        # TLS says goodbye after the session is closed, and leaves a warning if the loop is gone.
        await asyncio.sleep(0.1)


@contextlib.asynccontextmanager
async def _made(folder: Path, kube: Kube | None) -> AsyncIterator[Mesh]:
    settings = Settings(folder=folder, prometheus=False, revisions=True, kube=kube)
    async with World(settings) as world:
        mesh = Mesh(world, real=kube is not None)
        for revision in (OLD, NEW):
            await mesh.install(revision)
        await world.revisions.tag("default", OLD)
        yield mesh


async def _emptied(mesh: Mesh) -> None:
    """What the next test would meet is gone; namespaces cannot go, a controller would do that.

    They lose their labels instead: in no revision and no wave, they are no business of an upgrade.
    """
    kube = mesh.world.kube
    for space in (await kube.list(NAMESPACE))[0]:
        if space["metadata"].get("labels"):
            name = space["metadata"]["name"]
            await kube.patch(NAMESPACE, "", name, {"metadata": {"labels": None}})
    for kind in (MUTATING, VALIDATING, DEPLOYMENT, REPLICASET, SERVICE, POD):
        for obj in (await kube.list(kind))[0]:
            meta = obj["metadata"]
            if meta["name"] == "kubernetes":
                continue
            with contextlib.suppress(ApiRefusedError):
                await kube.delete(kind, meta.get("namespace", ""), meta["name"])
    await mesh.no_pods()
