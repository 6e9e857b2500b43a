"""A process that dies at one of its effects: from then on nothing that it does has any."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from rollout.audit.book import Marks
from rollout.controller.ports import Changed, Json
from rollout.errors import OutsideError
from rollout.model.audit import Record
from rollout.model.chat import Member, Place, Words
from tests.fakes import FakeKube
from tests.fakes_audit import FakeLog
from tests.fakes_chat import FakeChat

T = TypeVar("T")


@dataclass
class Life:
    """``at``: the effect at which it ends, counted from 1; 0: it does not.

    ``after``: that effect still happens, and nobody hears of it. ``names``: effects so far.
    ``buried``: its tasks have been cancelled, and what they do on their way out ends at once.
    """

    at: int = 0
    after: bool = False
    names: list[str] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    buried: bool = False

    async def effect(self, name: str, work: Callable[[], Awaitable[T]]) -> T:
        """``work``, or no return to whoever asked for it."""
        await self.go_on()
        self.names.append(name)
        ends = len(self.names) == self.at
        if ends and not self.after:
            await self.end()
        done = await work()
        if ends:
            await self.end()
        return done

    async def go_on(self) -> None:
        """No return to the dead."""
        if self.buried:
            raise asyncio.CancelledError
        if self.over.is_set():
            await asyncio.Event().wait()

    async def end(self) -> None:
        self.over.set()
        await self.go_on()

    def heir(self) -> "Life":
        """The life of the process that is begun after this one."""
        return Life()


@contextlib.contextmanager
def killed(names: Sequence[str], at: int, kills: int, *, after: bool) -> Iterator[None]:
    """What is checked of a story whose first process ended at effect ``at`` of ``names``.

    Errors: ``AssertionError``, which says where, when something does not hold or it never ended.
    """
    when = f"{'after' if after else 'before'} effect {at} of {len(names)}, {names[at - 1]}"
    assert kills == 1, when
    try:
        yield
    except AssertionError as error:
        raise AssertionError(f"killed {when}") from error


@dataclass
class MortalKube:
    """One process's API server."""

    kube: FakeKube
    life: Life

    def get(self, kind: str, namespace: str, name: str) -> Json | None:
        return self.kube.get(kind, namespace, name)

    async def fetch(self, kind: str, namespace: str, name: str) -> Json | None:
        return await self.kube.fetch(kind, namespace, name)

    def list(self, kind: str, concern: str = "") -> Sequence[Json]:
        return self.kube.list(kind, concern)

    def some(self, kind: str) -> Json | None:
        return self.kube.some(kind)

    async def patch(
        self, kind: str, namespace: str, name: str, ops: Sequence[Json], subresource: str = ""
    ) -> Json:
        what = f"patch {kind} {subresource}".strip()
        return await self.life.effect(
            what, lambda: self.kube.patch(kind, namespace, name, ops, subresource)
        )

    async def create(self, obj: Json) -> Json:
        return await self.life.effect(f"create {obj['kind']}", lambda: self.kube.create(obj))

    async def attempt(self, obj: Json) -> Json:
        return await self.kube.attempt(obj)

    async def delete(self, kind: str, namespace: str, name: str, uid: str = "") -> None:
        await self.life.effect(
            f"delete {kind}", lambda: self.kube.delete(kind, namespace, name, uid)
        )

    def listen(self, changed: Changed) -> None:
        self.kube.listen(lambda *told: None if self.life.over.is_set() else changed(*told))

    def silence(self) -> float:
        return 0.0

    def troubles(self) -> Mapping[str, str]:
        return {}

    async def version(self) -> str:
        return "1.33"

    async def may(
        self, verb: str, kind: str, subresource: str = "", only: tuple[str, str] = ("", "")
    ) -> bool:
        return True


@dataclass
class MortalChat:
    """One process's Slack."""

    chat: FakeChat
    life: Life

    async def find(self, channel: str, since: datetime) -> Mapping[str, Place]:
        return await self.chat.find(channel, since)

    async def replies(self, place: Place) -> Mapping[str, Place]:
        return await self.chat.replies(place)

    async def post(self, channel: str, words: Words, under: Place | None = None) -> Place:
        what = "reply in slack" if under else "post in slack"
        return await self.life.effect(what, lambda: self.chat.post(channel, words, under))

    async def update(self, place: Place, words: Words) -> bool:
        return await self.life.effect("update in slack", lambda: self.chat.update(place, words))

    async def channel(self, name: str) -> str:
        return await self.chat.channel(name)

    async def members(self, group: str) -> frozenset[str]:
        return await self.chat.members(group)

    async def named(self, email: str) -> str:
        return await self.chat.named(email)

    async def member(self, user: str) -> Member | None:
        return await self.chat.member(user)

    async def whisper(self, channel: str, user: str, text: str) -> None:
        await self.life.effect("whisper", lambda: self.chat.whisper(channel, user, text))

    async def open(self, trigger: str, view: Mapping[str, Any]) -> None:
        await self.life.effect("modal", lambda: self.chat.open(trigger, view))


@dataclass
class MortalLog:
    """One process's audit log, which has a lock as a file has: one living process writes it."""

    log: FakeLog
    life: Life

    async def open(self) -> Marks | None:
        writer = self.log.writer
        if writer is not None and writer is not self.life.over and not writer.is_set():
            raise OutsideError("audit log /a: another process writes it")
        self.log.writer = self.life.over
        return await self.log.open()

    async def append(self, records: Sequence[Record]) -> None:
        await self.life.effect("audit line", lambda: self.log.append(records))

    def forget(self, uid: str) -> None:
        self.log.forget(uid)

    async def close(self) -> None:
        if self.log.writer is self.life.over:
            self.log.writer = None
        await self.log.close()
