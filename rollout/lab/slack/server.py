"""The stand-in put together: one HTTP server on loopback for the API, the socket and the page."""

import asyncio
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import WSMsgType, web

from rollout.lab.slack import api, delivery, page
from rollout.lab.slack.faults import Fault, Faults
from rollout.lab.slack.workspace import APP, RefusedError, Workspace, sample
from rollout.lab.standin import StandIn

ACK = 3.0  # seconds that Slack waits for an acknowledgement


@dataclass(slots=True)
class Tokens:
    """What an app is given at its installation; ``xoxb`` and ``xapp`` as Slack begins them."""

    bot: str = field(default_factory=lambda: f"xoxb-lab-{secrets.token_hex(12)}")
    app: str = field(default_factory=lambda: f"xapp-1-lab-{secrets.token_hex(12)}")
    signing: str = field(default_factory=lambda: secrets.token_hex(16))


@dataclass(slots=True)
class Slack(StandIn):
    """``async with Slack() as slack``; ``api_url`` is slack-sdk's ``base_url``.

    ``request_url``: where interactions are sent by signed HTTP; empty: by Socket Mode.
    ``duplicate``: each envelope is delivered twice. ``calls``: methods in the order of their calls.
    ``unheard``: interactions that nobody acknowledged in time.
    """

    space: Workspace = field(default_factory=sample)
    tokens: Tokens = field(default_factory=Tokens)
    request_url: str = ""
    duplicate: bool = False
    faults: Faults = field(default_factory=Faults)
    calls: list[str] = field(default_factory=list)
    unheard: list[str] = field(default_factory=list)
    url: str = ""
    port: int = 0
    _sockets: list[web.WebSocketResponse] = field(default_factory=list)
    _tickets: set[str] = field(default_factory=set)
    _acks: dict[str, asyncio.Future[Any]] = field(default_factory=dict)
    _connected: asyncio.Event = field(default_factory=asyncio.Event)
    _runner: web.AppRunner | None = None

    @property
    def api_url(self) -> str:
        return f"{self.url}/api/"

    def application(self) -> web.Application:
        """The API, the socket, and the page with its buttons."""
        app = web.Application(client_max_size=1 << 20)
        app.router.add_route("*", "/api/{method}", self._call)
        app.router.add_get("/socket", self._socket)
        app.router.add_get("/", self._page)
        app.router.add_get("/lab/state", self._state)
        app.router.add_post("/lab/press", self._press)
        app.router.add_post("/lab/submit", self._submit)
        app.router.add_post("/lab/command", self._command)
        app.router.add_post("/lab/faults", self._faults)
        return app

    async def stop(self) -> None:
        """Nobody answers any more; what stands in the workspace stays for the next start."""
        await self.cut()
        await StandIn.stop(self)  # a dataclass with slots is another class than super() means

    async def connected(self) -> None:
        """An app listens by Socket Mode."""
        await self._connected.wait()

    async def cut(self) -> None:
        """Every socket ends without a word, as when a network does."""
        for socket in [*self._sockets]:
            await socket.close()
        self._sockets.clear()
        self._connected.clear()

    async def refresh(self, reason: str = "refresh_requested") -> None:
        """Every app is told to connect anew; the old socket closes a little later."""
        self._connected.clear()
        for socket in [*self._sockets]:
            await socket.send_json(
                {"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-lab"}}
            )

    async def press(self, user: str, channel: str, ts: str, action: str) -> Mapping[str, Any]:
        """``user`` presses a button; answers with the payload that was delivered."""
        payload = delivery.press(self.space, user, channel, ts, action)
        await self.deliver("interactive", payload)
        return payload

    async def submit(self, view: str, **values: str) -> Mapping[str, Any]:
        """The modal is submitted by whoever it is open for."""
        payload = delivery.submit(self.space, view, values)
        await self.deliver("interactive", payload)
        return payload

    async def command(self, user: str, channel: str, text: str) -> str:
        """What only ``user`` reads after ``/rollout text``, if it came with the acknowledgement."""
        payload = delivery.command(self.space, user, channel, text)
        told = await self.deliver("slash_commands", payload)
        return str((told or {}).get("text", ""))

    async def deliver(self, kind: str, payload: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """What the app answered; None and ``unheard`` when it did not within three seconds."""
        try:
            async with asyncio.timeout(ACK):
                return await (self._posted if self.request_url else self._sent)(kind, payload)
        except (TimeoutError, aiohttp.ClientError):
            self.unheard.append(kind)
            return None

    async def _sent(self, kind: str, payload: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """To one of the connected sockets, as Slack does with several."""
        await self.connected()
        told = delivery.envelope(kind, payload)
        ack = self._acks[told["envelope_id"]] = asyncio.get_running_loop().create_future()
        for _ in range(2 if self.duplicate else 1):
            await self._sockets[-1].send_json(told)
        answer = await ack
        return answer if isinstance(answer, Mapping) else {}

    async def _posted(self, kind: str, payload: Mapping[str, Any]) -> Mapping[str, Any] | None:
        body = delivery.form(kind, payload)
        headers = delivery.signed(body, self.tokens.signing)
        async with (
            aiohttp.ClientSession() as http,
            http.post(self.request_url, data=body, headers=headers) as answer,
        ):
            text = await answer.text()
            if answer.status != 200:
                self.unheard.append(kind)
                return None
            found = json.loads(text) if text.startswith("{") else {"text": text}
            return found if isinstance(found, Mapping) else {}

    async def _call(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        self.calls.append(method)
        fault = self.faults.next(method)
        if fault and not fault.done:
            return await self._failed(request, fault)
        args = await _arguments(request)
        try:
            told = self._answer(method, request, args)
        except RefusedError as error:
            code, _, detail = str(error).partition(": ")
            more = {"response_metadata": {"messages": [f"[ERROR] {detail}"]}} if detail else {}
            return web.json_response({"ok": False, "error": code, **more})
        if fault:
            return await self._failed(request, fault)
        return web.json_response({"ok": True, **told})

    def _answer(self, method: str, request: web.Request, args: Mapping[str, Any]) -> dict[str, Any]:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        wanted = self.tokens.app if method == "apps.connections.open" else self.tokens.bot
        if not given:
            raise RefusedError("not_authed")
        if given != wanted:
            raise RefusedError("invalid_auth")
        if method != "apps.connections.open":
            return api.call(self.space, method, args)
        ticket = secrets.token_hex(12)
        self._tickets.add(ticket)
        return {"url": f"ws://127.0.0.1:{self.port}/socket?ticket={ticket}&app_id={APP}"}

    async def _failed(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        await asyncio.sleep(fault.delay)
        if fault.cut and request.transport is not None:
            request.transport.abort()
        headers = {"Retry-After": fault.retry_after} if fault.retry_after else {}
        if fault.status:
            return web.Response(status=fault.status, text="upstream said no", headers=headers)
        status = 429 if fault.error == "ratelimited" else 200
        told = {"ok": False, "error": fault.error or "internal_error"}
        return web.json_response(told, status=status, headers=headers)

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            return web.Response(status=401)
        self._tickets.discard(ticket)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._sockets.append(socket)
        await socket.send_json(
            {
                "type": "hello",
                "num_connections": len(self._sockets),
                "debug_info": {"host": "applink-lab", "approximate_connection_time": 18060},
                "connection_info": {"app_id": APP},
            }
        )
        self._connected.set()
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._acknowledged(json.loads(message.data))
        finally:
            if socket in self._sockets:
                self._sockets.remove(socket)
            if not self._sockets:
                self._connected.clear()
        return socket

    def _acknowledged(self, told: Mapping[str, Any]) -> None:
        ack = self._acks.pop(str(told.get("envelope_id", "")), None)
        if ack is not None and not ack.done():
            ack.set_result(told.get("payload"))

    async def _page(self, request: web.Request) -> web.Response:
        del request
        return web.Response(text=page.page(self.space), content_type="text/html")

    async def _state(self, request: web.Request) -> web.Response:
        del request
        return web.Response(text=page.terminal(self.space), content_type="application/json")

    async def _press(self, request: web.Request) -> web.Response:
        form = {key: str(value) for key, value in (await request.post()).items()}
        return await self._then(
            self.press(form["user"], form["channel"], form["ts"], form["action"])
        )

    async def _submit(self, request: web.Request) -> web.Response:
        form = {key: str(value) for key, value in (await request.post()).items()}
        return await self._then(self.submit(form.pop("view"), **form))

    async def _command(self, request: web.Request) -> web.Response:
        form = {key: str(value) for key, value in (await request.post()).items()}
        told = await self.command(form["user"], form["channel"], form["text"])
        return web.Response(text=told)

    async def _faults(self, request: web.Request) -> web.Response:
        """As ``faults.Fault``, in JSON; ``{}`` heals."""
        try:
            self.faults.tell(await request.json())
        except TypeError as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response({"waiting": len(self.faults.waiting)})

    async def _then(self, done: Any) -> web.Response:
        """Back to the page, once it is done."""
        try:
            await done
        except RefusedError as error:
            return web.Response(status=400, text=str(error))
        return web.Response(status=303, headers={"Location": "/"})


async def _arguments(request: web.Request) -> Mapping[str, Any]:
    """A method's arguments: the query, a form, or a JSON body; Slack takes all three."""
    if request.content_type == "application/json":
        try:
            body = await request.json()
        except ValueError:
            return {}
        return {**request.query, **(body if isinstance(body, Mapping) else {})}
    return {**request.query, **(await request.post())}
