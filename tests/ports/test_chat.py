"""One set of tests for the fake chat, and for our client before Slack's stand-in over real HTTP."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import aiohttp
import pytest

from rollout.controller.ports import Chat, People
from rollout.edges.slack.calls import Calls
from rollout.edges.slack.client import Client
from rollout.lab.slack.server import Slack
from rollout.lab.slack.workspace import Group, Person
from rollout.model.chat import Member, Place, Words
from tests.fakes_chat import FakeChat

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
OPS, ANN, GUEST = "S0LABOPS1", "U0LABANN1", "U0LABGST1"


class Both(Chat, People):
    """What is under test is both ports at once."""


@pytest.fixture(params=["fake", "slack"])
async def chat(request: pytest.FixtureRequest) -> AsyncIterator[Both]:
    if request.param == "fake":
        fake = FakeChat(groups={OPS: {ANN}}, emails={"ann@example.com": ANN}, outsiders={GUEST})
        yield fake  # type: ignore[misc]
        return
    async with Slack() as slack, aiohttp.ClientSession() as http:
        slack.space.groups[OPS] = Group(OPS, "ops", {ANN})
        slack.space.people[GUEST] = Person(GUEST, "guest", guest=True)
        yield Client(Calls(http, lambda: slack.tokens.bot, slack.api_url))  # type: ignore[misc]


async def test_what_was_posted_is_found_by_its_key(chat: Both) -> None:
    place = await chat.post("#releases", Words("uid.1", "first"))
    assert dict(await chat.find("#releases", LONG_AGO)) == {"uid.1": place}


async def test_a_reply_is_found_in_its_thread_and_not_in_the_channel(chat: Both) -> None:
    place = await chat.post("#releases", Words("uid.1", "first"))
    reply = await chat.post("#releases", Words("uid.1/1", "why"), under=place)
    assert dict(await chat.replies(place)) == {"uid.1": place, "uid.1/1": reply}
    assert dict(await chat.find("#releases", LONG_AGO)) == {"uid.1": place}


async def test_an_update_changes_what_stands_and_tells_what_is_gone(chat: Both) -> None:
    place = await chat.post("#releases", Words("uid.1", "first"))
    assert await chat.update(place, Words("uid.1", "second"))
    assert not await chat.update(Place(place.channel, "1.000009"), Words("uid.1", "third"))
    assert dict(await chat.find("#releases", LONG_AGO)) == {"uid.1": place}


async def test_people_and_groups_are_who_they_are(chat: Both) -> None:
    assert await chat.members(OPS) == {ANN}
    assert await chat.named("ann@example.com") == ANN
    assert await chat.named("nobody@example.com") == ""
    assert await chat.member(ANN) == Member(ANN)
    assert await chat.member(GUEST) == Member(GUEST, outside=True)


async def test_an_id_is_its_own_channel(chat: Both) -> None:
    assert await chat.channel("C0LABREL1") == "C0LABREL1"
    place = await chat.post("#releases", Words("uid.1", "first"))
    assert await chat.channel("#releases") == place.channel


async def test_a_whisper_stands_in_no_channel(chat: Both) -> None:
    place = await chat.post("#releases", Words("uid.1", "first"))
    await chat.whisper(place.channel, ANN, "only you")
    assert [*await chat.find("#releases", LONG_AGO)] == ["uid.1"]
