"""The Web API: each method is one function from its arguments to what it answers.

Source: docs.slack.dev, "Web API methods"; each error here is one that the method's page lists.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from rollout.lab.slack import blocks
from rollout.lab.slack.workspace import (
    APP,
    BOT,
    BOT_USER,
    TEAM,
    Channel,
    Message,
    Person,
    RefusedError,
    View,
    Whisper,
    Workspace,
)

Args = Mapping[str, Any]
LONGEST_TEXT = 40_000
SCOPE_OF = {
    "chat.postMessage": "chat:write",
    "chat.update": "chat:write",
    "chat.postEphemeral": "chat:write",
    "conversations.list": "channels:read",
    "conversations.history": "channels:history",
    "conversations.replies": "channels:history",
    "usergroups.users.list": "usergroups:read",
    "users.info": "users:read",
    "users.lookupByEmail": "users:read.email",
}


def call(space: Workspace, method: str, args: Args) -> dict[str, Any]:
    """What Slack answers, without ``ok``. Errors: ``RefusedError`` with Slack's code."""
    if method not in _METHODS:
        raise RefusedError("unknown_method")
    if SCOPE_OF.get(method, "commands") not in space.scopes:
        raise RefusedError("missing_scope")
    return _METHODS[method](space, args)


def _auth(space: Workspace, args: Args) -> dict[str, Any]:
    del args
    return {
        "url": "https://lab.slack.com/",
        "team": "lab",
        "user": space.people[BOT_USER].name,
        "team_id": TEAM,
        "user_id": BOT_USER,
        "bot_id": space.bot,
        "is_enterprise_install": False,
    }


def _post(space: Workspace, args: Args) -> dict[str, Any]:
    channel = _writable(space, args)
    made = _written(args, Message(space.ts(), BOT_USER, "", bot=space.bot))
    if made.thread:
        channel.thread(made.thread)
    channel.messages.append(made)
    return {"channel": channel.id, "ts": made.ts, "message": made.json(metadata=True)}


def _update(space: Workspace, args: Args) -> dict[str, Any]:
    if not str(args.get("channel", "")).startswith(("C", "G", "D")):
        raise RefusedError("channel_not_found")  # chat.update takes ids only
    channel = _writable(space, args)
    message = channel.message(str(args.get("ts", "")))
    if message.user != BOT_USER:
        raise RefusedError("cant_update_message")
    fresh = _written(args, Message(message.ts, BOT_USER, "", thread=message.thread))
    message.text, message.blocks, message.edited = fresh.text, fresh.blocks, True
    message.metadata = fresh.metadata or message.metadata
    return {"channel": channel.id, "ts": message.ts, "text": message.text}


def _whisper(space: Workspace, args: Args) -> dict[str, Any]:
    channel = _writable(space, args)
    person = space.person(str(args.get("user", "")))
    made = _written(args, Message(space.ts(), BOT_USER, "", bot=space.bot))
    space.whispers.append(Whisper(channel.id, person.id, made.text))
    return {"message_ts": made.ts}


def _writable(space: Workspace, args: Args) -> Channel:
    channel = space.channel(str(args.get("channel", "")))
    if channel.archived:
        raise RefusedError("is_archived")
    if not channel.member:
        raise RefusedError("not_in_channel")
    return channel


def _written(args: Args, message: Message) -> Message:
    text = str(args.get("text") or "")
    shown = blocks.check(_parsed(args.get("blocks")) or [])
    metadata = _parsed(args.get("metadata"))
    if not text and not shown:
        raise RefusedError("no_text")
    if len(text) > LONGEST_TEXT:
        raise RefusedError("msg_too_long")
    if metadata is not None and not (
        isinstance(metadata, Mapping)
        and isinstance(metadata.get("event_type"), str)
        and isinstance(metadata.get("event_payload"), Mapping)
    ):
        raise RefusedError("invalid_metadata_format")
    message.text, message.blocks, message.metadata = text, shown, metadata
    message.thread = str(args.get("thread_ts") or message.thread)
    return message


