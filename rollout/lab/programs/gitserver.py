"""Real git repositories to push to over HTTP; the words on the wire are spoken by git itself."""

import asyncio
import logging
import os
import shutil
import ssl
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

import pygit2
from aiohttp import web

from rollout.errors import OutsideError

_log = logging.getLogger(__name__)
_SERVICES = ("git-upload-pack", "git-receive-pack")


Moved = Callable[["Repository", str, str], Coroutine[Any, Any, None]]
"""Told of a push: the repository, the full name of a ref, and the commit it had before."""


async def _nobody(_: "Repository", __: str, ___: str) -> None:
    return None


class GitServer:
    """Every bare repository in ``folder``, at ``<url>/<name>.git``, for anyone on this machine.

    ``moved`` is told of every ref that a push over HTTP has moved, after its answer is ready.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.moved: Moved = _nobody
        self._telling: set[asyncio.Future[None]] = set()
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def start(self, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        """It answers on loopback; ``port`` 0 takes a free one. ``tls``: by https, with this.

        Errors: OutsideError when git is not installed.
        """
        if not shutil.which("git"):
            raise OutsideError("git: not on PATH; install git, the lab's repository needs it")
        self._folder.mkdir(parents=True, exist_ok=True)
        app = web.Application(client_max_size=2**28)  # 256 MiB: a push with a few images in it
        app.router.add_get("/{name}/info/refs", self._refs)
        app.router.add_post("/{name}/{service}", self._talk)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port, ssl_context=tls)
        await site.start()
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def create(self, name: str) -> "Repository":
        """A new empty repository whose branch is ``main``; the old one if it is there already."""
        path = self._folder / f"{name}.git"
        if not path.exists():
            pygit2.init_repository(str(path), bare=True, initial_head="main")
        return Repository(path, f"{self.url}/{name}.git")

    async def _refs(self, request: web.Request) -> web.StreamResponse:
        service = request.query.get("service", "")
        if service not in _SERVICES:
            raise web.HTTPForbidden(text="only git's smart protocol is spoken here\n")
        said = await self._git(request, service, "--advertise-refs", told=b"")
        first = f"# service={service}\n".encode()
        body = b"%04x%b0000%b" % (len(first) + 4, first, said)
        return _answer(f"application/x-{service}-advertisement", body)

    async def _talk(self, request: web.Request) -> web.StreamResponse:
        service = request.match_info["service"]
        if service not in _SERVICES:
            raise web.HTTPNotFound
        pushes = service == "git-receive-pack"
        before = self._heads(request) if pushes else {}
        said = await self._git(request, service, told=await request.read())
        if pushes:
            self._tell(request, before)
        return _answer(f"application/x-{service}-result", said)

    def _heads(self, request: web.Request) -> Mapping[str, str]:
        """Every branch and tag with its commit."""
        path = self._folder / Path(request.match_info["name"]).name
        if not path.exists():
            return {}
        git = pygit2.Repository(str(path))
        return {name: str(git.references[name].target) for name in git.references}

    def _tell(self, request: web.Request, before: Mapping[str, str]) -> None:
        name = Path(request.match_info["name"]).name
        pushed = Repository(self._folder / name, f"{self.url}/{name}")
        for ref, at in self._heads(request).items():
            if before.get(ref) != at:
                task = asyncio.create_task(self.moved(pushed, ref, before.get(ref, "")))
                self._telling.add(task)
                task.add_done_callback(self._telling.discard)

    async def _git(self, request: web.Request, service: str, *extra: str, told: bytes) -> bytes:
        path = self._folder / Path(request.match_info["name"]).name
        if not path.exists():
            raise web.HTTPNotFound
        protocol = request.headers.get("Git-Protocol", "")
        process = await asyncio.create_subprocess_exec(
            *("git", service.removeprefix("git-"), "--stateless-rpc", *extra, str(path)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "GIT_PROTOCOL": protocol},
        )
        said, complaint = await process.communicate(told)
        if process.returncode and complaint:
            _log.warning("git %s: %s", service, complaint.decode(errors="replace")[:200])
        return said


class Repository:
    """One bare repository: its ``path`` on disk and its ``url`` to clone, fetch and push."""

    def __init__(self, path: Path, url: str) -> None:
        self.path = path
        self.url = url
        self._git = pygit2.Repository(str(path))

    def commit(self, files: Mapping[str, str | None], message: str, branch: str = "main") -> str:
        """The new commit's id: the branch as it was, but for ``files``; None takes a file away."""
        ref = f"refs/heads/{branch}"
        parent = self._git.references.get(ref)
        tree = parent.peel(pygit2.Commit).tree if parent else None
        index = pygit2.Index()
        if tree is not None:
            index.read_tree(tree)
        for name, text in files.items():
            if text is None:
                index.remove(name)
            else:
                blob = self._git.create_blob(text.encode())
                index.add(pygit2.IndexEntry(name, blob, pygit2.enums.FileMode.BLOB))
        who = pygit2.Signature("Lab", "lab@rollout.dev")
        parents = [parent.target] if parent else []
        made = self._git.create_commit(ref, who, who, message, index.write_tree(self._git), parents)
        return str(made)

    def head(self, branch: str = "main") -> str:
        """The branch's commit id; empty while nothing has been pushed."""
        found = self._git.references.get(f"refs/heads/{branch}")
        return str(found.target) if found else ""


def _answer(kind: str, body: bytes) -> web.Response:
    return web.Response(body=body, content_type=kind, headers={"Cache-Control": "no-cache"})
