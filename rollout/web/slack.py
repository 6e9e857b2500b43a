"""Slack's signed HTTP: an alternative to Socket Mode where an inbound port is at hand.

Nothing is parsed before the signature over the raw bytes has been checked.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aiohttp import web

from rollout.edges.slack import payload
from rollout.edges.slack.signed import LARGEST, is_slacks
from rollout.model.chat import Command, Heard
from rollout.web import body

DEADLINE = 3.0  # seconds for the whole body: Slack itself gives up then
PROMPT = 2.5  # seconds for what must be saved first; Slack waits for three
AT_ONCE = 64  # requests whose bodies are read, and presses that are worked on


@dataclass(slots=True)
class Door:
    """``secrets``: the signing secrets in force, two while one is being changed.

    ``hear``: told of presses and forms; ``answer``: what a slash command's sender reads.
    """

    secrets: Callable[[], Sequence[str]]
    clock: Callable[[], datetime]
    hear: Callable[[Heard], Coroutine[Any, Any, None]]
    answer: Callable[[Command], Awaitable[str]]
    _room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    _working: set[asyncio.Task[None]] = field(default_factory=set)

    async def handle(self, request: web.Request) -> web.Response:
        """200 for what is Slack's, once it is saved; 401, 408, 413 or 503 for the rest.

        What is not saved in time is answered by 503, so that its sender sees that it was not.
        """
        if self._room.locked() or len(self._working) >= AT_ONCE:
            return web.Response(status=503)
        async with self._room:
            read = await body.read(request, LARGEST, DEADLINE)
        if isinstance(read, int):
            return web.Response(status=read, headers={"Connection": "close"})
        stamps = request.headers.getall("X-Slack-Request-Timestamp", [])
        signatures = request.headers.getall("X-Slack-Signature", [])
        if not is_slacks(stamps, signatures, read, self.secrets(), self.clock()):
            return web.Response(status=401)
        heard = payload.of_form(read)
        if isinstance(heard, Command):
            told = {"response_type": "ephemeral", "text": await self.answer(heard)}
            return web.json_response(told)
        if heard is None:
            return web.Response()
        task = asyncio.create_task(self.hear(heard), name="slack")
        self._working.add(task)
        task.add_done_callback(self._working.discard)
        done, _ = await asyncio.wait((task,), timeout=PROMPT)
        return web.Response(status=200 if done else 503)
