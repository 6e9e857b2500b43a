"""Socket Mode over a real WebSocket: presses come in, connections come and go."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import pytest

from rollout.edges.slack import socket as socket_
from rollout.edges.slack.calls import Calls
from rollout.edges.slack.socket import Socket
from rollout.lab.slack.faults import Fault
from rollout.lab.slack.server import Slack
from rollout.lab.slack.workspace import BOT_USER, Message
from rollout.messages import slack as words
from rollout.model.chat import Click, Command, Heard, Press, Ticket

TS = "1767225000.000100"
TICKET = Ticket("Rollout", "shop", "reviews", "uid-1", "c0ffee", 3, 1)


@dataclass
class Ear:
    """Whatever was heard."""

    heard: list[Heard] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    async def hear(self, heard: Heard) -> None:
        self.heard.append(heard)

    async def answer(self, command: Command) -> str:
        return f"you said {command.text}"

    async def comes(self, true: Callable[[], bool]) -> None:
        while not true():
            await asyncio.sleep(0.02)


@asynccontextmanager
async def listening(slack: Slack, http: aiohttp.ClientSession) -> AsyncIterator[Ear]:
    card = words.Card("k", "t", "s", 1, "b", tickets=((Press.APPROVE, TICKET),))
    blocks = list(words.words(card).blocks)
    slack.space.channels["C0LABREL1"].messages.append(Message(TS, BOT_USER, "", blocks))
    ear = Ear()
    calls = Calls(http, lambda: slack.tokens.app, slack.api_url)
    task = asyncio.create_task(Socket(calls, ear.hear, ear.answer, ear.complaints.append).run())
    try:
        yield ear
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def press(slack: Slack) -> None:
    await slack.press("U0LABANN1", "C0LABREL1", TS, "approve")


async def test_a_press_is_acknowledged_and_heard(slack: Slack, http: aiohttp.ClientSession) -> None:
    async with listening(slack, http) as ear:
        await press(slack)
        await ear.comes(lambda: len(ear.heard) == 1)
        click = ear.heard[0]
        assert isinstance(click, Click)
        assert (click.press, click.ticket) == (Press.APPROVE, TICKET)
        assert slack.unheard == []


async def test_an_envelope_that_comes_twice_is_the_same_press(
    slack: Slack, http: aiohttp.ClientSession
) -> None:
    """P-SLK, SEC-04."""
    slack.duplicate = True
    async with listening(slack, http) as ear:
        await press(slack)
        await ear.comes(lambda: len(ear.heard) == 2)
        assert ear.heard[0] == ear.heard[1]


async def test_a_command_is_answered_in_its_acknowledgement(
    slack: Slack, http: aiohttp.ClientSession
) -> None:
    async with listening(slack, http):
        assert await slack.command("U0LABANN1", "C0LABREL1", "status x") == "you said status x"


@pytest.mark.parametrize("reason", ["refresh_requested", "warning"])
async def test_a_connection_that_is_refreshed_hears_on(
    slack: Slack, http: aiohttp.ClientSession, reason: str
) -> None:
    async with listening(slack, http) as ear:
        await slack.connected()
        await slack.refresh(reason)
        await press(slack)
        await ear.comes(lambda: len(ear.heard) == 1)


async def test_a_socket_that_is_cut_comes_again(slack: Slack, http: aiohttp.ClientSession) -> None:
    """P-SLK."""
    async with listening(slack, http) as ear:
        await slack.connected()
        await slack.cut()
        await slack.connected()
        await press(slack)
        await ear.comes(lambda: len(ear.heard) == 1)


async def test_a_slack_that_is_down_is_told_and_tried_again(
    slack: Slack, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket_, "FIRST_WAIT", 0.05)
    for fault in (Fault(status=503, times=2), Fault(error="invalid_auth")):
        slack.faults.waiting.append(fault)
    async with listening(slack, http) as ear:
        await press(slack)
        await ear.comes(lambda: len(ear.heard) == 1)
        assert ear.complaints == [
            "slack: answers 503",
            "slack: answers 503",
            "slack: the token is refused (invalid_auth); a valid one is wanted",
            "",
        ]


async def test_the_socket_ends_with_its_task(slack: Slack, http: aiohttp.ClientSession) -> None:
    async with listening(slack, http):
        await slack.connected()
    while slack._sockets:
        await asyncio.sleep(0.02)


async def test_only_who_leads_is_connected(slack: Slack, http: aiohttp.ClientSession) -> None:
    leads, ear = [False], Ear()
    calls = Calls(http, lambda: slack.tokens.app, slack.api_url)
    one = Socket(calls, ear.hear, ear.answer, ear.complaints.append, lambda: leads[0])
    task = asyncio.create_task(one.run())
    try:
        await asyncio.sleep(0.1)
        assert slack.calls == []
        leads[0] = True
        await slack.connected()
        leads[0] = False
        await ear.comes(lambda: not slack._sockets)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
