"""``git-reader``: git for a controller in the container beside this one, without its rights."""

import asyncio
from pathlib import Path

from rollout.cli import signals
from rollout.edges.git.processes import Processes
from rollout.edges.git.sidecar import served
from rollout.errors import RefusedError, why


def read(socket: Path, cache: Path) -> None:
    """Answer at ``socket`` from clones in ``cache``, until SIGTERM."""
    asyncio.run(_serve(socket, Processes(cache)))


async def _serve(socket: Path, processes: Processes) -> None:
    stop = signals.asked_to_end()
    try:
        async with served(socket, processes):
            await stop.wait()
    except OSError as error:
        wanted = "a path in a writable folder is wanted"
        raise RefusedError(f"socket {socket}: {why(error)}; {wanted}") from error
