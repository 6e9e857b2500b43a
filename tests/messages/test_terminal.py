from dataclasses import replace
from datetime import timedelta

import pytest

from rollout.manifest import objects
from rollout.messages import terminal
from rollout.messages.terminal import Fact
from rollout.model.reasons import PauseKind, WaitsFor
from rollout.model.source import Problem, RolloutSource, SourceStatus
from rollout.model.sourcespec import RolloutSourceSpec
from rollout.model.spec import Approval, Step
from rollout.model.status import (
    Answer,
    ConfirmedBy,
    Drift,
    Entry,
    Outcome,
    Pause,
    Phase,
    RefusedRequest,
    Rejected,
    Revision,
    RolloutStatus,
    Stage,
    StepStatus,
    Verdict,
    sentence,
)
from rollout.model.traffic import Split
from tests import make
from tests.make import MINUTE, START

SHOP = make.rollout(make.canary_spec(5, 50), "v2")
STEPPING = make.status(
    phase=Phase.PROGRESSING,
    stage=Stage.STEPPING,
    waits_for=WaitsFor.BAKE,
    because="baking for 5m",
    stable=Revision("v1", "c1"),
    canary=Revision("v2", "0123456789abcdef"),
    step=StepStatus(0, "step 1", START),
    split=Split(95, 5),
    asked_at=START,
    confirmed_at=START,
    confirmed_by=ConfirmedBy.SYNCZ,
)
STEP = Step(weight=5, bake=5 * MINUTE, time_box=10 * MINUTE)


@pytest.mark.parametrize(
    ("time", "words"),
    [
        (timedelta(seconds=-3), "0s"),
        (timedelta(seconds=119), "119s"),
        (timedelta(minutes=2), "2m"),
        (timedelta(hours=30), "30h"),
        (timedelta(days=9), "9d"),
    ],
)
def test_an_age_is_said_in_one_unit(time: timedelta, words: str) -> None:
    assert terminal.age(time) == words


def test_a_row_has_a_cell_for_each_title_and_a_dash_for_nothing() -> None:
    assert terminal.row("shop", STEPPING) == (
        *("shop", "Progressing", "v1", "v2", "5%", "step 1", "baking for 5m"),
    )
    assert terminal.row("shop", RolloutStatus()) == ("shop", "Healthy", *("-",) * 5)
    assert len(terminal.HEAD) == len(terminal.row("shop", STEPPING))


def test_columns_are_aligned_and_lines_have_no_blanks_at_their_ends() -> None:
    assert terminal.aligned([("A", "B"), ("long", "")]) == "A      B\nlong"


def test_a_bar_shows_little_as_something_and_much_as_not_yet_all() -> None:
    assert terminal.bar(0, 4) == "░░░░"
    assert terminal.bar(1, 4) == "█░░░"
    assert terminal.bar(99, 4) == "███░"
    assert terminal.bar(100, 4) == "████"


def test_the_history_is_newest_first() -> None:
    entries = tuple(
        Entry(f"1.{n}", START + n * MINUTE, Stage.STEPPING, "95/5", f"reason {n}", "v2")
        for n in (1, 2)
    )
    rows = terminal.history(RolloutStatus(history=entries), START + 5 * MINUTE)
    assert rows == [
        ("1.2", "3m", "v2", "95/5", "Stepping", "reason 2"),
        ("1.1", "4m", "v2", "95/5", "Stepping", "reason 1"),
    ]


def test_the_facts_say_everything_that_is_known_and_nothing_that_is_not() -> None:
    status = make.changed(
        STEPPING,
        verdicts=(Verdict("ready", Outcome.PASS, "ready: 12 of at least 10"),),
        approvals=(Answer(yes=True, at=START, step=0, attempt=1, who="ada"),),
        warnings=("ROL-004: no proxy",),
        rejected=Rejected(Revision("v0"), "errors", START),
        drift=Drift(2, START, "http[0]"),
    )
    facts = terminal.facts(SHOP.key, status, START + 3 * MINUTE)
    said = {fact.label: fact.text for fact in facts}
    assert Fact("Canary", "v2", "commit 0123456789") in facts
    assert said["Step"] == "step 1, for 3m"
    assert said["Confirmed"] == "3m ago, by istiod"
    assert said["Evidence"] == "pass  ready: 12 of at least 10"
    assert said["Answer"] == "ada: yes"
    assert said["Drift"] == "2x, last http[0]"
    assert said["Rejected"] == "v0, 3m ago: errors"
    assert "Paused" not in said


def test_a_baking_step_is_explained_with_the_time_that_is_left() -> None:
    said = terminal.explain(SHOP, STEPPING, STEP, START + MINUTE)
    assert said == "shop is at step 1 (5%): baking for 5m; it bakes 4m more at least"


