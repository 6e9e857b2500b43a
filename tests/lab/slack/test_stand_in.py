"""The stand-in behaves as Slack's own pages say, seen by slack-sdk and by plain HTTP."""

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from rollout.lab.slack import delivery, page
from rollout.lab.slack.server import Slack
from rollout.lab.slack.workspace import BOT_USER, Message

SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "hi"}}


def sdk(slack: Slack) -> AsyncWebClient:
    return AsyncWebClient(slack.tokens.bot, base_url=slack.api_url)


@pytest.mark.parametrize(
    "blocks",
    [
        [SECTION] * 51,
        [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}],
        [{"type": "section", "text": {"type": "mrkdwn", "text": ""}}],
        [{"type": "section", "text": {"type": "plain_text", "text": "x", "verbatim": True}}],
        [{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}],
        [{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}],
        [{"type": "video"}],
        [{"type": "actions", "elements": []}],
        [{**SECTION, "block_id": "a"}, {**SECTION, "block_id": "a"}],
    ],
)
async def test_blocks_beyond_the_limits_are_refused(blocks: list[dict[str, object]]) -> None:
    async with Slack() as slack:
        with pytest.raises(SlackApiError) as caught:
            await sdk(slack).chat_postMessage(channel="#releases", text="t", blocks=blocks)
        assert caught.value.response["error"] == "invalid_blocks"


@pytest.mark.parametrize(
    ("method", "arguments", "error"),
    [
        ("chat.postMessage", {"channel": "#nowhere", "text": "x"}, "channel_not_found"),
        ("chat.postMessage", {"channel": "#releases"}, "no_text"),
        ("chat.update", {"channel": "#releases", "ts": "1.1", "text": "x"}, "channel_not_found"),
        ("chat.update", {"channel": "C0LABREL1", "ts": "1.1", "text": "x"}, "message_not_found"),
        ("views.open", {"trigger_id": "old", "view": {"type": "modal"}}, "expired_trigger_id"),
        ("no.such", {}, "unknown_method"),
    ],
)
async def test_errors_are_the_ones_of_the_methods_pages(
    method: str, arguments: dict[str, object], error: str
) -> None:
    async with Slack() as slack:
        with pytest.raises(SlackApiError) as caught:
            await sdk(slack).api_call(method, json=arguments)
        assert caught.value.response["error"] == error


async def test_a_method_needs_its_scope_and_a_token() -> None:
    async with Slack() as slack:
        slack.space.scopes.discard("usergroups:read")
        with pytest.raises(SlackApiError, match="missing_scope"):
            await sdk(slack).usergroups_users_list(usergroup="S0LABOPS1")
        with pytest.raises(SlackApiError, match="invalid_auth"):
            await AsyncWebClient("xoxb-other", base_url=slack.api_url).auth_test()


async def test_what_it_signs_slack_sdk_takes_for_slacks() -> None:
    body = b"payload=%7B%7D"
    headers = delivery.signed(body, "secret")
    assert SignatureVerifier("secret").is_valid_request(body, headers)


async def test_it_keeps_its_messages_and_its_port_over_an_outage() -> None:
    async with Slack() as slack:
        await sdk(slack).chat_postMessage(channel="#releases", text="before")
        port = slack.port
        await slack.stop()
        await slack.start()
        told = await sdk(slack).conversations_history(channel="C0LABREL1")
        assert (slack.port, told["messages"][0]["text"]) == (port, "before")


async def test_a_socket_opens_once_for_a_ticket_and_greets() -> None:
    async with Slack() as slack, aiohttp.ClientSession() as http:
        opened = await AsyncWebClient(base_url=slack.api_url).apps_connections_open(
            app_token=slack.tokens.app
        )
        async with http.ws_connect(opened["url"]) as socket:
            assert (await socket.receive_json())["type"] == "hello"
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await http.ws_connect(opened["url"])


async def test_its_page_shows_messages_as_text_and_presses_buttons() -> None:
    async with Slack() as slack, aiohttp.ClientSession() as http:
        button = {
            "type": "button",
            "action_id": "approve",
            "text": {"type": "plain_text", "text": "Approve"},
            "value": "v",
        }
        hostile = {
            "type": "section",
            "text": {"type": "mrkdwn", "text": "&lt;script&gt; <@U0LABANN1>"},
        }
        message = Message(
            "1.000001", BOT_USER, "", [hostile, {"type": "actions", "elements": [button]}]
        )
        slack.space.channels["C0LABREL1"].messages.append(message)
        async with http.get(slack.url) as answer:
            text = await answer.text()
        assert "&lt;script&gt; <b>@ann</b>" in text
        assert '<button class="" name="action" value="approve">Approve</button>' in text
        form = {"user": "U0LABANN1", "channel": "C0LABREL1", "ts": "1.000001", "action": "none"}
        async with http.post(f"{slack.url}/lab/press", data=form) as answer:
            assert (answer.status, await answer.text()) == (400, "no_such_button")


async def test_it_fails_as_it_is_told_over_http() -> None:
    async with Slack() as slack, aiohttp.ClientSession() as http:
        fault = {"method": "auth.test", "error": "ratelimited", "retryAfter": "3"}
        async with http.post(f"{slack.url}/lab/faults", json=fault) as answer:
            assert await answer.json() == {"waiting": 1}
        async with http.post(f"{slack.url}/api/auth.test") as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (429, "3")
        async with http.post(f"{slack.url}/lab/faults", json={"bogus": 1}) as answer:
            assert answer.status == 400


def test_the_page_of_an_empty_workspace_says_so() -> None:
    assert "nothing yet" in page.page(Slack().space)
