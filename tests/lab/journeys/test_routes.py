"""Routes as people write them: several objects, foreign destinations, tcp, delegates."""

import asyncio
import math

import pytest

from rollout.lab import sample
from rollout.lab.kube.client import VIRTUALSERVICE, Object
from rollout.lab.load import Ask, Load, Tally
from tests.lab.journeys.harness import Journey, within
from tests.lab.journeys.shop import Shop, asked, canary, to

pytestmark = [pytest.mark.lab, pytest.mark.long, pytest.mark.asyncio(loop_scope="session")]

FIFTH = canary(asked(weight=20))


def pods(shop: Shop) -> list[Object]:
    return [shop.service(), shop.gateway(), shop.deployment("v1"), shop.deployment("v2")]


@pytest.mark.short
async def test_gateway_and_mesh_routes_move_together_wherever_they_are_written(
    journey: Journey,
) -> None:
    """Short names and full ones, named and unnamed routes; found without being named."""
    shop = journey.shop
    full = {"destination": {"host": f"shop.{shop.namespace}.svc.cluster.local", "subset": "stable"}}
    edge = shop.routes(
        {"match": [{"uri": {"prefix": "/shop"}}], "route": [full]},
        {"name": "direct", "directResponse": {"status": 418}},
        name="edge",
        hosts=[shop.host],
        gateways=["shop"],
    )
    inside = shop.routes(to("stable", timeout="5s"), hosts=["shop"], gateways=["mesh"])
    await journey.begin(*pods(shop), shop.rule(stable="v1"), edge, inside, strategy=FIFTH)
    before = await journey.mesh()
    await journey.push("v2")
    await journey.at_step(0)
    outside = await journey.visit(1000, path="/shop/1")
    within_mesh = await journey.call(1000)
    print(f"gateway {outside.share('v2'):.3f}, mesh {within_mesh.share('v2'):.3f}")
    assert within(outside, "v2", 0.2)
    assert within(within_mesh, "v2", 0.2)
    assert (await journey.visit(20)).statuses == {418: 20}
    await journey.ask("approve")
    await journey.promoted("v2")
    assert (await journey.call(100)).versions == {"v2": 100}
    await journey.given_back(before, "v2")


async def test_foreign_destinations_keep_their_share(journey: Journey) -> None:
    shop = journey.shop
    legacy = shop.own(sample.deployment("v0", 1, "legacy"))
    theirs = {"destination": {"host": "legacy"}, "weight": 30}
    ours = {"destination": {"host": "shop", "subset": "stable"}, "weight": 70}
    routes = shop.routes({"name": "primary", "route": [ours, theirs]})
    objects = (*pods(shop), shop.service("legacy"), legacy, shop.rule(stable="v1"), routes)
    await journey.begin(*objects, strategy=canary(asked(weight=50)))
    before = await journey.mesh()
    await journey.push("v2")
    await journey.at_step(0)
    tally = await journey.visit(2000)
    print(dict(tally.versions))
    for version, share in (("v0", 0.30), ("v1", 0.35), ("v2", 0.35)):
        assert within(tally, version, share)
    await journey.ask("approve")
    await journey.promoted("v2")
    tally = await journey.visit(1000)
    assert within(tally, "v0", 0.30)
    assert set(tally.versions) == {"v0", "v2"}
    await journey.given_back(before, "v2")


async def test_tcp_weights_divide_connections(journey: Journey) -> None:
    shop = journey.shop
    service = shop.service()
    service["spec"]["ports"][0]["name"] = "tcp-shop"
    route = [{"destination": {"host": "shop", "subset": "stable"}}]
    routes = shop.routes(tcp=[{"match": [{"port": 80}], "route": route}], hosts=["shop"])
    routes["spec"] = {key: routes["spec"][key] for key in ("hosts", "tcp")}
    objects = (*pods(shop)[2:], service, shop.rule(stable="v1"), routes)
    await journey.begin(*objects, strategy=canary(asked(weight=40)))
    before = await journey.mesh()
    await journey.push("v2")
    await journey.at_step(0)
    tally = await _connections(journey, 600)
    print(f"tcp: {tally.share('v2'):.3f}")
    assert tally.failures == 0
    assert abs(tally.share("v2") - 0.4) < 3.29 * math.sqrt(0.24 / 600)
    await journey.ask("approve")
    await journey.promoted("v2")
    await asyncio.sleep(0.5)
    assert (await _connections(journey, 100)).versions == {"v2": 100}
    await journey.given_back(before, "v2")


async def _connections(journey: Journey, count: int) -> Tally:
    host = f"shop.{journey.shop.namespace}.svc.cluster.local"
    url = journey.world.tcp_url(80, host)
    async with Load(url, 0, Ask(headers={"Connection": "close"})) as load:
        return await load.send(count)


async def test_subsets_by_version_serve_a_journey_as_their_author_named_them(
    journey: Journey,
) -> None:
    shop = journey.shop
    rule = shop.rule(v1="v1", v2="v2", other="v9")
    rule["spec"]["trafficPolicy"] = {"loadBalancer": {"simple": "RANDOM"}}
    split = shop.own(sample.virtual_service(sample.split(v1=100, v2=0)))
    split["spec"]["hosts"] = [shop.host, "shop"]
    await journey.begin(*pods(shop), rule, split, strategy=FIFTH)
    before = await journey.mesh()
    await journey.push("v2")
    await journey.at_step(0)
    assert within(await journey.visit(1000), "v2", 0.2)
    await journey.ask("approve")
    await journey.promoted("v2", 45)
    assert (await journey.visit(100)).versions == {"v2": 100}
    await journey.push("v1")
    await journey.at_step(0)
    assert within(await journey.visit(1000), "v1", 0.2)
    await journey.ask("approve")
    await journey.promoted("v1", 45)
    routes = (await journey.read(VIRTUALSERVICE))["spec"]
    assert routes == next(o for o in before if o["kind"] == "VirtualService")["spec"]
