"""Our own HTTP door: health, metrics, and what Slack and forges send; nothing else is heard."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from rollout.web import door, push
from rollout.web.slack import Door

TEXT = "text/plain; version=0.0.4"  # Prometheus' exposition format


class Watched(Protocol):
    """What the door tells of; the controller fits."""

    def health(self) -> str:
        """What is wrong with the process; empty: nothing."""

    def readiness(self) -> str:
        """Why it cannot do its work now; empty: it can."""

    def notes(self) -> Sequence[str]:
        """What does not work now though the rest does, a line each; it is no reason for a 503."""

    def metrics_text(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Settings:
    """Where to listen. ``port`` 0 takes a free one. ``slack``: its signed requests; None: none.

    ``pushes``: push webhooks of forges; None: none.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    slack: Door | None = None
    pushes: push.Door | None = None


def application(watched: Watched, settings: Settings) -> web.Application:
    """``/healthz`` for liveness, ``/readyz`` for readiness, ``/metrics``; the rest if wanted.

    ``/slack``; ``/push`` for the operator's webhooks, below it each source's own.
    """
    app = web.Application(client_max_size=1 << 16)
    app.router.add_get("/healthz", _check(watched.health))
    app.router.add_get("/readyz", _check(watched.readiness, watched.notes))
    app.router.add_get("/metrics", _page(watched.metrics_text))
    if settings.slack is not None:
        app.router.add_post("/slack", settings.slack.handle)
    if settings.pushes is not None:
        app.router.add_post("/push", settings.pushes.handle)
        app.router.add_post("/push/{namespace}/{name}", settings.pushes.handle)
    return app


async def serve(watched: Watched, settings: Settings, ready: asyncio.Future[str]) -> None:
    """Until cancelled; ``ready`` is then the door's address, ``host:port``.

    Errors: ``OSError`` when the port is taken.
    """
    app = application(watched, settings)
    async with door.opened(app, settings.host, settings.port) as address:
        ready.set_result(address)
        await asyncio.Event().wait()


Handler = Callable[[web.Request], Awaitable[web.Response]]


def _check(wrong: Callable[[], str], notes: Callable[[], Sequence[str]] = tuple) -> Handler:
    async def answer(_: web.Request) -> web.Response:
        text = wrong()
        lines = "\n".join((text or "ok", *notes(), ""))
        return web.Response(status=503 if text else 200, text=lines)

    return answer


def _page(text: Callable[[], str]) -> Handler:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=text(), headers={"Content-Type": TEXT})

    return answer
