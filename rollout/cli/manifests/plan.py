"""``plan``: the exact patches of each step, before anything is pushed."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from rollout.cli import clock, output, settings
from rollout.cli.exits import Exit
from rollout.cli.manifests import beside, files, memory, rehearsal
from rollout.cli.manifests.commands import PlanFormat, in_cluster
from rollout.cli.manifests.files import KINDS, Given
from rollout.cli.output import Format
from rollout.cli.settings import Settings
from rollout.errors import ManifestError, RefusedError
from rollout.manifest import load
from rollout.messages import markdown, planned
from rollout.messages.planned import Planned, Tone
from rollout.model.spec import Rollout
from rollout.model.status import RolloutStatus

if TYPE_CHECKING:
    from rollout.cli.mesh.plan import Foreseen, Named
    from rollout.edges.kube import Kube
    from rollout.model.switchover import SwitchoverSpec

Json = Mapping[str, Any]

_STYLES = {
    Tone.HEAD: "bold",
    Tone.ADDED: "green",
    Tone.REMOVED: "red",
    Tone.FAINT: "dim",
    Tone.WARNING: "yellow",
}


def plan(
    given: Settings,
    paths: Sequence[Path],
    prometheus: str,
    form: PlanFormat,
    *,
    live: bool,
    brief: bool,
) -> None:
    """Show the journeys of the manifests in ``paths``; exit code 1 where one does not end."""
    named = [path.name for path in paths if in_cluster(path)]
    told = files.read(path for path in paths if not in_cluster(path))
    if told.errors or told.odd:
        for error in (*told.errors, *told.odd):
            output.say(str(error))
        raise typer.Exit(Exit.INPUT)
    for note in told.doubtful:
        output.say(note)
    rollouts = [m for m in told.manifests if m.kind == "Rollout"]
    switches, upgrades = _specs(told, "ClusterSwitchover"), _specs(told, "ControlPlaneUpgrade")
    _tell(switches)
    if switches and not (rollouts or upgrades or named):
        return
    if not (rollouts or upgrades or named):
        raise ManifestError(str(paths[0]), 0, "no Rollout is here", "a manifest of one is wanted")
    given = replace(settings.with_access(given), prometheus=prometheus)
    plans = asyncio.run(_plans(given, rollouts, told, live=live))
    foreseen = asyncio.run(_meshes(given, named, upgrades, told, live=live))
    _show(plans, foreseen, form, brief=brief)
    complete = [each.complete for each in plans] + [each.complete for each in foreseen]
    if not all(complete):
        if not live and not named:
            output.say(
                "only these files were looked at; --cluster takes the cluster's objects, too"
            )
        raise typer.Exit(Exit.FAILED)


def _specs(told: Given, kind: str) -> list[tuple[str, Any]]:
    """Names and specs of the manifests of one kind, whose nouns are imported by now."""
    return [(m.name, m.spec) for m in told.manifests if m.kind == kind]


def _tell(switchovers: "Iterable[tuple[str, SwitchoverSpec]]") -> None:
    for name, spec in switchovers:
        from rollout.messages import switching  # noqa: PLC0415 - most plans are of Rollouts

        output.line("\n".join(switching.plan(name, spec)))


async def _meshes(
    given: Settings,
    named: Sequence[str],
    manifests: "Sequence[Named]",
    told: Given,
    *,
    live: bool,
) -> "list[Foreseen]":
    """The plans of upgrades of the mesh: of the cluster's, then of the files'."""
    if not (named or manifests):
        return []
    from rollout.cli.mesh import plan as mesh  # noqa: PLC0415 - most plans are of Rollouts

    there = [await mesh.of_name(given, name) for name in named]
    return there + [await mesh.of_manifest(given, m, told.every, live=live) for m in manifests]


async def _plans(
    given: Settings, manifests: Iterable[load.Manifest], told: Given, *, live: bool
) -> list[Planned]:
    if not live:
        return [
            await rehearsal.play(beside.rollout(each, objs=told.objs), told.objs, RolloutStatus())
            for each in manifests
        ]
    return [await _live(given, each, told.objs) for each in manifests]


async def _live(given: Settings, manifest: load.Manifest, others: Iterable[Json]) -> Planned:
    """Against the cluster; an object in the files stands for the cluster's."""
    from rollout.cli import cluster  # noqa: PLC0415 - only with --cluster

    scope = cluster.in_namespace(given, manifest.namespace)
    async with cluster.connected(replace(scope, namespace="")) as connection:
        here = [obj for kind in KINDS for obj in await _optional(connection, kind)]
        known = [o for o in await cluster.rollouts(connection) if _is(o.rollout, manifest, scope)]
    named = {memory.key_of(obj): obj for obj in (*here, *others)}
    status = known[0].status if known else RolloutStatus()
    rollout = beside.rollout(manifest, scope.namespace, named.values())
    if known:
        rollout = replace(rollout, uid=known[0].rollout.uid)
    planned = await rehearsal.play(rollout, named.values(), status, clock.now())
    if not given.prometheus or status.stable is None:
        return planned
    from rollout.cli.past import outlook, reading  # noqa: PLC0415 - only with --prometheus

    with reading.reader(given, rollout, status.stable.name) as reader:
        return await outlook.foreseen(planned, reader, clock.now())


async def _optional(connection: "Kube", kind: str) -> Iterable[Json]:
    """Objects of ``kind``; none where we may not read them or the kind is unknown."""
    from rollout.cli import cluster  # noqa: PLC0415 - only with --cluster

    try:
        return await cluster.listed(connection, kind)
    except RefusedError:
        return ()


def _is(rollout: Rollout, manifest: load.Manifest, scope: Settings) -> bool:
    wanted = (manifest.namespace or scope.namespace, manifest.name)
    return (rollout.namespace, rollout.name) == wanted


def _show(plans: list[Planned], meshes: "list[Foreseen]", form: PlanFormat, *, brief: bool) -> None:
    if form is PlanFormat.MARKDOWN:
        texts = [markdown.plan(each) for each in plans]
        texts += [markdown.fenced(line for line, _ in each.lines) for each in meshes]
        print("\n".join(texts))
        return
    if form is not PlanFormat.TABLE:
        told = [planned.plain(each) for each in plans] + [each.plain for each in meshes]
        output.machine(Format(form.value), told, [])
        return
    shown = [planned.lines(each, diffs=not brief) for each in plans]
    lines = chain(*shown, *(each.lines for each in meshes))
    output.styled((text, _STYLES.get(tone, "")) for text, tone in lines)
