"""``uninstall``: objects of ours are let go, so that none waits for a controller that is gone."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from rollout import lenient
from rollout.cli import clock, cluster, output
from rollout.cli.settings import Settings
from rollout.controller import rights
from rollout.controller.keeping import finalizer
from rollout.controller.keeping.swap import unchanged
from rollout.edges.kube import Kube, paths
from rollout.errors import RefusedError
from rollout.manifest import schema
from rollout.model.status import Stage
from rollout.model.switchover import SwitchStage
from rollout.upgrade.look import UNDER_WAY

Json = dict[str, Any]


def uninstall(given: Settings, own: str, *, dry_run: bool) -> None:
    """Let go of every object, and name each."""
    let_go = asyncio.run(_let_go(given, own, dry_run=dry_run))
    for line in let_go:
        output.line(line)
    done = "would be let go" if dry_run else "let go; traffic stays where it is"
    output.say(f"{len(let_go)} {done}")


async def _let_go(given: Settings, own: str, *, dry_run: bool) -> list[str]:
    async with cluster.connected(given) as connection:
        await _refuse_while_led(connection, own)
        held = [
            (kind, obj)
            for kind in schema.KINDS
            for obj in await _all(connection, kind)
            if finalizer.is_on(obj)
        ]
        for kind, obj in held:
            meta = obj["metadata"]
            ops = [unchanged(obj), finalizer.taken_off(obj)]
            if not dry_run:
                await connection.patch(kind, meta.get("namespace", ""), meta["name"], ops)
        return [_line(kind, obj) for kind, obj in held]


async def _refuse_while_led(connection: Kube, own: str) -> None:
    """Errors: ``RefusedError`` where a replica leads at this moment, be it one shard alone."""
    for name in rights.leases(rights.MOST_SHARDS):
        _refuse_if_held(own, name, await connection.fetch("Lease", own, name))


def _refuse_if_held(own: str, name: str, lease: Mapping[str, Any] | None) -> None:
    where, stop = f"lease {own}/{name}", f"kubectl -n {own} scale deployment/rollout"
    try:
        until = _led_until(lenient.mapping((lease or {}).get("spec")))
    except (ValueError, OverflowError) as error:
        found = f"{where}: nobody can tell whether a replica leads, as its times are none"
        raise RefusedError(f"{found}; {stop} --replicas=0, then delete it") from error
    if until is not None and until > clock.now():
        raise RefusedError(f"{where}: a replica leads; first {stop} --replicas=0")


def _led_until(spec: Mapping[str, Any]) -> datetime | None:
    """None: nobody has it. Errors: ``ValueError``, ``OverflowError`` for times that are none."""
    renewed = spec.get("renewTime")
    if not spec.get("holderIdentity") or renewed is None:
        return None
    held = timedelta(seconds=lenient.number(spec.get("leaseDurationSeconds")))
    found = datetime.fromisoformat(lenient.text(renewed))
    return (found if found.tzinfo else found.replace(tzinfo=UTC)) + held


async def _all(connection: Kube, kind: str) -> Sequence[Any]:
    """None where the cluster does not know the kind, or never did."""
    try:
        return await cluster.listed(connection, kind)
    except RefusedError:
        return ()


def _line(kind: str, obj: Json) -> str:
    meta = obj["metadata"]
    where = paths.where(kind, meta.get("namespace", ""), meta["name"])
    status = lenient.mapping(obj.get("status"))
    if status.get("state") in UNDER_WAY:
        return f"{where}: in a journey at {status['state']}; what has moved stays moved"
    stage = lenient.mapping(status.get("stage"))
    if stage.get("name") in _AT_REST:
        return where
    side = "the canary" if kind == "Rollout" else "green"
    share = lenient.mapping(stage.get("split")).get("canary", 0)
    return f"{where}: in a journey; {share}% stay with {side}"


_AT_REST = (None, Stage.IDLE, SwitchStage.SERVING)
