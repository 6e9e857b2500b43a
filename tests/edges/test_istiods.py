"""Every istiod of a revision is asked for its proxies, each by its own address."""

from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from rollout.edges.istiods import Istiods

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
