"""The real thing: Envoy counts, we compare. What is promised of routes, matches and faults."""

import asyncio
import math

import pytest

from rollout.lab import sample
from rollout.lab.kube.client import DEPLOYMENT, DESTINATIONRULE, VIRTUALSERVICE, Object
from rollout.lab.load import Ask, Load, Tally
from rollout.lab.world import World
from tests.lab.journeys.harness import until
from tests.lab.objects import SHOP, to
from tests.lab.seen import flags, served

pytestmark = pytest.mark.lab

ASK = Ask(host=sample.HOST)


async def visit(world: World, count: int, ask: Ask = ASK) -> Tally:
    async with world.load(0, ask) as load:
        return await load.send(count)


async def route(world: World, *http: Object) -> None:
    """The sample's VirtualService has these rules, and Envoy has them too."""
    spec = {"spec": {"http": list(http)}}
    await world.kube.patch(VIRTUALSERVICE, sample.NAMESPACE, "shop", spec)
    await world.pushed()


async def test_a_split_sends_the_share_that_its_weights_say(world: World) -> None:
    await world.apply(*sample.shop(v1=90, v2=10))
    await world.serving(sample.HOST)
    tally = await visit(world, 2000)
    # 3.29 standard deviations: the 99.9 % interval of a binomial share.
    margin = 3.29 * math.sqrt(0.1 * 0.9 / 2000)
    assert tally.failures == 0
    assert abs(tally.share("v2") - 0.1) < margin


@pytest.mark.parametrize(
    ("match", "ask"),
    [
        ({"headers": {"x-tester": {"exact": "1"}}}, {"headers": {"x-tester": "1"}}),
        (
            {"headers": {"cookie": {"regex": r"^(.*;\s*)?beta=yes(;.*)?$"}}},
            {"headers": {"cookie": "a=b; beta=yes; c=d"}},
        ),
        ({"queryParams": {"beta": {"exact": "yes"}}}, {"path": "/?beta=yes"}),
        ({"withoutHeaders": {"x-user": {"exact": "old"}}}, {"path": "/"}),
        ({"uri": {"regex": "/a/[0-9]+"}, "method": {"exact": "POST"}}, {"path": "/a/7"}),
    ],
    ids=["header", "cookie", "query", "without", "regex"],
)
async def test_a_cohort_sees_the_canary_and_nobody_else_does(
    world: World, match: Object, ask: dict[str, object]
) -> None:
    cohort, others = to("v2", match=[match]), to("v1")
    await world.apply(*sample.shop(v1=100, v2=0))
    await world.serving(sample.HOST)
    await route(world, cohort, others)
    method = "POST" if "method" in match else "GET"
    inside = await visit(world, 50, Ask(host=sample.HOST, method=method, **ask))  # type: ignore[arg-type]
    outside = await visit(world, 50, Ask(host=sample.HOST, headers={"x-user": "old"}))
    assert (inside.versions, outside.versions) == ({"v2": 50}, {"v1": 50})


async def test_a_mirror_reaches_the_canary_and_never_the_client(world: World) -> None:
    await world.apply(*sample.shop(v1=100, v2=0))
    await world.serving(sample.HOST)
    world.set_faults(sample.NAMESPACE, "shop-v2", error_rate=1.0, latency_ms=50)
    mirror = {"destination": {"host": "shop", "subset": "v2"}, "percentage": {"value": 100}}
    await route(world, to("v1", mirrors=[mirror]))
    tally = await visit(world, 200)
    assert (tally.versions, tally.failures) == ({"v1": 200}, 0)

    async def copied() -> bool:
        return await served(world, sample.NAMESPACE, "shop-v2") == {500: 200}

    await until("each copy is counted once", copied)


async def test_an_injected_fault_hits_the_cohort_only(world: World) -> None:
    await world.apply(*sample.shop(v1=100, v2=0))
    await world.serving(sample.HOST)
    fault = {"abort": {"httpStatus": 555, "percentage": {"value": 100}}}
    match = [{"headers": {"x-tester": {"exact": "1"}}}]
    await route(world, to("v2", match=match, fault=fault), to("v1"))
    cohort = await visit(world, 50, Ask(host=sample.HOST, headers={"x-tester": "1"}))
    others = await visit(world, 50)
    assert (cohort.statuses, others.statuses) == ({555: 50}, {200: 50})


async def test_a_visitor_with_the_sticky_cookie_stays_on_the_canary(world: World) -> None:
    await world.apply(*sample.shop(v1=50, v2=50))
    await world.serving(sample.HOST)
    split = sample.split(v1=50, v2=50)
    split["route"][1]["headers"] = {"response": {"add": {"set-cookie": "side=canary; Path=/"}}}
    pinned = {"headers": {"cookie": {"regex": r"^(.*;\s*)?side=canary(;.*)?$"}}}
    await route(world, to("v2", match=[pinned]), split)
    async with world.load(0, Ask(host=sample.HOST, visitors=5)) as load:
        await load.send(200)
        assert (await load.send(100)).versions == {"v2": 100}


