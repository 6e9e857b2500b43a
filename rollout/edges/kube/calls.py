"""Requests to the API server, with whose credentials, and its answers as JSON or our errors."""

import asyncio
import functools
import re
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import aiohttp

from rollout import __version__, jsontext, lenient
from rollout.edges.kube.credentials import Connection, plain
from rollout.edges.kube.package import client
from rollout.edges.kube.watch import Absent, ListAgain
from rollout.errors import (
    ConflictError,
    OutsideError,
    OwnedError,
    RefusedError,
    RolloutError,
    UnprovenError,
)
from rollout.model.spec import MANAGER

WRITE_SECONDS = 10
READ_SECONDS = 30
BODY = 64 << 20  # no list page or object of ours comes near it
TLS_GOODBYE = 0.25  # seconds; as aiohttp's own documentation has it
AGENT = f"{MANAGER}/{__version__}"  # and in the API server's audit log
APPLY = "APPLY"  # a method of ours: PATCH as server-side apply
SOURCES = "rollout-source"  # who sources are in managedFields
_AS_US = urlencode({"fieldManager": MANAGER})
_PATCH = {"PATCH": "application/json-patch+json", APPLY: "application/apply-patch+yaml"}


Told = Callable[[str, int, float], None]
"""Hears of each request: its method, the answer's status (0: there was none), and seconds."""


class Calls:
    """Requests to the API server, and its answers as JSON or as one of our errors."""

    def __init__(self, api: client.ApiClient, told: Told = lambda *_: None) -> None:
        self._api = api
        self._told = told

    async def close(self) -> None:
        """Nothing is open any more, TLS connections included.

        Source: aiohttp, "Client: graceful shutdown": a TLS transport closes a moment later.
        """
        await self._api.close()  # type: ignore[no-untyped-call]
        if self._api.configuration.host.startswith("https"):
            await asyncio.sleep(TLS_GOODBYE)

    async def call(
        self, method: str, path: str, query: Mapping[str, str], body: object, *, where: str
    ) -> dict[str, Any]:
        seconds = READ_SECONDS if method == "GET" else WRITE_SECONDS
        began, status = asyncio.get_running_loop().time(), 0
        try:
            response = await self._send(method, path, query, body, _timeout(seconds))
            try:
                text = await _body(response)
                status = response.status
            finally:
                response.release()
        except UNHEARD as error:
            raise _no_answer(where, error) from error
        finally:
            self._told(_verb(method), status, asyncio.get_running_loop().time() - began)
        if response.status >= 300:
            raise _refusal(where, response.status, response.headers.get("Retry-After"), text)
        return _object(where, text)

    async def stream(
        self, path: str, query: Mapping[str, str], seconds: float, where: str
    ) -> AsyncGenerator[bytes]:
        try:
            response = await self._send("GET", path, query, None, _timeout(seconds))
            try:
                if response.status >= 300:
                    text = await _body(response)
                    raise _refusal(where, response.status, None, text)
                yield b"\n"
                async for chunk in response.content.iter_any():
                    yield chunk
            finally:
                response.close()
        except UNHEARD as error:
            raise _no_answer(where, error) from error

    async def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: object,
        timeout: aiohttp.ClientTimeout,
    ) -> aiohttp.ClientResponse:
        headers, began = await self._headers(path, method), asyncio.get_running_loop().time()
        connection = self._api if isinstance(self._api, Connection) else None
        try:
            response = await self._asked(method, path, query, body, headers, timeout)
        except aiohttp.ClientConnectorCertificateError:  # nothing was sent
            if connection is None or not await connection.distrusted(began):
                raise
            response = await self._asked(method, path, query, body, headers, timeout)
        if response.status == 401 and connection and await connection.refused(headers):
            response.release()
            headers = await self._headers(path, method)
            response = await self._asked(method, path, query, body, headers, timeout)
        return response

    async def _headers(self, path: str, method: str) -> dict[str, str]:
        if isinstance(self._api, Connection):
            await self._api.fresh()
        kind = _PATCH.get(method, "application/json")
        headers = {"Accept": "application/json", "Content-Type": kind, "User-Agent": AGENT}
        await self._api.update_params_for_auth(headers, [], ["BearerToken"], path, method, None)
        return headers

    async def _asked(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: object,
        headers: dict[str, str],
        timeout: aiohttp.ClientTimeout,
    ) -> aiohttp.ClientResponse:
        url = self._api.configuration.host.rstrip("/") + path
        asked = urlencode(query) if query else ""
        if method in {"PATCH", "POST", APPLY} and "fieldManager" not in query:
            asked = f"{_AS_US}&{asked}" if asked else _AS_US
        answer = await self._api.call_api(
            _verb(method),
            f"{url}?{asked}" if asked else url,
            headers,
            body=body,
            _request_timeout=timeout,
        )
        response: aiohttp.ClientResponse = answer.response
        return response


