"""A crash at every single point of a clean journey ends where the clean journey ends."""

import pytest

from rollout.model.status import RolloutStatus
from rollout.model.traffic import Route
from tests.properties import worlds
from tests.properties.watched import Watched

End = tuple[dict[str, object], Route | None, str, str]


class Crashing(Watched):
    """A play that ends in the middle of its ``at``-th action, and goes on as a new process."""

    at = -1
    done = 0

    def look_once(self, *, stop_after: int | None = None, lost: bool = False):  # type: ignore[no-untyped-def]
        left = self.at - self.done
        decision = super().look_once(stop_after=left if 0 <= left < 10 else None, lost=lost)
        self.done += len(decision.actions)
        if 0 <= left <= len(decision.actions):
            self.at = -1
        return decision


def journey(strategy: str, workload: str, author: str, crash: int) -> tuple[End, int]:
    spec = worlds.spec(strategy, workload, "sticky")
    play = worlds.begun(Crashing(spec, worlds.world(author)))
    play.at, play.done = crash, 0
    worlds.home(play.push("v2")).look()
    assert not play.world.fields_held, str(play)
    status: RolloutStatus = play.status
    stable = status.stable.name if status.stable else ""
    world = play.world
    return (
        {"pods": world.pods, "subsets": world.subsets, "scaled": world.scaled},
        world.route,
        world.home,
        stable,
    ), play.done


@pytest.mark.parametrize("strategy", worlds.STRATEGIES)
@pytest.mark.parametrize("workload", worlds.WORKLOADS)
@pytest.mark.parametrize("author", worlds.AUTHORS)
def test_a_crash_at_any_point_ends_where_the_clean_journey_does(
    strategy: str, workload: str, author: str
) -> None:
    clean, points = journey(strategy, workload, author, -1)
    for crash in range(points):
        assert journey(strategy, workload, author, crash)[0] == clean, crash
