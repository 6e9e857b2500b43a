"""What a process keeps in memory is what is there: nothing old, and nothing of what is gone.

S44 and S45 of docs/simulation.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rollout.controller.look import Looks
from rollout.controller.loop import Alarms, Scheduler
from rollout.edges.kube.cache import Cache, version_of
from tests import virtual
from tests.controller.shop import NAMESPACE
from tests.sim.server import key
from tests.sim.wire import WORD

if TYPE_CHECKING:
    from tests.sim.process import Process
    from tests.sim.server import Commit
    from tests.sim.world import World

NOBODY = ""
FORGOTTEN = 30.0
"""Seconds in which whoever acts has heard that a Rollout is gone."""


@dataclass(eq=False)
class Kept:
    """``gone``: since when a Rollout, by name, is no more."""

    world: World
    gone: dict[str, float] = field(default_factory=dict)

    def committed(self, commit: Commit) -> None:
        """A Rollout is gone, or there again."""
        name = str(commit.new["metadata"]["name"])
        if commit.gone:
            self.gone[name] = commit.at
        else:
            self.gone.pop(name, None)

    def bounded(self) -> None:
        """S44: nothing is kept of a Rollout that went a while ago, so that memory ends."""
        since = virtual.passed() - max(FORGOTTEN, self.world.laws.fresh)
        late = {f"{NAMESPACE}/{n}" for n, at in self.gone.items() if at < since}
        clear = late if self.world.blurred_at < since else set[str]()
        for process in self.world.processes.values():
            if process.made is not None and process.alive and process.made.leads(NAMESPACE):
                for what, keys in _memories(process):
                    if found := keys & {*clear, NOBODY}:
                        said = f"{process.name} keeps {sorted(found)} among its {what}"
                        self.world.laws.broken("S44", said)

    def true(self) -> None:
        """S45: at rest each cache has what the API server has, and finds it by its concerns."""
        for process in self.world.processes.values():
            if process.made is not None and process.alive:
                for kind, cache in process.made.outside.kube._caches.items():  # type: ignore[attr-defined]
                    if why := _untrue(self.world, kind, cache):
                        self.world.laws.broken("S45", f"{process.name}: its {kind}s {why}")


def _memories(process: Process) -> Iterator[tuple[str, set[str]]]:
    """What a process may have kept something of a Rollout in, and of which, by key."""
    assert process.made is not None
    loop = process.made.loop
    looks = getattr(loop.look, "__self__", None)
    assert isinstance(looks, Looks)
    yield "states", {*loop._states}
    yield "alarms", _alarms(loop.alarms)
    yield "statuses", {*process.made.store._known}
    yield "excuses", {*looks._excuses}
    yield "announcements", {*looks._untold}
    yield "ways back", {*looks._leaving, *looks._lowering}
    yield "interests", {*looks.interests._by_key}


def _alarms(alarms: Alarms) -> set[str]:
    """Who is rung for at some moment; one that rings for nobody is kept for nothing, too."""
    if not isinstance(alarms, Scheduler):
        assert isinstance(alarms, virtual.Alarms)
        return {*alarms._set}
    rings = [(key, one) for one in alarms._rounds.values() for key in one.rings]
    twice = any(alarms._round_of.get(key) is not one for key, one in rings)
    for_nobody = twice or any(not one.rings for one in alarms._rounds.values())
    return {*alarms._round_of, *([NOBODY] if for_nobody else ())}


def _untrue(world: World, kind: str, cache: Cache) -> str:
    """What of a cache is not as the API server has it; empty: all is."""
    word = WORD if world.plan.setup.wordy else ""
    there = {key(one): version_of(one) + word for one in world.server.all(kind)}
    held = {place: one.version for place, one in cache._held.items()}
    if held != there:
        return f"are {held}, and there are {there}"
    found: dict[str, set[tuple[str, str]]] = {}
    for place, one in cache._held.items():
        for concern in one.concerns:
            found.setdefault(concern, set()).add(place)
    for concern in {*found, *cache._by_concern}:
        if (by := {key(one) for one in cache.all(concern)}) != found.get(concern, "nothing"):
            return f"are {by} by {concern}, and {found.get(concern)}"
    return ""
