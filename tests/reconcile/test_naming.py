"""How the two sides are named, and that a name which is edited away is found again."""

from dataclasses import replace
from typing import Any

import pytest

from rollout.model.observation import SeenTraffic
from rollout.model.status import Revision, RolloutStatus, Stage
from rollout.model.traffic import SubsetMode
from rollout.reconcile import naming
from tests import make


@pytest.mark.parametrize(
    ("subsets", "mode"),
    [
        ({"prod": {"version": "v1"}}, SubsetMode.ROLE),
        ({"prod": {"version": "v1"}, "gold": {"tier": "gold"}}, SubsetMode.ROLE),
        ({"prod": {"version": "v1"}, "next": {"version": "v2"}}, SubsetMode.VERSION),
        ({"prod": {"version": "v1"}, "canary": {"version": "v2"}}, SubsetMode.ROLE),
        ({}, SubsetMode.VERSION),
    ],
)
def test_a_subset_that_is_alone_and_named_by_no_version_is_a_role(
    subsets: dict[str, dict[str, str]], mode: SubsetMode
) -> None:
    one = make.look(RolloutStatus(), traffic=SeenTraffic(subsets=subsets))
    assert naming.mode(one, "prod")[0] == mode


def test_by_version_a_canary_has_the_subset_that_selects_it_or_one_of_its_name() -> None:
    status = make.at_step(subset_mode=SubsetMode.VERSION)
    traffic = SeenTraffic(subsets={"a": {"version": "v1"}, "b": {"version": "v2", "x": "y"}})
    one = make.look(status, traffic=traffic)
    assert naming.canary(status, one, Revision("v2")) == "b"
    assert naming.canary(status, one, Revision("V3_0.1")) == "v3-0-1"
    by_role = replace(status, subset_mode=SubsetMode.ROLE)
    assert naming.canary(by_role, one, Revision("v2")) == "canary"


BY_NAME = {"prod": {"version": "v1"}, "all": {"version": "v1"}, "b": {"version": "v2"}}


def found(serving: tuple[str, ...], **status: Any) -> tuple[str, SubsetMode | None, str]:
    """Stable's name, the mode and the canary's name, of a status at a step that lacks some."""
    seen = SeenTraffic(subsets=BY_NAME, serving=serving, referenced=serving)
    again = naming.found_again(make.look(make.at_step(**status), traffic=seen))
    assert again is not None
    return again.stable_subset, again.subset_mode, again.attempt.subset


def test_a_name_that_is_lost_is_that_of_the_subset_that_selects_the_pods_and_is_on_the_routes() -> (
    None
):
    mode = SubsetMode.VERSION
    serving = ("prod", "b")
    assert found(serving, stable_subset="", subset_mode=mode, subset="b") == ("prod", mode, "b")
    assert found(("all", "b"), stable_subset="", subset_mode=mode, subset="b")[0] == "all"
    assert found(serving, stable_subset="prod", subset_mode=mode, subset="") == ("prod", mode, "b")
    assert found(serving, stable_subset="prod", subset_mode=None, subset="b") == ("prod", mode, "b")


def test_where_no_subset_selects_the_pods_a_lost_name_is_the_one_on_the_routes_or_by_role() -> None:
    seen = SeenTraffic(subsets={}, serving=("prod", "canary"))
    lacks = make.at_step(stable_subset="")
    again = naming.found_again(make.look(lacks, traffic=seen))
    assert again is not None
    assert again.stable_subset == "prod"
    again = naming.found_again(make.look(lacks, traffic=SeenTraffic(serving=("",))))
    assert again is not None
    assert again.stable_subset == "stable"


def test_whose_status_has_all_names_or_no_journey_needs_none() -> None:
    assert naming.found_again(make.look(make.at_step())) is None
    assert naming.found_again(make.look(RolloutStatus())) is None
    promoted = make.at_step(stage=Stage.RETIRING, subset="", subset_mode=SubsetMode.VERSION)
    assert naming.found_again(make.look(promoted)) is None
