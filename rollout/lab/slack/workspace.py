"""One workspace: its people, user groups, channels and messages; nobody is spoken to from here."""

import itertools
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

TEAM, APP, BOT, BOT_USER = "T0LAB0001", "A0LAB0001", "B0LAB0001", "U0LABBOT1"

Json = Mapping[str, Any]

SCOPES = (
    "channels:history",
    "channels:read",
    "chat:write",
    "commands",
    "groups:history",
    "groups:read",
    "usergroups:read",
    "users:read",
    "users:read.email",
)


class RefusedError(Exception):
    """Slack says ``ok: false``; the text is its error code, as the method's page lists it."""


@dataclass(frozen=True, slots=True)
class Person:
    """A member; ``email`` empty: none that the app could see. ``guest``: restricted in Slack."""

    id: str
    name: str
    email: str = ""
    team: str = TEAM
    bot: bool = False
    guest: bool = False
    deleted: bool = False


@dataclass(slots=True)
class Group:
    """A user group, ``S…``; a disabled one is still listed by Slack, and has no members."""

    id: str
    handle: str
    members: set[str] = field(default_factory=set)
    disabled: bool = False


@dataclass(slots=True)
class Message:
    """What stands in a channel; ``thread``: the ts of the message that it answers."""

    ts: str
    user: str
    text: str
    blocks: list[Json] = field(default_factory=list)
    metadata: Json | None = None
    thread: str = ""
    edited: bool = False
    bot: str = BOT

    def json(self, *, metadata: bool) -> dict[str, Any]:
        """As conversations.history tells it; ``metadata``: whether it was asked for."""
        told: dict[str, Any] = {
            "type": "message",
            "user": self.user,
            "ts": self.ts,
            "text": self.text,
            "blocks": self.blocks,
            "team": TEAM,
        }
        if self.user == BOT_USER:
            profile = {"id": self.bot, "app_id": APP}
            told |= {"bot_id": self.bot, "app_id": APP, "bot_profile": profile}
        if self.thread:
            told["thread_ts"] = self.thread
        if self.edited:
            told["edited"] = {"user": self.user, "ts": self.ts}
        if metadata and self.metadata is not None:
            told["metadata"] = dict(self.metadata)
        return told


@dataclass(slots=True)
class Channel:
    """``members`` tells whether our app is in it."""

    id: str
    name: str
    archived: bool = False
    private: bool = False
    member: bool = True
    messages: list[Message] = field(default_factory=list)

    def message(self, ts: str) -> Message:
        """Errors: ``message_not_found``."""
        for one in self.messages:
            if one.ts == ts:
                return one
        raise RefusedError("message_not_found")

    def tops(self) -> Iterator[Message]:
        """What stands in the channel itself, newest first, as Slack's history has it."""
        return (one for one in reversed(self.messages) if not one.thread)

    def thread(self, ts: str) -> list[Message]:
        """The message and its replies, oldest first. Errors: ``thread_not_found``."""
        found = [one for one in self.messages if ts in (one.ts, one.thread)]
        if not found or found[0].ts != ts:
            raise RefusedError("thread_not_found")
        return found


@dataclass(frozen=True, slots=True)
class Whisper:
    """A message that one person alone sees."""

    channel: str
    user: str
    text: str


@dataclass(slots=True)
class View:
    """A modal that is open for ``user``, until it is submitted."""

    id: str
    user: str
    view: Json


@dataclass(slots=True)
class Workspace:
    """Everything there is. ``triggers``: of clicks whose modal may still be opened, to their user.

    ``scopes``: what the bot token may; a method that needs another is refused as Slack does.
    ``bot``: the app's, another one where it was installed anew.
    """

    people: dict[str, Person] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    whispers: list[Whisper] = field(default_factory=list)
    views: dict[str, View] = field(default_factory=dict)
    triggers: dict[str, str] = field(default_factory=dict)
    scopes: set[str] = field(default_factory=lambda: set(SCOPES))
    bot: str = BOT
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _newest: float = 0.0

    def ts(self) -> str:
        """A message's id: the time, and never the same twice."""
        self._newest = max(time.time(), self._newest + 0.000001)
        return f"{self._newest:.6f}"

    def number(self) -> int:
        return next(self._numbers)

    def channel(self, name: str) -> Channel:
        """By id, or by ``#name`` or ``name``, as chat.postMessage takes it.

        Errors: ``channel_not_found``; also for a private one that our app is not in.
        """
        plain = name.removeprefix("#")
        for one in self.channels.values():
            if name == one.id or plain == one.name:
                if one.private and not one.member:
                    break
                return one
        raise RefusedError("channel_not_found")

    def person(self, user: str) -> Person:
        """Errors: ``user_not_found``."""
        if user not in self.people:
            raise RefusedError("user_not_found")
        return self.people[user]


def sample() -> Workspace:
    """The lab's own: a few people, a group of them, and a channel for releases."""
    made = Workspace()
    for person in (
        Person("U0LABANN1", "ann", "ann@example.com"),
        Person("U0LABBOB1", "bob", "bob@example.com"),
        Person("U0LABEVE1", "eve", "eve@example.com"),
        Person(BOT_USER, "rollout", bot=True),
    ):
        made.people[person.id] = person
    made.groups["S0LABOPS1"] = Group("S0LABOPS1", "release-managers", {"U0LABANN1", "U0LABBOB1"})
    made.channels["C0LABREL1"] = Channel("C0LABREL1", "releases")
    return made
