"""``wait``: until a rollout is where somebody wants it; the exit code is the outcome."""

import asyncio
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import typer

from rollout.cli import cluster, exits, options, output
from rollout.cli.cluster import Seen
from rollout.cli.exits import Exit
from rollout.cli.settings import Settings
from rollout.errors import OutsideError
from rollout.model import units
from rollout.model.reasons import WaitsFor
from rollout.model.status import Phase, Stage


class For(StrEnum):
    """What can be waited for."""

    HEALTHY = "healthy"  # the revision has everyone, and nothing is left to do
    DEGRADED = "degraded"  # it was rejected, and everyone is back
    PAUSED = "paused"  # it stands still, or asks for an approval
    PROGRESSING = "progressing"  # its journey has begun


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is waited for, and of which revision or commit; empty means whatever git asks for."""

    state: For
    revision: str = ""
    commit: str = ""


def wait(  # noqa: PLR0913, PLR0917 - one parameter an option
    context: typer.Context,
    name: options.Name,
    namespace: options.Namespace = "",
    state: Annotated[For, typer.Option("--for", help="What to wait for.")] = For.HEALTHY,
    revision: Annotated[str, typer.Option(help="Of this revision only.")] = "",
    commit: Annotated[str, typer.Option(help="Once it is in force; say it after a push.")] = "",
    timeout: options.Timeout = "30m",
) -> None:
    """Wait for a rollout; the exit code says how it ended."""
    given = cluster.in_namespace(options.chosen(context), namespace)
    patience = units.duration(timeout).total_seconds()
    code = asyncio.run(_wait(given, name, Wanted(state, revision, commit), patience))
    if code is not Exit.OK:
        raise typer.Exit(code)


wait.__doc__ = f"{wait.__doc__}\n\n{exits.TABLE}"


def outcome(found: Seen, wanted: Wanted) -> Exit | None:
    """How it ended, for somebody who wants ``wanted``; None while it is under way."""
    status = found.status
    if _unheard(found, wanted):
        return None
    ends = {
        For.HEALTHY: status.phase is Phase.HEALTHY and status.stage.name is Stage.IDLE,
        For.DEGRADED: status.phase is Phase.DEGRADED,
        For.PAUSED: status.phase is Phase.PAUSED or _asks(found),
        For.PROGRESSING: status.stage.name not in (Stage.IDLE, Stage.CLEANING),
    }
    if ends[wanted.state]:
        return Exit.OK if _is_it(found, wanted) else Exit.FAILED
    resting = status.stage.name is Stage.IDLE and status.phase in (Phase.HEALTHY, Phase.DEGRADED)
    return Exit.FAILED if resting and wanted.state is not For.PROGRESSING else None


def _unheard(found: Seen, wanted: Wanted) -> bool:
    """Whether the controller has not looked at what git says now, or at the commit yet."""
    if found.status.observed_generation < found.rollout.generation:
        return True
    return bool(wanted.commit) and not found.status.observed_commit.startswith(wanted.commit)


def _asks(found: Seen) -> bool:
    return found.status.waits_for is WaitsFor.APPROVAL


def _is_it(found: Seen, wanted: Wanted) -> bool:
    """Whether what ended is the revision that was meant."""
    status, meant = found.status, wanted.revision or found.rollout.spec.revision
    if not meant:
        return True
    rejected = status.rejected.revision if status.rejected else None
    sides = {
        For.HEALTHY: status.stable,
        For.DEGRADED: rejected,
        For.PAUSED: status.attempt.canary,
        For.PROGRESSING: status.attempt.canary,
    }
    side = sides[wanted.state]
    return side is not None and side.name == meant


async def _wait(given: Settings, name: str, wanted: Wanted, patience: float) -> Exit:
    ended: list[Exit] = []
    last: list[Seen] = []

    async def tell(found: Seen) -> bool:
        if not last or last[-1].status.because != found.status.because:
            output.say(f"{name}: {found.status.phase.value}: {found.status.because}")
        last[:] = [found]
        code = outcome(found, wanted)
        ended.extend([code] if code is not None else [])
        return bool(ended)

    async with cluster.connected(given, name=name) as connection:
        try:
            await asyncio.wait_for(
                cluster.follow(connection, given.namespace, name, tell), patience
            )
        except TimeoutError:
            if not last:
                raise OutsideError(f"rollout {given.namespace}/{name}: no answer") from None
            paused = last[-1].status.phase is Phase.PAUSED
            return Exit.PAUSED if paused else Exit.TIMEOUT
    return ended[0]
