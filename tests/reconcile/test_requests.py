from dataclasses import replace
from typing import Any

import pytest

from rollout import reconcile
from rollout import requests as people
from rollout.model.action import Decision
from rollout.model.reasons import PauseKind, Verb, WaitsFor
from rollout.model.spec import (
    Approval,
    Canary,
    Dark,
    OnFailure,
    Request,
    Rollout,
    Step,
    Strategy,
    Workload,
)
from rollout.model.status import PASSED, Answer, Phase, RolloutStatus, Stage, Vouched
from rollout.reconcile import requests
from tests import make
from tests.make import MINUTE, START
from tests.play import Play

HALF = make.canary_spec(5, 50)
HELD = make.spec(Strategy(dark=Dark((Step(mirror=0.5),))))


def refusal(play: Play) -> str:
    """Why the last request could not be done, as it is remembered; no look says it as its own."""
    request, newest = play.rollout.request, play.status.refused_requests[-1]
    assert request is not None
    assert play.status.last_refused_request == newest.request == request.text
    assert not any(newest.because in line for line in play.story)
    return newest.because


def test_a_request_is_handled_once_and_echoed() -> None:
    play = Play(HALF).push("v2").request("pause")
    request = play.rollout.request
    assert request is not None
    assert play.status.last_handled_request == request.text
    epoch = play.status.epoch
    assert play.after(minutes=1).status.epoch == epoch


@pytest.mark.parametrize("verb", ["promote", "skip", "pause", "resume", "abort", "retry", "reject"])
def test_there_is_nothing_to_do_at_rest(verb: str) -> None:
    play = Play(HALF)
    before = play.status.history
    assert refusal(play.request(verb)) == f"{verb}: nothing to {verb} while idle"
    assert play.status.history == before


