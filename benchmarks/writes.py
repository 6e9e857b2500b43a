"""How many writes a journey of five steps costs, by how long each step bakes: exact counts.

``python -m benchmarks.writes``. The core on virtual time, a look each second, proxies that take
everything at once; statuses go through the controller's own ``Store``, which says what is written.
"""

import asyncio
from dataclasses import replace
from datetime import timedelta

from rollout.controller.keeping.store import Held, Store
from rollout.model.action import Decision, SetRoute
from rollout.model.spec import Canary, RolloutSpec, Strategy
from rollout.model.status import Phase
from tests import make
from tests.controller.shop import NAMESPACE, a_rollout
from tests.fakes import FakeKube
from tests.play import Play

WEIGHTS = (5, 10, 20, 30, 40)
BAKES = tuple(timedelta(seconds=seconds) for seconds in (1, 10, 30, 60, 120, 300))


class Kept(Play):
    """A story whose statuses are kept as in production; ``routes``: writes of the route."""

    def __init__(self, spec: RolloutSpec) -> None:
        self.kube, self.routes = FakeKube(), 0
        self.kube.put(a_rollout())
        self.store = Store(self.kube)
        super().__init__(spec)

    def held(self) -> Held:
        held = self.store.load(f"{NAMESPACE}/shop")
        assert held is not None
        return held

    def look_once(self, *, stop_after: int | None = None, lost: bool = False) -> Decision:
        decision = super().look_once(stop_after=stop_after, lost=lost)
        asyncio.run(self.store.save(self.held(), self.status, self.now))
        self.routes += sum(isinstance(action, SetRoute) for action in decision.actions)
        return decision


def counted(bake: timedelta) -> tuple[int, int]:
    """Writes of the status, and of the route, from the push on until everybody is on the canary."""
    steps = make.canary_spec(*WEIGHTS).strategy.canary
    assert steps is not None
    longer = tuple(replace(step, bake=bake) for step in steps.steps)
    play = Kept(make.spec(Strategy(canary=Canary(longer))))
    before, play.routes = len(play.kube.writes), 0
    play.push("v2")
    while play.status.phase is not Phase.HEALTHY:
        play.after(seconds=1)
    return len(play.kube.writes) - before, play.routes


def main() -> None:
    print(f"{'a step bakes':<16}{'status':>8}{'route':>8}{'a step, both':>14}")
    for bake in BAKES:
        statuses, routes = counted(bake)
        each = (statuses + routes) / (len(WEIGHTS) + 1)
        print(f"{bake!s:<16}{statuses:>8}{routes:>8}{each:>14.1f}")


if __name__ == "__main__":
    main()
