"""Git's DestinationRule beside a rollout that writes it: what its routes name stays."""

from typing import Any

import pytest

from rollout.controller.sources import leaves
from rollout.errors import RefusedError
from rollout.model.status import Stage
from rollout.model.traffic import SubsetMode
from tests import make
from tests.controller.shop import obj
from tests.fakes import FakeKube

V1, V2 = ({"name": name, "labels": {"version": name}} for name in ("v1", "v2"))


def rule(*subsets: Any, host: str = "shop") -> Any:
    made = obj("DestinationRule", "shop", {"host": host, "subsets": [*subsets]})
    meta = {**made["metadata"], "resourceVersion": "7"}
    return {"apiVersion": "networking.istio.io/v1", **made, "metadata": meta}


def dressed(body: Any, stage: Stage = Stage.STEPPING) -> Any:
    status = make.at_step(subset_mode=SubsetMode.VERSION, stable_subset="v1", subset="v2")
    status = make.changed(status, stage=stage)
    rollout = make.rollout(make.canary_spec())
    return leaves.dressed(body, rule(V1, V2), [leaves.Driver(rollout, status)], FakeKube())


def subsets(made: Any) -> list[Any]:
    return list(made["spec"]["subsets"])


def test_a_subset_that_routes_name_stays_when_git_drops_it() -> None:
    assert subsets(dressed(rule())) == [V1, V2]
    assert subsets(dressed(rule(V2))) == [V2, V1]


def test_at_rest_stables_alone_stays() -> None:
    assert subsets(dressed(rule(), Stage.IDLE)) == [V1]


def test_by_version_a_subset_means_what_git_says() -> None:
    other = {"name": "v1", "labels": {"version": "v1", "region": "eu"}}
    assert subsets(dressed(rule(other, V2))) == [other, V2]


def test_a_rule_that_is_needed_is_not_given_to_another_host() -> None:
    with pytest.raises(RefusedError, match="rollout shop/shop still needs it"):
        dressed(rule(V1, V2, host="other"))
