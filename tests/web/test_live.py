from collections.abc import Mapping
from typing import Any

import aiohttp
import pytest

from rollout.web import live


class One:
    """A source of one rollout."""

    @staticmethod
    def newest(key: str) -> Mapping[str, Any] | None:
        return {"phase": "Progressing"} if key == "shop/cart" else None


@pytest.mark.parametrize(
    ("path", "host", "wanted"),
    [
        ("/live/shop/cart", "", (200, {"phase": "Progressing"})),
        ("/live/shop/other", "", (404, None)),
        ("/live/shop/cart", "evil.example", (403, None)),
        ("/live/shop/cart", "127.0.0.1.evil.example:80", (403, None)),
        ("/", "", (404, None)),
    ],
)
async def test_the_door_gives_the_newest_status_to_this_machine_alone(
    path: str, host: str, wanted: tuple[int, object]
) -> None:
    async with live.opened(One()) as address, aiohttp.ClientSession() as http:
        assert address.startswith("127.0.0.1:")
        headers = {"Host": host} if host else {}
        async with http.get(f"http://{address}{path}", headers=headers) as answer:
            said = await answer.json() if answer.status == 200 else None
            assert (answer.status, said) == wanted
