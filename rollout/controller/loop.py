"""Waking and waiting: each object is looked at when something changed or time alone may have.

What a look does is not known here; ``look.py`` does one for a Rollout. The only reader of the
clock.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Protocol, Unpack
from zlib import crc32

from apscheduler.job import Job
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from rollout.controller import telemetry
from rollout.controller.sharing import Mine, everything
from rollout.controller.telemetry import Fields
from rollout.errors import ConflictError, OutsideError, RolloutError

GAP = 0.05  # between two looks at one object, so that a storm of changes is a few looks
FIRST_WAIT, LONGEST_WAIT = 0.1, 60.0  # after a failure, doubling
HURRIED_WAIT = 2.0  # instead of LONGEST_WAIT while users are on what is being taken back
SPREAD, LATEST = 0.1, timedelta(seconds=2)  # how late an alarm may ring: of its wait, and at most
ROUND = timedelta(milliseconds=50)  # alarms within one ring together
AT_ONCE = 10  # looks in a row that may ask for another at once; more are slowed down
RACES = 3  # lost in a row are looked at again at once; more are a fight, and cost waiting
GRACE = 1.0  # seconds that looks under way have to end where others wait to follow
REMIND = 300.0  # seconds until the same reason is told again

Look = Callable[[str], Awaitable[timedelta | None]]
"""One look at the object of that key; answers with the time until time alone matters."""


def clock() -> datetime:
    """Now, to the millisecond, which is what a status keeps."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


class Alarms(Protocol):
    """Something that rings later."""

    def after(self, wait: timedelta, key: str, ring: Callable[[str], None]) -> None:
        """``ring(key)`` after ``wait``; a later call for the same key takes its place."""

    def off(self, key: str) -> None:
        """``key`` does not ring."""

    def stop(self) -> None:
        """Nothing rings any more."""


