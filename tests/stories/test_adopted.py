"""The first Rollout of a service that serves already: nothing moves, or it is said."""

from dataclasses import replace
from typing import Any

import pytest
import yaml

from rollout.model.spec import RolloutSpec
from rollout.model.status import Phase, Stage
from rollout.model.traffic import Split
from tests import make
from tests.istio.objects import Json, samples, to, vs
from tests.played import Played
from tests.stories.test_shapes import HALF, deployment, rule, service


def films(serving: str, revision: str) -> Played:
    """Subsets by a label of one digit, and Deployments by another name."""
    pods = [service("films"), *(labelled(f"films-v{n}", n) for n in ("1", "2"))]
    subsets = [{"name": f"v{n}", "labels": {"version": n}} for n in ("1", "2")]
    objs = [rule("films", host="films", subsets=subsets), vs({"route": [to("films", serving)]})]
    return played(HALF, "films", revision, [*pods, *objs])


def labelled(name: str, version: str) -> Json:
    made = deployment(version, "films")
    return {**made, "metadata": {**made["metadata"], "name": name}}


def played(spec: RolloutSpec, app: str, revision: str, objs: list[Json]) -> Played:
    workload = replace(spec.workload, deployments=f"{app}-{{revision}}")
    return Played.of(make.rollout(replace(spec, service=app, workload=workload), revision), objs)


def stable(one: Played) -> str:
    return one.status.stable.name if one.status.stable else ""


async def test_stable_is_the_deployment_whose_pods_the_subset_selects() -> None:
    one = films("v1", "v1")
    await one.until(Phase.HEALTHY)
    assert stable(one) == "v1"


async def test_a_label_of_another_name_has_a_way_on_and_a_way_back() -> None:
    one = films("v1", "v2")
    before = one.objects()
    await one.look()
    assert (stable(one), one.objects()) == ("v1", before)
    await one.until(Phase.PROGRESSING, Stage.STEPPING)
    assert one.status.stage.split == Split(95, 5)
    one.numbers.value = 5
    await one.until(Phase.DEGRADED, Stage.IDLE)
    assert one.objects()["VirtualService shop"] == before["VirtualService shop"]


async def test_the_first_rollout_of_a_service_of_two_revisions_moves_nobody() -> None:
    objs = [service(), deployment("v1", "shop"), deployment("v2", "shop"), vs({"route": [to()]})]
    one = played(HALF, "shop", "v2", objs)
    before = one.objects()
    for _ in range(20):
        one.now += await one.look() or make.MINUTE
    assert (one.objects(), one.status.stable, one.status.phase) == (before, None, Phase.PAUSED)
    assert one.status.because == (
        "route to a subset of one: shop-v1 and shop-v2 share these requests"
    )


SPLIT = {"reviews-90-10": (90, 10), "reviews-80-20": (80, 20), "reviews-50-v3": (50, 50)}


def _split() -> list[Any]:
    """Istio's own VirtualServices that divide reviews between two versions."""
    found = []
    for path in samples():
        shares = next((s for name, s in SPLIT.items() if name in path.name), None)
        docs = [doc for doc in yaml.safe_load_all(path.read_text()) if doc] if shares else []
        routes = [d for d in docs if d["kind"] == "VirtualService"]
        found += [pytest.param(obj, shares, id=path.name) for obj in routes]
    return found


@pytest.mark.parametrize(("obj", "shares"), _split())
async def test_istios_own_splits_are_gone_on_with(obj: Json, shares: tuple[int, int]) -> None:
    obj["metadata"]["namespace"] = "shop"
    coming = str(obj["spec"]["http"][0]["route"][1]["destination"]["subset"])
    subsets = [{"name": v, "labels": {"version": v}} for v in ("v1", "v2", "v3")]
    pods = [deployment(v, "reviews") for v in ("v1", coming)]
    objs = [service("reviews"), *pods, rule("reviews", host="reviews", subsets=subsets), obj]
    spec = make.canary_spec(5, 50)
    one = played(spec, "reviews", coming, objs)
    before = one.objects()
    await one.look()
    assert (one.objects(), one.status.stage.split) == (before, Split(*shares))
    await one.until(Phase.PROGRESSING, Stage.STEPPING)
    assert one.status.stage.split == Split(*shares)
    await one.until(Phase.HEALTHY, Stage.IDLE)
    assert stable(one) == coming
    assert one.splits[0] == shares
