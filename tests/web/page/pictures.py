"""The pictures of docs/dashboard.md: `python -m tests.web.page.pictures` makes them anew."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from playwright.async_api import Browser, Page, async_playwright

from rollout.model.status import Phase, Rejected, Revision
from tests.controller.shop import objects
from tests.messages.test_upgrades import STATUS
from tests.web.page import world
from tests.web.page.world import NOON, World, opened

FOLDER = Path(__file__).parents[3] / "docs" / "pictures"
OWNED = {"rollout.dev/source": "shop.apps", "rollout.dev/owner": "checkout-team"}
SAMPLES = 60


def fill(page: World) -> None:
    """A shop in the middle of a good journey, of one that waits, and after a bad one."""
    page.now = NOON + timedelta(minutes=12)
    page.kube.put(world.source(), *map(_ready, objects("cart")), world.upgrade_object(STATUS))
    why = "v3 was rejected: errors: canary 4.2% (41/976) vs stable 0.11% (9/8210)"
    rejected = Rejected(Revision("v3"), why, NOON)
    gone = replace(world.STEADY, phase=Phase.DEGRADED, because=why, rejected=rejected)
    page.put("checkout", world.waiting(), labels=OWNED)
    page.put("catalog", gone, labels=OWNED)
    for name in ("search", "mail", "images"):
        page.put(name, world.STEADY, namespace="media")
    page.kube.put(*(world.proxy("shop", f"web-{i}", "1-30-3") for i in range(14)))
    page.kube.put(*(world.proxy("bookinfo", f"web-{i}", "1-29-6") for i in range(9)))
    for index in range(1, SAMPLES + 1):
        _sample(page, index)


def _sample(page: World, index: int) -> None:
    """What was counted by then: a canary that is a little slower, and within tolerance."""
    until = NOON + timedelta(minutes=1.8, seconds=10 * index)
    every, bad = 1300.0 * index, sum(1 + (i * 7) % 3 for i in range(index))
    slower = sum(36 + (i * 5) % 7 for i in range(index))
    verdicts = (
        world.verdict(bad, every, 0.4 + 0.05 * index + 0.3 * (index * 7 % 5), until),
        world.slow(slower, every, 0.2 + 0.1 * (index * 7 % 5), until),
    )
    attempt = replace(world.stepping().attempt, verdicts=verdicts)
    page.put("cart", replace(world.stepping(), attempt=attempt), labels=OWNED)
    page.page.board.look()


def _ready(obj: world.Json) -> world.Json:
    if obj["kind"] != "Pod":
        return obj
    ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    return {**obj, "status": ready}


async def take(browser: Browser, folder: Path) -> None:
    """Each picture is in ``folder``."""
    async with opened() as page:
        fill(page)
        context = await browser.new_context(
            viewport={"width": 1060, "height": 700}, timezone_id="UTC", reduced_motion="reduce"
        )
        tab = await context.new_page()
        await _shot(tab, f"{page.url}/#/", ".lines a", folder / "page-list.png")
        await _shot(tab, f"{page.url}/#/rollout/shop/cart", "canvas", folder / "page-rollout.png")
        await tab.emulate_media(color_scheme="dark")
        await _shot(tab, f"{page.url}/#/upgrade/mesh", ".wave", folder / "page-upgrade-dark.png")
        await tab.set_viewport_size({"width": 390, "height": 760})
        await _shot(
            tab, f"{page.url}/#/rollout/shop/cart", "canvas", folder / "page-phone-dark.png"
        )
        await context.close()


async def _shot(tab: Page, url: str, drawn: str, file: Path) -> None:
    await tab.goto(url)
    await tab.locator(drawn).first.wait_for()
    await tab.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done, 300)))")
    tall = "rollout" in file.name
    await tab.screenshot(path=file, full_page=tall)


async def _main() -> None:
    from tests.web.page.conftest import FLAGS, chromium  # noqa: PLC0415 - a fixture's own

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        FOLDER.mkdir(exist_ok=True)
        await take(browser, FOLDER)
        await browser.close()


if __name__ == "__main__":
    asyncio.run(_main())
