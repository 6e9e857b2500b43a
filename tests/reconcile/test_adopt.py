import pytest

from rollout.model.observation import SeenTraffic
from rollout.model.reasons import WaitsFor
from rollout.model.status import Revision, RolloutStatus, SubsetMode
from rollout.reconcile import adopt
from tests import make

NEW = RolloutStatus()


@pytest.mark.parametrize(
    ("serving", "because"),
    [
        ((), "requests go to nobody already; give one of them everything first"),
        (("v1", ""), "requests go to v1 and the whole service already; give one"),
    ],
)
def test_requests_that_go_to_several_sides_are_nobodys_to_adopt(
    serving: tuple[str, ...], because: str
) -> None:
    turn = adopt.adopt(make.look(NEW, traffic=SeenTraffic(serving=serving)))
    assert (turn.status, turn.because[: len(because)]) == (NEW, because)
    assert turn.waits_for is WaitsFor.OBJECTS


def test_a_route_to_the_whole_service_is_the_ones_that_has_all_its_pods() -> None:
    traffic = SeenTraffic(serving=("", "stable"), subsets={"stable": {"version": "v1"}})
    pods = {"v1": make.workload("v1")}
    alone = make.look(NEW, traffic=traffic, workloads=pods, strangers=4, asked=Revision("v1"))
    assert adopt.adopt(alone).status.stable == Revision("v1")
    others = make.look(NEW, traffic=traffic, workloads=pods, strangers=5, asked=Revision("v1"))
    assert adopt.adopt(others).because.startswith("requests go to the whole service and stable")


def test_by_role_the_labels_of_the_subset_say_who_is_stable() -> None:
    traffic = SeenTraffic(serving=("stable",), subsets={"stable": {"version": "v1"}}, epoch=9)
    status = adopt.adopt(make.look(NEW, traffic=traffic)).status
    assert (status.stable, status.subset_mode, status.epoch) == (
        Revision("v1"),
        SubsetMode.ROLE,
        10,
    )
    assert (status.stable_subset, status.attempt.subset) == ("stable", "canary")


@pytest.mark.parametrize(
    ("subsets", "mode"),
    [
        ({"prod": {"version": "v1"}}, SubsetMode.ROLE),
        ({"prod": {"version": "v1"}, "gold": {"tier": "gold"}}, SubsetMode.ROLE),
        ({"prod": {"version": "v1"}, "next": {"version": "v2"}}, SubsetMode.VERSION),
        ({}, SubsetMode.VERSION),
    ],
)
def test_a_subset_that_is_alone_and_named_by_no_version_is_a_role(
    subsets: dict[str, dict[str, str]], mode: SubsetMode
) -> None:
    traffic = SeenTraffic(serving=("prod",), subsets=subsets)
    status = adopt.adopt(make.look(NEW, traffic=traffic)).status
    assert (status.subset_mode, status.stable_subset) == (mode, "prod")


def test_by_version_the_subsets_are_the_authors() -> None:
    traffic = SeenTraffic(serving=("v1",), subsets={"v1": {"version": "v1"}})
    status = adopt.adopt(make.look(NEW, traffic=traffic)).status
    assert (status.subset_mode, status.stable_subset, status.revisions_isolated) == (
        SubsetMode.VERSION,
        "v1",
        True,
    )


def test_without_a_subset_what_git_asks_for_is_what_serves() -> None:
    assert adopt.adopt(
        make.look(NEW, traffic=SeenTraffic(serving=("",)))
    ).status.stable == Revision("v2")


def test_nothing_is_adopted_while_git_names_nothing() -> None:
    look = make.look(NEW, asked=None, problem="template: no containers")
    assert adopt.adopt(look).because == "template: no containers"


def test_nobody_is_adopted_who_does_not_serve_while_others_do() -> None:
    look = make.look(NEW, traffic=SeenTraffic(serving=("",)), strangers=3, workloads={})
    turn = adopt.adopt(look)
    assert turn.because == "others serve and v2 has no ready pods; push what serves first"


def test_by_version_a_canary_has_the_subset_that_selects_it_or_one_of_its_name() -> None:
    status = make.at_step(subset_mode=SubsetMode.VERSION)
    traffic = SeenTraffic(subsets={"a": {"version": "v1"}, "b": {"version": "v2", "x": "y"}})
    look = make.look(status, traffic=traffic)
    assert adopt.canary_subset(status, look, Revision("v2")) == "b"
    assert adopt.canary_subset(status, look, Revision("V3_0.1")) == "v3-0-1"
    assert (
        adopt.canary_subset(make.changed(status, subset_mode=SubsetMode.ROLE), look, Revision("v2"))
        == "canary"
    )
