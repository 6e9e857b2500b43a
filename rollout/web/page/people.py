"""Who has logged in at the page, for how long, and what they ask; nothing is asked without it.

A session is a random number in a cookie that no script reads and no other site sends along, and
a second one that our own page repeats in a header. What either stands for is here alone.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, Protocol

from aiohttp import web

from rollout.errors import RefusedError
from rollout.model.reasons import Verb
from rollout.web.page.reader import Place

COOKIE = "rollout_session"
TOKEN = "X-Rollout-Token"
IDLE = timedelta(hours=1)  # a session that asks for nothing so long is over
LONGEST = timedelta(hours=12)
MOST = 1000  # sessions; the oldest goes first
EACH = 20  # sessions of one person, whose own oldest goes first
NO_STORE = {"Cache-Control": "no-store"}


SameSite = Literal["Strict", "Lax"]


class OverError(RefusedError):
    """What proved a person proves nobody any more: a token is over, or was taken back."""


class Person(Protocol):
    """Somebody who was proved, and in whose name things are asked.

    Errors: ``OverError``; ``RefusedError`` for what they may not, ``OutsideError`` without answer.
    """

    @property
    def name(self) -> str:
        """As the API server calls them."""

    @property
    def until(self) -> datetime | None:
        """When what proved them is over; None: it does not say so."""

    async def ask(self, place: Place, verb: Verb) -> None:
        """The request is on the object, as this person's own."""

    async def close(self) -> None:
        """Nothing of them is kept any more."""


class Door(Protocol):
    """How people prove who they are: ``hint`` says it in words."""

    @property
    def hint(self) -> str: ...

    async def prove(self, secret: str) -> Person:
        """Errors: ``RefusedError`` for one that proves nobody, ``OutsideError``."""


@dataclass(slots=True)
class Session:
    """``token``: what our page repeats in a header; ``used``: when it asked last."""

    person: Person
    token: str
    began: datetime
    used: datetime


@dataclass(slots=True)
class Sessions:
    """Those that are not over."""

    clock: Callable[[], datetime]
    _known: dict[str, Session] = field(default_factory=dict)

    async def begin(self, person: Person) -> tuple[str, Session]:
        """The cookie's value, and the session."""
        await self._sweep()
        mine = [one for one in self._known.values() if one.person.name == person.name]
        for session in mine[: max(0, len(mine) - EACH + 1)]:
            await self.end(session)
        key, now = secrets.token_urlsafe(32), self.clock()
        self._known[key] = Session(person, secrets.token_urlsafe(32), now, now)
        return key, self._known[key]

    async def enter(self, person: Person, request: web.Request, answer: web.Response) -> Session:
        """A session that begins with ``answer``, which has its cookie."""
        key, session = await self.begin(person)
        give(answer, request, COOKIE, key, "Strict")
        return session

    def of(self, request: web.Request) -> Session | None:
        """Whose cookie the request has; None: nobody's, or a session that is over."""
        session = self._known.get(taken(request, COOKIE))
        return session if session is not None and not self._is_over(session) else None

    def asking(self, request: web.Request) -> Session | None:
        """As ``of``, where the request has the header, too: only our own page can repeat it."""
        session = self.of(request)
        if session is None or not same(request.headers.get(TOKEN, ""), session.token):
            return None
        session.used = self.clock()
        return session

    async def end(self, session: Session) -> None:
        """It is over."""
        self._known = {key: one for key, one in self._known.items() if one is not session}
        await session.person.close()

    async def close(self) -> None:
        """Nobody is logged in any more."""
        for session in list(self._known.values()):
            await self.end(session)

    def left(self, session: Session) -> timedelta:
        """How long it lasts yet, if it asks for nothing."""
        ends = [session.used + IDLE, session.began + LONGEST]
        if session.person.until is not None:
            ends.append(session.person.until)
        return min(ends) - self.clock()

    def _is_over(self, session: Session) -> bool:
        return self.left(session) < timedelta(0)

    async def _sweep(self) -> None:
        for session in [one for one in self._known.values() if self._is_over(one)]:
            await self.end(session)
        while len(self._known) >= MOST:
            await self.end(next(iter(self._known.values())))


def scheme(request: web.Request) -> str:
    """How the browser speaks to us, or to the proxy before us."""
    told = request.headers.get("X-Forwarded-Proto", request.scheme)
    return "https" if told == "https" else "http"


def give(
    answer: web.Response,
    request: web.Request,
    name: str,
    value: str,
    same_site: SameSite,
    age: int | None = None,
) -> None:
    """A cookie that no script reads. ``age``: seconds; None: until the browser is closed."""
    called, secure = _called(request, name), scheme(request) == "https"
    answer.set_cookie(
        called, value, httponly=True, samesite=same_site, path="/", secure=secure, max_age=age
    )


def take_back(answer: web.Response, request: web.Request, name: str, same_site: SameSite) -> None:
    """The browser forgets the cookie."""
    give(answer, request, name, "", same_site, age=0)


def taken(request: web.Request, name: str) -> str:
    """What the cookie has that ``give`` gave; empty: there is none."""
    return request.cookies.get(_called(request, name), "")


def _called(request: web.Request, name: str) -> str:
    """Where a browser speaks https, a name that only we can have given it.

    Any other host of the same domain may set a cookie for all of them, such as that of a session or
    a login of its own, in which whoever we take for somebody else would go on.
    Source: RFC 6265bis, section 4.1.3.2.
    """
    return f"__Host-{name}" if scheme(request) == "https" else name


def same(given: str, wanted: str) -> bool:
    """Whether they are, in a time that tells nothing of where they differ.

    ``given`` may hold halves of letters: of a header that is no UTF-8, or of JSON's escapes.
    """
    return secrets.compare_digest(given.encode(errors="surrogatepass"), wanted.encode())
