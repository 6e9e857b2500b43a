"""What git may bring about: its newest commit, read whole, in its own namespace, and no secret.

S15 to S17, S24, S25, S49 and L6 of docs/simulation.md.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rollout.controller.telemetry import Lines
from tests import virtual
from tests.controller.shop import NAMESPACE
from tests.sim import objects
from tests.sim.objects import PLANTED
from tests.sim.process import SYSTEM
from tests.sim.server import Commit, Json

if TYPE_CHECKING:
    from tests.sim.world import World

READ_FOR = 60.0
"""Seconds that one reading of git may take to be written: slow requests, several objects."""
_ROLLOUTS = frozenset({"Rollout", "AnalysisTemplate", "VirtualService", "DestinationRule"})
"""What no upgrade of the mesh writes anywhere."""
TOLD_WITHIN = 60.0
"""Seconds in which a commit that stays is in force or refused (L6): four intervals."""


@dataclass(eq=False)
class GitLaws:
    """Asked of each commit of ours; ``told`` of each line that we log.

    ``eases``: of strategies, as JSON, whether they ask less of people than the first one.
    ``accepted``: commits that a person has let through.
    """

    world: World
    quiet_since: float = 0.0
    gone_at: float = -1e9
    eases: dict[str, bool] = field(default_factory=dict)
    accepted: set[str] = field(default_factory=set)

    def committed(self, commit: Commit) -> None:
        meta, kind = commit.new["metadata"], commit.change.bucket
        space = meta.get("namespace", "")
        own = space in (NAMESPACE, "") or (space == SYSTEM and kind == "Lease") or kind == "Event"
        beside = self.world.upgrading is not None or self.world.switching is not None
        if not own and (not beside or kind in _ROLLOUTS):
            self.world.laws.broken("S24", f"{kind} {meta['name']} is written in {space}")
        if self.world.plan.setup.sourced and kind == "Rollout" and space == NAMESPACE:
            self._applied(commit)

    def edited(self, commit: Commit) -> None:
        """By people: what they delete before we held it goes at once, and git has time anew."""
        if commit.gone:
            self.gone_at = virtual.passed()

    def told(self, what: str, text: str) -> None:
        """S25: a password that git is read with is in nothing that leaves us."""
        if PLANTED in text:
            self.world.laws.broken("S25", f"git's password is in {what}")

    def _applied(self, commit: Commit) -> None:
        name, old = str(commit.new["metadata"]["name"]), commit.old
        goes = commit.gone or commit.new["metadata"].get("deletionTimestamp")
        if goes:
            self.gone_at = virtual.passed()
            if old is not None and not old["metadata"].get("deletionTimestamp"):
                self._deleted(name)
            return
        if old is not None and old["spec"] == commit.new["spec"]:
            return
        tips, force = self._tips(), self._in_force()
        behind = self.world.repo.line(force)[1:] if force else []
        before, now = (objects.written(one).get("strategy") for one in (old, commit.new))
        kept = {"strategy": now} if now == before and self.eases else {}
        files = ((tip, self._file(tip, name)) for tip in tips)
        same = [tip for tip, file in files if file and {**file, **kept} == commit.new["spec"]]
        if now != before and self.eases.get(json.dumps(now)) and not self.accepted & {*same}:
            self.world.laws.broken("S49", f"{name}: {now} asks less of people, and none let it")
        if not same:
            self.world.laws.broken("S15", f"{name}: its new spec is in no commit that git has now")
        elif all(tip in behind for tip in same) and not self.accepted & {*same}:
            self.world.laws.broken("S15", f"{name}: taken back behind the commit in force")

    def _deleted(self, name: str) -> None:
        """S16, S17: nobody is let go for a file that cannot be read, nor because all are gone."""
        tree = self.world.repo.trees[self.world.repo.head]
        if not tree:
            self.world.laws.broken("S17", f"{name} is deleted, since git has no file at all")
        elif f"{name}.yaml" in tree:
            self.world.laws.broken("S16", f"{name} is deleted, and git has its file")

    def _tips(self) -> list[str]:
        """What the branch has been at lately."""
        since = virtual.passed() - max(READ_FOR, self.world.laws.fresh)
        tips = self.world.repo.tips
        first = max((place for place, (at, _) in enumerate(tips) if at <= since), default=0)
        return [tip for _, tip in tips[first:]]

    def _source(self) -> Json:
        return self.world.server.get("RolloutSource", NAMESPACE, "git") or {}

    def _in_force(self) -> str:
        return str((self._source().get("status") or {}).get("commit", ""))

    def _file(self, tip: str, name: str) -> Any:
        """The spec that a commit has for a rollout; None: no file, or one that cannot be read."""
        text = self.world.repo.trees[tip].get(f"{name}.yaml", "")
        try:
            return json.loads(text)["spec"]
        except ValueError:
            return None

    def bounded(self) -> None:
        """L6: a commit that stays is in force, or it is said why it is not."""
        world, now = self.world, virtual.passed()
        if not world.plan.setup.sourced:
            return
        edited = max((world.laws.of(name).respecified_at for name, _ in world.subjects), default=0)
        latest = max(world.blurred_at + TOLD_WITHIN, edited, self.gone_at, world.repo.tips[-1][0])
        if world.repo.down:
            self.quiet_since = now
        if now - max(latest, self.quiet_since) < TOLD_WITHIN:
            return
        tip, status = world.repo.head, self._source().get("status") or {}
        if status.get("held") == tip or status.get("problem"):
            return
        refused = {one["file"] for one in status.get("rejected") or ()}
        if refused and world.team is not None:
            return  # one release: none of it is taken
        for name, _ in world.subjects:
            held, wanted = world.rollout(name), self._file(tip, name)
            if held is not None and held["metadata"].get("deletionTimestamp"):
                continue
            in_force = held is not None and held["spec"] == wanted
            if not in_force and f"{name}.yaml" not in refused:
                world.laws.broken("L6", f"{name}: commit {tip[-4:]} is not in force, nor refused")


class Ears(logging.Handler):
    """Hears every log line as it would be written."""

    def __init__(self, laws: GitLaws) -> None:
        super().__init__()
        self._laws, self._lines = laws, Lines()

    def emit(self, record: logging.LogRecord) -> None:
        self._laws.told("a log line", self._lines.format(record))
