"""Each port test runs against the fake, the lab's API server and a real kube-apiserver."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import pytest
from kubernetes.aio import client

from rollout.controller.ports import Cluster
from rollout.controller.seeing import concerns
from rollout.edges.kube import Kube
from rollout.errors import ConflictError, OutsideError
from rollout.lab.apiserver.server import ApiServer
from rollout.lab.apiserver.server import Settings as LabSettings
from rollout.lab.kube import crds
from rollout.manifest import definition, schema
from tests.fakes import FakeKube
from tests.realkube import RealKube, running

KINDS = ("Rollout", "VirtualService", "Service", "Lease", "Event")


@dataclass
class UnderTest:
    """A cluster under test, one namespace of its own in it, and what listeners were told."""

    kube: Cluster
    namespace: str
    told: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)


@pytest.fixture(scope="session")
def real_kube(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealKube]:
    with running(tmp_path_factory.mktemp("kube")) as found:
        yield found


def api(url: str, token: str = "", ca: str | None = None) -> client.ApiClient:
    settings = client.Configuration(host=url, ssl_ca_cert=ca)
    if token:
        settings.api_key["BearerToken"] = f"Bearer {token}"
    return client.ApiClient(configuration=settings)


@contextlib.asynccontextmanager
async def lab() -> AsyncIterator[ApiServer]:
    server = ApiServer(LabSettings(bookmark_s=0.5))
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@pytest.fixture(params=["fake", "lab", pytest.param("real", marks=pytest.mark.envtest)])
async def cluster(request: pytest.FixtureRequest) -> AsyncIterator[UnderTest]:
    namespace = f"test-{uuid.uuid4().hex[:8]}"
    async with contextlib.AsyncExitStack() as stack:
        kube: Cluster
        if request.param == "fake":
            kube = FakeKube()
        elif request.param == "lab":
            server = await stack.enter_async_context(lab())
            kube = await stack.enter_async_context(Kube(api(server.url), concerns.of))
            await prepare(kube, namespace)
        else:
            real: RealKube = request.getfixturevalue("real_kube")
            made = api(real.url, real.token, str(real.ca))
            kube = await stack.enter_async_context(Kube(made, concerns.of))
            await prepare(kube, namespace)
        found = UnderTest(kube, namespace)
        kube.listen(lambda kind, touched: found.told.append((kind, touched)))
        yield found


async def prepare(kube: Cluster, namespace: str) -> None:
    """Our CRDs and Istio's are served, and the namespace is there."""
    for crd in (*crds.istio(), *(definition.crd(kind) for kind in schema.KINDS.values())):
        with contextlib.suppress(ConflictError):
            await kube.create(crd)
    with contextlib.suppress(ConflictError):
        await kube.create(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
        )
    await listed(kube, *KINDS)


async def listed(kube: Cluster, *kinds: str) -> None:
    """These kinds have been listed, and a kind that was not there at first is by now."""
    for kind in kinds:
        async with asyncio.timeout(300):
            while not await _listed(kube, kind):
                await asyncio.sleep(0.02)


async def _listed(kube: Cluster, kind: str) -> bool:
    try:
        kube.list(kind)
    except OutsideError:
        return False
    return True
