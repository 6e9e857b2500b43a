"""What the port Repo promises, of the fake and of real git alike."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pytest

from rollout.edges.git.processes import Processes
from rollout.edges.git.repo import GitRepo
from rollout.edges.git.sidecar import Sidecar, served
from rollout.errors import OutsideError, RefusedError
from rollout.lab.programs.gitserver import GitServer
from rollout.model.source import Origin, Reading, Relation
from tests.edges.git.depot import Depot
from tests.fakes_repo import POINTER, FakeRepo

SHOP = """apiVersion: rollout.dev/v1alpha1
kind: Rollout
metadata: {name: shop}
spec:
  service: shop
  revision: %s
  workload: {deployments: "shop-{revision}"}
  strategy: {canary: {}}
"""
HTTP = "over http"


class World(Protocol):
    """A repository that the test can push to, and the port's view of it."""

    def push(self, files: Mapping[str, str], parent: str | None = None) -> str: ...
    def reset(self, commit: str) -> None: ...
    async def read(self, origin: Origin, since: str) -> Reading: ...


class RealWorld:
    def __init__(self, depot: Depot, repo: GitRepo, url: str) -> None:
        self.depot, self.repo, self.url = depot, repo, url

    def push(self, files: Mapping[str, str], parent: str | None = None) -> str:
        made = {name.encode(): text.encode() for name, text in files.items()}
        if parent == "":
            return self.depot.root(made)
        return self.depot.commit(made, *([parent] if parent else []))

    def reset(self, commit: str) -> None:
        self.depot.reset(commit)

    async def read(self, origin: Origin, since: str) -> Reading:
        return await self.repo.read(replace(origin, url=self.url), since)


@pytest.fixture(params=["fake", "path", HTTP])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    if request.param == "fake":
        yield FakeRepo()
        return
    async with AsyncExitStack() as exits:
        yield await _real(request.param, tmp_path, exits)


async def _real(far: str, tmp_path: Path, exits: AsyncExitStack) -> RealWorld:
    """Over HTTP it is read in a container beside us, by path in children of ours."""
    processes, socket = Processes(tmp_path / "cache"), tmp_path / "git.sock"
    if far == HTTP:
        await exits.enter_async_context(served(socket, processes))
    repo = GitRepo(Sidecar(socket) if far == HTTP else processes, local=True)
    exits.push_async_callback(repo.close)
    server = GitServer(tmp_path / "depots")
    await server.start()
    exits.push_async_callback(server.stop)
    depot = Depot(tmp_path / "depots" / "shop.git")
    url = f"{server.url}/shop.git" if far == HTTP else str(depot.path)
    return RealWorld(depot, repo, url)


ORIGIN = Origin("market/shop", "https://git.invalid/shop", "main", "")


async def test_a_commit_is_read_with_its_documents(world: World) -> None:
    commit = world.push({"shop.yaml": SHOP % "v1", "bad.yaml": "kind: Rollout"})
    reading = await world.read(ORIGIN, "")
    assert (reading.commit, reading.relation, reading.files) == (commit, Relation.FIRST, 2)
    [document] = reading.documents
    assert (document.name, document.file, document.line) == ("shop", "shop.yaml", 1)
    assert (document.commit, document.author) == (commit, "ann@example.com")
    assert document.spec["revision"] == "v1"
    assert {problem.file for problem in reading.problems} == {"bad.yaml"}


async def test_a_push_is_seen_and_each_file_keeps_its_commit(world: World) -> None:
    first = world.push({"a.yaml": SHOP % "v1", "b.yaml": SHOP.replace("shop", "cart") % "v1"})
    await world.read(ORIGIN, "")
    second = world.push({"a.yaml": SHOP % "v2", "b.yaml": SHOP.replace("shop", "cart") % "v1"})
    reading = await world.read(ORIGIN, first)
    assert reading.relation is Relation.FORWARD
    assert [one.commit for one in reading.documents] == [second, first]


async def test_reading_again_gives_the_same(world: World) -> None:
    commit = world.push({"a.yaml": SHOP % "v1"})
    first = await world.read(ORIGIN, "")
    again = await world.read(ORIGIN, commit)
    assert again == replace(first, relation=Relation.SAME)


async def test_what_nobody_could_read_is_named(world: World) -> None:
    """P-GIT-05, P-GIT-08: it may hold what was in force of it."""
    files = {"a.yaml": SHOP % "v1", "b.yaml": SHOP.replace("shop", "cart") % "v1"}
    world.push(files)
    assert (await world.read(ORIGIN, "")).unread == ()
    others = files["b.yaml"].replace("rollout.dev/v1alpha1", "argoproj.io/v1alpha1")
    template = "{{- if .Values.shop }}\nkind: ConfigMap\n{{- end }}\n"
    pointer = f"{POINTER}\noid sha256:4d7a\nsize 9\n"
    unread = {"a.yaml": pointer, "b.yaml": others, "d.yaml": template}
    world.push({"c.yaml": files["a.yaml"], "e.yaml": "kind: ConfigMap\n", **unread})
    reading = await world.read(ORIGIN, "")
    assert sorted(reading.unread) == sorted(unread)
    assert [one.file for one in reading.documents] == ["c.yaml"]
    assert reading.problems == ()
    assert len(reading.notes) == 2


async def test_rewritten_history_is_told(world: World) -> None:
    first = world.push({"a.yaml": SHOP % "v1"})
    second = world.push({"a.yaml": SHOP % "v2"})
    await world.read(ORIGIN, "")
    world.reset(first)
    assert (await world.read(ORIGIN, second)).relation is Relation.REWIND
    world.push({"a.yaml": SHOP % "v3"}, "")
    assert (await world.read(ORIGIN, second)).relation is Relation.UNRELATED


async def test_an_empty_repository_is_waited_for_and_a_missing_branch_is_not(world: World) -> None:
    with pytest.raises(OutsideError):
        await world.read(ORIGIN, "")
    world.push({"a.yaml": SHOP % "v1"})
    with pytest.raises(RefusedError):
        await world.read(replace(ORIGIN, ref="prod"), "")


async def test_many_readings_at_once_are_all_answered(world: World) -> None:
    commit = world.push({"a.yaml": SHOP % "v1"})
    origins = [replace(ORIGIN, key=f"market/{number % 3}") for number in range(12)]
    readings = await asyncio.gather(*(world.read(origin, "") for origin in origins))
    assert {reading.commit for reading in readings} == {commit}
