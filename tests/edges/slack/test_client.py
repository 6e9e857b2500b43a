"""What stands in channels and who is who, against the stand-in over real HTTP."""

from datetime import UTC, datetime, timedelta

import pytest

from rollout.edges.slack.client import Client
from rollout.errors import OutsideError, RefusedError
from rollout.lab.slack.faults import Fault
from rollout.lab.slack.server import Slack
from rollout.lab.slack.workspace import BOT_USER, Channel, Message, Person
from rollout.model.chat import Member, Place, Words

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def said(slack: Slack) -> list[str]:
    return [one.text for one in slack.space.channels["C0LABREL1"].messages]


@pytest.mark.parametrize("channel", ["#releases", "C0LABREL1"])
async def test_a_message_is_posted_found_again_and_updated_in_place(
    slack: Slack, client: Client, channel: str
) -> None:
    place = await client.post(channel, Words("uid.1", "first"))
    assert await client.find(channel, LONG_AGO) == {"uid.1": place}
    assert await client.update(place, Words("uid.1", "second"))
    assert said(slack) == ["second"]


async def test_what_was_posted_and_never_answered_is_found_again(
    slack: Slack, client: Client
) -> None:
    slack.faults.waiting.append(Fault("chat.postMessage", cut=True, done=True))
    with pytest.raises(OutsideError):
        await client.post("#releases", Words("uid.1", "first"))
    found = await client.find("#releases", LONG_AGO)
    assert [*found] == ["uid.1"]


async def test_among_hundreds_of_other_messages_ours_is_found(slack: Slack, client: Client) -> None:
    place = await client.post("#releases", Words("uid.1", "ours"))
    channel = slack.space.channels["C0LABREL1"]
    channel.messages += [Message(slack.space.ts(), "U0LABANN1", str(i)) for i in range(450)]
    assert await client.find("#releases", LONG_AGO) == {"uid.1": place}
    assert slack.calls.count("conversations.history") == 3


async def test_of_two_with_one_key_the_older_one_is_ours(slack: Slack, client: Client) -> None:
    older = await client.post("#releases", Words("uid.1", "a"))
    await client.post("#releases", Words("uid.1", "b"))
    assert await client.find("#releases", LONG_AGO) == {"uid.1": older}
    del slack


async def test_metadata_that_somebody_else_wrote_is_not_ours(slack: Slack, client: Client) -> None:
    metadata = {"event_type": "rollout_said", "event_payload": {"key": "uid.1"}}
    forged = Message(slack.space.ts(), "U0LABEVE1", "forged", metadata=metadata)
    slack.space.channels["C0LABREL1"].messages.append(forged)
    assert await client.find("#releases", LONG_AGO) == {}


async def test_what_is_older_is_not_asked_for(client: Client) -> None:
    await client.post("#releases", Words("uid.1", "a"))
    soon = datetime.now(UTC) + timedelta(minutes=1)
    assert await client.find("#releases", soon) == {}


async def test_replies_stand_in_the_thread_and_are_found_by_key(
    slack: Slack, client: Client
) -> None:
    place = await client.post("#releases", Words("uid.1", "top"))
    reply = await client.post("#releases", Words("uid.1/3", "detail"), under=place)
    assert await client.replies(place) == {"uid.1": place, "uid.1/3": reply}
    assert await client.find("#releases", LONG_AGO) == {"uid.1": place}
    del slack


async def test_a_deleted_message_is_told_as_gone(slack: Slack, client: Client) -> None:
    """P-SLK."""
    place = await client.post("#releases", Words("uid.1", "top"))
    slack.space.channels["C0LABREL1"].messages.clear()
    assert not await client.update(place, Words("uid.1", "again"))
    assert await client.replies(place) == {}


async def test_somebody_elses_message_is_never_written_over(slack: Slack, client: Client) -> None:
    theirs = Message(slack.space.ts(), "U0LABANN1", "hands off")
    slack.space.channels["C0LABREL1"].messages.append(theirs)
    with pytest.raises(RefusedError, match="cant_update_message"):
        await client.update(Place("C0LABREL1", theirs.ts), Words("k", "x"))
    assert said(slack) == ["hands off"]


@pytest.mark.parametrize("name", ["#nowhere", "C0NOWHERE"])
async def test_a_channel_that_is_not_there_says_what_to_do(client: Client, name: str) -> None:
    with pytest.raises(RefusedError, match=f"slack channel {name}.*invite the app"):
        await client.post(name, Words("k", "x"))


