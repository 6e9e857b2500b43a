from dataclasses import replace
from datetime import timedelta

import pytest

from rollout import reconcile
from rollout.model.action import Announce, Decision, SetRoute
from rollout.model.finding import Finding, Severity
from rollout.model.observation import SeenTraffic
from rollout.model.status import Phase, RolloutStatus, Stage
from rollout.model.turn import SOON
from tests import make
from tests.make import START
from tests.play import Play


def test_whoever_finds_a_newer_epoch_does_nothing_but_save_that_it_knows_it() -> None:
    look = make.look(make.at_step(), traffic=SeenTraffic(epoch=8))
    because = "epoch 8 is written on the routes; nothing is done until that is known here"
    found = reconcile.decide(look.rollout, look.status, look.seen, START)
    knowing = replace(look.status, epoch=8)
    assert found == Decision(knowing, (), timedelta(seconds=5), because)
    assert reconcile.decide(look.rollout, knowing, look.seen, START).because != because


def test_objects_that_cannot_be_managed_stop_everything_and_are_told_once() -> None:
    play = Play(make.canary_spec(5, 50)).push("v2")
    play.world.broken = "virtualservice shop/shop: is gone"
    play.after(minutes=1).after(minutes=1)
    told = Announce("Blocked", "virtualservice shop/shop: is gone", warning=True)
    assert (play.status.phase, play.world.told[-1], len(play.world.told)) == (Phase.PAUSED, told, 3)
    play.world.broken = ""
    play.after(seconds=15).gives(v1=95, v2=5)


def test_while_one_of_several_objects_is_gone_nothing_goes_on_and_the_way_back_is_open() -> None:
    play = Play(make.canary_spec(5, 50)).push("v2").gives(v1=95, v2=5)
    play.world.gone = "virtualservice shop/other: is not there"
    play.after(minutes=1).after(minutes=1).gives(v1=95, v2=5)
    assert (play.status.phase, play.status.because) == (Phase.PAUSED, play.world.gone)
    play.request("promote").gives(v1=95, v2=5)
    play.request("abort").gives(v1=100)
    assert play.status.rejected is not None


def test_while_one_of_several_objects_is_gone_a_refusal_is_told_once() -> None:
    play = Play(make.canary_spec(5, 50)).push("v2").gives(v1=95, v2=5)
    play.world.gone = "virtualservice shop/other: is not there"
    play.after(minutes=1).after(minutes=1).request("resume").gives(v1=95, v2=5)
    (refused,) = play.status.refused_requests
    assert play.after(minutes=1).status.refused_requests == (refused,)
    assert play.status.last_handled_request == refused.request


def test_a_gate_that_opened_is_asked_on_while_one_of_several_objects_is_gone() -> None:
    play = Play(make.canary_spec(5, 50)).push("v2").gives(v1=95, v2=5)
    play.world.gone = "virtualservice shop/other: is not there"
    play.after(minutes=1).after(minutes=1).gives(v1=95, v2=5)
    assert play.decision is not None
    assert play.decision.look_again == SOON


def test_nobody_is_adopted_while_one_of_several_objects_is_gone() -> None:
    traffic = SeenTraffic(managed=1, serving=("stable",), gone=("virtualservice a/b: gone",))
    look = make.look(RolloutStatus(), traffic=traffic)
    found = reconcile.decide(look.rollout, look.status, look.seen, START)
    assert (found.status.stable, found.because) == (None, "virtualservice a/b: gone")


def test_a_status_that_has_lost_stable_begins_anew() -> None:
    """Somebody edited it: whoever serves is adopted, whatever stage the rest of it names."""
    play = Play(make.canary_spec(5, 50)).push("v2").gives(v1=95, v2=5)
    play.status = replace(play.status, stable=None)
    play.look().until(Phase.HEALTHY, Stage.IDLE)
    assert play.status.stable is not None


def test_objects_that_were_never_written_to_have_nothing_to_confirm() -> None:
    look = make.look(RolloutStatus(), traffic=SeenTraffic(problems=("no virtualservice",)))
    found = reconcile.decide(look.rollout, look.status, look.seen, START)
    assert (found.status.stage.confirmed_at, found.status.because) == (None, "no virtualservice")


def test_a_commit_that_changes_only_words_is_no_release() -> None:
    play = Play(make.canary_spec(5, 50)).push("v2").push("v2").gives(v1=95, v2=5)
    assert play.status.attempt.canary is not None
    assert (play.status.attempt.canary.commit, play.status.attempt.number) == ("c3", 1)


def test_what_git_asks_comes_before_what_a_person_asks() -> None:
    play = Play(make.canary_spec(5, 50)).push("v2")
    later = replace(play.rollout.spec, revision="v1")
    play.rollout = replace(play.rollout, spec=later, request=make.PROMOTE)
    play.look().gives(v1=100)