async def test_a_subset_that_is_gone_is_a_503_for_its_route_only(world: World) -> None:
    await world.apply(*sample.shop(v1=100, v2=0))
    await world.serving(sample.HOST)
    await route(world, to("v2", match=[{"uri": {"prefix": "/new"}}]), to("v1"))
    only = {"spec": {"subsets": [{"name": "v1", "labels": {"version": "v1"}}]}}
    await world.kube.patch(DESTINATIONRULE, sample.NAMESPACE, "shop", only)
    await world.pushed()
    gone = await visit(world, 20, Ask(host=sample.HOST, path="/new"))
    here = await visit(world, 20)
    assert (gone.statuses, here.statuses) == ({503: 20}, {200: 20})
    assert await flags(world) >= {"NC"}


async def test_no_pods_is_a_503_without_a_healthy_upstream(world: World) -> None:
    await world.apply(*sample.shop(v1=100, v2=0))
    await world.serving(sample.HOST)
    await world.kube.patch(DEPLOYMENT, sample.NAMESPACE, "shop-v1", {"spec": {"replicas": 0}})
    await world.settled(sample.NAMESPACE, "shop-v1")
    tally = await visit(world, 20)
    assert tally.statuses == {503: 20}
    assert await flags(world) >= {"UH"}


async def test_routes_that_envoy_refuses_leave_the_other_hosts_alone(world: World) -> None:
    await world.apply(*sample.shop(v1=100, v2=0))
    await world.serving(sample.HOST)
    bad = sample.virtual_service(to("v1", match=[{"uri": {"regex": "(("}}]), name="bad")
    bad["spec"]["hosts"] = ["bad.example"]
    await world.apply(bad)
    await route(world, to("v2"))
    assert (await visit(world, 20)).versions == {"v2": 20}
    assert (await visit(world, 5, Ask(host="bad.example"))).statuses == {404: 5}


async def test_every_write_is_served(world: World) -> None:
    await world.apply(*sample.shop(v1=100, v2=0))
    await world.serving(sample.HOST)
    for wanted in ("v2", "v1") * 5:
        patch = {"spec": {"http": [to(wanted)]}}
        await world.kube.patch(VIRTUALSERVICE, sample.NAMESPACE, "shop", patch)
        while not (await visit(world, 1)).versions[wanted]:
            await asyncio.sleep(0)  # the test's own timeout ends the wait


async def test_tcp_weights_divide_connections(world: World) -> None:
    service = sample.service()
    service["spec"]["ports"][0]["name"] = "tcp-shop"
    targets = sample.split(v1=50, v2=50)["route"]
    shop = sample.virtual_service()
    shop["spec"] = {"hosts": ["shop"], "tcp": [{"match": [{"port": 80}], "route": targets}]}
    await world.apply(*sample.shop(v1=50, v2=50)[2:-1], service, shop)
    await world.settled(sample.NAMESPACE, "shop-v1")
    await world.settled(sample.NAMESPACE, "shop-v2")
    url = world.tcp_url(80, SHOP)
    async with Load(url, 0, Ask(headers={"Connection": "close"})) as load:
        tally = await load.send(400)
    assert tally.failures == 0
    assert abs(tally.share("v2") - 0.5) < 3.29 * math.sqrt(0.25 / 400)


async def test_callers_inside_are_split_as_those_outside(world: World) -> None:
    await world.apply(*sample.shop(v1=0, v2=100))
    await world.serving(sample.HOST)
    async with Load(world.mesh_url, 0, Ask(host="shop.shop")) as load:
        assert (await load.send(50)).versions == {"v2": 50}

    async def counted() -> bool:
        return "visitors-0" in {dict(each)["pod"] for each in world.telemetry.metrics.totals()}

    await until("their own sidecar has counted them", counted)


async def test_a_pod_that_keeps_failing_is_ejected(world: World) -> None:
    bad = sample.deployment("v1", 1)
    bad["metadata"]["name"] = "shop-bad"
    for labels in (
        bad["spec"]["selector"]["matchLabels"],
        bad["spec"]["template"]["metadata"]["labels"],
    ):
        labels["lot"] = "bad"
    rule = sample.destination_rule("v1")
    outliers = {"consecutive5xxErrors": 3, "interval": "200ms", "maxEjectionPercent": 100}
    rule["spec"]["trafficPolicy"] = {"outlierDetection": outliers}
    await world.apply(*sample.shop(v1=100), bad, rule)
    await world.serving(sample.HOST)
    world.set_faults(sample.NAMESPACE, "shop-bad", error_rate=1.0)
    assert (await visit(world, 100)).failures >= 3

    async def ejected() -> bool:
        return (await visit(world, 100)).failures == 0

    await until("nobody is sent to the pod that fails", ejected)
