from dataclasses import replace

import pytest

from rollout.model.action import HandOver
from rollout.model.observation import SeenAutoscaler
from rollout.model.status import Revision, RolloutStatus, Stage
from rollout.reconcile import handover
from rollout.reconcile.look import Look
from tests import make

ON_V1, ON_V2 = (SeenAutoscaler("shop", True, f"shop-{name}") for name in ("v1", "v2"))
GONE = SeenAutoscaler("shop", exists=False, problem="hpa shop is missing")
KEDA = replace(ON_V1, problem="hpa shop is KEDA's")
BAKING = make.at_step(stage=Stage.BAKING)


def look(status: RolloutStatus = BAKING, seen: SeenAutoscaler | None = ON_V1, **pods: int) -> Look:
    workloads = {
        name: make.workload(name, wanted=pods.get(name, 4), ready=pods.get(name, 4))
        for name in ("v1", "v2")
    }
    return make.look(status, autoscaler=seen, workloads=workloads)


@pytest.mark.parametrize("stage", [s for s in Stage if s is not Stage.BAKING])
def test_it_scales_stable_but_while_the_promoted_canary_bakes(stage: Stage) -> None:
    assert handover.goal(make.at_step(stage=stage)) == Revision("v1")
    assert handover.goal(BAKING) == Revision("v2")


@pytest.mark.parametrize(
    ("seen", "actions"),
    [
        (ON_V1, (HandOver("shop", "shop-v2"),)),
        (replace(ON_V1, scales="shop"), (HandOver("shop", "shop-v2"),)),
        (ON_V2, ()),
        (KEDA, ()),
        (GONE, ()),
        (None, ()),
    ],
)
def test_it_is_handed_over_where_it_can_be_and_is_not_yet(
    seen: SeenAutoscaler | None, actions: tuple[HandOver, ...]
) -> None:
    found = look(seen=seen)
    assert handover.due(found, found.status) == actions


def test_nobody_is_handed_over_to_a_deployment_that_is_not_there() -> None:
    found = make.look(BAKING, autoscaler=ON_V1, workloads={})
    assert handover.due(found, found.status) == ()


def test_the_floor_is_what_it_leaves_and_nothing_where_it_stays() -> None:
    found = [look(seen=seen, v1=7) for seen in (ON_V1, ON_V2, KEDA, replace(ON_V1, scales="x"))]
    assert [handover.floor(one, one.status) for one in found] == [7, 0, 0, 0]


def test_what_wants_no_pods_it_does_not_scale() -> None:
    here, empty = look(), look(v1=0)
    assert [handover.scales(one, Revision("v1")) for one in (here, empty)] == [True, False]
    assert not handover.scales(here, Revision("v2"))
    assert not handover.scales(look(seen=None), Revision("v1"))


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (ON_V1, "autoscaler shop is to scale shop-v2"),
        (KEDA, "hpa shop is KEDA's"),
        (ON_V2, None),
        (GONE, None),
        (None, None),
    ],
)
def test_why_the_old_pods_may_not_go_is_said(
    seen: SeenAutoscaler | None, words: str | None
) -> None:
    assert handover.missing(look(seen=seen)) == words


def test_what_a_person_must_see_to_is_said() -> None:
    found = [handover.trouble(look(seen=seen)) for seen in (GONE, KEDA, ON_V1, None)]
    assert found == ["hpa shop is missing", "hpa shop is KEDA's", None, None]


def test_it_is_remembered_where_it_was_seen_as_asked() -> None:
    assert handover.landed(look()).autoscaler_target == ""
    there = handover.landed(look(seen=ON_V2))
    assert there.autoscaler_target == "shop-v2"
    assert handover.landed(look(there, ON_V2)) is there


@pytest.mark.parametrize(
    ("autoscaled", "seen", "words"),
    [
        ("shop-v2", ON_V1, "autoscaler shop, which named shop-v1"),
        ("shop-v1", ON_V1, None),
        ("", ON_V1, None),
        ("shop-v2", ON_V2, None),
        ("shop-v2", KEDA, None),
        ("shop-v2", None, None),
    ],
)
def test_only_what_was_where_it_should_be_is_a_foreign_edit(
    autoscaled: str, seen: SeenAutoscaler | None, words: str | None
) -> None:
    assert handover.foreign(look(make.changed(BAKING, autoscaler_target=autoscaled), seen)) == words
