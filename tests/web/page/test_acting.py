"""What a person asks at the page, and who must not."""

from datetime import timedelta

import aiohttp
import pytest
from playwright.async_api import Page, expect
from yarl import URL

from rollout.model.reasons import Verb
from rollout.web.page import guard, people
from rollout.web.page.people import TOKEN
from tests.web.page import world
from tests.web.page.world import SECRET, Somebody, World, opened

ASK = {"kind": "rollout", "namespace": "shop", "name": "cart", "verb": "abort"}


async def log_in(tab: Page, secret: str = SECRET) -> None:
    await tab.get_by_role("button", name="Log in", exact=True).first.click()
    await tab.get_by_label("Token").fill(secret)
    await tab.get_by_role("dialog").get_by_role("button", name="Log in").click()


async def test_abort_is_pressed_by_somebody_who_has_logged_in(tab: Page) -> None:
    async with opened() as page:
        page.put("cart", world.stepping())
        await tab.goto(f"{page.url}/#/rollout/shop/cart")
        await expect(tab.get_by_role("button", name="abort", exact=True)).to_have_count(0)
        await log_in(tab)
        await expect(tab.locator("#session")).to_contain_text("ann@example.com")
        await tab.get_by_role("button", name="abort", exact=True).click()
        dialog = tab.get_by_role("dialog")
        await expect(dialog).to_contain_text("Everyone back to stable")
        assert page.door.who.asked == []
        await dialog.get_by_role("button", name="Abort").click()
        await expect(dialog).to_be_hidden()
        assert page.door.who.asked == [("rollout/shop/cart", Verb.ABORT)]
        await tab.get_by_role("button", name="Log out").click()
        await expect(tab.get_by_role("button", name="abort", exact=True)).to_have_count(0)
        assert page.door.who.closed


async def test_a_wrong_token_is_refused_in_words_and_stays_nowhere(tab: Page) -> None:
    async with opened() as page:
        page.put("cart", world.stepping())
        await tab.goto(f"{page.url}/#/rollout/shop/cart")
        await log_in(tab, "wrong")
        alert = tab.get_by_role("dialog").get_by_role("alert")
        await expect(alert).to_have_text("the API server does not take this token")
        assert await tab.get_by_label("Token").input_value() == ""
        assert await tab.evaluate("document.cookie + JSON.stringify(localStorage)") == "{}"


async def test_a_token_that_is_over_ends_the_session_and_says_so(tab: Page) -> None:
    async with opened() as page:
        page.put("cart", world.stepping())
        await tab.goto(f"{page.url}/#/rollout/shop/cart")
        await log_in(tab)
        page.door.who.over = True
        await tab.get_by_role("button", name="abort", exact=True).click()
        await tab.get_by_role("dialog").get_by_role("button", name="Abort").click()
        alert = tab.get_by_role("dialog").get_by_role("alert")
        await expect(alert).to_have_text("your token is over; log in anew")
        await expect(tab.locator("#session")).to_have_text("Log in")
        assert page.door.who.asked == []


async def test_what_rbac_does_not_allow_is_said_where_it_was_asked(tab: Page) -> None:
    async with opened() as page:
        page.put("forbidden", world.stepping())
        await tab.goto(f"{page.url}/#/rollout/shop/forbidden")
        await log_in(tab)
        await tab.get_by_role("button", name="pause", exact=True).click()
        await tab.get_by_role("dialog").get_by_role("button", name="Pause").click()
        alert = tab.get_by_role("dialog").get_by_role("alert")
        await expect(alert).to_have_text("ann@example.com may not patch rollout shop/forbidden")


async def test_a_closed_page_shows_nothing_until_one_logs_in(tab: Page) -> None:
    async with opened(closed=True) as page:
        page.put("cart", world.stepping())
        await tab.goto(page.url)
        await expect(tab.get_by_text("Log in to read this page.")).to_be_visible()
        await log_in(tab)
        await expect(tab.locator(".lines .name")).to_have_text("shop/cart")


async def test_the_key_of_the_printed_address_logs_in_and_leaves_the_address(tab: Page) -> None:
    async with opened(closed=True) as page:
        page.put("cart", world.stepping())
        await tab.goto(f"{page.url}/#key={SECRET}")
        await expect(tab.locator(".lines .name")).to_have_text("shop/cart")
        assert tab.url == f"{page.url}/#/"


async def session(http: aiohttp.ClientSession, page: World) -> str:
    """The session's second secret, as our own page has it; the cookie is in ``http``."""
    async with http.post(f"{page.url}/api/session", json={"secret": SECRET}) as answer:
        cookie = answer.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        return str((await answer.json())["token"])


def cookies() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))


