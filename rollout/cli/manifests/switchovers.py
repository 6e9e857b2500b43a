"""``preflight switchover/NAME``: what the SW rules say of two clusters now."""

import asyncio
from collections.abc import Sequence

import typer

from rollout.cli import cluster, output, policy, switching
from rollout.cli.access import Nowhere
from rollout.cli.exits import Exit
from rollout.cli.output import Format
from rollout.cli.settings import Settings
from rollout.controller.switching.following import observer
from rollout.manifest import switchovers
from rollout.model.finding import Finding, Severity
from rollout.model.switchover import Side

KIND = switchovers.KIND
HEAD = ("SWITCHOVER", "RULE", "SEVERITY", "BECAUSE")
PAGE = "docs/switchover.md"


def preflight(given: Settings, name: str, form: Format) -> None:
    """The findings, as a table or for a machine; exit code 1 when one would block."""
    found = asyncio.run(_found(given, name))
    if form is Format.TABLE:
        _table(name, found)
    else:
        plain = [
            {"rule": f.rule, "severity": f.severity.value, "text": f.text, "page": PAGE}
            for f in found
        ]
        output.machine(form, plain, [f.rule for f in found])
    if any(f.severity is Severity.BLOCK and not f.overruled for f in found):
        raise typer.Exit(Exit.FAILED)


async def _found(given: Settings, name: str) -> Sequence[Finding]:
    """As a look of the controller would find them, by your own rights."""
    allowed = policy.read(given.policy)
    async with cluster.connected(given) as home:
        obj = await cluster.there(home, given.namespace, name, KIND)
        who = switchovers.switchover(obj)
        async with switching.beyond(given, allowed, home, Nowhere()) as edges:
            seer = observer(edges)
            try:
                reached = {side: await seer.connections.of(who, side) for side in Side}
                places = await seer.places(who, reached)
                return await seer.findings(who, reached, places)
            finally:
                await seer.connections.close()


def _table(name: str, found: Sequence[Finding]) -> None:
    if found:
        output.table(HEAD, [(name, f.rule, f.severity.value, f.whole) for f in found])
        output.say(f"each rule is explained in {PAGE}")
    else:
        output.say(f"nothing found in switchover {name}")
