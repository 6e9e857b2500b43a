"""People who look: page by page, at the page in a browser, and by commands of the CLI.

S40 of docs/simulation.md: what they are shown is what is so.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from rollout.controller.keeping.store import Held, Store
from rollout.controller.seeing import concerns
from rollout.controller.sharing import everything
from rollout.edges.kube import Kube
from rollout.edges.kube.source import Scope, scopes
from rollout.errors import OutsideError, RolloutError
from rollout.manifest import record
from rollout.model.status import RolloutStatus
from tests import virtual
from tests.controller.shop import NAMESPACE

if TYPE_CHECKING:
    from tests.sim.server import Json
    from tests.sim.wire import Wire
    from tests.sim.world import World

EVERY = 17.0
"""Seconds between two looks of a person; at another moment of a minute each time."""
SOON = 0.001
"""Seconds until the first one, before anything was looked at."""
READER = "reader"


@dataclass(eq=False)
class Readers:
    """One person with the CLI, who watches one namespace alone."""

    world: World
    wire: Wire
    _before: dict[str, Held] = field(default_factory=dict)

    async def look(self) -> None:
        """Again and again, until the play is over."""
        try:
            await self._looks()
        except Exception as error:
            self._broken(f"cannot look any more: {error!r}")

    async def _looks(self) -> None:
        async with Kube(self.wire, concerns.of, scopes(NAMESPACE), lambda: 0.5) as kube:  # type: ignore[arg-type]
            store = Store(kube)
            await asyncio.sleep(SOON)
            while True:
                self._page()
                with contextlib.suppress(RolloutError):
                    await self._each(kube)
                    await self._may(kube)
                self._page()
                self._told(kube, store)
                await asyncio.sleep(EVERY)

    async def _each(self, kube: Kube) -> None:
        """Each object is read once, page by page, unless somebody writes meanwhile."""
        revision = self.world.server.ledger.revision
        read = [str(o["metadata"]["name"]) async for o in kube.each("Pod", Scope(NAMESPACE))]
        there = [str(o["metadata"]["name"]) for o in self.world.server.all("Pod")]
        if sorted(read) != sorted(there) and revision == self.world.server.ledger.revision:
            self._broken(f"reads the pods {read}, and there are {there}")

    async def _may(self, kube: Kube) -> None:
        """What is asked is about what is watched: one namespace, and of Namespaces that one."""
        for kind, wanted in (("Pod", (NAMESPACE, "")), ("Namespace", ("", NAMESPACE))):
            await kube.may("list", kind)
            asked = self.world.server.reviewed[-1]
            if (asked["namespace"], asked["name"]) != wanted:
                self._broken(f"asks for {asked}, and wants to know of {wanted}")

    def _page(self) -> None:
        """The page has what the last look has left, and nothing of a replica that may not act."""
        for process in self.world.processes.values():
            for name, _ in self.world.subjects if process.made and process.alive else ():
                made, held = process.made, self.world.rollout(name)
                assert made is not None
                shown = made.newest(f"{NAMESPACE}/{name}")
                if shown is not None and not made.leads(NAMESPACE):
                    self._broken(f"{process.name} does not lead, and shows {shown}")
                known = _known(made.store, held)
                if known is not None and made.leads(NAMESPACE):
                    status = record.status({**(held or {}), "status": shown})
                    if (status.because, status.stage.name) != (known.because, known.stage.name):
                        self._broken(f"shows {status.because}, and knows {known.because}")

    def _told(self, kube: Kube, store: Store) -> None:
        """Who hears of a look of the controller's shows that, until the object is another."""
        for name, _ in self.world.subjects:
            try:
                held = store.load(f"{NAMESPACE}/{name}")
            except RolloutError as error:
                silent = kube.complaint("Rollout") + kube.complaint("Gateway")
                if "not listed yet" in str(error) and not silent:
                    self._broken(f"cannot read, and nothing is told: {error}")
                continue
            newest = self._newest(name)
            if held is None or newest is None:
                continue
            status = record.status({**held.obj, "status": newest})
            store.hear(held, status)
            if (old := self._before.get(name)) is not None and old.obj is not held.obj:
                store.hear(old, replace(status, because="what was heard of an older version"))
                if store.remembered(old.obj) is not None:
                    self._broken("takes what it knows for what it knew of an older version")
            self._before[name] = held
            if (heard := store.remembered(held.obj)) != status:
                self._broken(f"heard {status.because}, and shows {heard and heard.because}")
            store.forget(everything)
            store.hear(held, status)
            if store.remembered(held.obj) is not None:
                self._broken("shows what it had forgotten")

    def _newest(self, name: str) -> Json | None:
        for process in self.world.processes.values():
            if process.made and process.alive:
                shown = process.made.newest(f"{NAMESPACE}/{name}")
                if shown is not None:
                    return shown
        return None

    def _broken(self, what: str) -> None:
        self.world.laws.broken("S40", f"{virtual.passed():.0f} s: {READER} {what}")


def _known(store: Store, held: Json | None) -> RolloutStatus | None:
    """What a look at this very version left."""
    try:
        mine = store.kube.get("Rollout", NAMESPACE, held["metadata"]["name"]) if held else None
    except OutsideError:
        return None
    return store.remembered(mine) if mine else None
