"""Decisions hang on kinds, whatever a metric is called and whatever a sentence says."""

from datetime import timedelta

import pytest

from rollout.model.reasons import PauseKind
from rollout.model.spec import Analysis, Metric, OnDrift, OnFailure, Workload
from rollout.model.status import Draining, Revision
from rollout.model.traffic import Route, Split
from tests import make
from tests.play import Play


def judged_by(name: str) -> Analysis:
    return Analysis(metrics=(Metric(name, query="errors", max=1),))


@pytest.mark.parametrize("name", ["drift-score", "errors-limit", "failed-logins", "drift"])
def test_drift_is_restored_whatever_the_blind_metric_is_called(name: str) -> None:
    play = Play(make.canary_spec(5, 50, analysis=judged_by(name))).push("v2")
    play.world.provider_down = True
    play.after(minutes=31)
    pause = play.status.attempt.pause
    assert pause is not None
    assert pause.kind is PauseKind.BLIND
    play.world.route = Route(Split(10, 90))
    play.after(minutes=11).gives(v1=95, v2=5)


@pytest.mark.parametrize("name", ["failed-logins", "errors-limit", "drift-score"])
def test_a_failure_that_is_held_is_told_whatever_the_blind_metric_is_called(name: str) -> None:
    spec = make.canary_spec(5, 50, analysis=judged_by(name), on_failure=OnFailure.HOLD)
    play = Play(spec).push("v2")
    play.world.provider_down = True
    play.after(minutes=31)
    play.world.provider_down = False
    for _ in range(10):
        play.after(seconds=15, value=5.0)
    pause = play.status.attempt.pause
    assert pause is not None
    assert pause.kind is PauseKind.FAILED
    assert pause.because.startswith(f"failed, held as asked: {name}")
    assert play.world.told[-1].because == pause.because


def test_a_person_decides_on_drift_and_not_on_what_is_called_so() -> None:
    spec = make.canary_spec(5, 50, analysis=judged_by("drift"), on_drift=OnDrift.PAUSE)
    play = Play(spec).push("v2")
    play.world.route = Route(Split(10, 90))
    play.after(seconds=15).gives(v1=10, v2=90)
    pause = play.status.attempt.pause
    assert pause is not None
    assert pause.kind is PauseKind.DRIFT
    play.request("resume").gives(v1=95, v2=5)


def test_pods_of_a_release_drain_in_full_even_if_one_before_was_pushed_again_meanwhile() -> None:
    """The moment of an earlier drain belonged to the earlier pods, and is gone with them."""
    managed = Workload("shop-{revision}", scale="managed", drain=timedelta(minutes=30))
    play = Play(make.canary_spec(50, workload=managed)).push("v2").after(minutes=1)
    play.gives(v2=100)
    assert play.status.draining == Draining(Revision("v1", "c1"), play.now)
    play.after(minutes=20).push("v1").after(minutes=11).gives(v1=100)
    assert play.world.pods["v2"] == 4
    assert play.status.draining == Draining(Revision("v2", "c2"), play.now)
    play.after(minutes=29)
    assert play.world.pods["v2"] == 4
    play.after(minutes=2)
    assert play.world.pods["v2"] == 0
