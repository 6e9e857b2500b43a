"""Readers of git in a container beside ours, which has no rights: both ends of the socket.

A connection is a child. The first line says what it may trust and which proxies it has; what
follows are the child's own lines, both ways, and at last its exit code. The child is ended where
the connection is.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from rollout.edges.git.children import LINE_BYTES, PATIENCE, Child, ended
from rollout.edges.git.processes import Process, Processes
from rollout.errors import OutsideError, why

CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class Sidecar:
    """The way to it. ``socket``: of ``served``; ``environment``: as of ``Processes``."""

    socket: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    async def start(self, ca: str) -> "Distant":
        """As ``Starts.start``."""
        try:
            says, hears = await asyncio.open_unix_connection(str(self.socket), limit=LINE_BYTES)
            child = Distant(ca, says, hears)
            await child.send({"ca": ca, "environment": dict(self.environment)})
        except OSError as error:
            text = f"git reader {self.socket}: {why(error)}; the next poll tries again"
            raise OutsideError(text) from error
        return child


@dataclass(slots=True)
class Distant(Child):
    """A child of the other container; ``why``: how its process went, where that was told."""

    why: str = "lost its reader"

    async def hear(self, limit: timedelta) -> Mapping[str, Any]:
        message = await Child.hear(self, limit)
        if "exit" in message:
            self.why = ended(int(message["exit"]))
            raise EOFError
        return message

    async def over(self, patience: float) -> str:
        return self.why if patience else ""


@asynccontextmanager
async def served(socket: Path, processes: Processes) -> AsyncIterator[None]:
    """Who reaches ``socket`` has children of ``processes``, for as long as this lasts.

    Errors: ``OSError`` where nobody can listen there.
    """
    at_work: set[asyncio.Task[None]] = set()

    async def serve(asks: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a handler is a task
        at_work.add(task)
        try:
            await _child(processes, asks, answers)
        except (OSError, OutsideError, ValueError, asyncio.CancelledError):
            pass  # whoever asked is gone, or was never one of ours; or nobody can be started
        finally:
            at_work.discard(task)
            answers.close()

    socket.unlink(missing_ok=True)
    server = await asyncio.start_unix_server(serve, str(socket), limit=LINE_BYTES)
    socket.chmod(0o660)  # the group is the pod's
    try:
        yield
    finally:
        server.close()
        for task in at_work:
            task.cancel()
        await asyncio.gather(*at_work, return_exceptions=True)


async def _child(
    processes: Processes, asks: asyncio.StreamReader, answers: asyncio.StreamWriter
) -> None:
    """One child, from the first line of ``asks`` until either side ends."""
    first = json.loads(await asks.readline())
    match first:
        case {"ca": str(ca), "environment": dict(environment)}:
            started = await replace(processes, environment=environment).start(ca)
        case _:
            return
    ways = [
        asyncio.create_task(_carried(asks, started.hears)),
        asyncio.create_task(_carried(started.says, answers)),
    ]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        if ways[1].done():
            await _told(started, answers)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        await started.over(0)
        started.hears.close()


async def _told(started: Process, answers: asyncio.StreamWriter) -> None:
    """How the child went; one that says no more and lives on is ended."""
    code = await started.code(PATIENCE)
    if code is not None:
        answers.write(json.dumps({"exit": code}).encode() + b"\n")
        with contextlib.suppress(OSError):
            await answers.drain()


async def _carried(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """Everything from one end to the other."""
    with contextlib.suppress(OSError):
        while chunk := await source.read(CHUNK):
            sink.write(chunk)
            await sink.drain()
