"""What a person may ask of a rollout: one annotation each, and the wait until it was heard."""

import asyncio
from dataclasses import dataclass

from rollout.cli import cluster, output
from rollout.cli.exits import Exit
from rollout.cli.look import mesh
from rollout.cli.settings import Settings
from rollout.model import units
from rollout.model.reasons import Verb


@dataclass(frozen=True, slots=True)
class _Asked:
    """A verb for an object and why, and how long to wait for the echo; None: not at all."""

    verb: Verb
    kind: str
    name: str
    patience: float | None
    reason: str


def ask(given: Settings, verb: Verb, name: str, namespace: str, timeout: str, reason: str) -> Exit:
    """One request, and the wait until it was heard; ``timeout`` empty: no wait."""
    patience = units.duration(timeout).total_seconds() if timeout else None
    if upgrade := cluster.upgrade_named(name):
        return mesh.ask(given, upgrade, verb, patience, reason)
    given = cluster.in_namespace(given, namespace)
    return asyncio.run(_ask(given, _Asked(verb, *cluster.named(name), patience, reason)))


async def _ask(given: Settings, asked: _Asked) -> Exit:
    """``REFUSED`` where there was nothing to do, ``TIMEOUT`` where nobody has heard it."""
    said: list[str] = []
    refused: list[bool] = []
    only = asked.name if asked.kind == "Rollout" else ""
    async with cluster.connected(given, name=only) as connection:
        who = given.namespace, asked.name
        claim = await cluster.claim(connection, given, asked.reason)
        text = await cluster.ask(connection, *who, asked.verb, asked.kind, claim)
        if asked.patience is None:
            output.say(f"{asked.name}: asked to {asked.verb}")
            return Exit.OK

        async def heard(obj: cluster.Json) -> bool:
            status = obj.get("status") or {}
            if status.get("lastHandledRequest") != text:
                return False
            said.append(str(status.get("because", "")))
            refused.append(status.get("lastRefusedRequest") == text)
            return True

        following = cluster.follow_stored(connection, *who, heard, asked.kind)
        try:
            await asyncio.wait_for(following, asked.patience)
        except TimeoutError:
            waited = f"after {asked.patience:g} s"
            output.say(f"{asked.name}: asked to {asked.verb}, not heard {waited}; does it run?")
            return Exit.TIMEOUT
    output.say(f"{asked.name}: {said[0]}")
    return Exit.REFUSED if refused[0] else Exit.OK
