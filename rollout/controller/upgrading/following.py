"""Upgrades on a loop of their own: what wakes them, and what stops with them."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from rollout.controller.loop import Alarms, Loop, Scheduler
from rollout.controller.ports import Json, Reviews, Watching
from rollout.controller.seeing.spoken import Spoken
from rollout.controller.upgrading.looks import UpgradeLooks
from rollout.errors import ManifestError, OutsideError, RolloutError
from rollout.manifest import upgrades
from rollout.manifest.upgrades import KIND
from rollout.upgrade.moving import moving

AGAIN = 1.0  # seconds between two tries to read which upgrades there are
ASKED = 60.0  # seconds between two questions whether we may see upgrades
FEW = 1.0  # seconds in which all changes of a mesh are one look: there are hundreds in a wave


@dataclass(slots=True)
class Upgrades:
    """Looks at every ControlPlaneUpgrade for as long as ``run`` runs.

    ``when_seen``: called once it is known which there are; before that nobody should ask.
    """

    looks: UpgradeLooks
    watch: Watching
    reviews: Reviews
    when_seen: Callable[[], object] = lambda: None
    alarms: Callable[[], Alarms] = Scheduler
    _loop: Loop | None = field(default=None, init=False)
    _spoken: Spoken = field(init=False)
    _pending: asyncio.TimerHandle | None = field(default=None, init=False)
    _seen: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self._spoken = Spoken(self.looks.store.kube, KIND)

    async def run(self) -> None:
        """Until it is cancelled; looks under way end first."""
        alarms = self.alarms()
        self._loop = Loop(self.looks.look, alarms, self.looks.troubled, self.looks.metrics.failed)
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
        """Every upgrade is looked at, as soon as it is known which there are.

        Whoever may not see any has granted us no role for them, and hears nothing of it.
        """
        while not await self._may():
            await asyncio.sleep(ASKED)
        while True:
            try:
                self.looks.store.names()
            except OutsideError:
                await asyncio.sleep(AGAIN)
            else:
                break
        self._seen = True
        self.when_seen()
        self.wake_all()

    async def _may(self) -> bool:
        try:
            return await self.reviews.may("list", KIND)
        except RolloutError:
            return False

    def wake_all(self) -> None:
        """Every upgrade is looked at now, if they are known: asking begins no watch of them."""
        self._pending = None
        if not self._seen:
            return
        try:
            names = self.looks.store.names()
        except OutsideError:
            return
        for name in names:
            self._wake(name)

    def known(self) -> Sequence[Json]:
        """Every upgrade, as far as we may see any; asking begins no watch of them."""
        try:
            return self.looks.store.kube.list(KIND) if self._seen else ()
        except OutsideError:
            return ()

    def moving(self, namespace: str) -> str:
        """The upgrade that is moving the pods of ``namespace`` now; empty: none, or none is seen.

        One that cannot be read moves nothing.
        """
        for obj in self.known():
            with contextlib.suppress(ManifestError):
                if namespace in moving(upgrades.status(obj)):
                    return f"upgrade/{obj['metadata']['name']}"
        return ""

    def _changed(self, kind: str, touched: tuple[str, ...]) -> None:
        """An upgrade itself is looked at at once, anything else of a mesh a moment later."""
        if kind == KIND:
            for concern in touched:
                name = concern.removeprefix(f"{KIND} /")
                self._wake(name, urgent=self._spoken.anew(name))
        elif self._pending is None and self._seen and self._any():
            self._pending = asyncio.get_running_loop().call_later(FEW, self.wake_all)

    def _any(self) -> bool:
        return bool(self.known())

    def wake(self, name: str) -> None:
        """That one is looked at now."""
        self._wake(name, urgent=True)

    def _wake(self, name: str, *, urgent: bool = False) -> None:
        if self._loop is not None and name:
            self._loop.wake(name, urgent=urgent)
