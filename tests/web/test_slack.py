"""SEC-01, SEC-02, SEC-03, SEC-21: Slack's requests at our own door, over real HTTP."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import aiohttp
import pytest

from rollout.edges.slack.signed import LARGEST
from rollout.lab.slack import delivery
from rollout.lab.slack.server import Slack
from rollout.lab.slack.workspace import BOT_USER, Message
from rollout.messages import slack as words
from rollout.model.chat import Click, Command, Heard, Press, Ticket
from rollout.web.app import Settings, serve
from rollout.web.slack import Door
from tests.web.test_app import Fine

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
TICKET = Ticket("Rollout", "shop", "reviews", "uid-1", "c0ffee", 3, 1)


@dataclass
class Ear:
    """Whatever came through the door at ``url``."""

    url: str = ""
    heard: list[Heard] = field(default_factory=list)
    secrets: list[str] = field(default_factory=lambda: [SECRET])

    async def hear(self, heard: Heard) -> None:
        self.heard.append(heard)

    async def answer(self, command: Command) -> str:
        return f"you said {command.text}"

    async def post(self, body: bytes, headers: dict[str, str]) -> int:
        async with (
            aiohttp.ClientSession() as http,
            http.post(self.url, data=body, headers=headers) as answer,
        ):
            return answer.status


@asynccontextmanager
async def door() -> AsyncIterator[Ear]:
    ear = Ear()
    made = Door(lambda: ear.secrets, lambda: datetime.now(UTC), ear.hear, ear.answer)
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve(Fine(), Settings(port=0, slack=made), ready))
    try:
        ear.url = f"http://{await ready}/slack"
        yield ear
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def delivering() -> AsyncIterator[tuple[Slack, Ear]]:
    """The stand-in, sending to the door; it has one message with our buttons."""
    async with door() as ear, Slack() as slack:
        ear.secrets = [slack.tokens.signing]
        slack.request_url = ear.url
        card = words.Card("k", "t", "s", 1, "b", tickets=((Press.APPROVE, TICKET),))
        blocks = list(words.words(card).blocks)
        slack.space.channels["C0LABREL1"].messages.append(Message("1.000001", BOT_USER, "", blocks))
        yield slack, ear


async def test_a_press_and_a_command_come_in_as_slack_sends_them() -> None:
    async with delivering() as (slack, ear):
        await slack.press("U0LABANN1", "C0LABREL1", "1.000001", "approve")
        assert isinstance(ear.heard[0], Click)
        assert ear.heard[0].ticket == TICKET
        assert await slack.command("U0LABANN1", "C0LABREL1", "status x") == "you said status x"
        assert slack.unheard == []


async def test_what_slack_delivers_again_is_the_same_press_whatever_its_retry_headers_say() -> None:
    """SEC-04: whoever hears it knows it by its own mark, and not by a header."""
    async with delivering() as (slack, ear):
        told = delivery.press(slack.space, "U0LABANN1", "C0LABREL1", "1.000001", "approve")
        body = delivery.form("interactive", told)
        for number in ("", "1", "2"):
            retry = {"X-Slack-Retry-Num": number, "X-Slack-Retry-Reason": "http_timeout"}
            signed = delivery.signed(body, slack.tokens.signing)
            assert await ear.post(body, {**signed, **(retry if number else {})}) == 200
        first = ear.heard[0]
        assert isinstance(first, Click)
        assert first.once
        assert ear.heard == [first] * 3


GOOD = delivery.signed(b"payload=%7B%7D", SECRET)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {**GOOD, "X-Slack-Signature": ""},
        {**GOOD, "X-Slack-Signature": GOOD["X-Slack-Signature"][:-1]},
        {**GOOD, "X-Slack-Signature": "v0=" + "\xe4" * 64},
        delivery.signed(b"payload=%7B%7D", "another secret, as long as it is"),
        delivery.signed(b"payload=%7B%7D ", SECRET),
        delivery.signed(b"payload=%7B%7D", SECRET, at=1531420618),
    ],
)
async def test_what_is_not_signed_just_now_is_401_and_nobody_hears_of_it_sec_02(
    headers: dict[str, str],
) -> None:
    async with door() as ear:
        assert await ear.post(b"payload=%7B%7D", headers) == 401
        assert ear.heard == []


async def test_a_double_header_is_401_sec_02() -> None:
    async with door() as ear, aiohttp.ClientSession() as http:
        headers = [*GOOD.items(), ("X-Slack-Signature", GOOD["X-Slack-Signature"])]
        async with http.post(ear.url, data=b"payload=%7B%7D", headers=headers) as answer:
            assert answer.status == 401


async def test_without_a_secret_in_force_nothing_is_slacks() -> None:
    async with door() as ear:
        ear.secrets = []
        assert await ear.post(b"payload=%7B%7D", GOOD) == 401


@pytest.mark.parametrize("body", [b"payload=%7B%7D", b"\xff", b"", b"payload=" + b"[" * 99_999])
async def test_what_is_signed_and_none_of_ours_is_taken_and_forgotten(body: bytes) -> None:
    async with door() as ear:
        assert await ear.post(body, delivery.signed(body, SECRET)) == 200
        assert ear.heard == []


async def test_a_body_that_is_too_large_is_closed_at_the_cap_sec_03() -> None:
    async with door() as ear, aiohttp.ClientSession() as http:
        assert await ear.post(b"x" * (LARGEST + 1), GOOD) == 413
        sent = 0

        async def endless() -> AsyncIterator[bytes]:
            nonlocal sent
            while True:
                sent += 1 << 16
                yield b"x" * (1 << 16)

        try:
            async with http.post(ear.url, data=endless(), headers=GOOD) as answer:
                assert answer.status == 413
        except aiohttp.ClientError:
            pass  # cut off in the middle of what it sent
        assert sent < 64 << 20


async def test_a_slow_body_is_closed_at_the_deadline_sec_03(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("rollout.web.slack.DEADLINE", 0.3)

    async def slow() -> AsyncIterator[bytes]:
        while True:
            yield b"x"
            await asyncio.sleep(0.05)

    async with door() as ear, aiohttp.ClientSession() as http:
        try:
            async with http.post(ear.url, data=slow(), headers=GOOD) as answer:
                assert answer.status == 408
        except aiohttp.ClientError:
            pass  # cut off while it was sending


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS"])
async def test_nothing_but_a_post_is_heard_sec_01_sec_21(method: str) -> None:
    async with (
        door() as ear,
        aiohttp.ClientSession() as http,
        http.request(method, ear.url) as answer,
    ):
        assert answer.status == 405