class Steady(tzinfo):
    """A time zone in which no clock is ever set: ``datetime.now(Steady())`` goes on by itself.

    A wall clock that was wrong for a minute and is put right would let alarms of that minute ring
    an hour late. APScheduler asks for the time in its zone and in no other way.
    """

    def __init__(self, seconds: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._began = seconds()

    def fromutc(self, dt: datetime) -> datetime:
        """What time it is here, whatever ``dt`` says."""
        return datetime(2000, 1, 1, tzinfo=self) + timedelta(seconds=self._seconds() - self._began)

    def utcoffset(self, dt: datetime | None) -> timedelta:
        return timedelta(0)

    def dst(self, dt: datetime | None) -> timedelta:
        return timedelta(0)

    def tzname(self, dt: datetime | None) -> str:
        return "steady"


class Scheduler:
    """Alarms by APScheduler; must be made while an event loop runs.

    An alarm rings a little late, each key by a lateness of its own: rollouts share the instants
    of their queries, and a thousand looks at one moment stand in each other's way.
    ``spread``: how late at most, as a share of the wait. ``seconds``: a clock that nobody sets.
    All that fall into one twentieth of a second are one job, since a job costs more than a ring.
    """

    def __init__(
        self, spread: float = SPREAD, seconds: Callable[[], float] = time.monotonic
    ) -> None:
        self._spread = spread
        self._zone = Steady(seconds)
        self._jobs = AsyncIOScheduler(timezone=self._zone)
        self._jobs.start()
        self._rounds: dict[datetime, _Round] = {}
        self._round_of: dict[str, _Round] = {}

    def after(self, wait: timedelta, key: str, ring: Callable[[str], None]) -> None:
        self.off(key)
        due = datetime.now(self._zone) + wait + _late(key, wait * self._spread)
        at = due + (datetime.min.replace(tzinfo=self._zone) - due) % ROUND
        if at not in self._rounds:
            self._rounds[at] = made = _Round(at)
            made.job = self._jobs.add_job(
                self._ring,
                "date",
                run_date=at,
                args=(made,),
                misfire_grace_time=None,  # late is better than never
            )
        self._round_of[key] = self._rounds[at]
        self._round_of[key].rings[key] = ring

    def off(self, key: str) -> None:
        mine = self._round_of.pop(key, None)
        if mine is None:
            return
        del mine.rings[key]
        if not mine.rings:
            del self._rounds[mine.at]
            with contextlib.suppress(JobLookupError):  # it rings at this moment, for nobody
                mine.job.remove()

    def stop(self) -> None:
        self._jobs.shutdown(wait=False)

    async def _ring(self, mine: "_Round") -> None:
        """A coroutine, so that APScheduler rings in the event loop and not in a thread."""
        if not mine.rings:
            return
        del self._rounds[mine.at]
        for key in mine.rings:
            del self._round_of[key]
        for key, ring in mine.rings.items():
            ring(key)


@dataclass(slots=True)
class _Round:
    """Who is rung for ``at`` one moment, and the job that does."""

    at: datetime
    rings: dict[str, Callable[[str], None]] = field(default_factory=dict)
    job: Job = field(init=False)


def _late(key: str, most: timedelta) -> timedelta:
    """The same for the same key, so that the order of alarms stays as it is."""
    return min(LATEST, max(most, timedelta(0))) * (crc32(key.encode()) % 1000 / 1000)


@dataclass(slots=True)
class _State:
    """Where one object stands: looking, waiting after a failure, or asleep."""

    task: asyncio.Task[None] | None = None
    timer: asyncio.TimerHandle | None = None
    again: bool = False
    echo: bool = False
    at_once: int = 0
    ended_at: float = float("-inf")
    failures: int = 0
    complaint: str = ""
    told_at: float = float("-inf")
    gone: bool = False
    patient: bool = False  # waiting after a failure: only what is urgent may shorten it


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why the looks at one object fail, and how often in a row they have."""

    key: str
    error: BaseException
    times: int

    def said(self, **who: Unpack[Fields]) -> str:
        """What a status may say of it; the log is told, of ``who``."""
        if isinstance(self.error, RolloutError):
            telemetry.warn("look failed", **{**who, "error": str(self.error), "times": self.times})
            return str(self.error)
        telemetry.bug("look failed", self.error, **who)
        return f"a bug of ours ({type(self.error).__name__}); see the controller's log"


@dataclass(slots=True)
class Loop:
    """Looks at objects by key: never two looks of one at once, and never one for many wakes.

    ``failed``: told of every look that fails, and whether it is but a race lost, which is looked
    at again at once.
    ``troubled``: told why looks fail: each time it is a new reason, and again after a while.
    ``hurried``: whether an object's failures must be tried again soon, however many there were.
    ``meanwhile``: told that an object changed, and a look at it may run.
    ``news``: whether there is more in an object by now than the look that ended has left in it.
    """

    look: Look
    alarms: Alarms
    troubled: Callable[[Trouble], Awaitable[None]]
    failed: Callable[[Exception, bool], None] = lambda *_: None
    jitter: Callable[[], float] = random.random
    hurried: Callable[[str], bool] = lambda _: False
    meanwhile: Callable[[str], None] = lambda _: None
    news: Callable[[str], bool] = lambda _: True
    _states: dict[str, _State] = field(default_factory=dict)
    _stopping: bool = False

    def wake(self, key: str, urgent: bool = False, echo: bool = False) -> None:
        """A look at ``key`` happens soon; one that runs is followed by another.

        ``urgent``: a person or git spoke, so a wait after a failure is over.
        ``echo``: it may be no more than what the look that runs has written of itself.
        """
        state = self._states.setdefault(key, _State())
        state.again = state.again or not echo
        state.echo = state.echo or echo
        self.meanwhile(key)
        if state.task or self._stopping:
            return
        if state.timer and not (urgent and state.patient):
            return
        self._later(key, state, max(0.0, state.ended_at + GAP - _now()))

    def forget(self, key: str) -> None:
        """The object is gone, as a look at it has seen; nothing is kept of it after that look."""
        self.alarms.off(key)
        self._states[key].gone = True

    async def stop(self) -> None:
        """No look runs and none begins; those that run may finish what they do, if that is soon.

        Whoever follows waits for us meanwhile, and does anew what a look left undone.
        """
        self._stopping = True
        for key, state in self._states.items():
            self.alarms.off(key)
            if state.timer:
                state.timer.cancel()
        await self.idle(everything)
        tasks = [state.task for state in self._states.values() if state.task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def idle(self, which: Mine) -> None:
        """The looks that run now at what ``which`` says are over, or have had ``GRACE`` for it."""
        tasks = [state.task for key, state in self._states.items() if state.task and which(key)]
        if tasks:
            await asyncio.wait(tasks, timeout=GRACE)

    def _later(self, key: str, state: _State, wait: float) -> None:
        if state.timer:
            state.timer.cancel()
        if wait <= 0:
            self._begin(key, state)
        else:
            later = asyncio.get_running_loop().call_later
            state.timer = later(wait, self._begin, key, state)

    def _begin(self, key: str, state: _State) -> None:
        state.timer = None
        state.again = state.echo = state.patient = state.gone = False
        state.task = asyncio.create_task(self._once(key, state), name=f"look {key}")

    async def _once(self, key: str, state: _State) -> None:
        wait: float | None
        try:
            again = await self.look(key)
        except Exception as error:  # one object's trouble, whatever it is, is not the others'
            wait = await self._failed(key, state, error)
        else:
            state.failures, state.complaint = 0, ""
            wait = self._next(key, state, again)
        state.task, state.ended_at = None, _now()
        if wait is None and state.gone:
            del self._states[key]
        if wait is not None and not self._stopping:
            self._later(key, state, wait)

    def _next(self, key: str, state: _State, again: timedelta | None) -> float | None:
        """Seconds until the next look, or None with an alarm set or nothing to wait for."""
        state.at_once = state.at_once + 1 if again == timedelta(0) else 0
        if 0 < state.at_once <= AT_ONCE:
            return 0.0
        if state.again or (state.echo and self.news(key)):
            return GAP
        if again is None:
            self.alarms.off(key)
        else:
            self.alarms.after(again, key, self.wake)
        return None

    async def _failed(self, key: str, state: _State, error: Exception) -> float:
        """How long to wait before the next look."""
        state.failures += 1
        raced = isinstance(error, ConflictError) and state.failures <= RACES
        self.failed(error, raced)
        if raced:
            return GAP
        state.patient = True
        if self._is_news(state, error):
            state.complaint, state.told_at = _reason(error), _now()
            await self._tell(Trouble(key, error, state.failures))
        asked = error.retry_after if isinstance(error, OutsideError) else None
        longest = HURRIED_WAIT if self.hurried(key) else LONGEST_WAIT
        return max(self._wait(state.failures, longest), asked or 0.0)

    @staticmethod
    def _is_news(state: _State, error: Exception) -> bool:
        """Whether people should hear of it, anew or again; what may pass must have lasted."""
        if state.failures < RACES and isinstance(error, OutsideError | ConflictError):
            return False
        complaint = _reason(error)
        return complaint != state.complaint or _now() - state.told_at >= REMIND

    async def _tell(self, trouble: Trouble) -> None:
        try:
            await self.troubled(trouble)
        except Exception as error:  # telling must not end what is told of
            telemetry.warn("trouble untold", rollout=trouble.key, error=repr(error))

    def _wait(self, failures: int, longest: float) -> float:
        wait = min(longest, FIRST_WAIT * 2.0 ** min(failures - 1, 16))
        return wait * (0.5 + self.jitter() / 2)


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


def _now() -> float:
    return asyncio.get_running_loop().time()
