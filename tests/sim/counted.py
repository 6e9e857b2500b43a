"""What a controller counts of itself is what happened: S42 of docs/simulation.md."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rollout.controller.instruments import PROMOTED
from rollout.model.status import RolloutStatus, Stage
from tests.sim.plan import MESHES, PROCESSES, REQUESTS, WATCHES
from tests.sim.server import Commit

if TYPE_CHECKING:
    from tests.sim.process import Process
    from tests.sim.world import World

_UNCLEAR = frozenset({*MESHES, *PROCESSES, *REQUESTS, *WATCHES, "delete", "a bug of ours"})
"""What may end a look between what it does and what it counts, or take a series away."""


@dataclass(eq=False)
class Counted:
    """How often who took weight from a canary (``lowered``), or told of a promotion."""

    world: World
    lowered: Counter[str] = field(default_factory=Counter)
    promoted: Counter[str] = field(default_factory=Counter)

    def saved(self, before: RolloutStatus, after: RolloutStatus, actor: str) -> None:
        fewer = after.stage.split.canary < before.stage.split.canary
        self.lowered[actor] += fewer and after.stage.name is not Stage.RETURNING

    def told(self, commit: Commit) -> None:
        """An Event is in the API now."""
        if commit.old is None and commit.new["reason"] == PROMOTED:
            self.promoted[commit.actor] += 1

    def ended(self, process: Process, *, rests: bool = False) -> None:
        """The process ends, maybe in the middle of a look, or the play does and it ``rests``."""
        if process.made is None:
            return
        known = {"rollout_rollback_seconds_count": self.lowered}
        known["rollout_promotions_total"] = self.promoted
        registry = process.made.metrics.registry.restricted_registry(known)
        every = [sample for metric in registry.collect() for sample in metric.samples]
        clear = rests and not any(self.world.fired[kind] for kind in _UNCLEAR)
        for name, happened in known.items():
            counts = sum(int(sample.value) for sample in every if sample.name == name)
            there = happened[process.name]
            if happened is self.promoted and any(self.world.fired[kind] for kind in REQUESTS):
                there = max(there, counts)  # an Event that is refused is not told again
            if counts > there or (clear and counts < there):
                what = f"{process.name} counts {counts} of {name}, and there were {there}"
                self.world.laws.broken("S42", what)
