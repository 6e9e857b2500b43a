"""The page in a real browser, as a person reads it."""

import json
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from rollout.model.reasons import PauseKind
from rollout.model.status import Outcome, Pause, Phase, Rejected, Revision
from tests.controller.shop import objects
from tests.messages.test_upgrades import STATUS
from tests.web.page import world
from tests.web.page.world import NOON, World, opened

AXE = Path(__file__).parent / "axe" / "axe.min.js"
MINE: dict[str, Any] = {"labels": {"rollout.dev/source": "shop.apps"}}


def shop(page: World) -> None:
    """Rollouts of every standing, an upgrade of the mesh with its proxies, and where they are."""
    page.now = NOON + timedelta(minutes=5)
    page.kube.put(world.source(), *objects("cart"), world.upgrade_object(STATUS))
    page.put("cart", world.stepping(), **MINE)
    page.put("checkout", world.waiting(), **MINE)
    rejected = Rejected(Revision("v3"), "errors: canary 4.2% vs stable 0.11%", NOON)
    page.put("catalog", replace(world.STEADY, phase=Phase.DEGRADED, rejected=rejected))
    page.put("search", world.STEADY, namespace="find")
    page.kube.put(*(world.proxy("shop", f"web-{i}", "1-30-3") for i in range(4)))
    page.kube.put(*(world.proxy("bookinfo", f"web-{i}", "1-29-6") for i in range(9)))


async def shows(tab: Page, *names: str) -> None:
    """The list has just these lines, in this order."""
    await expect(tab.locator(".lines .name")).to_have_text(names)


async def test_those_that_wait_for_a_person_come_first_and_each_filter_filters(tab: Page) -> None:
    async with opened() as page:
        shop(page)
        page.put("held", replace(world.stepping(), attempt=paused(PauseKind.PERSON)))
        page.put("late", replace(world.stepping(), attempt=paused(PauseKind.LITTLE_TRAFFIC)))
        page.kube.put({**world.upgrade_object(STATUS), "spec": {"from": 7}})
        await tab.goto(page.url)
        await expect(tab.locator("#count")).to_have_text("7 in all")
        await expect(tab.locator(".group:visible h2")).to_have_text(
            [*("Waits for a person (3)", "Went back (1)", "Moving (2)", "At rest (1)")]
        )
        await shows(
            *(tab, "shop/checkout", "shop/held", "Mesh upgrade mesh"),
            *("shop/catalog", "shop/cart", "shop/late", "find/search"),
        )
        await tab.get_by_label("Owner").select_option("apps")
        await shows(tab, "shop/checkout", "shop/cart")
        await tab.get_by_label("Phase").select_option("Progressing")
        await tab.get_by_label("Name", exact=True).fill("CHECK")
        await shows(tab, "shop/checkout")
        await tab.get_by_label("Namespace").select_option("find")
        await shows(tab)
        await expect(tab.get_by_text("Nothing fits the filter.")).to_be_visible()


def paused(kind: PauseKind) -> Any:
    """The attempt of ``stepping`` while it is paused."""
    return replace(world.stepping().attempt, pause=Pause(kind, "because", NOON))


async def test_a_journey_is_seen_to_move(tab: Page) -> None:
    async with opened() as page:
        shop(page)
        page.put("cart", world.stepping(0, 5, 1), **MINE)
        await tab.goto(f"{page.url}/#/rollout/shop/cart")
        await expect(tab.locator(".split-canary")).to_have_text("v2 5%")
        page.put("cart", world.stepping(1, 50, 3), **MINE)
        await expect(tab.locator(".split-canary")).to_have_text("v2 50%")
        await expect(tab.locator(".steps [aria-current]")).to_contain_text("step 2")
        page.put("cart", replace(world.stepping(), phase=Phase.ROLLING_BACK), **MINE)
        await expect(tab.locator(".head .phase")).to_have_text("RollingBack")
        await expect(tab).to_have_title("50% cart · Rollouts")


