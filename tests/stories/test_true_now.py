"""What is said is true now: of an outage, of a pause, of pods, and of what git asks for."""

from datetime import timedelta

import pytest

from rollout.model.action import Announce, EnsureWorkload
from rollout.model.reasons import PauseKind, WaitsFor
from rollout.model.spec import Analysis, Canary, Step, Strategy, Workload
from rollout.model.status import Phase, Stage
from tests import make
from tests.make import MINUTE
from tests.play import Play, World

HALF = make.canary_spec(10, 50)
SLOW = make.spec(Strategy(canary=Canary((Step(weight=10, bake=10 * MINUTE),))))


def test_an_outage_of_stable_is_said_before_the_bake_and_forgotten_after_it() -> None:
    play = Play(SLOW).push("v2").after(seconds=5)
    assert (play.status.because, play.status.waits_for) == ("baking for 10m", WaitsFor.BAKE)
    play.world.pods["v1"] = 0
    play.after(seconds=7).gives(v1=90, v2=10)
    because = "v1 has 90% and no ready pods: mend it, or promote"
    assert (play.status.phase, play.status.because) == (Phase.PAUSED, because)
    assert play.status.waits_for is WaitsFor.STABLE
    assert play.status.attempt.stable_down_at == play.now
    play.world.pods["v1"] = 4
    play.after(seconds=5)
    assert (play.status.phase, play.status.because) == (Phase.PROGRESSING, "baking for 10m")


def test_what_had_not_come_in_time_is_waited_for_no_more_once_it_is_there() -> None:
    """Both sides slept at night while a release was pushed; in the morning both are back."""
    play = Play(HALF)
    play.world.pods |= {"v1": 0, "v2": 0}
    play.look().push("v2").after(minutes=31)
    pause = play.status.attempt.pause
    assert pause is not None
    assert (pause.kind, play.status.phase) == (PauseKind.DEADLINE, Phase.PAUSED)
    play.world.pods |= {"v1": 4, "v2": 4}
    play.after(seconds=30).gives(v1=90, v2=10)
    assert (play.status.attempt.pause, play.status.phase) == (None, Phase.PROGRESSING)
    play.until(Phase.HEALTHY, Stage.IDLE).gives(v2=100)


def test_who_was_asked_reads_what_is_lacking_now() -> None:
    play = Play(HALF)
    play.world.pods["v2"] = 0
    play.push("v2").after(minutes=31)
    assert play.status.because == "10% needs 1 canary pod, 0 ready"
    play.rollout = make.rollout(make.canary_spec(50, 60), "v2")
    play.world.pods["v2"] = 1
    play.after(minutes=1)
    because = "50% needs 2 canary pods, 1 ready"
    pause = play.status.attempt.pause
    assert pause is not None
    assert (play.status.because, pause.because) == (because, because)


def test_a_gate_that_sees_again_goes_on_by_itself_and_bakes_anew() -> None:
    play = Play(make.canary_spec(10, 50)).push("v2")
    play.world.provider_down = True
    play.after(minutes=31)
    assert play.status.phase is Phase.PAUSED
    play.world.provider_down = False
    play.after(seconds=15).gives(v1=90, v2=10)
    assert (play.status.attempt.pause, play.status.phase) == (None, Phase.PROGRESSING)
    assert "Resumed" in [told.reason for told in play.world.told]
    play.after(seconds=30).gives(v1=90, v2=10)
    play.after(seconds=45).gives(v1=50, v2=50)


@pytest.mark.parametrize("verb", ["pause"])
def test_what_a_person_decided_does_not_pass_by_itself(verb: str) -> None:
    play = Play(HALF).push("v2").request(verb, "ann").after(hours=3).gives(v1=90, v2=10)
    pause = play.status.attempt.pause
    assert pause is not None
    assert (pause.kind, play.status.because) == (PauseKind.PERSON, "paused by ann")


@pytest.mark.parametrize(
    ("pods", "unready", "because"),
    [
        (0, 0, "v2 was scaled to 0; stable has everyone"),
        (1, 1, "v2's only pod is not ready; stable has everyone"),
        (3, 3, "none of v2's 3 pods is ready; stable has everyone"),
    ],
)
def test_pods_that_run_and_do_not_serve_are_not_called_lost(
    pods: int, unready: int, because: str
) -> None:
    play = Play(HALF).push("v2").gives(v1=90, v2=10)
    play.world.pods["v2"], play.world.unready["v2"] = pods, unready
    play.after(seconds=1).gives(v1=100)
    assert because in [entry.because for entry in play.status.history]


