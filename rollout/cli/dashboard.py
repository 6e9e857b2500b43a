"""``dashboard``: the page for browsers, from this machine, with your own kubeconfig."""

import asyncio
import contextlib
import secrets
import webbrowser

from rollout.cli import cluster, live, output, pages, settings, signals
from rollout.cli.settings import Settings
from rollout.controller.keeping.inbox import of_rollouts
from rollout.controller.keeping.store import Store
from rollout.controller.loop import clock
from rollout.edges.kube import Kube
from rollout.errors import RolloutError
from rollout.web.page import app
from rollout.web.page.board import Board
from rollout.web.page.people import Sessions
from rollout.web.page.reader import Reader

HOST = "127.0.0.1"
EVERY = 1.0  # seconds between two questions at the controller's door, about what somebody looks at


def dashboard(given: Settings, port: int, *, open_it: bool) -> None:
    """Serve the page at ``port`` of this machine until Ctrl-C; ``open_it``: in the browser, too."""
    asyncio.run(_serve(given, port, open_it=open_it))


async def _serve(given: Settings, port: int, *, open_it: bool) -> None:
    stop = signals.asked_to_end()
    async with cluster.connected(given) as connection:
        await cluster.listed(connection, "Rollout")
        store, key = Store(connection), secrets.token_urlsafe(24)
        page, also = await _page(connection, store, key)
        asking = also.run(), _newest(connection.server, page.board, store)
        try:
            async with app.opened(page, HOST, port, *asking) as address:
                url = f"http://{address}/#key={key}"
                output.say(f"{url}\nCtrl-C ends it.")
                if open_it:
                    webbrowser.open(url)
                await stop.wait()
        except OSError as error:
            raise settings.taken(f"port {port}", error) from error


async def _page(connection: Kube, store: Store, key: str) -> tuple[app.Page, pages.Also]:
    also = pages.Also(connection)
    try:
        name = await connection.whoami()
    except RolloutError:  # an API server of old does not tell; what it lets do is the same
        name = "you"
    login = pages.ByKey(key, name, of_rollouts(store, lambda _: None), clock)
    board = Board(Reader(connection, store, lambda: also.kinds), clock)
    return app.Page(board, app.Settings(login=login, closed=True), Sessions(clock)), also


async def _newest(server: str, board: Board, store: Store) -> None:
    """For ever: what somebody looks at is as its last look left it, where that can be asked."""
    while True:
        await asyncio.sleep(EVERY)
        for place in [place for place in board.opened if place.kind == "rollout"]:
            with contextlib.suppress(RolloutError):
                key = f"{place.namespace}/{place.name}"
                held = store.load(key)
                if held is not None:
                    seen = cluster.SeenRollout(held.obj, held.rollout, held.status)
                    store.hear(held, (await live.fresh(server, seen)).status)
