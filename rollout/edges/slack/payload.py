"""What Slack delivers, to nouns; a payload that is none of ours is None, whatever it holds.

Sources: docs.slack.dev, "Interaction payloads" (block_actions, view_submission) and "Slash
commands". The bytes have been proved to be Slack's before they come here; what people typed into
them has not.
"""

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from rollout.errors import visible
from rollout.messages import slack
from rollout.model.chat import Click, Command, Heard, Press, Refusal, Sender

LONGEST = 120  # characters of a reason
FIELDS = 64  # of a form; a slash command has fourteen


def of_form(body: bytes) -> Heard | None:
    """An HTTP body: the field ``payload`` with JSON, or a slash command's fields."""
    try:
        fields = parse_qs(body.decode("utf-8"), max_num_fields=FIELDS, errors="strict")
        plain = {name: values[0] for name, values in fields.items()}
        if "payload" in plain:
            return of_interaction(json.loads(plain["payload"]))
    except (ValueError, RecursionError):
        return None
    return of_command(plain)


def of_command(plain: object) -> Command | None:
    """A slash command's fields."""
    fields = _mapping(plain)
    sender = Sender(_text(fields, "user_id"), _text(fields, "team_id"), _text(fields, "channel_id"))
    if not sender.user or not _text(fields, "command"):
        return None
    return Command(sender, _line(_text(fields, "text")))


def of_interaction(plain: object) -> Heard | None:
    """A payload of type ``block_actions`` or ``view_submission``."""
    payload = _mapping(plain)
    match payload.get("type"):
        case "block_actions":
            return _click(payload)
        case "view_submission":
            return _refusal(payload)
        case _:
            return None


def _click(payload: Mapping[str, Any]) -> Click | None:
    actions = payload.get("actions")
    action = _mapping(actions[0] if isinstance(actions, list) and len(actions) == 1 else None)
    sender = _sender(payload, _text(_mapping(payload.get("channel")), "id"))
    at = _time(_text(action, "action_ts"))
    if not sender.user or not sender.channel or at is None:
        return None
    name = _text(action, "action_id")
    press = Press(name) if name in {*Press} else None
    ticket = slack.ticket(_text(action, "value"))
    once = f"{sender.user} {_text(action, 'action_ts')} {name}"
    return Click(sender, press, ticket, at, once, _text(payload, "trigger_id"))


def _refusal(payload: Mapping[str, Any]) -> Refusal | None:
    view = _mapping(payload.get("view"))
    if view.get("callback_id") != slack.REASON_VIEW:
        return None
    channel, ticket = slack.of_view(_text(view, "private_metadata"))
    values = _mapping(_mapping(view.get("state")).get("values"))
    field = _mapping(_mapping(values.get(slack.REASON)).get(slack.REASON))
    sender = _sender(payload, channel)
    once = f"{sender.user} {_text(view, 'id')}"
    return Refusal(sender, ticket, _line(_text(field, "value")), once) if sender.user else None


def _sender(payload: Mapping[str, Any], channel: str) -> Sender:
    user = _mapping(payload.get("user"))
    team = _text(user, "team_id") or _text(_mapping(payload.get("team")), "id")
    return Sender(_text(user, "id"), team, channel)


def _time(text: str) -> datetime | None:
    """``1700000000.123456`` as a time."""
    try:
        seconds = float(text)
        return datetime.fromtimestamp(seconds, UTC) if math.isfinite(seconds) else None
    except (ValueError, OverflowError, OSError):
        return None


def _line(text: str) -> str:
    """What a person typed, as one short line of characters that can be shown."""
    return " ".join(visible(text[: LONGEST * 8]).split())[:LONGEST]


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(values: Mapping[str, Any], key: str) -> str:
    value = values.get(key)
    return value if isinstance(value, str) else ""
