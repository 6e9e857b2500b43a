"""``accept``: a person lets through the commit that a source holds."""

import asyncio

from rollout.cli import cluster, output
from rollout.cli.settings import Settings
from rollout.controller.keeping.swap import unchanged
from rollout.errors import RefusedError
from rollout.manifest import objects


def accept(given: Settings, name: str, namespace: str, commit: str) -> None:
    """The commit that the source holds may be obeyed, if it is ``commit`` or that is empty."""
    output.say(asyncio.run(_accept(cluster.in_namespace(given, namespace), name, commit)))


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
