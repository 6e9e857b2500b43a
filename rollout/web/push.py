"""Push webhooks: a forge tells that somebody pushed, and the source is read now, not at its poll.

What is applied is what the fetch then finds; a webhook names a repository and no more.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from aiohttp import web

from rollout.edges.forge import hooks
from rollout.errors import RolloutError
from rollout.model.forge import Ping, Push
from rollout.web import body

DEADLINE = 5.0  # seconds for the whole body; forges wait for ten
AT_ONCE = 32  # requests whose bodies are read, 1 MiB each at the most
SECONDS_BUSY = "5"
ALL = ""


class Nudged(Protocol):
    """How many sources follow the repository, and how many of them will be read now."""

    @property
    def following(self) -> int: ...

    @property
    def read(self) -> int: ...


@dataclass(slots=True)
class Door:
    """``secrets``: those in force for a source, ``namespace/name``, or for ``ALL`` of them; none:
    nothing is genuine. ``pushed``: told of a push, and which source alone may be read, or ``ALL``.
    Errors of both: ``RolloutError`` when it cannot be done now.
    """

    secrets: Callable[[str], Awaitable[Sequence[str]]]
    clock: Callable[[], datetime]
    pushed: Callable[[Push, str], Awaitable[Nudged]]
    _room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def handle(self, request: web.Request) -> web.Response:
        """202: a source is read now; 200, 204: nothing to do; else why not, in one sentence."""
        if self._room.locked():
            return _say(503, "busy; try again soon", {"Retry-After": SECONDS_BUSY})
        async with self._room:
            read = await body.read(request, hooks.LARGEST, DEADLINE)
            if isinstance(read, int):
                why = "the body is too large" if read == 413 else "the body came too slowly"
                return _say(read, why, {"Connection": "close"})
        try:
            return await self._answer(request, read)
        except RolloutError:  # whatever it is, it is the operator's to read, in the log
            return _say(503, "not ready; try again soon", {"Retry-After": SECONDS_BUSY})

    async def _answer(self, request: web.Request, read: bytes) -> web.Response:
        place = request.match_info
        source = f"{place['namespace']}/{place['name']}" if "name" in place else ALL
        secrets = await self.secrets(source)

        def headers(name: str) -> Sequence[str]:
            return request.headers.getall(name, [])

        if not hooks.is_genuine(headers, read, secrets, self.clock()):
            return _say(401, "not signed with a secret that is in force here")
        match hooks.read(headers, read):
            case Ping():
                return web.Response(status=204)
            case Push() as push:
                return _told(await self.pushed(push, source))
            case _:
                return _say(400, "no push event that can be read")


def _told(nudged: Nudged) -> web.Response:
    """What is genuine is taken, also where nobody follows it.

    One webhook of a group tells of all its repositories, and GitLab disables one that is refused
    a few times. Source: docs.gitlab.com, "Webhooks", "Auto-disabled webhooks".
    """
    if not nudged.following:
        return _say(200, "no RolloutSource follows that repository")
    if not nudged.read:
        return web.Response(status=204)  # of it, but another branch
    noun = "source is" if nudged.read == 1 else "sources are"
    return _say(202, f"{nudged.read} {noun} read now")


def _say(status: int, text: str, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(status=status, text=f"{text}\n", headers=headers)
