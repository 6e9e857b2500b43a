from datetime import timedelta

from rollout.model.spec import Canary, Finish, Step
from rollout.strategies import canary
from rollout.strategies.plan import Plan, stops

STEPS = (Step(weight=5), Step(weight=50))


def test_a_canary_goes_step_by_step_and_then_to_everyone() -> None:
    found = canary.plan(Canary(STEPS, bake_after_promotion=timedelta(minutes=5)))
    assert found == Plan(stops(STEPS), Finish.PROMOTE, timedelta(minutes=5))
