from dataclasses import replace
from datetime import timedelta

from rollout.messages import clocks
from rollout.model.reasons import PauseKind, WaitsFor
from rollout.model.spec import Ending
from rollout.model.status import Counted, Outcome, Pause, Stage, StepStatus, Verdict
from rollout.model.traffic import Split
from tests import make
from tests.make import MINUTE, START

SECOND = timedelta(seconds=1)
SHOP = make.rollout(make.canary_spec(5, 50), "v2")
STEPPING = make.status(
    stage=Stage.STEPPING,
    waits_for=WaitsFor.BAKE,
    step=StepStatus(0, "step 1", START),
    split=Split(95, 5),
    asked_at=START,
    confirmed_at=START + 10 * SECOND,
)
BAKE = clocks.step_of(SHOP, STEPPING)


def test_a_step_tells_its_age_its_requests_and_each_clock_with_what_follows() -> None:
    counted = Counted("errors", 0, 248, 0, 776)
    status = make.changed(
        STEPPING, verdicts=(Verdict("errors", Outcome.INCONCLUSIVE, "", counted=counted),)
    )
    assert BAKE is not None
    assert (BAKE.bake, BAKE.box) == (MINUTE, 20 * MINUTE)
    assert clocks.lines(SHOP, status, START + 40 * SECOND) == [
        "in step 1 for 40s; 248 canary requests in this attempt",
        "bake: 30s left of 1m",
        "time box: 19m left of 20m; then it goes on, unless something looks worse or too few "
        "requests came",
    ]


def test_before_the_proxies_confirm_no_clock_runs() -> None:
    status = make.changed(STEPPING, confirmed_at=None)
    assert clocks.lines(SHOP, status, START + 9 * SECOND) == [
        "in step 1 for 9s",
        "the proxies have not confirmed its route yet; then its clocks start",
    ]


def test_the_end_of_the_time_box_is_told_by_the_policy() -> None:
    analysis = replace(SHOP.spec.analysis, on_inconclusive=Ending.HOLD)
    careful = replace(SHOP, spec=replace(SHOP.spec, analysis=analysis))
    assert clocks.lines(careful, STEPPING, START + 5 * MINUTE)[-1] == (
        "time box: 15m left of 20m; then it asks a person"
    )


def test_a_passed_clock_is_not_told() -> None:
    assert clocks.lines(SHOP, STEPPING, START + 60 * MINUTE) == ["in step 1 for 60m"]


def test_other_stages_tell_what_they_wait_for() -> None:
    preparing = make.changed(STEPPING, stage=Stage.PREPARING, since=START, step=None)
    (line,) = clocks.lines(SHOP, preparing, START + MINUTE)
    assert line.startswith("progress deadline: ")
    assert line.endswith("; then it pauses and asks a person")
    assert clocks.lines(SHOP, make.changed(STEPPING, stage=Stage.IDLE), START) == []


def test_a_paused_rollout_has_no_clock() -> None:
    pause = Pause(PauseKind.PERSON, "asked", START, "ann")
    assert clocks.lines(SHOP, make.changed(STEPPING, pause=pause), START) == []
