"""The page's door: its files, its streams, and what a person who has logged in asks."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.typedefs import Handler

from rollout.edges.oidc import Issuer
from rollout.errors import OutsideError, RolloutError
from rollout.model.reasons import Verb
from rollout.web import body, door
from rollout.web.page import files, guard, people, stream
from rollout.web.page.board import Board
from rollout.web.page.logins import BACK, GO, Logins
from rollout.web.page.people import COOKIE, NO_STORE, Door, Session, Sessions
from rollout.web.page.reader import KINDS, Place

LARGEST = 1 << 14  # bytes of a request; a token with many groups has some thousands
DEADLINE = 5.0  # seconds for a request's body
AT_ONCE = 8  # logins and requests that are worked on

Work = Coroutine[object, object, None]


@dataclass(frozen=True, slots=True)
class Settings:
    """``hosts``: names under which the page is known besides those of this machine.

    ``login``: how people prove who they are; None: nobody can, and nothing can be asked.
    ``issuer``: where they get what proves it; None: they bring it along.
    ``closed``: who has not logged in sees nothing.
    """

    hosts: frozenset[str] = frozenset()
    login: Door | None = None
    issuer: Issuer | None = None
    closed: bool = False


@dataclass(slots=True)
class Page:
    """The handlers, and what they share."""

    board: Board
    settings: Settings
    sessions: Sessions
    _room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    _streams: stream.Streams = field(init=False)

    def __post_init__(self) -> None:
        self._streams = stream.Streams(self.sessions.clock)

    def application(self) -> web.Application:
        """Every path there is; no other one is looked for anywhere."""
        hosts = guard.HERE | self.settings.hosts
        app = web.Application(client_max_size=LARGEST, middlewares=[guard.middleware(hosts)])
        app.on_response_prepare.append(guard.signed)
        app.on_shutdown.append(self._close)
        for name, file in files.load().items():
            path = "/" if name == "index.html" else f"/{name}"
            app.router.add_get(path, _sending(file))
        app.router.add_get("/api/lines", self._lines)
        app.router.add_get("/api/{kind}/{namespace}/{name}", self._sheet)
        app.router.add_get("/api/{kind}/{name}", self._sheet)
        app.router.add_get("/api/session", self._session)
        app.router.add_post("/api/session", self._login)
        app.router.add_delete("/api/session", self._logout)
        app.router.add_post("/api/ask", self._ask)
        if self.settings.issuer and self.settings.login:
            given = self.settings.issuer, self.settings.login, self.sessions, self.sessions.clock
            self._logging_in(app, Logins(*given))
        return app

    def _logging_in(self, app: web.Application, logins: Logins) -> None:
        for path, handler in ((GO, logins.go), (BACK, logins.back)):
            app.router.add_get(path, self._in_turn(handler), allow_head=False)

    def _in_turn(self, handler: Handler) -> Handler:
        async def turn(request: web.Request) -> web.StreamResponse:
            if self._room.locked():
                return _busy()
            async with self._room:
                return await handler(request)

        return turn

    def drop(self) -> None:
        """Every reader is let go; a browser comes back by itself."""
        self._streams.drop()

    async def _close(self, _: web.Application) -> None:
        self.drop()

    async def _lines(self, request: web.Request) -> web.StreamResponse:
        """The list as it is, and then every line that changes."""
        if refused := self._closed(request):
            return refused
        number = 0

        def news() -> str:
            nonlocal number
            text, number = self.board.since(number), self.board.number
            return text

        return await self._streaming(request, news)

    async def _sheet(self, request: web.Request) -> web.StreamResponse:
        """One thing in full, again whenever something of it changes."""
        if refused := self._closed(request):
            return refused
        place = _place(request.match_info.get("kind", ""), request.match_info)
        if place is None:
            return _say(404, "there is no such kind")
        told: str | None = None

        def news() -> str:
            nonlocal told
            text = self.board.sheet(place) or "null"
            if text == told:
                return ""
            told = text
            return text

        with self.board.reading(place):
            return await self._streaming(request, news)

    async def _streaming(self, request: web.Request, news: Callable[[], str]) -> web.StreamResponse:
        """``news`` for as long as this reader may read."""
        session = self.sessions.of(request)
        whose = stream.Whose(session.token if session else request.remote or "", session is None)
        return await self._streams.send(
            request,
            whose,
            self.board.ticked,
            lambda: None if self._closed(request) else news(),
        )

    def _closed(self, request: web.Request) -> web.Response | None:
        if not self.settings.closed or self.sessions.of(request) is not None:
            return None
        return _say(401, "log in to read this page")

    async def _session(self, request: web.Request) -> web.Response:
        """Who has logged in, and how one can."""
        return _json(self._told(self.sessions.of(request)))

    def _told(self, session: Session | None) -> dict[str, object]:
        login = self.settings.login
        return {
            "login": "issuer" if self.settings.issuer else login.hint if login else "",
            "closed": self.settings.closed,
            "who": session.person.name if session else "",
            "token": session.token if session else "",
            "left": self.sessions.left(session).total_seconds() if session else 0,
        }

    async def _login(self, request: web.Request) -> web.Response:
        login = self.settings.login
        if login is None:
            return _say(404, "nobody can log in here")
        given = await self._body(request)
        if isinstance(given, web.Response):
            return given
        try:
            person = await login.prove(str(given.get("secret", "")))
        except RolloutError as error:
            return _failed(error, 401)
        answer = web.Response(content_type="application/json", headers=NO_STORE)
        session = await self.sessions.enter(person, request, answer)
        answer.text = json.dumps(self._told(session))
        return answer

    async def _logout(self, request: web.Request) -> web.Response:
        session = self.sessions.asking(request)
        if session is not None:
            await self.sessions.end(session)
        answer = _json(self._told(None))
        people.take_back(answer, request, COOKIE, "Strict")
        return answer

    async def _ask(self, request: web.Request) -> web.Response:
        """202 once the request is on the object; what came of it the page shows by itself."""
        session = self.sessions.asking(request)
        if session is None:
            return _say(401, "log in anew: this session is over")
        given = await self._body(request)
        if isinstance(given, web.Response):
            return given
        verb, place = Verb.of(str(given.get("verb"))), _place(str(given.get("kind")), given)
        if verb is None or place is None:
            return _say(400, "a kind, a name and a verb are wanted")
        try:
            await session.person.ask(place, verb)
        except people.OverError as error:
            await self.sessions.end(session)
            return _failed(error, 401)
        except RolloutError as error:
            return _failed(error, 403)
        return web.json_response({}, status=202, headers=NO_STORE)

    async def _body(self, request: web.Request) -> dict[str, object] | web.Response:
        if self._room.locked():
            return _busy()
        async with self._room:
            read = await body.read(request, LARGEST, DEADLINE)
        if isinstance(read, int):
            return _say(read, "the request is too large, or came too slowly")
        try:
            value = json.loads(read)
        except (ValueError, RecursionError):
            value = None
        return value if isinstance(value, dict) else _say(400, "JSON is wanted")


@asynccontextmanager
async def opened(page: Page, host: str, port: int, *beside: Work) -> AsyncIterator[str]:
    """Where the page is, ``host:port``, for as long as it is open; as ``door.opened``.

    ``beside``: what runs as long as that.
    """
    working = [asyncio.create_task(work, name="page") for work in (page.board.run(), *beside)]
    try:
        async with door.opened(page.application(), host, port) as address:
            yield address
    finally:
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)
        await page.sessions.close()


def _sending(file: files.File) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def send(request: web.Request) -> web.Response:
        return files.answer(request, file)

    return send


def _place(kind: str, given: Mapping[str, object]) -> Place | None:
    """The thing that a path or a request names; None: its kind is none of the page's."""
    if kind not in KINDS:
        return None
    return Place(kind, str(given.get("namespace", "") or ""), str(given.get("name", "")))


def _json(value: dict[str, object]) -> web.Response:
    return web.json_response(value, headers=NO_STORE)


def _failed(error: RolloutError, refused: int) -> web.Response:
    """What a person reads of it: 403 or 401 where the answer was no, 503 where there was none."""
    return _say(503 if isinstance(error, OutsideError) else refused, str(error))


def _busy() -> web.Response:
    return _say(503, "busy; try again soon")


def _say(status: int, text: str) -> web.Response:
    return web.json_response({"problem": text}, status=status, headers=NO_STORE)