def test_a_step_that_is_edited_under_our_feet_starts_anew() -> None:
    play = Play(make.canary_spec(5, 50)).push("v2").after(minutes=1).gives(v1=50, v2=50)
    fewer = make.canary_spec(5, revision="v2")
    play.rollout = replace(play.rollout, spec=fewer)
    play.look().gives(v1=95, v2=5)
    assert (
        play.status.attempt.number,
        play.status.attempt.step and play.status.attempt.step.index,
    ) == (2, 0)


def test_a_journey_goes_on_while_git_cannot_say_what_it_asks() -> None:
    look = make.look(make.at_step(), asked=None)
    found = reconcile.decide(look.rollout, look.status, look.seen, START)
    assert found.status.stage.name is Stage.STEPPING


def test_findings_are_shown_while_the_journey_lasts() -> None:
    play = Play(make.canary_spec(5, 50))
    play.world.findings = (Finding("ROL-010", Severity.WARN, "no timeout is set"),)
    play.push("v2")
    assert play.status.attempt.warnings == ("ROL-010: no timeout is set",)
    assert play.until(Phase.HEALTHY, Stage.IDLE).status.attempt.warnings == ()


def test_an_overruled_finding_is_kept_with_its_reason() -> None:
    play = Play(make.canary_spec(5, 50))
    passed = Finding("ROL-023", Severity.WARN, "is never reached", "legacy ends on Monday")
    play.world.findings = (passed,)
    play.push("v2").after(minutes=1)
    told = [entry.because for entry in play.status.history]
    assert play.status.attempt.warnings == (
        "ROL-023: is never reached (overruled: legacy ends on Monday)",
    )
    assert told.count("ROL-023 overruled: legacy ends on Monday") == 1


def test_a_stable_that_grows_raises_what_the_canary_needs() -> None:
    play = Play(make.canary_spec(5, 50)).push("v2")
    play.world.pods["v1"] = 12
    play.after(minutes=1).gives(v1=95, v2=5)
    assert (play.status.because, play.status.attempt.stable_pods) == (
        "50% needs 5 canary pods, 4 ready",
        12,
    )


def test_a_change_of_what_proxies_should_know_is_confirmed_anew() -> None:
    look = make.look(make.at_step(), traffic=SeenTraffic(differences=("x",), subsets={}))
    found = reconcile.decide(look.rollout, look.status, look.seen, START)
    assert any(isinstance(a, SetRoute) for a in found.actions)
    assert (found.status.stage.asked_at, found.status.stage.confirmed_at) == (START, None)


def test_an_old_versions_name_put_back_is_told_and_no_hot_loop() -> None:
    """Nothing of ours is written there, so asking for it again would never end."""
    stray = "virtualservice shop/shop http[0]: all to subset v1, wanted v2"
    idle = make.at_step(stage=Stage.IDLE, canary=None, step=None)
    look = make.look(
        idle, traffic=SeenTraffic(strays=(stray,), subsets={"stable": {"version": "v1"}})
    )
    found = reconcile.decide(look.rollout, look.status, look.seen, START)
    assert [type(action) for action in found.actions] == [Announce]
    assert (found.because, found.status.phase) == (stray, Phase.PAUSED)
    again = reconcile.decide(look.rollout, found.status, look.seen, START)
    assert (again.actions, again.status) == ((), found.status)


def journey(edited_at: int) -> tuple[Play, set[Stage]]:
    """A look each quarter minute; somebody edits the status after so many. Also the stages seen."""
    play, stages = Play(make.MANAGED), set[Stage]()
    play.rollout = make.rollout(make.MANAGED, "v2")
    for number in range(100):
        play.now += timedelta(seconds=15)
        play.look_once()
        stages.add(play.status.stage.name)
        if number == edited_at:
            stage = replace(play.status.stage, asked_at=None, confirmed_at=None, confirmed_by=None)
            old = play.status.draining and replace(play.status.draining, since=None)
            play.status = replace(play.status, stage=stage, draining=old)
    return play, stages


@pytest.mark.parametrize("edited_at", range(40))
def test_what_was_edited_out_of_a_status_is_waited_for_anew_and_not_for_ever(
    edited_at: int,
) -> None:
    """When the proxies were asked and had it, and when a drain began: in each look of a journey."""
    play, _ = journey(edited_at)
    play.gives(v2=100)
    assert play.status.stage.name is Stage.IDLE
    assert play.status.draining is None
    assert play.world.pods["v1"] == 0


def test_forty_looks_are_a_whole_journey() -> None:
    play, stages = journey(-1)
    assert {Stage.STEPPING, Stage.REPOINTING, Stage.RETURNING, Stage.RETIRING} < stages
    assert play.status.stage.since is not None
    assert play.status.stage.since < START + timedelta(seconds=15 * 40)
