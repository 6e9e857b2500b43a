"""What is delivered becomes nouns; whatever else it holds is nothing, and nothing dies."""

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.edges.slack import payload
from rollout.lab.slack import delivery
from rollout.lab.slack.workspace import BOT_USER, TEAM, Message, View, Workspace, sample
from rollout.messages import slack
from rollout.model.chat import Click, Command, Press, Refusal, Sender, Ticket

TICKET = Ticket("Rollout", "shop", "reviews", "uid-1", "c0ffee", 3, 1, 1767225600)
ANN = Sender("U0LABANN1", TEAM, "C0LABREL1")


def space() -> Workspace:
    """The lab's workspace with one message that has our buttons."""
    made = sample()
    tickets = tuple((press, TICKET) for press in Press)
    card = slack.Card("k", "shop/reviews", "Progressing", 20, "asked", tickets=tickets)
    blocks = list(slack.words(card).blocks)
    made.channels["C0LABREL1"].messages.append(Message("1767225000.000100", BOT_USER, "", blocks))
    return made


def pressed(action: str = "approve") -> dict[str, Any]:
    return delivery.press(space(), "U0LABANN1", "C0LABREL1", "1767225000.000100", action)


@pytest.mark.parametrize("press", [*Press])
def test_a_press_is_a_click_with_its_ticket(press: Press) -> None:
    told = pressed(press.value)
    click = payload.of_interaction(told)
    stamp = told["actions"][0]["action_ts"]
    at = datetime.fromtimestamp(float(stamp), UTC)
    once = f"U0LABANN1 {stamp} {press.value}"
    assert click == Click(ANN, press, TICKET, at, once, told["trigger_id"])


def test_a_press_comes_the_same_by_http() -> None:
    told = pressed()
    body = delivery.form("interactive", told)
    assert payload.of_form(body) == payload.of_interaction(told)


def test_an_unknown_action_is_a_click_that_asks_for_nothing() -> None:
    told = pressed()
    told["actions"][0] |= {"action_id": "launch", "value": "[1]"}
    click = payload.of_interaction(told)
    assert isinstance(click, Click)
    assert (click.press, click.ticket) == (None, None)


def test_a_submitted_reason_is_one_line_of_what_can_be_shown() -> None:
    made = space()
    view = slack.reason_view(TICKET, "C0LABREL1", "shop/reviews")
    made.views["V1"] = View("V1", "U0LABANN1", view)
    told = delivery.submit(made, "V1", {"reason": "too\nslow\u202e \x00" + "x" * 300})
    refusal = payload.of_interaction(told)
    assert refusal == Refusal(ANN, TICKET, ("too slow " + "x" * 300)[:120], once="U0LABANN1 V1")


def test_a_modal_of_somebody_else_is_nothing() -> None:
    made = space()
    view = {**slack.reason_view(TICKET, "C0LABREL1", "x"), "callback_id": "survey"}
    made.views["V1"] = View("V1", "U0LABANN1", view)
    assert payload.of_interaction(delivery.submit(made, "V1", {})) is None


def test_a_slash_command_is_its_text() -> None:
    fields = delivery.command(space(), "U0LABANN1", "C0LABREL1", "status  shop/reviews")
    assert payload.of_form(delivery.form("slash_commands", fields)) == Command(
        ANN, "status shop/reviews"
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"payload=",
        b"payload=[]",
        b"payload={}",
        b"payload=" + b"[" * 100_000,
        b"payload=" + b"9" * 10_000,
        b"&".join([b"a=1"] * 1000),
        urlencode({"payload": json.dumps({"type": "block_actions", "actions": [None]})}).encode(),
        urlencode({"payload": json.dumps({"type": "view_submission", "view": 1})}).encode(),
    ],
)
def test_what_is_none_of_ours_is_nothing(body: bytes) -> None:
    assert payload.of_form(body) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
FIELDS = ("actions", "user", "channel", "view", "team", "trigger_id", "type")


@given(st.dictionaries(st.sampled_from(FIELDS), JSON), st.sampled_from(["approve", "reject"]))
def test_a_payload_that_is_spoilt_anywhere_kills_nothing(
    spoilt: dict[str, Any], press: str
) -> None:
    """P-SLK."""
    heard = payload.of_interaction({**pressed(press), **spoilt})
    assert heard is None or isinstance(heard, Click | Refusal)


@given(JSON)
def test_a_value_that_is_spoilt_is_no_ticket(value: object) -> None:
    found = slack.ticket(json.dumps(value))
    assert found is None or slack.ticket(json.dumps(value)) == found
