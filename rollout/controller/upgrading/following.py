"""Upgrades on a loop of their own: what wakes them, and what stops with them."""

import asyncio
from dataclasses import dataclass, field

from rollout.controller.loop import Loop, Scheduler
from rollout.controller.ports import Watching
from rollout.controller.upgrading.looks import UpgradeLooks
from rollout.errors import OutsideError
from rollout.manifest.upgrades import KIND

AGAIN = 1.0  # seconds between two tries to read which upgrades there are
FEW = 1.0  # seconds in which all changes of a mesh are one look: there are hundreds in a wave


@dataclass(slots=True)
class Upgrades:
    """Looks at every ControlPlaneUpgrade for as long as ``run`` runs."""

    looks: UpgradeLooks
    watch: Watching
    _loop: Loop | None = field(default=None, init=False)
    _pending: asyncio.TimerHandle | None = field(default=None, init=False)

    async def run(self) -> None:
        """Until it is cancelled; looks under way end first."""
        alarms = Scheduler()
        self._loop = Loop(
            self.looks.look,
            self.looks.clock,
            alarms,
            self.looks.troubled,
            self.looks.metrics.failed,
        )
        self.watch.listen(self._changed)
        try:
            await self._first()
            await asyncio.Event().wait()
        finally:
            if self._pending is not None:
                self._pending.cancel()
            await self._loop.stop()
            alarms.stop()

    async def _first(self) -> None:
        """Every upgrade is looked at, as soon as it is known which there are."""
        while True:
            try:
                self.looks.store.names()
            except OutsideError:
                await asyncio.sleep(AGAIN)
            else:
                break
        self.wake_all()

    def wake_all(self) -> None:
        """Every upgrade is looked at now, if they are known."""
        self._pending = None
        try:
            names = self.looks.store.names()
        except OutsideError:
            return
        for name in names:
            self._wake(name)

    def _changed(self, kind: str, touched: frozenset[str]) -> None:
        """An upgrade itself is looked at at once, anything else of a mesh a moment later."""
        if kind == KIND:
            for concern in touched:
                self._wake(concern.removeprefix(f"{KIND} /"), urgent=True)
        elif self._pending is None and self._any():
            self._pending = asyncio.get_running_loop().call_later(FEW, self.wake_all)

    def _any(self) -> bool:
        try:
            return bool(self.looks.store.names())
        except OutsideError:
            return False

    def _wake(self, name: str, *, urgent: bool = False) -> None:
        if self._loop is not None and name:
            self._loop.wake(name, urgent=urgent)
