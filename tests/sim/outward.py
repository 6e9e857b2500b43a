"""S46: an HTTP gate that is asked before the proxies have the route of its step."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rollout.model.observation import HookQuestion
from rollout.model.status import RolloutStatus, Stage
from tests import virtual
from tests.sim import objects

if TYPE_CHECKING:
    from tests.sim.world import World


@dataclass(eq=False)
class Outward:
    """``stood``: when each rollout last stood at a step whose route the proxies have."""

    world: World
    stood: dict[str, float] = field(default_factory=dict)

    def saved(self, name: str, before: RolloutStatus) -> None:
        if _ready(before):
            self.stood[name] = virtual.passed()

    def gate(self, question: HookQuestion) -> None:
        name = question.rollout
        status = objects.status(self.world.rollout(name) or {})
        lately = virtual.passed() - self.stood.get(name, 0.0) <= self.world.laws.fresh
        if not _ready(status) and not lately and not self.world.stopping:
            where = f"{status.stage.name}"
            self.world.laws.broken("S46", f"{name}: its gate is asked too early, in {where}")


def _ready(status: RolloutStatus) -> bool:
    return status.stage.name is Stage.STEPPING and status.stage.confirmed_at is not None
