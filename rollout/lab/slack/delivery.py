"""What a press, a submitted modal or a slash command becomes on the wire, and how it is sent.

Sources: docs.slack.dev, "Interaction payloads" (block_actions, view_submission), "Slash commands",
"Using Socket Mode" (envelopes, acknowledgements), "Verifying requests from Slack".
"""

import hashlib
import hmac
import json
import secrets
import time
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from rollout.lab.slack import api
from rollout.lab.slack.workspace import APP, TEAM, Message, RefusedError, Workspace


def press(space: Workspace, user: str, channel: str, ts: str, action: str) -> dict[str, Any]:
    """The payload of ``user`` pressing the button ``action`` of a message.

    Errors: ``message_not_found``, or ``no_such_button`` (which is the lab's own word).
    """
    place = space.channel(channel)
    message = place.message(ts)
    block, button = _button(message, action)
    told = {
        "action_id": action,
        "block_id": block.get("block_id", "b1"),
        "text": button["text"],
        "value": button.get("value", ""),
        "type": "button",
        "action_ts": space.ts(),
    }
    return {
        "type": "block_actions",
        **_sender(space, user),
        "container": {
            "type": "message",
            "message_ts": ts,
            "channel_id": place.id,
            "is_ephemeral": False,
        },
        "channel": {"id": place.id, "name": place.name},
        "message": message.json(metadata=False),
        "state": {"values": {}},
        "response_url": "https://hooks.slack.com/actions/lab",
        "actions": [told],
    }


def submit(space: Workspace, view: str, values: Mapping[str, str]) -> dict[str, Any]:
    """The payload of submitting an open modal; ``values``: action id to text.

    Errors: ``view_not_found``.
    """
    opened = space.views.pop(view, None)
    if opened is None:
        raise RefusedError("view_not_found")
    state = {
        block["block_id"]: {
            block["element"]["action_id"]: {
                "type": "plain_text_input",
                "value": values.get(block["element"]["action_id"]),
            }
        }
        for block in opened.view["blocks"]
        if block["type"] == "input"
    }
    told = api.shown(opened, state)
    return {"type": "view_submission", **_sender(space, opened.user), "view": told}


def command(space: Workspace, user: str, channel: str, text: str) -> dict[str, str]:
    """The form of ``/rollout text``."""
    person, place = space.person(user), space.channel(channel)
    return {
        "token": "lab",
        "team_id": person.team,
        "team_domain": "lab",
        "channel_id": place.id,
        "channel_name": place.name,
        "user_id": person.id,
        "user_name": person.name,
        "command": "/rollout",
        "text": text,
        "api_app_id": APP,
        "is_enterprise_install": "false",
        "response_url": "https://hooks.slack.com/commands/lab",
        "trigger_id": _trigger(space, user),
    }


def _sender(space: Workspace, user: str) -> dict[str, Any]:
    person = space.person(user)
    return {
        "user": {
            "id": person.id,
            "username": person.name,
            "name": person.name,
            "team_id": person.team,
        },
        "api_app_id": APP,
        "token": "lab",
        "trigger_id": _trigger(space, user),
        "team": {"id": TEAM, "domain": "lab"},
        "enterprise": None,
        "is_enterprise_install": False,
    }


def _trigger(space: Workspace, user: str) -> str:
    """Good for one modal."""
    made = f"{space.number()}.{secrets.token_hex(8)}"
    space.triggers[made] = user
    return made


def _button(message: Message, action: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    for block in message.blocks:
        for element in block.get("elements", ()):
            if element.get("type") == "button" and element.get("action_id") == action:
                return block, element
    raise RefusedError("no_such_button")


def envelope(kind: str, payload: Mapping[str, Any]) -> dict[str, Any]:
    """``kind``: ``interactive`` or ``slash_commands``."""
    return {
        "envelope_id": str(uuid.uuid4()),
        "payload": payload,
        "type": kind,
        "accepts_response_payload": True,
    }


def form(kind: str, payload: Mapping[str, Any]) -> bytes:
    """The same as an HTTP body: a slash command's fields, or one field of JSON."""
    plain = payload if kind == "slash_commands" else {"payload": json.dumps(payload)}
    return urlencode(plain).encode()


def signed(body: bytes, secret: str, at: float | None = None) -> dict[str, str]:
    """The headers that Slack sends with ``body``; ``at``: its clock, seconds since 1970."""
    stamp = str(int(time.time() if at is None else at))
    base = b"v0:" + stamp.encode() + b":" + body
    digest = hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
    return {
        "Content-Type": "application/x-www-form-urlencoded",
        "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": f"v0={digest}",
    }
