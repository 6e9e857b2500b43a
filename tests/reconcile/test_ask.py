from datetime import timedelta

from rollout import confirm, hook, reconcile
from rollout.model.observation import Questions
from rollout.model.spec import BlueGreen, Step, Strategy
from rollout.model.status import RolloutStatus, Stage
from rollout.model.traffic import STABLE_ONLY, Route, Split
from tests import make
from tests.make import START

ROLLOUT = make.rollout(make.canary_spec(5, 50), "v2")


def test_a_new_rollout_asks_for_traffic_alone() -> None:
    asked = reconcile.ask(ROLLOUT, RolloutStatus(), START)
    assert asked == Questions(asked.target, STABLE_ONLY, released=True, reached=True)


def test_a_step_asks_for_its_pods_its_route_and_its_numbers() -> None:
    status = make.at_step()
    asked = reconcile.ask(ROLLOUT, status, START + timedelta(minutes=2))
    assert (asked.route, asked.since) == (Route(Split(95, 5)), None)
    assert [r.name for r in asked.revisions] == ["v1", "v2"]
    assert {q.promql for q in asked.values} == {"errors"}


def test_requests_are_counted_only_where_another_split_can_show() -> None:
    unconfirmed = make.at_step(confirmed_at=None)
    later = START + timedelta(minutes=2)
    stages = [Stage.STEPPING, Stage.SWITCHING, Stage.REPOINTING, Stage.PREPARING]
    found = [
        reconcile.ask(ROLLOUT, make.changed(unconfirmed, stage=s), later).counts for s in stages
    ]
    assert [[q.metric for q in counts] for counts in found] == [[confirm.METRIC]] * 2 + [[], []]
    dark = make.changed(unconfirmed, split=Split(100, 0))
    assert reconcile.ask(ROLLOUT, dark, later).counts == ()
    back = make.changed(dark, stage=Stage.WITHDRAWING)
    assert len(reconcile.ask(ROLLOUT, back, later).counts) == 1


def test_how_long_pushes_take_is_asked_once_nothing_else_has_shown_that_they_arrived() -> None:
    unconfirmed, confirmed = make.at_step(confirmed_at=None), make.at_step()
    asked_at = unconfirmed.stage.asked_at
    assert asked_at is not None
    times = (asked_at + timedelta(seconds=s) for s in (14, 15))
    found = [reconcile.ask(ROLLOUT, unconfirmed, at).values for at in times]
    assert [[q.metric for q in values] for values in found] == [[], [confirm.CONVERGENCE]]
    later = asked_at + timedelta(minutes=1)
    known = [reconcile.ask(ROLLOUT, status, later).values for status in (confirmed, unconfirmed)]
    assert [confirm.CONVERGENCE in {q.metric for q in values} for values in known] == [False, True]
    assert reconcile.ask(ROLLOUT, unconfirmed, later, outside=False).values == ()


def test_a_webhook_is_asked_once_the_route_is_confirmed() -> None:
    green = Strategy(blue_green=BlueGreen(webhook=make.QA))
    rollout = make.rollout(make.spec(green), "v2")
    status = make.at_step(split=Split(100, 0))
    found = [
        reconcile.ask(rollout, s, START).webhook
        for s in (
            status,
            make.changed(status, confirmed_at=None),
            make.changed(status, stage=Stage.BAKING),
        )
    ]
    assert found == [hook.question(rollout, Step(webhook=make.QA), status), None, None]
