"""An HTTP door of ours: open for as long as somebody stands in it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

LINGERING = 1.0  # seconds that a body is still taken in after it was refused, so the answer is read


@asynccontextmanager
async def opened(app: web.Application, host: str, port: int) -> AsyncIterator[str]:
    """Where ``app`` answers, ``host:port``; ``port`` 0 takes a free one.

    Errors: ``OSError`` when the port is taken.
    """
    runner = web.AppRunner(app, access_log=None, handle_signals=False, lingering_time=LINGERING)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        at, taken = runner.addresses[0][:2]
        yield f"{at}:{taken}"
    finally:
        await runner.cleanup()
