"""A real kube-apiserver that knows Istio's kinds and nothing of ours."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.cluster.conftest import Control, audited, controlled, served, serving
from tests.realkube import RealKube


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[tuple[RealKube, Path]]:
    """Pod security is enforced there, and owner references, as in the strictest of clusters."""
    folder = tmp_path / "control"
    folder.mkdir()
    with audited(folder) as (found, audit):
        asyncio.run(served(found, []))
        yield found, audit


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
