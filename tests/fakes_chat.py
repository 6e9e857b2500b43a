"""A chat in lists; ``tests/ports/test_chat.py`` shows that it behaves as Slack does."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rollout.errors import RolloutError
from rollout.messages import slack
from rollout.model.chat import Member, Place, Press, Ticket, Words


def buttons(blocks: Iterable[Mapping[str, Any]]) -> dict[Press, Ticket]:
    """What can be pressed on a message; each button has a ticket."""
    found = {}
    for block in blocks:
        for element in block.get("elements", ()) if block["type"] == "actions" else ():
            ticket = slack.ticket(element["value"])
            assert ticket is not None
            found[Press(element["action_id"])] = ticket
    return found


@dataclass
class Said:
    """One message; ``under``: the ts of the one whose thread it is in."""

    place: Place
    words: Words
    under: str = ""


@dataclass
class FakeChat:
    """``errors``: by method, what it raises until it is taken away.

    ``unanswered``: so many posts stand, and their senders hear nothing of it.
    """

    said: list[Said] = field(default_factory=list)
    updates: int = 0
    whispers: list[tuple[str, str]] = field(default_factory=list)
    views: list[Mapping[str, Any]] = field(default_factory=list)
    groups: dict[str, set[str]] = field(default_factory=dict)
    emails: dict[str, str] = field(default_factory=dict)
    outsiders: set[str] = field(default_factory=set)
    errors: dict[str, RolloutError] = field(default_factory=dict)
    unanswered: list[RolloutError] = field(default_factory=list)
    _number: int = 0

    async def find(self, channel: str, since: datetime) -> Mapping[str, Place]:
        self._fail("find")
        where = await self.channel(channel)
        return {s.words.key: s.place for s in self.said if s.place.channel == where and not s.under}

    async def replies(self, place: Place) -> Mapping[str, Place]:
        self._fail("replies")
        thread = (s for s in self.said if place.ts in (s.place.ts, s.under))
        return {s.words.key: s.place for s in thread}

    async def post(self, channel: str, words: Words, under: Place | None = None) -> Place:
        self._fail("post")
        self._number += 1
        place = Place(await self.channel(channel), f"{self._number}.000001")
        self.said.append(Said(place, words, under.ts if under else ""))
        if self.unanswered:
            raise self.unanswered.pop(0)
        return place

    async def update(self, place: Place, words: Words) -> bool:
        self._fail("update")
        for said in self.said:
            if said.place == place:
                said.words = words
                self.updates += 1
                return True
        return False

    async def channel(self, name: str) -> str:
        return f"C{name[1:].upper()}" if name.startswith("#") else name

    async def members(self, group: str) -> frozenset[str]:
        self._fail("members")
        return frozenset(self.groups.get(group, ()))

    async def named(self, email: str) -> str:
        return self.emails.get(email, "")

    async def member(self, user: str) -> Member | None:
        return Member(user, outside=user in self.outsiders)

    async def whisper(self, channel: str, user: str, text: str) -> None:
        self._fail("whisper")
        self.whispers.append((user, text))

    async def open(self, trigger: str, view: Mapping[str, Any]) -> None:
        self.views.append(view)

    def tops(self) -> list[Words]:
        """What stands in the channels themselves, oldest first."""
        return [said.words for said in self.said if not said.under]

    def _fail(self, method: str) -> None:
        for name in (method, "*"):
            if name in self.errors:
                raise self.errors[name]
