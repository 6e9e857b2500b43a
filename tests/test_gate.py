from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rollout import gate, hook
from rollout.analysis import grid, judge
from rollout.analysis.judge import Judgement
from rollout.gate import Finding, Gate, Held, Window
from rollout.model.observation import HookAnswer, HookVerdict, Observation, SeenTraffic
from rollout.model.reasons import PauseKind, WaitsFor
from rollout.model.spec import Analysis, Approval, Ending, Rollout, Step
from rollout.model.status import (
    Answer,
    Opened,
    Outcome,
    Revision,
    RolloutStatus,
    Standing,
    StepStatus,
)
from tests import make
from tests.make import MINUTE, START

INTERVAL = timedelta(seconds=15)
WINDOW = Window("shop", "v1", "v2", {}, START, 0, 5, 50, False, True)
BLIND = Observation(None, SeenTraffic())
AT_0 = make.status(attempt=1, step=StepStatus(0, "step 1", START))


@pytest.fixture(autouse=True)
def said(monkeypatch: pytest.MonkeyPatch) -> list[Judgement]:
    """What the judge says in these tests; the gate knows no more of him than that."""
    says = [Judgement(Standing.CERTIFIED, (), {"k": 1}, "sure", "2 min more")]
    monkeypatch.setattr(judge, "judge", lambda *_: says[0])
    return says


def says(said: list[Judgement], standing: Standing) -> None:
    said[0] = replace(said[0], standing=standing)


def answer(
    waited: timedelta | None = MINUTE,
    step: Step | None = None,
    status: RolloutStatus = AT_0,
    seen: Observation = BLIND,
    window: Window | None = WINDOW,
    author: str = "ann",
    **analysis: Any,
) -> Finding:
    held = Held(step or Step(bake=MINUTE), window, waited)
    now = START + (waited or timedelta(0))
    return gate.answer(replace(rollout(**analysis), author=author), held, status, seen, now)


def rollout(**analysis: Any) -> Rollout:
    plain = make.rollout(make.canary_spec(analysis=Analysis(**analysis)))
    return replace(plain, author="ann")


def brief(found: Finding) -> tuple[Gate, str, bool]:
    return found.gate, found.because, found.pause is not None


def test_nothing_is_judged_before_the_proxies_have_the_route() -> None:
    found = answer(waited=None)
    because = "waiting for the proxies to take the route"
    assert found == Finding(Gate.HOLD, because, waits_for=WaitsFor.PROXIES)


def test_nothing_is_asked_before_there_is_anything_to_judge() -> None:
    helds = [Held(Step(), None, MINUTE), Held(Step(), None, None)]
    found = [gate.questions(rollout(), held, AT_0, START) for held in helds]
    assert found == [((), ())] * 2


def test_what_the_judge_needs_is_asked() -> None:
    plain = make.rollout(make.canary_spec())
    held = Held(Step(), WINDOW, 3 * MINUTE)
    _, values = gate.questions(plain, held, AT_0, START + 3 * MINUTE)
    assert {q.promql for q in values} == {"errors"}


def test_a_certified_step_opens_once_it_has_baked() -> None:
    assert brief(answer(waited=59 * MINUTE / 60)) == (Gate.HOLD, "baking for 1m", False)
    found = answer()
    assert (found.gate, found.checkpoint) == (Gate.OPEN, {"k": 1})


def test_the_gate_is_looked_at_again_when_new_counters_are_there_or_sooner() -> None:
    late, soon = answer(waited=30 * MINUTE / 60).again, answer(waited=59 * MINUTE / 60).again
    assert late is not None
    assert grid.latest(START + 30 * MINUTE / 60 + late, INTERVAL) == START + 30 * MINUTE / 60
    assert soon == MINUTE / 60


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 10**6), st.integers(1, 60))
def test_every_instant_is_looked_at_once_and_not_before_its_counters_are_there(
    milliseconds: int, seconds: int
) -> None:
    interval, now = timedelta(seconds=seconds), START + timedelta(milliseconds=milliseconds)
    looks = [now]
    for _ in range(4):
        waited = looks[-1] - START
        found = answer(waited=waited, step=Step(bake=timedelta(days=1)), interval=interval)
        looks.append(looks[-1] + (found.again or timedelta(0)))
    instants = [grid.latest(look, interval) for look in looks[1:]]
    assert [b - a for a, b in pairwise(instants)] == [interval] * 3
    assert all(look - at <= 2 * interval for look, at in zip(looks[1:], instants, strict=True))