async def test_one_rollout_shows_why_and_what_was_counted_and_by_whom(tab: Page) -> None:
    async with opened() as page:
        shop(page)
        for i in range(1, 21):
            until, every = NOON + timedelta(seconds=10 * i), 200.0 * i
            known = world.verdict(every * 0.001 + i % 3, every, i * 4, until)
            attempt = replace(world.stepping().attempt, verdicts=(known,))
            page.put("cart", replace(world.stepping(), attempt=attempt), **MINE)
            page.page.board.look()
        await tab.goto(f"{page.url}/#/rollout/shop/cart")
        await expect(tab.locator("canvas")).to_have_count(3)
        await expect(tab.locator("figcaption")).to_have_text(
            [
                "3 decisions from 12:00:00 on; canary has 50% now. "
                "Each is in the history below, with its reason.",
                "Canary 0.60%, stable 0.10% in the last interval; at most 0.21% is fine.",
                "Evidence 80; at 200 everyone goes back.",
            ]
        )
        cells = tab.locator("tbody tr").first.locator("th, td:not(.words)")
        await expect(cells).to_have_text(
            [
                *("errors", "ok so far", "0.15% (6 of 4000)", "0.10% (36 of 36000)"),
                *("0.21%", "80 of 200"),
            ]
        )
        link = tab.get_by_role("link", name="what changed between them")
        base = "https://github.com/example/shop"
        assert await link.get_attribute("href") == f"{base}/compare/{world.OLD}...{world.NEW}"
        history = tab.locator(".history li").first
        await expect(history).to_contain_text("the gate opened: certified on 4120 requests")
        await expect(tab.locator(".pods .words")).to_have_text(
            [*("cart-v1-h-0", "cart-v1-h-1", "cart-v2-h-0", "cart-v2-h-1")]
        )
        await expect(tab.locator(".clocks li")).to_contain_text("time box")
        await expect(tab.locator(".clocks li")).to_contain_text(re.compile(r"1[78]:\d\d left"))


async def test_an_upgrade_shows_waves_namespaces_and_whose_the_proxies_are(tab: Page) -> None:
    async with opened() as page:
        shop(page)
        await tab.goto(f"{page.url}/#/upgrade/mesh")
        await expect(tab.locator(".wave h3")).to_have_text(
            [*("canary done at 11:56:00", "rest/1 since 12:00:00", "early not begun")]
        )
        await expect(tab.locator(".plain li")).to_have_text(
            [*("1-29-6 9 proxies (the old one)", "1-30-3 4 proxies (the new one)")]
        )
        await expect(tab.locator("[data-standing=Restarting]")).to_contain_text(
            "Restarting · 1 of 2 workloads · 4 at 1-30-3"
        )
        await expect(tab.locator(".steps [aria-current]")).to_have_text(re.compile("^Waves"))


async def test_of_500_lines_only_the_one_that_changed_is_touched_and_nothing_jumps(
    tab: Page,
) -> None:
    async with opened() as page:
        for number in range(500):
            page.put(f"r{number:03}", world.stepping())
        await tab.goto(page.url)
        await expect(tab.locator(".lines li")).to_have_count(500)
        await tab.locator(".lines a", has_text="shop/r300").focus()
        await tab.evaluate("""() => {
            window.touched = [];
            const note = (changes) => window.touched.push(...changes.map((one) =>
                one.target.closest ? one.target.className : one.target.parentElement.className));
            const wanted = {childList: true, subtree: true, characterData: true, attributes: true};
            new MutationObserver(note).observe(document.querySelector(".list"), wanted);
        }""")
        page.say("r300", "of this one something else is known")
        await expect(tab.locator(".because", has_text="something else")).to_be_visible()
        touched = await tab.evaluate("window.touched.filter((name) => name !== 'since')")
        assert touched == ["because"]
        place = "document.activeElement.getBoundingClientRect().top"
        assert 0 <= await tab.evaluate(place) < 800
        focused = await tab.evaluate("document.activeElement.querySelector('.name').textContent")
        assert focused == "shop/r300"


