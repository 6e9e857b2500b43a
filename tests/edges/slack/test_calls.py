"""P-SLK: what Slack's errors mean to whom, over real HTTP."""

import asyncio
import logging
from datetime import UTC, datetime

import aiohttp
import pytest

from rollout.edges.slack import calls as calls_
from rollout.edges.slack.calls import LANDING, AbsentError, Calls, seconds
from rollout.edges.slack.client import Client
from rollout.errors import OutsideError, RefusedError, RolloutError
from rollout.lab.slack.faults import Fault
from rollout.lab.slack.server import Slack
from rollout.model.chat import Words

WORDS = Words("k", "hello")
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("7", 7), ("2.5", 2.5), ("0", 1), ("-3", 1), ("1e9", 600), ("inf", 30), ("nan", 30),
        ("Wed, 21 Oct 2026 07:28:00 GMT", 30), ("soon", 30), ("", 30), (None, 30),
    ],
)  # fmt: skip
def test_every_form_of_retry_after_is_a_wait_within_bounds(text: str | None, wait: float) -> None:
    assert seconds(text) == wait


async def test_a_429_is_obeyed_and_slack_is_not_asked_again_before(
    slack: Slack, client: Client
) -> None:
    slack.faults.waiting.append(Fault("chat.postMessage", "ratelimited", retry_after="5"))
    with pytest.raises(OutsideError, match="slack: asks to wait 5 s") as caught:
        await client.post("C0LABREL1", WORDS)
    assert caught.value.retry_after == 5
    with pytest.raises(OutsideError, match="slack: asked to wait 5 s more"):
        await client.post("C0LABREL1", WORDS)
    assert slack.calls == ["chat.postMessage"]


async def test_a_limit_of_one_method_delays_no_other(slack: Slack, client: Client) -> None:
    place = await client.post("C0LABREL1", WORDS)
    slack.faults.waiting.append(Fault("chat.postMessage", "ratelimited", retry_after="60"))
    with pytest.raises(OutsideError):
        await client.post("C0LABREL1", WORDS)
    assert await client.update(place, WORDS)


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (Fault(error="token_revoked"), RefusedError, "the token is refused (token_revoked)"),
        (Fault(error="account_inactive"), RefusedError, "the token is refused"),
        (Fault(error="is_archived"), RefusedError, "slack channel C0LABREL1: is archived"),
        (Fault(error="msg_too_long"), RefusedError, "C0LABREL1: slack says msg_too_long"),
        (Fault(error="invalid_blocks"), RefusedError, "C0LABREL1: slack says invalid_blocks"),
        (Fault(error="not_in_channel"), RefusedError, "/invite it there"),
        (Fault(error="channel_not_found"), AbsentError, "invite the app"),
        (Fault(error="missing_scope"), RefusedError, "docs/slack-app.yaml"),
        (Fault(error="brand_new_error"), RefusedError, "slack says brand_new_error"),
        (Fault(error="internal_error"), OutsideError, "slack: answers internal_error"),
        (Fault(status=503), OutsideError, "slack: answers 503"),
        (Fault(status=200), OutsideError, "slack: an answer that cannot be read"),
        (Fault(cut=True), OutsideError, "slack: no answer (ServerDisconnectedError)"),
    ],
    ids=lambda one: (one.error or str(one.status)) if isinstance(one, Fault) else "",
)
async def test_errors_are_sorted_by_who_can_put_them_right(
    slack: Slack, client: Client, fault: Fault, kind: type[RolloutError], words: str
) -> None:
    slack.faults.waiting.append(fault)
    with pytest.raises(kind) as caught:
        await client.post("C0LABREL1", WORDS)
    assert words in str(caught.value)


async def test_a_hanging_slack_is_left_after_a_while(
    slack: Slack, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls_, "PATIENCE", 0.3)
    slack.faults.waiting.append(Fault(delay=20, times=0))
    with pytest.raises(OutsideError, match=r"no answer in 0\.3 s") as caught:
        await client.post("C0LABREL1", WORDS)
    assert caught.value.retry_after == LANDING  # sooner, nobody could see whether it stands
    with pytest.raises(OutsideError) as caught:
        await client.find("C0LABREL1", LONG_AGO)
    assert caught.value.retry_after is None


async def test_a_dead_slack_is_no_answer(http: aiohttp.ClientSession) -> None:
    client = Client(Calls(http, lambda: "xoxb-planted-secret", "http://127.0.0.1:9/api/"))
    with pytest.raises(OutsideError, match="slack: no answer"):
        await client.post("C0LABREL1", WORDS)


async def test_a_token_may_be_changed_while_we_run_sec_26(
    slack: Slack, http: aiohttp.ClientSession
) -> None:
    tokens = ["xoxb-old"]
    client = Client(Calls(http, lambda: tokens[-1], slack.api_url))
    with pytest.raises(RefusedError, match="invalid_auth"):
        await client.post("C0LABREL1", WORDS)
    tokens.append(slack.tokens.bot)
    assert (await client.post("C0LABREL1", WORDS)).channel == "C0LABREL1"


@pytest.mark.parametrize("error", ["invalid_auth", "ratelimited", "internal_error", ""])
async def test_no_token_and_no_body_is_in_any_line_or_error_sec_14_sec_15(
    slack: Slack, http: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture, error: str
) -> None:
    caplog.set_level(logging.DEBUG)
    client = Client(Calls(http, lambda: "xoxb-planted-secret", slack.api_url))
    slack.faults.waiting.append(Fault(error=error, cut=not error))
    with pytest.raises(RolloutError) as caught:
        await client.post("C0LABREL1", Words("k", "planted-body"))
    told = f"{caught.value!r} {caught.value.__cause__!r} {caplog.text}"
    assert "planted" not in told


async def test_a_post_is_never_sent_twice_by_itself(slack: Slack, client: Client) -> None:
    """slack-sdk would try once more after a broken connection; the first may have been heard."""
    slack.faults.waiting.append(Fault("chat.postMessage", cut=True, done=True))
    with pytest.raises(OutsideError):
        await client.post("C0LABREL1", WORDS)
    await asyncio.sleep(0)
    assert slack.calls == ["chat.postMessage"]
    assert len(slack.space.channels["C0LABREL1"].messages) == 1
