"""Switchovers as a person looks at them: where they stand, what was, and why nothing moves."""

import asyncio
from collections.abc import Callable
from typing import Any

from rollout.cli import clock, cluster, output
from rollout.cli.cluster import Json
from rollout.cli.output import Format
from rollout.cli.settings import Settings
from rollout.manifest import switchovers
from rollout.messages import switching
from rollout.model.switchover import SwitchStage

KIND = switchovers.KIND


def status(given: Settings, name: str, form: Format) -> None:
    """Everything about one switchover."""
    obj = asyncio.run(_there(given, name))
    if form is Format.TABLE:
        who, found = switchovers.switchover(obj), switchovers.status(obj)
        output.facts(switching.facts(who, found, clock.now()))
    else:
        output.machine(form, obj, [f"clusterswitchover.rollout.dev/{name}"])


def history(given: Settings, name: str, form: Format) -> None:
    """Its last 50 decisions, newest first."""
    obj = asyncio.run(_there(given, name))
    if form is Format.TABLE:
        past = switching.history(switchovers.status(obj), clock.now())
        output.table(switching.HISTORY_HEAD, past)
        return
    entries = (obj.get("status") or {}).get("history") or []
    output.machine(form, entries, [entry["id"] for entry in entries])


def explain(given: Settings, name: str) -> None:
    """Why it does not move, in one sentence."""
    obj = asyncio.run(_there(given, name))
    who, found = switchovers.switchover(obj), switchovers.status(obj)
    output.line(switching.explain(who, found, clock.now()))


def watch(given: Settings, name: str, *, until_rest: bool) -> None:
    """It as it moves: drawn in place on a terminal, line by line elsewhere."""
    asyncio.run(_watch(given, name, until_rest=until_rest))


async def _there(given: Settings, name: str) -> Json:
    async with cluster.connected(given) as connection:
        return await cluster.there(connection, given.namespace, name, KIND)


async def _watch(given: Settings, name: str, *, until_rest: bool) -> None:
    async with cluster.connected(given) as connection:
        follow = (connection, given.namespace, name)
        if not output.redraws():
            await cluster.follow_stored(*follow, _Told(_line, until_rest).tell, KIND)
            return
        from rollout.cli.look import pictures  # noqa: PLC0415 - a pipe needs nothing that draws

        with pictures.live() as drawing:
            draw = lambda obj: drawing.update(pictures.switchover(obj), refresh=True)  # noqa: E731
            await cluster.follow_stored(*follow, _Told(draw, until_rest).tell, KIND)


class _Told:
    """Shows each change, and knows when it is over."""

    def __init__(self, show: Callable[[Json], Any], until_rest: bool) -> None:
        self._show = show
        self._until_rest = until_rest

    async def tell(self, obj: Json) -> bool:
        self._show(obj)
        rests = switchovers.status(obj).stage.name is SwitchStage.SERVING
        return self._until_rest and rests


def _line(obj: Json) -> None:
    found = switchovers.status(obj)
    share = f"{found.stage.split.canary}%"
    line = f"{found.phase.value:<12} {share:>4}  {found.because}"
    print(f"{clock.now():%H:%M:%S}  {line}", flush=True)
