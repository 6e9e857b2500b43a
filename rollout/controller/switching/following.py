"""Switchovers on a loop of their own: what wakes them, and what stops with them."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from rollout.controller.guard import Guard
from rollout.controller.instruments import Instruments
from rollout.controller.keeping.finalizer import Parting, at_once
from rollout.controller.keeping.inbox import Box, Inbox
from rollout.controller.loop import Alarms, Loop, Scheduler
from rollout.controller.ports import Cluster, Clusters, Gateways, Metrics, NameServers
from rollout.controller.seeing.spoken import Spoken
from rollout.controller.sharing import Leads
from rollout.controller.switching.clusters import Connections
from rollout.controller.switching.doing import Performer
from rollout.controller.switching.look import Looks
from rollout.controller.switching.seeing import Observer
from rollout.controller.switching.store import Store
from rollout.errors import Outside, OutsideError
from rollout.manifest.switchovers import KIND
from rollout.upgrade.switchover.requests import answered_in_chat

AGAIN = 0.5  # seconds between two tries to read which switchovers there are
INSTALLED = 30.0  # and where their kind is not installed


@dataclass(frozen=True, slots=True)
class Beyond:
    """Everything a switchover is given, as ports."""

    home: Cluster
    clusters: Clusters
    metrics: Metrics
    servers: NameServers
    gateways: Gateways


@dataclass(slots=True)
class Following:
    """Looks at every ClusterSwitchover for as long as ``run`` runs."""

    beyond: Beyond
    clock: Callable[[], datetime]
    leads: Leads
    instance: str
    inbox: Inbox
    metrics: Instruments
    parting: Parting = at_once
    alarms: Callable[[], Alarms] = Scheduler
    store: Store = field(init=False)
    observer: Observer = field(init=False)
    _spoken: Spoken = field(init=False)
    _loop: Loop | None = field(default=None, init=False)
    _begun: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self.store = Store(self.beyond.home, self.parting)
        self._spoken = Spoken(self.beyond.home, KIND)
        self.observer = observer(self.beyond, self.inbox)

    async def run(self) -> None:
        """Until it is cancelled; looks under way end first."""
        alarms, connections = self.alarms(), self.observer.connections
        performer = Performer(connections, self.observer, self.store, self.instance)
        looks = Looks(
            self.store,
            self.observer,
            performer,
            self.metrics,
            self.clock,
            self.leads,
            lambda _: None,
        )
        self._loop = Loop(looks.look, alarms, looks.troubled, self.metrics.failed)
        looks.gone = self._loop.forget
        self.beyond.home.listen(self._changed)
        try:
            await self._wake_always()
        finally:
            await self._loop.stop()
            alarms.stop()
            await connections.close()

    def begin(self) -> None:
        """This replica leads more from now on, and may not have for a moment: all are looked at."""
        self._begun = False

    async def _wake_always(self) -> None:
        """Every switchover is looked at as soon as it is known, and when this replica leads."""
        while True:
            wait = AGAIN
            try:
                keys = self.store.keys()
            except OutsideError as error:
                wait = INSTALLED if error.kind is Outside.UNKNOWN_KIND else AGAIN
            else:
                self.inbox.boxes[KIND] = Box(self.store, answered_in_chat, self._wake)
                if not self._begun:
                    self._begun = True
                    self.store.forget()  # whoever led before has written what we do not know
                    for key in keys:
                        self._wake(key)
            await asyncio.sleep(wait)

    def _changed(self, kind: str, touched: tuple[str, ...]) -> None:
        if kind == KIND:
            for concern in touched:
                key = concern.removeprefix(f"{KIND} ")
                self._wake(key, urgent=self._spoken.anew(key))

    def _wake(self, key: str, *, urgent: bool = True) -> None:
        if self._loop is not None:
            self._loop.wake(key, urgent=urgent)


def observer(beyond: Beyond, inbox: Inbox | None = None) -> Observer:
    """What sees for looks, and for a person who asks for the rules."""
    connections = Connections(beyond.home, beyond.clusters)
    return Observer(connections, beyond.metrics, beyond.servers, beyond.gateways, Guard(), inbox)
