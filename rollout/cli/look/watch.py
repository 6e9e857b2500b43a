"""``watch``: a rollout as it moves; drawn in place on a terminal, line by line elsewhere."""

import asyncio
import sys
from datetime import datetime

import typer
from rich.console import Group
from rich.live import Live
from rich.text import Text

from rollout import strategies
from rollout.cli import cluster, options, output
from rollout.cli.cluster import Seen
from rollout.cli.settings import Settings
from rollout.messages import terminal
from rollout.model.status import RolloutStatus, Stage


def watch(
    context: typer.Context,
    name: options.Name,
    namespace: options.Namespace = "",
    until_rest: bool = typer.Option(False, "--until-rest", help="End with the journey."),
) -> None:
    """Follow a rollout live, until Ctrl-C."""
    given = cluster.in_namespace(options.chosen(context), namespace)
    asyncio.run(_watch(given, name, until_rest=until_rest))


async def _watch(given: Settings, name: str, *, until_rest: bool) -> None:
    async with cluster.connected(given, name=name) as connection:
        if not sys.stdout.isatty():
            lines = _Lines(until_rest=until_rest)
            await cluster.follow(connection, given.namespace, name, lines.tell)
            return
        with Live(console=output.console(), auto_refresh=False) as live:
            drawn = _Drawn(live, until_rest=until_rest)
            clock = asyncio.create_task(drawn.tick())
            try:
                await cluster.follow(connection, given.namespace, name, drawn.tell)
            finally:
                clock.cancel()


class _Lines:
    """One line for each new sentence."""

    def __init__(self, *, until_rest: bool) -> None:
        self._until_rest = until_rest
        self._said = ""

    async def tell(self, found: Seen) -> bool:
        status = found.status
        line = f"{status.phase.value:<12} {terminal.share(status):>4}  {status.because}"
        if line != self._said:
            self._said = line
            print(f"{cluster.now():%H:%M:%S}  {line}", flush=True)
        return self._until_rest and status.stage.name is Stage.IDLE


class _Drawn:
    """The rollout as a picture, drawn anew on each change and every second."""

    def __init__(self, live: Live, *, until_rest: bool) -> None:
        self._live = live
        self._until_rest = until_rest
        self._found: Seen | None = None

    async def tell(self, found: Seen) -> bool:
        self._found = found
        self._draw()
        return self._until_rest and found.status.stage.name is Stage.IDLE

    async def tick(self) -> None:
        """For ever: ages go on although nothing changes."""
        while True:
            await asyncio.sleep(1)
            self._draw()

    def _draw(self) -> None:
        if self._found is not None:
            self._live.update(picture(self._found), refresh=True)


def picture(found: Seen) -> Group:
    """Phase, split, the journey's steps and the last decisions."""
    status, now = found.status, cluster.now()
    style = output.STYLES[status.phase.value]
    head = Text.assemble(
        (found.rollout.key, "bold"), "  ", (status.phase.value, f"bold {style}"),
        f"  {_sides(status)}",
    )  # fmt: skip
    share = Text.assemble((terminal.bar(terminal.percent(status), 40), style))
    share.append(f" {terminal.share(status) or 'no'} canary")
    past = [Text(f"{row[1]:>4}  {row[3]:<6} {row[5]}", style="dim") for row in _past(found, now)]
    steps = [_step(found, number) for number in range(len(_stops(found)))]
    verdicts = [Text(f"{v.outcome.value}: {v.text}") for v in status.attempt.verdicts]
    return Group(head, Text(status.because), share, *steps, *verdicts, *past)


def _past(found: Seen, now: datetime) -> list[tuple[str, ...]]:
    return terminal.history(found.status, now)[:5]


def _sides(status: RolloutStatus) -> str:
    stable = status.stable.name if status.stable else "nobody"
    return f"{stable} -> {status.attempt.canary.name}" if status.attempt.canary else stable


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
    return Text(f"{mark} {stop.name:<14} {stop.route.split.canary:3}%", style=style)
