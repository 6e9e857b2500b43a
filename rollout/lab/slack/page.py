"""The workspace as a page of HTML: what stands in its channels, and buttons that can be pressed."""

import json
import re
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from rollout.lab.slack.workspace import BOT_USER, Channel, Message, View, Workspace

_STYLE = """
body{font:15px/1.45 sans-serif;max-width:46em;margin:1.5em auto;padding:0 1em;color:#1d1c1d}
.m{border:1px solid #ddd;border-radius:8px;padding:.6em 1em;margin:1em 0}
.r{margin-left:2em;border-left:3px solid #ddd;padding-left:.8em;color:#555}
.c{color:#616061;font-size:13px}form{display:inline}
h1{font-size:19px}h2{font-size:16px;margin:.2em 0}
button{margin:.2em .4em .2em 0;padding:.35em .9em;border:1px solid #bbb;
 border-radius:4px;background:#fff}
.primary{background:#007a5a;color:#fff}.danger{background:#e01e5a;color:#fff}
.w{background:#fff8e1}
"""


def page(space: Workspace) -> str:
    """The whole page; it renews itself every two seconds while no modal is open."""
    refresh = "" if space.views else '<meta http-equiv="refresh" content="2">'
    parts = [f"<!doctype html><meta charset=utf-8><title>Slack of the lab</title>{refresh}"]
    parts.append(f"<style>{_STYLE}</style>")
    for channel in space.channels.values():
        parts.append(f"<h1># {escape(channel.name)}</h1>")
        parts += list(_channel(space, channel))
    parts += [_view(view) for view in space.views.values()]
    parts += [
        f'<div class="m w">only {escape(_name(space, one.user))} sees: {_mrkdwn(space, one.text)}'
        "</div>"
        for one in space.whispers[-5:]
    ]
    return "".join(parts)


def _channel(space: Workspace, channel: Channel) -> Iterator[str]:
    tops = list(channel.tops())
    if not tops:
        yield '<p class="c">nothing yet</p>'
    for message in tops[:20]:
        yield '<div class="m">' + "".join(_message(space, channel, message))
        for reply in channel.messages:
            if reply.thread == message.ts:
                yield f'<div class="r">{_mrkdwn(space, reply.text)}</div>'
        yield "</div>"


def _message(space: Workspace, channel: Channel, message: Message) -> Iterator[str]:
    if not message.blocks:
        yield _mrkdwn(space, message.text)
    for block in message.blocks:
        match block["type"]:
            case "header":
                yield f"<h2>{escape(block['text']['text'])}</h2>"
            case "section":
                for one in (
                    *([block["text"]] if "text" in block else []),
                    *block.get("fields", ()),
                ):
                    yield f"<p>{_text(space, one)}</p>"
            case "context":
                said = " · ".join(_text(space, one) for one in block["elements"])
                yield f'<p class="c">{said}</p>'
            case "actions":
                yield from _buttons(space, channel, message, block)
            case "divider":
                yield "<hr>"


def _buttons(
    space: Workspace, channel: Channel, message: Message, block: Mapping[str, Any]
) -> Iterator[str]:
    people = [one for one in space.people.values() if one.id != BOT_USER]
    options = "".join(f'<option value="{p.id}">{escape(p.name)}</option>' for p in people)
    yield '<form method="post" action="/lab/press">'
    yield f'<input type="hidden" name="channel" value="{channel.id}">'
    yield f'<input type="hidden" name="ts" value="{message.ts}">as <select name="user">{options}'
    yield "</select> "
    for button in block["elements"]:
        action, words = escape(button["action_id"]), escape(button["text"]["text"])
        style = escape(button.get("style", ""))
        yield f'<button class="{style}" name="action" value="{action}">{words}</button>'
    yield "</form>"


def _view(opened: View) -> str:
    fields = "".join(
        f"<p>{escape(block['label']['text'])}<br>"
        f'<input name="{escape(block["element"]["action_id"])}" size="60"></p>'
        for block in opened.view["blocks"]
        if block["type"] == "input"
    )
    title = escape(opened.view["title"]["text"])
    return (
        f'<div class="m"><h2>{title}</h2><form method="post" action="/lab/submit">'
        f'<input type="hidden" name="view" value="{opened.id}">{fields}<button>Submit</button>'
        "</form></div>"
    )


def _text(space: Workspace, obj: Mapping[str, Any]) -> str:
    said = str(obj["text"])
    return _mrkdwn(space, said) if obj["type"] == "mrkdwn" else escape(said)


def _mrkdwn(space: Workspace, text: str) -> str:
    """Slack's own marks, as far as a page needs them; everything else stays text.

    Source: docs.slack.dev, "Formatting message text".
    """
    shown = "".join(_piece(space, piece) for piece in re.split(r"(<[^<>]*>)", text))
    shown = re.sub(r"`([^`\n]+)`", r"<code>\1</code>", shown)
    shown = re.sub(r"(?<!\w)\*([^*\n]+)\*(?!\w)", r"<b>\1</b>", shown)
    return shown.replace("\n", "<br>")


def _piece(space: Workspace, piece: str) -> str:
    if not piece.startswith("<"):
        return escape(piece.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
    inside = piece[1:-1]
    if inside.startswith("@"):
        return f"<b>@{escape(_name(space, inside[1:].partition('|')[0]))}</b>"
    if inside.startswith("!"):
        return f"<mark>{escape(inside)}</mark>"
    url, _, label = inside.partition("|")
    if url.startswith(("https://", "http://")):
        return f'<a rel="noreferrer" href="{escape(url)}">{escape(label or url)}</a>'
    return escape(label or inside)


def _name(space: Workspace, user: str) -> str:
    return space.people[user].name if user in space.people else user


def terminal(space: Workspace) -> str:
    """The same for a program: the newest message of each channel as JSON, with its buttons."""
    told = {
        channel.name: [message.json(metadata=True) for message in channel.messages]
        for channel in space.channels.values()
    }
    whispers = [{"user": w.user, "text": w.text} for w in space.whispers]
    views = [{"id": v.id, "user": v.user, "view": dict(v.view)} for v in space.views.values()]
    return json.dumps({"channels": told, "whispers": whispers, "views": views})
