"""``wait``: until a rollout is where somebody wants it; the exit code is the outcome."""

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rollout.cli import cluster, output
from rollout.cli.cluster import SeenRollout, UnreadRollout
from rollout.cli.exits import Exit
from rollout.cli.look.commands import For
from rollout.cli.settings import Settings
from rollout.errors import OutsideError
from rollout.messages import terminal
from rollout.model import units
from rollout.model.reasons import WaitsFor
from rollout.model.status import Phase, RolloutStatus, Stage

if TYPE_CHECKING:
    from rollout.edges.kube import Kube
    from rollout.model.source import RolloutSource


@dataclass(frozen=True, slots=True)
class WaitGoal:
    """What is waited for, and of which revision or commit; empty means whatever git asks for."""

    state: For
    revision: str = ""
    commit: str = ""


def wait(given: Settings, name: str, namespace: str, wanted: WaitGoal, timeout: str) -> Exit:
    """How it ended; ``timeout``: the longest to wait, as people write it."""
    patience = units.duration(timeout).total_seconds()
    return asyncio.run(_wait(cluster.in_namespace(given, namespace), name, wanted, patience))


def outcome(found: SeenRollout, wanted: WaitGoal) -> Exit | None:
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


def _unheard(found: SeenRollout, wanted: WaitGoal) -> bool:
    """Whether the controller has not looked at what git says now, or at the commit yet."""
    if found.status.observed_generation < found.rollout.generation:
        return True
    return bool(wanted.commit) and not found.status.observed_commit.startswith(wanted.commit)


def overtaken(found: SeenRollout, commit: str, *, had: bool) -> str:
    """The commit that is asked for where ``commit`` was, and is not any more; empty: it may come.

    ``had``: whether it is known to have been in force, whatever the history still has of it.
    """
    status = found.status
    newer = found.rollout.commit or status.observed_commit
    past = (*(one.commit for one in status.history), status.observed_commit)
    known = had or any(one.startswith(commit) for one in past)
    return newer if known and not newer.startswith(commit) else ""


def _asks(found: SeenRollout) -> bool:
    return found.status.waits_for is WaitsFor.APPROVAL


def _is_it(found: SeenRollout, wanted: WaitGoal) -> bool:
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


async def _wait(given: Settings, name: str, wanted: WaitGoal, patience: float) -> Exit:
    async with cluster.connected(given, name=name) as connection:
        waiting = _Waiting(connection, name, wanted)
        following = cluster.follow_either(connection, given.namespace, name, waiting.tell)
        try:
            await asyncio.wait_for(following, patience)
        except TimeoutError:
            if waiting.last is None:
                raise OutsideError(f"rollout {given.namespace}/{name}: no answer") from None
            paused = waiting.last.phase is Phase.PAUSED
            return Exit.PAUSED if paused else Exit.TIMEOUT
    assert waiting.ended is not None  # noqa: S101 - following ends with an outcome
    return waiting.ended


@dataclass(slots=True)
class _Waiting:
    """What was told so far; ``ended``: how it came out.

    ``had``: the Rollout's own commit while the one that is waited for was in force.
    """

    connection: "Kube"
    name: str
    wanted: WaitGoal
    last: RolloutStatus | None = None
    ended: Exit | None = None
    had: str = ""

    async def tell(self, found: SeenRollout | UnreadRollout) -> bool:
        """Whether it has ended: as wanted, elsewhere, or with a commit that git's reader refused.

        Errors: ``ManifestError`` for a spec that cannot be read.
        """
        if isinstance(found, UnreadRollout):
            raise found.error
        source = await cluster.source_of(self.connection, found.obj) if self.wanted.commit else None
        found, wanted = await self._in_force(found, source)
        if self.last is None or self.last.because != found.status.because:
            output.say(f"{self.name}: {found.status.phase.value}: {found.status.because}")
        self.last = found.status
        self.ended = (
            self._refused(found, source) or self._overtaken(found, wanted) or outcome(found, wanted)
        )
        return self.ended is not None

    def _overtaken(self, found: SeenRollout, wanted: WaitGoal) -> Exit | None:
        """The code of a commit whose turn is over; it is said which one came."""
        newer = overtaken(found, wanted.commit, had=bool(self.had)) if wanted.commit else ""
        if not newer:
            return None
        by = f"was overtaken by {newer[:10]}"
        output.say(f"{self.name}: {wanted.commit[:10]} {by}; wait for that: --commit {newer[:10]}")
        return Exit.OVERTAKEN

    async def _in_force(
        self, found: SeenRollout, source: "RolloutSource | None"
    ) -> tuple[SeenRollout, WaitGoal]:
        """The Rollout, and what is wanted of it, once the source says that the commit is in force.

        The Rollout may have another one: the last that changed its file, as a merge changes none.
        It is read anew then, since what is cached of it may be older than what the source says.
        """
        in_force = replace(self.wanted, commit="")
        if source is None or not source.status.commit.startswith(self.wanted.commit):
            same = self.had and found.rollout.commit == self.had
            return found, in_force if same else self.wanted
        who = found.rollout
        obj = await self.connection.fetch("Rollout", who.namespace, who.name)
        newest = cluster.seen(obj) if obj is not None else found
        self.had = newest.rollout.commit
        return newest, in_force

    def _refused(self, found: SeenRollout, source: "RolloutSource | None") -> Exit | None:
        """The code of a commit that will never be in force as it is; it is said why, and where."""
        if source is None:
            return None
        status, commit = source.status, self.wanted.commit
        if status.held.startswith(commit):
            output.say(f"{self.name}: {terminal.behind(source)}")
            return Exit.PAUSED
        files = {one.file for one in status.applied if one.name == found.rollout.name}
        mine = [one for one in status.rejected if one.file in files or not files]
        if not status.commit.startswith(commit) or not mine:
            return None
        for one in mine:
            output.say(f"{self.name}: refused: {one.message}")
        return Exit.INPUT
