from dataclasses import replace

from rollout.model.observation import SeenTraffic
from rollout.model.spec import Traffic, Workload
from rollout.model.status import RolloutStatus, Stage, Subject
from rollout.reconcile import subject
from rollout.reconcile.look import Writes
from tests import make

ROLLOUT = make.rollout(make.canary_spec(5))
OTHER = replace(
    ROLLOUT,
    spec=replace(
        ROLLOUT.spec,
        service="tills",
        workload=Workload(deployments="tills-{revision}"),
        traffic=Traffic(destination_rule="tills"),
    ),
)
ADOPTED = RolloutStatus(subject=Subject.of(ROLLOUT))


def test_what_was_adopted_is_what_the_spec_is_about_until_it_names_something_else() -> None:
    assert not subject.moved(ROLLOUT, ADOPTED)
    assert not subject.moved(OTHER, RolloutStatus())
    assert subject.moved(OTHER, ADOPTED)


def test_by_the_old_names_it_is_the_rollout_of_before_that_leaves() -> None:
    assert subject.in_force(ROLLOUT, ADOPTED) == ROLLOUT
    assert subject.in_force(OTHER, RolloutStatus()) == OTHER
    assert subject.in_force(OTHER, ADOPTED) == replace(ROLLOUT, deleting=True)


def test_a_template_is_no_name() -> None:
    made = replace(ROLLOUT, spec=replace(ROLLOUT.spec, workload=Workload(template={"a": 1})))
    other = replace(made, spec=replace(made.spec, workload=Workload(template={"a": 2})))
    assert not subject.moved(other, RolloutStatus(subject=Subject.of(made)))
    assert subject.moved(made, ADOPTED)
    assert subject.in_force(made, ADOPTED).spec.workload.template is None


def test_at_rest_with_nothing_left_stable_is_forgotten_and_the_attempts_are_counted_on() -> None:
    status = make.at_step(stage=Stage.IDLE, canary=None, step=None, revisions_isolated=False)
    turn = subject.go_home(make.look(status, deleting=True))
    assert (turn.status.stable, turn.status.subject, turn.writes) == (None, None, Writes.NO_ROUTES)
    assert (turn.status.attempt.number, turn.status.epoch) == (1, status.epoch + 1)
    assert turn.because == "git names other objects: the old ones are given back"


def test_fields_that_are_ours_are_freed_before_the_old_objects_are_forgotten() -> None:
    status = make.at_step(stage=Stage.IDLE, canary=None, step=None, revisions_isolated=False)
    turn = subject.go_home(make.look(status, deleting=True, traffic=SeenTraffic(fields_held=True)))
    assert (turn.status.stable, turn.writes) == (status.stable, Writes.HOME)
    gone = SeenTraffic(fields_held=True, problems=("no virtualservice",))
    assert subject.go_home(make.look(status, deleting=True, traffic=gone)).status.stable is None


def test_in_mid_journey_everyone_goes_back_first() -> None:
    turn = subject.go_home(make.look(make.at_step(), deleting=True))
    assert turn.status.stage.name is Stage.WITHDRAWING
    assert turn.because == "git names other objects: everyone back to stable"
