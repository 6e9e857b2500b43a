import pytest

from rollout.model.observation import SeenTraffic
from rollout.model.status import RolloutStatus, Stage
from rollout.model.traffic import Split
from rollout.reconcile import takeover
from tests import make


def found(canary: int, stage: Stage = Stage.PREPARING) -> RolloutStatus:
    split = Split.giving_canary(canary)
    return make.at_step(stage=stage, split=split, taken_over=split, step=None)


@pytest.mark.parametrize(
    ("canary", "index", "split"),
    [
        (3, 0, Split(95, 5)),
        (5, 0, Split(95, 5)),
        (10, 0, Split(90, 10)),
        (49, 0, Split(51, 49)),
        (50, 1, Split(50, 50)),
    ],
)
def test_a_split_enters_the_nearest_step_that_is_not_above_it(
    canary: int, index: int, split: Split
) -> None:
    """Of steps at 5 and 50."""
    turn = takeover.enter(make.look(found(canary)), Split.giving_canary(canary))
    assert turn.status.attempt.step is not None
    assert (turn.status.attempt.step.index, turn.status.stage.split) == (index, split)
    assert takeover.holds(turn.status) == (canary != 3)


def test_at_rest_the_split_is_what_the_pods_behind_an_undivided_route_get() -> None:
    status = make.at_step(stage=Stage.IDLE, split=Split(100, 0), canary=None, step=None)
    whole = make.look(status, traffic=SeenTraffic(serving=("",)), strangers=1)
    seen = takeover.as_seen(whole, status)
    assert seen.stage.split == Split(80, 20)
    assert takeover.as_decided(seen) == status
    named = make.look(status, traffic=SeenTraffic(serving=("stable",)), strangers=1)
    assert takeover.as_seen(named, status) == status
    alone = make.look(status, traffic=SeenTraffic(serving=("",)))
    assert takeover.as_seen(alone, status) == status


def test_where_we_divide_ourselves_the_split_is_ours() -> None:
    status = make.at_step()
    whole = make.look(status, traffic=SeenTraffic(serving=("",)), strangers=4)
    assert takeover.as_seen(whole, status) == status
    assert takeover.as_decided(status) == status
    assert takeover.as_decided(found(10)) == found(10)
