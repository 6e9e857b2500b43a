"""Routes and rules of other shapes, with real connections: TLS, delegates, namespaces, policies."""

import asyncio
import re
import ssl

import aiohttp
import pytest

from rollout.lab import sample
from rollout.lab.kube.client import DESTINATIONRULE, VIRTUALSERVICE, Object
from rollout.lab.load import Tally
from rollout.lab.mesh.clusters import stat_name
from rollout.lab.world import World
from tests.lab.journeys.harness import Journey, until, within
from tests.lab.journeys.shop import Shop, asked, canary, to

pytestmark = [pytest.mark.lab, pytest.mark.long, pytest.mark.asyncio(loop_scope="session")]

TESTERS: Object = {"headers": {"x-tester": {"exact": "1"}}}
FIFTH = canary(asked(weight=20))
KNOWN_THEN_FIFTH = canary(asked(cohorts=[TESTERS], weight=0), asked(weight=20))
CONNECTIONS = 600


def pods(shop: Shop) -> list[Object]:
    return [shop.service(), shop.gateway(), shop.deployment("v1"), shop.deployment("v2")]


async def test_tls_weights_divide_connections_by_server_name(journey: Journey) -> None:
    """The pods speak no TLS, so Envoy tells who was connected to."""
    shop = journey.shop
    service = shop.service()
    service["spec"]["ports"][0]["name"] = "tls-shop"
    sni = {"match": [{"port": 80, "sniHosts": ["a.example"]}], "route": to("stable")["route"]}
    routes = shop.routes(hosts=["shop"], tls=[sni])
    routes["spec"] = {key: routes["spec"][key] for key in ("hosts", "tls")}
    objects = (*pods(shop)[2:], service, shop.rule(stable="v1"), routes)
    await journey.begin(*objects, strategy=canary(asked(weight=40)))
    before = await journey.mesh()
    await journey.push("v2")
    await journey.at_step(0)
    tally = await _greeted(journey, "a.example")
    print(dict(tally.versions))
    assert tally.versions.total() == CONNECTIONS
    assert within(tally, "canary", 0.4)
    assert (await _greeted(journey, "b.example")).versions == {"": CONNECTIONS}
    await journey.ask("approve")
    await journey.promoted("v2")
    assert (await _greeted(journey, "a.example")).versions == {"stable": CONNECTIONS}
    await journey.given_back(before, "v2")


