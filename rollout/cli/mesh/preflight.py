"""``preflight upgrade/NAME``: what the rules say of the mesh before it is upgraded."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import typer

from rollout.cli import clock, cluster, output
from rollout.cli.exits import Exit
from rollout.cli.mesh import taken
from rollout.cli.output import Format
from rollout.cli.settings import Settings
from rollout.model.finding import Finding, Severity
from rollout.upgrade import rules
from rollout.upgrade.rules.case import Case

HEAD = ("UPGRADE", "RULE", "SEVERITY", "BECAUSE")


def upgrade(given: Settings, name: str, form: Format) -> None:
    """Exit code 1 when anything would block the upgrade's start."""
    found = asyncio.run(_found(given, name))
    if form is Format.TABLE:
        _table(name, found)
    else:
        output.machine(form, plain(name, found), [finding.rule for finding in found])
    if any(finding.severity is Severity.BLOCK for finding in found):
        raise typer.Exit(Exit.FAILED)


async def _found(given: Settings, name: str) -> Sequence[Finding]:
    return rules.findings(await case(given, name))


async def case(given: Settings, name: str) -> Case:
    """The upgrade of that name, in the cluster as it is now. Errors: as ``taken.spec``."""
    async with cluster.connected(replace(given, namespace="")) as connection:
        spec = await taken.spec(connection, name)
        mesh = await taken.of_cluster(connection, spec.istio_namespace, name)
        return Case.of(name, spec, mesh, clock.now())


def _table(name: str, found: Sequence[Finding]) -> None:
    if not found:
        output.say("nothing found")
        return
    output.table(HEAD, [(name, f.rule, f.severity.value, f.whole) for f in found])
    output.say(f"each rule is explained in {rules.PAGE}")


def plain(name: str, found: Sequence[Finding]) -> list[dict[str, Any]]:
    """The findings for machines."""
    return [
        {
            "upgrade": name,
            "rule": finding.rule,
            "severity": finding.severity.value,
            "text": finding.text,
            **({"overruled": finding.overruled} if finding.overruled else {}),
            "page": rules.page(finding.rule),
        }
        for finding in found
    ]
