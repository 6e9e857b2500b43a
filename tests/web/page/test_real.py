"""The whole of it: a real controller's page in a real browser, over real traffic in the lab."""

import asyncio

import pytest
from playwright.async_api import Page, expect

from rollout.cli import cluster
from rollout.cli.cluster import SeenRollout
from rollout.cli.lab import showcase
from rollout.cli.lab import up as lab
from rollout.cli.lab.push import Checkout
from rollout.cli.settings import Settings
from rollout.errors import RefusedError
from rollout.lab.load import Ask
from rollout.lab.world import World
from rollout.model.status import Stage

pytestmark = [pytest.mark.lab, pytest.mark.long, pytest.mark.timeout(600)]


async def test_a_journey_is_watched_and_aborted_by_somebody_who_has_logged_in(tab: Page) -> None:
    async with lab.world() as (world, child):
        await world.apply(*showcase.objects())
        await world.serving(showcase.HOST)
        async with world.load(60, Ask(host=showcase.HOST)):
            checkout = Checkout(world.git_url, world.kubeconfig.parent / "checkout")
            await checkout.push(showcase.FILE, showcase.manifest("v1", asks=True), "v1")
            await world.kube.create(lab.SOURCE, showcase.source(world.git_url))
            await tab.goto(await lab.page_open(world, child))
            line = tab.locator(".lines a")
            await expect(line.locator(".phase")).to_have_text("Healthy")
            await checkout.push(showcase.FILE, showcase.manifest("v2", asks=True), "v2")
            await expect(line.locator(".phase")).to_have_text("Progressing")
            await line.click()
            await expect(tab.locator(".steps [aria-current]")).to_be_visible()
            await expect(tab.locator("canvas").nth(1)).to_be_visible()
            await tab.get_by_role("button", name="Log in", exact=True).click()
            await tab.get_by_label("Token").fill("whatever-the-lab-takes")
            await tab.get_by_role("dialog").get_by_role("button", name="Log in").click()
            await tab.get_by_role("button", name="abort", exact=True).click()
            await tab.get_by_role("dialog").get_by_role("button", name="Abort").click()
            await expect(tab.locator(".head .phase")).to_have_text("Degraded")
            aborted = tab.locator(".history li", has_text="aborted by kubernetes:system:lab")
            await expect(aborted.first).to_be_visible()
            found = await _settled(world)
    assert found.status.stable is not None
    assert found.status.stable.name == "v1"
    assert found.status.rejected is not None
    assert found.status.rejected.revision.name == "v2"


async def _settled(world: World) -> SeenRollout:
    """The Rollout once nothing of the journey is left."""
    given = Settings(kubeconfig=str(world.kubeconfig), namespace=showcase.NAMESPACE)
    last: list[SeenRollout] = []

    async def tell(found: SeenRollout) -> bool:
        last[:] = [found]
        return found.status.stage.name is Stage.IDLE

    async with cluster.connected(given, name=showcase.NAME) as kube:
        while True:
            try:
                await cluster.follow(kube, showcase.NAMESPACE, showcase.NAME, tell)
            except RefusedError:
                await asyncio.sleep(0.1)
            else:
                return last[0]
