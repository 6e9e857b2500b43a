import re
from dataclasses import replace
from datetime import timedelta

import pytest

from rollout.model.spec import (
    Analysis,
    Autoscaler,
    BlueGreen,
    Canary,
    RolloutSpec,
    SecretRef,
    Strategy,
    Webhook,
    Workload,
)
from tests import make

USERS = Workload(deployments="shop-{revision}")


@pytest.mark.parametrize(
    ("named", "count"), [({}, 0), ({"canary": Canary(), "blue_green": BlueGreen()}, 2)]
)
def test_a_strategy_names_exactly_one(named: dict[str, object], count: int) -> None:
    with pytest.raises(ValueError, match=f"names {count} strategies; exactly one is wanted"):
        Strategy(**named)  # type: ignore[arg-type]


def test_the_default_ramp_ends_where_one_learns_most() -> None:
    assert [step.weight for step in Canary().steps] == [5, 10, 20, 30, 40]


@pytest.mark.parametrize("both", [(None, None), ("shop-{revision}", {"replicas": 1})])
def test_pods_come_from_deployments_or_a_template(both: tuple[str | None, object]) -> None:
    with pytest.raises(ValueError, match="deployments or template, and not both"):
        Workload(*both)  # type: ignore[arg-type]


def test_deployments_of_the_users_need_a_revision_to_name_one() -> None:
    with pytest.raises(ValueError, match="needs revision"):
        RolloutSpec(service="shop", workload=USERS, strategy=Strategy(canary=Canary()))


def test_a_rollout_knows_its_key_and_the_services_full_name() -> None:
    rollout = make.rollout(make.canary_spec())
    assert (rollout.key, rollout.host) == ("shop/shop", "shop.shop.svc.cluster.local")


@pytest.mark.parametrize("name", ["x" * 41, "x" * 42, "x" * 200, "x" * 33 + "." + "y" * 50])
def test_our_deployments_leave_room_in_their_names_and_end_in_the_revision(name: str) -> None:
    template = Workload(template={})
    one = replace(make.rollout(make.canary_spec(workload=template)), name=name)
    other = replace(one, name=f"{name[:-1]}z")
    called = one.deployment("bcdfghjklm")
    assert len(called) <= 52
    assert called.endswith("-bcdfghjklm")
    assert called != other.deployment("bcdfghjklm")
    assert not re.search(r"[.-][.-]", called)
    assert len(one.label) <= 63


def test_an_autoscaler_is_handed_over_only_where_pods_are_ours_to_scale() -> None:
    with pytest.raises(ValueError, match="autoscaler needs template, or scale: managed"):
        Workload("shop-{revision}", autoscaler=Autoscaler("shop"))
    assert Workload("shop-{revision}", scale="managed", autoscaler=Autoscaler("shop"))


@pytest.mark.parametrize(
    ("times", "says"),
    [
        ({"timeout": timedelta(0)}, "timeout is 0s; 1s to 60s is wanted"),
        ({"timeout": timedelta(minutes=2)}, "timeout is 2m; 1s to 60s is wanted"),
        ({"interval": timedelta(milliseconds=10)}, "interval is 10ms; 1s or more is wanted"),
    ],
)
def test_a_webhook_is_neither_hurried_nor_waited_for_for_ever(
    times: dict[str, timedelta], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        Webhook("qa", "https://qa/", SecretRef("qa"), **times)


def test_what_is_scraped_is_not_looked_at_more_often() -> None:
    for interval, says in ((timedelta(0), "0s"), (timedelta(milliseconds=1), "1ms")):
        with pytest.raises(ValueError, match=f"interval is {says}; 100ms or more is wanted"):
            Analysis(interval=interval)
    assert Analysis(interval=timedelta(milliseconds=100))
