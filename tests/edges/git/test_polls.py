"""Many sources and many far sides: one poll for one repository, and nobody waits for the slow."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from rollout.edges.git.lanes import FAST, SLOW, FetchLanes
from rollout.edges.git.processes import Processes
from rollout.edges.git.repo import GitRepo
from rollout.errors import OutsideError, RefusedError
from rollout.model.source import Origin
from tests.edges.git.depot import Depot
from tests.edges.git.transports import PASSWORD, USER, Authority, TlsGit, raw
from tests.ports.test_repo import SHOP

LOGIN = {"username": USER, "password": PASSWORD}
SHORT = timedelta(seconds=2)


@pytest.fixture
def depot(tmp_path: Path) -> Depot:
    (tmp_path / "depots").mkdir()
    made = Depot(tmp_path / "depots" / "shop.git")
    made.commit({b"a": {b"shop.yaml": (SHOP % "v1").encode()}})
    return made


@pytest.fixture
async def repo(tmp_path: Path) -> AsyncIterator[GitRepo]:
    made = GitRepo(Processes(tmp_path / "cache"), local=True, patience=SHORT)
    yield made
    await made.close()


@pytest.fixture
async def server(depot: Depot, tmp_path: Path) -> AsyncIterator[TlsGit]:
    authority = Authority.made(tmp_path / "ca")
    made = await TlsGit(depot.path.parent, authority.server()).start()
    made.ca = authority.ca
    yield made
    await made.stop()


def origins(server: TlsGit, count: int, **more: object) -> list[Origin]:
    """Sources of one repository, each with a path of its own."""
    secret = {**LOGIN, "ca.crt": server.ca}
    first = Origin("", f"{server.url}/shop.git", "main", "", secret, secret_name="shop/login")
    made = [replace(first, key=f"shop/{number}", path=f"a/{number}") for number in range(count)]
    return [replace(one, **more) for one in made]  # type: ignore[arg-type]


def listings(server: TlsGit) -> int:
    """How often the server was asked for its refs by somebody it let in."""
    return sum("info/refs" in one for one in server.requests) // 2  # each is refused once first


async def test_fifty_sources_on_one_repository_share_one_clone_and_one_poll(
    repo: GitRepo, depot: Depot, server: TlsGit, tmp_path: Path
) -> None:
    async def read() -> set[str]:
        done = await asyncio.gather(*(repo.read(one, "") for one in origins(server, 50)))
        return {reading.commit for reading in done}

    assert (await read(), listings(server)) == ({depot.head()}, 1)
    assert len(list((tmp_path / "cache").glob("*/*.git"))) == 1
    before = len(server.requests)
    await read()
    again = server.requests[before:]
    assert [one for one in again if "POST" in one] == []
    assert listings(server) == 2


async def test_refs_and_folders_of_one_repository_share_the_poll(
    repo: GitRepo, depot: Depot, server: TlsGit
) -> None:
    main, prod = origins(server, 2)
    depot.repo.references.create("refs/heads/prod", depot.repo.references["refs/heads/main"].target)
    asked = [main, replace(prod, ref="prod"), replace(prod, key="shop/gone", ref="gone")]
    done = await asyncio.gather(*(repo.read(one, "") for one in asked), return_exceptions=True)
    assert [type(one).__name__ for one in done] == ["Reading", "Reading", "RefusedError"]
    assert listings(server) == 1


async def test_another_secret_is_another_clone(
    repo: GitRepo, depot: Depot, server: TlsGit, tmp_path: Path
) -> None:
    [mine] = origins(server, 1)
    await repo.read(mine, "")
    wrong = {**mine.secret, "password": "wr0ng-one"}
    theirs = replace(mine, key="eve/git", secret=wrong, secret_name="eve/login")
    with pytest.raises(RefusedError, match="were refused"):
        await repo.read(theirs, "")
    assert len(list((tmp_path / "cache").glob("*/*.git"))) == 2


async def test_a_poll_answers_whoever_asked_before_it_began_and_nobody_after(
    repo: GitRepo, depot: Depot
) -> None:
    mine = Origin("shop/a", str(depot.path), "main", "")
    first = asyncio.create_task(repo.read(mine, ""))
    await asyncio.sleep(0)
    pushed = depot.commit({b"b.yaml": b"x"})
    assert (await repo.read(replace(mine, key="shop/b"), "")).commit == pushed
    await first


async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        await reader.read()
    writer.close()


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\n\r\n"
SERVICE = b"001e# service=git-upload-pack\n0000"


async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A byte a moment, so that no silence is ever long."""
    with suppress(OSError):
        writer.write(HEAD + SERVICE + b"fff0")
        while True:
            writer.write(b"0")
            await writer.drain()
            await asyncio.sleep(0.05)