@pytest.mark.parametrize(
    ("headers", "wanted"),
    [
        ({}, 202),
        ({TOKEN: ""}, 401),
        ({TOKEN: "guessed"}, 401),
        ({"Origin": "https://evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Content-Type": "text/plain"}, 403),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 403),
        ({"Host": "evil.example"}, 421),
        ({"Host": "127.0.0.1.evil.example"}, 421),
    ],
)
async def test_only_our_own_page_can_ask(headers: dict[str, str], wanted: int) -> None:
    async with opened() as page, cookies() as http:
        page.put("cart", world.stepping())
        token = await session(http, page)
        known = {TOKEN: token, "Content-Type": "application/json", **headers}
        body = str(ASK).replace("'", '"').encode()
        async with http.post(f"{page.url}/api/ask", data=body, headers=known) as answer:
            assert answer.status == wanted
        asked = [("rollout/shop/cart", Verb.ABORT)] if wanted == 202 else []
        assert page.door.who.asked == asked


async def test_a_foreign_page_can_neither_ask_nor_show_ours_in_a_frame(tab: Page) -> None:
    async with opened() as page:
        page.put("cart", world.stepping())
        await tab.goto(page.url)
        await log_in(tab)
        await expect(tab.locator("#session")).to_contain_text("ann@example.com")
        asking = f"""fetch("{page.url}/api/ask", {{method: "POST", mode: "no-cors",
            credentials: "include", body: '{{"verb": "abort"}}'}}).then(() => 0, () => 0)"""
        blank = await tab.context.new_page()
        await blank.set_content(f'<iframe src="{page.url}/"></iframe>')
        await blank.evaluate(asking)
        frame = blank.frames[1]
        assert "Rollouts" not in await frame.content()
        assert page.door.who.asked == []
        await blank.close()


@pytest.mark.parametrize(
    "path",
    [
        "/../../../etc/passwd",
        "/..%2f..%2fapp.py",
        "/%2e%2e/app.py",
        "/assets/index.html",
        "/style.css%00.html",
        "//evil.example/",
        "/api/rollout/../../lines",
        "/api/secret/shop/cart",
        "/api/rollout/shop/cart/events/more",
        "/index.html",
    ],
)
async def test_no_path_leads_anywhere_else(path: str) -> None:
    async with opened() as page, aiohttp.ClientSession() as http:
        url = URL(f"{page.url}{path}", encoded=True)
        async with http.get(url, allow_redirects=False) as answer:
            assert answer.status == 404
            assert {name: answer.headers.get(name) for name in guard.HEADERS} == guard.HEADERS


async def test_every_answer_has_the_policy_and_lets_no_other_page_in() -> None:
    assert "frame-ancestors 'none'" in guard.POLICY
    assert "unsafe" not in guard.POLICY
    async with opened() as page, aiohttp.ClientSession() as http:
        for path in ("/", "/main.js", "/style.css", "/api/session", "/api/lines"):
            async with http.get(f"{page.url}{path}") as answer:
                known = {name: answer.headers.get(name) for name in guard.HEADERS}
                assert (answer.status, known) == (200, guard.HEADERS)
                assert "Access-Control-Allow-Origin" not in answer.headers


async def test_a_session_is_over_after_an_idle_hour_and_after_half_a_day() -> None:
    async with opened() as page, cookies() as http:
        token = await session(http, page)
        headers = {TOKEN: token}
        for hours, wanted in ((0.9, 202), (0.9, 202), (1.1, 401)):
            page.now += timedelta(hours=hours)
            async with http.post(f"{page.url}/api/ask", json=ASK, headers=headers) as answer:
                assert answer.status == wanted


async def test_nobody_logs_others_out_by_logging_in_again_and_again() -> None:
    async with opened() as page, cookies() as first, cookies() as other:
        page.put("cart", world.stepping())
        page.door.who = bob = Somebody("bob@example.com")
        headers = {TOKEN: await session(first, page)}
        anns = [Somebody() for _ in range(people.EACH + 5)]
        for page.door.who in anns:
            await session(other, page)
        async with first.post(f"{page.url}/api/ask", json=ASK, headers=headers) as answer:
            assert (answer.status, len(bob.asked)) == (202, 1)
        assert [ann.closed for ann in anns] == [True] * 5 + [False] * people.EACH


async def test_where_nobody_can_log_in_nothing_can_be_asked() -> None:
    async with opened(login=None) as page, aiohttp.ClientSession() as http:
        async with http.post(f"{page.url}/api/session", json={"secret": SECRET}) as answer:
            assert answer.status == 404
        async with http.post(f"{page.url}/api/ask", json=ASK) as answer:
            assert answer.status == 401


@pytest.mark.parametrize("body", ["[" * 9000, "[1]", "", "null", '{"verb": 7}', "x" * 20_000])
async def test_no_body_makes_the_door_fall(body: str) -> None:
    async with opened() as page, cookies() as http:
        headers = {TOKEN: await session(http, page), "Content-Type": "application/json"}
        async with http.post(f"{page.url}/api/ask", data=body, headers=headers) as answer:
            assert answer.status in (400, 413)
        assert isinstance(page.door.who, Somebody)
        assert page.door.who.asked == []


async def test_half_a_letter_is_no_secret_of_ours_and_no_fault_of_the_door() -> None:
    """Of a header that is no UTF-8, and of JSON's escapes."""
    assert [people.same(half, "secret") for half in ("\udcff", "\ud800")] == [False, False]
