"""What channels show is made equal to what they should, beside the looks and never before them.

What stands there is asked of the chat itself, so nothing that a crash could lose is remembered.
"""

import asyncio
import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rollout import journeys as kinds
from rollout.controller import telemetry
from rollout.controller.ports import Chat, Kube
from rollout.controller.seeing import concerns, source
from rollout.controller.sharing import Leads, everything
from rollout.errors import OutsideError, RolloutError
from rollout.messages import journeys
from rollout.messages.journeys import Shown
from rollout.model.chat import Place, Words
from rollout.model.reasons import Reason
from rollout.model.ref import Ref

LAZY = 30.0  # seconds between two updates that only count further
FIRST_WAIT, LONGEST_WAIT = 2.0, 60.0  # seconds after a failure, doubling
PAST = timedelta(days=1)  # how long after its end a journey's message is still put right
SKEW = timedelta(minutes=10)  # that Slack's clock and ours may differ
AT_ONCE = 4  # rollouts
BEAT = 1.0  # seconds between two tries to list all there are

Where = tuple[str, str]
"""Channel and key of a message."""


@dataclass(slots=True)
class _Standing:
    """A message as we know it to stand: what it says, since when, and what its thread has."""

    place: Place
    digest: str = ""
    pressing: str = ""
    at: float = 0.0
    thread: set[str] | None = None


@dataclass(slots=True)
class _Channel:
    """What was found in a channel, and how far back was looked; None: nobody looked yet."""

    since: datetime | None = None
    found: dict[str, Place] = field(default_factory=dict)


