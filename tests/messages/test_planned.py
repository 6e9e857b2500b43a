from dataclasses import replace
from datetime import timedelta

import pytest

from rollout.messages import markdown, planned
from rollout.messages.change import PlannedChange
from rollout.messages.planned import Moment, Planned, Tone
from rollout.model.spec import Approval, Step
from tests import make
from tests.make import MINUTE

BEFORE = {"kind": "VirtualService", "metadata": {"name": "shop"}, "spec": {"weight": 100}}
AFTER = {
    "kind": "VirtualService",
    "metadata": {"name": "shop", "annotations": {"rollout.dev/shop": "{long}", "mine": "x"}},
    "spec": {"weight": 95},
    "status": {"never": "shown"},
}
PATCH = ({"op": "replace", "path": "/spec/weight", "value": 95},)
CHANGE = PlannedChange("VirtualService", "shop", "shop", BEFORE, AFTER, PATCH)
MADE = PlannedChange("DestinationRule", "shop", "shop", None, BEFORE)
GONE = PlannedChange("DestinationRule", "shop", "shop", BEFORE, None)
PLAN = Planned(
    rollout=make.rollout(make.canary_spec()),
    strategy="canary strategy, 1 step",
    stable="v1",
    canary="v2",
    moments=(
        Moment(timedelta(0), "step 1: 5% to v2", 5, (CHANGE,), Step(weight=5)),
        Moment(75 * MINUTE, "v2 has everyone", 100, (GONE,)),
    ),
    ends="v2 has everyone",
    complete=True,
    notes=("a note | with a <pipe>",),
    ignore={"VirtualService shop/shop": "ignore: this\n"},
)


@pytest.mark.parametrize(
    ("time", "words"),
    [
        (timedelta(0), "0s"),
        (timedelta(minutes=75), "1h 15m"),
        (timedelta(days=1, seconds=5), "1d 5s"),
        (timedelta(days=2, hours=1, minutes=1), "2d 1h"),
    ],
)
def test_a_span_is_said_in_its_two_largest_units(time: timedelta, words: str) -> None:
    assert planned.span(time) == words


def test_a_diff_shows_what_changes_and_neither_status_nor_our_memory() -> None:
    assert list(planned.diff(CHANGE)) == [
        "@@ -1,3 +1,7 @@",
        "+metadata:",
        "+  annotations:",
        "+    rollout.dev/shop: (what Rollout must remember)",
        "+    mine: x",
        " kind: VirtualService",
        " spec:",
        "-  weight: 100",
        "+  weight: 95",
    ]


def test_an_object_that_is_made_or_removed_is_shown_whole() -> None:
    assert [line[0] for line in planned.diff(MADE)] == ["@", "+", "+", "+"]
    assert [line[0] for line in planned.diff(GONE)] == ["@", "-", "-", "-"]


def test_a_plan_is_told_in_order_with_its_gates_and_the_ignore_rule() -> None:
    lines = [line for line, _ in planned.lines(PLAN)]
    assert lines[:4] == [
        "shop/shop: v1 -> v2, canary strategy, 1 step",
        "at the soonest 1h 15m from push to rest; gates may hold",
        "! a note | with a <pipe>",
        "",
    ]
    assert "     0s    5%  step 1: 5% to v2" in lines
    assert f"{planned.INDENT}bakes 1m" in lines
    assert f"{planned.INDENT}VirtualService shop/shop is patched" in lines
    assert f"{planned.INDENT}DestinationRule shop/shop is removed" in lines
    assert lines[-2:] == [
        "VirtualService shop/shop: so that its GitOps tool leaves our weights alone",
        "  ignore: this",
    ]


def test_without_diffs_a_plan_is_its_timeline() -> None:
    brief = [line for line, tone in planned.lines(PLAN, diffs=False) if tone is not Tone.PLAIN]
    assert not any("@@" in line for line in brief)


def test_a_plan_that_stops_promises_no_time_to_its_end() -> None:
    blocked = replace(PLAN, moments=(), ends="stops here: ROL-011: no pods", complete=False)
    assert [line for line, _ in planned.lines(blocked)][:3] == [
        "shop/shop: v1 -> v2, canary strategy, 1 step",
        "! a note | with a <pipe>",
        "",
    ]


def test_releases_that_no_person_names_are_told_by_their_images() -> None:
    titled = replace(PLAN, titles=("shop:v1 (x5gnhq52xx)", "shop:v2 (next)"))
    head, *_ = planned.lines(titled)
    assert head[0] == "shop/shop: shop:v1 (x5gnhq52xx) -> shop:v2 (next), canary strategy, 1 step"
    assert planned.plain(titled)["canary"] == "v2"


def test_a_first_release_goes_from_none_yet() -> None:
    head, *_ = planned.lines(replace(PLAN, stable=""))
    assert head == ("shop/shop: none yet -> v2, canary strategy, 1 step", Tone.HEAD)


def test_a_gate_is_told_with_all_that_may_hold_it() -> None:
    step = Step(
        time_box=10 * MINUTE,
        approval=Approval(approvers=("ada",), quorum=1),
        webhook=replace(make.QA, name="load-test"),
    )
    assert planned.gate(step) == (
        "bakes 1m, waits at most 10m, then 1 of ada must approve, then webhook load-test must open"
    )
    assert planned.gate(Step(approval=Approval())).endswith("then 1 of anybody must approve")


def test_machines_get_the_exact_patches() -> None:
    moment = planned.plain(PLAN)["moments"][0]
    assert moment["changes"] == [{"object": "VirtualService shop/shop", "patch": list(PATCH)}]
    removed = planned.plain(PLAN)["moments"][1]["changes"][0]
    assert removed["removed"] is True


def test_a_made_object_is_given_to_machines_whole() -> None:
    plan = Planned(PLAN.rollout, "", "v1", "v2", (Moment(MINUTE, "x", 0, (MADE,)),), "", True)
    assert planned.plain(plan)["moments"][0]["changes"][0]["made"] == BEFORE


def test_the_pull_request_gets_a_table_and_patches_to_fold_out() -> None:
    text = markdown.plan(PLAN)
    assert text.startswith("### shop/shop: `v1` → `v2`, canary strategy, 1 step\n")
    assert "| 0s | 5% | step 1: 5% to v2 | bakes 1m |" in text
    assert "<details><summary>0s: VirtualService shop/shop</summary>" in text
    assert "-  weight: 100\n+  weight: 95" in text


def test_nothing_in_a_plan_can_end_a_cell_or_a_line_of_the_pull_request() -> None:
    assert "> ⚠️ a note \\| with a &lt;pipe>" in markdown.plan(PLAN)


def test_a_forecast_stands_under_its_gate_and_beside_it_in_a_pull_request() -> None:
    seen = replace(PLAN.moments[0], forecast="about 40 canary requests in 2m")
    plan = replace(PLAN, moments=(seen,))
    told = [text.strip() for text, _ in planned.lines(plan, diffs=False)]
    assert told[told.index("bakes 1m") + 1] == "about 40 canary requests in 2m"
    assert planned.plain(plan)["moments"][0]["forecast"] == "about 40 canary requests in 2m"
    assert "| bakes 1m; about 40 canary requests in 2m |" in markdown.plan(plan)


def test_a_plan_that_never_came_to_its_canary_still_says_what_is_asked_for() -> None:
    blocked = replace(PLAN, canary="", stable="")
    (head, _), *_ = planned.lines(blocked)
    assert head.startswith(f"shop/shop: none yet -> {PLAN.rollout.spec.revision}, ")
