from dataclasses import replace
from datetime import timedelta

from rollout.model.action import (
    EnsureWorkload,
    HandOver,
    LetGo,
    PointSubset,
    PruneWorkloads,
    ReleaseFields,
    ReleaseRoutes,
    Scale,
    SetRoute,
)
from rollout.model.observation import SeenAutoscaler, SeenTraffic
from rollout.model.reasons import WaitsFor
from rollout.model.spec import Workload
from rollout.model.status import Draining, Revision, Stage, StepStatus
from rollout.model.traffic import Split
from rollout.model.turn import Notice
from rollout.reconcile import actions
from rollout.reconcile.look import Look, Turn, Writes
from tests import make
from tests.make import START

V1, V2, V3 = Revision("v1"), Revision("v2"), Revision("v3")
FINE = SeenTraffic(subsets={"stable": {"version": "v1"}, "canary": {"version": "v2"}})
MANAGED = Workload("shop-{revision}", scale="managed")
TEMPLATE = Workload(template={"replicas": 4})


def look(status: object, workload: Workload | None = None, **seen: object) -> Look:
    plain = make.look(status, **({"traffic": FINE} | seen))  # type: ignore[arg-type]
    if workload is None:
        return plain
    return replace(plain, rollout=make.rollout(make.canary_spec(workload=workload), "v2"))


def kinds(seen: Look, turn: Turn) -> list[type]:
    return [type(action) for action in actions.due(seen, turn)]


def test_nothing_is_due_where_all_is_as_it_should_be() -> None:
    status = make.at_step()
    assert actions.due(look(status), Turn(status, "why")) == ()


def test_on_the_way_up_pods_and_subsets_come_before_the_route() -> None:
    before = make.at_step()
    after = make.changed(before, split=Split(50, 50), step=StepStatus(1, "step 2", START))
    found = kinds(
        look(
            before,
            TEMPLATE,
            traffic=SeenTraffic(),
            workloads={"v1": make.workload("v1"), "v2": make.workload("v2", 1, 1)},
        ),
        Turn(after, "why"),
    )
    assert found == [EnsureWorkload, PointSubset, PointSubset, SetRoute]


def test_on_the_way_down_only_a_missing_subset_comes_before_the_route() -> None:
    before = make.at_step()
    after = make.changed(before, stage=Stage.WITHDRAWING, split=Split(100, 0))
    wrong = SeenTraffic(subsets={"canary": {"version": "v0"}})
    found = actions.due(look(before, traffic=wrong), Turn(after, "why"))
    assert [getattr(a, "name", "route") for a in found] == ["stable", "route", "canary"]


def test_in_an_emergency_stable_gets_its_pods_back_where_they_are_ours() -> None:
    status = make.at_step(stage=Stage.WITHDRAWING, split=Split(100, 0))
    few = {"v1": make.workload("v1", 1, 1)}
    assert actions.due(look(status, MANAGED, workloads=few), Turn(status, "why")) == (
        Scale("shop-v1", 4),
    )


def test_no_pod_starts_before_the_revisions_are_kept_apart() -> None:
    status = make.at_step(stage=Stage.PREPARING, revisions_isolated=False, step=None)
    bare = {"v1": make.workload("v1")}
    assert kinds(look(status, TEMPLATE, workloads=bare), Turn(status, "why")) == []
    apart = make.changed(status, revisions_isolated=True)
    assert kinds(look(apart, TEMPLATE, workloads=bare), Turn(apart, "why")) == [EnsureWorkload]
    assert kinds(look(apart, MANAGED, workloads=bare), Turn(apart, "why")) == []


def test_at_rest_the_template_says_how_many_pods_and_silence_leaves_it_to_an_autoscaler() -> None:
    idle = make.at_step(
        stage=Stage.IDLE, canary=None, split=Split(100, 0), revisions_isolated=False
    )
    six, silent = {"v1": make.workload("v1", 6, 6)}, Workload(template={})
    turn = Turn(idle, "why")
    assert actions.due(look(idle, TEMPLATE, workloads=six), turn) == (EnsureWorkload(V1, 4),)
    assert actions.due(look(idle, silent, workloads=six), turn) == ()
    assert actions.due(look(idle, silent, workloads={}), turn) == (EnsureWorkload(V1, 1),)
    assert actions.due(look(idle, MANAGED, workloads={}), turn) == ()
    nobody = replace(idle, stable=None)
    assert actions.due(look(nobody, TEMPLATE, workloads={}), Turn(nobody, "why")) == ()


def test_with_an_autoscaler_the_templates_number_is_for_the_first_pods_alone() -> None:
    idle = make.at_step(
        stage=Stage.IDLE, canary=None, split=Split(100, 0), revisions_isolated=False
    )
    six, two = ({"v1": make.workload("v1", n, n)} for n in (6, 2))
    there = SeenAutoscaler("shop", True, "shop-v1")
    seen = [look(idle, TEMPLATE, workloads=w, autoscaler=there) for w in (six, two, {})]
    found = [actions.due(one, Turn(idle, "why")) for one in seen]
    assert found == [(), (), (EnsureWorkload(V1, 4),)]


def test_what_the_autoscaler_scales_gets_no_pods_of_ours_unless_it_has_none() -> None:
    back = make.at_step(stage=Stage.WITHDRAWING, split=Split(100, 0))
    there = SeenAutoscaler("shop", True, "shop-v1")
    two, none = ({"v1": make.workload("v1", n, n)} for n in (2, 0))
    seen = [look(back, MANAGED, workloads=w, autoscaler=there) for w in (two, none)]
    found = [actions.due(one, Turn(back, "why")) for one in seen]
    assert found == [(), (Scale("shop-v1", 4),)]


