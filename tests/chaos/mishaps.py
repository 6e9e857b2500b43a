"""Journeys in two namespaces, one a shard, a mishap in their middle, and what holds at the end."""

import asyncio
import contextlib
import itertools
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rollout.cli.manifests import rbac
from rollout.controller import rights
from rollout.controller.sharing import shard
from rollout.lab.kube.client import ApiRefusedError
from rollout.model.audit import Act
from tests.chaos import witness
from tests.chaos.fleet import PATIENCE, Fleet, fleet
from tests.chaos.plane import Commit, Plane, commits
from tests.cluster import objects
from tests.cluster.conftest import Control
from tests.cluster.journeys import Scene

NAMES = ("web", "cart")
STEPS = [{"weight": 10, "bake": "4s"}, {"weight": 50, "bake": "4s"}]
ROLLOUTS = "/registry/rollout.dev/rollouts/"
ROUTES = "/registry/networking.istio.io/virtualservices/"
_RUNS = itertools.count()


@dataclass
class Play:
    """The replicas at work, and all that etcd has had of ours since they began."""

    plane: Plane
    fleet: Fleet
    scenes: Sequence[Scene]
    names: Sequence[str]
    rollouts: list[Commit]
    routes: list[Commit]

    async def push(self) -> None:
        """Git asks for v2 everywhere."""
        for scene, name in self._services():
            await scene.push(name, revision="v2")

    async def moves(self) -> None:
        """Every canary has requests, or had: none is at its end before it was looked at."""
        async with asyncio.TaskGroup() as ways:
            for scene, name in self._services():
                ways.create_task(scene.moves(name))

    async def arrives(self) -> None:
        """Every journey is over, and well."""
        for scene, name in self._services():
            await scene.rests(name, 1, "v2")

    def holds(self) -> None:
        """No law was broken; each step was taken once, and each decision is in the log once."""
        assert witness.broken(self.rollouts, self.routes) == []
        for scene, name in self._services():
            assert witness.path(self.routes, scene.space, name) == [*witness.PLAN]

    async def recorded(self) -> None:
        """Each decision is one line of one shard's audit log, and every log is whole."""
        wanted = [entry async for entry in self._decisions()]
        logs = sorted(self.fleet.audit.parent.glob("*.jsonl"))
        async with asyncio.timeout(PATIENCE):
            while not {*wanted} <= {*decided(logs)}:
                await asyncio.sleep(0.2)
        assert Counter(decided(logs)) == Counter(wanted)
        assert [line async for line in unverified(logs)] == []

    async def _decisions(self) -> AsyncIterator[str]:
        for scene, name in self._services():
            obj = await scene.read("Rollout", name)
            for entry in obj["status"]["history"]:
                yield f"{obj['metadata']['uid']}.{entry['id']}"

    def _services(self) -> list[tuple[Scene, str]]:
        return [(scene, name) for scene in self.scenes for name in self.names]


@dataclass
class Stage:
    """A real API server, and a folder for what the replicas keep."""

    plane: Plane
    control: Control
    folder: Path

    @contextlib.asynccontextmanager
    async def play(
        self, names: Sequence[str] = NAMES, spaces: int = 2, **sizes: Any
    ) -> AsyncIterator[Play]:
        """Services at rest on v1, driven by replicas that have their shares.

        ``names``: in each of so many ``spaces``, which the shards have in turn; ``sizes``: of the
        fleet.
        """
        run = next(_RUNS)
        for name in rights.leases(rights.MOST_SHARDS):
            with contextlib.suppress(ApiRefusedError):
                await self.control.delete("Lease", rbac.OWN, name)
        folder = self.folder / str(run)
        folder.mkdir()
        called = [_space(run, place) for place in range(spaces)]
        await self.control.apply(*(objects.namespace(space) for space in called))
        scenes = [Scene(self.control, space, folder) for space in called]
        etcd = self.plane.real.etcd
        async with (
            _gone_after(self.control, called, names),
            commits(etcd, ROLLOUTS) as rollouts,
            commits(etcd, ROUTES) as routes,
            fleet(self.control, folder, **sizes) as made,
        ):
            await made.settles()
            strategy = {"canary": {"steps": STEPS}}
            async with asyncio.TaskGroup() as ways:
                for scene in scenes:
                    for name in names:
                        ways.create_task(scene.shop(name, strategy=strategy))
            yield Play(self.plane, made, scenes, names, rollouts, routes)


def _space(run: int, place: int) -> str:
    """A namespace of that shard of two."""
    names = (f"chaos-{run}-{place}-{n}" for n in itertools.count())
    return next(name for name in names if shard(name, 2) == place % 2)


@contextlib.asynccontextmanager
async def _gone_after(
    control: Control, spaces: Sequence[str], names: Sequence[str]
) -> AsyncIterator[None]:
    """At the end what the next mishap's replicas would have to look at, too, is gone."""
    try:
        yield
    finally:
        for space in spaces:
            await _emptied(control, space, names)


async def _emptied(control: Control, space: str, names: Sequence[str]) -> None:
    for name in names:
        change = {"finalizers": None}
        with contextlib.suppress(ApiRefusedError):
            await control.change("Rollout", space, name, metadata=change)
        for kind in ("Rollout", "VirtualService"):
            with contextlib.suppress(ApiRefusedError):
                await control.delete(kind, space, name)


async def unverified(logs: Sequence[Path]) -> AsyncIterator[str]:
    """What ``rollout audit verify`` says of each log that is not whole."""
    for log in logs:
        words = ("-m", "rollout", "audit", "verify", str(log))
        pipe = asyncio.subprocess.PIPE  # waited for beside the replicas' wires, which are ours
        verify = await asyncio.create_subprocess_exec(sys.executable, *words, stdout=pipe)
        answer, _ = await verify.communicate()
        if verify.returncode != 0:
            yield answer.decode()


_OF_HISTORY = {Act.DECISION, Act.REQUEST, Act.APPROVAL, Act.REJECTION}
"""Acts that a Rollout's own history has, too."""


def decided(logs: Sequence[Path]) -> list[str]:
    """The ids of decisions in the logs, in their order."""
    found = []
    for log in logs:
        for line in log.read_bytes().splitlines() if log.exists() else ():
            with contextlib.suppress(ValueError):
                body = json.loads(line)
                if body.get("act") in _OF_HISTORY:
                    found.append(str(body["id"]))
    return found
