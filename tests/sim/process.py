"""One process of the controller, put together as ``rollout run`` does, until it ends or dies."""

import asyncio
from collections.abc import Callable, Coroutine, Generator, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from rollout.controller.app import Controller, Outside, Settings
from rollout.controller.audit.recording import Recording
from rollout.controller.chat.hearing import Hearing
from rollout.controller.chat.roster import Roster
from rollout.controller.chat.showing import Showing
from rollout.controller.instruments import Instruments
from rollout.controller.loop import Scheduler
from rollout.controller.metrics.batcher import Batcher, Provider
from rollout.controller.metrics.timed import Timed
from rollout.controller.ports import Istiods, Metrics, Objects, Proxies, Webhooks
from rollout.controller.seeing import concerns
from rollout.controller.sources.applying import Applier
from rollout.controller.sources.following import Following
from rollout.controller.sources.look import KubeSecrets, Sources
from rollout.controller.switching import following as edges
from rollout.controller.switching.beside import switching
from rollout.controller.upgrading.beside import upgrading
from rollout.edges.kube import Kube
from tests import virtual
from tests.fakes_audit import FakeLog
from tests.fakes_chat import FakeChat
from tests.fakes_repo import FakeRepo, NoObjects
from tests.mortal import MortalChat, MortalLog
from tests.sim.wire import Wire

SYSTEM = "rollout-system"
_current: ContextVar["Process | None"] = ContextVar("process", default=None)


class SimKube(Kube):
    """The real client; what one may is not asked again and again."""

    async def may(
        self, verb: str, kind: str, subresource: str = "", only: tuple[str, str] = ("", "")
    ) -> bool:
        return True

    async def version(self) -> str:
        return "1.33"


@dataclass(frozen=True, slots=True)
class Beyond:
    """The systems that every process speaks to; None: there is none.

    ``upgrading``: Prometheus with a mesh's numbers, and every istiod.
    ``switching``: the edges of a switchover, for one process.
    """

    provider: Provider
    proxies: Proxies | None
    log: FakeLog
    chat: FakeChat | None = None
    repo: FakeRepo | None = None
    webhooks: Webhooks | None = None
    upgrading: tuple[Callable[[Metrics], Metrics], Istiods] | None = None
    moved_by: Callable[[str], str] = lambda _: ""
    team: Objects = field(default_factory=NoObjects)
    switching: "Callable[[Process], edges.Beyond] | None" = None