async def test_an_archived_channel_says_so(slack: Slack, client: Client) -> None:
    """P-SLK."""
    slack.space.channels["C0LABREL1"].archived = True
    with pytest.raises(RefusedError, match="is archived"):
        await client.post("C0LABREL1", Words("k", "x"))


async def test_an_app_that_was_installed_anew_knows_its_own_messages_sec_26(
    slack: Slack, client: Client
) -> None:
    """Its new token is of another bot, and what the old one wrote is somebody else's."""
    await client.post("C0LABREL1", Words("k", "old"))
    assert {*await client.find("C0LABREL1", LONG_AGO)} == {"k"}
    slack.tokens.bot, slack.space.bot = "xoxb-another-app", "B0LABAPP2"
    await client.post("C0LABREL1", Words("l", "new"))
    assert {*await client.find("C0LABREL1", LONG_AGO)} == {"l"}


async def test_a_channel_that_replaces_another_under_its_name_is_found(
    slack: Slack, client: Client
) -> None:
    """P-SLK: the old one is renamed and archived, and a new one made."""
    channels = slack.space.channels
    assert (await client.post("#releases", Words("k", "x"))).channel == "C0LABREL1"
    channels["C0LABREL1"].name = "releases-old"
    assert (await client.post("#releases", Words("l", "x"))).channel == "C0LABREL1"
    channels["C0LABREL1"].archived = True
    for _ in range(2):
        with pytest.raises(RefusedError, match="#releases: is archived; name another one"):
            await client.post("#releases", Words("m", "x"))
    channels["C0LABREL2"] = Channel("C0LABREL2", "releases")
    assert (await client.post("#releases", Words("m", "x"))).channel == "C0LABREL2"


async def test_of_thousands_of_channels_one_is_found_in_few_calls(
    slack: Slack, client: Client
) -> None:
    """Slack answers twenty lists a minute, and a list is asked for from its beginning."""
    for number in range(5000):
        name = f"C1{number:07}"
        slack.space.channels[name] = Channel(name, f"team-{number}")
    assert (await client.post("#team-4999", Words("k", "x"))).channel == "C10004999"
    assert sum(method == "conversations.list" for method in slack.calls) == 6


async def test_a_private_channel_is_found_by_name_once_the_app_is_in_it(
    slack: Slack, client: Client
) -> None:
    secret = slack.space.channels["C0LABSEC1"] = Channel("C0LABSEC1", "secret", private=True)
    secret.member = False
    with pytest.raises(RefusedError, match="invite the app"):
        await client.post("#secret", Words("k", "x"))
    secret.member = True
    assert (await client.post("#secret", Words("k", "x"))).channel == "C0LABSEC1"


async def test_no_word_becomes_a_link_by_itself(slack: Slack, client: Client) -> None:
    await client.whisper("C0LABREL1", "U0LABANN1", "only you")
    assert [(one.user, one.text) for one in slack.space.whispers] == [("U0LABANN1", "only you")]


async def test_a_group_is_who_is_in_it_now(slack: Slack, client: Client) -> None:
    assert await client.members("S0LABOPS1") == {"U0LABANN1", "U0LABBOB1"}
    slack.space.groups["S0LABOPS1"].members.discard("U0LABBOB1")
    assert await client.members("S0LABOPS1") == {"U0LABANN1"}
    slack.space.groups["S0LABOPS1"].handle = "renamed"
    assert await client.members("S0LABOPS1") == {"U0LABANN1"}


async def test_a_group_that_is_none_says_so(client: Client) -> None:
    with pytest.raises(RefusedError, match="slack user group S0NONE: is no user group"):
        await client.members("S0NONE")


async def test_people_are_known_by_their_address_and_told_from_guests_and_robots(
    slack: Slack, client: Client
) -> None:
    assert await client.named("ANN@example.com") == "U0LABANN1"
    assert await client.named("nobody@example.com") == ""
    people = slack.space.people
    people["U0GUEST01"] = Person("U0GUEST01", "guest", guest=True)
    people["U0OTHER01"] = Person("U0OTHER01", "other", team="T0OTHER")
    people["U0GONE001"] = Person("U0GONE001", "gone", deleted=True)
    assert await client.member("U0LABANN1") == Member("U0LABANN1")
    assert await client.member("U0GUEST01") == Member("U0GUEST01", outside=True)
    assert await client.member("U0OTHER01") == Member("U0OTHER01", outside=True)
    assert await client.member(BOT_USER) == Member(BOT_USER, robot=True)
    assert await client.member("U0GONE001") is None
    assert await client.member("U0NOBODY1") is None
