"""What anybody may write into a cluster is text on the page, however much of it there is."""

import asyncio
import json
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Page, expect

from rollout.controller.keeping.store import Store
from rollout.manifest import record
from rollout.model.reasons import PauseKind
from rollout.model.status import Pause, Rejected, Revision
from rollout.web.page import board, stream
from rollout.web.page.reader import Place, Reader
from tests.controller.shop import a_rollout
from tests.fakes import FakeKube
from tests.messages.test_upgrades import STATUS
from tests.web.page import world
from tests.web.page.world import NOON, World, opened

EVIL = "<img src=x onerror=window.hit=1><script>window.hit=1</script>\"'`${window.hit=1}\u202e"
LINK = "javascript:window.hit=1//https://github.com/"


def poisoned(value: Any, evil: str = EVIL) -> Any:
    """The same JSON in which every text is ``evil``, but for those that must be another."""
    if isinstance(value, dict):
        return {key: _kept(key, inner, evil) for key, inner in value.items()}
    if isinstance(value, list):
        return [poisoned(inner, evil) for inner in value]
    return evil if isinstance(value, str) else value


_ENUMS = frozenset({
    *("stage", "phase", "outcome", "standing", "waitsFor", "kind", "at", "since", "askedAt", "id"),
    *("confirmedAt", "confirmedBy", "enteredAt", "until", "split", "checkpoint", "conditions"),
    *("state", "beganAt", "endedAt", "confidence", "awaits"),
})  # fmt: skip
"""Keys whose values are no free text: a status with another one is not read at all."""


def _kept(key: str, inner: Any, evil: str) -> Any:
    return inner if key in _ENUMS else poisoned(inner, evil)


def poison(page: World) -> None:
    """A Rollout, an upgrade and a source whose every text is hostile, and pods likewise."""
    rejected = Rejected(Revision("v3"), "no", NOON)
    pause = Pause(PauseKind.PERSON, "no", NOON, "somebody")
    attempt = replace(world.stepping().attempt, pause=pause, warnings=("w",), pending="later")
    status = replace(world.stepping(), rejected=rejected, attempt=attempt)
    stored = poisoned(record.rollout_json(status, {}, NOON))
    meta = {
        **a_rollout("cart", "v2")["metadata"],
        "labels": {"rollout.dev/owner": EVIL, "rollout.dev/source": "shop.apps"},
        "annotations": {"rollout.dev/author": EVIL, "rollout.dev/commit": EVIL, EVIL: EVIL},
    }
    step = {"name": EVIL, "weight": 5}
    spec = {**a_rollout("cart", EVIL)["spec"], "strategy": {"canary": {"steps": [step]}}}
    page.kube.put({**a_rollout("cart", "v2"), "metadata": meta, "spec": spec, "status": stored})
    upgrade = world.upgrade_object(STATUS)
    page.kube.put({**upgrade, "status": poisoned(upgrade["status"])})
    page.kube.put(world.proxy("shop", "web", EVIL))
    page.kube.put(world.source(LINK))
    page.put(EVIL, world.STEADY, namespace=EVIL)


async def test_no_text_of_a_manifest_becomes_markup_a_script_or_a_link(tab: Page) -> None:
    async with opened() as page:
        poison(page)
        await tab.goto(page.url)
        await expect(tab.locator("#count")).to_have_text("3 in all")
        for path in ("/#/rollout/shop/cart", "/#/upgrade/mesh"):
            await tab.goto(f"{page.url}{path}")
            await expect(tab.locator("section:visible").first).to_be_visible()
            await expect(tab.locator(".head .because")).to_contain_text("<img src=x")
            made = "document.querySelectorAll('img, script:not([src]), iframe, [onerror]').length"
            assert await tab.evaluate(made) == 0
            links = "[...document.links].map((a) => a.protocol)"
            assert set(await tab.evaluate(links)) <= {"http:", "https:"}
        assert await tab.evaluate("window.hit === undefined")


async def test_a_megabyte_of_because_is_cut_before_it_is_sent(tab: Page) -> None:
    async with opened() as page:
        page.put("cart", world.stepping())
        page.say("cart", "begins " + "x" * (1 << 20) + " ends")
        await tab.goto(f"{page.url}/#/rollout/shop/cart")
        await expect(tab.locator(".head .because")).to_contain_text("begins xxx")
        await expect(tab.locator(".head .because")).to_contain_text("xxx ends")
        page.page.board.look()
        assert len(page.page.board.since(0)) < 2000
        assert len(page.page.board.sheet(PLACE) or "") < 20_000


PLACE = Place("rollout", "shop", "cart")