def test_a_deployment_that_is_gone_is_said_to_be_gone() -> None:
    play = Play(HALF).push("v2").gives(v1=90, v2=10)
    del play.world.pods["v2"]
    play.after(seconds=1).gives(v1=100)
    told = [entry.because for entry in play.status.history]
    assert "v2 has no deployment any more; stable has everyone" in told


def templated(**template: object) -> Play:
    """A rollout of a template with 4 pods, in mid-journey; the world names revisions v1, v2."""
    workload = Workload(template={"replicas": 4})
    world = World(subsets={"stable": {"version": "v1"}}, pods={"v1": 4, "v2": 4})
    play = Play(make.canary_spec(10, 50, workload=workload), world).push("v2").gives(v1=90, v2=10)
    edited = make.canary_spec(10, 50, workload=Workload(template={"replicas": 4} | template))
    play.rollout = make.rollout(edited, "v2", "c2")
    return play.after(seconds=5)


def test_other_replicas_in_mid_journey_are_applied_when_it_is_over_and_that_is_said() -> None:
    play = templated(replicas=6)
    pending = "template.replicas is 6: applied when the release is over, 4 until then"
    assert play.status.attempt.pending == pending
    play.until(Phase.HEALTHY, Stage.IDLE).gives(v2=100)
    assert (play.world.pods["v2"], play.status.attempt.pending) == (6, "")


def test_no_replicas_end_no_pod_that_serves_and_that_is_said() -> None:
    play = templated(replicas=0)
    refused = "template.replicas is 0: not applied, shop-v1 serves everyone"
    assert play.status.attempt.pending == refused
    play.until(Phase.HEALTHY, Stage.IDLE).gives(v2=100)
    assert play.world.pods["v2"] == 4
    because = "v2 has everyone; template.replicas is 0: not applied, shop-v2 serves everyone"
    assert play.status.because == because


def test_settings_of_a_deployment_that_change_no_pod_are_applied_at_once_and_told() -> None:
    play = templated()
    play.world.outdated = {"v1": ("minReadySeconds", "strategy")}
    play.after(seconds=5)
    because = "minReadySeconds, strategy of deployment shop-v1 is as git says now"
    assert play.world.told[-1] == Announce("TemplateApplied", because, warning=False)
    assert play.world.outdated == {}
    assert play.world.pods["v1"] == 4


def test_a_deployment_that_gets_more_pods_gets_its_settings_with_them() -> None:
    play = templated()
    play.world.outdated = {"v2": ("strategy",)}
    play.world.pods["v2"] = 1
    play.after(seconds=5)
    due = [a for a in (play.decision.actions if play.decision else ()) if a]
    assert play.world.outdated == {}
    assert [type(action) for action in due].count(EnsureWorkload) <= 1


def test_a_person_may_pause_while_the_old_pods_are_kept_warm() -> None:
    play = Play(make.spec(make.baked())).push("v2").after(minutes=1).request("pause", "ann")
    assert play.status.stage.name is Stage.BAKING
    play.after(minutes=11)
    assert (play.status.stage.name, play.status.because) == (Stage.BAKING, "paused by ann")


def test_the_end_of_a_long_reason_is_kept_in_the_status_and_all_of_it_in_the_event() -> None:
    play = Play(HALF)
    play.world.pods["v2"] = 0
    problem = (
        "pod shop-nbc5jz4vcb-b9cb88c9d-x2x4q cannot pull image "
        "registry.example.com/shop/web:v9 (ImagePullBackOff)"
    )
    play.world.problems = {"v2": problem}
    play.push("v2").after(minutes=31)
    assert play.status.because.startswith("10% needs 1 canary pod, 0 ready")
    assert play.status.because.endswith("com/shop/web:v9 (ImagePullBackOff)")
    assert play.world.told[-1].because == f"10% needs 1 canary pod, 0 ready; {problem}"


def test_a_quota_is_named_with_what_it_allows() -> None:
    play = Play(make.canary_spec(10, 50, analysis=Analysis(metrics=(make.LIMIT,))))
    play.world.pods["v2"] = 0
    play.world.problems = {"v2": "deployment shop-v2 may not start pods: quota q allows pods=4"}
    play.push("v2").after(seconds=30)
    assert play.status.because.endswith("quota q allows pods=4")
    assert play.status.stage.since == play.now - timedelta(seconds=30)
