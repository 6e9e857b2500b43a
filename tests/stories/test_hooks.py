"""HTTP gates in whole journeys: asked until they open, believed when they say failed."""

from rollout.model.observation import HookVerdict
from rollout.model.spec import Canary, OnFailure, RolloutSpec, Step, Strategy
from rollout.model.status import Phase, Stage
from tests import make
from tests.make import MINUTE
from tests.play import Play


def spec(**changes: object) -> RolloutSpec:
    """A hooked step at 5 %, then a half."""
    first = Step(weight=5, bake=MINUTE, time_box=2 * MINUTE, webhook=make.QA)
    return make.spec(Strategy(canary=Canary((first, Step(weight=50, bake=MINUTE)))), **changes)


def pushed(**changes: object) -> Play:
    return Play(spec(**changes)).push("v2").after(minutes=2).gives(v1=95, v2=5)


def test_a_gate_is_asked_from_the_confirmed_step_on_until_it_opens_and_then_no_more() -> None:
    play = pushed()
    assert play.status.because == "waiting for webhook qa"
    play.world.webhook = HookVerdict.HOLD
    play.after(minutes=5).gives(v1=95, v2=5)
    assert play.status.because == "webhook qa holds: as told"
    play.world.webhook = HookVerdict.OPEN
    play.after(seconds=1).gives(v1=50, v2=50)
    asked = len(play.world.hooked)
    play.world.webhook = HookVerdict.FAILED
    play.until(Phase.HEALTHY, Stage.IDLE).gives(v2=100)
    assert len(play.world.hooked) == asked
    assert len(set(play.world.hooked)) == 1


def test_once_open_a_gate_stays_open_while_the_step_bakes() -> None:
    play = Play(spec()).push("v2")
    play.world.webhook = HookVerdict.OPEN
    play.after(seconds=20).gives(v1=95, v2=5)
    play.world.webhook = HookVerdict.FAILED
    play.after(seconds=50).gives(v1=50, v2=50)


def test_a_gate_that_says_failed_brings_everyone_back_at_once_and_is_quoted() -> None:
    play = Play(spec()).push("v2")
    play.world.webhook = HookVerdict.FAILED
    play.after(seconds=1).gives(v1=100)
    assert play.status.rejected is not None
    assert play.status.rejected.because == "webhook qa says failed: as told"


def test_a_gate_that_says_failed_freezes_where_that_was_asked() -> None:
    play = Play(spec(on_failure=OnFailure.HOLD)).push("v2")
    play.world.webhook = HookVerdict.FAILED
    play.after(seconds=1).gives(v1=95, v2=5)
    assert play.status.phase is Phase.PAUSED
    assert "held as asked: webhook qa says failed" in play.status.because


def test_a_dead_gate_neither_promotes_nor_rolls_back_and_in_the_end_a_person_is_asked() -> None:
    play = pushed()
    play.world.webhook = HookVerdict.SILENT
    play.after(minutes=29).gives(v1=95, v2=5)
    assert play.status.phase is Phase.PROGRESSING
    play.after(minutes=2).gives(v1=95, v2=5)
    assert (play.status.phase, play.status.because) == (
        Phase.PAUSED,
        "webhook qa gives no answer: as told",
    )
    play.world.webhook = HookVerdict.OPEN
    play.request("resume").after(minutes=2).gives(v1=50, v2=50)


def test_a_dead_gate_does_not_keep_a_failing_metric_from_taking_everyone_back() -> None:
    play = pushed()
    play.world.webhook = HookVerdict.SILENT
    play.after(value=7.0, seconds=15).gives(v1=100)


def test_the_question_is_the_same_after_a_restart_and_another_one_in_the_next_attempt() -> None:
    play = pushed()
    play.world.unready["v2"] = 4
    play.after(seconds=1).gives(v1=100)
    play.world.unready["v2"] = 0
    play.after(seconds=30).after(minutes=2).gives(v1=95, v2=5)
    assert len(play.world.hooked) > 4
    assert len(set(play.world.hooked)) == 2


def test_a_person_who_skips_the_step_does_not_wait_for_its_gate() -> None:
    pushed().request("skip").gives(v1=50, v2=50)