async def test_a_spec_that_cannot_be_read_costs_one_line(tab: Page) -> None:
    async with opened() as page:
        page.put("cart", world.stepping(), spec={"strategy": {"canary": "x"}})
        page.kube.put({**a_rollout("odd", "v1"), "status": {"attempt": 7, "stage": []}})
        page.put("search", world.STEADY)
        await tab.goto(page.url)
        await expect(tab.locator("#count")).to_have_text("3 in all")
        await tab.goto(f"{page.url}/#/rollout/shop/cart")
        await expect(tab.locator(".head .next")).to_have_text(
            "the spec cannot be read; it goes on as it was"
        )


async def test_what_nobody_thought_of_costs_one_line_and_no_other() -> None:
    async with opened() as page:
        page.put("search", world.STEADY)
        odd = {**a_rollout("odd", "v1"), "status": {"phase": "Healthy"}}
        page.kube.put({**odd, "metadata": {**odd["metadata"], "labels": {"rollout.dev/owner": {}}}})
        page.page.board.look()
        lines = json.loads(page.page.board.since(0))["lines"]
        assert [line["name"] for line in lines] == ["odd", "search"]


async def test_a_look_that_fails_is_not_the_last_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board, "TICK", 0)
    kube, again, faults = FakeKube(), asyncio.Event(), [ValueError("nobody thought of that")]

    def also() -> frozenset[str]:
        if faults:
            raise faults.pop()
        again.set()
        return frozenset()

    looking = asyncio.create_task(board.Board(Reader(kube, Store(kube), also), lambda: NOON).run())
    await asyncio.wait({looking, asyncio.create_task(again.wait())}, return_when="FIRST_COMPLETED")
    assert again.is_set()
    looking.cancel()


async def test_ten_thousand_changes_a_second_are_few_messages_to_each_reader() -> None:
    """Between two looks a thing has one newest line, however often it changed."""
    async with opened() as page, aiohttp.ClientSession() as http:
        for number in range(100):
            page.put(f"r{number}", world.STEADY)
        async with http.get(f"{page.url}/api/lines") as answer:
            await told(answer)
            for change in range(10_000):
                page.say(f"r{change % 100}", f"change {change}")
            seen: dict[str, str] = {}
            messages = 0
            while seen.get("r99") != "change 9999":
                news = await told(answer)
                messages += 1
                seen |= {line["name"]: line["because"] for line in news["lines"]}
            assert seen == {f"r{n}": f"change {9900 + n}" for n in range(100)}
            assert messages <= 3


async def told(answer: aiohttp.ClientResponse) -> dict[str, Any]:
    """The next message that has data of ours."""
    while True:
        line = (await answer.content.readline()).decode()
        if line.startswith("data: {"):
            found: dict[str, Any] = json.loads(line.removeprefix("data: "))
            return found


async def test_a_slow_reader_holds_nobody_up_and_is_let_go() -> None:
    async with opened() as page, aiohttp.ClientSession(read_bufsize=1024) as http:
        for number in range(400):
            page.put(f"r{number}", world.STEADY)
        reader, writer = await asyncio.open_connection(*page.address.split(":"), limit=1024)
        writer.write(f"GET /api/lines HTTP/1.1\r\nHost: {page.address}\r\n\r\n".encode())
        await reader.readuntil(b"\r\n")  # and no more
        async with http.get(f"{page.url}/api/lines", read_bufsize=1 << 20) as answer:
            await told(answer)
            for round_ in range(20):
                for number in range(400):
                    page.say(f"r{number}", f"{'y' * 250} {round_}")
                page.page.board.look()
            page.say("r7", "the last")
            while not any(line["because"] == "the last" for line in (await told(answer))["lines"]):
                pass
        writer.close()


async def read_by(http: aiohttp.ClientSession, page: World, exits: AsyncExitStack) -> int:
    """How many streams the page opens for whoever asks with ``http``, until it is too many."""
    for count in range(stream.MOST + 1):
        answer = await http.get(f"{page.url}/api/lines")
        exits.callback(answer.close)
        if answer.status != 200:
            assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
            return count
    raise AssertionError("there is no end")


async def test_strangers_fill_their_share_and_leave_room_for_others_and_for_who_has_logged_in() -> (
    None
):
    async with opened() as page, AsyncExitStack() as exits:

        async def somebody(address: str) -> aiohttp.ClientSession:
            """From that address of this machine."""
            connector = aiohttp.TCPConnector(limit=0, local_addr=(address, 0))
            jar = aiohttp.CookieJar(unsafe=True)
            made = aiohttp.ClientSession(connector=connector, cookie_jar=jar)
            return await exits.enter_async_context(made)

        mallory, neighbour = await somebody("127.0.0.2"), await somebody("127.0.0.3")
        assert await read_by(mallory, page, exits) == stream.ONE
        assert await read_by(neighbour, page, exits) == stream.STRANGERS - stream.ONE
        for _ in range(2):
            ann = await somebody("127.0.0.2")
            (await ann.post(f"{page.url}/api/session", json={"secret": world.SECRET})).close()
            assert await read_by(ann, page, exits) == stream.TABS
