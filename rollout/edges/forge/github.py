"""GitHub's REST API, as much of it as we speak: the comments of a pull request.

Sources: docs.github.com, "REST API endpoints for issue comments", "Rate limits for the REST API"
(403 or 429 with ``Retry-After``, or ``x-ratelimit-remaining: 0`` and ``x-ratelimit-reset``).
"""

import asyncio
import json
import ssl
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import aiohttp

from rollout import lenient
from rollout.edges import whole
from rollout.edges.forge import rest
from rollout.errors import OutsideError, RefusedError

API = "https://api.github.com"
VERSION = "2022-11-28"
TRIES = 4
LONGEST_WAIT = 60.0  # seconds that a rate limit may ask of us before we give up
LONG = rest.USUAL_WAIT  # seconds that one is waited for which asks for no time
LARGEST = 1 << 16  # bytes of an answer that is none
LIMIT = 65_536  # characters of a comment
TIMEOUT = 20.0  # seconds of one request
PAGES = 50  # of 100 comments; a pull request with more has lost its sticky one
_AGAIN = frozenset({500, 502, 503, 504})


class GitHub:
    """One client of one API; no redirect is followed, so ``token`` goes to ``url`` alone.

    ``url``: ``https://api.github.com``, or ``https://HOST/api/v3`` of an Enterprise Server.
    """

    def __init__(self, token: str, url: str = API, tls: ssl.SSLContext | None = None) -> None:
        self._url = url.rstrip("/")
        self._tls = tls or ssl.create_default_context()
        self._headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {token}",
            "X-GitHub-Api-Version": VERSION,
            "User-Agent": "rollout",
        }
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            headers=self._headers,
            timeout=aiohttp.ClientTimeout(total=TIMEOUT),
            connector=aiohttp.TCPConnector(ssl=self._tls),
            trust_env=True,
        )
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        assert self._session is not None  # noqa: S101 - entered before it is left
        await self._session.close()

    async def put_comment(self, repository: str, number: int, mark: str, body: str) -> str:
        """The one comment that holds ``mark``, made or brought to ``body``; its web address.

        ``mark`` should be an HTML comment, which nobody sees; it is looked for at the beginning
        of comments that this token may change.
        Errors: ``RefusedError`` where the token may not, ``OutsideError`` where nobody answers.
        """
        text = f"{mark}\n{body}"
        where = f"/repos/{repository}/issues"
        known = await self._marked(f"{where}/{number}/comments", mark)
        if known is None:
            made = await self._ask("POST", f"{where}/{number}/comments", {"body": text})
        elif known.get("body") == text:
            made = known
        else:
            made = await self._ask("PATCH", f"{where}/comments/{known['id']}", {"body": text})
        return str(made.get("html_url", ""))

    async def _marked(self, path: str, mark: str) -> Mapping[str, Any] | None:
        """The first comment that begins with ``mark`` and was not written by somebody else."""
        for page in range(1, PAGES + 1):
            comments = await self._ask("GET", f"{path}?per_page=100&page={page}")
            for comment in comments:
                if _is_trusted(comment) and str(comment.get("body", "")).startswith(mark):
                    return dict(comment)
            if len(comments) < 100:
                return None
        return None

    async def _ask(self, verb: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        for attempt in range(1, TRIES + 1):
            try:
                return await self._once(verb, path, body)
            except OutsideError as error:
                wait = error.retry_after if error.retry_after is not None else 0.5 * 2**attempt
                if attempt == TRIES or wait > LONGEST_WAIT:
                    raise
                await asyncio.sleep(wait)
        raise AssertionError("the last try returns or raises")

    async def _once(self, verb: str, path: str, body: Mapping[str, Any] | None) -> Any:
        assert self._session is not None  # noqa: S101 - a context manager
        asking = self._session.request(verb, f"{self._url}{path}", json=body, allow_redirects=False)
        try:
            async with asking as answer:
                if answer.status < 300:
                    return await answer.json(content_type=None)
                told = await whole.read(answer, LARGEST) or b""
                raise _trouble(answer.status, answer.headers, told)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise OutsideError(f"github: no usable answer ({type(error).__name__})") from error


def _is_trusted(comment: Mapping[str, Any]) -> bool:
    """Whether its author may write to the repository; a stranger may have copied our mark."""
    bot = (comment.get("user") or {}).get("type") == "Bot"
    return bot or comment.get("author_association") in ("OWNER", "MEMBER", "COLLABORATOR")


def _message(answer: bytes) -> str:
    """What GitHub says is wrong, one line."""
    try:
        text = json.loads(answer).get("message", "")
    except (ValueError, AttributeError, RecursionError):
        text = ""
    return " ".join(str(text).split())[:200]


def _trouble(status: int, headers: Mapping[str, str], answer: bytes) -> Exception:
    """The error of an answer that is none: who can put it right, and when to ask again."""
    wait = retry_after(headers, time.time())  # noqa: TID251 - GitHub's reset is a time of day
    if rest.is_limited(status, answer) or (status == 403 and wait is not None):
        return OutsideError(f"github: rate limited ({status})", LONG if wait is None else wait)
    if status in _AGAIN:
        return OutsideError(f"github: answered {status}", wait)
    hints = {
        401: "the token is not valid",
        403: "the token may not; pull-requests: write is wanted",
        404: "not found, or the token may not see it",
    }
    hint, said = hints.get(status, "it was refused"), _message(answer)
    return RefusedError(f"github: answered {status}: {hint}{f' ({said})' if said else ''}")


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """The seconds that a rate limit asks us to wait; None: the answer speaks of none."""
    asked = lenient.whole(headers.get("Retry-After", ""))
    if asked is not None:
        return float(asked)
    reset = lenient.whole(headers.get("X-RateLimit-Reset", ""))
    if headers.get("X-RateLimit-Remaining") == "0" and reset is not None:
        return max(0.0, reset - now)
    return None
