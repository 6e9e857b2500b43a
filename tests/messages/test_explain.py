from dataclasses import replace

from rollout.messages import explain
from rollout.model.reasons import PauseKind, WaitsFor
from rollout.model.spec import Approval, Canary, Rollout, Step, Strategy
from rollout.model.status import (
    Outcome,
    Pause,
    Phase,
    Rejected,
    Revision,
    RolloutStatus,
    Stage,
    Verdict,
)
from tests import make
from tests.make import MINUTE, START
from tests.messages.test_terminal import STEPPING


def shop(approval: Approval | None = None) -> Rollout:
    """A Rollout at whose first step people may be asked."""
    step = Step(weight=5, bake=5 * MINUTE, time_box=10 * MINUTE, approval=approval)
    return make.rollout(make.spec(Strategy(canary=Canary((step, Step(weight=50))))), "v2")


SHOP = shop()
THEN = "in 3m it goes on, unless something looks worse or too few requests came"


def test_a_baking_step_is_explained_with_the_time_that_is_left() -> None:
    said = explain.explain(SHOP, STEPPING, START + MINUTE)
    assert said == "shop is at step 1 (5%): baking for 5m; it bakes 4m more at least"


def test_a_step_that_waits_for_evidence_is_explained_with_its_time_box() -> None:
    waits = WaitsFor.EVIDENCE
    status = replace(STEPPING, because="~500 more canary requests", waits_for=waits)
    said = explain.explain(SHOP, status, START + 7 * MINUTE)
    assert said == f"shop is at step 1 (5%): ~500 more canary requests; {THEN}"
    after = explain.explain(SHOP, status, START + 12 * MINUTE)
    assert after == "shop is at step 1 (5%): ~500 more canary requests"


def test_a_bake_that_is_over_is_not_told_as_going_on() -> None:
    said = explain.explain(SHOP, STEPPING, START + 7 * MINUTE)
    newest = "it has baked; what else it waits for is told within a minute"
    assert said == f"shop is at step 1 (5%): {newest}; {THEN}"


def test_who_cannot_be_asked_is_told_beside_what_is_waited_for() -> None:
    silent = Verdict("webhook qa", Outcome.ERROR, "webhook qa gives no answer: it answers 401")
    status = make.changed(STEPPING, verdicts=(silent,))
    said = explain.explain(SHOP, status, START + MINUTE)
    assert (
        said == f"shop is at step 1 (5%): baking for 5m; it bakes 4m more at least; {silent.text}"
    )
    late = replace(status, because=silent.text, waits_for=WaitsFor.DATA)
    assert explain.explain(SHOP, late, START).count(silent.text) == 1


def test_an_approval_is_explained_with_the_words_to_give_it() -> None:
    status = replace(STEPPING, waits_for=WaitsFor.APPROVAL, because="waiting for approval: 0 of 1")
    said = explain.explain(shop(Approval()), status, START)
    assert said.endswith("; say `rollout approve shop -n shop` or `rollout reject shop -n shop`")
    listed = explain.explain(shop(Approval(approvers=("U1", "kubernetes"))), status, START)
    assert listed == said


def test_whoever_may_answer_in_slack_alone_is_told_where_and_no_command() -> None:
    status = replace(STEPPING, waits_for=WaitsFor.APPROVAL, because="waiting for approval: 0 of 1")
    asked = shop(Approval(slack="#releases", approvers=("U1", "S2")))
    assert explain.explain(asked, status, START) == (
        "shop is at step 1 (5%): waiting for approval: 0 of 1; U1 or S2 must answer in Slack, "
        "#releases"
    )


def test_a_route_on_its_way_has_no_forecast() -> None:
    status = make.changed(STEPPING, confirmed_at=None, because="waiting for the proxies")
    said = explain.explain(SHOP, status, START)
    assert said == "shop is at step 1 (5%): waiting for the proxies"


def test_a_pause_is_explained_with_the_ways_on() -> None:
    ways = "`rollout resume shop -n shop`, or promote, or abort"
    mine = make.changed(STEPPING, pause=Pause(PauseKind.BLIND, "too little traffic", START))
    said = explain.explain(SHOP, mine, START + 3 * MINUTE)
    assert said == f"shop stands still: paused for 3m: too little traffic; {ways}"
    theirs = make.changed(STEPPING, pause=Pause(PauseKind.PERSON, "paused by ada", START, "ada"))
    said = explain.explain(SHOP, theirs, START + 3 * MINUTE)
    assert said == f"shop stands still: paused by ada, 3m ago; {ways}"


