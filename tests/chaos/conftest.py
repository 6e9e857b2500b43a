"""One API server for all mishaps: whoever stops it starts it again."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from rollout.cli.manifests import rbac
from tests.chaos.mishaps import Stage
from tests.chaos.plane import Plane
from tests.cluster.conftest import controlled, serving


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Plane, Path]]:
    folder = tmp_path_factory.mktemp("plane")
    for real, audit in serving(folder):
        made = Plane(real, folder)
        try:
            yield made, audit
        finally:
            made.end()


@pytest.fixture
async def stage(plane: tuple[Plane, Path], tmp_path: Path) -> AsyncIterator[Stage]:
    """Where a mishap is played, with the documented rights and no more."""
    server, audit = plane
    async with controlled(server.real, audit) as control:
        manifests = rbac.manifests("", rbac.OWN)
        await control.granted(*manifests)
        yield Stage(server, control, tmp_path)
        await control.revoked(*manifests)
