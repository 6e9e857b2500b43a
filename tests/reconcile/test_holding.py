from dataclasses import replace
from datetime import timedelta

from rollout.gate import Held, Window
from rollout.model.reasons import PauseKind, Reason, WaitsFor
from rollout.model.spec import Canary, Step, Strategy, Workload
from rollout.model.status import Draining, Pause, Revision, RolloutStatus, Stage
from rollout.model.traffic import Cohort, Split, StringMatch
from rollout.reconcile import holding
from rollout.reconcile.look import Look, Turn
from tests import make
from tests.make import MINUTE, START

ROLLOUT = make.rollout(make.canary_spec(), "v2")
SECOND = timedelta(seconds=1)
PODS = {"v1": "shop-v1", "v2": "shop-v2"}


def later(look: Look, minutes: int) -> Look:
    return replace(look, now=START + minutes * MINUTE)


def until(look: Look, why: str) -> Turn:
    return holding.until(look, Reason(why), WaitsFor.PODS)


def test_what_must_come_by_itself_is_waited_for_until_the_deadline() -> None:
    look = make.look(make.at_step(stage=Stage.PREPARING))
    assert until(later(look, 29), "why").again == 5 * SECOND
    turn = until(later(look, 30), "why")
    assert turn.status.attempt.pause == Pause(PauseKind.DEADLINE, "why", START + 30 * MINUTE)


def test_at_a_step_the_deadline_begins_when_the_step_could_have_ended() -> None:
    look = make.look(make.at_step())
    ended = [until(later(look, m), "why").status.attempt.pause is None for m in (49, 50)]
    assert ended == [True, False]


def test_proxies_are_asked_more_often_than_pods() -> None:
    look = make.look(make.at_step(confirmed_at=None))
    asked = look.status.stage.asked_at
    assert asked is not None
    waits = [0.0, 0.1, 0.3, 0.7, 5.0]
    again = [until(replace(look, now=asked + SECOND * wait), "why").again for wait in waits]
    assert again == [SECOND * wait for wait in (0.1, 0.1, 0.15, 0.35, 1.0)]


def test_whoever_is_paused_waits_for_a_person() -> None:
    paused = make.at_step(pause=Pause(PauseKind.PERSON, "paused by bob", START, "bob"))
    assert until(make.look(paused), "why").because == "paused by bob"


def past(**changes: object) -> RolloutStatus:
    return make.changed(make.at_step(draining=Draining(Revision("v0"), START)), **changes)


def test_the_users_own_pods_of_the_past_are_forgotten_at_once() -> None:
    assert holding.drained(make.look(past())) == past(draining=None)
    assert holding.drained(make.look(make.at_step())) == make.at_step()


def test_pods_that_may_still_be_used_are_not_drained() -> None:
    used = past(draining=Draining(Revision("v0")))
    assert holding.drained(make.look(used)) == used


def managed(look: Look) -> Look:
    spec = make.canary_spec(workload=Workload("shop-{revision}", scale="managed"))
    return replace(look, rollout=make.rollout(spec, "v2"))


def test_pods_of_ours_are_remembered_until_they_are_seen_to_be_gone() -> None:
    there = later(managed(make.look(past(), workloads={"v0": make.workload("v0")})), 1)
    gone = later(managed(make.look(past())), 1)
    found = [holding.drained(look).draining for look in (managed(gone), there, gone)]
    old = Draining(Revision("v0"), START)
    assert found == [None, old, None]
    assert holding.drain_left(replace(there, now=START), old) == 30 * SECOND


def test_at_a_step_the_gate_compares_and_knows_the_next_weight() -> None:
    window = Window("shop", "v1", "v2", PODS, START, 0, 5, 50, asked=START, by_weight=True)
    found = holding.held(ROLLOUT, make.at_step(), START + MINUTE)
    assert found == Held(Step(weight=5, bake=MINUTE), window, MINUTE, patience=60 * MINUTE)


def test_after_the_last_step_comes_everyone() -> None:
    found = holding.held(ROLLOUT, make.at_step(1), START)
    assert found.window is not None
    assert found.window.next_weight == 100


def test_requests_that_no_weight_sends_are_not_reckoned_by_it() -> None:
    """A cohort's step, the one after it, and one after two of weights only."""
    cohort = Step(weight=5, cohorts=(Cohort(headers={"group": StringMatch(exact="staff")}),))
    steps = (cohort, Step(weight=10), Step(weight=20))
    plain = replace(make.canary_spec(), strategy=Strategy(canary=Canary(steps[1:])))
    mixed = replace(make.canary_spec(), strategy=Strategy(canary=Canary(steps)))
    told = []
    for spec, index in ((mixed, 0), (mixed, 1), (plain, 0), (plain, 1)):
        window = holding.held(make.rollout(spec, "v2"), make.at_step(index), START).window
        assert window is not None
        told.append(window.by_weight)
    assert told == [False, False, True, True]


def test_unconfirmed_there_is_no_evidence() -> None:
    held = holding.held(ROLLOUT, make.at_step(confirmed_at=None), START)
    assert (held.window, held.waited) == (None, None)


def test_without_requests_to_the_canary_there_is_no_evidence() -> None:
    quiet = make.canary_spec(0)
    status = make.at_step(split=Split(100, 0))
    assert holding.held(make.rollout(quiet, "v2"), status, START).window is None


def test_while_baking_there_is_nothing_to_compare_with() -> None:
    baking = make.at_step(stage=Stage.BAKING, split=Split(0, 100), step=None)
    held = holding.held(ROLLOUT, baking, START)
    assert held.window is not None
    assert (held.step.name, held.window.comparing) == ("bake", False)


def test_a_step_that_git_took_away_is_the_last_there_is() -> None:
    assert holding.stop(make.rollout(make.canary_spec(5), "v2"), make.at_step(1)).name == "step 1"
