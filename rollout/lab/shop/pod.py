"""One pod's container and its sidecar's counters; what it is told to do comes from the kubelet."""

import asyncio
import contextlib
import json
import random
import socket
import struct
from collections.abc import Callable
from dataclasses import replace

from aiohttp import web

from rollout.lab.metrics.exposition import RequestMetrics, labels
from rollout.lab.shop.faults import Faults, Order

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, zero seconds: close sends RST
Told = Callable[[str], None]


class Pod:
    """A container that starts, serves, crashes, restarts and drains.

    It tells ``starting``, ``ready``, ``crashed`` and, at the very end, ``stopped``.
    """

    def __init__(self, order: Order, tell: Told) -> None:
        self.order = order
        self._tell = tell
        self._chance = random.Random()  # noqa: S311 - chance of a fault, not a secret
        self.metrics = RequestMetrics()
        self._busy = 0
        self._served = 0  # since the last start, for crash_after
        self._leaving = False
        self._news = asyncio.Event()
        self._server = web.Server(self._answer, access_log=None)
        self._listeners: list[asyncio.Server] = []
        self._life = asyncio.create_task(self._live())

    def change(self, faults: Faults) -> None:
        self.order = replace(self.order, faults=faults)
        self._news.set()

    def describe(self, order: Order) -> None:
        """New labels and words; where it listens and how it fails stay."""
        self.order = replace(self.order, series=order.series, about=order.about)

    async def stop(self, grace: float) -> None:
        """No new connection is taken, open requests have ``grace`` seconds, then it is over."""
        self._leaving = True
        self._life.cancel()
        for listener in self._listeners:
            listener.close()
        end = asyncio.get_running_loop().time() + grace
        while self._busy and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(0.01)
        await self._server.shutdown(timeout=0.1)
        self._tell("stopped")

    async def _live(self) -> None:
        backoff = 1.0  # seconds; Kubernetes begins at 10 and doubles, which is long for a test
        while True:
            await self._start()
            await self._until_crash()
            self._crash()
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, 30)

    async def _start(self) -> None:
        self._tell("starting")
        await asyncio.sleep(self.order.faults.startup)
        loop = asyncio.get_running_loop()
        for port in self.order.ports:
            self._listeners.append(await loop.create_server(self._server, self.order.ip, port))
        self._served = 0

    async def _until_crash(self) -> None:
        """Looks at its own faults whenever they change or it has served; else it costs nothing."""
        born, told = asyncio.get_running_loop().time(), None
        while True:
            faults = self.order.faults
            if told is not (ready := not faults.never_ready):
                self._tell("ready" if ready else "unready")
                told = ready
            age = asyncio.get_running_loop().time() - born
            if 0 < faults.crash_after <= self._served or 0 < faults.crash_after_seconds <= age:
                return
            self._news.clear()
            left = faults.crash_after_seconds - age if faults.crash_after_seconds else None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._news.wait()

    def _crash(self) -> None:
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()
        for connection in self._server.connections:
            _reset(connection.transport)
        self._tell("crashed")

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        begun = asyncio.get_running_loop().time()
        self._busy += 1
        self._served += 1
        try:
            await request.read()
            if self._chance.random() < self.order.faults.reset_rate:
                _reset(request.transport)
                return web.Response(status=503)  # nobody hears it
            if delay := self.order.faults.delay(self._chance):
                await asyncio.sleep(delay)
            response, flags = self._outcome(request)
            taken = asyncio.get_running_loop().time() - begun
            self._count(response.status, request, taken * 1000, flags)
            return response
        finally:
            self._busy -= 1
            if self.order.faults.crash_after:
                self._news.set()

    def _outcome(self, request: web.BaseRequest) -> tuple[web.Response, str]:
        """The answer, and Envoy's flags where it is the proxy's own: it met no application."""
        faults = self.order.faults
        if self._chance.random() < faults.proxy_error_rate:
            return self._response(request, 503), "UF"
        faulty = self._chance.random() < faults.error_rate
        return self._response(request, faults.error_code if faulty else 200), "-"

    def _response(self, request: web.BaseRequest, status: int) -> web.Response:
        about = dict(self.order.about)
        headers = {f"x-{name}": value for name, value in about.items()}
        body = about | {"path": request.raw_path, "host": request.host, "method": request.method}
        if "x-lab-echo" in request.headers:
            body["headers"] = dict(request.headers.items())  # type: ignore[assignment]
        response = web.Response(
            status=status,
            body=json.dumps(body).encode() + b"\n",
            headers=headers,
            content_type="application/json",
        )
        if self._leaving:
            response.force_close()
        return response

    def _count(
        self, status: int, request: web.BaseRequest, milliseconds: float, flags: str
    ) -> None:
        grpc = request.headers.get("content-type", "").startswith("application/grpc")
        seen = {
            "reporter": "destination",
            "request_protocol": "grpc" if grpc else "http",
            "response_code": str(status),
            "response_flags": flags,
        }
        self.metrics.count(labels(dict(self.order.series) | seen), milliseconds)


def _reset(transport: asyncio.BaseTransport | None) -> None:
    if isinstance(transport, asyncio.Transport):
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        transport.abort()