def test_a_step_that_waits_for_evidence_is_explained_with_its_time_box() -> None:
    waits = WaitsFor.EVIDENCE
    status = replace(STEPPING, because="~500 more canary requests", waits_for=waits)
    said = terminal.explain(SHOP, status, STEP, START + 7 * MINUTE)
    assert said == "shop is at step 1 (5%): ~500 more canary requests; it stops waiting in 3m"
    after = terminal.explain(SHOP, status, STEP, START + 12 * MINUTE)
    assert after == "shop is at step 1 (5%): ~500 more canary requests"


def test_a_bake_that_is_over_is_not_told_as_going_on() -> None:
    said = terminal.explain(SHOP, STEPPING, STEP, START + 7 * MINUTE)
    newest = "it has baked; what else it waits for is told within a minute"
    assert said == f"shop is at step 1 (5%): {newest}; it stops waiting in 3m"


def test_who_cannot_be_asked_is_told_beside_what_is_waited_for() -> None:
    silent = Verdict("webhook qa", Outcome.ERROR, "webhook qa gives no answer: it answers 401")
    status = make.changed(STEPPING, verdicts=(silent,))
    said = terminal.explain(SHOP, status, STEP, START + MINUTE)
    assert (
        said == f"shop is at step 1 (5%): baking for 5m; it bakes 4m more at least; {silent.text}"
    )
    late = replace(status, because=silent.text, waits_for=WaitsFor.DATA)
    assert terminal.explain(SHOP, late, STEP, START).count(silent.text) == 1


def test_whoever_is_stable_already_has_everyone_whatever_the_split_says() -> None:
    assert terminal.share(STEPPING) == "5%"
    assert terminal.share(make.changed(STEPPING, canary=None)) == ""
    moving = make.changed(STEPPING, stable=STEPPING.attempt.canary, split=Split(100, 0))
    assert terminal.share(moving) == "100%"


def test_an_approval_is_explained_with_the_words_to_give_it() -> None:
    status = replace(STEPPING, waits_for=WaitsFor.APPROVAL, because="waiting for approval: 0 of 1")
    said = terminal.explain(SHOP, status, replace(STEP, approval=Approval()), START)
    assert said.endswith("; say `rollout approve shop -n shop` or `rollout reject shop -n shop`")


def test_a_route_on_its_way_has_no_forecast() -> None:
    status = make.changed(STEPPING, confirmed_at=None, because="waiting for the proxies")
    said = terminal.explain(SHOP, status, STEP, START)
    assert said == "shop is at step 1 (5%): waiting for the proxies"


def test_a_pause_is_explained_with_the_ways_on() -> None:
    ways = "`rollout resume shop -n shop`, or promote, or abort"
    mine = make.changed(STEPPING, pause=Pause(PauseKind.BLIND, "too little traffic", START))
    said = terminal.explain(SHOP, mine, STEP, START + 3 * MINUTE)
    assert said == f"shop stands still: paused for 3m: too little traffic; {ways}"
    theirs = make.changed(STEPPING, pause=Pause(PauseKind.PERSON, "paused by ada", START, "ada"))
    said = terminal.explain(SHOP, theirs, STEP, START + 3 * MINUTE)
    assert said == f"shop stands still: paused by ada, 3m ago; {ways}"


def test_a_rejection_is_explained_with_how_to_try_again() -> None:
    status = RolloutStatus(
        phase=Phase.DEGRADED,
        because="v2 was rejected: errors",
        stable=Revision("v1"),
        rejected=Rejected(Revision("v2"), "errors", START),
    )
    said = terminal.explain(SHOP, status, None, START)
    again = "push another revision, or `rollout retry shop -n shop`"
    assert said == f"shop stays on v1: v2 was rejected: errors; {again}"


def test_rest_and_the_stages_between_steps_are_explained_by_their_sentence() -> None:
    rest = RolloutStatus(because="v1 has everyone")
    assert terminal.explain(SHOP, rest, None, START) == "shop has nothing to do: v1 has everyone"
    pods = make.changed(
        STEPPING, stage=Stage.PREPARING, step=None, because="canary pods: 0 of 1 ready"
    )
    said = terminal.explain(SHOP, pods, None, START)
    assert said == "shop is preparing: canary pods: 0 of 1 ready"


def test_a_rollout_that_may_not_begin_stands_still() -> None:
    status = RolloutStatus(phase=Phase.PAUSED, because="rollout shop/a has it already")
    said = terminal.explain(SHOP, status, None, START)
    assert said == "shop stands still: rollout shop/a has it already"


