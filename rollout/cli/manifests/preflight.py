"""``preflight``: what the rules say of a journey before it starts."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

from rollout import reconcile
from rollout.cli import clock, cluster, output
from rollout.cli.cluster import SeenRollout, UnreadRollout
from rollout.cli.exits import Exit
from rollout.cli.output import Format
from rollout.cli.settings import Settings
from rollout.controller.ports import Kube as KubePort
from rollout.controller.seeing import concerns, mesh, pods
from rollout.controller.seeing import preflight as rules
from rollout.errors import OutsideError, RefusedError, RolloutError
from rollout.manifest import switchovers as switches
from rollout.model.finding import Finding, Severity
from rollout.preflight import rollouts

if TYPE_CHECKING:
    from rollout.edges.kube import Kube

HEAD = ("ROLLOUT", "RULE", "SEVERITY", "BECAUSE")
NONE = "-"
"""The rule of what no rule is needed for: the service itself is missing."""
Found = Sequence[tuple[SeenRollout, Sequence[Finding]]]


def preflight(
    given: Settings, name: str, namespace: str, form: Format, *, everywhere: bool
) -> None:
    """Show what the rules find; exit code 1 where anything would block the journey's start."""
    if upgrade := cluster.upgrade_named(name):
        from rollout.cli.mesh import preflight as mesh_upgrade  # noqa: PLC0415 - seldom asked for

        mesh_upgrade.upgrade(given, upgrade, form)
        return
    given = given if everywhere else cluster.in_namespace(given, namespace)
    kind, name = cluster.named(name)
    if kind == switches.KIND:
        from rollout.cli.manifests import switchovers  # noqa: PLC0415 - seldom asked for

        switchovers.preflight(given, name, form)
        return
    found, unread = asyncio.run(_found(given, name))
    for each in unread:
        output.say(each.problem)
    if form is Format.TABLE:
        _table(found)
    else:
        ids = [finding.rule for _, findings in found for finding in findings]
        output.machine(form, _plain(found), ids)
    if unread or any(f.severity is Severity.BLOCK for _, findings in found for f in findings):
        raise typer.Exit(Exit.FAILED)


async def _found(given: Settings, name: str) -> tuple[Found, Sequence[UnreadRollout]]:
    async with cluster.connected(given) as connection:
        for kind in concerns.KINDS:
            await cluster.listed(connection, kind)
        await asyncio.gather(*(_listed_if_any(connection, kind) for kind in rules.KINDS))
        known = await cluster.everything(connection)  # with the templates that they name
        if name:
            there = await cluster.there(connection, given.namespace, name)
            known = [each for each in known if _named(each.obj) == _named(there)]
        read = [each for each in known if isinstance(each, SeenRollout)]
        for kind in {named.kind for each in read for named in pods.named(each.rollout)}:
            await _listed_if_any(connection, kind)
        unread = [each for each in known if isinstance(each, UnreadRollout)]
        return [(each, judged(connection, each)) for each in read], unread


def _named(obj: Mapping[str, Any]) -> tuple[str, str]:
    return str(obj["metadata"].get("namespace", "")), str(obj["metadata"]["name"])


async def _listed_if_any(connection: "Kube", kind: str) -> None:
    """The kind's objects are known, where the kind is and we may read it."""
    with contextlib.suppress(RefusedError, OutsideError):
        await cluster.listed(connection, kind)


def judged(connection: KubePort, seen: SeenRollout) -> Sequence[Finding]:
    """Its findings; one Rollout that cannot be judged says so and hides nobody else's."""
    try:
        return _findings(connection, seen)
    except RolloutError as error:
        return (Finding(rules.UNREAD, Severity.BLOCK, str(error)),)
    except Exception as error:
        text = f"it cannot be judged (a bug of ours: {type(error).__name__}: {error})"
        return (Finding(rules.UNREAD, Severity.BLOCK, text),)


def _findings(connection: KubePort, seen: SeenRollout) -> Sequence[Finding]:
    """For the journey under way, or the one that git asks for; at rest for stable alone."""
    asked = reconcile.ask(seen.rollout, seen.status, clock.now())
    wanted = pods.asked(connection, seen.rollout)[0]
    stable, canary = seen.status.stable or wanted, seen.status.attempt.canary or wanted
    if stable is not None and canary is not None and stable.same(canary):
        canary = None
    found = rules.findings(connection, seen.rollout, asked.target, stable, canary)
    lacks = mesh.problems(connection, seen.rollout, adopted=True)
    if not mesh.virtual_services(connection, asked.target):
        lacks += (f"service {seen.rollout.spec.service}: no virtualservice has a route to it",)
    return (*(Finding(NONE, Severity.BLOCK, text) for text in lacks), *found)


def _table(found: Found) -> None:
    rows = [
        (seen.rollout.name, finding.rule, finding.severity.value, finding.whole)
        for seen, findings in found
        for finding in findings
    ]
    if rows:
        output.table(HEAD, rows)
        output.say(f"each rule is explained in {rollouts.PAGE}")
    else:
        output.say(f"nothing found in {len(found)} rollout{'s' * (len(found) != 1)}")


def _plain(found: Found) -> list[dict[str, Any]]:
    return [
        {
            "rollout": seen.rollout.key,
            "rule": finding.rule,
            "severity": finding.severity.value,
            "text": finding.text,
            **({"overruled": finding.overruled} if finding.overruled else {}),
            "page": "" if finding.rule == NONE else rollouts.page(finding.rule),
        }
        for seen, findings in found
        for finding in findings
    ]
