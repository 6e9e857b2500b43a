"""A wire between a replica and the API server that can be cut; what goes over it is not read."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Self

End = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(eq=False)
class Cut:
    """Passes bytes from ``port`` to ``target``, both of 127.0.0.1.

    ``silent``: nothing passes and nothing ends, as when a router drops packets.
    ``refusing``: whatever is open ends at once, and nothing opens.
    """

    target: int
    port: int = 0
    silent: bool = False
    refusing: bool = False
    _open: set[asyncio.StreamWriter] = field(default_factory=set)
    _passing: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        """Where the replica finds its API server."""
        return f"https://127.0.0.1:{self.port}"

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        self._passing.set()
        server = await asyncio.start_server(self._accepted, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self._end()

    def drop(self) -> None:
        """From now on bytes vanish; connections stay open, and whoever waits waits."""
        self.silent = True
        self._passing.clear()

    def refuse(self) -> None:
        """From now on nobody is there."""
        self.refusing = True
        self._end()

    def mend(self) -> None:
        """As before; what was open while bytes vanished has lost some, and ends."""
        was_silent, self.silent, self.refusing = self.silent, False, False
        self._passing.set()
        if was_silent:
            self._end()

    def _end(self) -> None:
        for writer in [*self._open]:
            writer.transport.abort()
        self._open.clear()

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refusing:
            writer.transport.abort()
            return
        self._open.add(writer)
        await self._passing.wait()
        try:
            away, back = await self._connected()
        except OSError:
            writer.transport.abort()
            return
        self._open.add(back)
        try:
            await self._both((reader, writer), (away, back))
        finally:
            for one in (writer, back):
                self._open.discard(one)
                one.transport.abort()

    async def _connected(self) -> End:
        return await asyncio.open_connection("127.0.0.1", self.target)

    async def _both(self, near: End, far: End) -> None:
        """Bytes pass both ways until one end has none any more."""
        async with asyncio.TaskGroup() as both:
            both.create_task(self._pass(near[0], far[1]))
            both.create_task(self._pass(far[0], near[1]))

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while chunk := await source.read(1 << 16):
                await self._passing.wait()
                sink.write(chunk)
                await sink.drain()
        sink.transport.abort()
