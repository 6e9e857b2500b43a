"""The read-only door on this machine alone: each rollout as its last look left it.

A status is written to the API server once a minute at most; here it is as old as the last look.
It answers no other host's name, so no page in a browser can be made to read it.
"""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from aiohttp import web

from rollout.web import door

HOST = "127.0.0.1"
_NAMES = (HOST, "localhost")


class Newest(Protocol):
    """What the door tells of; the controller fits."""

    def newest(self, key: str) -> Mapping[str, Any] | None:
        """The status of ``namespace/name`` after its last look; None: it has none here."""


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


def opened(source: Newest, port: int = 0) -> AbstractAsyncContextManager[str]:
    """As ``door.opened``, on this machine."""
    return door.opened(application(source), HOST, port)
