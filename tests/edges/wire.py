"""A server that speaks Prometheus' HTTP API exactly, or whatever else a test wants it to say."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass
class Wire:
    """``body``, ``status``, ``headers``: the next answers; ``seen``: what was asked."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0
    drip: bool = False
    statuses: list[int] = field(default_factory=list)
    seen: list[dict[str, str]] = field(default_factory=list)
    asked_with: list[dict[str, str]] = field(default_factory=list)
    url: str = ""

    def says(self, answer: Any, status: int = 200) -> "Wire":
        self.body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.status = status
        return self

    async def handle(self, request: web.Request) -> web.StreamResponse:
        posted = {key: str(value) for key, value in (await request.post()).items()}
        self.seen.append({"path": request.path, **request.query, **posted})
        self.asked_with.append(dict(request.headers))
        await asyncio.sleep(self.delay)
        status = self.statuses.pop(0) if self.statuses else self.status
        if not self.drip:
            return web.Response(body=self.body, status=status, headers=self.headers)
        response = web.StreamResponse(status=status)
        await response.prepare(request)
        for _ in range(1000):
            await response.write(b" " * 1000)
            await asyncio.sleep(0.01)
        return response


@asynccontextmanager
async def wire() -> AsyncIterator[Wire]:
    served = Wire()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", served.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    served.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield served
    finally:
        await runner.cleanup()


def vector(*samples: tuple[dict[str, str], str], at: float = 1767614400) -> dict[str, Any]:
    result = [{"metric": labels, "value": [at, value]} for labels, value in samples]
    return {"status": "success", "data": {"resultType": "vector", "result": result}}
