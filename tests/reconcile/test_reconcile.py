from dataclasses import replace
from datetime import timedelta

from rollout import confirm, hook, reconcile
from rollout.model.action import Announce, Decision, SetRoute
from rollout.model.observation import Finding, Questions, SeenTraffic, Severity
from rollout.model.spec import BlueGreen, Step, Strategy
from rollout.model.status import Phase, RolloutStatus, Stage
from rollout.model.traffic import STABLE_ONLY, Route, Split
from tests import make
from tests.make import START
from tests.play import Play

ROLLOUT = make.rollout(make.canary_spec(5, 50), "v2")


def test_a_new_rollout_asks_for_traffic_alone() -> None:
    asked = reconcile.ask(ROLLOUT, RolloutStatus(), START)
    assert asked == Questions(asked.target, STABLE_ONLY, released=True)


def test_a_step_asks_for_its_pods_its_route_and_its_numbers() -> None:
    status = make.at_step()
    asked = reconcile.ask(ROLLOUT, status, START + timedelta(minutes=2))
    assert (asked.route, asked.since) == (Route(Split(95, 5)), None)
    assert [r.name for r in asked.revisions] == ["v1", "v2"]
    assert {q.promql for q in asked.values} == {"errors"}


def test_requests_are_counted_only_where_another_split_can_show() -> None:
    unconfirmed = make.at_step(confirmed_at=None)
    later = START + timedelta(minutes=2)
    stages = [Stage.STEPPING, Stage.SWITCHING, Stage.REPOINTING, Stage.PREPARING]
    found = [reconcile.ask(ROLLOUT, replace(unconfirmed, stage=s), later).counts for s in stages]
    assert [[q.metric for q in counts] for counts in found] == [[confirm.METRIC]] * 2 + [[], []]
    dark = replace(unconfirmed, split=Split(100, 0))
    assert reconcile.ask(ROLLOUT, dark, later).counts == ()
    back = replace(dark, stage=Stage.WITHDRAWING)
    assert len(reconcile.ask(ROLLOUT, back, later).counts) == 1


def test_a_webhook_is_asked_once_the_route_is_confirmed() -> None:
    green = Strategy(blue_green=BlueGreen(webhook=make.QA))
    rollout = make.rollout(make.spec(green), "v2")
    status = make.at_step(split=Split(100, 0))
    found = [
        reconcile.ask(rollout, s, START).webhook
        for s in (status, replace(status, confirmed_at=None), replace(status, stage=Stage.BAKING))
    ]
    assert found == [hook.question(rollout, Step(webhook=make.QA), status), None, None]


def test_whoever_finds_a_newer_epoch_does_nothing() -> None:
    look = make.look(make.at_step(), traffic=SeenTraffic(epoch=8))
    because = "epoch 8 was written by somebody newer; nothing is done"
    found = reconcile.decide(look.rollout, look.status, look.seen, START)
    assert found == Decision(look.status, (), timedelta(seconds=5), because)


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


def test_nobody_is_adopted_while_one_of_several_objects_is_gone() -> None:
    traffic = SeenTraffic(managed=1, serving=("stable",), gone=("virtualservice a/b: gone",))
    look = make.look(RolloutStatus(), traffic=traffic)
    found = reconcile.decide(look.rollout, look.status, look.seen, START)
    assert (found.status.stable, found.because) == (None, "virtualservice a/b: gone")


def test_objects_that_were_never_written_to_have_nothing_to_confirm() -> None:
    look = make.look(RolloutStatus(), traffic=SeenTraffic(problems=("no virtualservice",)))
    found = reconcile.decide(look.rollout, look.status, look.seen, START)
    assert (found.status.confirmed_at, found.status.because) == (None, "no virtualservice")


def test_a_commit_that_changes_only_words_is_no_release() -> None:
    play = Play(make.canary_spec(5, 50)).push("v2").push("v2").gives(v1=95, v2=5)
    assert play.status.canary is not None
    assert (play.status.canary.commit, play.status.attempt) == ("c3", 1)


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
    assert (play.status.attempt, play.status.step and play.status.step.index) == (2, 0)


def test_a_journey_goes_on_while_git_cannot_say_what_it_asks() -> None:
    look = make.look(make.at_step(), asked=None)
    found = reconcile.decide(look.rollout, look.status, look.seen, START)
    assert found.status.stage is Stage.STEPPING


def test_findings_are_shown_while_the_journey_lasts() -> None:
    play = Play(make.canary_spec(5, 50))
    play.world.findings = (Finding("ROL-010", Severity.WARN, "no timeout is set"),)
    play.push("v2")
    assert play.status.warnings == ("ROL-010: no timeout is set",)
    assert play.until(Phase.HEALTHY, Stage.IDLE).status.warnings == ()


def test_an_overruled_finding_is_kept_with_its_reason() -> None:
    play = Play(make.canary_spec(5, 50))
    passed = Finding("ROL-023", Severity.WARN, "is never reached", "legacy ends on Monday")
    play.world.findings = (passed,)
    play.push("v2").after(minutes=1)
    told = [entry.because for entry in play.status.history]
    assert play.status.warnings == ("ROL-023: is never reached (overruled: legacy ends on Monday)",)
    assert told.count("ROL-023 overruled: legacy ends on Monday") == 1


def test_a_stable_that_grows_raises_what_the_canary_needs() -> None:
    play = Play(make.canary_spec(5, 50)).push("v2")
    play.world.pods["v1"] = 12
    play.after(minutes=1).gives(v1=95, v2=5)
    assert (play.status.because, play.status.pods) == ("50% needs 5 canary pods, 4 ready", 12)


def test_a_change_of_what_proxies_should_know_is_confirmed_anew() -> None:
    look = make.look(make.at_step(), traffic=SeenTraffic(differences=("x",), subsets={}))
    found = reconcile.decide(look.rollout, look.status, look.seen, START)
    assert any(isinstance(a, SetRoute) for a in found.actions)
    assert (found.status.asked_at, found.status.confirmed_at) == (START, None)
