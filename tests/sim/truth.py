"""What people may rely on: no look ends as a bug, what is waited for is so, requests are done.

S29 to S31 of docs/simulation.md.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from rollout import reconcile
from rollout.model.reasons import WaitsFor
from rollout.model.status import UNDER_WAY, RolloutStatus, Stage, StageStatus
from rollout.model.traffic import Split
from rollout.reconcile import transitions
from rollout.reconcile.look import Look, Turn
from rollout.workloads import build
from tests import virtual
from tests.controller.shop import NAMESPACE

if TYPE_CHECKING:
    from tests.sim.world import World

ANSWERED = 60.0
"""Seconds in which a person's request is done or refused, while the API server can be reached."""
PLANTED = "a bug that was planted"
_FIRST = {verb: frozenset({WaitsFor.OBJECTS}) for verb in ("abort", "pause")}
_ELSE = frozenset(WaitsFor) - {WaitsFor.BAKE, WaitsFor.APPROVAL, WaitsFor.WEBHOOK}
"""What may be waited for before a request is done; the way back waits for its objects alone."""


@dataclass(eq=False)
class Truth:
    """``asked``: the newest request of each rollout, and when it was made."""

    world: World
    asked: dict[str, tuple[str, float]] = field(default_factory=dict)

    def requested(self, name: str, text: str) -> None:
        self.asked[name] = text, virtual.passed()

    def saved(self, name: str, before: RolloutStatus, after: RolloutStatus) -> None:
        """One of our statuses is in the API now."""
        self._waits(name, after)
        self._done(name, before, after)
        rejected, stable = after.rejected, after.stable
        if rejected is not None and rejected.revision.same(stable):
            self.world.laws.broken(
                "S31", f"{name}: {rejected.revision.name} is stable, and rejected"
            )
        entries = after.history[len(before.history) :] if before.history else ()
        canary = after.attempt.canary
        for entry in entries:
            if (
                canary is not None
                and entry.revision == canary.name
                and entry.commit != canary.commit
            ):
                self.world.laws.broken("S31", f"{name}: {entry.id} is not of {canary.commit[-4:]}")

    def bounded(self) -> None:
        """S31: no request is left lying."""
        now = virtual.passed()
        for name, (text, at) in list(self.asked.items()):
            held = self.world.rollout(name)
            status = (held or {}).get("status") or {}
            if (
                held is None
                or held["metadata"].get("deletionTimestamp")
                or text in (status.get("lastHandledRequest"), status.get("lastRefusedRequest"))
            ):
                del self.asked[name]
            elif status.get("waitsFor") in _FIRST.get(text.partition("@")[0], _ELSE):
                self.asked[name] = text, now  # what it waits for is told
            elif now - max(at, self.world.blurred_at) > ANSWERED:
                self.world.laws.broken("S31", f"{name}: {text} is not answered")

    def _waits(self, name: str, status: RolloutStatus) -> None:
        """S30: who waits for pods has too few of them."""
        if status.waits_for is WaitsFor.STABLE:
            revision = status.stable
        elif status.waits_for is WaitsFor.PODS and status.stage.name in UNDER_WAY:
            revision = status.attempt.canary
        else:
            return
        if revision is None or self.world.server.get("Service", NAMESPACE, name) is None:
            return  # which pods are its own is told by a Service
        fresh, rebuilt_at = self.world.laws.fresh, self.world.laws.of(name).rebuilt_at
        held = self.world.server.get("Deployment", NAMESPACE, f"{name}-{revision.name}")
        past = self.world.pods.ready.get((name, revision.name))
        unclear = max(rebuilt_at, self.world.blurred_at)  # slow lists are older than any bound
        if (
            held is None
            or past is None
            or build.replacing(held)
            or virtual.passed() - unclear < fresh
        ):
            return
        whole = max(status.attempt.stable_pods, int(held["spec"].get("replicas", 1)), 1)
        lately = past.lately(virtual.passed() - fresh)
        if min(lately) >= whole:
            what = f"waits for {status.waits_for}, and {whole} pods are ready"
            self.world.laws.broken("S30", f"{name}: {what}: {status.because}")

    def _done(self, name: str, before: RolloutStatus, after: RolloutStatus) -> None:
        """S31: what a request asked is what became of it."""
        text = after.last_handled_request
        if text in (before.last_handled_request, after.last_refused_request):
            return
        verb, under_way = text.partition("@")[0], before.stage.name in UNDER_WAY
        if verb == "pause" and under_way is (after.attempt.pause is None):
            self.world.laws.broken("S31", f"{name}: {text} at {before.stage.name}: {after.because}")
        if verb == "abort" and under_way and after.stage.name in UNDER_WAY:
            self.world.laws.broken("S31", f"{name}: {text}, and it is {after.stage.name}")


ASTRAY: Mapping[str, tuple[Stage, StageStatus]] = {
    "onwards": (Stage.STEPPING, StageStatus(Stage.RETIRING, split=Split(0, 100))),
    "home": (Stage.STEPPING, StageStatus(Stage.IDLE)),
    "back": (Stage.STEPPING, StageStatus(Stage.CLEANING)),
    "out of nothing": (Stage.IDLE, StageStatus(Stage.STEPPING, split=Split(50, 50))),
}
"""Turns that the tables forbid: from which stage to where a bug of ours would go."""


@contextlib.contextmanager
def buggy(world: World) -> Iterator[None]:
    """While ``world.buggy``, no look can ask what it asks outside: a bug of ours is in the way.

    ``world.astray``: the next look goes where the tables forbid it.
    """
    ask, lawful = reconcile.ask, transitions.lawful

    def asked(*args: Any, **more: Any) -> Any:
        if world.buggy and more.get("outside", True):
            raise LookupError(PLANTED)
        return ask(*args, **more)

    def astray(look: Look, turn: Turn) -> Turn:
        from_, to = ASTRAY.get(world.astray, (None, None))
        if to is not None and look.status.stage.name is from_:
            world.astray = ""
            turn = replace(turn, status=replace(turn.status, stage=replace(to, since=look.now)))
        return lawful(look, turn)

    reconcile.ask, transitions.lawful = asked, astray
    try:
        yield
    finally:
        reconcile.ask, transitions.lawful = ask, lawful


class Bugs(logging.Handler):
    """S29: no look, and nobody who listens, ends as a bug of ours."""

    def __init__(self, world: World) -> None:
        super().__init__(logging.ERROR)
        self._world = world

    def emit(self, record: logging.LogRecord) -> None:
        fields = getattr(record, "fields", {})
        if PLANTED in str(fields.get("error")):
            return
        self._world.laws.broken("S29", f"{record.getMessage()}: {fields.get('error')}")
