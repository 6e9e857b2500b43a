from datetime import timedelta

from rollout.model.spec import Approval, BlueGreen, Finish, Step
from rollout.model.traffic import Cohort, Route, Split, StringMatch
from rollout.strategies import bluegreen
from rollout.strategies.plan import Plan, Stop

TESTERS = Cohort(headers={"x-tester": StringMatch(exact="1")})


def test_blue_green_is_one_preview_and_then_everyone_at_once() -> None:
    found = bluegreen.plan(
        BlueGreen((TESTERS,), "preview.example.com", approval=Approval(), keep_warm=timedelta(1))
    )
    route = Route(Split(100, 0), (TESTERS,), preview_host="preview.example.com")
    step = Step("preview", weight=0, cohorts=(TESTERS,), approval=Approval())
    assert found == Plan((Stop("preview", route, step),), Finish.PROMOTE, timedelta(1))
