"""Git read in another container: what is lost there is told here, and no child outlives us."""

import asyncio
import os
import sys
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from rollout.edges.git.processes import Processes
from rollout.edges.git.repo import GitRepo
from rollout.edges.git.sidecar import Sidecar, served
from rollout.errors import OutsideError, RefusedError
from tests.edges.git.test_repo import CRASH, origin

LONG = timedelta(minutes=9)
NAMES = """
import json, os, sys
sys.stdin.readline()
print(json.dumps({"error": "refused", "text": " ".join(sorted(os.environ))}))
"""


def running(program: str, folder: Path) -> Processes:
    return Processes(folder, command=(sys.executable, "-c", program))


@pytest.mark.parametrize(
    ("deed", "why"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", "ended its reader (signal 11)"),
        ("os._exit(3)", "ended its reader (exit 3)"),
        ("os.close(1); os.close(0); time.sleep(600)", "lost its reader"),
        ("time.sleep(600)", "was not read in 3 s"),
    ],
)
async def test_a_file_that_ends_its_reader_there_costs_itself_alone(
    tmp_path: Path, deed: str, why: str
) -> None:
    """SEC-08, SEC-09, in the other container."""
    socket, limit = tmp_path / "git.sock", timedelta(seconds=3)
    async with served(socket, running(CRASH % deed, tmp_path / "cache")):
        repo = GitRepo(Sidecar(socket), file_limit=limit, fetch_limit=LONG)
        reading = await repo.read(origin("x"), "")
        assert reading.notes == ("a.yaml", "c.yaml")
        assert [one.message for one in reading.problems] == [f"b.yaml: {why}"]
        await repo.close()


async def test_whoever_asks_no_more_leaves_no_child(tmp_path: Path) -> None:
    socket, told = tmp_path / "git.sock", tmp_path / "told"
    program = (
        f"import os, time; open({str(told)!r}, 'w').write(f'{{os.getpid()}} '); time.sleep(600)"
    )
    async with served(socket, running(program, tmp_path / "cache")):
        repo = GitRepo(Sidecar(socket), fetch_limit=LONG)
        task = asyncio.create_task(repo.read(origin("https://git.invalid/x"), ""))
        while not (told.exists() and told.read_text().endswith(" ")):
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await repo.close()
        while is_there(int(told.read_text())):
            await asyncio.sleep(0.01)


def is_there(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_reader_that_is_gone_is_an_outside_error_and_one_that_came_back_is_asked(
    tmp_path: Path,
) -> None:
    socket, processes = tmp_path / "git.sock", running(CRASH % "pass", tmp_path / "cache")
    repo = GitRepo(Sidecar(socket), fetch_limit=LONG)
    with pytest.raises(OutsideError) as caught:
        await repo.read(origin("x"), "")
    gone = f"git reader {socket}: No such file or directory; the next poll tries again"
    assert str(caught.value) == gone
    for _ in range(2):
        async with served(socket, processes):
            reading = await repo.read(origin("x"), "")
            assert reading.notes == ("a.yaml", "b.yaml", "c.yaml")
    await repo.close()


async def test_a_child_there_has_the_proxies_of_the_controller_and_nothing_else(
    tmp_path: Path,
) -> None:
    socket = tmp_path / "git.sock"
    async with served(socket, running(NAMES, tmp_path / "cache")):
        repo = GitRepo(Sidecar(socket, {"https_proxy": "x"}), fetch_limit=LONG)
        with pytest.raises(RefusedError) as caught:
            await repo.read(origin("https://git.invalid/x"), "")
        await repo.close()
    names = str(caught.value).removeprefix("git https://git.invalid/x: ").split()
    assert set(names) <= {"HOME", "PATH", "PYTHONPATH", "https_proxy", "LC_CTYPE"}


@pytest.mark.parametrize("line", [b"", b"\n", b"no json\n", b"[]\n", b"{}\n", b'{"ca": 1}\n'])
async def test_a_stranger_at_the_socket_is_let_go_and_the_next_is_served(
    tmp_path: Path, line: bytes
) -> None:
    socket = tmp_path / "git.sock"
    async with AsyncExitStack() as exits:
        await exits.enter_async_context(served(socket, running(CRASH % "pass", tmp_path / "c")))
        says, hears = await asyncio.open_unix_connection(str(socket))
        hears.write(line)
        hears.write_eof()
        assert await says.read() == b""
        hears.close()
        repo = GitRepo(Sidecar(socket), fetch_limit=LONG)
        assert (await repo.read(origin("x"), "")).commit == "c1"
        await repo.close()


async def test_only_the_pod_s_group_reaches_the_socket(tmp_path: Path) -> None:
    socket = tmp_path / "git.sock"
    async with served(socket, running("", tmp_path / "c")):
        assert oct(socket.stat().st_mode & 0o777) == "0o660"
