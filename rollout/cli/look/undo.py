"""``undo``: back to the release before the present one, as a journey of its own."""

import asyncio

from rollout.cli import cluster, output
from rollout.cli.cluster import SeenRollout
from rollout.cli.exits import Exit
from rollout.cli.settings import Settings
from rollout.controller.keeping.swap import unchanged
from rollout.errors import RefusedError
from rollout.model import units
from rollout.model.reasons import Verb
from rollout.model.status import RolloutStatus, Stage

FOR_GOOD = (Stage.IDLE, Stage.REPOINTING, Stage.RETURNING, Stage.RETIRING)
"""Stages in which a decision's revision has everyone, and no way back is open any more."""


def undo(
    given: Settings, name: str, namespace: str, timeout: str, reason: str, *, now: bool
) -> Exit:
    """The release before is asked for; with ``now``, everyone is sent to it at once."""
    patience = units.duration(timeout).total_seconds()
    return asyncio.run(
        _undo(cluster.in_namespace(given, namespace), name, patience, reason, now=now)
    )


async def _undo(given: Settings, name: str, patience: float, reason: str, *, now: bool) -> Exit:
    """``TIMEOUT`` where the release asked for did not come to a step in time."""
    async with cluster.connected(given, name=name) as connection:
        found = await cluster.one(connection, given.namespace, name)
        before = previous(found)
        if source := await cluster.source_of(connection, found.obj):
            stable = found.status.stable
            commit = stable.commit[:10] if stable and stable.commit else "the last commit"
            raise RefusedError(
                f"rollout {found.rollout.key}: rolloutsource {source.name} keeps it in force; "
                f"git revert {commit} and push, and {before} comes back step by step"
            )
        ops = [unchanged(found.obj), {"op": "replace", "path": "/spec/revision", "value": before}]
        await connection.patch("Rollout", given.namespace, name, ops)
        output.say(f"{name}: asks for {before} again")
        if refused_before(found.status, before):
            claim = await cluster.claim(connection, given, reason or "undo")
            await cluster.ask(connection, given.namespace, name, Verb.RETRY, claim=claim)
            output.say(f"{name}: {before} was rejected before; asked to retry")
        if not now:
            return Exit.OK

        async def at_a_step(seen: SeenRollout) -> bool:
            canary = seen.status.attempt.canary
            on_its_way = canary is not None and canary.name == before
            return on_its_way and seen.status.stage.name is Stage.STEPPING

        following = cluster.follow(connection, given.namespace, name, at_a_step)
        try:
            await asyncio.wait_for(following, patience)
        except TimeoutError:
            why = f"rollout explain {name} says why; rollout promote {name} once it is"
            output.say(f"{name}: {before} is at no step after {patience:g} s; {why}")
            return Exit.TIMEOUT
        claim = await cluster.claim(connection, given, reason or "undo --now")
        await cluster.ask(connection, given.namespace, name, Verb.PROMOTE, claim=claim)
        output.say(f"{name}: asked to promote {before}")
        return Exit.OK


def refused_before(status: RolloutStatus, revision: str) -> bool:
    """Whether that revision was rejected, so that asking for it alone begins nothing."""
    return status.rejected is not None and status.rejected.revision.name == revision


def previous(found: SeenRollout) -> str:
    """The revision that everyone had before the present one.

    Errors: ``RefusedError`` while a release is under way, where the revision is not the spec's to
    name, and where none before is remembered.
    """
    key, status = f"rollout {found.rollout.key}", found.status
    if status.stage.name is not Stage.IDLE:
        raise RefusedError(f"{key}: a release is under way; `rollout abort` takes it back")
    if found.rollout.spec.workload.deployments is None:
        raise RefusedError(f"{key}: its revisions are contents of a template; apply the old one")
    before = _before(status)
    if before is None:
        raise RefusedError(f"{key}: no release before this one is remembered")
    return before


def _before(status: RolloutStatus) -> str | None:
    stable = status.stable.name if status.stable else ""
    past = (e.revision for e in reversed(status.history) if e.stage in FOR_GOOD and e.revision)
    return next((revision for revision in past if revision != stable), None)
