"""``accept``: a person lets through the commit that a source holds."""

import asyncio
from typing import Annotated

import typer

from rollout.cli import cluster, options, output
from rollout.cli.settings import Settings
from rollout.controller.keeping.swap import unchanged
from rollout.errors import RefusedError
from rollout.manifest import objects

Source = Annotated[str, typer.Argument(help="The RolloutSource's name.", show_default=False)]


def accept(
    context: typer.Context,
    name: Source,
    namespace: options.Namespace = "",
    commit: Annotated[str, typer.Option(help="Only if it is this one that is held.")] = "",
) -> None:
    """Let through what a RolloutSource holds: a rewind, nothing left, an easier approval.

    Exit code 1 where nothing is held, or another commit than the one named.
    """
    given = cluster.in_namespace(options.chosen(context), namespace)
    output.say(asyncio.run(_accept(given, name, commit)))


async def _accept(given: Settings, name: str, commit: str) -> str:
    async with cluster.connected(given) as connection:
        key = f"rolloutsource {given.namespace}/{name}"
        for obj in await cluster.listed(connection, "RolloutSource"):
            metadata = obj["metadata"]
            if (metadata.get("namespace", ""), metadata["name"]) == (given.namespace, name):
                break
        else:
            raise RefusedError(f"{key}: not found")
        held = str((obj.get("status") or {}).get("held") or "")
        if not held or not held.startswith(commit):
            now = f"holds {held[:10]}" if held else "holds no commit"
            raise RefusedError(f"{key}: {now}; nothing to accept")
        annotations = {**(metadata.get("annotations") or {}), objects.ACCEPT: held}
        ops = [
            unchanged(obj),
            {"op": "add", "path": "/metadata/annotations", "value": annotations},
        ]
        await connection.patch("RolloutSource", given.namespace, name, ops)
        return f"{key}: accepted {held[:10]}"