def test_a_failure_does_not_wait_for_the_bake(said: list[Judgement]) -> None:
    says(said, Standing.FAILED)
    assert brief(answer(waited=timedelta(0))) == (Gate.FAILED, "sure", False)


def test_without_requests_to_the_canary_the_bake_is_all_there_is() -> None:
    found = answer(window=None)
    assert (brief(found), found.again) == ((Gate.OPEN, "baked", False), None)


@pytest.mark.parametrize("standing", [Standing.NO_DATA, Standing.ERROR])
def test_what_is_not_known_holds_and_after_the_deadline_a_person_is_asked(
    said: list[Judgement], standing: Standing
) -> None:
    says(said, standing)
    found = [brief(answer(waited=w * MINUTE)) for w in (1, 29, 30)]
    assert found == [(Gate.HOLD, "sure", pause) for pause in (False, False, True)]


def test_counters_that_cannot_be_there_yet_are_no_news(said: list[Judgement]) -> None:
    says(said, Standing.NO_DATA)
    assert brief(answer(waited=MINUTE / 2)) == (Gate.HOLD, "baking for 1m", False)
    says(said, Standing.ERROR)
    assert brief(answer(waited=MINUTE / 2)) == (Gate.HOLD, "sure", False)


def test_no_data_pauses_at_once_where_asked_but_not_before_there_can_be_any(
    said: list[Judgement],
) -> None:
    says(said, Standing.NO_DATA)
    waits = [timedelta(0), MINUTE]
    assert [answer(waited=w, on_no_data="pause").pause for w in waits] == [None, PauseKind.BLIND]
    says(said, Standing.ERROR)
    assert not answer(on_no_data="pause").pause


def test_evidence_is_waited_for_until_the_time_box_is_over(said: list[Judgement]) -> None:
    says(said, Standing.CLEAN)
    found = answer(waited=19 * MINUTE)
    assert brief(found) == (Gate.HOLD, "2 min more", False)
    said[0] = replace(said[0], need="")
    assert answer(waited=19 * MINUTE).because == "sure"


@pytest.mark.parametrize(
    ("ending", "found"),
    [
        (Ending.PROMOTE, (Gate.OPEN, "time box over: sure", False)),
        (Ending.HOLD, (Gate.HOLD, "time box over: sure", True)),
        (Ending.ROLLBACK, (Gate.FAILED, "time box over: sure", False)),
    ],
)
def test_clean_but_not_certified_ends_as_the_policy_says(
    said: list[Judgement], ending: Ending, found: object
) -> None:
    says(said, Standing.CLEAN)
    assert brief(answer(waited=20 * MINUTE, on_inconclusive=ending)) == found


def test_a_suspicion_is_never_promoted(said: list[Judgement]) -> None:
    says(said, Standing.SUSPICIOUS)
    found = [brief(answer(waited=20 * MINUTE, on_suspicious=p)) for p in ("hold", "rollback")]
    assert found == [(Gate.HOLD, "suspicious: sure", True), (Gate.FAILED, "sure", False)]


def test_too_little_traffic_asks_a_person(said: list[Judgement]) -> None:
    says(said, Standing.TOO_FEW)
    assert brief(answer(waited=20 * MINUTE)) == (Gate.HOLD, "too little traffic: sure", True)


@pytest.mark.parametrize("standing", [Standing.CLEAN, Standing.TOO_FEW])
def test_with_everyone_on_the_canary_nothing_is_left_to_certify(
    said: list[Judgement], standing: Standing
) -> None:
    says(said, standing)
    assert answer(window=replace(WINDOW, comparing=False)).gate is Gate.OPEN


HOOKED = Step(bake=MINUTE, webhook=make.QA)
AT_HOOK = make.changed(AT_0, canary=Revision("v2"))