def _parsed(value: Any) -> Any:
    """Arguments of a form come as JSON text, those of a JSON body as they are."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        raise RefusedError("invalid_arguments") from None


def _channels(space: Workspace, args: Args) -> dict[str, Any]:
    types = str(args.get("types") or "public_channel").split(",")
    hide = str(args.get("exclude_archived", "false")).lower() in ("true", "1")
    listed = [
        {"id": c.id, "name": c.name, "is_archived": c.archived, "is_member": c.member}
        for c in space.channels.values()
        if ("private_channel" if c.private else "public_channel") in types
        and not (hide and c.archived)
        and (c.member or not c.private)
    ]
    page, more = _page(listed, args, 100)
    return {"channels": page, "response_metadata": {"next_cursor": more}}


def _history(space: Workspace, args: Args) -> dict[str, Any]:
    channel = _readable(space, args)
    oldest = float(args.get("oldest") or 0)
    with_metadata = str(args.get("include_all_metadata", "")).lower() in ("true", "1")
    found = [one.json(metadata=with_metadata) for one in channel.tops() if float(one.ts) > oldest]
    page, more = _page(found, args, 100)
    told: dict[str, Any] = {"messages": page, "has_more": bool(more)}
    return told | ({"response_metadata": {"next_cursor": more}} if more else {})


def _replies(space: Workspace, args: Args) -> dict[str, Any]:
    channel = _readable(space, args)
    with_metadata = str(args.get("include_all_metadata", "")).lower() in ("true", "1")
    found = [one.json(metadata=with_metadata) for one in channel.thread(str(args.get("ts", "")))]
    page, more = _page(found, args, 1000)
    told: dict[str, Any] = {"messages": page, "has_more": bool(more)}
    return told | ({"response_metadata": {"next_cursor": more}} if more else {})


def _readable(space: Workspace, args: Args) -> Channel:
    name = str(args.get("channel", ""))
    if not name.startswith(("C", "G", "D")):
        raise RefusedError("channel_not_found")  # histories are told by id only
    channel = space.channel(name)
    if not channel.member:
        raise RefusedError("not_in_channel")
    return channel


def _page(found: list[Any], args: Args, usual: int) -> tuple[list[Any], str]:
    """One page, and the cursor of the next; source: docs.slack.dev, "Pagination"."""
    cursor = str(args.get("cursor") or "")
    try:
        begin = int(base64.b64decode(cursor).decode().removeprefix("next:")) if cursor else 0
    except ValueError:
        raise RefusedError("invalid_cursor") from None
    end = begin + min(int(args.get("limit") or usual), 999)
    more = base64.b64encode(f"next:{end}".encode()).decode() if end < len(found) else ""
    return found[begin:end], more


def _group(space: Workspace, args: Args) -> dict[str, Any]:
    group = space.groups.get(str(args.get("usergroup", "")))
    if group is None:
        raise RefusedError("no_such_subteam")
    if group.disabled and str(args.get("include_disabled", "")).lower() not in ("true", "1"):
        raise RefusedError("no_such_subteam")
    return {"users": sorted(group.members)}


def _by_email(space: Workspace, args: Args) -> dict[str, Any]:
    email = str(args.get("email", "")).lower()
    for person in space.people.values():
        if email and person.email.lower() == email and not person.deleted:
            return {"user": _person(person)}
    raise RefusedError("users_not_found")


def _info(space: Workspace, args: Args) -> dict[str, Any]:
    return {"user": _person(space.person(str(args.get("user", ""))))}


def _person(person: Person) -> dict[str, Any]:
    return {
        "id": person.id,
        "team_id": person.team,
        "name": person.name,
        "real_name": person.name,
        "deleted": person.deleted,
        "is_bot": person.bot,
        "is_restricted": person.guest,
        "is_ultra_restricted": False,
        "is_stranger": person.team != TEAM,
        "profile": {"email": person.email, "real_name": person.name},
    }


def _open(space: Workspace, args: Args) -> dict[str, Any]:
    user = space.triggers.pop(str(args.get("trigger_id", "")), "")
    if not user:
        raise RefusedError("expired_trigger_id")
    view = _parsed(args.get("view"))
    if not isinstance(view, Mapping) or view.get("type") != "modal":
        raise RefusedError("invalid_arguments")
    blocks.check(view.get("blocks"), blocks.MOST_OF_VIEW)
    blocks.text(view.get("title"), 24, ("plain_text",))
    blocks.text(view.get("submit"), 24, ("plain_text",))
    if len(str(view.get("private_metadata", ""))) > 3000:
        raise RefusedError("view_too_large")
    made = View(f"V0LAB{space.number():05d}", user, view)
    space.views[made.id] = made
    return {"view": shown(made)}


def shown(opened: View, values: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A view as Slack tells it, with what a person has filled in."""
    digest = hashlib.sha256(opened.id.encode()).hexdigest()[:8]
    return {
        **opened.view,
        "id": opened.id,
        "team_id": TEAM,
        "app_id": APP,
        "bot_id": BOT,
        "hash": f"0000000000.{digest}",
        "state": {"values": dict(values or {})},
    }


_METHODS: Mapping[str, Callable[[Workspace, Args], dict[str, Any]]] = {
    "auth.test": _auth,
    "chat.postMessage": _post,
    "chat.update": _update,
    "chat.postEphemeral": _whisper,
    "conversations.list": _channels,
    "conversations.history": _history,
    "conversations.replies": _replies,
    "usergroups.users.list": _group,
    "users.lookupByEmail": _by_email,
    "users.info": _info,
    "views.open": _open,
}