async def _greeted(journey: Journey, name: str) -> Tally:
    """Connections that ask for server ``name``, by the subset that Envoy gave them to."""
    host = f"shop.{journey.shop.namespace}.svc.cluster.local"
    port = int(journey.world.tcp_url(80, host).rpartition(":")[2])
    hello = _hello(name)
    before = await _connected(journey.world, host)

    async def greet() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(hello)
        await reader.read()  # the pod does not understand, and hangs up
        writer.close()

    for _ in range(CONNECTIONS // 50):
        await asyncio.gather(*(greet() for _ in range(50)))
    tally = Tally()
    for subset, count in (await _connected(journey.world, host)).items():
        for _ in range(count - before.get(subset, 0)):
            tally.add(200, {"x-version": subset}, 0)
            tally.versions[subset] += not subset
    return tally


def _hello(name: str) -> bytes:
    """What a client that wants ``name`` says first."""
    outgoing = ssl.MemoryBIO()
    tls = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


async def _connected(world: World, host: str) -> dict[str, int]:
    """Connections that Envoy has opened to each subset of ``host``."""
    url = f"{world.envoy_url}/stats?filter=upstream_cx_total"
    async with aiohttp.ClientSession() as http, http.get(url) as answer:
        text = await answer.text()
    name = re.escape(stat_name(host))
    found = re.findall(rf"outbound_80_([a-z]*)_{name}\.upstream_cx_total: (\d+)", text)
    return {subset: int(count) for subset, count in found}


@pytest.mark.short
async def test_a_delegate_carries_the_journey_and_its_root_stays(journey: Journey) -> None:
    """What the route does besides (a rewrite, a header) holds for the cohort's route, too."""
    shop = journey.shop
    rules: list[Object] = [
        {"match": [{"uri": {"prefix": "/shop"}}], "delegate": {"name": "shop"}},
        {"directResponse": {"status": 418}},
    ]
    root = shop.routes(*rules, name="root", hosts=[shop.host], gateways=["shop"])
    inside = to("stable", rewrite={"uri": "/"}, headers={"response": {"set": {"x-team": "shop"}}})
    delegate = shop.routes(inside)
    delegate["spec"] = {"http": delegate["spec"]["http"]}
    objects = (*pods(shop), shop.rule(stable="v1"), root, delegate)
    await journey.begin(*objects, strategy=KNOWN_THEN_FIFTH)
    before = await journey.mesh()
    await journey.push("v2")
    await journey.at_step(0)
    tester = {"x-tester": "1"}
    assert (await journey.visit(50, headers=tester, path="/shop/1")).versions == {"v2": 50}
    assert (await journey.visit(200, path="/shop/1")).versions == {"v1": 200}
    assert (await _team(journey, "1"), await _team(journey, "0")) == ("shop", "shop")
    await journey.approve(1)
    tally = await journey.visit(1000, path="/shop/1")
    print(f"through a delegate: {tally.share('v2'):.3f}")
    assert within(tally, "v2", 0.2)
    assert (await journey.visit(20)).statuses == {418: 20}
    assert (await journey.read(VIRTUALSERVICE, "root"))["spec"] == root["spec"]
    await journey.ask("approve")
    await journey.promoted("v2")
    assert (await journey.visit(100, path="/shop/1")).versions == {"v2": 100}
    await journey.given_back(before, "v2")


async def _team(journey: Journey, tester: str) -> str:
    headers = {"Host": journey.shop.host, "x-tester": tester}
    url = f"{journey.world.gateway_url}/shop/1"
    async with aiohttp.ClientSession() as http, http.get(url, headers=headers) as answer:
        return answer.headers.get("x-team", "")


async def test_routes_of_another_namespace_move_with_ours(journey: Journey) -> None:
    """The edge team's VirtualService at the gateway, ours for callers inside; both are named."""
    shop, edge = journey.shop, journey.beside("edge")
    full = f"shop.{shop.namespace}.svc.cluster.local"
    theirs = {"route": [{"destination": {"host": full, "subset": "stable"}}], "timeout": "3s"}
    outer = edge.shop.routes(theirs, name="public", hosts=[shop.host], gateways=["gate"])
    gate = edge.shop.own(shop.gateway())
    gate["metadata"]["name"] = "gate"
    inner = shop.routes(to("stable"), hosts=["shop"], gateways=["mesh"])
    refs = [{"name": "public", "namespace": edge.shop.namespace}, {"name": "shop"}]
    objects = (*(o for o in pods(shop) if o["kind"] != "Gateway"), shop.rule(stable="v1"), inner)
    await journey.begin(*objects, gate, outer, strategy=FIFTH, traffic={"virtualServices": refs})
    before, public = await journey.mesh(), await edge.mesh()
    await journey.push("v2")
    await journey.at_step(0)
    assert within(await journey.visit(1000), "v2", 0.2)
    assert within(await journey.call(1000), "v2", 0.2)
    await journey.ask("approve")
    await journey.promoted("v2")
    assert (await journey.visit(100)).versions == {"v2": 100}
    await journey.given_back(before, "v2")

    async def theirs_again() -> bool:
        return await edge.mesh() == public

    await until("their route is as they wrote it", theirs_again)
    await edge.ended()


async def test_policies_and_other_subsets_of_a_rule_outlast_a_journey(journey: Journey) -> None:
    """Users hashed to pods, ejection and pools: the shares hold, and the canary has them, too."""
    shop = journey.shop
    policy = {
        "loadBalancer": {"consistentHash": {"httpHeaderName": "x-user"}},
        "outlierDetection": {"consecutive5xxErrors": 5, "baseEjectionTime": "30s"},
        "connectionPool": {"http": {"http1MaxPendingRequests": 1024}},
    }
    rule = shop.rule(legacy="v0", stable="v1")
    rule["spec"]["subsets"][1]["trafficPolicy"] = policy
    rule["spec"]["trafficPolicy"] = {"loadBalancer": {"simple": "LEAST_REQUEST"}}
    old = shop.own(sample.deployment("v0", 1, "shop"))
    to_old = to("legacy", "old", match=[{"headers": {"x-old": {"exact": "1"}}}])
    routes = shop.routes(to_old, to("stable"))
    await journey.begin(*pods(shop), old, rule, routes, strategy=FIFTH)
    before = await journey.mesh()
    await journey.push("v2")
    await journey.at_step(0)
    tally = await journey.visit(1000, headers={"x-user": "ada"})
    print(f"one hashed user: {dict(tally.versions)} on {len(tally.pods)} pods")
    assert within(tally, "v2", 0.2)
    assert len(tally.pods) == 2  # one of each version: the hash holds inside a subset
    assert (await journey.visit(50, headers={"x-old": "1"})).versions == {"v0": 50}
    found = (await journey.read(DESTINATIONRULE))["spec"]
    made = next(s for s in found["subsets"] if s["name"] == "canary")
    assert made["trafficPolicy"] == policy
    assert found["trafficPolicy"] == rule["spec"]["trafficPolicy"]
    await journey.ask("approve")
    await journey.promoted("v2")
    await journey.given_back(before, "v2")
