"""Every case twice: against the lab's server, and against a real one if there is one."""

from __future__ import annotations

import asyncio
import json
import os
import uuid
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from rollout.lab.apiserver.server import ApiServer, Settings
from tests.contract.client import Api
from tests.contract.objects import GADGETS, WIDGETS
from tests.realkube import RealKube, running

CRDS = Path(os.environ.get("ROLLOUT_CRDS", Path(__file__).parents[3] / "shared/data/crds"))
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@pytest.fixture(scope="session")
def real_kube(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealKube]:
    with running(tmp_path_factory.mktemp("kube")) as found:
        yield found


@pytest.fixture(params=["lab", pytest.param("real", marks=pytest.mark.envtest)])
async def api(request: pytest.FixtureRequest) -> AsyncIterator[Api]:
    """A server with the test CRDs and an empty namespace."""
    if request.param == "real":
        kube: RealKube = request.getfixturevalue("real_kube")
        async with aiohttp.ClientSession() as session:
            found = _real(session, kube)
            await prepare(found)
            yield found
        # TLS says goodbye after the session is closed, and leaves a warning if the loop is gone.
        await asyncio.sleep(0.1)
        return
    server = ApiServer(Settings(bookmark_s=0.5))
    async with aiohttp.ClientSession() as session:

        async def compact() -> None:
            server.store.ledger.compact()

        found = Api(session, await server.start(), False, compact)
        await prepare(found)
        yield found
    await server.stop()


def _real(session: aiohttp.ClientSession, kube: RealKube) -> Api:
    async def compact() -> None:
        """All history up to the present, by etcd's own gateway."""
        key = b64encode(b"x").decode()
        async with session.post(f"{kube.etcd}/v3/kv/range", json={"key": key}) as answer:
            revision = json.loads(await answer.text())["header"]["revision"]
        body = {"revision": revision}
        async with session.post(f"{kube.etcd}/v3/kv/compaction", json=body) as answer:
            assert answer.status == 200

    headers = {"Authorization": f"Bearer {kube.token}"}
    return Api(session, kube.url, True, compact, kube.context(), headers=headers)


async def prepare(api: Api) -> None:
    for crd in (WIDGETS, GADGETS):
        await define(api, crd)
    api.namespace = f"test-{uuid.uuid4().hex[:8]}"
    made = await api.post("/api/v1/namespaces", {"metadata": {"name": api.namespace}})
    assert made.code == 201


async def define(api: Api, crd: dict[str, Any]) -> None:
    """The CRD is there and served."""
    made = await api.post(DEFINITIONS, crd)
    assert made.problem in ((201, ""), (409, "AlreadyExists")), made
    spec = crd["spec"]
    version = spec["versions"][-1]["name"]
    for _ in range(10_000):
        path = f"/apis/{spec['group']}/{version}/{spec['names']['plural']}"
        if (await api.get(path)).code == 200:
            return
        await asyncio.sleep(0.05)
    pytest.fail(f"{crd['metadata']['name']} is not served")


@pytest.fixture(scope="session")
def istio_crds() -> dict[str, dict[str, Any]]:
    """Istio's own definitions by name; skips where the folder is not."""
    path = CRDS / "istio.yaml"
    if not path.exists():
        pytest.skip(f"no Istio CRDs at {path}; ROLLOUT_CRDS names the folder with istio.yaml")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found = yaml.load_all(path.read_text(), Loader=loader)
    return {crd["metadata"]["name"]: crd for crd in found if crd}


@pytest.fixture
async def istio(api: Api, istio_crds: dict[str, dict[str, Any]]) -> Api:
    """The server with VirtualServices and DestinationRules."""
    for name in ("virtualservices", "destinationrules"):
        await define(api, istio_crds[f"{name}.networking.istio.io"])
    return api
