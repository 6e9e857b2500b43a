"""Each example at its first step, by a real controller, with real requests through Envoy."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from rollout.cli import cluster
from rollout.cli.cluster import SeenRollout
from rollout.cli.lab import up as lab
from rollout.cli.settings import Settings
from rollout.lab.load import Ask, Load
from rollout.lab.world import Settings as WorldSettings
from rollout.lab.world import World
from rollout.model.status import RolloutStatus, Stage
from tests.lab.journeys.harness import ROLLOUT, until
from tests.test_examples import ROOT, objects_of, rollout_of

pytestmark = [pytest.mark.lab, pytest.mark.long]

MANY = 200


@dataclass(frozen=True)
class Asked:
    """One kind of visitor: through which door, as whom, and which versions he may meet."""

    host: str
    meets: frozenset[str]
    headers: Mapping[str, str] = field(default_factory=dict)
    path: str = "/"
    inside: bool = True
    count: int = MANY


STABLE, CANARY = frozenset({"v1"}), frozenset({"v2"})

VISITORS = {
    "blue-green": (
        Asked("preview.shop.example", CANARY, inside=False),
        Asked("shop.example", CANARY, {"x-preview": "1"}, inside=False),
        Asked("shop.example", STABLE, inside=False),
        Asked("catalog", STABLE),
    ),
    "canary": (Asked("reviews", STABLE | CANARY, count=1000),),
    "dark-by-cookie": (
        Asked("account", CANARY, {"cookie": "theme=dark; beta=yes; lang=en"}, count=20),
        Asked("account", STABLE, {"cookie": "beta=yesterday"}),
        Asked("account", STABLE),
    ),
    "dark-by-header": (
        Asked("search.shop.svc.cluster.local", CANARY, {"end-user": "ada"}),
        Asked("search.shop.svc.cluster.local", CANARY, {"end-user": "grace"}, "/suggest?q=x"),
        Asked("search.shop.svc.cluster.local", STABLE, {"end-user": "adam"}),
        Asked("search.shop.svc.cluster.local", STABLE),
    ),
    "dark-by-query": (
        Asked("search", CANARY, path="/search?q=1&test-v2=true"),
        Asked("shop.example", CANARY, path="/search?test-v2=true", inside=False),
        Asked("search", STABLE, path="/search?test-v2=false"),
        Asked("search", STABLE, path="/search"),
    ),
    "mirrored": (Asked("pricing", frozenset({"v0", "v1"}), count=600),),
    "several-virtualservices": (
        Asked("shop.example", CANARY, {"x-tester": "1"}, "/checkout", inside=False),
        Asked("checkout", CANARY, {"x-tester": "1"}),
        Asked("shop.example", STABLE, path="/checkout", inside=False),
        Asked("checkout", STABLE),
    ),
    "sticky": (Asked("basket", STABLE | CANARY, count=600),),
}


@pytest.mark.short
@pytest.mark.parametrize("name", sorted(VISITORS))
async def test_visitors_meet_the_versions_that_the_first_step_says(
    name: str, tmp_path: Path
) -> None:
    async with _at_its_first_step(name, tmp_path) as world:
        for asked in VISITORS[name]:
            met = await _met(world, asked)
            assert set(met) == asked.meets, (asked, met)
            assert sum(met.values()) == asked.count, (asked, met)


async def test_a_visitor_of_the_sticky_canary_never_changes_the_version(tmp_path: Path) -> None:
    met = set()
    async with _at_its_first_step("sticky", tmp_path) as world:
        for _ in range(MANY):
            async with Load(world.mesh_url, 0, Ask(host="basket", visitors=1)) as load:
                (first,) = (await load.send(1)).versions
                assert (await load.send(20)).versions == {first: 20}
            met.add(first)
    assert met == {"v1", "v2"}


async def test_a_pushed_image_of_the_template_is_met_by_its_share_of_visitors(
    tmp_path: Path,
) -> None:
    name, anybody = "template-workload", Asked("mail", frozenset(), count=1000)
    manifest = _manifest(name)
    async with _world(name, tmp_path) as world:

        async def serving() -> bool:
            return sum((await _met(world, replace(anybody, count=20))).values()) == 20

        await until("the first revision serves", serving)
        (first,) = await _met(world, anybody)
        pods = manifest["spec"]["workload"]["template"]["template"]["spec"]
        pods["containers"][0]["image"] = "rollout.dev/lab/shop:v2"
        await world.kube.patch(ROLLOUT, "shop", "mail", manifest)
        await _until(world, name, _first_step)
        met = await _met(world, anybody)
    assert met.total() == anybody.count
    assert met.keys() > {first}
    assert len(met) == 2
    assert 60 <= anybody.count - met[first] <= 140  # 10 %, four standard deviations


@asynccontextmanager
async def _at_its_first_step(name: str, folder: Path) -> AsyncIterator[World]:
    async with _world(name, folder) as world:
        await _until(world, name, _first_step)
        yield world


def _first_step(status: RolloutStatus) -> bool:
    """The proxies have it."""
    return status.stage.name is Stage.STEPPING and status.stage.confirmed_at is not None


@asynccontextmanager
async def _world(name: str, folder: Path) -> AsyncIterator[World]:
    """The example as it lies there, with a controller that nobody tells about metrics."""
    async with World(WorldSettings(folder=folder, prometheus=False)) as world:
        await lab.teach(world)
        for obj in objects_of(name):
            await world.apply(dict(obj))
        for deployment in _deployments(name):
            await world.settled("shop", deployment)
        child = await lab.start_controller(world)
        try:
            await world.kube.create(ROLLOUT, _manifest(name))
            yield world
        finally:
            await child.stop()


def _deployments(name: str) -> list[str]:
    return [o["metadata"]["name"] for o in objects_of(name) if o["kind"] == "Deployment"]


async def _until(world: World, name: str, there: Callable[[RolloutStatus], bool]) -> None:
    """The Rollout's status is as wished."""
    rollout = rollout_of(name)
    given = Settings(kubeconfig=str(world.kubeconfig), namespace="shop")

    async def tell(found: SeenRollout) -> bool:
        return there(found.status)

    async with cluster.connected(given, name=rollout.name) as kube:
        await asyncio.wait_for(cluster.follow(kube, "shop", rollout.name, tell), 300)


def _manifest(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / name / "rollout.yaml").read_text()))


async def _met(world: World, asked: Asked) -> Counter[str]:
    url = world.mesh_url if asked.inside else world.gateway_url
    ask = Ask(host=asked.host, path=asked.path, headers=asked.headers)
    async with Load(url, 0, ask) as load:
        return (await load.send(asked.count)).versions