async def grow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Refs without end, as fast as they are taken."""
    name = b"%b refs/heads/%b\n" % (b"1" * 40, b"x" * 900)
    line = b"%04x%b" % (len(name) + 4, name)
    with suppress(OSError):
        writer.write(HEAD + SERVICE)
        while True:
            writer.write(line * 1000)
            await writer.drain()


async def test_far_sides_that_hang_drip_or_grow_cost_their_neighbours_nothing(
    repo: GitRepo, depot: Depot
) -> None:
    """P-GIT-03."""
    good = Origin("shop/good", str(depot.path), "main", "")
    await repo.read(good, "")
    async with raw(hang) as hanging, raw(drip) as dripping, raw(grow) as growing:
        ports = [hanging] * 12 + [dripping] * 3 + [growing]
        urls = [f"http://127.0.0.1:{port}/{number}" for number, port in enumerate(ports)]
        bad = [Origin(f"shop/{number}", url, "main", "") for number, url in enumerate(urls)]
        tasks = [asyncio.create_task(repo.read(one, "")) for one in bad]
        await asyncio.sleep(0)
        assert (await repo.read(good, "")).commit == depot.head()
        again = [asyncio.create_task(repo.read(one, "")) for one in bad]
        for _ in range(20):
            commit = depot.commit({b"b.yaml": b"x"})
            assert (await repo.read(good, "")).commit == commit
        for task in (*tasks, *again):
            task.cancel()
        ended = await asyncio.gather(*tasks, *again, return_exceptions=True)
    kinds = {type(one) for one in ended}
    assert kinds <= {OutsideError, RefusedError, asyncio.CancelledError}


async def test_a_far_side_that_grows_without_end_is_left(repo: GitRepo) -> None:
    """P-GIT-03, P-GIT-04."""
    async with raw(grow) as port:
        with pytest.raises(
            (OutsideError, RefusedError), match=r"reader's memory|could not read re"
        ):
            await repo.read(Origin("shop/a", f"http://127.0.0.1:{port}/x", "main", ""), "")


async def test_whoever_is_slow_once_and_quick_again_is_not_slow_any_more() -> None:
    lanes = FetchLanes(timedelta(seconds=0.05))

    async def take(seconds: float) -> float:
        await asyncio.sleep(seconds)
        return seconds

    assert await lanes.run("a", lambda: take(0.2)) == 0.2
    assert lanes.slow == {"a"}
    assert await lanes.run("a", lambda: take(0)) == 0
    assert lanes.slow == set()


async def test_what_turns_out_slow_while_the_slow_lane_is_full_is_begun_anew_there() -> None:
    lanes, gate, begun = FetchLanes(timedelta(seconds=0.05)), asyncio.Event(), list[int]()

    async def wait(number: int) -> int:
        begun.append(number)
        await gate.wait()
        return number

    tasks = [
        asyncio.create_task(lanes.run(str(number), partial(wait, number)))
        for number in range(SLOW + FAST)
    ]
    while len(begun) < SLOW + FAST:
        await asyncio.sleep(0.01)
    assert await lanes.run("good", partial(asyncio.sleep, 0, "good")) == "good"
    gate.set()
    assert await asyncio.gather(*tasks) == list(range(SLOW + FAST))
    assert sorted(set(begun)) == list(range(SLOW + FAST))