UNHEARD = (aiohttp.ClientError, TimeoutError, OSError, UnicodeError)
"""What comes of a question that nobody answers; a name that no name server knows is no name in
IDNA's eyes, either, where a part of it is empty or longer than 63 characters."""


class NotFound(RefusedError):
    """The API server knows the kind, and not the object."""


def _verb(method: str) -> str:
    """The method as it goes over the wire."""
    return "PATCH" if method == APPLY else method


@functools.cache
def _timeout(seconds: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=seconds, connect=min(seconds, WRITE_SECONDS))


async def _body(response: aiohttp.ClientResponse) -> bytes:
    parts, size = [], 0
    async for part in response.content.iter_any():
        parts.append(part)
        size += len(part)
        if size > BODY:
            raise OSError(f"more than {BODY >> 20} MiB")
    return b"".join(parts)


def _no_answer(where: str, error: BaseException) -> OutsideError:
    """Whether a write was done is unknown; the next look sees."""
    return OutsideError(f"{where}: no answer ({plain(str(error)) or type(error).__name__})")


def _object(where: str, text: bytes) -> dict[str, Any]:
    try:
        value = jsontext.read(text)
    except (ValueError, RecursionError) as error:
        raise OutsideError(f"{where}: the answer is not JSON; the next look asks again") from error
    if not isinstance(value, dict):
        raise OutsideError(f"{where}: the answer is no object; the next look asks again")
    return value


def _refusal(where: str, code: int, wait: str | None, text: bytes) -> RolloutError:
    """What an HTTP status says of who can put it right."""
    status = _status(text)
    said = plain(str(status.get("message", ""))) or f"status {code}"
    if code == 404:
        return _not_found(where, said, status)
    if code == 410:
        return ListAgain(f"{where}: {said}")
    if code == 409 and (fields := _owned(status)):
        return OwnedError(f"{where}: {said}", fields)
    if code == 409 or (code == 422 and _is_failed_test(status)):
        return ConflictError(f"{where}: {said}")
    if code == 401:
        return UnprovenError(f"{where}: {code} {said}", retry_after=_seconds(wait))
    if code == 429 or code >= 500:
        return OutsideError(f"{where}: {code} {said}", retry_after=_seconds(wait))
    return RefusedError(f"{where}: {code} {said}")


def _not_found(where: str, said: str, status: Mapping[str, Any]) -> RolloutError:
    details = status.get("details")
    if isinstance(details, dict) and details.get("name"):
        return NotFound(f"{where}: {said}")
    return Absent(f"{where}: the API server does not know this kind; install its CRD")


_OWNER = re.compile(r'conflict with "([^"]{1,128})')


def _owned(status: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Fields of other managers, and whose they are, of a server-side apply that conflicts.

    Source: apiserver, ``pkg/endpoints/handlers/fieldmanager``: NewConflictError.
    """
    details = status.get("details")
    causes = (details.get("causes") if isinstance(details, dict) else None) or ()
    found = []
    for cause in causes:
        match = _OWNER.match(str(cause.get("message")))
        if cause.get("reason") == "FieldManagerConflict" and match:
            found.append((str(cause.get("field")), match[1]))
    return tuple(found)


def _is_failed_test(status: Mapping[str, Any]) -> bool:
    """A patch that no longer fits its object, against an object that breaks a rule.

    The latter names the object in ``details``; the former does not.
    Source: apiserver, ``patch.go``: NewGenericServerResponse without a resource.
    """
    details = status.get("details")
    return not (isinstance(details, dict) and details.get("name"))


def _status(text: bytes) -> Mapping[str, Any]:
    try:
        value = jsontext.read(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _seconds(wait: str | None) -> float | None:
    """Retry-After in whole seconds, at most a minute; a date or garbage says nothing."""
    found = lenient.whole(wait or "", 30)
    return None if found is None else float(min(found, 60))
