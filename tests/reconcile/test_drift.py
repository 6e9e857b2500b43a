from rollout.model.action import Announce, PointSubset, SetRoute
from rollout.model.spec import OnDrift
from rollout.model.status import Phase
from rollout.model.traffic import STABLE_ONLY, Route, Split
from tests import make
from tests.play import Play

HALF = make.canary_spec(5, 50)
CAREFUL = make.canary_spec(5, 50, on_drift=OnDrift.PAUSE)
MORE = Route(Split(0, 100))


def edited(play: Play, route: Route | None = MORE) -> Play:
    play.world.route = route
    return play.after(seconds=15)


def test_a_foreign_edit_is_restored_and_told_once() -> None:
    play = edited(Play(HALF).push("v2")).gives(v1=95, v2=5)
    edited(play).gives(v1=95, v2=5)
    assert [t for t in play.world.told if t.reason == "Drift"] == [
        Announce("Drift", "restored virtualservice shop/shop http[0]", warning=True)
    ]


def test_a_subset_that_somebody_removed_is_restored() -> None:
    play = Play(HALF).push("v2")
    del play.world.subsets["canary"]
    play.after(seconds=1)
    assert play.world.subsets["canary"] == {"version": "v2"}
    assert play.status.attempt.drift is not None


def test_who_keeps_writing_is_named_and_answered_no_faster_than_every_ten_seconds() -> None:
    play = Play(HALF).push("v2")
    play.world.owner = "argocd"
    for _ in range(6):
        edited(play)
    assert play.status.history[-1].because.startswith("argocd keeps writing our weights (5x)")
    play.world.route = MORE
    play.after(seconds=1).gives(v2=100)
    assert play.status.because == "argocd keeps writing our weights (7x): see rollout plan"
    play.after(seconds=9).gives(v1=95, v2=5)


def test_an_hour_of_peace_forgets_the_fights() -> None:
    play = edited(edited(Play(HALF).push("v2").request("pause"))).after(hours=2)
    assert edited(play).status.attempt.drift == play.status.attempt.drift
    assert play.status.attempt.drift is not None
    assert play.status.attempt.drift.count == 1


def test_weights_written_back_before_they_are_confirmed_are_counted_too() -> None:
    play = Play(HALF)
    play.world.taken = False
    play.push("v2").after(seconds=15)
    for _ in range(3):
        play.world.route = STABLE_ONLY
        play.after(seconds=10)
    assert play.status.attempt.drift is not None
    assert play.status.attempt.drift.count == 3


def test_where_people_are_asked_the_edit_stays_until_they_decide() -> None:
    play = edited(Play(CAREFUL).push("v2")).gives(v2=100)
    assert (play.status.phase, play.status.because[:6]) == (Phase.PAUSED, "drift:")
    play.after(hours=1).gives(v2=100)
    play.request("resume").gives(v1=95, v2=5)


def test_people_who_promote_over_an_edit_have_decided() -> None:
    play = edited(Play(CAREFUL).push("v2"), STABLE_ONLY).request("promote").gives(v2=100)
    assert play.status.phase is Phase.HEALTHY


def test_a_paused_edit_is_still_judged() -> None:
    edited(Play(CAREFUL).push("v2")).after(seconds=15, value=5).gives(v1=100)


def test_nothing_is_restored_onto_a_canary_without_pods() -> None:
    play = Play(HALF).push("v2").after(minutes=1)
    play.world.unready["v2"] = 4
    play.world.route = STABLE_ONLY
    decision = play.look_once()
    splits = [a.route.split for a in decision.actions if isinstance(a, SetRoute)]
    assert splits == [Split(100, 0)]


def test_nothing_is_restored_onto_a_stable_without_pods() -> None:
    play = Play(HALF).push("v2").after(minutes=1)
    play.world.unready["v1"] = 4
    edited(play).gives(v2=100)
    assert (
        play.status.because
        == "v1 has no ready pods, so this stays: virtualservice shop/shop http[0]"
    )
    play.world.unready.clear()
    play.after(seconds=1).gives(v1=50, v2=50)


def test_a_subset_that_is_there_is_restored_after_the_weights() -> None:
    play = Play(HALF).push("v2")
    play.world.subsets["stable"] = {"version": "v0"}
    play.world.route = MORE
    first, second = play.look_once(), play.look_once()
    assert not any(isinstance(a, PointSubset) for a in first.actions)
    assert any(isinstance(a, PointSubset) for a in second.actions)