WIDE, NARROW = 1100, 360
LOOKS = [
    ("light", WIDE),
    *(pytest.param(*look, marks=pytest.mark.long) for look in (("light", NARROW), ("dark", WIDE))),
    pytest.param("dark", NARROW, marks=pytest.mark.long),
]


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
async def test_axe_finds_nothing(tab: Page, scheme: Any, width: int) -> None:
    async with opened() as page:
        shop(page)
        await tab.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        await tab.set_viewport_size({"width": width, "height": 800})
        for path in ("/", "/#/rollout/shop/cart", "/#/upgrade/mesh"):
            await tab.goto(f"{page.url}{path}")
            await expect(tab.locator("h2:visible").first).to_be_visible()
            assert await violations(tab) == []
            scrolls = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert await tab.evaluate(scrolls) == 0
        await tab.get_by_role("button", name="Log in", exact=True).click()
        await expect(tab.get_by_label("Token")).to_be_focused()
        assert await violations(tab) == []


async def violations(tab: Page) -> list[str]:
    """What axe-core finds wrong, of whatever weight; it runs in the page's own world."""
    cdp = await tab.context.new_cdp_session(tab)
    await cdp.send("Page.setBypassCSP", {"enabled": True})
    asked = f"{AXE.read_text()}; axe.run().then((found) => JSON.stringify(found.violations))"
    found = await cdp.send(
        "Runtime.evaluate", {"expression": asked, "awaitPromise": True, "returnByValue": True}
    )
    return [
        f"{one['impact']} {one['id']}: {one['nodes'][0]['html'][:200]}"
        for one in json.loads(found["result"]["value"])
    ]


async def test_everything_can_be_reached_by_keyboard_alone(tab: Page) -> None:
    async with opened() as page:
        shop(page)
        await tab.goto(page.url)
        await expect(tab.locator(".lines a")).to_have_count(5)
        seen = []
        for _ in range(12):
            await tab.keyboard.press("Tab")
            seen.append(await tab.evaluate("document.activeElement.textContent.slice(0, 15)"))
        assert seen[:3] == ["Skip to content", "Rollout", "Log in"]
        assert [text for text in seen if text.startswith("shop/checkout")]
        await tab.locator(".lines a", has_text="shop/cart").focus()
        await tab.keyboard.press("Enter")
        await expect(tab.locator("h1")).to_have_text("shop/cart")
        await tab.go_back()
        await expect(tab.locator("h1")).to_have_text("Rollouts")


async def test_what_is_deleted_goes_and_what_comes_shows(tab: Page) -> None:
    async with opened() as page:
        shop(page)
        await tab.goto(page.url)
        await expect(tab.locator("#count")).to_have_text("5 in all")
        await page.kube.delete("Rollout", "shop", "catalog")
        await expect(tab.locator("#count")).to_have_text("4 in all")
        await tab.goto(f"{page.url}/#/rollout/shop/new")
        await expect(tab.get_by_role("alert").first).to_contain_text("It is not there")
        page.put("new", world.STEADY)
        await expect(tab.locator(".head .because")).to_have_text("v1 serves everyone")


async def test_a_failing_metric_is_told_in_the_verdicts(tab: Page) -> None:
    async with opened() as page:
        shop(page)
        known = world.verdict(90, 4120, 260)
        assert known.outcome is Outcome.FAIL
        attempt = replace(world.stepping().attempt, verdicts=(known,))
        page.put("cart", replace(world.stepping(), attempt=attempt), **MINE)
        await tab.goto(f"{page.url}/#/rollout/shop/cart")
        await expect(tab.locator("[data-outcome=fail]")).to_have_text("worse than stable")


async def test_a_lost_connection_is_told_and_comes_back_by_itself(tab: Page) -> None:
    async with opened() as page:
        shop(page)
        await tab.goto(page.url)
        await expect(tab.locator("#state")).to_have_text("live")
        page.page.drop()
        await expect(tab.locator("#state")).to_contain_text("lost")
        page.say("search", "found again", "find")
        await expect(tab.locator(".because", has_text="found again")).to_be_visible()
        await expect(tab.locator("#state")).to_have_text("live")
