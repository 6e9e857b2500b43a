from dataclasses import replace

from rollout.model.observation import SeenTraffic
from rollout.model.reasons import Verb
from rollout.model.spec import Canary, Request, Step, Stickiness, Strategy, Traffic, Workload
from rollout.model.status import Stage, StepStatus
from rollout.model.traffic import STABLE_ONLY, Route, Split, Sticky, SubsetMode, Target
from rollout.reconcile import wanted
from tests import make
from tests.make import START

V1, V2 = {"version": "v1"}, {"version": "v2"}
PLAIN = make.rollout(make.canary_spec(), "v2")
MANAGED = make.rollout(
    make.canary_spec(workload=Workload(deployments="shop-{revision}", scale="managed")), "v2"
)


def test_the_target_names_both_sides() -> None:
    host = "shop.shop.svc.cluster.local"
    found = wanted.target(PLAIN, make.at_step())
    assert found == Target("shop", "shop", host, "stable", "canary", (), "shop", apart=True)


def test_by_version_there_may_be_no_canary_to_name() -> None:
    status = make.at_step(subset_mode=SubsetMode.VERSION, subset="")
    assert wanted.target(PLAIN, status).canary == ""


def test_a_cookie_is_new_for_each_attempt_and_gone_when_nobody_needs_it() -> None:
    spec = make.canary_spec(traffic=Traffic(stickiness=Stickiness("shop")))
    rollout, status = make.rollout(spec, "v2"), make.at_step()
    day = spec.traffic.stickiness.for_  # type: ignore[union-attr]
    cookie = Sticky("shop", "v2-1", day, "stable:1:0")
    assert wanted.route(rollout, status) == Route(Split(95, 5), sticky=cookie)
    assert wanted.route(rollout, make.changed(status, split=Split(100, 0))).sticky is None


def test_so_many_of_stables_users_move_that_all_who_moved_are_the_steps_share() -> None:
    spec = make.canary_spec(0, 5, 20, 20, 100, traffic=Traffic(stickiness=Stickiness("shop")))
    rollout = make.rollout(spec, "v2")
    stops = [
        make.at_step(step=StepStatus(index, "", START), split=Split.giving_canary(weight))
        for index, weight in enumerate((0, 5, 20, 20, 100))
    ]
    found = [wanted.route(rollout, status).sticky for status in stops]
    first, second, third, fourth = ("stable:1:1", "stable:1:2", "stable:1:3", "stable:1:4")
    assert [s and (s.home, s.earlier) for s in found] == [
        None,
        (first, ()),
        (second, ((first, 16),)),  # 5 + 95 * 16 % = 20
        (third, ((first, 16), (second, 0))),
        (fourth, ((first, 100), (second, 100), (third, 100))),
    ]


def test_the_route_follows_from_the_stage_alone() -> None:
    stages = (Stage.PREPARING, Stage.BAKING, Stage.WITHDRAWING)
    found = [wanted.route(PLAIN, make.at_step(stage=stage)) for stage in stages]
    assert found == [STABLE_ONLY, Route(Split(0, 100)), Route(Split(95, 5))]


def test_on_the_way_both_subsets_mean_their_side() -> None:
    seen = make.look(make.at_step()).seen
    assert wanted.subsets(make.at_step(), seen) == {"stable": V1, "canary": V2}


def test_at_rest_only_a_subset_that_is_there_or_named_is_seen_to() -> None:
    status = make.at_step(stage=Stage.IDLE, revisions_isolated=False)
    seen = make.look(status).seen
    assert wanted.subsets(status, seen) == {}
    here = replace(seen, traffic=SeenTraffic(subsets={"stable": {}}))
    named = replace(seen, traffic=SeenTraffic(referenced=("stable",)))
    crowd = replace(seen, strangers=1)
    assert [wanted.subsets(status, s) for s in (here, named, crowd)] == [{"stable": V1}] * 3


def test_by_version_what_is_there_is_the_authors() -> None:
    status = make.at_step(subset_mode=SubsetMode.VERSION, stable_subset="v1", subset="v2")
    seen = make.look(status, traffic=SeenTraffic(subsets={"v1": {"other": "x"}})).seen
    assert wanted.subsets(status, seen) == {"v2": V2}


def test_only_a_canary_subset_of_our_making_that_nobody_names_is_unused() -> None:
    ours = SeenTraffic(made=("canary",))
    worlds = [ours, SeenTraffic(), replace(ours, referenced=("canary",))]
    status = make.at_step()
    found = [wanted.unused_subset(status, make.look(status, traffic=t).seen) for t in worlds]
    assert found == ["canary", "", ""]


def test_pods_are_called_by_the_users_pattern_or_by_the_rollout() -> None:
    template = make.rollout(make.canary_spec(workload=Workload(template={})))
    assert [r.deployment("v2") for r in (PLAIN, template)] == ["shop-v2", "shop-v2"]
    assert [wanted.ours_to_scale(r) for r in (PLAIN, MANAGED, template)] == [False, True, True]


def test_pods_are_there_for_this_step_and_the_next() -> None:
    statuses = [make.at_step(step=None, stage=Stage.PREPARING), make.at_step(), make.at_step(1)]
    assert [wanted.canary_replicas(MANAGED, s) for s in statuses] == [1, 2, 4]


def test_a_steps_own_replicas_come_before_the_estimate() -> None:
    steps = (Step(weight=50, replicas=1), Step(weight=50))
    rollout = make.rollout(make.spec(Strategy(canary=Canary(steps))), "v2")
    assert wanted.canary_replicas(rollout, make.at_step(step=None)) == 1


def test_a_promotion_that_was_asked_for_needs_everyones_pods() -> None:
    hasty = replace(MANAGED, request=Request(Verb.PROMOTE, "1"))
    assert wanted.canary_replicas(hasty, make.at_step()) == 4
    done = make.at_step(last_handled_request="promote@1")
    assert wanted.canary_replicas(hasty, done) == 2
