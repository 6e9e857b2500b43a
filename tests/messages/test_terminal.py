from dataclasses import replace
from datetime import timedelta

import pytest

from rollout.manifest import objects
from rollout.messages import explain, terminal
from rollout.messages.terminal import Fact
from rollout.model.reasons import WaitsFor
from rollout.model.source import Problem, RolloutSource, SourceStatus
from rollout.model.sourcespec import RolloutSourceSpec
from rollout.model.spec import Step
from rollout.model.status import (
    Answer,
    ConfirmedBy,
    Drift,
    Entry,
    Outcome,
    Phase,
    RefusedRequest,
    Rejected,
    Revision,
    RolloutStatus,
    Stage,
    StepStatus,
    Verdict,
)
from rollout.model.traffic import Split
from rollout.model.units import sentence
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


def test_whoever_is_stable_already_has_everyone_whatever_the_split_says() -> None:
    assert terminal.share(STEPPING) == "5%"
    assert terminal.share(make.changed(STEPPING, canary=None)) == ""
    moving = make.changed(STEPPING, stable=STEPPING.attempt.canary, split=Split(100, 0))
    assert terminal.share(moving) == "100%"


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


def test_what_is_applied_later_is_told() -> None:
    later = "template.replicas is 6: applied when the release is over, 4 until then"
    status = make.changed(STEPPING, pending=later)
    assert Fact("Later", later) in terminal.facts(SHOP.key, status, START)
    between = make.changed(status, stage=Stage.PREPARING, step=None, since=None)
    for moment in (status, between):
        assert explain.explain(SHOP, moment, START).endswith(f"; {later}")


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
