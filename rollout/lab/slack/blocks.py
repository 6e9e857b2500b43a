"""What Slack takes as blocks, and what it refuses; its limits, read anew from its own pages.

Source: docs.slack.dev, "Reference: blocks" and "Block elements" (50 blocks a message, 100 a view;
a section's text 3000 characters, a header's 150; 10 elements of a context, 25 of actions; a
button's text 75, its value 2000; ids 255).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rollout.lab.slack.workspace import RefusedError

MOST, MOST_OF_VIEW = 50, 100


def check(blocks: object, most: int = MOST) -> list[Mapping[str, Any]]:
    """``blocks`` as they may be shown. Errors: ``invalid_blocks``, with what is wrong behind it."""
    if not isinstance(blocks, Sequence) or isinstance(blocks, str):
        raise _wrong("no list")
    if len(blocks) > most:
        raise _wrong(f"{len(blocks)} blocks")
    ids = [block.get("block_id") for block in blocks if isinstance(block, Mapping)]
    named = [one for one in ids if one is not None]
    if len(named) != len(set(named)) or any(len(str(one)) > 255 for one in named):
        raise _wrong("block_id")
    for block in blocks:
        kind = str(block.get("type")) if isinstance(block, Mapping) else ""
        if kind not in _KINDS:
            raise _wrong(f"type {kind!r}")
        _KINDS[kind](block)
    return list(blocks)


def _wrong(what: str) -> RefusedError:
    return RefusedError(f"invalid_blocks: {what}")


def text(value: object, most: int, kinds: tuple[str, ...] = ("plain_text", "mrkdwn")) -> None:
    """A text object of one of ``kinds``, with 1 to ``most`` characters."""
    if not isinstance(value, Mapping) or value.get("type") not in kinds:
        raise _wrong(f"text {value!r:.60}")
    said = value.get("text")
    if not isinstance(said, str) or not 1 <= len(said) <= most:
        raise _wrong(f"text of {len(said) if isinstance(said, str) else 0} characters")
    allowed = {"type", "text", "verbatim" if value["type"] == "mrkdwn" else "emoji"}
    if not set(value) <= allowed:
        raise _wrong(f"text with {sorted(set(value) - allowed)}")


def _section(block: Mapping[str, Any]) -> None:
    if "text" not in block and "fields" not in block:
        raise _wrong("section without text")
    if "text" in block:
        text(block["text"], 3000)
    fields = block.get("fields", ())
    if len(fields) > 10:
        raise _wrong("more than 10 fields")
    for one in fields:
        text(one, 2000)


def _header(block: Mapping[str, Any]) -> None:
    text(block.get("text"), 150, ("plain_text",))


def _context(block: Mapping[str, Any]) -> None:
    elements = block.get("elements", ())
    if not 1 <= len(elements) <= 10:
        raise _wrong(f"context of {len(elements)} elements")
    for one in elements:
        text(one, 3000)


def _actions(block: Mapping[str, Any]) -> None:
    elements = block.get("elements", ())
    if not 1 <= len(elements) <= 25:
        raise _wrong(f"actions of {len(elements)} elements")
    ids = [one.get("action_id") for one in elements]
    if len(ids) != len(set(ids)):
        raise _wrong("action_id twice")
    for one in elements:
        _button(one)


def _button(button: Mapping[str, Any]) -> None:
    if button.get("type") != "button" or button.get("style", "primary") not in _STYLES:
        raise _wrong("no button")
    text(button.get("text"), 75, ("plain_text",))
    if len(str(button.get("value", ""))) > 2000 or len(str(button.get("action_id", ""))) > 255:
        raise _wrong("value")
    if "confirm" in button:
        confirm = button["confirm"]
        text(confirm.get("title"), 100, ("plain_text",))
        text(confirm.get("text"), 300)
        text(confirm.get("confirm"), 30, ("plain_text",))
        text(confirm.get("deny"), 30, ("plain_text",))


def _input(block: Mapping[str, Any]) -> None:
    text(block.get("label"), 2000, ("plain_text",))
    element = block.get("element", {})
    if element.get("type") != "plain_text_input" or not 0 < element.get("max_length", 3000) <= 3000:
        raise _wrong("no plain_text_input")


def _divider(block: Mapping[str, Any]) -> None:
    if not set(block) <= {"type", "block_id"}:
        raise _wrong("divider")


_STYLES = ("primary", "danger")
_KINDS: Mapping[str, Callable[[Mapping[str, Any]], None]] = {
    "section": _section,
    "header": _header,
    "context": _context,
    "actions": _actions,
    "input": _input,
    "divider": _divider,
}
