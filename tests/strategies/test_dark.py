from datetime import timedelta

from rollout.model.spec import Dark, Finish, Step
from rollout.strategies import dark
from rollout.strategies.plan import Plan, stops

STEPS = (Step(mirror=0.5),)


def test_a_dark_release_is_held_after_its_last_step_unless_asked_otherwise() -> None:
    assert dark.plan(Dark(STEPS)) == Plan(stops(STEPS), Finish.HOLD, timedelta(0))
    assert dark.plan(Dark(STEPS, Finish.PROMOTE)).finish is Finish.PROMOTE
