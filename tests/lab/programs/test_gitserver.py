"""A real git pushes, clones and fetches over HTTP."""

import asyncio
from pathlib import Path

import pytest

from rollout.lab.programs.gitserver import GitServer, Repository

pytestmark = pytest.mark.lab


async def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=A", "-c", "user.email=a@b", "-c", "http.proxy=")
    process = await asyncio.create_subprocess_exec(
        "git", *who, *words, cwd=folder, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    assert process.returncode == 0
    return said.decode().strip()


@pytest.fixture
async def repository(tmp_path: Path):  # type: ignore[no-untyped-def]
    server = GitServer(tmp_path / "served")
    await server.start()
    yield server.create("shop")
    await server.stop()


async def test_a_clone_has_what_was_committed(repository: Repository, tmp_path: Path) -> None:
    repository.commit({"apps/shop.yaml": "revision: v1\n"}, "first")
    made = repository.commit({"apps/shop.yaml": "revision: v2\n"}, "second")
    await git(tmp_path, "clone", "-q", repository.url, "copy")
    assert (tmp_path / "copy/apps/shop.yaml").read_text() == "revision: v2\n"
    assert await git(tmp_path / "copy", "rev-parse", "HEAD") == made


async def test_a_push_moves_the_branch(repository: Repository, tmp_path: Path) -> None:
    repository.commit({"a": "1\n", "b": "1\n"}, "first")
    await git(tmp_path, "clone", "-q", repository.url, "copy")
    (tmp_path / "copy/a").write_text("2\n" * 50_000)  # large enough for a chunked, packed body
    await git(tmp_path / "copy", "commit", "-qam", "second")
    await git(tmp_path / "copy", "push", "-q", "origin", "main")
    assert repository.head() == await git(tmp_path / "copy", "rev-parse", "HEAD")
    assert repository.commit({"b": None}, "third") == repository.head()
