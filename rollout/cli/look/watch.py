"""``watch``: a rollout as it moves; drawn in place on a terminal, line by line elsewhere."""

import asyncio
from datetime import datetime

import typer
from rich.console import Group
from rich.live import Live
from rich.text import Text

from rollout import strategies
from rollout.cli import cluster, live, options, output
from rollout.cli.cluster import Seen, Unread
from rollout.cli.look import mesh, switchovers
from rollout.cli.settings import Settings
from rollout.messages import clocks, evidence, terminal
from rollout.model.status import Phase, RolloutStatus, Stage


def watch(
    context: typer.Context,
    name: options.Name,
    namespace: options.Namespace = "",
    until_rest: bool = typer.Option(False, "--until-rest", help="End with the journey."),
) -> None:
    """Follow a rollout live, until Ctrl-C."""
    if upgrade := cluster.upgrade_named(name):
        mesh.watch(options.chosen(context), upgrade, until_rest=until_rest)
        return
    given = cluster.in_namespace(options.chosen(context), namespace)
    kind, name = cluster.named(name)
    if kind == switchovers.KIND:
        switchovers.watch(given, name, until_rest=until_rest)
        return
    asyncio.run(_watch(given, name, until_rest=until_rest))


async def _watch(given: Settings, name: str, *, until_rest: bool) -> None:
    async with cluster.connected(given, name=name) as connection:
        if not output.redraws():
            lines = _Lines(until_rest=until_rest)
            await cluster.follow_either(connection, given.namespace, name, lines.tell)
            return
        with Live(console=output.console(), auto_refresh=False) as drawing:
            drawn = _Drawn(drawing, connection.server, until_rest=until_rest)
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

    async def tell(self, found: Seen | Unread) -> bool:
        line = _line(found)
        if line != self._said:
            self._said = line
            print(f"{cluster.now():%H:%M:%S}  {line}", flush=True)
        return self._until_rest and _rests(found)


class _Drawn:
    """The rollout as a picture, drawn anew on each change and every second.

    ``server``: the API server, by which the controller's own door is found: what it says is as
    old as its last look, and no minute old.
    """

    def __init__(self, drawing: Live, server: str, *, until_rest: bool) -> None:
        self._drawing = drawing
        self._server = server
        self._until_rest = until_rest
        self._found: Seen | Unread | None = None

    async def tell(self, found: Seen | Unread) -> bool:
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
        if isinstance(found, Seen):
            found = await live.fresh(self._server, found)
        if found is not None:
            self._drawing.update(picture(found), refresh=True)


def _rests(found: Seen | Unread) -> bool:
    return isinstance(found, Seen) and found.status.stage.name is Stage.IDLE


def _line(found: Seen | Unread) -> str:
    status = found.status or RolloutStatus(phase=Phase.PAUSED)
    because = found.because if isinstance(found, Unread) else status.because
    return f"{status.phase.value:<12} {terminal.share(status):>4}  {because}"


def picture(found: Seen | Unread) -> Group:
    """Phase, split, the journey's steps with their clocks and evidence, the last decisions.

    What cannot be read is said, with what goes on meanwhile; the picture stays.
    """
    status, now = found.status or RolloutStatus(phase=Phase.PAUSED), cluster.now()
    style = output.STYLES[status.phase.value]
    key = found.key if isinstance(found, Unread) else found.rollout.key
    head = Text.assemble(
        *((key, "bold"), "  ", (status.phase.value, f"bold {style}"), f"  {_sides(status)}"),
        (f"  {terminal.marks(status.attempt.canary or status.stable)}".rstrip(), "dim"),
    )
    share = Text.assemble((terminal.bar(terminal.percent(status), 40), style))
    share.append(f" {terminal.share(status) or 'no'} canary")
    past = [Text(f"{row[1]:>4}  {row[3]:<6} {row[5]}", style="dim") for row in _past(status, now)]
    if isinstance(found, Unread):
        problem = Text(f"the spec cannot be read: {found.because}", style="red")
        goes_on = [Text(f"it goes on as it was: {status.because}")] if found.status else []
        return Group(head, problem, *goes_on, share, *past)
    steps = [_step(found, number) for number in range(len(_stops(found)))]
    ticking = [Text(f"  {line}") for line in clocks.lines(found.rollout, status, now)]
    counted = [Text(f"  {line}") for line in evidence.lines(status.attempt)]
    return Group(head, Text(status.because), share, *steps, *ticking, *counted, *past)


def _past(status: RolloutStatus, now: datetime) -> list[tuple[str, ...]]:
    return terminal.history(status, now)[:5]


def _sides(status: RolloutStatus) -> str:
    stable, canary = (terminal.known_as(one) for one in terminal.sides(status))
    return " -> ".join(name for name in (stable or "nobody", canary) if name)


def _stops(found: Seen) -> tuple[strategies.Stop, ...]:
    return strategies.plan(found.rollout.spec.strategy).stops


_PASSED = {Stage.SWITCHING, Stage.BAKING, Stage.REPOINTING, Stage.RETURNING, Stage.RETIRING}
"""The stages after the last step, of a journey that went well."""


def _step(found: Seen, number: int) -> Text:
    """One step, marked as past, present or to come."""
    stop, at = _stops(found)[number], found.status.attempt.step
    index = at.index if at else (99 if found.status.stage.name in _PASSED else -1)
    mark, style = ("●", "bold") if number == index else ("✓", "dim")
    if number > index:
        mark, style = "○", ""
    drawn = Text(f"{mark} {stop.name:<14} {stop.route.split.canary:3}%", style=style)
    if stop.route.is_dressed:
        drawn.append(f"  {terminal.beside(stop.route)}")
    return drawn
