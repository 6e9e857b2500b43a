"""Every istiod of a revision is asked for its proxies, each by its own address."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from rollout.edges.istiods import Istiods
from rollout.edges.syncz import Syncz
from rollout.model.observation import ProxySync
from tests.edges.test_syncz import AFTER, proxy
from tests.make import START

REVISION = ("1-30-3", "istio-system", "istiod-1-30-3")


def slices(*addresses: str) -> list[dict[str, Any]]:
    labels = {"kubernetes.io/service-name": "istiod-1-30-3"}
    ready = {"conditions": {"ready": True}}
    return [
        {
            "metadata": {"namespace": "istio-system", "labels": labels},
            "ports": [{"name": "http-monitoring", "port": 15014}],
            "endpoints": [{"addresses": [each], **ready} for each in addresses],
        }
    ]


@pytest.mark.parametrize(
    ("addresses", "pages"),
    [
        (("10.0.0.1", "10.0.0.2"), [("1-30-3", ["10.0.0.1"]), ("1-30-3", ["10.0.0.2"])]),
        (("10.0.0.1", "10.0.0.9"), None),
        ((), None),
    ],
)
async def test_where_addresses_cannot_be_reached_another_door_leads_to_each(
    addresses: tuple[str, ...], pages: Any
) -> None:
    async def page(request: web.Request) -> web.Response:
        asked = request.match_info["address"]
        return web.json_response([asked]) if asked != "10.0.0.9" else web.Response(status=502)

    app = web.Application()
    app.router.add_get("/istiod/{address}/debug/syncz", page)
    async with TestServer(app) as server, aiohttp.ClientSession() as http:
        url = f"{server.make_url('/istiod/')}{{address}}/debug/syncz"
        istiods = Istiods(http, lambda: slices(*addresses), url=url)
        assert await istiods.pages([REVISION]) == pages


async def test_a_page_that_comes_in_pieces_is_read_to_its_end() -> None:
    """As that of an istiod with more proxies than fit into one segment."""
    every = [proxy(f"pod-{number}.shop", AFTER) for number in range(5_000)]

    async def page(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        text = json.dumps(every).encode()
        for start in range(0, len(text), 100_000):
            await answer.write(text[start : start + 100_000])
            await asyncio.sleep(0)
        return answer

    app = web.Application()
    app.router.add_get("/debug/syncz", page)
    async with TestServer(app) as server, aiohttp.ClientSession() as http:
        url = str(server.make_url("/debug/syncz"))
        istiods = Istiods(http, lambda: slices("10.0.0.1"), url=url)
        assert await istiods.pages([REVISION]) == [("1-30-3", every)]
        assert await Syncz(http, [url]).synced(START) == ProxySync(5_000, 5_000)