@pytest.mark.parametrize("verb", [Verb.RETRY, Verb.APPROVE, Verb.RESUME])
def test_a_refusal_is_remembered_and_the_look_goes_on_as_without_it(
    verb: Verb, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide, refused, asked = reconcile.decide, set[Stage](), Request(verb, "7")

    def as_without(rollout: Rollout, status: RolloutStatus, *seen: Any) -> Decision:
        plain = decide(rollout, status, *seen)
        decision = decide(replace(rollout, request=asked), status, *seen)
        if decision.status.last_refused_request == asked.text:
            refused.add(status.stage.name)
            names = ("last_handled_request", "last_refused_request", "refused_requests")
            forgot = {name: getattr(status, name) for name in names}
            assert replace(decision, status=replace(decision.status, **forgot)) == plain
        return plain

    monkeypatch.setattr(reconcile, "decide", as_without)
    Play(HALF).push("v2").until(Phase.HEALTHY)
    assert refused >= set(PASSED)
    assert Stage.STEPPING in refused


def test_what_was_refused_once_and_is_done_later_bears_the_name_of_whoever_asked() -> None:
    play = Play(HALF).request("pause")
    again = play.rollout.request
    assert again is not None
    play.push("v2").request("pause").request("resume")
    play.rollout = replace(play.rollout, request=again)
    assert play.look().status.history[-1].request == again.text


def test_a_step_without_an_approval_cannot_be_approved_and_can_be_rejected() -> None:
    play = Play(HALF).push("v2").request("approve")
    assert refusal(play) == "approve: step 1 asks for no approval"
    assert play.status.attempt.approvals == ()
    play.request("reject").gives(v1=100)


@pytest.mark.parametrize(
    ("approval", "why"),
    [
        (Approval(not_author=True), "no author is known; push it from git, or end notAuthor"),
        (Approval(approvers=("U0BOB",)), "kubernetes is not on the list of approvers"),
    ],
)
def test_a_yes_that_counts_for_nothing_is_refused_and_not_told_as_an_approval(
    approval: Approval, why: str
) -> None:
    """SEC-28."""
    step = Step(weight=5, approval=approval)
    play = Play(make.spec(Strategy(canary=Canary((step, Step(weight=50)))))).push("v2")
    before = play.status.history
    assert refusal(play.request("approve")) == f"approve: {why}"
    assert (play.status.attempt.approvals, play.status.history) == ((), before)
    [refused] = play.status.refused_requests
    assert (refused.by, refused.because) == ("kubernetes", f"approve: {why}")


def test_a_no_of_somebody_who_is_not_on_the_list_is_refused_and_moves_nobody() -> None:
    step = Step(weight=5, approval=Approval(approvers=("U0BOB",)))
    play = Play(make.spec(Strategy(canary=Canary((step,))))).push("v2").request("reject")
    assert refusal(play) == "reject: kubernetes is not on the list of approvers"
    assert play.status.stage.name is Stage.STEPPING


def test_where_the_author_is_known_four_eyes_send_who_may_annotate_to_slack() -> None:
    step = Step(weight=5, approval=Approval(not_author=True))
    play = Play(make.spec(Strategy(canary=Canary((step,))))).push("v2")
    play.rollout = replace(play.rollout, author="ann@example.com")
    why = "approve: notAuthor needs a person whom Slack knows; answer there"
    assert refusal(play.request("approve")) == why


@pytest.mark.parametrize(("verb", "told"), [("promote", "promoted"), ("skip", "step skipped")])
def test_whoever_goes_on_without_those_who_were_asked_is_told_as_such(verb: str, told: str) -> None:
    step = Step(weight=5, approval=Approval(approvers=("U0BOB",)))
    steps = make.spec(Strategy(canary=Canary((step, Step(weight=50)))))
    play = Play(steps).push("v2").request(verb)
    assert f"{told} unapproved by a person" in [one.because for one in play.status.history]
    yes = Answer(True, START, 0, 1, "U0BOB", who="slack:U0BOB")
    approved = Play(steps).push("v2")
    approved.status = requests.answered_in_chat(approved.status, yes)
    because = [one.because for one in approved.request(verb).status.history]
    assert f"{told} by a person" in because


def test_nobody_is_promoted_onto_pods_that_cannot_carry_everyone() -> None:
    play = Play(HALF).push("v2")
    play.world.pods["v2"] = 2
    play.request("promote").gives(v1=95, v2=5)
    assert refusal(play) == "promote: 100% needs 3 canary pods, 2 ready"


def test_a_promotion_waits_for_pods_that_are_ours_to_start() -> None:
    managed = make.canary_spec(5, 10, workload=Workload("shop-{revision}", scale="managed"))
    play = Play(managed).push("v2")
    play.world.unready["v2"] = 3
    play.request("promote").gives(v1=95, v2=5)
    play.world.unready.clear()
    play.look().gives(v2=100)


def test_a_raise_waits_until_the_proxies_have_what_was_asked() -> None:
    play = Play(HALF)
    play.world.taken = False
    play.push("v2").after(seconds=15).gives(v1=95, v2=5)
    play.request("skip").gives(v1=95, v2=5)
    play.after(seconds=15).gives(v1=50, v2=50)


def test_skipping_the_last_step_promotes_unless_that_is_to_be_held() -> None:
    Play(make.canary_spec(5)).push("v2").request("skip").gives(v2=100)
    play = Play(HELD).push("v2").request("skip").gives(v1=100)
    assert refusal(play) == "skip: this was the last step; promote or abort"


def test_no_step_is_skipped_to_without_pods_for_it() -> None:
    play = Play(HALF).push("v2")
    play.world.pods["v2"] = 1
    play.request("skip").gives(v1=95, v2=5)


def test_a_person_who_pauses_is_named() -> None:
    play = Play(HALF).push("v2").request("pause", who="bob")
    assert (play.status.phase, play.status.because) == (Phase.PAUSED, "paused by bob")


def test_resume_after_our_own_pause_starts_the_waiting_anew() -> None:
    play = Play(HALF).push("v2")
    play.world.provider_down = True
    play.after(minutes=30).request("resume")
    assert play.status.phase is Phase.PROGRESSING
    assert play.status.stage.confirmed_at == play.now


def test_resume_while_preparing_waits_for_pods_anew() -> None:
    play = Play(HALF)
    del play.world.pods["v2"]
    play.push("v2").after(minutes=30).request("resume")
    assert (play.status.phase, play.status.stage.name) == (Phase.PROGRESSING, Stage.PREPARING)


def test_an_abort_on_the_way_back_means_do_not_try_again() -> None:
    play = Play(HALF).push("v2").after(minutes=1)
    play.world.unready["v1"] = 4
    play.world.unready["v2"] = 4
    play.after(seconds=1)
    assert (play.status.stage.name, play.status.rejected) == (Stage.WITHDRAWING, None)
    play.request("abort")
    play.world.unready.clear()
    play.after(seconds=1).gives(v1=100)
    assert play.status.because == "v2 was rejected: aborted by a person"


def test_a_way_back_to_a_stable_that_is_not_there_can_be_given_up() -> None:
    play = Play(HALF).push("v2").after(minutes=1)
    play.world.unready["v1"] = 4
    play.after(seconds=15, value=5).gives(v1=50, v2=50)
    play.world.value = 0.0
    play.request("promote").gives(v2=100)
    assert play.status.phase is Phase.HEALTHY or play.status.stage.name is Stage.RETIRING


def test_no_promotion_gives_traffic_to_what_git_does_not_ask_for() -> None:
    play = Play(HALF).push("v2").after(minutes=1)
    play.world.unready["v1"] = 4
    play.push("v3").request("promote").gives(v1=50, v2=50)
    assert refusal(play) == "promote: git does not ask for v2"


def test_what_was_rejected_is_tried_again_when_a_person_says_so() -> None:
    play = Play(HALF).push("v2").request("abort").after(minutes=1).gives(v1=100)
    assert play.status.rejected is not None
    play.request("retry", who="bob").gives(v1=95, v2=5)
    assert play.status.rejected is None
    assert "retry asked by bob" in [was.because for was in play.status.history]


def test_people_answer_the_step_that_is_asked_about() -> None:
    play = Play(make.spec(make.approved_at(5))).push("v2").after(minutes=1).gives(v1=95, v2=5)
    assert play.status.waits_for is WaitsFor.APPROVAL
    play.request("approve").gives(v1=50, v2=50)


def test_a_no_brings_everyone_back() -> None:
    play = Play(make.spec(make.approved_at(5))).push("v2").request("reject", who="bob")
    play.gives(v1=100)
    assert play.status.rejected is not None
    assert play.status.rejected.because == "rejected by bob"


def test_the_newest_answer_of_each_person_counts_and_those_of_past_attempts_are_dropped() -> None:
    first = Answer(True, START, 0, 1, who="bob")
    again = Answer(True, START + MINUTE, 0, 1, who="bob")
    past = Answer(True, START, 0, 0, who="eve")
    status = make.at_step(approvals=(first,))
    assert requests.answered_in_chat(status, again, MINUTE / 2).attempt.approvals == (again,)
    assert requests.answered_in_chat(status, again) is status
    assert requests.answered_in_chat(status, past) is status


def test_only_a_new_request_is_answered() -> None:
    look = make.look(make.at_step())
    assert requests.answered(look) == (look, None)
    assert Request(Verb.ABORT, "7").text == "abort@7"


def test_who_merely_claims_to_be_somebody_is_told_as_unverified_and_why() -> None:
    asked = Request(Verb.ABORT, "7", claimed="ada", reason="the shop is slow")
    _, turn = requests.answered(make.look(make.at_step(), request=asked))
    assert turn is not None
    assert turn.because == "aborted by ada (unverified): the shop is slow"
    newest = turn.status.history[-1]
    assert (newest.by, newest.claimed, newest.reason) == ("kubernetes", "ada", "the shop is slow")


def test_what_a_chat_has_proved_takes_no_name_and_no_reason_from_an_annotation() -> None:
    forged = Request(Verb.ABORT, "7", claimed="eve", reason="ada said so")
    rollout = replace(make.rollout(HALF, "v2"), request=forged)
    status = replace(make.at_step(), vouched=Vouched("abort@7", "slack:UADA"))
    heard = people.vouched_for(rollout, status).request
    assert heard == Request(Verb.ABORT, "7", "slack:UADA")


def test_an_answer_by_annotation_keeps_the_claim_and_counts_for_whoever_may_annotate() -> None:
    asked = Request(Verb.REJECT, "7", claimed="ada", reason="prices are wrong")
    _, turn = requests.answered(make.look(make.at_step(), request=asked))
    assert turn is not None
    (answer,) = turn.status.attempt.approvals
    assert answer == Answer(False, START, 0, 1, reason="prices are wrong", claimed="ada")
    assert answer.answerer == "ada (unverified)"


def test_a_request_that_was_handled_is_nobodys_when_its_text_is_put_back() -> None:
    """Whoever may annotate reads it in the history, and must not say yes as somebody else."""
    asks = Step(weight=5, approval=Approval(quorum=2))
    play = Play(make.spec(Strategy(canary=Canary((asks,))))).push("v2")
    yes = Request(Verb.APPROVE, "1")
    play.status = replace(play.status, vouched=Vouched(yes.text, "kubernetes:ann"))
    for asked in (yes, Request(Verb.RETRY, "2"), yes):
        play.rollout = replace(play.rollout, request=asked)
        play.look()
    assert [one.who for one in play.status.attempt.approvals] == ["kubernetes:ann", ""]


def test_what_is_paused_already_is_not_paused_again_and_no_decision() -> None:
    play = Play(HALF).push("v2").request("pause", who="bob")
    before = play.status
    assert refusal(play.request("pause", who="ann")) == "pause: already paused by bob"
    assert (play.status.history, play.status.attempt.pause) == (
        before.history,
        before.attempt.pause,
    )


def test_what_waits_for_a_decision_is_not_paused_besides() -> None:
    play = Play(HELD).push("v2").until(Phase.PAUSED)
    assert play.status.phase is Phase.PAUSED
    because = play.status.because
    assert refusal(play.request("pause", who="ann")) == f"pause: already paused: {because}"


def test_a_pause_that_would_end_by_itself_becomes_a_persons() -> None:
    play = Play(HALF).push("v2")
    play.world.provider_down = True
    play.after(minutes=30)
    assert play.status.phase is Phase.PAUSED
    pause = play.request("pause", who="ann").status.attempt.pause
    assert pause is not None
    assert (pause.kind, pause.by) == (PauseKind.PERSON, "ann")


def test_a_no_that_is_held_is_asked_about_again_once_a_person_resumes() -> None:
    """Every yes stays, and whoever said no may say it again."""
    two = Step(weight=5, bake=MINUTE, approval=Approval(quorum=2))
    spec = make.spec(Strategy(canary=Canary((two, Step(weight=50, bake=MINUTE)))))
    play = Play(replace(spec, on_failure=OnFailure.HOLD)).push("v2")
    play.request("approve", who="eve").request("reject", who="bob").after(minutes=1)
    assert play.status.because == "failed, held as asked: rejected by bob"
    play.request("resume", who="ann").after(minutes=1).gives(v1=95, v2=5)
    assert play.status.because == "waiting for approval: 1 of 2"
    play.request("reject", who="bob")
    assert play.status.because == "failed, held as asked: rejected by bob"
    play.request("resume", who="ann").request("approve", who="bob").after(minutes=1)
    play.gives(v1=50, v2=50)


def test_a_limit_that_failed_and_is_held_is_read_anew_once_a_person_resumes() -> None:
    play = Play(make.canary_spec(5, 50, on_failure=OnFailure.HOLD)).push("v2")
    play.after(seconds=15, value=5.0)
    assert play.status.because.startswith("failed, held as asked: ")
    play.after(seconds=15, value=0.0).request("resume").gives(v1=95, v2=5)
    assert play.status.attempt.pause is None
    play.after(minutes=1, value=0.0).gives(v1=50, v2=50)
