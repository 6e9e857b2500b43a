"""What a step up rests on: evidence of this very step, what it has written itself, nobody's edit.

S4, S12 and S13 of docs/simulation.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rollout.model.status import ConfirmedBy, RolloutStatus, Stage
from tests import virtual
from tests.controller.shop import NAMESPACE
from tests.make import START
from tests.sim.wire import Place, number

if TYPE_CHECKING:
    from tests.sim.world import World

_UP = frozenset({Stage.STEPPING, Stage.SWITCHING})
FORGIVEN = 400.0
"""Seconds in which a person's word, another spec or a wrong clock excuses a step up."""


@dataclass
class Steps:
    """What is known of one rollout's steps.

    ``most``: percent that its canary may have after somebody else wrote its weights, and until
    when what is saved may not know of that edit yet; None: nobody did.
    """

    most: int | None = None
    unseen_until: float = 0.0
    wrote_at: float = 0.0


@dataclass(eq=False)
class Evidence:
    """Asked of each status that is saved, and of each VirtualService that is written."""

    world: World
    steps: dict[str, Steps] = field(default_factory=dict)

    def of(self, name: str) -> Steps:
        return self.steps.setdefault(name, Steps())

    def saved(self, name: str, before: RolloutStatus, after: RolloutStatus, actor: str) -> None:
        """One of our statuses is in the API now."""
        self._confirmed(name, before, after)
        self._stepped(name, before, after)
        if after.stage.split.canary > before.stage.split.canary:
            self._read_own_writes(name, actor)
        steps = self.of(name)
        if steps.most is None:
            return
        if after.attempt.number != before.attempt.number or self._excused(name):
            steps.most = None
        elif virtual.passed() <= steps.unseen_until:
            steps.most = max(steps.most, after.stage.split.canary)

    def edited(self, name: str, status: RolloutStatus | None, fresh: float) -> None:
        """Somebody else divided the requests otherwise."""
        landed = status is not None and status.stage.confirmed_at is not None
        if status is not None and landed and status.stage.name is Stage.STEPPING:
            steps = self.of(name)
            steps.most = max(steps.most or 0, status.stage.split.canary)
            steps.unseen_until = virtual.passed() + fresh

    def routed(self, name: str, status: RolloutStatus | None, shares: Mapping[str, int]) -> None:
        """S12: what we write after somebody's edit is no more than was asked before it."""
        steps = self.of(name)
        steps.wrote_at = virtual.passed()
        canary = status.attempt.canary if status else None
        if steps.most is not None and canary is not None and not self._excused(name):
            share = shares.get(canary.name, 0)
            if share > steps.most:
                why = f"{share}% to {canary.name} on top of an edit that met {steps.most}%"
                self.world.laws.broken("S12", f"{name}: {why}")
        steps.most = None

    def _confirmed(self, name: str, before: RolloutStatus, after: RolloutStatus) -> None:
        """S4: proxies that are said to have a route have it."""
        stage = after.stage
        newly = before.stage.confirmed_at is None and stage.confirmed_at is not None
        if stage.confirmed_by is ConfirmedBy.SHARE and newly:
            self._divided(name, after)
        if stage.confirmed_by is not ConfirmedBy.SYNCZ or stage == before.stage:
            return
        if newly and not self._taken(self.of(name).wrote_at):
            self.world.laws.broken("S4", f"{name}: confirmed, and the proxies have it not")

    def _divided(self, name: str, status: RolloutStatus) -> None:
        """S4: who says so by how requests divide says what proxies do."""
        counters, canary = self.world.counters, status.attempt.canary
        if counters is not None and canary is not None:
            share, asked = counters.share(name, canary.name), status.stage.split.canary
            if abs(share - asked) > 1:
                why = f"confirmed at {asked}% by requests, of which it gets {share:g}%"
                self.world.laws.broken("S4", f"{name}: {why}")

    def _taken(self, wrote_at: float) -> bool:
        """Whether the proxies have what was written then."""
        istiod = self.world.istiod
        return istiod.taken_at >= wrote_at + istiod.delay - 0.001

    def _stepped(self, name: str, before: RolloutStatus, after: RolloutStatus) -> None:
        """S4: the limit was read for this step, after its route was there."""
        old, new = before.stage, after.stage
        if old.name is not Stage.STEPPING or new.name not in _UP or self._excused(name):
            return
        same = before.attempt.number == after.attempt.number
        if not same or before.attempt.step is None or not old.split.canary:
            return
        subject = dict(self.world.subjects)[name]
        if subject.judged == "nothing" or (subject.counts and not old.split.stable):
            return  # nothing is judged, or nobody is left to compare with
        step = after.attempt.step
        if new.name is Stage.STEPPING and (step is None or step.index <= before.attempt.step.index):
            return
        wrote_at = self.of(name).wrote_at
        if old.confirmed_at is not None:
            confirmed = (old.confirmed_at - START).total_seconds()
        elif self._taken(wrote_at):  # and no status could be written meanwhile
            confirmed = wrote_at + self.world.istiod.delay
        else:
            self.world.laws.broken("S4", f"{name}: on from a step that no proxy is known to have")
            return
        place = name, before.attempt.number, before.attempt.step.index
        if place in self._gated(name, before) and place not in self.world.gates.opened:
            index = before.attempt.step.index
            self.world.laws.broken("S3", f"{name}: on from step {index}, and its gate is not open")
        read = self.world.numbers.read.get(name, 0.0)
        if read < confirmed:
            why = f"its limit was read at {read:.0f} s, its route confirmed at {confirmed:.0f} s"
            self.world.laws.broken("S4", f"{name}: on from step {before.attempt.step.index}; {why}")

    def _gated(self, name: str, status: RolloutStatus) -> set[tuple[str, int, int]]:
        """The steps of this attempt that have an HTTP gate; somebody may have edited them."""
        strategy = (self.world.rollout(name) or {"spec": {}})["spec"].get("strategy") or {}
        steps = (strategy.get("canary") or {}).get("steps") or ()
        with_gate = (index for index, step in enumerate(steps) if "webhook" in step)
        return {(name, status.attempt.number, index) for index in with_gate}

    def _excused(self, name: str) -> bool:
        known, world = self.world.laws.of(name), self.world
        latest = max(known.forced_at, known.respecified_at, known.rebuilt_at, world.skewed_at)
        return virtual.passed() - latest < FORGIVEN

    def _read_own_writes(self, name: str, actor: str) -> None:
        """S13: more is asked only by whoever has seen all that it wrote itself."""
        process = next((p for p in self.world.processes.values() if p.name == actor), None)
        if process is None or process.made is None:
            return
        for (kind, space, obj), version in process.wire.wrote.items():
            if space != NAMESPACE or obj.partition("-")[0] != name or kind == "Event":
                continue
            held = process.made.outside.kube.get(kind, space, obj)
            if held is not None and number(held) < version:
                where: Place = (kind, space, obj)
                self.world.laws.broken("S13", f"{name}: a step up, and {where} is older than ours")
