"""The controller put together: what wakes whom, and what stops with what."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from rollout import memo
from rollout.controller import telemetry
from rollout.controller.doing.perform import Performer
from rollout.controller.health import Health
from rollout.controller.instruments import Fleet, Instruments
from rollout.controller.keeping.finalizer import Parting
from rollout.controller.keeping.inbox import Inbox, of_rollouts
from rollout.controller.keeping.store import Store
from rollout.controller.lanes import Lanes
from rollout.controller.look import Looks
from rollout.controller.loop import Alarms, Loop, Scheduler, clock
from rollout.controller.ports import Cluster, Json, Metrics, Proxies, Webhooks
from rollout.controller.seeing import concerns, preflight
from rollout.controller.seeing.concerns import Interests
from rollout.controller.seeing.hooks import Hooks
from rollout.controller.seeing.observe import Observer
from rollout.controller.seeing.spoken import Spoken
from rollout.controller.shards import Shards
from rollout.controller.sharing import Mine, everything, insist, namespace_of
from rollout.errors import OutsideError, RolloutError

LEADS = "For how many shards this replica acts: 1 or 0 where there is but one."
SHARDS = "Among how many shards this replica was told to share the objects."
HELD = "1 on the replica that acts for the shard, 0 on the others."
SILENCE = "Since the quietest of our watches of the API server gave a sign of life."
FORGETS = 60.0  # seconds between two turns of what is remembered of objects
FIRST = 0.2  # seconds between two tries to read which rollouts there are
A_FEW = 25  # rollouts at rest that are looked at side by side when we begin
MANY = 8 * A_FEW  # after so many of these, what followed from them is let go


@dataclass(frozen=True, slots=True)
class Outside:
    """Everything that the controller is given, as ports; None: there is none of it."""

    kube: Cluster
    metrics: Metrics
    proxies: Proxies | None = None
    webhooks: Webhooks | None = None
    instruments: Instruments = field(default_factory=Instruments)


Beside = Callable[["Controller"], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Settings:
    """``namespace``: where our Lease lives; empty: no Lease, this is the only replica.

    ``identity``: this process, unlike any other.
    ``shards``: among how many Leases the objects are shared; without a Lease there is one.
    ``beside``: what runs along for as long as the controller does, such as the sources.
    """

    namespace: str = ""
    identity: str = "rollout"
    beside: Sequence[Beside] = ()
    shards: int = 1


@dataclass(slots=True)
class Controller:
    """Looks at every Rollout for as long as ``run`` runs.

    ``remarks``: asked what does not work of what runs beside, in one line; empty: nothing.
    ``partings``: awaited before an object is let go.
    ``moved_by``: asked which upgrade of the mesh is moving a namespace's pods now; empty: none.
    """

    outside: Outside
    settings: Settings
    clock: Callable[[], datetime] = clock
    alarms: Callable[[], Alarms] = Scheduler
    metrics: Instruments = field(init=False)
    store: Store = field(init=False)
    inbox: Inbox = field(init=False)
    hooks: Hooks = field(init=False)
    loop: Loop = field(init=False)
    shards: Shards | None = field(init=False, default=None)
    remarks: list[Callable[[], str]] = field(default_factory=list)
    partings: list[Parting] = field(default_factory=list)
    moved_by: Callable[[str], str] = lambda _: ""
    _begins: list[Callable[[], None]] = field(default_factory=list)
    _interests: Interests = field(default_factory=Interests)
    _spoken: Spoken = field(init=False)
    _health: Health = field(init=False)
    _waking: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        kube = self.outside.kube
        self.metrics = self.outside.instruments
        self.metrics.watch(Fleet(self._listed))
        self._tell_of_shards()
        self.metrics.asked("rollout_watch_silence_seconds", SILENCE, kube.silence)
        self.store = Store(kube, self.parting)
        self._spoken = Spoken(kube, "Rollout")
        self._health = Health(kube, lambda: self.shards)
        self.inbox = of_rollouts(self.store, lambda key: self.loop.wake(key, urgent=True))
        self.hooks = Hooks(
            self.outside.webhooks,
            kube,
            self.clock,
            wake=lambda key: self.loop.wake(key),  # noqa: PLW0108 - there is no loop yet
            leads=self.leads,
        )
        if self.settings.namespace:
            self.shards = Shards(
                kube,
                self.settings.namespace,
                self.settings.identity,
                self.clock,
                self._changes_hands,
                lambda mine: self.loop.idle(mine),  # noqa: PLW0108 - there is no loop yet
                self.settings.shards,
            )

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop`` is set; then looks under way end, and the Leases are given back.

        Whoever follows need not wait for what ends after that: nothing of it writes any more.
        """
        alarms = self.alarms()
        looks = self._looks()
        self.loop = Loop(
            looks.look,
            alarms,
            looks.troubled,
            self.metrics.failed,
            hurried=looks.hurried,
            meanwhile=looks.meanwhile,
            news=self.store.news,
        )
        looks.gone = self._gone
        self.outside.kube.listen(self._changed)
        self._begin()
        leading = [asyncio.create_task(self.shards.run())] if self.shards else []
        tasks = [asyncio.create_task(work) for work in self._work()]
        try:
            await _until(stop, [*leading, *tasks])
        finally:
            await self.loop.stop()
            await _ended(leading)
            await self._release()
            await self.hooks.stop()
            await _ended([*self._waking])
            alarms.stop()
            await _ended(tasks)

    @property
    def leading(self) -> bool:
        """Whether this replica may act now, for some objects at least."""
        return self.shards is None or self.shards.held > 0

    def leads(self, namespace: str) -> bool:
        """Whether this replica may act now for ``namespace``; empty: the cluster's own objects."""
        return self.shards is None or self.shards.leads(namespace)

    def holds(self, place: int) -> bool:
        """Whether this replica may act now for the shard of that number, from 0."""
        return self.shards is None or self.shards.leaders[place].leading

    def when_leading(self, begin: Callable[[], None]) -> None:
        """``begin`` is called each time that this replica acts for more; now, if it acts."""
        self._begins.append(begin)
        if self.leading:
            begin()

    def health(self) -> str:
        """What is wrong with this process, in one line; empty when nothing is."""
        return self._health.alive()

    def readiness(self) -> str:
        """Why this process cannot do its work now, in one line; empty when it can.

        It can when it leads or follows a living leader, and sees what every Rollout needs.
        """
        return self._health.unready()

    def notes(self) -> tuple[str, ...]:
        """What does not work now though the rest does, a line each: a right that is missing."""
        return (*self._health.notes(), *filter(None, (remark() for remark in self.remarks)))

    def newest(self, key: str) -> Json | None:
        """The status of the Rollout ``namespace/name`` after its last look; None: not ours."""
        leads = self.leads(namespace_of(key))
        return self.store.newest(key, self.clock()) if leads else None

    async def parting(self, obj: Json) -> None:
        """Whoever must have read ``obj`` before it is let go has.

        That takes its time. Errors: ``ConflictError`` where another replica acts for it by now.
        """
        for each in self.partings:
            await each(obj)
        insist(self.leads, obj["metadata"].get("namespace", ""))

    def metrics_text(self) -> str:
        """Our metrics as Prometheus reads them."""
        return self.metrics.text()

    def _looks(self) -> Looks:
        outside = self.outside
        return Looks(
            store=self.store,
            observer=Observer(
                outside.kube,
                outside.metrics,
                outside.proxies,
                self.hooks.heard,
                self.inbox,
                lambda namespace: self.moved_by(namespace),  # noqa: PLW0108 - set later
            ),
            performer=Performer(outside.kube, self.store, self.settings.identity),
            lanes=Lanes(),
            interests=self._interests,
            metrics=self.metrics,
            clock=self.clock,
            leads=self.leads,
            gone=lambda _: None,
        )

    def _gone(self, key: str) -> None:
        self.hooks.heard(key, None)
        self.loop.forget(key)

    def _work(self) -> list[Coroutine[Any, Any, None]]:
        health = (self._health.run(), self._health.ask())
        return [*health, _forgetting(), *(b(self) for b in self.settings.beside)]

    def _tell_of_shards(self) -> None:
        count = self.settings.shards
        self.metrics.asked("rollout_leader", LEADS, self._held)
        self.metrics.asked("rollout_shards", SHARDS, lambda: float(count))
        places = {str(place): partial(self.holds, place) for place in range(count)}
        self.metrics.each("rollout_shard_leader", HELD, "shard", places)

    def _held(self) -> float:
        return float(self.shards.held if self.shards else 1)

    def _begin(self) -> None:
        """What the first looks will read is asked for beforehand, so that they find it."""
        for kind in (*concerns.KINDS, *preflight.KINDS):
            with contextlib.suppress(OutsideError):
                self.outside.kube.some(kind)
        self._wake_all()

    def _wake_all(self, mine: Mine = everything) -> None:
        """Every Rollout is looked at, as soon as it is known which there are.

        Where something is under way at once, and where nothing is a few at a time: ten thousand
        looks in a row would keep the next verdict waiting.
        """
        try:
            under_way, at_rest = self.store.rollouts()
        except OutsideError:
            asyncio.get_running_loop().call_later(FIRST, self._wake_all, mine)
            return
        for key in filter(mine, under_way):
            self.loop.wake(key)
        task = asyncio.create_task(self._wake_in_turn([*filter(mine, at_rest)]))
        self._waking.add(task)
        task.add_done_callback(self._waking.discard)

    async def _wake_in_turn(self, keys: Sequence[str]) -> None:
        for begin in range(0, len(keys), A_FEW):
            some = frozenset(keys[begin : begin + A_FEW])
            for key in sorted(some):
                self.loop.wake(key)
            await self.loop.idle(some.__contains__)
            if begin % MANY == 0:
                memo.forget()  # these rest: nobody asks for the same again

    def _changed(self, kind: str, touched: tuple[str, ...]) -> None:
        """An object changed: whom it concerns looks again; a Rollout itself at once."""
        own = {*concerns.itself(touched)} if kind == "Rollout" else set[str]()
        for key in sorted(own):
            anew = self._spoken.anew(key)
            self.loop.wake(key, urgent=anew, echo=not anew)
        for key in sorted(self._interests.whom(touched) - own):
            self.loop.wake(key)

    def _changes_hands(self, mine: Mine, leading: bool) -> None:
        """Whoever led before has written what we do not know."""
        self.store.forget(mine)
        if leading:
            self._wake_all(mine)
            for begin in self._begins:
                begin()

    def _listed(self, kind: str) -> Sequence[Json]:
        """All objects of a kind that is watched already; none while they are not known."""
        try:
            return self.outside.kube.list(kind)
        except OutsideError:
            return ()

    async def _release(self) -> None:
        if self.shards is None:
            return
        try:
            await self.shards.release()
        except RolloutError as error:
            telemetry.warn("lease not given back", error=str(error))


async def run(outside: Outside, settings: Settings, stop: asyncio.Event) -> None:
    """A controller, until ``stop`` is set."""
    await Controller(outside, settings).run(stop)


async def _ended(tasks: Sequence[asyncio.Task[None]]) -> None:
    """None of ``tasks`` runs any more; how they ended is told elsewhere."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _forgetting() -> None:
    """What nobody at work asks for is held in memory for a minute or two, and no longer."""
    while True:
        await asyncio.sleep(FORGETS)
        memo.forget()


async def _until(stop: asyncio.Event, tasks: Sequence[asyncio.Task[None]]) -> None:
    """``stop`` is set, or one of ``tasks`` has died, and its error is ours."""
    waiting = asyncio.create_task(stop.wait())
    try:
        done, _ = await asyncio.wait((waiting, *tasks), return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
    for task in done:
        if task is not waiting:
            task.result()