def test_a_rejection_is_explained_with_how_to_try_again() -> None:
    status = RolloutStatus(
        phase=Phase.DEGRADED,
        because="v2 was rejected: errors",
        stable=Revision("v1"),
        rejected=Rejected(Revision("v2"), "errors", START),
    )
    said = explain.explain(SHOP, status, START)
    again = "push another revision, or `rollout retry shop -n shop`"
    assert said == f"shop stays on v1: v2 was rejected: errors; {again}"


def test_rest_and_the_stages_between_steps_are_explained_by_their_sentence() -> None:
    rest = RolloutStatus(because="v1 has everyone")
    assert explain.explain(SHOP, rest, START) == "shop has nothing to do: v1 has everyone"
    because = "canary pods: 0 of 1 ready"
    pods = make.changed(STEPPING, stage=Stage.PREPARING, step=None, because=because, since=START)
    assert explain.explain(SHOP, pods, START + MINUTE) == (
        "shop is preparing: canary pods: 0 of 1 ready; in 29m it pauses and asks a person"
    )


def test_while_the_old_pods_stay_it_says_how_long_the_way_back_is_open() -> None:
    because = "baking for 30m"
    status = make.changed(STEPPING, stage=Stage.BAKING, step=None, because=because)
    canary = Canary((Step(weight=5),), bake_after_promotion=30 * MINUTE)
    baking = make.rollout(make.spec(Strategy(canary=canary)), "v2")
    assert explain.explain(baking, status, START + MINUTE) == (
        "shop has everyone on v2: baking for 30m; "
        "`rollout abort shop -n shop` takes everyone back, for 29m more"
    )
    over = explain.explain(baking, status, START + 31 * MINUTE)
    assert over == "shop has everyone on v2: baking for 30m"


def test_a_step_that_knows_nothing_is_not_said_to_go_on_by_itself() -> None:
    no_data = "errors: no data"
    status = replace(STEPPING, because=no_data, waits_for=WaitsFor.DATA)
    assert explain.explain(SHOP, status, START + 7 * MINUTE) == (
        "shop is at step 1 (5%): errors: no data; in 23m it pauses and asks a person"
    )


def test_what_a_person_has_to_decide_is_said_apart_and_else_nothing() -> None:
    assert explain.ways_on(SHOP, STEPPING) == ""
    paused = make.changed(STEPPING, pause=Pause(PauseKind.DRIFT, "drift", START))
    assert explain.ways_on(SHOP, paused) == "`rollout resume shop -n shop`, or promote, or abort"


def test_a_rollout_that_may_not_begin_stands_still() -> None:
    status = RolloutStatus(phase=Phase.PAUSED, because="rollout shop/a has it already")
    said = explain.explain(SHOP, status, START)
    assert said == "shop stands still: rollout shop/a has it already"


def test_an_outage_has_no_forecast_and_is_said_beside_a_persons_pause() -> None:
    because = "v1 has 95% and no ready pods: mend it, or promote"
    down = replace(STEPPING, because=because, waits_for=WaitsFor.STABLE)
    said = explain.explain(SHOP, down, START + MINUTE)
    promote = "`rollout promote shop -n shop` gives the canary everyone"
    assert said == f"shop is at step 1 (5%): {because}; {promote}"
    pause = Pause(PauseKind.PERSON, "paused by ada", START, "ada")
    held = explain.explain(SHOP, make.changed(down, pause=pause), START + 3 * MINUTE)
    assert held.startswith(f"shop stands still: paused by ada, 3m ago; {because}; ")


def test_the_way_back_has_no_forecast_of_the_step_that_is_left() -> None:
    back = make.changed(STEPPING, stage=Stage.WITHDRAWING, because="errors: 5%")
    assert explain.explain(SHOP, back, START) == "shop is withdrawing: errors: 5%"


def test_beside_the_sentence_itself_only_what_follows_is_said() -> None:
    assert explain.follows(SHOP, STEPPING, START + MINUTE) == "it bakes 4m more at least"
    assert explain.follows(SHOP, RolloutStatus(because="v1 has everyone"), START) == ""
