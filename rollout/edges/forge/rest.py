"""One request to a forge's REST API, and what its answer means to whom.

A token goes to the API's own host alone: no redirect is followed. What a forge says in an error is
never repeated, since it repeats what was sent.
Sources: docs.github.com, "Rate limits for the REST API" (403 or 429, with ``Retry-After``, or with
``x-ratelimit-remaining: 0`` and ``x-ratelimit-reset``); docs.gitlab.com, "Rate limits" (429,
``Retry-After``, ``RateLimit-Reset``).
"""

import json
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import aiohttp
from yarl import URL

from rollout.edges import outward, whole
from rollout.edges.outward import Outward
from rollout.errors import OutsideError, RefusedError

PATIENCE = 10.0  # seconds for one answer
LARGEST = 4 << 20  # bytes of an answer; a file of 1 MiB has 1.4 in base64
USUAL_WAIT, LONGEST_WAIT = 60.0, 3900.0  # seconds after a limit: without a readable wish; at most
_PASSING = frozenset({408, 500, 502, 503, 504})

Entries = Mapping[str, bytes]
"""What the Secret holds."""
Headers = Mapping[str, str]
Says = Mapping[str, str]
"""Headers that say who asks."""


class AbsentError(RefusedError):
    """What was asked for is not there, or the token may not see it."""


class UntrueError(RefusedError):
    """The token is none, or none any more."""


class UnfitError(RefusedError):
    """What was asked does not fit what is there: it is there already, or has moved (409, 422)."""


@dataclass(slots=True)
class Rest:
    """One API, asked in one name. ``who``: proves it, and is asked anew for each request;
    ``refused`` is told that the API did not take it.

    ``secret``: the Secret's name, for the words of an error; ``entries``: what is in it.
    """

    outward: Outward
    api: str
    secret: str
    entries: Entries
    who: Callable[[], Awaitable[Says]]
    clock: Callable[[], datetime]
    shut: "Shut"
    refused: Callable[[], None] = lambda: None

    async def ask(self, verb: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """What the API answers. ``path``: after the API's own, with whatever is odd in it escaped.

        Errors: ``OutsideError`` when there is no answer, or none yet; ``RefusedError`` when a
        person must change something, as the three above tell.
        """
        self.shut.check(self.clock())
        url = outward.address(f"{self.api}{path}")
        headers = {**_USUAL, **(await self.who())}
        status, said, answer = await self._once(verb, url, headers, body)
        left = limit(said, self.clock().timestamp())
        if left is None and is_limited(status, answer):
            left = USUAL_WAIT
        if left is not None:
            self.shut.until = self.clock().timestamp() + left
        if status < 300:
            return _read(answer)
        if status == 401:
            self.refused()
        raise meaning(status, left, self.secret)

    async def _once(
        self, verb: str, url: URL, headers: Headers, body: Mapping[str, Any] | None
    ) -> tuple[int, Headers, bytes]:
        door = self.outward.door(url, self.secret, self.entries)
        data = json.dumps(body).encode() if body is not None else None
        try:
            async with (
                door.session() as http,
                http.request(
                    verb,
                    url,
                    data=data,
                    headers=headers,
                    timeout=aiohttp.ClientTimeout(total=PATIENCE),
                    allow_redirects=False,
                    proxy=door.proxy,
                ) as answer,
            ):
                return answer.status, answer.headers, await _whole(answer)
        except TimeoutError:
            raise OutsideError(f"forge: no answer in {PATIENCE:g} s") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            if door.shut:
                raise RefusedError("forge: its address may not be asked; see the policy") from None
            nearest = "its proxy" if door.proxy else "it"
            raise OutsideError(f"forge: {outward.trouble(error, nearest)}") from None


@dataclass(slots=True)
class Shut:
    """Until when a forge asked us to leave it alone, seconds since 1970; for one token."""

    until: float = field(default=0.0)

    def check(self, now: datetime) -> None:
        """Errors: ``OutsideError`` while it is so."""
        left = self.until - now.timestamp()
        if left > 0:
            raise OutsideError(f"forge: asked to wait {math.ceil(left)} s more", left)


_USUAL = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "Content-Type": "application/json",
    "User-Agent": "rollout",
}


async def _whole(answer: aiohttp.ClientResponse) -> bytes:
    read = await whole.read(answer, LARGEST)
    if read is None:
        raise OutsideError(f"forge: an answer of more than {LARGEST >> 20} MiB")
    return read


def _read(answer: bytes) -> Any:
    try:
        return json.loads(answer) if answer.strip() else {}
    except (ValueError, RecursionError):
        raise OutsideError("forge: an answer that is no JSON") from None


def limit(headers: Headers, now: float) -> float | None:
    """Seconds for which the API wants to be left alone; None: it does not say that it does."""
    asked = headers.get("Retry-After")
    if asked is not None:
        return _bounded(asked)
    remaining = headers.get("X-RateLimit-Remaining", headers.get("RateLimit-Remaining"))
    reset = headers.get("X-RateLimit-Reset", headers.get("RateLimit-Reset"))
    if remaining == "0" and reset is not None:
        return min(max(0.0, _bounded(reset, now)), LONGEST_WAIT)
    return None


def is_limited(status: int, answer: bytes) -> bool:
    """Whether a no is GitHub's limit, which may come without a header that says for how long.

    Source: docs.github.com, "Rate limits for the REST API", "Exceeding the rate limit": 403 or 429,
    known by its message; then at least a minute is to be waited.
    """
    if status != 403:
        return status == 429
    try:
        told = as_map(json.loads(answer)) if answer.strip() else {}
    except (ValueError, RecursionError):
        return False
    return "rate limit" in str(told.get("message", "")).lower()


def _bounded(text: str, since: float = 0.0) -> float:
    try:
        wanted = float(text) - since
    except ValueError:
        return USUAL_WAIT
    return min(max(wanted, 0.0), LONGEST_WAIT) if math.isfinite(wanted) else USUAL_WAIT


def meaning(status: int, left: float | None, secret: str) -> Exception:
    """The error of an answer that is none; ``left``: seconds that it asked us to wait."""
    if status in (403, 429) and left is not None:
        return OutsideError(f"forge: asks to wait {math.ceil(left)} s", left)
    if status in _PASSING:
        return OutsideError(f"forge: answers {status}", left)
    where = f"secret {secret}: "
    if status == 401:
        return UntrueError(f"{where}the forge does not take it (401); a valid token is wanted")
    if status == 403:
        return RefusedError(f"{where}the token may not (403); see docs/forges.md for its rights")
    if status == 404:
        return AbsentError(f"{where}not found, or its token may not see it (404)")
    if 300 <= status < 400:
        return RefusedError(f"forge: redirects ({status}); repository and api as they are now")
    if status in (409, 422):
        return UnfitError(f"forge: does not take that ({status})")
    return RefusedError(f"forge: answers {status}")


def as_map(told: Any) -> Mapping[str, Any]:
    """What was answered, if it is an object; else an empty one."""
    return told if isinstance(told, Mapping) else {}


def as_maps(told: Any) -> list[Mapping[str, Any]]:
    """The objects of a list that was answered."""
    return [one for one in told if isinstance(one, Mapping)] if isinstance(told, list) else []
