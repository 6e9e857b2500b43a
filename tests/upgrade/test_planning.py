"""Which namespaces move in which wave, what is restarted, and how long that takes."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.model.mesh import MeshWorkload, Restart
from rollout.model.ref import Ref
from rollout.model.spec import Approval
from rollout.model.upgrade import (
    ControlPlaneUpgradeSpec,
    DefaultMove,
    GatewayMove,
    Removal,
    TagMove,
    Wave,
)
from rollout.model.upgradeplan import (
    PlannedSpace,
    PlannedStop,
    PlannedWave,
    PlannedWorkload,
    UpgradePlan,
)
from rollout.upgrade import planning
from tests.upgrade.mesh import NEW, OLD, budget, deployment, healthy, joined, seen, spaced
from tests.upgrade.rules.made import edge, job_pod

SPEC = ControlPlaneUpgradeSpec(OLD, NEW)
SECONDS = timedelta(seconds=1)
BATCH = planning.START
MESH = seen(healthy())


def waves(*asked: Wave) -> list[tuple[str, ...]]:
    plan = planning.plan("mesh", replace(SPEC, waves=asked), MESH)
    return [tuple(space.name for space in wave.spaces) for wave in plan.waves]


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ((Wave("w", namespaces=("legacy", "shop")),), [("legacy", "shop")]),
        ((Wave("w", namespaces=("plain", "none", "cart")),), [("cart",)]),
        ((Wave("w", selector={"istio.io/rev": "prod"}),), [("shop",)]),
        ((Wave("w", tag="prod"), Wave("x", tag="default")), [("shop",), ("legacy",)]),
        ((Wave("w", one_at_a_time=True),), [("cart", "legacy", "shop")]),
        ((Wave("w", percentage=0.0),), [("cart",)]),
        ((Wave("w", percentage=0.5), Wave("x", percentage=1.0)), [("cart", "legacy"), ("shop",)]),
        (
            (Wave("w", namespaces=("shop",)), Wave("x", one_at_a_time=True)),
            [("shop",), ("cart", "legacy")],
        ),
    ],
)
def test_a_wave_has_what_it_names_and_what_has_not_moved(
    asked: tuple[Wave, ...], names: list[tuple[str, ...]]
) -> None:
    assert waves(*asked) == names


NAMES = st.lists(st.sampled_from(["shop", "cart", "legacy", "x"]), min_size=1, unique=True)
WAVES = st.lists(
    st.one_of(
        st.builds(lambda n: Wave("w", namespaces=tuple(n)), NAMES),
        st.builds(lambda p: Wave("w", percentage=p), st.floats(0, 1)),
        st.just(Wave("w", one_at_a_time=True)),
        st.sampled_from([Wave("w", tag="prod"), Wave("w", selector={"istio.io/rev": OLD})]),
    ),
    max_size=4,
)


@given(WAVES)
def test_every_namespace_moves_at_most_once_and_what_is_left_is_named(asked: list[Wave]) -> None:
    plan = planning.plan("mesh", replace(SPEC, waves=tuple(asked)), MESH)
    moved = [space.name for wave in plan.waves for space in wave.spaces]
    assert len(moved) == len(set(moved))
    assert sorted((*moved, *plan.uncovered)) == ["cart", "legacy", "shop"]


def test_a_wave_tells_all_that_it_would_do() -> None:
    world = joined(
        edge(labels={"istio.io/rev": OLD}),
        {
            "Pod": [job_pod()],
            "PodDisruptionBudget": [
                budget("tight", "shop", {"app": "web"}, allowed=0),
                budget("loose", "shop", {"app": "api"}),
                budget("else", "shop", {"app": "other"}, allowed=0),
            ],
        },
    )
    asked = Wave("all", namespaces=("shop", "ingress"), max_concurrent=2, approval=Approval())
    plan = planning.plan("mesh", replace(SPEC, waves=(asked,)), seen(world))
    web, api = (
        PlannedWorkload(Ref("Deployment", "shop", name), 2, Restart.ANNOTATION, 2 * BATCH)
        for name in ("web", "api")
    )
    shop = PlannedSpace(
        "shop",
        "istio.io/rev=prod",
        (api, web),
        (Ref("PodDisruptionBudget", "shop", "tight"),),
        (Ref("Job", "shop", "sum"),),
        takes=2 * BATCH,
    )
    ingress = PlannedSpace(
        "ingress", f"istio.io/rev={OLD}", gateways=(Ref("Deployment", "ingress", "edge"),)
    )
    bake = timedelta(minutes=5)
    assert plan.waves == (PlannedWave("all", (shop, ingress), bake=bake, approval=True),)
    assert (plan.pods, plan.waves[0].takes) == (4, 2 * BATCH + bake)
    assert plan.takes == 2 * BATCH + bake + timedelta(days=1)


def test_namespaces_that_go_one_at_a_time_bake_each() -> None:
    plan = planning.plan("mesh", replace(SPEC, waves=(Wave("w", one_at_a_time=True),)), MESH)
    assert plan.waves[0].bake == 3 * timedelta(minutes=5)


def test_gateways_tags_default_and_removal_are_stops_of_their_own() -> None:
    spec = replace(
        SPEC,
        gateways=(
            GatewayMove(deployment="ingress/edge", shares=(50, 100)),
            GatewayMove(gateway="shop/front"),
            GatewayMove(deployment="x/y", allow_in_place=True),
        ),
        tags=(TagMove("prod"),),
        default=DefaultMove(),
        remove=Removal.KEEP,
    )
    plan = planning.plan("mesh", spec, seen(edge()))
    five = timedelta(minutes=5)
    beside = "a second Deployment behind the same Service: 50%, 100% of 2 pods"
    twin = "a twin Gateway at the new revision; routes get both as parents"
    assert plan.gateways == (
        PlannedStop("ingress/edge", beside, 2 * five),
        PlannedStop("shop/front", twin, five),
        PlannedStop("x/y", "in place, with the control plane that brought it"),
    )
    assert [stop.name for stop in plan.tags] == ["prod", "default"]
    assert (plan.removal, plan.uncovered) == ("", ("cart", "legacy", "shop"))


def test_what_no_label_moves_is_named() -> None:
    alone = {"istio.io/rev": OLD}
    world = joined(healthy(), {"Deployment": [deployment("own", "plain", labels=alone)]})
    assert planning.plan("mesh", SPEC, seen(world)).own == (Ref("Deployment", "plain", "own"),)


def test_a_mesh_that_nothing_is_known_of_is_an_empty_plan() -> None:
    empty = seen(joined({"Namespace": [spaced("x", {})]}))
    spec = replace(SPEC, waves=(Wave("w", one_at_a_time=True),))
    assert planning.plan("mesh", spec, empty) == UpgradePlan(
        "mesh",
        OLD,
        NEW,
        (PlannedWave("w", bake=timedelta(minutes=5)),),
        bake=timedelta(days=1),
        removal="asks",
    )


@pytest.mark.parametrize(
    ("replicas", "unavailable", "surge", "batches"),
    [(4, 1, 1, 2), (4, 0, 1, 4), (5, 2, 0, 3), (0, 1, 1, 0), (3, 3, 0, 1), (3, 0, 0, 3)],
)
def test_a_restart_takes_batch_after_batch(
    replicas: int, unavailable: int, surge: int, batches: int
) -> None:
    workload = MeshWorkload(
        Ref("Deployment", "shop", "web"),
        replicas,
        unavailable=unavailable,
        surge=surge,
        min_ready=10 * SECONDS,
    )
    assert planning.takes(workload) == batches * (BATCH + 10 * SECONDS)


@given(st.lists(st.integers(0, 100)), st.integers(1, 5))
def test_side_by_side_is_never_faster_than_the_longest_nor_slower_than_one_by_one(
    seconds: list[int], at_once: int
) -> None:
    each = [timedelta(seconds=s) for s in seconds]
    lasts = planning.together(each, at_once)
    assert max(each, default=timedelta()) <= lasts <= sum(each, timedelta())
    assert lasts >= sum(each, timedelta()) / at_once
