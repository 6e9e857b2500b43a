"""What a button may do, as values."""

from datetime import datetime

from rollout.controller.chat import tickets
from rollout.journeys import rollouts
from rollout.model.chat import Press, Ticket
from rollout.model.spec import Approval, Canary, Step, Strategy
from rollout.model.status import Answer
from rollout.reconcile import requests
from tests import make

ANN, BOB, OPS = "U0ANN", "U0BOB", "S0OPS"


def test_whoever_the_list_names_is_let_in_by_that_entry() -> None:
    lists = (Approval(approvers=("kubernetes", ANN, OPS)),)
    members = {OPS: frozenset({BOB, ANN})}
    assert tickets.entry(lists, ANN, members) == ANN
    assert tickets.entry(lists, BOB, members) == OPS
    assert tickets.entry(lists, BOB, {}) is None
    assert tickets.entry(lists, "kubernetes", {}) == "kubernetes"  # no user has such an id
    assert tickets.entry((), ANN, members) is None


def test_one_list_without_names_lets_in_anyone() -> None:
    assert tickets.entry((Approval(approvers=(ANN,)), Approval()), BOB, {}) == ""


def test_groups_are_asked_for_once_each() -> None:
    one, other = Approval(approvers=(OPS, ANN)), Approval(approvers=("S0QA", OPS))
    assert tickets.groups((one, other)) == (OPS, "S0QA")


def test_every_press_has_its_lists() -> None:
    asking = Step(weight=5, approval=Approval())
    spec = make.spec(Strategy(canary=Canary((asking, Step(weight=50)))))
    first, second = (
        rollouts.journey(make.rollout(spec), make.at_step(index=index)) for index in (0, 1)
    )
    assert tickets.lists(Press.APPROVE, first) == (Approval(),)
    assert tickets.lists(Press.APPROVE, second) == ()
    assert tickets.lists(Press.ABORT, second) == (Approval(),)


def test_a_press_that_had_its_effect_is_known_by_its_person_time_and_attempt() -> None:
    ticket = Ticket("Rollout", "shop", "shop", "u", "c", 1, 0)
    given = Answer(True, make.START, 0, 1, who=f"slack:{ANN}")
    status = requests.answered_in_chat(make.at_step(), given)
    journey = rollouts.journey(make.rollout(make.canary_spec()), status)
    before, later = make.START - make.MINUTE, make.START + make.MINUTE

    def is_done(who: str, since: datetime | None, press: Press = Press.APPROVE) -> bool:
        return tickets.is_done(press, ticket, who, journey, since)

    assert is_done(ANN, before)
    assert is_done(ANN, None)
    assert not is_done(ANN, later)
    assert not is_done(BOB, before)
    assert not is_done(ANN, before, Press.REJECT)
    other = Ticket("Rollout", "shop", "shop", "u", "c", 2, 0)
    assert not tickets.is_done(Press.APPROVE, other, ANN, journey, before)
