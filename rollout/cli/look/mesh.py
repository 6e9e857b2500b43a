"""The same commands for an upgrade of the mesh: ``rollout status upgrade/NAME`` and the others."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rollout.cli import clock, cluster, output
from rollout.cli.output import Format
from rollout.cli.settings import Settings
from rollout.errors import RefusedError
from rollout.manifest import upgrades
from rollout.manifest.upgrades import KIND
from rollout.messages import upgrades as words
from rollout.model.upgrade import ControlPlaneUpgrade
from rollout.model.upgrading import State, UpgradeStatus

if TYPE_CHECKING:
    from rollout.edges.kube import Kube

_REST = (State.DONE, State.RETURNED)


@dataclass(frozen=True, slots=True)
class SeenUpgrade:
    """One upgrade as it is in the cluster."""

    obj: cluster.Json
    upgrade: ControlPlaneUpgrade
    status: UpgradeStatus


def status(given: Settings, name: str, form: Format) -> None:
    """Everything about one upgrade."""
    found = asyncio.run(_one(given, name))
    if form is Format.TABLE:
        output.facts(words.facts(found.upgrade, found.status, clock.now()))
    else:
        called = f"{KIND.lower()}.rollout.dev/{name}"
        output.machine(form, found.obj, [called])


def history(given: Settings, name: str, form: Format) -> None:
    """Its last 50 decisions, newest first."""
    found = asyncio.run(_one(given, name))
    if form is Format.TABLE:
        output.table(words.HISTORY_HEAD, words.history(found.status, clock.now()))
        return
    entries = (found.obj.get("status") or {}).get("history") or []
    output.machine(form, entries, [entry["id"] for entry in entries])


def explain(given: Settings, name: str) -> None:
    """Why it is not moving, and what would move it."""
    found = asyncio.run(_one(given, name))
    output.line(words.explain(found.upgrade, found.status))


def watch(given: Settings, name: str, *, until_rest: bool) -> None:
    """As it moves; drawn in place on a terminal, line by line elsewhere."""
    asyncio.run(_watch(given, name, until_rest=until_rest))


def everywhere(given: Settings) -> Settings:
    """``given`` without a namespace: an upgrade is the whole cluster's."""
    return Settings(kubeconfig=given.kubeconfig, context=given.context)


def read(obj: cluster.Json) -> SeenUpgrade:
    """``obj`` as nouns. Errors: ``ManifestError`` when it cannot be read."""
    return SeenUpgrade(obj, upgrades.upgrade(obj), upgrades.status(obj))


async def _there(connection: "Kube", name: str) -> cluster.Json:
    for obj in await cluster.listed(connection, KIND):
        if obj["metadata"]["name"] == name:
            return obj
    shows = "kubectl get controlplaneupgrades shows all"
    raise RefusedError(f"{cluster.UPGRADE}{name}: not found; {shows}")


async def _one(given: Settings, name: str) -> SeenUpgrade:
    async with cluster.connected(everywhere(given)) as connection:
        return read(await _there(connection, name))


async def _follow(
    connection: "Kube", name: str, tell: Callable[[cluster.Json], Awaitable[bool]]
) -> None:
    """``tell`` hears of the upgrade now and after every change, until it answers True."""
    changed = asyncio.Event()
    connection.listen(lambda kind, _: changed.set() if kind == KIND else None)
    while True:
        changed.clear()
        if await tell(await _there(connection, name)):
            return
        await changed.wait()


async def _watch(given: Settings, name: str, *, until_rest: bool) -> None:
    said: list[str] = []

    def rests(found: SeenUpgrade) -> bool:
        return until_rest and found.status.state in _REST

    async def line(obj: cluster.Json) -> bool:
        found = read(obj)
        text = f"{found.status.phase.value:<12} {found.status.state:<9} {found.status.because}"
        if said[-1:] != [text]:
            said.append(text)
            print(f"{clock.now():%H:%M:%S}  {text}", flush=True)
        return rests(found)

    async with cluster.connected(everywhere(given)) as connection:
        if not output.redraws():
            await _follow(connection, name, line)
            return
        from rollout.cli.look import pictures  # noqa: PLC0415 - a pipe needs nothing that draws

        with pictures.live() as drawing:

            async def draw(obj: cluster.Json) -> bool:
                drawing.update(pictures.upgrade(read(obj)), refresh=True)
                return rests(read(obj))

            await _follow(connection, name, draw)
