"""The port ``Chat`` and its people: what stands in channels, and who is who.

A message is found again by the metadata that it was posted with, so nothing of ours must remember
where it stands: a process that died after posting finds what it posted.
Source: docs.slack.dev, "Message metadata" and ``conversations.history``.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rollout.edges.slack.calls import AbsentError, Calls
from rollout.errors import RefusedError
from rollout.model.chat import Member, Place, Words

EVENT = "rollout_said"
PAGE = 200
PAGES = 50  # of a channel's history, so 10,000 messages
MANY = 999  # channels of a page, the most; twenty pages a minute are all that Slack gives
_TYPES = "public_channel,private_channel"


@dataclass(slots=True)
class Client:
    """Slack, as far as the controller needs it. Errors of all: as ``Calls.call``."""

    calls: Calls
    _ids: dict[str, str] = field(default_factory=dict)
    _doubted: set[str] = field(default_factory=set)
    _token: str = field(default="", repr=False)
    _self: Mapping[str, Any] = field(default_factory=dict)

    async def team(self) -> str:
        """The id of the workspace in which the app is installed."""
        return str((await self._me()).get("team_id", ""))

    async def find(self, channel: str, since: datetime) -> Mapping[str, Place]:
        """Our messages in ``channel`` by key, those since then; of two the older one."""
        where = await self.channel(channel)
        oldest = f"{since.timestamp():.6f}"
        told = {"channel": where, "oldest": oldest, "include_all_metadata": True}
        with self._doubting(channel):
            return await self._ours("conversations.history", where, told)

    async def replies(self, place: Place) -> Mapping[str, Place]:
        """Our replies under the message at ``place`` by key; none where it is gone."""
        told = {"channel": place.channel, "ts": place.ts, "include_all_metadata": True}
        try:
            return await self._ours("conversations.replies", place.channel, told)
        except AbsentError:
            return {}

    async def post(self, channel: str, words: Words, under: Place | None = None) -> Place:
        """It stands in ``channel``, or in the thread of the message at ``under``."""
        where = under.channel if under else await self.channel(channel)
        thread = {"thread_ts": under.ts} if under else {}
        told = _said(words) | thread | _to(where)
        with self._doubting(channel):
            answer = await self.calls.call("chat.postMessage", f"slack channel {channel}", told)
        return Place(str(answer.get("channel", where)), str(answer.get("ts", "")))

    async def update(self, place: Place, words: Words) -> bool:
        """The message at ``place`` says ``words``; False: there is none any more."""
        what = f"slack channel {place.channel}"
        try:
            await self.calls.call("chat.update", what, _said(words) | _to(place.channel, place.ts))
        except AbsentError:
            return False
        return True

    async def whisper(self, channel: str, user: str, text: str) -> None:
        """``user`` alone reads ``text`` in ``channel``."""
        told = {"channel": channel, "user": user, "text": text, **_PLAIN}
        await self.calls.call("chat.postEphemeral", f"slack channel {channel}", told)

    async def open(self, trigger: str, view: Mapping[str, Any]) -> None:
        """The modal is open for whoever pressed the button of ``trigger``."""
        await self.calls.call("views.open", "slack modal", {"trigger_id": trigger, "view": view})

    async def members(self, group: str) -> frozenset[str]:
        """Who is in the user group now, by id."""
        told = {"usergroup": group}
        answer = await self.calls.call("usergroups.users.list", f"slack user group {group}", told)
        return frozenset(str(one) for one in answer.get("users") or ())

    async def named(self, email: str) -> str:
        """The id of the person with that address; empty when nobody has it."""
        told = {"email": email}
        try:
            answer = await self.calls.call("users.lookupByEmail", "slack user", told)
        except AbsentError:
            return ""
        return str((answer.get("user") or {}).get("id", ""))

    async def member(self, user: str) -> Member | None:
        """The person with that id; None: nobody, or deactivated."""
        try:
            answer = await self.calls.call("users.info", f"slack user {user}", {"user": user})
        except AbsentError:
            return None
        found = answer.get("user") or {}
        if found.get("deleted"):
            return None
        guest = bool(found.get("is_restricted") or found.get("is_ultra_restricted"))
        away = bool(found.get("is_stranger")) or found.get("team_id") != await self.team()
        return Member(user, outside=guest or away, robot=bool(found.get("is_bot")))

    async def _me(self) -> Mapping[str, Any]:
        """Who the app is by its token; another one may be of another bot, or workspace."""
        token = self.calls.token()
        if token != self._token:
            self._self = await self.calls.call("auth.test", "slack", {})
            self._token = token
        return self._self

    async def channel(self, name: str) -> str:
        """The id of ``#name``; an id is itself. Histories are told by id only."""
        if not name.startswith("#"):
            return name
        if name not in self._ids or name in self._doubted:
            await self._list()
            self._doubted.discard(name)
        if name not in self._ids:
            raise RefusedError(
                f"slack channel {name}: is not there, or is private and the app is not in it; "
                "invite the app, or name the channel's id"
            )
        return self._ids[name]

    @contextmanager
    def _doubting(self, name: str) -> Iterator[None]:
        """Where Slack refuses a channel, another one may have its name by now."""
        try:
            yield
        except RefusedError:
            self._doubted.add(name)
            raise

    async def _list(self) -> None:
        """Names that are gone keep their ids: those say best what has become of a channel."""
        told = {"types": _TYPES, "exclude_archived": True, "limit": MANY}
        found: dict[str, str] = {}
        async for answer in self._pages("conversations.list", "slack channels", told):
            for one in answer.get("channels") or ():
                found[f"#{one.get('name')}"] = str(one.get("id"))
        self._ids |= found

    async def _ours(
        self, method: str, channel: str, told: Mapping[str, Any]
    ) -> Mapping[str, Place]:
        """By key, those messages of the app itself that carry one: others may write metadata."""
        me, found = await self._me(), dict[str, Place]()
        what = f"slack channel {channel}"
        async for answer in self._pages(method, what, {**told, "limit": PAGE}):
            for one in answer.get("messages") or ():
                metadata = one.get("metadata") or {}
                key = str((metadata.get("event_payload") or {}).get("key", ""))
                mine = one.get("bot_id") == me.get("bot_id")
                if mine and key and metadata.get("event_type") == EVENT:
                    ts = str(one.get("ts"))
                    found[key] = min(found.get(key, Place(channel, ts)), Place(channel, ts))
        return found

    async def _pages(
        self, method: str, what: str, told: Mapping[str, Any]
    ) -> AsyncIterator[Mapping[str, Any]]:
        cursor = ""
        for _ in range(PAGES):
            more = {"cursor": cursor} if cursor else {}
            answer = await self.calls.call(method, what, {**told, **more})
            yield answer
            cursor = str((answer.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                return


_PLAIN = {"parse": "none", "link_names": False, "unfurl_links": False, "unfurl_media": False}
"""No word of a manifest becomes a link, a mention or a picture by itself."""


def _said(words: Words) -> dict[str, Any]:
    metadata = {"event_type": EVENT, "event_payload": {"key": words.key}}
    return {"text": words.text, "blocks": list(words.blocks), "metadata": metadata, **_PLAIN}


def _to(channel: str, ts: str = "") -> dict[str, Any]:
    return {"channel": channel, "ts": ts} if ts else {"channel": channel}
