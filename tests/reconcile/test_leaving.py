from dataclasses import replace
from datetime import timedelta

import pytest

from rollout.model.observation import SeenTraffic
from rollout.model.spec import BlueGreen, Strategy, Workload
from rollout.model.status import Revision, RolloutStatus, Stage
from rollout.model.traffic import Route, Split
from rollout.model.turn import Notice
from rollout.reconcile import leaving, transitions
from rollout.reconcile.look import Writes
from tests import make
from tests.play import Play, World

HALF = make.canary_spec(5, 50)
GREEN = make.spec(Strategy(blue_green=BlueGreen(keep_warm=timedelta(hours=1))))


def test_in_mid_journey_everyone_goes_back_before_the_object_goes() -> None:
    play = Play(HALF).push("v2").after(minutes=1).delete().gives(v1=100)
    assert (play.world.let_go, play.world.route) == (True, None)
    assert dict(play.world.subsets) == {"stable": {"version": "v1"}}


def test_who_is_promoted_already_stays_so() -> None:
    play = Play(GREEN).push("v2").after(minutes=1).gives(v2=100)
    assert play.status.stage.name is Stage.BAKING
    play.delete().gives(v2=100)
    assert play.world.let_go


def test_a_pause_does_not_hold_whoever_leaves() -> None:
    assert Play(HALF).push("v2").request("pause").delete().world.let_go


def test_pods_of_ours_drain_first() -> None:
    managed = make.canary_spec(50, workload=Workload("shop-{revision}", scale="managed"))
    play = Play(managed).push("v2").delete().gives(v1=100)
    assert (play.world.let_go, play.world.pods["v2"]) == (False, 4)
    play.after(seconds=30).after(seconds=1)
    assert (play.world.let_go, play.world.pods["v2"]) == (True, 0)


def test_a_stable_that_cannot_carry_everyone_is_waited_for_but_not_for_ever() -> None:
    play = Play(HALF).push("v2").after(minutes=1)
    play.world.unready["v1"] = 4
    play.delete().after(minutes=29).gives(v1=50, v2=50)
    assert not play.world.let_go
    play.after(minutes=1).gives(v1=50, v2=50)
    assert play.world.let_go


@pytest.mark.parametrize("late", [0, 5], ids=["at the deadline", "after it"])
def test_a_stable_that_is_back_when_the_wait_ends_gets_everyone(late: int) -> None:
    """Nobody is there afterwards to move them."""
    play = Play(HALF).push("v2").after(minutes=1)
    play.world.unready["v1"] = 4
    play.delete().after(minutes=29).gives(v1=50, v2=50)
    play.world.unready.clear()
    play.after(minutes=1 + late).gives(v1=100)
    play.look()
    assert (play.world.let_go, play.world.route) == (True, None)
    assert "though" not in play.status.because


def test_a_namespace_that_goes_is_not_held_up() -> None:
    play = Play(HALF).push("v2").after(minutes=1)
    play.world.unready.update(v1=4, v2=4)
    assert play.delete().world.let_go


def test_objects_that_are_gone_need_nothing_given_back() -> None:
    play = Play(HALF)
    play.world.broken = "virtualservice shop/shop: is gone"
    assert play.delete().world.let_go


def test_one_of_several_objects_that_is_gone_leaves_the_others_to_be_given_back() -> None:
    play = Play(HALF).push("v2").gives(v1=95, v2=5)
    play.world.gone = "virtualservice shop/other: is not there"
    assert play.delete().gives(v1=100).world.let_go
    assert play.world.route is None


def test_what_is_left_on_objects_that_cannot_be_managed_is_waited_for() -> None:
    play = Play(HALF).push("v2")
    play.world.broken = "virtualservice shop/other: is gone"
    play.world.route = Route(Split(0, 100))
    assert not play.delete().world.let_go


def test_nothing_was_ever_ours_of_a_rollout_that_was_never_adopted() -> None:
    turn = leaving.leave(make.look(RolloutStatus(), deleting=True))
    assert (turn.because, turn.writes) == ("deleted: let go", Writes.LAST)


def test_a_host_is_given_back_once_stable_is_alone() -> None:
    play = Play(HALF, World(author="", pods={"v1": 4}))
    play.world.pods["v2"] = 4
    assert play.look().world.home == "stable"
    del play.world.pods["v2"]
    play.delete()
    assert (play.world.let_go, play.world.home) == (True, "")


def test_a_host_is_not_given_back_to_pods_that_nobody_judges() -> None:
    play = Play(HALF, World(author="", pods={"v1": 4}))
    play.world.pods["v2"] = 4
    play.look().delete().gives(v1=100)
    assert (play.world.let_go, play.world.home) == (True, "stable")


def test_a_canary_subset_of_the_users_own_stays() -> None:
    world = World(pods={"v1": 4, "v2": 4})
    world.subsets.update(stable={"version": "v1"}, canary={"version": "v0"})
    play = Play(HALF, world).push("v2").delete()
    assert (play.world.let_go, set(play.world.subsets)) == (True, {"stable", "canary"})


def test_pods_that_are_gone_leave_routes_elsewhere_to_be_given_back_and_nothing_is_made() -> None:
    """A namespace that ends: its VirtualService may stand in another, and outlives it."""
    play = Play(HALF).push("v2").after(minutes=1).gives(v1=50, v2=50)
    play.world.unready.update(v1=4, v2=4)
    play.world.subsets.clear()
    play.world.made.clear()
    play.delete()
    assert (play.world.let_go, play.world.route, dict(play.world.subsets)) == (True, None, {})


@pytest.mark.parametrize("stage", [stage for stage in Stage if stage is not Stage.IDLE])
def test_a_deletion_comes_to_rest_from_every_stage_once_no_pods_are_left(stage: Stage) -> None:
    none = {name: make.workload(name, ready=0, wanted=0) for name in ("v1", "v2")}
    status = make.changed(make.at_step(), stage=stage, split=Split(100, 0))
    look = make.look(status, deleting=True, workloads=none)
    turn = leaving.leave(look)
    assert (turn.status.stage.name, transitions.lawful(look, turn)) == (Stage.IDLE, turn)


def test_whatever_refuses_it_a_deletion_ends_with_a_warning() -> None:
    spec = make.canary_spec(5, 50)
    limit = spec.progress_deadline + spec.workload.drain
    look = make.look(
        RolloutStatus(stable=Revision("v1")),
        deleting=True,
        traffic=SeenTraffic(differences=("shop/shop: 403 denied",)),
    )
    since = {
        age: replace(look, rollout=replace(look.rollout, deleted_at=look.now - age))
        for age in (limit - timedelta(seconds=1), limit)
    }
    turns = [leaving.leave(one) for one in since.values()]
    assert [(turn.writes, turn.notice) for turn in turns] == [
        (Writes.HOME, None),
        (Writes.LAST, Notice("LetGo", warning=True)),
    ]


def test_at_the_end_nothing_is_made_and_nothing_is_routed() -> None:
    """Stable's Deployment is gone, and nobody makes it anew for a Rollout that goes."""
    ours = make.canary_spec(50, workload=Workload("shop-{revision}", scale="managed"))
    play = Play(ours).push("v2").after(minutes=1)
    play.world.pods.pop("v1")
    play.world.unready.update(v2=4)
    play.delete().after(minutes=31)
    assert play.world.let_go
    assert "v1" not in play.world.pods
