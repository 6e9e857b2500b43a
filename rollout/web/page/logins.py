"""Logging in at an issuer of OpenID Connect: there with a question, back with a code.

Between the two nothing is kept here: what a login needs to go on is in a cookie of the browser
that began it, so a code that was begun elsewhere is of no use, and any replica may answer.
Sources: as of ``edges/oidc.py``; "SameSite": RFC 6265bis, section 5.2 (``Lax``, as the browser is
sent back by another site, to which ``Strict`` cookies are not shown).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from aiohttp import web

from rollout.edges.oidc import Issuer, Login
from rollout.errors import OutsideError, RefusedError, RolloutError
from rollout.web.page import people
from rollout.web.page.people import Door, Sessions, same

GO, BACK = "/login", "/login/callback"
COOKIE = "rollout_login"
LONGEST = 600  # seconds that somebody may take at the issuer


@dataclass(frozen=True, slots=True)
class Logins:
    """``door``: who they are, by the token that they come back with."""

    issuer: Issuer
    door: Door
    sessions: Sessions
    clock: Callable[[], datetime]

    async def go(self, request: web.Request) -> web.Response:
        """The browser is sent to the issuer; only our own page may ask for it."""
        if request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
            return _plain(403, "asked by another page")
        login = Login.begun()
        try:
            place = await self.issuer.address(login, _back(request))
        except RolloutError as error:
            return _failed(error)
        answer = web.Response(status=303, headers={"Location": place, **people.NO_STORE})
        people.give(answer, request, COOKIE, login.secret, "Lax", age=LONGEST)
        return answer

    async def back(self, request: web.Request) -> web.Response:
        """The session begins, or a sentence says why not."""
        login = Login(people.taken(request, COOKIE))
        try:
            person = await self.door.prove(await self._token(request, login))
        except RolloutError as error:
            answer = _failed(error)
        else:
            answer = web.Response(status=303, headers={"Location": "/", **people.NO_STORE})
            await self.sessions.enter(person, request, answer)
        people.take_back(answer, request, COOKIE, "Lax")
        return answer

    async def _token(self, request: web.Request, login: Login) -> str:
        """Errors: ``RefusedError``, ``OutsideError``."""
        told = request.query
        begun = login.secret and same(told.get("state", ""), login.state)
        if not begun or told.get("iss", self.issuer.url) != self.issuer.url:
            raise RefusedError("this login was not begun in this browser, or long ago")
        if "code" not in told:
            raise RefusedError(f"{self.issuer.url}: {told.get('error', 'gave no code')[:100]}")
        return await self.issuer.token(login, told["code"], _back(request), self.clock())


def _back(request: web.Request) -> str:
    """Where the issuer sends the browser; its host is one that the page is known by."""
    return f"{people.scheme(request)}://{request.host}{BACK}"


def _failed(error: RolloutError) -> web.Response:
    return _plain(503 if isinstance(error, OutsideError) else 401, str(error))


def _plain(status: int, why: str) -> web.Response:
    """No markup, whatever the issuer says."""
    text = f"Not logged in: {why}.\nOpen the page again to go on.\n"
    return web.Response(status=status, text=text, headers=people.NO_STORE)
