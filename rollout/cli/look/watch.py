"""``watch``: a rollout as it moves; drawn in place on a terminal, line by line elsewhere."""

import asyncio
from collections.abc import Callable

from rollout.cli import clock, cluster, live, output
from rollout.cli.cluster import SWITCHOVER, SeenRollout, UnreadRollout
from rollout.cli.settings import Settings
from rollout.messages import terminal
from rollout.model.status import Phase, RolloutStatus, Stage


def watch(given: Settings, name: str, namespace: str, *, until_rest: bool) -> None:
    """It as it moves, until Ctrl-C."""
    if upgrade := cluster.upgrade_named(name):
        from rollout.cli.look import mesh  # noqa: PLC0415 - seldom asked for

        mesh.watch(given, upgrade, until_rest=until_rest)
        return
    given = cluster.in_namespace(given, namespace)
    kind, name = cluster.named(name)
    if kind == SWITCHOVER:
        from rollout.cli.look import switchovers  # noqa: PLC0415 - seldom asked for

        switchovers.watch(given, name, until_rest=until_rest)
        return
    asyncio.run(_watch(given, name, until_rest=until_rest))


async def _watch(given: Settings, name: str, *, until_rest: bool) -> None:
    async with cluster.connected(given, name=name) as connection:
        if not output.redraws():
            lines = _Lines(until_rest=until_rest)
            await cluster.follow_either(connection, given.namespace, name, lines.tell)
            return
        from rollout.cli.look import pictures  # noqa: PLC0415 - a pipe needs nothing that draws

        with pictures.live() as drawing:
            show = lambda found: drawing.update(pictures.rollout(found), refresh=True)  # noqa: E731
            drawn = _Drawn(show, connection.server, until_rest=until_rest)
            clock = asyncio.create_task(drawn.tick())
            try:
                await cluster.follow_either(connection, given.namespace, name, drawn.tell)
            finally:
                clock.cancel()


class _Lines:
    """One line for each new sentence."""

    def __init__(self, *, until_rest: bool) -> None:
        self._until_rest = until_rest
        self._said = ""

    async def tell(self, found: SeenRollout | UnreadRollout) -> bool:
        line = _line(found)
        if line != self._said:
            self._said = line
            print(f"{clock.now():%H:%M:%S}  {line}", flush=True)
        return self._until_rest and _rests(found)


class _Drawn:
    """The rollout as a picture, drawn anew on each change and every second.

    ``server``: the API server, by which the controller's own door is found: what it says is as
    old as its last look, and no minute old.
    """

    def __init__(
        self, show: Callable[[SeenRollout | UnreadRollout], None], server: str, *, until_rest: bool
    ) -> None:
        self._show = show
        self._server = server
        self._until_rest = until_rest
        self._found: SeenRollout | UnreadRollout | None = None

    async def tell(self, found: SeenRollout | UnreadRollout) -> bool:
        self._found = found
        await self._draw()
        return self._until_rest and _rests(found)

    async def tick(self) -> None:
        """For ever: clocks go on although nothing changes."""
        while True:
            await asyncio.sleep(1)
            await self._draw()

    async def _draw(self) -> None:
        found = self._found
        if isinstance(found, SeenRollout):
            found = await live.fresh(self._server, found)
        if found is not None:
            self._show(found)


def _rests(found: SeenRollout | UnreadRollout) -> bool:
    return isinstance(found, SeenRollout) and found.status.stage.name is Stage.IDLE


def _line(found: SeenRollout | UnreadRollout) -> str:
    status = found.status or RolloutStatus(phase=Phase.PAUSED)
    because = found.because if isinstance(found, UnreadRollout) else status.because
    return f"{status.phase.value:<12} {terminal.share(status):>4}  {because}"
