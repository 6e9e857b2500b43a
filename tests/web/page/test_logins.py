"""Logging in at an issuer of OpenID Connect: by whom it was begun, for whom it ends, how long."""

import json
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Browser, Page, expect
from yarl import URL

from rollout.edges import oidc
from rollout.errors import RefusedError
from rollout.model.reasons import Verb
from rollout.web.page.people import Person
from tests import issuer as issuers
from tests.issuer import CLIENT, SECRET, Issuer
from tests.web.page import world
from tests.web.page.world import Somebody, World, opened


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Issuer]:
    with issuers.running(tmp_path_factory.mktemp("oidc") / "issuer") as found:
        yield found


@pytest.fixture
def issuer(running: Issuer) -> Issuer:
    """One that tells the truth."""
    running.lies()
    return running


@dataclass
class ByClaims:
    """Believes every token, as an API server that has checked it."""

    hint: str = "token"
    met: list[Somebody] = field(default_factory=list)

    async def prove(self, secret: str) -> Person:
        told = oidc.claims(secret)
        if not told:
            raise RefusedError("the API server does not take this token")
        self.met.append(Somebody(str(told["email"]), until=oidc.expires(told)))
        return self.met[-1]


@asynccontextmanager
async def page(issuer: Issuer, **settings: Any) -> AsyncIterator[tuple[World, ByClaims]]:
    """A page whose people come from there."""
    door = ByClaims()
    known = oidc.Issuer(issuer.url, CLIENT, lambda: SECRET, ca=issuer.ca.read_text())
    async with opened(login=door, issuer=known, **settings) as found:
        found.now = datetime.now(UTC)
        found.put("cart", world.stepping())
        yield found, door


def browser_of(issuer: Issuer) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=issuer.ca))
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.CookieJar(unsafe=True))


async def sent(http: aiohttp.ClientSession, page: World) -> URL:
    """Where the page sends the browser."""
    async with http.get(f"{page.url}/login", allow_redirects=False) as answer:
        assert answer.status == 303, await answer.text()
        return URL(answer.headers["Location"])


async def agreed(http: aiohttp.ClientSession, place: URL, who: str = "ann") -> URL:
    """Where the issuer sends the browser back to."""
    async with http.post(place, data={"who": who}, allow_redirects=False) as answer:
        assert answer.status == 303, await answer.text()
        return URL(answer.headers["Location"])


async def came_back(http: aiohttp.ClientSession, place: URL) -> tuple[int, str]:
    async with http.get(place, allow_redirects=False) as answer:
        return answer.status, answer.headers.get("Location") or await answer.text()


async def who(http: aiohttp.ClientSession, page: World) -> str:
    async with http.get(f"{page.url}/api/session") as answer:
        return str((await answer.json())["who"])


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
async def test_a_session_begins_for_whom_the_token_names_and_ends_with_it(
    issuer: Issuer, algorithm: str
) -> None:
    issuer.lies(alg=algorithm)
    async with page(issuer) as (found, door), browser_of(issuer) as http:
        back = await agreed(http, await sent(http, found))
        assert await came_back(http, back) == (303, "/")
        assert await who(http, found) == "ann@example.com"
        found.now += timedelta(seconds=issuers.LASTS + 5)
        assert await who(http, found) == ""
    assert [person.closed for person in door.met] == [True]


async def test_cookies_of_a_login_are_shown_to_no_script_and_no_longer_than_needed(
    issuer: Issuer,
) -> None:
    async with page(issuer) as (found, _), browser_of(issuer) as http:
        forwarded = {"X-Forwarded-Proto": "https"}
        async with http.get(
            f"{found.url}/login", allow_redirects=False, headers=forwarded
        ) as answer:
            begun = SimpleCookie(answer.headers["Set-Cookie"])["__Host-rollout_login"]
            place = URL(answer.headers["Location"])
        kept = (begun["httponly"], begun["samesite"], begun["path"], begun["max-age"])
        assert kept == (True, "Lax", "/", "600")
        assert begun["secure"]
        assert place.query["redirect_uri"] == f"https://{found.address}/login/callback"
        assert begun.value not in str(place)
        place = await sent(http, found)
        async with http.get(await agreed(http, place), allow_redirects=False) as answer:
            told = SimpleCookie()
            for line in answer.headers.getall("Set-Cookie"):
                told.load(line)
        session, login = told["rollout_session"], told["rollout_login"]
        assert (session["samesite"], session["httponly"]) == ("Strict", True)
        assert (login.value, login["max-age"]) == ("", "0")


