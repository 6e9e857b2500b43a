"""Where the controller says how it is: ``/healthz``, ``/readyz``, ``/metrics``."""

import asyncio
from collections.abc import Callable

from aiohttp import web
from aiohttp.typedefs import Handler

from rollout.controller.app import Controller
from rollout.errors import RefusedError


async def serve(controller: Controller, address: str) -> None:
    """Answers at ``address`` (host:port) until cancelled.

    Errors: ``RefusedError`` when the address is none, or is taken.
    """
    host, _, port = address.rpartition(":")
    if not port.isdigit():
        raise RefusedError(f"listen {address!r}: is no address; host:port is wanted")
    app = web.Application()
    app.router.add_get("/healthz", _page(controller.health))
    app.router.add_get("/readyz", _page(controller.readiness))
    app.router.add_get("/metrics", _metrics(controller))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host.strip("[]") or None, int(port)).start()
        await asyncio.Event().wait()
    except OSError as error:
        raise RefusedError(f"listen {address}: {error.strerror}; a free port is wanted") from error
    finally:
        await runner.cleanup()


def _page(complaint: Callable[[], str]) -> Handler:
    async def page(_: web.Request) -> web.Response:
        said = complaint()
        return web.Response(text=f"{said or 'ok'}\n", status=503 if said else 200)

    return page


def _metrics(controller: Controller) -> Handler:
    async def page(_: web.Request) -> web.Response:
        return web.Response(text=controller.metrics_text(), content_type="text/plain")

    return page