@dataclass(eq=False)
class Process:
    """``skew``: what its wall clock is wrong by. ``timers``: its alarms are a real controller's.
    ``shards``: among how many Leases it shares with other replicas; 0: it is the only one.
    ``stops``: the plan may stop it, so its tasks must be stoppable.

    ``stopped_until``: until then none of its tasks goes on, as after SIGSTOP; time does.
    """

    name: str
    wire: Wire
    beyond: Beyond
    shards: int
    stops: bool
    jitter: Any
    timers: bool = False
    skew: timedelta = timedelta(0)
    stopped_until: float = 0.0
    hearing: "asyncio.Future[Hearing]" = field(default_factory=asyncio.Future)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    made: Controller | None = None
    tasks: dict["asyncio.Task[Any]", None] = field(default_factory=dict)

    @property
    def alive(self) -> bool:
        return not self.wire.life.over.is_set()

    def clock(self) -> datetime:
        return virtual.clock() + self.skew

    async def run(self) -> None:
        """Until it is stopped or killed; a bug that ends it is raised."""
        token = _current.set(self)
        running = asyncio.create_task(self._whole())
        _current.reset(token)
        killed = asyncio.create_task(self.wire.life.over.wait())
        try:
            await asyncio.wait((running, killed), return_when=asyncio.FIRST_COMPLETED)
        finally:
            killed.cancel()
            self.wire.life.over.set()
            self.wire.life.buried = True
            if not running.done():
                for task in list(self.tasks):
                    task.cancel()
        if running.done() and not running.cancelled():
            running.result()

    def runs(self, work: Coroutine[Any, Any, None]) -> None:
        """``work`` is done by it, and ends with it."""
        token = _current.set(self)
        asyncio.create_task(work)  # noqa: RUF006 - ``owned`` keeps it
        _current.reset(token)

    def kill(self) -> None:
        """From now on nothing that it does has any effect."""
        self.wire.life.over.set()

    async def _whole(self) -> None:
        instruments = Instruments()
        async with SimKube(self.wire, concerns.of, jitter=self.jitter) as kube:  # type: ignore[arg-type]
            metrics: Metrics = Batcher(Timed(self.beyond.provider, instruments))
            if self.beyond.upgrading is not None:
                metrics = self.beyond.upgrading[0](metrics)
            given = (kube, metrics, self.beyond.proxies, self.beyond.webhooks)
            outside = Outside(*given, instruments=instruments)
            beside = tuple(self._beside())
            lease = SYSTEM if self.shards else ""
            settings = Settings(lease, self.name, beside, self.shards or 1)
            alarms = _timers if self.timers else virtual.Alarms
            self.made = Controller(outside, settings, self.clock, alarms)
            self.made.moved_by = self.beyond.moved_by
            await self.made.run(self.stop)

    def _beside(self) -> Iterator[Any]:
        yield self._record
        if self.beyond.chat is not None:
            yield self._talk
        if self.beyond.repo is not None:
            yield self._follow
        if self.beyond.upgrading is not None:
            yield upgrading(self.beyond.upgrading[1], {})
        if self.beyond.switching is not None:
            yield self._switch

    async def _record(self, made: Controller) -> None:
        kube, log = made.outside.kube, MortalLog(self.beyond.log, self.wire.life)
        leading = lambda: made.leading  # noqa: E731
        self.recording = Recording(
            kube, log, self.clock, made.metrics, self.name, leading, made.inbox.kinds
        )
        kube.listen(self.recording.changed)
        made.partings.append(self.recording.recorded)
        await self.recording.run()

    async def _switch(self, made: Controller) -> None:
        assert self.beyond.switching is not None
        await switching(self.beyond.switching(self))(made)

    async def _talk(self, made: Controller) -> None:
        kube, inbox = made.outside.kube, made.inbox
        assert self.beyond.chat is not None
        chat = MortalChat(self.beyond.chat, self.wire.life)
        inbox.chat, inbox.members = None, Roster(chat, self.clock).members
        heard = Hearing(kube, chat, inbox, self.clock, self.recording.refused)
        showing = Showing(kube, chat, self.clock, inbox.trouble, made.leads, inbox.kinds)
        kube.listen(showing.changed)
        made.when_leading(showing.begin)
        self.hearing.set_result(heard)
        await showing.run()

    async def _follow(self, made: Controller) -> None:
        kube = made.outside.kube
        assert self.beyond.repo is not None
        sources = Sources(
            kube,
            self.beyond.repo,
            KubeSecrets(kube),
            Applier(kube, self.beyond.team),
            self.clock,
            leads=made.leads,
            instruments=made.metrics,
        )
        await Following(sources, kube, virtual.Alarms).run()


def _timers() -> Scheduler:
    return Scheduler(seconds=asyncio.get_running_loop().time)


def owned(loop: asyncio.AbstractEventLoop, coro: Any, context: Any = None) -> "asyncio.Task[Any]":
    """A task factory: whose process makes a task owns it, and it ends with the process."""
    process = context.get(_current) if context is not None else _current.get()
    if process is not None and process.stops:
        coro = Stoppable(coro, process)
    task: asyncio.Task[Any] = asyncio.Task(coro, loop=loop, context=context)
    if process is not None:
        process.tasks[task] = None
        task.add_done_callback(lambda done: process.tasks.pop(done, None))
        if not process.alive and not process.stop.is_set():
            task.cancel()
    return task


@dataclass(slots=True)
class Stoppable(Coroutine[Any, Any, Any]):
    """A task's coroutine that takes no step while its process is stopped."""

    coro: Coroutine[Any, Any, Any]
    process: Process
    _thrown: BaseException | None = None

    def send(self, value: Any) -> Any:
        if waits := self._stopped():
            return waits
        thrown, self._thrown = self._thrown, None
        return self.coro.throw(thrown) if thrown is not None else self.coro.send(value)

    def throw(self, typ: Any, val: Any = None, tb: Any = None) -> Any:
        if waits := self._stopped():
            self._thrown = typ
            return waits
        self._thrown = None
        return self.coro.throw(typ)

    def close(self) -> None:
        self.coro.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        return self.coro.__await__()

    def _stopped(self) -> "asyncio.Future[None] | None":
        """What a task that may not go on now waits for, as ``await`` gives it; None: it may."""
        loop = asyncio.get_running_loop()
        if loop.time() >= self.process.stopped_until or not self.process.alive:
            return None
        waits = loop.create_future()
        loop.call_at(self.process.stopped_until, _end, waits)
        waits._asyncio_future_blocking = True
        return waits


def _end(waits: "asyncio.Future[None]") -> None:
    if not waits.done():
        waits.set_result(None)
