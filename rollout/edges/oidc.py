"""OpenID Connect: a person is sent to their issuer and comes back with a code for their token.

Sources: OpenID Connect Core 1.0, sections 3.1.2, 3.1.3 and 3.1.3.7; OpenID Connect Discovery 1.0,
section 4.3; RFC 7636 (PKCE, S256); RFC 9207 (``iss`` beside the code); RFC 9700, section 2.1.1.
"""

import base64
import binascii
import hashlib
import json
import secrets
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote_plus

import aiohttp
from yarl import URL

from rollout.edges import whole
from rollout.edges.proxy import Proxy
from rollout.errors import OutsideError, RefusedError

LARGEST = 1 << 18  # bytes of an answer; a token with many groups has some thousands
LONGEST = 10.0  # seconds for one answer
SKEW = timedelta(minutes=1)  # between our clock and the issuer's

Claims = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Login:
    """One login that a browser has begun; ``secret`` is that browser's alone.

    What the issuer is told of it tells nothing of the secret, nor of each other.
    """

    secret: str

    @classmethod
    def begun(cls) -> "Login":
        """With a secret that nobody can guess."""
        return cls(secrets.token_urlsafe(32))

    @property
    def state(self) -> str:
        """What comes back with the code: only this browser's login goes on with it."""
        return self._derived("state")

    @property
    def nonce(self) -> str:
        """What comes back in the token: it was made for this login."""
        return self._derived("nonce")

    @property
    def verifier(self) -> str:
        """What the code is given for, besides the client's secret."""
        return self._derived("verifier")

    @property
    def challenge(self) -> str:
        """``verifier`` as RFC 7636 shows it beforehand."""
        return _text(hashlib.sha256(self.verifier.encode()).digest())

    def _derived(self, what: str) -> str:
        return _text(hashlib.sha256(f"{what} {self.secret}".encode(errors="replace")).digest())


@dataclass(frozen=True, slots=True)
class Issuer:
    """``url``: the issuer as its tokens name it. ``secret``: of the client; None: a public one.

    ``ca``: certificates, PEM, that its own must come from; empty: the system's.
    """

    url: str
    client: str
    secret: Callable[[], str] | None = None
    scopes: tuple[str, ...] = ("openid",)
    ca: str = ""
    proxy: Proxy = field(default_factory=Proxy)

    async def address(self, login: Login, back: str) -> str:
        """Where the browser is sent to log in; it comes back to ``back``.

        Errors: ``OutsideError`` without an answer of the issuer, ``RefusedError`` for one that is
        no OpenID provider's.
        """
        known = await self._discovered()
        asked = {
            "response_type": "code",
            "client_id": self.client,
            "redirect_uri": back,
            "scope": " ".join(self.scopes),
            "state": login.state,
            "nonce": login.nonce,
            "code_challenge": login.challenge,
            "code_challenge_method": "S256",
        }
        return str(URL(known["authorization_endpoint"]).update_query(asked))

    async def token(self, login: Login, code: str, back: str, now: datetime) -> str:
        """The ID token that the issuer gives for ``code``, made for us and for this login.

        Its signature is the API server's to check, at every use. It is read here as it came from
        the issuer itself over TLS (OpenID Connect Core, 3.1.3.7, number 6).
        Errors: as ``address``; ``RefusedError`` also for a token that is not for this login.
        """
        known = await self._discovered()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": back,
            "client_id": self.client,
            "code_verifier": login.verifier,
        }
        told = await self._asked("POST", known["token_endpoint"], form, self._proof())
        token = str(told.get("id_token", ""))
        self._check(claims(token), login, now)
        return token

    def _proof(self) -> Mapping[str, str]:
        """The client's secret, encoded as RFC 6749, section 2.3.1, wants it."""
        if self.secret is None:
            return {}
        both = f"{quote_plus(self.client)}:{quote_plus(self.secret())}"
        return {"Authorization": f"Basic {base64.b64encode(both.encode()).decode()}"}

    def _check(self, told: Claims, login: Login, now: datetime) -> None:
        """Errors: ``RefusedError``."""
        audience = told.get("aud")
        everyone = audience if isinstance(audience, list) else [audience]
        wrong = {
            "issuer": told.get("iss") != self.url,
            "client": self.client not in everyone,
            "authorized party": told.get("azp", self.client) != self.client,
            "login": told.get("nonce") != login.nonce,
            "time": not (until := expires(told)) or until + SKEW < now,
        }
        if odd := [what for what, is_wrong in wrong.items() if is_wrong]:
            raise RefusedError(f"{self.url}: its token is of another {odd[0]}; log in anew")

    async def _discovered(self) -> Mapping[str, str]:
        """Where the issuer has what. Errors: as ``address``."""
        place = f"{self.url.rstrip('/')}/.well-known/openid-configuration"
        told = await self._asked("GET", place)
        if told.get("issuer") != self.url:
            raise RefusedError(f"{self.url}: calls itself {told.get('issuer')!r}; name it so")
        found = {key: told.get(key) for key in ("authorization_endpoint", "token_endpoint")}
        if odd := [key for key, url in found.items() if not _is_safe(url)]:
            raise RefusedError(f"{self.url}: its {odd[0]} is no https address")
        return {key: str(url) for key, url in found.items()}

    async def _asked(
        self,
        method: str,
        url: str,
        form: Mapping[str, str] | None = None,
        proof: Mapping[str, str] | None = None,
    ) -> Mapping[str, Any]:
        trusted = ssl.create_default_context(cadata=self.ca or None)
        limit = aiohttp.ClientTimeout(total=LONGEST)
        try:
            async with (
                aiohttp.ClientSession(timeout=limit) as http,
                http.request(
                    method,
                    url,
                    data=form,
                    ssl=trusted,
                    proxy=self.proxy.to(URL(url)),
                    allow_redirects=False,
                    headers={"Accept": "application/json", **(proof or {})},
                ) as answer,
            ):
                text = await whole.read(answer, LARGEST)
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            found = str(error) or type(error).__name__
            raise OutsideError(f"{self.url}: {found}; is the issuer there?") from error
        return self._read(status, text)

    def _read(self, status: int, text: bytes | None) -> Mapping[str, Any]:
        try:
            told = json.loads(text or b"")
        except (ValueError, RecursionError):
            told = None
        if status >= 500 or not isinstance(told, dict):
            raise OutsideError(f"{self.url}: answers {status} without JSON; is it an issuer?")
        if status >= 300:
            why = " ".join(str(told.get("error", status)).split())[:100]
            raise RefusedError(f"{self.url}: refuses the login: {why}")
        return told


def claims(token: str) -> Claims:
    """What a JWT says of itself, unchecked; empty for what is none."""
    parts = token.split(".")
    try:
        padded = parts[1] + "=" * (-len(parts[1]) % 4)
        told = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (IndexError, binascii.Error, ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) and len(parts) == 3 else {}


def expires(told: Claims) -> datetime | None:
    """When a token of these claims is over; None where it does not say so."""
    seconds = told.get("exp")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _is_safe(url: object) -> bool:
    """Whether it is a whole https address, without a fragment."""
    try:
        found = URL(str(url))
    except ValueError:
        return False
    return found.scheme == "https" and bool(found.host) and not found.fragment


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
