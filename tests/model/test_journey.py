"""What a journey says of itself, whatever kind it is of."""

from dataclasses import replace
from datetime import UTC, datetime

from rollout.model.journey import Decided, Journal, Journey, Reached, Step
from rollout.model.reasons import PauseKind
from rollout.model.spec import Approval, Notify, NotifyOn
from rollout.model.status import Answer, Pause, Phase

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)


def decided(name: str, reached: Reached | None = None) -> Decided:
    return Decided(name, NOON, "Waves", "", "so", reached)


PLAIN = Journey(
    *("ControlPlaneUpgrade", "", "mesh", "u", "c0ffee", "ann@x.org"),
    notify=Notify(),
    approvals=(),
    number=2,
    revision="1-29 to 1-30",
    phase=Phase.PROGRESSING,
    place="Progressing",
    because="so",
    under_way=True,
    over=False,
    journal=Journal((decided("1.1", Reached.ROLLED_BACK), decided("2.2"), decided("2.3"))),
)


def test_it_is_called_as_people_write_it() -> None:
    assert PLAIN.key == "upgrade/mesh"
    assert replace(PLAIN, kind="ClusterSwitchover", namespace="shop").key == "switchover/shop/mesh"
    assert replace(PLAIN, kind="Rollout", namespace="shop").key == "shop/mesh"


def test_its_decisions_are_those_of_its_own_attempt() -> None:
    assert [one.id for one in PLAIN.decisions] == ["2.2", "2.3"]
    assert [(one.attempt, one.epoch) for one in PLAIN.decisions] == [(2, 2), (2, 3)]
    assert replace(PLAIN, number=0).decisions == ()
    assert (decided("9" * 5000).attempt, decided("1." + "9" * 5000).epoch) == (0, 0)
    assert (decided("x.y").attempt, decided("x.y").epoch) == (0, 0)


def test_what_an_attempt_before_came_to_has_not_happened_in_this_one() -> None:
    assert PLAIN.happened == frozenset()
    back = replace(PLAIN, number=1)
    assert back.happened == {NotifyOn.ROLLED_BACK}
    begun = replace(PLAIN, reached=Reached.BEGUN, phase=Phase.DEGRADED)
    assert begun.happened == {NotifyOn.STARTED, NotifyOn.DEGRADED}


def test_people_are_waited_for_at_an_approval_and_at_a_pause_that_none_of_them_asked_for() -> None:
    asking = replace(PLAIN, step=Step(4, "rest", Approval(), asks=True))
    assert asking.happened == {NotifyOn.WAITING}
    mine = replace(PLAIN, pause=Pause(PauseKind.PERSON, "so", NOON, "ann"))
    assert mine.happened == {NotifyOn.PAUSED}
    ours = replace(PLAIN, pause=Pause(PauseKind.BLIND, "so", NOON))
    assert ours.happened == {NotifyOn.PAUSED, NotifyOn.WAITING}


def test_answers_to_another_step_or_attempt_are_of_the_past() -> None:
    here = Answer(True, NOON, 4, 2, who="slack:U1")
    past = (replace(here, step=3), replace(here, attempt=1))
    journey = replace(PLAIN, step=Step(4, "rest"), answers=(*past, here))
    assert journey.answered == (here,)
    assert replace(journey, step=None).answered == ()


def test_what_is_not_counted_is_no_weight() -> None:
    assert (PLAIN.weight, replace(PLAIN, percent=20).weight) == (0, 20)
