"""The child that reads: limits, crashes, and remotes that misbehave."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pygit2
import pytest
from aiohttp import web

from rollout.edges.git.processes import Processes
from rollout.edges.git.repo import GitRepo
from rollout.errors import OutsideError, RefusedError
from rollout.lab.programs.gitserver import GitServer
from rollout.manifest import load
from rollout.model.source import Origin, Reading
from tests.edges.git.depot import Depot
from tests.edges.git.hostile import HOSTILE
from tests.effort import effort
from tests.ports.test_repo import SHOP

Serve = Callable[[Callable[[web.Request], Awaitable[web.StreamResponse]]], Awaitable[str]]


@pytest.fixture
async def repo(tmp_path: Path) -> AsyncIterator[GitRepo]:
    made = GitRepo(Processes(tmp_path / "cache"), local=True)
    yield made
    await made.close()


@pytest.fixture
def depot(tmp_path: Path) -> Depot:
    (tmp_path / "depots").mkdir()
    return Depot(tmp_path / "depots" / "shop.git")


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts a web server that answers everything with a handler; gives its address."""
    runners = []

    async def start(handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> str:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handler)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        runners.append(runner)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    yield start
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
async def server(depot: Depot) -> AsyncIterator[GitServer]:
    made = GitServer(depot.path.parent)
    await made.start()
    yield made
    await made.stop()


def origin(url: object, **more: object) -> Origin:
    return replace(Origin("market/shop", str(url), "main", ""), **more)  # type: ignore[arg-type]


async def test_hostile_files_are_problems_of_one_line_and_the_rest_is_read(
    repo: GitRepo, depot: Depot
) -> None:
    """P-GIT-06, P-GIT-07, SEC-08."""
    depot.commit({**HOSTILE, b"shop.yaml": (SHOP % "v1").encode()})
    reading = await repo.read(origin(depot.path), "")
    assert [one.name for one in reading.documents if one.file == "shop.yaml"] == ["shop"]
    assert {one.file for one in reading.problems} == {name.decode() for name in HOSTILE}
    assert all("\n" not in one.message and len(one.message) < 600 for one in reading.problems)
    assert all(one.message.startswith(one.file) for one in reading.problems)


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_any_file_is_answered_with_little_work(name: bytes) -> None:
    """SEC-08."""
    with effort() as made:
        loaded = load.text(name.decode(), HOSTILE[name])
    assert made.calls < 600_000  # about 90 ms; benchmarks/hostile.py says how long
    assert loaded.errors


SPY = """
from rollout.edges.git.reader import jobs
told = jobs.say
def say(message):
    if "at" in message:
        with open({log!r}, "a") as log:
            print(message["at"], file=log)
    told(message)
jobs.say = say
jobs.main()
"""


async def test_only_files_whose_bytes_changed_are_parsed_and_the_reading_is_the_same(
    tmp_path: Path, depot: Depot
) -> None:
    log = tmp_path / "parsed"
    spy = (sys.executable, "-c", SPY.format(log=str(log)))
    repo = GitRepo(Processes(tmp_path / "cache", command=spy), local=True)
    files: dict[bytes, object] = {b"%d.yaml" % n: rollout_named(f"r{n}") for n in range(20)}
    files |= {b"bad.yaml": b"kind: Rollout\nspec: {", b"odd.yaml": b"a: [1, 2"}
    depot.commit(files)
    first = await repo.read(origin(depot.path), "")
    assert len(log.read_text().split()) == 22
    log.unlink()
    moved = {**files, b"7.yaml": rollout_named("new"), b"copy.yaml": files[b"3.yaml"]}
    del moved[b"0.yaml"]
    second = depot.commit(moved)
    reading = await repo.read(origin(depot.path), first.commit)
    assert sorted(log.read_text().split()) == ["7.yaml", "copy.yaml"]
    fresh = GitRepo(Processes(tmp_path / "other"), local=True)
    assert await fresh.read(origin(depot.path), first.commit) == reading
    assert reading.commit == second
    for one in (repo, fresh):
        await one.close()


async def test_a_file_that_comes_back_as_it_was_has_the_commit_that_brought_it_back(
    repo: GitRepo, depot: Depot
) -> None:
    def last(reading: Reading) -> list[tuple[str, str]]:
        return [(one.name, one.commit) for one in reading.documents]

    one, other = rollout_named("one"), rollout_named("other")
    begun = depot.commit({b"a.yaml": one, b"b.yaml": one.replace(b"one", b"two")})
    assert last(await repo.read(origin(depot.path), "")) == [("one", begun), ("two", begun)]
    depot.commit({b"a.yaml": other, b"b.yaml": one.replace(b"one", b"two")})
    back = depot.commit({b"a.yaml": one, b"b.yaml": one.replace(b"one", b"two")})
    assert last(await repo.read(origin(depot.path), begun)) == [("one", back), ("two", begun)]


