from datetime import timedelta

from rollout import strategies
from rollout.model.spec import BlueGreen, Canary, Dark, Finish, Step, Strategy


def test_the_closed_table_knows_every_strategy() -> None:
    plans = [
        strategies.plan(Strategy(canary=Canary((Step(weight=5),)))),
        strategies.plan(Strategy(dark=Dark((Step(mirror=0.1),)))),
        strategies.plan(Strategy(blue_green=BlueGreen())),
    ]
    assert [(p.finish, p.keep_old) for p in plans] == [
        (Finish.PROMOTE, timedelta(0)),
        (Finish.HOLD, timedelta(0)),
        (Finish.PROMOTE, timedelta(minutes=30)),
    ]
