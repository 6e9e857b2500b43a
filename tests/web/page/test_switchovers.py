"""A switchover between clusters on the page: read in mid-way, approved, and gone."""

from dataclasses import replace
from typing import Any

import yaml
from playwright.async_api import Page, expect

from rollout.manifest import switchovers
from rollout.model.reasons import Verb, WaitsFor
from rollout.model.switchover import Side, SwitchoverStatus
from tests.test_example_switchover import ROOT, example
from tests.upgrade.switchover.world import World
from tests.web.page.test_acting import log_in
from tests.web.page.world import NOON, opened


def waiting() -> SwitchoverStatus:
    """The example on its way to green, where it asks a person at 25 %."""
    clusters = World(example(), ttl=60)
    clusters.look()
    clusters.spec = replace(clusters.spec, serve=Side.GREEN)
    return clusters.run(lambda d: d.status.waits_for is WaitsFor.APPROVAL, seconds=20_000).status


def switchover(status: SwitchoverStatus) -> dict[str, Any]:
    obj: dict[str, Any] = yaml.safe_load((ROOT / "switchover.yaml").read_text())
    spec = {**obj["spec"], "serve": "green"}
    return {**obj, "spec": spec, "status": switchovers.status_json(status, {}, NOON)}


async def test_a_switchover_that_waits_for_a_person_is_first_shown_in_full_and_approved(
    tab: Page,
) -> None:
    async with opened() as page:
        page.kube.put(switchover(waiting()))
        await tab.goto(page.url)
        line = tab.locator(".lines a")
        await expect(line).to_contain_text("shop/edge")
        await line.click()
        await expect(tab.get_by_text("rollout approve switchover/edge")).to_be_visible()
        await expect(tab.locator(".steps [aria-current]")).to_contain_text("25%")
        await expect(tab.locator(".history li").first).to_contain_text("25%")
        await log_in(tab)
        await tab.get_by_role("button", name="approve", exact=True).click()
        await tab.get_by_role("dialog").get_by_role("button", name="Approve").click()
        await expect(tab.get_by_role("dialog")).to_be_hidden()
        assert page.door.who.asked == [("switchover/shop/edge", Verb.APPROVE)]
        await page.kube.delete(switchovers.KIND, "shop", "edge")
        await expect(tab.get_by_text("It is not there")).to_be_visible()
