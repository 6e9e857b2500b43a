"""The spec names other objects in mid-journey: nothing of ours is left on those that it named."""

from dataclasses import replace
from typing import Any

import pytest

from rollout.model.spec import Rollout, Traffic
from rollout.model.status import Phase
from rollout.model.traffic import VirtualServiceRef
from tests import make
from tests.istio.objects import Json, to, vs
from tests.played import Played
from tests.stories.test_shapes import deployment, rule, service, subsets

HALF = make.canary_spec(5, 50)


def objects(app: str) -> list[Json]:
    route = vs({"route": [to(app, "stable")]}, name=app, hosts=[app])
    named = rule(app, host=app, subsets=subsets(stable="v1"))
    return [service(app), deployment("v1", app), deployment("v2", app), named, route]


def renamed(rollout: Rollout, **changes: Any) -> Rollout:
    return replace(rollout, spec=replace(rollout.spec, **changes))


async def at_half() -> Played:
    """Half of shop's users are on v2."""
    one = Played.of(make.rollout(HALF), [*objects("shop"), *objects("tills")])
    await one.until(Phase.HEALTHY)
    one.rollout = renamed(one.rollout, revision="v2")
    while one.status.stage.split.canary < 50:
        one.now += await one.look() or make.MINUTE / 4
    return one


OTHERS: dict[str, dict[str, Any]] = {
    "another service": {
        "service": "tills",
        "workload": replace(HALF.workload, deployments="tills-{revision}"),
    },
    "another rule": {"traffic": Traffic(destination_rule="other")},
    "its routes by name": {"traffic": Traffic(virtual_services=(VirtualServiceRef("shop"),))},
}


@pytest.mark.parametrize("other", OTHERS)
async def test_everyone_goes_back_by_the_old_names_before_the_new_ones_count(other: str) -> None:
    one = await at_half()
    before = (await fresh())["VirtualService shop"]
    one.rollout = renamed(one.rollout, **OTHERS[other])
    while one.status.stable is not None:
        one.now += await one.look() or make.MINUTE / 4
    assert one.objects()["VirtualService shop"] == before
    assert "rollout.dev" not in str(one.objects()["DestinationRule shop"]["metadata"])
    while named(one) != (one.rollout.spec.service, "v2"):
        one.now += await one.look() or make.MINUTE / 4


def named(one: Played) -> tuple[str, str]:
    """Of which service which revision is stable."""
    status = one.status
    return (
        status.subject.service if status.subject else "",
        status.stable.name if status.stable else "",
    )


async def fresh() -> dict[str, Json]:
    """The objects as their author wrote them."""
    return {n: dict(o) for n, o in Played.of(make.rollout(HALF), objects("shop")).objects().items()}


async def test_at_rest_a_renamed_service_is_adopted_anew_and_nothing_is_left() -> None:
    one = Played.of(make.rollout(HALF), [*objects("shop"), *objects("tills")])
    await one.until(Phase.HEALTHY)
    before = one.objects()
    one.rollout = renamed(one.rollout, **OTHERS["another service"])
    await one.settle()
    assert (one.objects(), one.status.stable and one.status.stable.name) == (before, "v1")


async def test_a_rollout_deleted_with_another_name_in_its_spec_leaves_by_the_old_one() -> None:
    one = await at_half()
    one.rollout = replace(renamed(one.rollout, **OTHERS["another service"]), deleting=True)
    for _ in range(60):
        one.now += await one.look() or make.MINUTE / 4
    assert one.objects()["VirtualService shop"] == (await fresh())["VirtualService shop"]
