from rollout.istio import destinationrule, traffic, virtualservice
from rollout.model.observation import Division, SeenTraffic
from rollout.model.traffic import (
    STABLE_ONLY,
    Cohort,
    Route,
    Split,
    StringMatch,
    VirtualServiceRef,
)
from tests.istio.objects import TARGET, applied, pair, target, to, vs

V1, V2 = {"version": "v1"}, {"version": "v2"}
TEN = Route(Split(90, 10))
RULE = destinationrule.manifest(TARGET, {"stable": V1, "canary": V2}, 4)


def test_one_glance_tells_all_that_a_look_asks() -> None:
    obj = vs({"route": pair()})
    obj = applied(obj, virtualservice.patch(obj, TARGET, TEN, 3))
    obj["metadata"]["labels"] = {"argocd.argoproj.io/instance": "x"}
    assert traffic.seen([obj], [RULE], TARGET, STABLE_ONLY) == SeenTraffic(
        managed=1,
        differences=("virtualservice shop/shop http[0]: 90/10, wanted 100/0",),
        splits=("90/10",),
        subsets={"stable": V1, "canary": V2},
        made=("stable", "canary"),
        serving=("stable", "canary"),
        divisions=(Division("virtualservice shop/shop http[0]", {"stable": 90, "canary": 10}),),
        referenced=("stable", "canary"),
        epoch=4,
        owner="Argo CD",
    )


def test_a_service_without_a_virtual_service_is_a_problem() -> None:
    seen = traffic.seen([vs({"route": [to("x")]})], [], TARGET, TEN)
    assert seen.problems == (
        "service shop: no virtualservice has a route to it; a route is wanted",
    )
    assert seen.epoch == 0


def test_a_named_virtual_service_that_is_gone_is_a_problem() -> None:
    seen = traffic.seen([], [], target(VirtualServiceRef("edge", "web")), TEN)
    told = ("virtualservice web/edge: is not there; it is wanted",)
    assert (seen.problems, seen.gone, seen.differences) == (told, (), ())


def test_one_of_several_that_is_gone_leaves_the_others_to_be_managed() -> None:
    named = target(VirtualServiceRef("shop"), VirtualServiceRef("edge", "web"))
    seen = traffic.seen([vs({"route": pair()})], [], named, TEN)
    assert (seen.problems, len(seen.gone), len(seen.differences)) == ((), 1, 1)


def test_a_named_virtual_service_without_the_service_is_a_problem() -> None:
    named = target(VirtualServiceRef("shop"))
    seen = traffic.seen([vs({"route": [to("x")]})], [], named, None)
    assert len(seen.problems) == 1


def test_a_preview_host_that_no_virtual_service_lists_is_a_problem() -> None:
    route = Route(Split(100, 0), preview_host="pre.example")
    assert traffic.seen([vs({"route": pair()})], [], TARGET, route).refused == (
        "service shop: no virtualservice lists the preview host pre.example; "
        "among its hosts it is wanted",
    )
    open_to_all = vs({"route": pair()}, hosts=["*"])
    assert traffic.seen([open_to_all], [], TARGET, route).refused == ()


def test_an_old_versions_name_put_back_by_hand_is_told_and_is_nothing_to_write() -> None:
    obj = vs({"route": [to(subset="v1")]}, {"route": [to("x")]})
    seen = traffic.seen([obj], [], target(stable="v2"), None)
    assert (seen.managed, seen.problems, seen.serving) == (0, (), ("v1",))
    assert seen.strays == ("virtualservice shop/shop http[0]: all to subset v1, wanted v2",)
    assert seen.differences == ()


def test_ordinary_requests_are_told_from_those_with_marks() -> None:
    marked = {"match": [{"headers": {"end-user": {"exact": "jason"}}}], "route": [to(subset="v2")]}
    both = vs(marked, {"route": [to(subset="v1")]})
    assert virtualservice.serving(both, TARGET) == ("v1",)
    assert virtualservice.serving(vs(marked), TARGET) == ("v2",)


def test_a_cohort_that_cannot_be_written_is_a_problem_and_not_a_crash() -> None:
    obj = vs({"route": pair(), "match": [{"uri": {"regex": "/a|/b"}}]})
    route = Route(Split(100, 0), (Cohort(path=StringMatch(regex="/c|/d")),))
    seen = traffic.seen([obj], [], TARGET, route)
    assert (seen.problems, len(seen.refused), seen.differences) == ((), 1, ())