async def test_a_code_that_another_browser_began_logs_nobody_in(issuer: Issuer) -> None:
    """Login CSRF (RFC 6749, section 10.12): the victim's browser has no such login."""
    async with page(issuer) as (found, door):
        async with browser_of(issuer) as mallory:
            back = await agreed(mallory, await sent(mallory, found), "eve")
        for begins in (False, True):
            async with browser_of(issuer) as victim:
                if begins:
                    await sent(victim, found)
                status, text = await came_back(victim, back)
                assert (status, await who(victim, found)) == (401, "")
                assert "was not begun in this browser" in text
    assert door.met == []


async def test_what_another_host_of_the_domain_set_is_no_cookie_of_ours_sec_21(
    issuer: Issuer,
) -> None:
    """The login or the session of somebody else, set for the whole domain, under our names."""
    https = {"X-Forwarded-Proto": "https"}
    async with page(issuer) as (found, _), browser_of(issuer) as mallory:
        place = await sent(mallory, found)
        set_by_mallory = mallory.cookie_jar.filter_cookies(URL(found.url) / "login")
        login = set_by_mallory["rollout_login"].value
        back = await agreed(mallory, place, "eve")
        async with browser_of(issuer) as victim:
            theirs = {**https, "Cookie": f"rollout_login={login}"}
            async with victim.get(back, headers=theirs, allow_redirects=False) as answer:
                assert answer.status == 401
        assert await came_back(mallory, back) == (303, "/")
        session = mallory.cookie_jar.filter_cookies(URL(found.url))["rollout_session"].value
        for name, whose in (("rollout_session", ""), ("__Host-rollout_session", "eve@example.com")):
            headers = {**https, "Cookie": f"{name}={session}"}
            async with (
                aiohttp.ClientSession() as http,
                http.get(f"{found.url}/api/session", headers=headers) as answer,
            ):
                assert (await answer.json())["who"] == whose


async def test_a_code_is_good_once(issuer: Issuer) -> None:
    async with page(issuer) as (found, door), browser_of(issuer) as http:
        back = await agreed(http, await sent(http, found))
        jar = http.cookie_jar.filter_cookies(back)
        assert await came_back(http, back) == (303, "/")
        async with http.get(back, allow_redirects=False, cookies=jar) as answer:
            assert (answer.status, "invalid_grant" in await answer.text()) == (401, True)
    assert len(door.met) == 1


@pytest.mark.parametrize(
    ("lie", "told"),
    [
        ({"claims": {"nonce": "another"}}, "its token is of another login"),
        ({"claims": {"nonce": None}}, "its token is of another login"),
        ({"claims": {"aud": "somebody"}}, "its token is of another client"),
        ({"claims": {"aud": ["x"]}}, "its token is of another client"),
        ({"claims": {"azp": "somebody"}}, "its token is of another authorized party"),
        ({"claims": {"iss": "https://evil.example"}}, "its token is of another issuer"),
        ({"claims": {"exp": 1}}, "its token is of another time"),
        ({"claims": {"exp": "never"}}, "its token is of another time"),
        ({"claims": {"exp": None}}, "its token is of another time"),
        ({"error": "access_denied"}, "access_denied"),
        ({"error": "<script>alert(1)</script>"}, "<script>"),
        ({"discovery": {"issuer": "https://evil.example"}}, "calls itself 'https://evil.example'"),
    ],
)
async def test_what_is_not_for_this_login_logs_nobody_in_and_is_said_as_text(
    issuer: Issuer, lie: dict[str, Any], told: str
) -> None:
    async with page(issuer) as (found, door), browser_of(issuer) as http:
        place = await sent(http, found)
        issuer.lies(**lie)
        async with http.get(await agreed(http, place), allow_redirects=False) as answer:
            assert (answer.status, answer.content_type) == (401, "text/plain")
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert told in await answer.text()
        assert await who(http, found) == ""
    assert door.met == []


