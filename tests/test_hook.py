"""The HTTP gate's question and answers, as values."""

from dataclasses import replace

import pytest

from rollout import hook
from rollout.model.observation import (
    HookAnswer,
    HookQuestion,
    HookVerdict,
    Observation,
    SeenTraffic,
)
from rollout.model.spec import Step
from rollout.model.status import Opened, Outcome, Revision, StepStatus, Verdict
from tests import make

STEP = Step(webhook=make.QA)
ROLLOUT = make.rollout(make.canary_spec())
ASKED = hook.question(ROLLOUT, STEP, make.at_step())


def said(verdict: str, because: str = "", nonce: str | None = None) -> Observation:
    known = ASKED.nonce if ASKED else ""
    answer = HookAnswer(nonce or known, HookVerdict(verdict), because)
    return Observation(None, SeenTraffic(), webhook=answer)


def test_the_question_says_what_it_is_about() -> None:
    assert ASKED is not None
    assert (ASKED.rollout, ASKED.revision, ASKED.step_name, ASKED.weight, ASKED.epoch) == (
        "shop",
        "v2",
        "step 1",
        5,
        7,
    )


def test_the_same_question_has_the_same_nonce_whatever_else_was_decided() -> None:
    later = hook.question(ROLLOUT, STEP, make.at_step(epoch=99, attempt=1))
    assert ASKED is not None
    assert later == replace(ASKED, epoch=99)


@pytest.mark.parametrize(
    "other",
    [
        hook.question(ROLLOUT, STEP, make.at_step(attempt=2)),
        hook.question(ROLLOUT, STEP, make.at_step(1)),
        hook.question(replace(ROLLOUT, uid="u2"), STEP, make.at_step()),
        hook.question(
            ROLLOUT, Step(webhook=replace(make.QA, url="https://b.example")), make.at_step()
        ),
    ],
    ids=["another attempt", "another step", "a namesake", "an edited gate"],
)
def test_another_question_has_another_nonce(other: HookQuestion | None) -> None:
    assert ASKED is not None
    assert other is not None
    assert other.nonce != ASKED.nonce


def test_nobody_is_asked_without_a_gate_a_step_or_a_canary() -> None:
    assert hook.question(ROLLOUT, Step(), make.at_step()) is None
    assert hook.question(ROLLOUT, STEP, make.at_step(step=None)) is None
    assert hook.question(ROLLOUT, STEP, make.at_step(canary=None)) is None


def test_a_gate_that_has_opened_is_not_asked_again_and_another_one_is() -> None:
    opened = hook.opened(ASKED, said("open", "load test passed"), make.START)
    assert ASKED is not None
    assert opened == Opened(ASKED.nonce, make.START, because="load test passed")
    here = make.at_step(step=StepStatus(0, "step 1", make.START, opened))
    assert hook.question(ROLLOUT, STEP, here) is None
    elsewhere = make.at_step(step=StepStatus(1, "step 2", make.START, opened))
    assert hook.question(ROLLOUT, STEP, elsewhere) is not None


@pytest.mark.parametrize("verdict", ["hold", "failed", "silent"])
def test_only_open_opens(verdict: str) -> None:
    assert hook.opened(ASKED, said(verdict), make.START) is None
    assert hook.holds(ASKED, said(verdict))


@pytest.mark.parametrize("verdict", ["open", "hold", "silent"])
def test_only_failed_fails(verdict: str) -> None:
    assert hook.refusal(ASKED, said(verdict)) is None
    assert hook.refusal(ASKED, said("failed", "p99")) == "webhook qa says failed: p99"
    assert hook.refusal(None, said("failed", "p99")) is None


def test_what_was_said_to_another_question_says_nothing() -> None:
    assert hook.heard(ASKED, said("open", nonce="another")) is None
    assert hook.refusal(ASKED, said("failed", nonce="another")) is None
    assert hook.holds(ASKED, said("open", nonce="another")) == "waiting for webhook qa"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Observation(None, SeenTraffic()), "waiting for webhook qa"),
        (said("hold", "3 of 9 done"), "webhook qa holds: 3 of 9 done"),
        (said("hold"), "webhook qa holds"),
        (said("silent", "it answers 503"), "webhook qa gives no answer: it answers 503"),
        (said("open"), None),
    ],
)
def test_why_it_holds_is_said(answer: Observation, words: str | None) -> None:
    assert hook.holds(ASKED, answer) == words
    assert hook.holds(None, answer) is None


def test_the_canary_of_another_revision_name_is_in_the_question() -> None:
    found = hook.question(ROLLOUT, STEP, make.at_step(canary=Revision("v3", "c9")))
    assert found is not None
    assert (found.revision, found.commit) == ("v3", "c9")


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (said("open"), (Outcome.PASS, "webhook qa says open")),
        (said("hold", "3 of 9"), (Outcome.INCONCLUSIVE, "webhook qa holds: 3 of 9")),
        (said("failed", "p99"), (Outcome.FAIL, "webhook qa says failed: p99")),
        (said("silent", "401"), (Outcome.ERROR, "webhook qa gives no answer: 401")),
    ],
)
def test_an_answer_stands_beside_the_verdicts(
    answer: Observation, verdict: tuple[Outcome, str]
) -> None:
    assert hook.verdicts(ASKED, answer) == (Verdict("webhook qa", *verdict),)


def test_without_an_answer_there_is_no_verdict_and_none_is_endless() -> None:
    assert hook.verdicts(ASKED, Observation(None, SeenTraffic())) == ()
    assert hook.verdicts(None, said("open")) == ()
    [long] = hook.verdicts(ASKED, said("silent", "x" * 999))
    assert len(long.text) == hook.LONGEST