def test_who_is_handed_over_to_gets_as_many_pods_before_in_any_stage() -> None:
    there = SeenAutoscaler("shop", True, "shop-v2")
    pods = {"v1": make.workload("v1"), "v2": make.workload("v2", 9, 9)}
    over = HandOver("shop", "shop-v1")
    for stage in (Stage.IDLE, Stage.CLEANING, Stage.WITHDRAWING, Stage.STEPPING):
        status = make.at_step(stage=stage)
        found = actions.due(
            look(status, MANAGED, workloads=pods, autoscaler=there), Turn(status, "why")
        )
        asked = [one for one in found if isinstance(one, Scale | HandOver)]
        assert asked == [Scale("shop-v1", 9), over], stage


def test_a_turn_that_leaves_things_hands_nothing_over() -> None:
    status, there = make.at_step(), SeenAutoscaler("shop", True, "shop-v2")
    seen = look(status, MANAGED, autoscaler=there)
    assert HandOver in kinds(seen, Turn(status, "why"))
    assert HandOver not in kinds(seen, Turn(status, "why", writes=Writes.NO_ROUTES))


def test_pods_of_the_past_that_the_autoscaler_scales_are_not_taken_from_it() -> None:
    past = make.at_step(draining=Draining(V3, START - timedelta(minutes=1)))
    old = {"v3": make.workload("v3"), "v1": make.workload("v1"), "v2": make.workload("v2")}
    there = SeenAutoscaler("shop", True, "shop-v3", problem="hpa shop is KEDA's")
    found = kinds(look(past, MANAGED, workloads=old, autoscaler=there), Turn(past, "why"))
    assert Scale not in found


def test_pods_of_the_past_go_once_drained_and_are_pruned_once_gone() -> None:
    past = make.at_step(draining=Draining(V3, START - timedelta(minutes=1)))
    seen = look(past, TEMPLATE)
    seen = replace(
        seen, seen=replace(seen.seen, workloads={**seen.seen.workloads, "v3": make.workload("v3")})
    )
    assert actions.due(seen, Turn(past, "why")) == (Scale("shop-v3", 0),)
    fresh = make.changed(past, draining=Draining(V3, START))
    assert actions.due(replace(seen, status=fresh), Turn(fresh, "why")) == ()
    gone = make.changed(past, draining=None)
    found = actions.due(look(past, TEMPLATE), Turn(gone, "why"))
    assert found == (PruneWorkloads(("v1", "v2"), 3),)


def test_a_third_revision_in_one_drain_leaks_no_pods() -> None:
    past = make.at_step(draining=Draining(V3, START))
    after = make.changed(past, draining=Draining(Revision("v4"), START))
    seen = look(past, MANAGED, workloads={"v2": make.workload("v2"), "v3": make.workload("v3")})
    assert actions.due(seen, Turn(after, "why")) == (Scale("shop-v3", 0),)


def test_pods_that_are_wanted_again_stay() -> None:
    past = make.at_step(draining=Draining(V2, START - timedelta(minutes=1)))
    assert actions.due(look(past, MANAGED), Turn(past, "why")) == ()


def test_what_is_given_back_names_who_must_stay_apart() -> None:
    before = make.at_step(stage=Stage.RETURNING)
    after = make.changed(before, stage=Stage.RETIRING)
    (found,) = actions.due(look(before), Turn(after, "why"))
    assert isinstance(found, ReleaseRoutes)
    assert found.target.apart


def test_people_are_asked_only_where_a_step_wants_them() -> None:
    status = make.at_step()
    assert actions.due(look(status), Turn(status, "why", waits_for=WaitsFor.APPROVAL)) == ()
    nowhere = make.changed(status, step=None)
    assert actions.due(look(nowhere), Turn(nowhere, "why", waits_for=WaitsFor.APPROVAL))[1:] == ()


def test_the_last_sentence_is_not_told_twice() -> None:
    status = make.at_step(because="why")
    assert kinds(look(status), Turn(status, "why", notice=Notice("Paused"))) == []


def held(**traffic: object) -> SeenTraffic:
    """Objects that name us as a manager of what their authors write."""
    return replace(FINE, fields_held=True, **traffic)  # type: ignore[arg-type]


def test_at_rest_managed_fields_are_their_authors_again() -> None:
    resting = make.status(stable=V1)
    assert kinds(look(resting, traffic=held()), Turn(resting, "why")) == [ReleaseFields]
    assert kinds(look(resting), Turn(resting, "why")) == []


def test_in_mid_journey_an_author_is_told_who_else_writes_there() -> None:
    moving = make.at_step()
    assert ReleaseFields not in kinds(look(moving, traffic=held()), Turn(moving, "why"))


def test_fields_stay_ours_while_something_is_still_to_be_written() -> None:
    resting = make.status(stable=V1)
    drifted = look(resting, traffic=held(differences=("virtualservice shop/shop http[0]",)))
    assert ReleaseFields not in kinds(drifted, Turn(resting, "why"))
    left = Turn(resting, "why", writes=Writes.NO_ROUTES)
    assert ReleaseFields not in kinds(look(resting, traffic=held()), left)


def test_who_leaves_gives_the_fields_back_before_it_is_let_go() -> None:
    moving = make.at_step()
    last = Turn(moving, "why", writes=Writes.LAST)
    assert kinds(look(moving, traffic=held()), last)[-2:] == [ReleaseFields, LetGo]