def hooked(
    verdict: HookVerdict | None, minutes: int = 1, status: RolloutStatus = AT_HOOK
) -> Finding:
    """The gate's answer when this is what was heard of the step's webhook."""
    asked = hook.question(rollout(), HOOKED, AT_HOOK)
    assert asked is not None
    heard = HookAnswer(asked.nonce, verdict, "3 of 9") if verdict else None
    seen = replace(BLIND, webhook=heard)
    return answer(waited=minutes * MINUTE, step=HOOKED, status=status, seen=seen)


@pytest.mark.parametrize(
    ("verdict", "because"),
    [
        (None, "waiting for webhook qa"),
        (HookVerdict.SILENT, "webhook qa gives no answer: 3 of 9"),
        (HookVerdict.HOLD, "webhook qa holds: 3 of 9"),
    ],
)
def test_a_webhook_holds_until_it_says_yes_and_is_not_waited_for_for_ever(
    verdict: HookVerdict | None, because: str
) -> None:
    found = [brief(hooked(verdict, minutes)) for minutes in (1, 49, 50)]
    assert found == [(Gate.HOLD, because, pause) for pause in (False, False, True)]


def test_a_webhook_that_cannot_be_asked_is_told_while_the_step_still_bakes() -> None:
    early = hooked(HookVerdict.SILENT, 0)
    assert early.because == "baking for 1m"
    [told] = (one for one in early.verdicts if one.metric == "webhook qa")
    assert (told.outcome, told.text) == (Outcome.ERROR, "webhook qa gives no answer: 3 of 9")


def test_a_webhook_that_opens_is_remembered_and_need_not_say_it_again() -> None:
    early = hooked(HookVerdict.OPEN, 0)
    assert (early.gate, early.opened) == (
        Gate.HOLD,
        Opened(early.opened.nonce if early.opened else "", START, because="3 of 9"),
    )
    assert (
        hooked(
            None, status=make.changed(AT_HOOK, step=StepStatus(0, "step 1", START, early.opened))
        ).gate
        is Gate.OPEN
    )


def test_a_webhook_that_says_failed_need_not_wait_for_the_bake() -> None:
    found = hooked(HookVerdict.FAILED, 0)
    assert brief(found) == (Gate.FAILED, "webhook qa says failed: 3 of 9", False)


def test_a_failed_analysis_is_not_talked_over_by_a_webhook(said: list[Judgement]) -> None:
    says(said, Standing.FAILED)
    assert brief(hooked(HookVerdict.OPEN))[:2] == (Gate.FAILED, "sure")
    assert brief(hooked(HookVerdict.FAILED))[:2] == (Gate.FAILED, "sure")


def yes(who: str, minute: int = 1, step: int = 0, attempt: int = 1) -> Answer:
    return Answer(True, START + minute * MINUTE, step, attempt, who=who)


def approved(approval: Approval, *answers: Answer, waited: timedelta = MINUTE) -> Finding:
    step = Step(bake=MINUTE, approval=approval)
    return answer(waited=waited, step=step, status=make.changed(AT_0, approvals=answers))


def test_people_are_asked_once_everything_measured_is_open() -> None:
    found = approved(Approval(), waited=2 * MINUTE)
    assert found.waits_for is WaitsFor.APPROVAL
    assert brief(found) == (Gate.HOLD, "waiting for approval: 0 of 1", False)


def test_the_end_of_waiting_for_people_is_not_slept_through() -> None:
    found = answer(step=Step(bake=MINUTE, approval=Approval()), window=None)
    assert found.again == timedelta(hours=4) - MINUTE


def test_a_quorum_counts_each_person_once() -> None:
    two = Approval(quorum=2)
    assert approved(two, yes("ann"), yes("ann")).gate is Gate.HOLD
    assert approved(two, yes("ann"), yes("bob")).gate is Gate.OPEN


def test_who_may_annotate_may_approve_where_the_list_says_kubernetes() -> None:
    listed = Approval(approvers=("kubernetes",))
    assert approved(listed, yes("")).gate is Gate.OPEN
    assert approved(listed, yes("eve")).gate is Gate.HOLD


