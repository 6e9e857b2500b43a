"""An HTTP door of ours: open for as long as somebody stands in it.

Who says nothing, or never ends saying it, keeps nobody else out: the files that a process may have
open are the controller's own, too, and the server itself waits an hour for a first request.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler, Middleware

LINGERING = 1.0  # seconds that a body is still taken in after it was refused, so the answer is read
FIRST = 10.0  # seconds in which whoever comes has sent the headers of a first request
MOST = 512  # connections at once


@dataclass(slots=True)
class Room:
    """Who stands in a door. ``first`` and ``most``: as FIRST and MOST.

    Where there are ``most`` and another comes, whoever has been idle longest goes: one that asks
    nothing, or does not take its answer. None that a handler works for is idle.
    """

    first: float = FIRST
    most: int = MOST
    _stand: set[web.RequestHandler] = field(default_factory=set)
    _idle: dict[web.RequestHandler, None] = field(default_factory=dict)
    _asked: set[web.RequestHandler] = field(default_factory=set)

    def comes(self, who: web.RequestHandler) -> None:
        if len(self._stand) >= self.most and self._idle:
            _let_go(next(iter(self._idle)))
        self._stand.add(who)
        self._idle[who] = None
        asyncio.get_running_loop().call_later(self.first, self._has_asked, who)

    def goes(self, who: web.RequestHandler) -> None:
        self._stand.discard(who)
        self._asked.discard(who)
        self._idle.pop(who, None)

    def middleware(self) -> Middleware:
        @web.middleware
        async def asked(request: web.Request, handler: Handler) -> web.StreamResponse:
            who = request.protocol
            self._asked.add(who)
            self._idle.pop(who, None)
            try:
                return await handler(request)
            finally:
                if who in self._stand:
                    self._idle[who] = None

        return asked

    def _has_asked(self, who: web.RequestHandler) -> None:
        if who in self._stand and who not in self._asked:
            _let_go(who)


class _Comer(web.RequestHandler):
    """A connection that a room knows of, for as long as it is one.

    What is sent is taken as it is: nobody who asks packs a body, and unpacking is a way to fill us.
    """

    __slots__ = ("_room",)

    def __init__(self, server: web.Server, room: Room) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(
            server,
            loop=loop,
            access_log=None,  # type: ignore[arg-type]  # as its documentation has it
            lingering_time=LINGERING,
            auto_decompress=False,
        )
        self._room = room

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """Ours are told, and nothing of who speaks no HTTP: it would be quoted, keys and all."""
        if not isinstance(kw.get("exc_info"), HttpProcessingError):
            super().log_exception(*args, **kw)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._room.comes(self)
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._room.goes(self)
        super().connection_lost(exc)


def _let_go(who: web.RequestHandler) -> None:
    transport = who.transport
    who.force_close()
    if transport is not None:
        transport.abort()  # an end in order would wait for who does not read


@asynccontextmanager
async def opened(
    app: web.Application, host: str, port: int, room: Room | None = None
) -> AsyncIterator[str]:
    """Where ``app`` answers, ``host:port``; ``port`` 0 takes a free one.

    Errors: ``OSError`` when the port is taken.
    """
    room = room or Room()
    app.middlewares.insert(0, room.middleware())
    runner = web.AppRunner(app, handle_signals=False)
    await runner.setup()
    server = runner.server
    assert server is not None  # noqa: S101 - set up just now
    try:
        loop = asyncio.get_running_loop()
        listening = await loop.create_server(lambda: _Comer(server, room), host, port)
        try:
            at, taken = listening.sockets[0].getsockname()[:2]
            yield f"{at}:{taken}"
        finally:
            listening.close()
    finally:
        await runner.cleanup()
