"""A real kube-apiserver that knows Istio's kinds and nothing of ours."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.cluster.conftest import POLICY, Control, controlled, served, serving
from tests.realkube import RealKube, running


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[tuple[RealKube, Path]]:
    """Pod security is enforced there, and owner references, as in the strictest of clusters."""
    folder = tmp_path / "control"
    folder.mkdir()
    (folder / "policy.yaml").write_text(POLICY)
    flags = (
        "--enable-admission-plugins=OwnerReferencesPermissionEnforcement",
        f"--audit-policy-file={folder / 'policy.yaml'}",
        f"--audit-log-path={folder / 'audit.log'}",
    )
    with running(folder, *flags) as found:
        asyncio.run(served(found, []))
        yield found, folder / "audit.log"


@pytest.fixture
async def cluster(empty: tuple[RealKube, Path]) -> AsyncIterator[Control]:
    async with controlled(*empty) as found:
        yield found


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RealKube, Path]]:
    """The same with our kinds, for tests that keep to a namespace of their own."""
    yield from serving(tmp_path_factory.mktemp("shared"))


@pytest.fixture
async def control(shared: tuple[RealKube, Path]) -> AsyncIterator[Control]:
    async with controlled(*shared) as found:
        yield found
