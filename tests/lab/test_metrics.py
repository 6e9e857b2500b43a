"""Prometheus, Envoy and the visitors count the same requests."""

import asyncio
from datetime import datetime

import aiohttp
import pytest

from rollout.lab import sample
from rollout.lab.kube.client import VIRTUALSERVICE
from rollout.lab.load import Ask
from rollout.lab.world import World
from tests.lab.conftest import Query

pytestmark = pytest.mark.lab

ASK = Ask(host=sample.HOST)
NO_RETRY = {**sample.split(v1=70, v2=30), "retries": {"attempts": 0}}


async def test_prometheus_agrees_with_the_visitors_to_the_request(
    world: World, query: Query
) -> None:
    await world.apply(*sample.shop(v1=70, v2=30), sample.virtual_service(NO_RETRY))
    await world.serving(sample.HOST)
    world.set_faults(sample.NAMESPACE, "shop-v2", error_rate=0.2, latency_ms=8)
    await world.scraped()
    by = "sum by (destination_version, reporter) (istio_requests_total{%s})"
    before = await query(by % "")
    failed_before = await query(by % 'response_code=~"5..",destination_version="v2"')
    async with world.load(200, ASK) as load:
        await asyncio.sleep(4)
    await world.scraped()
    after = await query(by % "")
    failed = await query(by % 'response_code=~"5..",destination_version="v2"')
    for reporter in ("source", "destination"):
        for version in ("v1", "v2"):
            key = (version, reporter)
            assert after[key] - before.get(key, 0) == load.tally.versions[version]
        key = ("v2", reporter)
        assert failed[key] - failed_before.get(key, 0) == load.tally.failed_versions["v2"]
    assert load.tally.failures == load.tally.failed_versions["v2"] > 0


async def test_latencies_are_in_the_buckets_they_belong_to(world: World, query: Query) -> None:
    await world.apply(*sample.shop(v1=100, v2=0))
    await world.serving(sample.HOST)
    world.set_faults(sample.NAMESPACE, "shop-v1", latency_ms=60)
    async with world.load(0, ASK) as load:
        sent = (await load.send(100)).requests
    await world.scraped()
    name = "istio_request_duration_milliseconds_bucket"
    for reporter in ("source", "destination"):
        found = await query(f'sum by (le) ({name}{{reporter="{reporter}"}})')
        assert found[("+Inf",)] - found[("50",)] == sent, "each took its delay of 60 ms, and more"
        by_bound = sorted((float(le), count) for (le,), count in found.items())
        assert [count for _, count in by_bound] == sorted(count for _, count in by_bound)


async def test_a_request_without_an_endpoint_has_an_unknown_workload(
    world: World, query: Query
) -> None:
    await world.apply(*sample.shop(v1=100, v2=0)[:3], sample.virtual_service(sample.split(v1=1)))
    await world.pushed()
    async with world.load(0, ASK) as load:
        assert (await load.send(7)).statuses == {503: 7}
    await world.scraped()
    by = "sum by (destination_service_name, destination_workload, response_flags)"
    found = await query(f'{by} (istio_requests_total{{response_code="503"}})')
    assert found == {("shop", "unknown", "UH"): 7}


async def test_syncz_tells_when_the_proxies_have_taken_a_route(
    world: World, http: aiohttp.ClientSession
) -> None:
    async def gateway() -> dict[str, str]:
        async with http.get(world.syncz_url) as answer:
            found = {each["proxy"]: each for each in await answer.json()}
            return dict(found["istio-ingressgateway-0.istio-system"])

    await world.apply(*sample.shop(v1=100, v2=0))
    await world.pushed()
    before = await gateway()
    assert before["route_sent"] == before["route_acked"]
    async with http.post(f"{world.control_url}/mesh", json={"pushDelay": "700ms"}) as answer:
        assert answer.status == 200
    spec = {"spec": {"http": [sample.split(v1=50, v2=50)]}}
    await world.kube.patch(VIRTUALSERVICE, sample.NAMESPACE, "shop", spec)
    assert (await gateway())["route_sent"] == before["route_sent"]
    await world.pushed()
    after = await gateway()
    assert after["route_sent"] == after["route_acked"] != before["route_acked"]
    kind = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
    sent: dict[str, str] = after["resources"][kind]  # type: ignore[index,assignment]
    assert datetime.fromisoformat(sent["sentTime"]).tzinfo is not None