def rollout_named(name: str) -> bytes:
    return (SHOP % "v1").replace("name: shop", f"name: {name}").encode()


CRASH = """
import json, os, signal, sys, time
for line in sys.stdin:
    job = json.loads(line)
    if job["do"] == "poll":
        tips = [{"commit": "c1", "relation": "first"}]
        print(json.dumps({"done": {"clone": "x", "tips": tips}}), flush=True)
        continue
    for file in ("a.yaml", "b.yaml", "c.yaml"):
        if file in job["skip"]:
            continue
        print(json.dumps({"at": file}), flush=True)
        if file == "b.yaml":
            %s
        lists = {"documents": [], "parts": [], "problems": [], "notes": [file], "unread": False}
        print(json.dumps({"file": file, "blob": file} | lists))
    done = {"author": "", "committed_at": 0, "problems": [], "notes": [], "unread": [], "files": 3}
    done["signature"] = None
    print(json.dumps({"done": done}), flush=True)
"""


@pytest.mark.parametrize(
    ("deed", "why"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", "ended its reader (signal 11)"),
        ("os._exit(3)", "ended its reader (exit 3)"),
        ("time.sleep(60)", "was not read in 3 s"),
    ],
)
async def test_a_file_that_ends_its_reader_costs_itself_alone(
    tmp_path: Path, deed: str, why: str
) -> None:
    """SEC-08, SEC-09: whichever process reads it, its reader alone dies."""
    command = (sys.executable, "-c", CRASH % deed)
    limit = timedelta(seconds=3)
    repo = GitRepo(
        Processes(tmp_path, command=command), file_limit=limit, fetch_limit=timedelta(minutes=9)
    )
    reading = await repo.read(origin("x"), "")
    assert reading.notes == ("a.yaml", "c.yaml")
    assert [one.message for one in reading.problems] == [f"b.yaml: {why}"]
    await repo.close()


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("import os; os.abort()", "ended its reader (signal 6)"),
        ("import sys; sys.stdin.readline(); print('no json')", "was not read"),
        ("import time; time.sleep(60)", "was not read in 0.5 s"),
    ],
)
async def test_a_child_that_dies_or_hangs_while_fetching_is_an_outside_error(
    tmp_path: Path, program: str, why: str
) -> None:
    limit = timedelta(seconds=0.5)
    repo = GitRepo(Processes(tmp_path, command=(sys.executable, "-c", program)), fetch_limit=limit)
    with pytest.raises(OutsideError) as caught:
        await repo.read(origin("https://git.invalid/x"), "")
    assert str(caught.value).startswith("git https://git.invalid/x: ")
    await repo.close()


@pytest.mark.long
async def test_what_git_unpacks_beyond_its_readers_memory_is_refused_in_words(
    repo: GitRepo, depot: Depot
) -> None:
    """A commit of 600 MiB, which is 600 KiB in the repository, and in a push."""
    who = b"Ann <ann@example.com> 1700000000 +0000"
    tree = str(depot.tree({b"shop.yaml": rollout_named("shop")})).encode()
    head = b"tree %s\nauthor %s\ncommitter %s\n\n" % (tree, who, who)
    huge = depot.repo.odb.write(pygit2.enums.ObjectType.COMMIT, head + b"x" * (600 << 20))
    depot.reset(str(huge))
    with pytest.raises(RefusedError, match=r"shop\.git: does not fit into the reader's memory"):
        await repo.read(origin(depot.path), "")
    depot.root({b"shop.yaml": rollout_named("shop")})
    assert len((await repo.read(origin(depot.path), "")).documents) == 1


async def test_the_child_has_no_environment_of_ours(tmp_path: Path) -> None:
    program = (
        "import json,os,sys; sys.stdin.readline(); "
        "print(json.dumps({'error': 'refused', 'text': ' '.join(sorted(os.environ))}))"
    )
    repo = GitRepo(Processes(tmp_path, {"https_proxy": "x"}, (sys.executable, "-c", program)))
    with pytest.raises(RefusedError) as caught:
        await repo.read(origin("https://git.invalid/x"), "")
    names = str(caught.value).removeprefix("git https://git.invalid/x: ").split()
    assert set(names) <= {"HOME", "PATH", "PYTHONPATH", "https_proxy", "LC_CTYPE"}
    await repo.close()


async def test_a_reading_that_is_cancelled_leaves_no_child(tmp_path: Path) -> None:
    repo = GitRepo(
        Processes(tmp_path, command=(sys.executable, "-c", "import time; time.sleep(60)"))
    )
    task = asyncio.create_task(repo.read(origin("https://git.invalid/x"), ""))
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await repo.close()


