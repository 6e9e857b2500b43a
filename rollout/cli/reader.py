"""``git-reader``: git for a controller in the container beside this one, without its rights."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from rollout.cli import signals
from rollout.edges.git.processes import Processes
from rollout.edges.git.sidecar import served
from rollout.errors import RefusedError, why


def git_reader(
    socket: Annotated[Path, typer.Option(help="The controller's --cache is unix: and this.")],
    cache: Annotated[Path, typer.Option(help="Folder of the bare git clones.")],
) -> None:
    """Read git for a controller in another container of the pod, until SIGTERM.

    It needs no token, no Secret and no right: what a source needs comes with each question.
    """
    asyncio.run(_serve(socket, Processes(cache)))


async def _serve(socket: Path, processes: Processes) -> None:
    stop = signals.asked_to_end()
    try:
        async with served(socket, processes):
            await stop.wait()
    except OSError as error:
        wanted = "a path in a writable folder is wanted"
        raise RefusedError(f"socket {socket}: {why(error)}; {wanted}") from error