@pytest.mark.parametrize(
    "discovery",
    [
        {"authorization_endpoint": "http://127.0.0.1/authorize"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"token_endpoint": "http://127.0.0.1/token"},
        {"token_endpoint": None},
    ],
)
async def test_an_issuer_without_https_is_none(issuer: Issuer, discovery: dict[str, Any]) -> None:
    issuer.lies(discovery=discovery)
    async with (
        page(issuer) as (found, _),
        browser_of(issuer) as http,
        http.get(f"{found.url}/login", allow_redirects=False) as answer,
    ):
        assert (answer.status, "is no https address" in await answer.text()) == (401, True)


async def test_an_issuer_that_is_away_or_no_issuer_is_said_and_the_page_goes_on(
    issuer: Issuer,
) -> None:
    async with browser_of(issuer) as http:
        for url in ("https://127.0.0.1:1", f"{issuer.url}/nowhere", "https://a..b"):
            known = oidc.Issuer(url, CLIENT, ca=issuer.ca.read_text())
            async with opened(issuer=known) as found:
                async with http.get(f"{found.url}/login", allow_redirects=False) as answer:
                    assert answer.status == 503
                    assert url in await answer.text()
                assert await who(http, found) == ""


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_no_other_page_can_begin_a_login(issuer: Issuer, site: str) -> None:
    async with page(issuer) as (found, _), browser_of(issuer) as http:
        headers = {"Sec-Fetch-Site": site}
        async with http.get(f"{found.url}/login", headers=headers) as answer:
            assert (answer.status, "Set-Cookie" in answer.headers) == (403, False)


async def test_without_an_issuer_there_is_no_such_path() -> None:
    async with opened() as found, aiohttp.ClientSession() as http:
        for path in ("/login", "/login/callback"):
            async with http.get(f"{found.url}{path}") as answer:
                assert answer.status == 404


@asynccontextmanager
async def new_tab(browser: Browser) -> AsyncIterator[Page]:
    """In a browser that takes the test issuer's certificate."""
    context = await browser.new_context(ignore_https_errors=True)
    context.set_default_timeout(120_000)
    yield await context.new_page()
    await context.close()


async def test_somebody_goes_to_the_issuer_comes_back_where_they_were_and_asks(
    issuer: Issuer, browser: Browser
) -> None:
    async with page(issuer) as (found, door), new_tab(browser) as tab:
        place = f"{found.url}/#/rollout/shop/cart"
        await tab.goto(place)
        await tab.get_by_role("button", name="Log in", exact=True).first.click()
        await tab.get_by_role("button", name="ann").click()
        await expect(tab.locator("#session")).to_contain_text("ann@example.com")
        assert tab.url == place
        assert await tab.evaluate("document.cookie + JSON.stringify(sessionStorage)") == "{}"
        await tab.get_by_role("button", name="abort", exact=True).click()
        await tab.get_by_role("dialog").get_by_role("button", name="Abort").click()
        await expect(tab.get_by_role("dialog")).to_be_hidden()
        assert door.met[0].asked == [("rollout/shop/cart", Verb.ABORT)]
        await tab.get_by_role("button", name="Log out").click()
        await expect(tab.locator("#session")).to_have_text("Log in")
    assert door.met[0].closed


async def test_who_reads_a_closed_page_reads_no_more_once_the_token_is_over(
    issuer: Issuer, browser: Browser
) -> None:
    async with page(issuer, closed=True) as (found, _), new_tab(browser) as tab:
        await tab.goto(found.url)
        await tab.get_by_role("button", name="Log in", exact=True).first.click()
        await tab.get_by_role("button", name="ann").click()
        await expect(tab.locator(".lines .name")).to_have_text("shop/cart")
        found.now += timedelta(seconds=issuers.LASTS + 5)
        await expect(tab.get_by_text("Log in to read this page.")).to_be_visible()
        await expect(tab.locator(".lines .name")).to_have_count(0)


def test_claims_are_read_of_a_token_and_of_nothing_else() -> None:
    def token(part: bytes) -> str:
        return f"x.{oidc._text(part)}.y"

    assert oidc.claims(token(json.dumps({"a": 1}).encode())) == {"a": 1}
    for text in ("", "a", "a.b", "a.b.c", "a.!!!.c", token(b"[]"), token(b"\xff"), "a.e30.b.c"):
        assert oidc.claims(text) == {}
    for seconds in (None, True, "1", float("nan"), 1e300, -1e300):
        assert oidc.expires({"exp": seconds}) is None