async def test_a_remote_that_is_down_is_an_outside_error(repo: GitRepo) -> None:
    """P-GIT-03."""
    with pytest.raises(OutsideError, match="Connection refused; the next poll tries again"):
        await repo.read(origin("http://127.0.0.1:1/shop.git"), "")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, RefusedError),
        (403, RefusedError),
        (404, RefusedError),
        (429, OutsideError),
        (500, OutsideError),
        (503, OutsideError),
    ],
)
async def test_a_remotes_answer_says_whose_turn_it_is(
    repo: GitRepo, serve: Serve, status: int, kind: type[Exception]
) -> None:
    """P-GIT-03."""

    async def answer(request: web.Request) -> web.Response:
        headers = {"WWW-Authenticate": "Basic realm=x"} if status == 401 else {}
        return web.Response(status=status, headers=headers, text="<html>secret page</html>")

    with pytest.raises(kind) as caught:
        await repo.read(origin(f"{await serve(answer)}/shop.git"), "")
    assert "secret page" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "body", ["<html>hello</html>", "001e# service=git-upload-pack\n0000zzzz", ""]
)
async def test_a_remote_that_speaks_no_git_is_an_outside_error(
    repo: GitRepo, serve: Serve, body: str
) -> None:
    async def answer(request: web.Request) -> web.Response:
        kind = "application/x-git-upload-pack-advertisement"
        return web.Response(text=body, content_type=kind)

    with pytest.raises(OutsideError):
        await repo.read(origin(f"{await serve(answer)}/shop.git"), "")


async def test_a_remote_that_drips_a_line_for_ever_is_given_up(repo: GitRepo, serve: Serve) -> None:
    """P-GIT-03."""

    async def answer(request: web.Request) -> web.StreamResponse:
        kind = "application/x-git-upload-pack-advertisement"
        response = web.StreamResponse(headers={"Content-Type": kind})
        await response.prepare(request)
        await response.write(b"001e# service=git-upload-pack\n0000fff0")
        with contextlib.suppress(ConnectionResetError):
            while True:
                await response.write(b"0")
                await asyncio.sleep(0.1)
        return response

    hurried = replace(repo, fetch_limit=timedelta(seconds=1))
    with pytest.raises(OutsideError, match=r"was not read in 1 s; the next poll tries again"):
        await hurried.read(origin(f"{await serve(answer)}/shop.git"), "")
    await hurried.close()


async def test_a_redirect_to_another_host_is_not_followed(
    repo: GitRepo, depot: Depot, server: GitServer, serve: Serve
) -> None:
    """P-GIT-03, SEC-13."""
    depot.commit({b"shop.yaml": (SHOP % "v1").encode()})

    def to(host: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def answer(request: web.Request) -> web.Response:
            where = server.url.replace("127.0.0.1", host) + request.path_qs
            return web.Response(status=301, headers={"Location": where})

        return answer

    same = await repo.read(origin(f"{await serve(to('127.0.0.1'))}/shop.git"), "")
    assert len(same.documents) == 1
    with pytest.raises(RefusedError, match="redirects to another host, which was told nothing"):
        await repo.read(origin(f"{await serve(to('localhost'))}/shop.git"), "")


async def test_a_token_opens_a_private_repository(
    repo: GitRepo, depot: Depot, server: GitServer, serve: Serve
) -> None:
    commit = depot.commit({b"shop.yaml": (SHOP % "v1").encode()})

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != "Basic Z2l0OnMzY3JldA==":  # git:s3cret
            return web.Response(status=401, headers={"WWW-Authenticate": "Basic realm=x"})
        raise web.HTTPFound(server.url + request.path_qs)

    url = f"{await serve(answer)}/shop.git"
    reading = await repo.read(origin(url, secret={"token": "s3cret"}), "")
    assert reading.commit == commit
    with pytest.raises(RefusedError, match="the token was refused; what it lets in, in"):
        await repo.read(origin(url, secret={"token": "wrong"}), "")
    with pytest.raises(RefusedError, match="wants credentials; username and password, or"):
        await repo.read(origin(url), "")


async def test_a_shallow_clone_is_deepened_when_the_commit_before_is_older(
    repo: GitRepo, depot: Depot, server: GitServer
) -> None:
    first = depot.commit({b"shop.yaml": (SHOP % "v1").encode()})
    for number in range(250):
        depot.commit({b"shop.yaml": (SHOP % f"v{number}").encode()})
    reading = await repo.read(origin(f"{server.url}/shop.git"), first)
    assert reading.relation.value == "forward"
