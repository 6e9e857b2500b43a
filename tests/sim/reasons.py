"""What a status gives as its reason is so: why it goes back, stands still, waits, or is in a phase.

S32 and S33 of docs/simulation.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rollout.model.reasons import Cause, PauseKind, WaitsFor
from rollout.model.status import Phase, RolloutStatus, Stage
from tests import virtual
from tests.controller.shop import NAMESPACE
from tests.sim import objects
from tests.sim.plan import METRICS
from tests.sim.server import Commit

if TYPE_CHECKING:
    from tests.sim.plan import Subject
    from tests.sim.world import World

LATELY = 90.0
"""Seconds in which what was so is a reason still: a few intervals, and a late answer."""
LONG = 400.0
"""Seconds in which somebody's word or edit is the reason of what follows from it."""
_BACK = (Stage.WITHDRAWING, Stage.CLEANING)
_NO_REASON = "nothing of it is so"


@dataclass(eq=False)
class Reasons:
    """``asked``: what people ever asked of each rollout.

    ``spoken_at``: when its spec became another. ``begun_at``: when its attempt began.
    """

    world: World
    asked: dict[str, set[str]] = field(default_factory=dict)
    spoken_at: dict[str, float] = field(default_factory=dict)
    begun_at: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.world.server.listen.append(self._heard)

    def requested(self, name: str, text: str) -> None:
        self.asked.setdefault(name, set()).add(text.partition("@")[0])

    def saved(self, name: str, before: RolloutStatus, after: RolloutStatus) -> None:
        """One of our statuses is in the API now."""
        if after.attempt.number != before.attempt.number:
            self.begun_at[name] = virtual.passed()
        self._rejected(name, before, after)
        self._back(name, before, after)
        self._paused(name, before, after)
        if not self._waits(name, after):
            self._broken("S33", name, f"waits for {after.waits_for} at {after.stage.name}", after)
        if not _in_phase(after):
            self._broken("S33", name, f"{after.phase} at {after.stage.name}", after)

    def _heard(self, commit: Commit) -> None:
        if commit.change.bucket == "Rollout" and not commit.gone:
            old = commit.old or {}
            if old.get("spec") != commit.new.get("spec"):
                self.spoken_at[str(commit.new["metadata"]["name"])] = virtual.passed()

    def _broken(self, law: str, name: str, what: str, status: RolloutStatus) -> None:
        self.world.laws.broken(law, f"{name}: {what}, and {_NO_REASON}: {status.because}")

    def _rejected(self, name: str, before: RolloutStatus, after: RolloutStatus) -> None:
        """S32: a revision is remembered as failed for what it did, or for what somebody said."""
        rejected = after.rejected
        if rejected is None or (before.rejected and before.rejected.at == rejected.at):
            return
        match rejected.cause:
            case Cause.ANALYSIS_FAILED:
                decided = dict(self.world.subjects)[name].judged == "decided"
                so = self._was_bad(name) or decided
            case Cause.REJECTED:
                so = self._refused(name)
            case Cause.ABORTED:
                so = "abort" in self.asked.get(name, ())
            case _:
                so = False
        if not so:
            self._broken("S32", name, f"rejected for {rejected.cause}", after)

    def _back(self, name: str, before: RolloutStatus, after: RolloutStatus) -> None:
        """S32: nobody who is not rejected goes back for nothing."""
        was, now = before.stage.name, after.stage.name
        begins = now is Stage.WITHDRAWING and was is not Stage.WITHDRAWING
        canary = after.attempt.canary
        if not begins or canary is None or (after.rejected and not before.rejected):
            return
        known, world = self.world.laws.of(name), self.world
        latest = max(known.edited_at, known.respecified_at, known.rebuilt_at)
        another = world.asked[name] != canary.name
        spoken = another or self.spoken_at.get(name, 0.0) > self.begun_at.get(name, 0.0)
        held = world.rollout(name) or {"metadata": {}}
        pods = world.pods.ready.get((name, canary.name))
        since = virtual.passed() - world.laws.fresh - 5
        there = world.server.get("Deployment", NAMESPACE, f"{name}-{canary.name}")
        wanted = int(there["spec"].get("replicas", 1)) if there else 0  # endpoints may be late
        gone = pods is None or min(pods.lately(since)) == 0 or wanted == 0
        leaves = "deletionTimestamp" in held["metadata"]
        said = self.asked.get(name, set()) & {"abort", "reject"}
        if not (spoken or gone or leaves or said or virtual.passed() - latest < LONG):
            self._broken("S32", name, f"{canary.name} goes back", after)

    def _paused(self, name: str, before: RolloutStatus, after: RolloutStatus) -> None:
        """S32: it stands still for what is so."""
        pause, was = after.attempt.pause, before.attempt.pause
        if pause is None or (was is not None and was.kind is pause.kind):
            return
        subject = dict(self.world.subjects)[name]
        if not self._pauses(name, subject, pause.kind, after):
            self._broken("S32", name, f"paused for {pause.kind}", after)

    def _pauses(self, name: str, subject: Subject, kind: PauseKind, status: RolloutStatus) -> bool:
        known, now = self.world.laws.of(name), virtual.passed()
        edited, rebuilt = now - known.edited_at < LONG, now - known.rebuilt_at < LONG
        so = {
            PauseKind.PERSON: "pause" in self.asked.get(name, ()),
            PauseKind.DRIFT: subject.careful and edited,
            PauseKind.FAILED: subject.careful and (self._was_bad(name) or self._refused(name)),
            PauseKind.LAST_STEP: subject.strategy.startswith("dark held"),
            PauseKind.BLIND: self._was_blind(name),
            PauseKind.UNAPPROVED: self._asks(name),
            PauseKind.UNOPENED: subject.strategy.startswith("gated"),
            PauseKind.REBUILT: rebuilt,
            PauseKind.PODS_LOST: status.attempt.pod_losses > 1,
            PauseKind.DEADLINE: True,
            PauseKind.UNCERTIFIED: subject.counts and subject.careful,
        }
        counters = self.world.counters if subject.counts else None
        if counters is not None:
            # What nobody knew until the step's time was over is asked about, too.
            few = counters.quiet(name, now - LONG) or counters.unclear(name, now - LONG)
            few = few or self._was_blind(name)
            so[PauseKind.SUSPICIOUS] = few or counters.suspect(name, now - LONG)
            down = status.attempt.stable_down_at is not None  # nobody asked stable anything
            down = down or self.world.skewed_at > now - LONG  # or at another hour
            so[PauseKind.LITTLE_TRAFFIC] = down or few
        return so.get(kind, False)

    def _waits(self, name: str, status: RolloutStatus) -> bool:
        """S33: what is waited for can be waited for here."""
        subject, stage = dict(self.world.subjects)[name], status.stage
        match status.waits_for:
            case WaitsFor.BAKE:
                baking = stage.name in (Stage.STEPPING, Stage.BAKING)
                return baking and stage.confirmed_at is not None
            case WaitsFor.PROXIES:
                return stage.asked_at is not None and stage.confirmed_at is None
            case WaitsFor.APPROVAL:
                return self._asks(name) and stage.name is Stage.STEPPING
            case WaitsFor.WEBHOOK:
                return subject.strategy.startswith("gated") and stage.name is Stage.STEPPING
            case WaitsFor.DRAIN:
                return status.draining is not None
            case WaitsFor.AUTOSCALER:
                return subject.workload == "scaled"
            case WaitsFor.TRUCE:
                return virtual.passed() - self.world.laws.of(name).edited_at < LATELY
        return True

    def _asks(self, name: str) -> bool:
        """Whether its strategy asks people, or one does that git has asked for since."""
        first = objects.asks_people(dict(self.world.subjects)[name])
        return first or name in self.world.strategies

    def _was_bad(self, name: str) -> bool:
        """Whether its limit read bad lately, or nobody can tell."""
        since = virtual.passed() - LATELY
        bad = max(self.world.numbers.of(name).lately(since)) > 1
        counters = self.world.counters
        bad = bad or (counters is not None and counters.suspect(name, since))
        return bad or self._was_blind(name)

    def _was_blind(self, name: str) -> bool:
        world, since = self.world, virtual.passed() - LONG
        blinds = (*METRICS[1:], "measures written")
        asked = any(mishap.do in blinds for mishap in world.plan.mishaps)
        unclear = world.counters is not None and world.counters.unclear(name, since)
        unclear = unclear or dict(world.subjects)[name].judged in objects.UNKNOWABLE
        return asked or unclear or since < max(world.blurred_at, world.skewed_at)

    def _refused(self, name: str) -> bool:
        no = any(mishap.do == "gate says failed" for mishap in self.world.plan.mishaps)
        return no or "reject" in self.asked.get(name, ())


def _in_phase(status: RolloutStatus) -> bool:
    """S33: the word that every screen shows is where it stands."""
    stage, pause = status.stage.name, status.attempt.pause
    match status.phase:
        case Phase.HEALTHY:
            return stage is Stage.IDLE and status.rejected is None and pause is None
        case Phase.DEGRADED:
            return stage is Stage.IDLE and status.rejected is not None
        case Phase.ROLLING_BACK:
            return stage in _BACK
        case Phase.PROGRESSING:
            return stage is not Stage.IDLE and stage not in _BACK and pause is None
    return stage not in _BACK
