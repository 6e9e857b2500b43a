"""A Play that checks after every single look what may never happen."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from math import ceil

from rollout.model.action import (
    Action,
    Decision,
    EnsureWorkload,
    HandOver,
    PointSubset,
    Scale,
    SetRoute,
)
from rollout.model.status import (
    PHASE_MAY_FOLLOW,
    STAGE_MAY_FOLLOW,
    RolloutStatus,
    Stage,
)
from rollout.model.traffic import STABLE_ONLY
from rollout.strategies import plan
from tests.play import Play


class Watched(Play):
    """Invariants S1, S5, S6, S8, S10 of docs/facts.md, and the two tables."""

    untaken = False
    pointed_at = datetime.min.replace(tzinfo=UTC)

    def look_once(self, *, stop_after: int | None = None, lost: bool = False) -> Decision:
        before, subsets, home = self.status, dict(self.world.subsets), self.world.home
        pods, scaled = dict(self.world.pods), self.world.scaled
        self.untaken = self.untaken and not self.world.taken
        decision = super().look_once(stop_after=stop_after, lost=lost)
        if lost:
            return decision
        self._tables(before, decision.status)
        self._path(before, decision.status, undivided=not home)
        if self.spec.workload.autoscaler is not None:
            self._scaled(before, pods, scaled, decision.actions[:stop_after])
        for action in decision.actions[:stop_after]:
            if isinstance(action, SetRoute) and action.route.split.canary:
                self._carried(before, action)
            if isinstance(action, PointSubset):
                self.untaken, self.pointed_at = True, self.now
                if action.name in subsets:
                    self._weightless(action)
            if isinstance(action, EnsureWorkload) and action.revision == self.status.attempt.canary:
                assert home, f"pods of the canary behind a bare host\n{self}"
        assert len(decision.because) < 80, decision.because
        assert len(decision.status.history) <= 50
        return decision

    def _tables(self, before: RolloutStatus, after: RolloutStatus) -> None:
        assert after.phase in PHASE_MAY_FOLLOW[before.phase] | {before.phase}, self._say(before)
        assert after.stage.name in STAGE_MAY_FOLLOW[before.stage.name] | {before.stage.name}, (
            self._say(before)
        )
        assert after.epoch >= before.epoch

    def _path(self, before: RolloutStatus, after: RolloutStatus, *, undivided: bool) -> None:
        """The canary's share is the next step's, or the same, or less: never a skip.

        Before the first step it tells of others behind a route that goes to the whole service.
        """
        if after.stage.name in (Stage.IDLE, Stage.PREPARING):
            assert undivided or after.stage.split.canary == 0, self._say(before)
            return
        if after.stage.name is Stage.STEPPING and before.stage.name is Stage.STEPPING:
            assert before.attempt.step is not None
            assert after.attempt.step is not None
            assert after.attempt.step.index - before.attempt.step.index in (0, 1), self._say(before)
        if after.stage.split.canary > before.stage.split.canary:
            assert after.attempt.canary is not None
            assert after.stage.name in (Stage.STEPPING, Stage.SWITCHING), self._say(before)
            weights = [s.route.split.canary for s in plan(self.spec.strategy).stops]
            assert after.stage.split.canary in (*weights, 100), self._say(before)

    def _carried(self, before: RolloutStatus, action: SetRoute) -> None:
        """A canary's weight goes up only onto pods that can carry it, by a subset that is known."""
        if action.route.split.canary <= before.stage.split.canary:
            return
        canary, asked = self.status.attempt.canary, action.route.split.canary
        assert canary is not None
        pods = self.world.ready(canary.name)
        assert pods >= max(1, ceil(asked / 100 * self.status.attempt.stable_pods * 0.75)), str(self)
        known = not self.untaken or self.now - self.pointed_at >= timedelta(seconds=15)
        assert known, self._say(before)

    def _scaled(
        self,
        before: RolloutStatus,
        pods: dict[str, int],
        scaled: str | None,
        actions: Iterable[Action],
    ) -> None:
        """What the autoscaler scales it alone scales, and no hand-over makes the pods fewer."""
        old = before.draining.revision if before.draining else None
        known = {r.name for r in (before.stable, before.attempt.canary, old) if r}
        known.add(self.rollout.spec.revision)
        for action in actions:
            match action:
                case Scale(name, replicas):
                    revision = name.removeprefix("shop-")
                case EnsureWorkload(found, replicas):
                    revision = found.name
                case HandOver(_, name):
                    left = (scaled or "").removeprefix("shop-")
                    least = pods.get(left, 0) if left in known else 0
                    has = pods.get(name.removeprefix("shop-"), 0)
                    assert has >= least, f"{action} from {scaled}: {pods}\n{self}"
                    scaled = name
                    continue
                case _:
                    continue
            ours = scaled != f"shop-{revision}" or not pods.get(revision)
            assert ours, f"{action}, which the autoscaler scales\n{self}"
            pods[revision] = replicas

    def _weightless(self, action: PointSubset) -> None:
        """A subset changes its meaning only while no ordinary request goes there."""
        split = (self.world.route or STABLE_ONLY).split
        weight = split.stable if action.name == self.world.home else 0
        weight += split.canary if action.name == self.world.canary else 0
        drifted = self.status.attempt.drift is not None
        assert weight == 0 or drifted, f"{action} at {weight}%\n{self}"

    def _say(self, before: RolloutStatus) -> str:
        old, new = before, self.status
        return f"{old.phase}/{old.stage.name} -> {new.phase}/{new.stage.name}\n{self}"
