"""A wire on which a replica's writes are seen, so that it can be struck just before or after one.

The replica speaks plain HTTP to it, and it TLS to the API server. Of the bytes it reads where a
request begins and where its answer does; they pass as they are.
"""

import asyncio
import contextlib
import re
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from tests.chaos.cut import Cut, End


class Side(StrEnum):
    """Where a write is when its replica is struck."""

    BEFORE = "before"  # sent, and the API server has not seen it
    AFTER = "after"  # done, and the replica has not heard so
    HEARD = "heard"  # done, and its answer is on its way to the replica


@dataclass(frozen=True, slots=True)
class Write:
    """What a request changes. ``name``: empty where the API server makes the object."""

    kind: str
    space: str
    name: str


KINDS = {
    b"rollouts": "Rollout",
    b"virtualservices": "VirtualService",
    b"destinationrules": "DestinationRule",
    b"deployments": "Deployment",
    b"horizontalpodautoscalers": "HorizontalPodAutoscaler",
    b"rolloutsources": "RolloutSource",
    b"events": "Event",
    b"leases": "Lease",
}
_REQUEST = re.compile(
    rb"(?:PATCH|POST|PUT|DELETE) /apis?/(?:[^/ ]+/)?[^/ ]+/namespaces/([^/ ]+)/([a-z]+)"
    rb"(?:/([^/ ?]+))?(?:/status)?[ ?]"
)


def write(chunk: bytes) -> Write | None:
    """The write whose request begins with ``chunk``; None: none of ours does."""
    line = _REQUEST.match(chunk)
    if line is None or line[2] not in KINDS:
        return None
    return Write(KINDS[line[2]], line[1].decode(), (line[3] or b"").decode())


async def _passes(_: Write, __: Side) -> bool:
    return True


@dataclass(eq=False)
class Tap(Cut):
    """``tls``: how the API server is known. ``seen``: whether the bytes may pass on, when it will.

    HTTP/1.1 without pipelining, as aiohttp speaks it: an answer belongs to the request before it.
    """

    tls: ssl.SSLContext | None = None
    seen: Callable[[Write, Side], Awaitable[bool]] = _passes

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def _connected(self) -> End:
        return await asyncio.open_connection("127.0.0.1", self.target, ssl=self.tls)

    async def _both(self, near: End, far: End) -> None:
        waiting: list[Write | None] = [None]
        async with asyncio.TaskGroup() as both:
            both.create_task(self._asks(near[0], far[1], waiting))
            both.create_task(self._answers(far[0], near[1], waiting))

    async def _asks(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, waiting: list[Write | None]
    ) -> None:
        with contextlib.suppress(OSError):
            while chunk := await source.read(1 << 16):
                await self._passing.wait()
                if (request := write(chunk)) and not await self.seen(request, Side.BEFORE):
                    break
                waiting[0] = request or waiting[0]
                sink.write(chunk)
                await sink.drain()
        sink.transport.abort()

    async def _answers(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, waiting: list[Write | None]
    ) -> None:
        with contextlib.suppress(OSError):
            while chunk := await source.read(1 << 16):
                await self._passing.wait()
                answered, waiting[0] = waiting[0], None
                done = answered if chunk.startswith(b"HTTP/1.1 2") else None
                if done and not await self.seen(done, Side.AFTER):
                    break
                sink.write(chunk)
                await sink.drain()
                if done:
                    await self.seen(done, Side.HEARD)
        sink.transport.abort()