def test_who_logged_in_at_the_page_may_approve_likewise_and_each_is_one_of_a_quorum() -> None:
    two = Approval(approvers=("kubernetes",), quorum=2)
    ann, bob = yes("kubernetes:ann"), yes("kubernetes:bob")
    assert approved(two, ann, ann).gate is Gate.HOLD
    assert approved(two, ann, bob).gate is Gate.OPEN
    assert approved(Approval(approvers=("U012AB3CD",)), ann).gate is Gate.HOLD


def test_one_person_by_two_doors_is_no_quorum_of_two() -> None:
    """SEC-28: Ann of Slack, of the page and of the CLI may be one and the same."""
    two = Approval(approvers=("kubernetes", "U0ANN", "U0BOB"), quorum=2)
    doors = yes("slack:U0ANN"), yes("kubernetes:ann"), yes("")
    assert approved(two, *doors).because == "waiting for approval: 1 of 2"
    assert approved(two, *doors, yes("slack:U0BOB")).gate is Gate.OPEN
    assert approved(two, *doors, yes("kubernetes:bob")).gate is Gate.OPEN


@pytest.mark.parametrize(
    "given", [yes("eve"), yes(""), yes("bob", step=1), yes("bob", attempt=2), yes("bob", -300)]
)
def test_a_strangers_an_old_or_a_late_yes_does_not_count(given: Answer) -> None:
    assert approved(Approval(approvers=("bob",)), given).gate is Gate.HOLD


@pytest.mark.parametrize("who", ["ann", "", "kubernetes:bob", "bob", "slack:U0BOB"])
def test_four_eyes_are_not_the_authors_nor_nobodys(who: str) -> None:
    assert approved(Approval(not_author=True), yes(who)).gate is Gate.HOLD


@pytest.mark.parametrize(("unlike", "gate_is"), [("ann", Gate.OPEN), ("eve", Gate.HOLD)])
def test_four_eyes_are_told_apart_from_the_author_in_a_chat(unlike: str, gate_is: Gate) -> None:
    told = replace(yes("slack:U0BOB"), unlike=unlike)
    assert approved(Approval(not_author=True), told).gate is gate_is


@pytest.mark.parametrize("who", ["ann", "", "kubernetes:bob", "slack:U0BOB"])
def test_four_eyes_count_nobodys_yes_where_no_author_is_known_and_say_what_to_do(who: str) -> None:
    """SEC-28: whoever cannot be told apart from the author may be the author."""
    step = Step(bake=MINUTE, approval=Approval(not_author=True))
    status = make.changed(AT_0, approvals=(yes(who),))
    found = answer(step=step, status=status, author="")
    because = "waiting for approval: no author is known; push it from git, or end notAuthor"
    assert brief(found) == (Gate.HOLD, because, False)
    assert found.waits_for is WaitsFor.APPROVAL
    late = answer(timedelta(hours=4), step, status, author="")
    assert late.because == "nobody approved in time"


def test_nobody_in_time_asks_a_person() -> None:
    found = approved(Approval(), waited=timedelta(hours=4))
    assert brief(found) == (Gate.HOLD, "nobody approved in time", True)


@pytest.mark.parametrize("who", ["ann", ""])
def test_a_no_ends_the_step_at_once(who: str) -> None:
    found = approved(Approval(not_author=True), replace(yes(who), yes=False), waited=timedelta(0))
    assert brief(found) == (Gate.FAILED, f"rejected by {who or 'a person'}", False)


def test_a_no_counts_at_a_step_that_asks_nobody_but_not_from_a_stranger_where_one_is_asked() -> (
    None
):
    no = make.changed(AT_0, approvals=(replace(yes("eve"), yes=False),))
    assert answer(status=no).because == "rejected by eve"
    step = Step(bake=MINUTE, approval=Approval(approvers=("bob",)))
    assert answer(status=no, step=step).gate is Gate.HOLD


def test_answers_speak_of_no_step_when_there_is_none() -> None:
    assert gate.answers(make.changed(AT_0, step=None, approvals=(yes("bob"),))) == ()
