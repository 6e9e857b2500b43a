from rollout.model.spec import Step
from rollout.model.traffic import Cohort, Fault, Route, Split, StringMatch
from rollout.strategies.plan import everyone, stops

TESTERS = Cohort(headers={"x-tester": StringMatch(exact="1")})
BETA = Cohort(cookies={"beta": StringMatch(present=True)})


def test_a_weight_holds_until_it_is_changed() -> None:
    plan = stops((Step(weight=5), Step(), Step(weight=20)))
    assert [s.route for s in plan] == [Route(Split.giving_canary(w)) for w in (5, 5, 20)]


def test_cohorts_stay_on_the_canary_in_all_later_steps_once_each() -> None:
    plan = stops((Step(cohorts=(TESTERS,)), Step(cohorts=(TESTERS, BETA)), Step(weight=5)))
    assert [s.route.cohorts for s in plan] == [(TESTERS,), (TESTERS, BETA), (TESTERS, BETA)]


def test_a_mirror_and_a_fault_belong_to_their_own_step() -> None:
    plan = stops((Step(mirror=0.1, fault=Fault(abort=503)), Step(weight=5)))
    assert [(s.route.mirror, s.route.fault) for s in plan] == [
        (0.1, Fault(abort=503)),
        (None, None),
    ]


def test_a_step_without_a_name_is_called_by_its_number() -> None:
    assert [s.name for s in stops((Step("testers"), Step()))] == ["testers", "step 2"]


def test_everyone_goes_to_the_canary() -> None:
    assert everyone() == Route(Split(0, 100))
