"""``python -m tests.chaos.world URL TOKEN CA``: what a cluster has around it, played in a process.

Apart from the replicas' wires, which must not wait for it.
"""

import asyncio
import contextlib
import ssl
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from rollout.lab.kube.client import Kube
from rollout.lab.programs import processes
from tests.cluster import played
from tests.cluster.conftest import Control
from tests.realkube import RealKube


@contextlib.asynccontextmanager
async def world(real: RealKube, audit: Path, folder: Path) -> AsyncIterator[Control]:
    """The API server as its administrator has it, with pods and a mesh that are played."""
    program = (sys.executable, "-m", "tests.chaos.world", real.url, real.token, real.ca)
    child = await processes.start("world", program, log=folder / "world.log")
    kube = Kube(real.url, real.token, real.context())
    try:
        async with played.mesh() as mesh:
            yield Control(real, audit, kube, mesh)
    finally:
        await kube.close()
        await child.stop()


async def _played(url: str, token: str, ca: str) -> None:
    kube = Kube(url, token, ssl.create_default_context(cafile=ca))
    async with played.cluster(kube):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_played(*sys.argv[1:]))
