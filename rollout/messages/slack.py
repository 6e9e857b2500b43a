"""Words for Slack as Block Kit; nothing is sent from here.

Every text of a manifest, a person or a metric is hostile: it is shown as it is, on one line, and
can neither mention anybody nor become a link.
Sources: docs.slack.dev, "Formatting message text" (``&``, ``<`` and ``>`` are escaped, ``verbatim``
turns automatic parsing off), "Reference: blocks" (3000 characters a section, 150 a header, 50
blocks a message, 2000 a button's value), "Modals".
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rollout.errors import visible
from rollout.messages import links, requests
from rollout.messages.terminal import bar
from rollout.model.chat import PROOF, Press, Ticket, Words

Block = Mapping[str, Any]

REASON_VIEW, REASON = "rollout_reason", "reason"
SECTION, HEADER, LINE = 2900, 140, 250
VERDICTS, FINDINGS = 8, 5
ENTRY = re.compile(r"[UWS][A-Z0-9]{2,20}")
"""The id of a user (``U``, ``W``) or of a user group (``S``), as Slack makes them."""


@dataclass(frozen=True, slots=True)
class Card:
    """One journey as a message shows it.

    ``state``: the phase in words, and where; ``percent``: the canary's; None: no bar is shown.
    ``side``: whose users those are. ``verdicts``, ``facts``: one line each.
    ``tickets``: what each button is for, in order.
    """

    key: str
    title: str
    state: str
    percent: int | None
    because: str
    side: str = "canary"
    verdicts: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    tickets: tuple[tuple[Press, Ticket], ...] = ()


def words(card: Card) -> Words:
    """The message of ``card``."""
    first = f"*{safe(card.state)}*"
    if card.percent is not None:
        first += f"\n`{bar(card.percent)}` {card.percent}% {safe(card.side)}"
    blocks = [_header(card.title), _section([first, safe(card.because)])]
    if card.verdicts:
        blocks.append(_section(f"• {safe(one)}" for one in card.verdicts[:VERDICTS]))
    if card.facts:
        blocks.append({"type": "context", "elements": [_mrkdwn(" · ".join(card.facts))]})
    if card.tickets:
        buttons = [_button(press, made) for press, made in card.tickets]
        blocks.append({"type": "actions", "block_id": "answers", "elements": buttons})
    text = f"{safe(card.title)}: {safe(card.state)}, {safe(card.because)}"
    return Words(card.key, text, tuple(blocks))


def reply(key: str, lines: Iterable[str]) -> Words:
    """A message in a thread; ``lines`` are safe already."""
    block = _section(lines)
    return Words(key, str(block["text"]["text"]), (block,))


def safe(text: str, most: int = LINE) -> str:
    """``text`` as one line that shows what it is: no mention, no link, no mark of Slack's own."""
    line = " ".join(visible(text[: most * 4]).split())
    line = line if len(line) <= most else f"{line[: most - 1]}…"
    escaped = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return escaped.replace("`", "'")


def person(who: str) -> str:
    """Whoever gave an answer, mentioned if Slack vouched for them."""
    user = who.removeprefix(PROOF)
    if user != who and ENTRY.fullmatch(user):
        return f"<@{user}>"
    return safe(who) or "somebody, by Kubernetes"


def commit(repository: str, sha: str) -> str:
    """The commit, as a link to its page where a forge has one."""
    shown, page = safe(sha[:10]), links.commit(repository, sha)
    return f"<{page}|{shown}>" if page else f"`{shown}`"


def mention(entry: str) -> str:
    """An entry of a list of approvers: a person, a user group, or whoever may annotate."""
    if not ENTRY.fullmatch(entry):
        return f"whoever may annotate ({safe(entry)})"
    return f"<!subteam^{entry}>" if entry[0] == "S" else f"<@{entry}>"


def reason_view(made: Ticket, channel: str, title: str) -> Mapping[str, Any]:
    """The modal that asks why; it carries what it is for, and where its answer is told."""
    field = {
        "type": "plain_text_input",
        "action_id": REASON,
        "max_length": 120,
        "placeholder": {"type": "plain_text", "text": "one line; everybody reads it"},
    }
    return {
        "type": "modal",
        "callback_id": REASON_VIEW,
        "private_metadata": json.dumps([channel, _plain(made)], separators=(",", ":")),
        "title": {"type": "plain_text", "text": "Reject"},
        "submit": {"type": "plain_text", "text": "Reject"},
        "close": {"type": "plain_text", "text": "Cancel"},
        "blocks": [
            _section([f"{safe(title)}: {requests.back(made.kind)}."]),
            {
                "type": "input",
                "block_id": REASON,
                "label": {"type": "plain_text", "text": "Why?"},
                "element": field,
            },
        ],
    }


def of_view(metadata: str) -> tuple[str, Ticket | None]:
    """The channel and the ticket of ``reason_view``."""
    try:
        channel, plain = json.loads(metadata)
    except (ValueError, TypeError, RecursionError):
        return "", None
    return (channel, _ticket(plain)) if isinstance(channel, str) else ("", None)


def ticket(value: str) -> Ticket | None:
    """What a button's value says it is for; None where it is not one of ours."""
    try:
        return _ticket(json.loads(value))
    except (ValueError, RecursionError):
        return None


def _ticket(plain: object) -> Ticket | None:
    kinds = (str, str, str, str, str, int, int, int)
    if not isinstance(plain, list) or [type(one) for one in plain] != list(kinds):
        return None
    return Ticket(*plain)


def _plain(made: Ticket) -> list[str | int]:
    return [
        *(made.kind, made.namespace, made.name, made.uid, made.commit),
        *(made.attempt, made.step, made.expires),
    ]


def _button(press: Press, made: Ticket) -> Block:
    label, style = _LABELS[press]
    button: dict[str, Any] = {
        "type": "button",
        "action_id": press.value,
        "text": {"type": "plain_text", "text": label},
        "value": json.dumps(_plain(made), separators=(",", ":")),
    }
    if style:
        button["style"] = style
    if press is Press.ABORT:
        button["confirm"] = {
            "title": {"type": "plain_text", "text": "Abort?"},
            "text": {
                "type": "plain_text",
                "text": f"{requests.back(made.kind).capitalize()} at once.",
            },
            "confirm": {"type": "plain_text", "text": "Abort"},
            "deny": {"type": "plain_text", "text": "Cancel"},
        }
    return button


_LABELS = {
    Press.APPROVE: ("Approve", "primary"),
    Press.REJECT: ("Reject…", "danger"),
    Press.PAUSE: ("Pause", ""),
    Press.ABORT: ("Abort", ""),
}


def _header(title: str) -> Block:
    text = {"type": "plain_text", "text": visible(title)[:HEADER], "emoji": False}
    return {"type": "header", "text": text}


def _section(lines: Iterable[str]) -> Block:
    return {"type": "section", "text": _mrkdwn(within([one for one in lines if one]))}


def within(lines: Sequence[str]) -> str:
    """As many whole lines as a section takes, since half an escape is none."""
    taken: list[str] = []
    for line in lines:
        if sum(map(len, taken)) + len(taken) + len(line) > SECTION:
            break
        taken.append(line)
    return "\n".join(taken) or "…"


def _mrkdwn(text: str) -> Mapping[str, Any]:
    return {"type": "mrkdwn", "text": text, "verbatim": True}
