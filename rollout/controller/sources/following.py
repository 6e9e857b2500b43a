"""Sources on a loop of their own: what wakes them, and what stops with them."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from rollout.controller import telemetry
from rollout.controller.loop import Alarms, Loop, Scheduler, Trouble
from rollout.controller.ports import Watching
from rollout.controller.seeing.spoken import Spoken
from rollout.controller.sources.look import Sources
from rollout.errors import OutsideError

AGAIN = 0.5  # seconds between two tries to read which sources there are


def _together() -> Alarms:
    """Sources of one repository are due at one instant."""
    return Scheduler(spread=0)


@dataclass(slots=True)
class Following:
    """Looks at every RolloutSource for as long as ``run`` runs."""

    sources: Sources
    watch: Watching
    alarms: Callable[[], Alarms] = _together
    _loop: Loop | None = field(default=None, init=False)
    _spoken: Spoken = field(init=False)

    def __post_init__(self) -> None:
        self._spoken = Spoken(self.sources.kube, "RolloutSource")

    async def run(self) -> None:
        """Until it is cancelled; looks under way end first."""
        alarms = self.alarms()
        self._loop = Loop(self.sources.look, alarms, _told)
        self.watch.listen(self._changed)
        try:
            await self.wake_all()
            await asyncio.Event().wait()
        finally:
            await self._loop.stop()
            alarms.stop()

    async def wake_all(self) -> None:
        """Every source is looked at, as soon as it is known which there are."""
        while True:
            try:
                keys = self.sources.keys()
            except OutsideError:
                await asyncio.sleep(AGAIN)
            else:
                break
        for key in keys:
            self._wake(key)

    def nudge(self, key: str) -> None:
        """The source's repository is read soon, whatever its interval."""
        self.sources.nudge(key)
        self._wake(key)

    def _changed(self, kind: str, touched: tuple[str, ...]) -> None:
        if kind == "RolloutSource":
            for concern in touched:
                key = concern.removeprefix("RolloutSource ")
                self._wake(key, urgent=self._spoken.anew(key))

    def _wake(self, key: str, *, urgent: bool = True) -> None:
        if self._loop is not None:
            self._loop.wake(key, urgent=urgent)


async def _told(trouble: Trouble) -> None:
    telemetry.warn("look failed", source=trouble.key, error=str(trouble.error))
