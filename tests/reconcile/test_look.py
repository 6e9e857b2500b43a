from dataclasses import replace
from datetime import timedelta

import pytest

from rollout.model.observation import ProxySync, SeenAutoscaler, SeenTraffic, SeenWorkload
from rollout.model.spec import Step, Workload
from rollout.model.status import ConfirmedBy, RolloutStatus, Stage
from rollout.model.traffic import Split
from rollout.reconcile import look as looks
from rollout.reconcile.look import Look
from rollout.strategies.plan import stops
from tests import make
from tests.make import START

SUBSETS = {"stable": {"version": "v1"}, "canary": {"version": "v2"}}
TAKEN = ProxySync(3, 3)


def test_pods_that_were_not_seen_are_none() -> None:
    look = make.look(make.at_step())
    assert look.pods(None) == SeenWorkload("", "", exists=False)
    assert looks.named(None) == "nobody"


def test_fifty_decisions_are_remembered_and_the_epoch_only_rises() -> None:
    status = RolloutStatus()
    for number in range(60):
        status = looks.remember(status, make.START, f"n{number}")
    assert (status.epoch, len(status.history), status.history[-1].because) == (60, 50, "n59")


def test_the_proxies_confirm_what_was_asked() -> None:
    status = looks.asked(make.at_step(), make.START)
    seen = SeenTraffic(subsets=SUBSETS)
    found = looks.confirmed(make.look(status, sync=TAKEN, traffic=seen))
    assert found == make.changed(status, confirmed_at=make.START, confirmed_by=ConfirmedBy.SYNCZ)
    assert looks.confirmed(make.look(found)) == found


def test_a_subset_that_means_something_else_is_confirmed_by_nobody() -> None:
    status = looks.asked(make.at_step(), make.START)
    seen = SeenTraffic(subsets={"stable": {"version": "v1"}, "canary": {"version": "v0"}})
    assert looks.confirmed(make.look(status, sync=TAKEN, traffic=seen)) == status


@pytest.mark.parametrize(("percent", "pods"), [(0, 0), (1, 1), (50, 2), (100, 3)])
def test_a_side_may_lack_a_quarter_of_the_pods_that_carried_everyone(
    percent: int, pods: int
) -> None:
    assert looks.need(make.look(make.at_step()), percent) == pods


def test_a_side_that_lacks_pods_is_said_so_unless_the_step_asks_for_no_more() -> None:
    few = make.look(make.at_step(), workloads={"v2": make.workload("v2", ready=1)})
    half, fewer = stops((Step(weight=50), Step(weight=50, replicas=1)))
    assert looks.lacking(few, half) == "50% needs 2 canary pods, 1 ready"
    assert looks.lacking(few, None) == "100% needs 3 canary pods, 1 ready"
    assert looks.lacking(few, fewer) is None


@pytest.mark.parametrize(
    ("stable", "canary", "split"),
    [
        (3, 4, Split(100, 0)),
        (1, 0, Split(100, 0)),  # with a dead canary a weak stable is better than nothing
        (2, 4, Split(66, 34)),
        (0, 4, Split(50, 50)),
        (0, 0, Split(50, 50)),
    ],
)
def test_the_way_back_goes_no_further_than_stable_can_carry(
    stable: int, canary: int, split: Split
) -> None:
    pods = {"v1": make.workload("v1", stable), "v2": make.workload("v2", canary)}
    assert looks.way_back(make.look(make.at_step(1), workloads=pods)) == split


ON_V1 = SeenAutoscaler("shop", True, "shop-v1")
HALF_MINUTE = timedelta(seconds=30)


def scaled(look: Look, workload: Workload) -> Look:
    spec = replace(look.rollout.spec, workload=workload)
    return replace(look, rollout=replace(look.rollout, spec=spec))


@pytest.mark.parametrize(
    ("split", "wanted", "needed"),
    [(95, 4, 4), (50, 4, 6), (50, 2, 3), (95, 9, 7), (0, 4, 6), (95, 0, 6)],
    ids=["at 95 %", "at a half", "at a half, few", "as before", "at nothing", "put to 0"],
)
def test_who_else_scales_stable_knows_how_many_pods_it_takes(
    split: int, wanted: int, needed: int
) -> None:
    """Eight carried everyone once; the spare of a quarter is taken off."""
    status = make.at_step(stable_pods=8, split=Split(split, 100 - split))
    pods = {"v1": make.workload("v1", wanted, wanted)}
    users = make.look(status, workloads=pods)
    ours = scaled(users, Workload("shop-{revision}", scale="managed"))
    assert looks.stable_need(users, 100) == needed
    assert looks.stable_need(ours, 100) == looks.need(ours, 100)
    theirs = replace(ours, seen=replace(ours.seen, autoscaler=ON_V1))
    assert looks.stable_need(theirs, 100) == needed


def test_a_stable_that_was_wider_for_a_while_asks_no_more_of_a_canary_that_a_person_scales() -> (
    None
):
    status = make.at_step(stable_pods=8, split=Split(100, 0))
    pods = {"v1": make.workload("v1", 4, 4), "v2": make.workload("v2", 3, 3)}
    users = make.look(status, workloads=pods)
    ours = scaled(users, Workload("shop-{revision}", scale="managed"))
    assert looks.lacking(users, None) is None
    assert looks.lacking(ours, None) == "100% needs 6 canary pods, 3 ready"


def test_on_the_way_back_its_answer_is_waited_for() -> None:
    back = make.at_step(stage=Stage.WITHDRAWING, stable_pods=8, split=Split(95, 5))
    pods = {"v1": make.workload("v1", 4, 4)}
    found = [
        looks.stable_need(make.look(status, workloads=pods, autoscaler=ON_V1), 100)
        for status in (
            make.changed(back, confirmed_at=None),
            make.changed(back, confirmed_at=START - HALF_MINUTE),
            make.changed(back, confirmed_at=START - 2 * HALF_MINUTE),
        )
    ]
    assert found == [6, 6, 4]