def test_what_git_says_and_is_not_in_force_is_told() -> None:
    spec = RolloutSourceSpec("https://git.example/x")

    def behind(status: SourceStatus) -> str | None:
        return terminal.behind(RolloutSource("shop", "shop", "u1", 1, spec, status=status))

    wrong = Problem("a.yaml", 3, "a.yaml:3: weight is 101; at most 100")
    assert behind(SourceStatus(because="1 manifest of c1 is in force")) is None
    assert behind(SourceStatus(notes=("charts: is a submodule", "b"))) == (
        "rolloutsource shop passes over charts: is a submodule (and 1 more)"
    )
    assert behind(SourceStatus(rejected=(wrong,))) == f"rolloutsource shop refuses {wrong.message}"
    more = behind(SourceStatus(rejected=(wrong, wrong)))
    assert more == f"rolloutsource shop refuses {wrong.message} (and 1 more)"
    held = SourceStatus(held="c2", because="commit c2 goes back", problem="obey it with: kubectl")
    assert behind(held) == "rolloutsource shop: commit c2 goes back; obey it with: kubectl"


def test_an_outage_has_no_forecast_and_is_said_beside_a_persons_pause() -> None:
    because = "v1 has 95% and no ready pods: mend it, or promote"
    down = replace(STEPPING, because=because, waits_for=WaitsFor.STABLE)
    said = terminal.explain(SHOP, down, STEP, START + MINUTE)
    assert said == f"shop is at step 1 (5%): {because}"
    pause = Pause(PauseKind.PERSON, "paused by ada", START, "ada")
    held = terminal.explain(SHOP, make.changed(down, pause=pause), STEP, START + 3 * MINUTE)
    assert held.startswith(f"shop stands still: paused by ada, 3m ago; {because}; ")


def test_the_way_back_has_no_forecast_of_the_step_that_is_left() -> None:
    back = make.changed(STEPPING, stage=Stage.WITHDRAWING, because="errors: 5%")
    assert terminal.explain(SHOP, back, STEP, START) == "shop is withdrawing: errors: 5%"


def test_what_is_applied_later_is_told() -> None:
    later = "template.replicas is 6: applied when the release is over, 4 until then"
    status = make.changed(STEPPING, pending=later)
    assert Fact("Later", later) in terminal.facts(SHOP.key, status, START)
    between = make.changed(status, stage=Stage.PREPARING)
    for moment in (status, between):
        assert terminal.explain(SHOP, moment, STEP, START).endswith(f"; {later}")


def test_a_revision_that_is_named_by_its_hash_is_known_by_its_image() -> None:
    made = Revision("6s929z52vt", "0123456789abcdef", "6s929z52vt", image="shop:2.1")
    named = Revision("v2", "0123456789abcdef", "6s929z52vt", image="shop:2.1")
    assert made.title == "shop:2.1 (6s929z52vt)"
    assert (terminal.known_as(made), terminal.marks(made)) == (
        *("shop:2.1", "commit 0123456789  6s929z52vt"),
    )
    assert (terminal.known_as(named), terminal.marks(named)) == (
        *("v2", "commit 0123456789  shop:2.1"),
    )


def test_what_others_wrote_steers_no_terminal() -> None:
    """A commit and an author are annotations, which may say anything; so may errors of others."""
    evil = "\x1b[2J\u202e\n"
    notes = {objects.COMMIT: f"{evil}c0ffee", objects.AUTHOR: f"ann{evil}"}
    told = objects.driven({"metadata": {"annotations": notes}})
    shown = terminal.aligned([("shop", f"v2{evil}")])
    for text in (told["commit"], told["author"], sentence(f"because {evil}"), shown):
        assert text.isprintable(), text
    assert told["commit"].endswith("c0ffee")


def test_a_refused_request_is_told_until_it_goes_on() -> None:
    """It is no sentence of where the rollout stands, so ``because`` says that."""
    refusal = RefusedRequest("skip@1", "kubernetes", START, "skip: nothing to skip while idle")
    status = RolloutStatus(
        because="v1 has everyone",
        last_handled_request="skip@1",
        last_refused_request="skip@1",
        refused_requests=(refusal,),
    )
    told = dict(fact[:2] for fact in terminal.facts("shop/shop", status, START + MINUTE))
    assert told["Refused"] == "skip: nothing to skip while idle, 60s ago"
    since = Entry("1.2", START + MINUTE, Stage.STEPPING, "95/5", "step 1")
    later = replace(status, history=(since,))
    assert "Refused" not in dict(f[:2] for f in terminal.facts("shop/shop", later, START + MINUTE))