@dataclass(slots=True)
class Showing:
    """``trouble``: told of each object why people could not be asked; None when they were.

    ``leads``: whether this replica may act now. ``kinds``: which are looked at here.
    """

    kube: Kube
    chat: Chat
    clock: Callable[[], datetime]
    trouble: Callable[[Ref, Reason | None], None]
    leads: Leads = everything
    kinds: Callable[[], Iterable[str]] = lambda: ("Rollout",)
    _standing: dict[Where, _Standing] = field(default_factory=dict)
    _channels: dict[str, _Channel] = field(default_factory=dict)
    _due: dict[Ref, float] = field(default_factory=dict)
    _failures: dict[Ref, int] = field(default_factory=dict)
    _begun: bool = False
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _locks: dict[Ref, asyncio.Lock] = field(default_factory=dict)

    def changed(self, kind: str, touched: tuple[str, ...]) -> None:
        """An object that we drive may have another status now."""
        for ref in concerns.driven(kind, touched):
            if self.leads(ref.namespace):
                self._soon(ref, 0.0 if ref not in self._failures else None)

    def begin(self) -> None:
        """This replica leads more from now on, and may not have for a moment: all is compared."""
        self._begun = False
        self._news.set()

    def _begin(self) -> None:
        """Every rollout is compared anew: another replica may have written since."""
        self._standing.clear()
        self._channels.clear()
        for kind in self.kinds():
            for obj in self.kube.list(kind):
                meta = obj["metadata"]
                self._soon(Ref(kind, meta.get("namespace", ""), meta["name"]), 0.0)

    async def run(self) -> None:
        """For ever: whatever is due is compared, a few at a time."""
        room = asyncio.Semaphore(AT_ONCE)
        working: set[asyncio.Task[None]] = set()
        try:
            while True:
                self._begun = self._begun or self._begins()
                for key in self._ripe():
                    await room.acquire()
                    task = asyncio.create_task(self._once(key), name=f"chat {key}")
                    working.add(task)
                    task.add_done_callback(working.discard)
                    task.add_done_callback(lambda _: room.release())
                await self._rest()
        finally:
            for task in working:
                task.cancel()
            await asyncio.gather(*working, return_exceptions=True)

    def _begins(self) -> bool:
        """Whether everything is compared from now on."""
        try:
            self._begin()
        except OutsideError:  # nobody has listed them yet
            return False
        return True

    def _soon(self, key: Ref, wait: float | None) -> None:
        """``key`` is due in so many seconds, or earlier if it was; None: it waits already."""
        if wait is None:
            return
        self._due[key] = min(self._due.get(key, float("inf")), _now() + wait)
        self._news.set()

    def _ripe(self) -> list[Ref]:
        now = _now()
        ripe = sorted((at, key) for key, at in self._due.items() if at <= now)
        for _, key in ripe:
            del self._due[key]
        return [key for _, key in ripe]

    async def _rest(self) -> None:
        """Until something is due, or changes; while not all is listed, until the next try."""
        self._news.clear()
        due = [at - _now() for at in self._due.values()] + ([] if self._begun else [BEAT])
        ring = asyncio.get_running_loop().call_later
        alarm = ring(max(0.0, min(due)), self._news.set) if due else None
        try:
            await self._news.wait()
        finally:
            if alarm is not None:
                alarm.cancel()

    async def _once(self, key: Ref) -> None:
        """One rollout compared; whatever goes wrong is this one's alone."""
        lock = self._locks.setdefault(key, asyncio.Lock())
        async with lock:
            try:
                again = await self._compare(key)
            except RolloutError as error:
                self._failed(key, error)
            except Exception as error:  # a message's trouble, whatever it is, ends no other's
                telemetry.bug("chat", error, rollout=str(key))
                self._failed(key, OutsideError(f"a bug of ours ({type(error).__name__})"))
            else:
                if self._failures.pop(key, None):
                    telemetry.info("slack shows it again", rollout=str(key))
                self.trouble(key, None)
                self._soon(key, again)

    def _failed(self, key: Ref, error: RolloutError) -> None:
        times = self._failures[key] = self._failures.get(key, 0) + 1
        if times == 1:
            telemetry.warn("slack does not show it", rollout=str(key), error=str(error))
        self.trouble(key, Reason(str(error)))
        asked = error.retry_after if isinstance(error, OutsideError) else None
        wait = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(times - 1, 6))
        self._soon(key, max(wait, asked or 0.0))

    async def _compare(self, key: Ref) -> float | None:
        """Seconds until it is worth another comparison; None: when something changes."""
        if not self.leads(key.namespace):
            return None
        obj = self.kube.get(key.kind, key.namespace, key.name)
        if obj is None or not kinds.of(obj).names_a_channel(obj):
            return None
        journey = kinds.perhaps(obj)
        if journey is None:
            return None  # the status says so; what stands in the channel stays
        shown = journeys.shown(journey, source.url(self.kube, obj))
        waits = [await self._match(one) for one in shown]
        return min((wait for wait in waits if wait is not None), default=None)

    async def _match(self, shown: Shown) -> float | None:
        """The channel has what it should, or the rest of the wait of an update that may wait."""
        where = (shown.channel, shown.top.key)
        standing = self._standing.get(where)
        if standing is None and not self._is_past(shown):
            standing = await self._find(where, shown)
        if standing is None:
            if not shown.wanted or self._is_past(shown):
                return None
            standing = await self._post(where, shown)
        wait = await self._update(where, standing, shown)
        if where in self._standing:
            await self._thread(standing, shown)
        elif shown.wanted:
            return FIRST_WAIT  # somebody deleted it, and people are still to read it
        return wait

    def _is_past(self, shown: Shown) -> bool:
        return shown.ended is not None and self.clock() - shown.ended > PAST

    def _channel(self, shown: Shown) -> _Channel:
        return self._channels.setdefault(shown.channel, _Channel())

    async def _find(self, where: Where, shown: Shown) -> _Standing | None:
        """The message, if it stands; the channel is read once for all that may stand in it."""
        channel = self._channel(shown)
        since = min(shown.since, self.clock() - PAST) - SKEW
        if channel.since is None or since < channel.since:
            channel.found |= await self.chat.find(shown.channel, since)
            channel.since = since
        place = channel.found.get(shown.top.key)
        if place is None:
            return None
        self._standing[where] = _Standing(place)
        return self._standing[where]

    async def _post(self, where: Where, shown: Shown) -> _Standing:
        try:
            place = await self.chat.post(shown.channel, shown.top)
        except OutsideError:
            self._channels.pop(shown.channel, None)  # it may stand: look before posting again
            raise
        self._channel(shown).found[shown.top.key] = place
        told = _Standing(place, _digest(shown.top), shown.pressing, _now(), set())
        self._standing[where] = told
        return told

    async def _update(self, where: Where, standing: _Standing, shown: Shown) -> float | None:
        digest = _digest(shown.top)
        if digest == standing.digest:
            return None
        left = standing.at + LAZY - _now()
        if shown.pressing == standing.pressing and left > 0:
            return left
        if await self.chat.update(standing.place, shown.top):
            standing.digest, standing.pressing, standing.at = digest, shown.pressing, _now()
            return None
        self._standing.pop(where, None)
        self._channel(shown).found.pop(shown.top.key, None)
        return None

    async def _thread(self, standing: _Standing, shown: Shown) -> None:
        if standing.thread is None:
            standing.thread = {*await self.chat.replies(standing.place)}
        for words in shown.replies:
            if words.key in standing.thread:
                continue
            try:
                await self.chat.post(shown.channel, words, under=standing.place)
            except OutsideError:
                standing.thread = None  # it may stand: read the thread before the next try
                raise
            standing.thread.add(words.key)


def _digest(words: Words) -> str:
    return hashlib.sha256(_told(words).encode()).hexdigest()


def _told(words: Words) -> str:
    return json.dumps([words.text, words.blocks], sort_keys=True, default=dict)


def _now() -> float:
    return asyncio.get_running_loop().time()
