"""A live copy of some kinds of objects, and the loop that every lab controller is."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp

from rollout.errors import OutsideError
from rollout.lab.kube.client import ApiRefusedError, Kind, Kube, Object

_log = logging.getLogger(__name__)
_Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Create:
    """Make ``body``; there already is as good."""

    kind: Kind
    body: Object


@dataclass(frozen=True, slots=True)
class Patch:
    """Merge ``body`` into the object, or into its subresource ``part``; gone is as good."""

    kind: Kind
    namespace: str
    name: str
    body: dict[str, Any]
    part: str = ""


@dataclass(frozen=True, slots=True)
class Delete:
    """Take the object away; gone is as good."""

    kind: Kind
    namespace: str
    name: str


Write = Create | Patch | Delete


@dataclass(frozen=True, slots=True)
class Plan:
    """What one controller wants written now, and when time alone could change that."""

    writes: Sequence[Write] = ()
    look_again: timedelta | None = None


class Watched:
    """Objects of ``kinds`` as the API server last told them, our own writes included at once.

    A kind the server does not know (yet) has no objects and is asked for again every second.
    """

    def __init__(self, kube: Kube, kinds: Iterable[Kind]) -> None:
        self._kube = kube
        self._objects: dict[Kind, dict[_Key, Object]] = {kind: {} for kind in kinds}
        self._gone: set[str] = set()  # uids, so that a late event does not raise the dead
        self._seen = dict.fromkeys(self._objects, 0)
        self._news = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Every kind has been listed once, and is followed from now on."""
        listed = [asyncio.Event() for _ in self._objects]
        for kind, first in zip(self._objects, listed, strict=True):
            self._tasks.append(asyncio.create_task(self._follow(kind, first)))
        await asyncio.gather(*(first.wait() for first in listed))

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def all(self, kind: Kind) -> list[Object]:
        """In no order; not to be changed."""
        return list(self._objects[kind].values())

    def find(self, kind: Kind, namespace: str, name: str) -> Object | None:
        return self._objects[kind].get((namespace, name))

    def has(self, kind: Kind, obj: Object) -> bool:
        """Whether ``obj``, or a later version of it, is known here."""
        known = self._objects[kind].get(_key(obj))
        return known is not None and _newer(known, obj)

    def version(self, kinds: Iterable[Kind]) -> int:
        """A number that is higher after any change to objects of ``kinds``."""
        return sum(self._seen[kind] for kind in kinds)

    async def change(self, kinds: Sequence[Kind], since: int, seconds: float | None) -> None:
        """``version(kinds)`` is not ``since`` any more, or ``seconds`` have passed."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.version(kinds) == since:
                    await self._news.wait()

    def poke(self, kind: Kind) -> None:
        """Whoever waits for ``kind`` looks again, though no object has changed."""
        self._tell(kind)

    async def write(self, write: Write) -> None:
        """``write`` is done and seen here; who was faster than us (404, 409) has won."""
        try:
            match write:
                case Create(kind, body):
                    self._put(kind, await self._kube.create(kind, body))
                case Patch(kind, namespace, name, body, part):
                    answer = await self._kube.patch(kind, namespace, name, body, part)
                    self._put(kind, answer)
                case Delete(kind, namespace, name):
                    self._take(
                        kind, await self._kube.delete(kind, namespace, name), (namespace, name)
                    )
        except ApiRefusedError as refused:
            if refused.status not in (404, 409):
                raise

    async def _follow(self, kind: Kind, first: asyncio.Event) -> None:
        while True:
            try:
                items, since = await self._kube.list(kind)
                self._replace(kind, items)
                first.set()
                await self._events(kind, since)
            except ApiRefusedError as refused:
                first.set()
                if refused.status != 410:
                    await asyncio.sleep(1)
            except (OutsideError, aiohttp.ClientError, TimeoutError, OSError) as error:
                _log.debug("watch of %s broke: %s", kind.plural, error)
                await asyncio.sleep(0.2)

    async def _events(self, kind: Kind, since: str) -> None:
        while True:
            async for event, obj in self._kube.watch(kind, since):
                if event == "ERROR":
                    return
                since = obj["metadata"]["resourceVersion"]
                if event == "DELETED":
                    self._drop(kind, obj)
                elif event != "BOOKMARK":
                    self._put(kind, obj)

    def _replace(self, kind: Kind, items: list[Object]) -> None:
        self._objects[kind] = {_key(item): item for item in items}
        self._tell(kind)

    def _put(self, kind: Kind, obj: Object) -> None:
        known = self._objects[kind].get(_key(obj))
        if obj["metadata"]["uid"] in self._gone or (known and _newer(known, obj)):
            return
        meta = obj["metadata"]
        if meta.get("deletionTimestamp") and not meta.get("finalizers"):
            self._drop(kind, obj)
        else:
            self._objects[kind][_key(obj)] = obj
            self._tell(kind)

    def _take(self, kind: Kind, answer: Object, key: _Key) -> None:
        known = self._objects[kind].get(key)
        if answer.get("kind") != "Status" and answer["metadata"].get("finalizers"):
            self._put(kind, answer)  # it stays until its finalizers are done
        elif known is not None:
            self._drop(kind, known)

    def _drop(self, kind: Kind, obj: Object) -> None:
        self._gone.add(obj["metadata"]["uid"])
        known = self._objects[kind].get(_key(obj))
        if known is not None and known["metadata"]["uid"] == obj["metadata"]["uid"]:
            del self._objects[kind][_key(obj)]
        self._tell(kind)

    def _tell(self, kind: Kind) -> None:
        self._seen[kind] += 1
        news, self._news = self._news, asyncio.Event()
        news.set()


async def run(
    watched: Watched, kinds: Sequence[Kind], plan: Callable[[Watched, datetime], Plan]
) -> None:
    """For ever: whenever ``kinds`` change, or the plan's time has come, do what ``plan`` says."""
    while True:
        since = watched.version(kinds)
        wanted = plan(watched, datetime.now(UTC))
        wait = None if wanted.look_again is None else wanted.look_again.total_seconds()
        for write in wanted.writes:
            wait = 0.05  # seconds; a write that changed nothing must not make this loop spin
            try:
                await watched.write(write)
            except (OutsideError, ApiRefusedError) as error:
                _log.warning("%s", error)
                await asyncio.sleep(0.5)  # the API server may change its mind
        await watched.change(kinds, since, wait)


async def until(what: str, seen: Callable[[], bool], seconds: float = 300.0) -> None:
    """``seen`` has answered yes. Errors: OutsideError when it has not within ``seconds``."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not seen():
        if asyncio.get_running_loop().time() > deadline:
            raise OutsideError(f"the lab: {what} was not seen within {seconds:g} s")
        await asyncio.sleep(0.01)


def _key(obj: Object) -> _Key:
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def _newer(known: Object, other: Object) -> bool:
    # Versions of one object are numbers that rise, in etcd and in the lab's server alike.
    return int(known["metadata"]["resourceVersion"]) >= int(other["metadata"]["resourceVersion"])
