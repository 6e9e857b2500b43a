"""The read-only door on this machine alone: each rollout as its last look left it.

A status is written to the API server once a minute at most; here it is as old as the last look.
It answers no other host's name, so no page in a browser can be made to read it.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Protocol

from aiohttp import web

HOST = "127.0.0.1"
_NAMES = (HOST, "localhost")


class Newest(Protocol):
    """What the door tells of; the controller fits."""

    def newest(self, key: str) -> Mapping[str, Any] | None:
        """The status of ``namespace/name`` after its last look, and ``lookedAt``; None: none."""


def application(source: Newest) -> web.Application:
    """``GET /live/NAMESPACE/NAME``: JSON, or 404 for what this replica does not look at."""

    async def one(request: web.Request) -> web.Response:
        if request.host.partition(":")[0] not in _NAMES:
            raise web.HTTPForbidden
        found = source.newest("{namespace}/{name}".format_map(request.match_info))
        if found is None:
            raise web.HTTPNotFound
        return web.json_response(found, headers={"Cache-Control": "no-store"})

    app = web.Application(client_max_size=1)
    app.router.add_get("/live/{namespace}/{name}", one)
    return app


@asynccontextmanager
async def opened(source: Newest, port: int = 0) -> AsyncIterator[str]:
    """The door's address, ``127.0.0.1:port``, for as long as it is open.

    ``port``: 0 takes a free one. Errors: ``OSError`` when the port is taken.
    """
    runner = web.AppRunner(application(source), access_log=None, handle_signals=False)
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, port).start()
        yield f"{HOST}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
