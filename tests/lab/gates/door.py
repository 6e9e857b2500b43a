"""A door before Prometheus: what goes through can be bent, as bad days bend it."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import aiohttp
from aiohttp import web

Form = dict[str, str]
Answer = Any
Spoil = Callable[[Answer], Answer]
Behaviour = Callable[[Form], tuple[Form, Spoil]]
TIMES = ("time", "start", "end")


class Door:
    """Forwards queries to ``upstream``.

    ``behave``: what is asked instead of a question, and what becomes of its answer.
    """

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self.url = ""
        self.asked = 0
        self.behave: Behaviour = honest
        self._runner: web.AppRunner | None = None
        self._http: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        app = web.Application()
        app.router.add_post("/{path:.*}", self._forward)
        self._http = aiohttp.ClientSession()
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        if self._http is not None and self._runner is not None:
            await self._http.close()
            await self._runner.cleanup()

    def open(self) -> None:
        """Everything goes through as it is."""
        self.behave = honest

    async def _forward(self, request: web.Request) -> web.Response:
        assert self._http is not None
        self.asked += 1
        form = {str(key): str(value) for key, value in (await request.post()).items()}
        try:
            form, spoil = self.behave(form)
            async with self._http.post(self.upstream + request.path, data=form) as got:
                answer = spoil(json.loads(await got.read()))
                # Python writes NaN only outside strings; here every value is a string.
                return web.json_response(answer, status=got.status)
        except aiohttp.ClientError:
            return web.Response(status=503, text="upstream connect error")


def honest(form: Form) -> tuple[Form, Spoil]:
    """As it should be."""
    return form, lambda answer: answer


def later(form: Form, seconds: float) -> Form:
    """The same question about another time."""
    return form | {name: str(float(form[name]) + seconds) for name in TIMES if name in form}


def points(answer: Answer) -> Iterator[list[Any]]:
    """Every point of an answer, to be changed in place."""
    for series in answer["data"]["result"] if answer["status"] == "success" else ():
        yield from [series["value"]] if "value" in series else series["values"]
