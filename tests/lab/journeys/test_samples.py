"""Istio's own samples go through a journey; but for our leaves they stay as they are."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from rollout.lab.kube.client import DEPLOYMENT, DESTINATIONRULE, VIRTUALSERVICE, Object
from tests.lab.journeys.harness import Journey, until, within, without_bookkeeping
from tests.lab.journeys.shop import asked, canary

pytestmark = [pytest.mark.lab, pytest.mark.long, pytest.mark.asyncio(loop_scope="session")]

SAMPLES = Path("/work/shared/data/samples")
HALF = canary(asked(weight=50))
SERVED = ("Service", "Deployment", "Gateway", "VirtualService", "DestinationRule")


def sample(journey: Journey, *files: str) -> list[Object]:
    """What the files hold, in this namespace; kinds that the lab does not run are left out."""
    if not SAMPLES.is_dir():
        pytest.skip(f"{SAMPLES} is not there: Istio's samples are not part of this repository")
    found: list[Any] = []
    for name in files:
        found += [obj for obj in yaml.safe_load_all((SAMPLES / name).read_text()) if obj]
    return [journey.shop.own(obj) for obj in found if obj["kind"] in SERVED]


@pytest.mark.short
async def test_bookinfos_reviews_go_from_v1_to_v3(journey: Journey) -> None:
    objects = sample(
        journey,
        "bookinfo/bookinfo.yaml",
        "bookinfo/destination-rule-reviews.yaml",
        "bookinfo/virtual-service-all-v1.yaml",
    )
    reviews = [o for o in objects if "reviews" in o["metadata"]["name"]]
    spec = {"service": "reviews", "workload": {"deployments": "reviews-{revision}"}}
    await journey.begin(*reviews, strategy=HALF, **spec)
    rule = await journey.read(DESTINATIONRULE, "reviews")
    routes = await journey.read(VIRTUALSERVICE, "reviews")
    host = f"reviews.{journey.shop.namespace}:9080"
    await journey.push("v3")
    await journey.at_step(0)
    assert within(await journey.call(600, host), "v3", 0.5)
    await journey.ask("approve")
    await journey.promoted("v3", 45)
    assert (await journey.call(100, host)).versions == {"v3": 100}
    assert (await journey.read(DESTINATIONRULE, "reviews"))["spec"] == rule["spec"]
    await journey.push("v1")
    await journey.at_step(0)
    await journey.ask("approve")
    await journey.promoted("v1", 45)
    assert (await journey.read(VIRTUALSERVICE, "reviews"))["spec"] == routes["spec"]


async def test_helloworld_goes_from_v1_to_v2_without_a_rule_of_its_own(journey: Journey) -> None:
    objects = sample(journey, "helloworld/helloworld.yaml", "helloworld/helloworld-gateway.yaml")
    for obj in objects:
        hosts = [journey.shop.host]  # "*" would take every other journey's requests
        if obj["kind"] == "VirtualService":
            obj["spec"]["hosts"] = hosts
        if obj["kind"] == "Gateway":
            obj["spec"]["servers"][0]["hosts"] = hosts
    v2 = [o for o in objects if o["metadata"]["name"] == "helloworld-v2"]
    spec = {"service": "helloworld", "workload": {"deployments": "helloworld-{revision}"}}
    await journey.begin(*(o for o in objects if o not in v2), strategy=HALF, **spec)
    before = await journey.read(VIRTUALSERVICE, "helloworld")
    await journey.push("v2")
    await journey.until(
        "v2 is known", lambda s: s.attempt.canary is not None and s.revisions_isolated
    )
    await journey.world.apply(*v2)
    await journey.at_step(0)
    assert within(await journey.visit(600, path="/hello"), "v2", 0.5)
    await journey.ask("approve")
    await journey.promoted("v2")
    assert (await journey.visit(100, path="/hello")).versions == {"v2": 100}
    await journey.delete(DEPLOYMENT, "helloworld-v1")

    async def back() -> bool:
        found = await journey.read(VIRTUALSERVICE, "helloworld")
        return without_bookkeeping(found) == without_bookkeeping(before)

    await until("the route names no subset again", back)
