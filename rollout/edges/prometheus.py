"""Prometheus' HTTP API: one query, one ``Reply``, or an error of ours; ``promapi`` reads it.

Through ``prometheus-api-client``, with a session of our own: its return values leave out the
warnings and the kind of a result, and its session follows redirects and reads bodies of any size.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

import requests
from prometheus_api_client import PrometheusConnect
from prometheus_api_client.exceptions import PrometheusApiClientException
from urllib3.util.retry import Retry

from rollout.edges import promapi
from rollout.edges.hangup import Adapter, Wait
from rollout.errors import OutsideError
from rollout.model.observation import Reply

CHUNK = 1 << 16
LARGE = 1 << 20
TRY_AGAIN_ON = (429, 502, 503, 504)


@dataclass(frozen=True, slots=True)
class Access:
    """Where Prometheus is and how to be let in; controller configuration, never of a spec.

    ``tenant``: the header's name and value that Mimir, Cortex or Thanos tell tenants by.
    ``timeout``: for one try, headers and body together; there are two at most, and after their
    time whoever still speaks is hung up on.
    """

    url: str
    token: str = field(default="", repr=False)
    user: str = ""
    password: str = field(default="", repr=False)
    ca_file: str = ""
    tenant: tuple[str, str] | None = None
    timeout: timedelta = timedelta(seconds=5)
    most_bytes: int = 32 << 20
    at_once: int = 8


class Prometheus:
    """One Prometheus, asked from a few threads at once."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._gate = asyncio.Semaphore(access.at_once)
        # An answer takes ten times its size while it is read: the largest, one after the other.
        self._reading = Lock()
        # Its own: the event loop's default threads look up names for every other connection.
        self._threads = ThreadPoolExecutor(access.at_once, thread_name_prefix="prometheus")
        session = _Session(access)
        headers = {} if access.tenant is None else dict([access.tenant])
        if access.token:
            headers["Authorization"] = f"Bearer {access.token}"
        self._client = PrometheusConnect(
            url=access.url.rstrip("/"),
            headers=headers,
            auth=(access.user, access.password) if access.user else None,
            session=session,
            timeout=access.timeout.total_seconds(),
            method="POST",
        )
        session.mount(access.url.rstrip("/"), Adapter(max_retries=_one_retry()))

    async def instant(self, promql: str, at: datetime) -> Reply:
        """The value of ``promql`` at ``at``: one point a series.

        Errors: ``OutsideError`` when there is no answer, ``RefusedError`` when it is no.
        """
        return await self._ask(promql, {"time": _stamp(at)}, at, "vector")

    async def range(self, promql: str, start: datetime, end: datetime, step: timedelta) -> Reply:
        """The values of ``promql`` from ``start`` to ``end``, both included; as ``instant``."""
        times = {"start": _stamp(start), "end": _stamp(end), "step": step.total_seconds()}
        return await self._ask(promql, times, start, "matrix")

    def close(self) -> None:
        """Let go of the connections."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._client.close()

    async def _ask(
        self, promql: str, times: Mapping[str, float], at: datetime, kind: promapi.Kind
    ) -> Reply:
        async with self._gate:
            loop, wait = asyncio.get_running_loop(), Wait()

            def asked() -> Reply:
                with wait.here():
                    box = self._asked(promql, times, at, kind, wait)
                with self._reading if len(box["body"]) > LARGE else contextlib.nullcontext():
                    return promapi.read(box["status"], box["body"], kind)

            end = loop.call_later(2 * self._access.timeout.total_seconds(), wait.hang_up)
            try:
                return await loop.run_in_executor(self._threads, asked)
            except asyncio.CancelledError:
                wait.hang_up()  # nobody listens any more, and the thread is wanted
                raise
            finally:
                end.cancel()

    def _asked(
        self, promql: str, times: Mapping[str, float], at: datetime, kind: promapi.Kind, wait: Wait
    ) -> Mapping[str, Any]:
        """Status and body."""
        box: dict[str, Any] = {}
        params = {**times, "timeout": f"{self._access.timeout.total_seconds():g}s", _BOX: box}
        try:
            if kind == "matrix":
                self._client.custom_query_range(promql, at, at, "1", params=params)
            else:
                self._client.custom_query(promql, params=params)
        except PrometheusApiClientException:
            pass  # any other status than 200: what the body says, the client's text may not
        except (requests.RequestException, OSError) as error:
            raise OutsideError(promapi.says(_why(error, wait))) from error
        if wait.over:  # a body without a length ends where we hung up
            raise OutsideError(promapi.says(_LATE))
        return box


_READ_BY_US: dict[str, Any] = {"data": {"result": []}}
_BOX = "\0box"  # a parameter no server ever sees: how the session hands status and body back


class _Session(requests.Session):
    """No redirects, no proxies or netrc of the environment, a cap on size and time."""

    def __init__(self, access: Access) -> None:
        super().__init__()
        self._access = access
        self.trust_env = False
        self.verify = access.ca_file or True

    def request(self, method: str, url: str, **kwargs: Any) -> requests.Response:  # type: ignore[override]
        """One request, its body read within the limits."""
        params = dict(kwargs.pop("params", None) or {})
        box = params.pop(_BOX, {})
        # In the body: a query for 200 workloads is longer than many a proxy lets a URL be.
        kwargs |= {"data": params, "allow_redirects": False, "stream": True}
        with super().request(method, url, **kwargs) as response:
            body = self._body(response)
        box |= {"status": response.status_code, "body": body}
        response._content = b""  # or the client would put it into its message
        response.json = lambda **_: _READ_BY_US  # type: ignore[method-assign]
        return response

    def _body(self, response: requests.Response) -> bytes:
        parts, size = [], 0
        for part in response.iter_content(CHUNK):
            size += len(part)
            if size > self._access.most_bytes:
                raise requests.RequestException(f"more than {self._access.most_bytes} bytes")
            parts.append(part)
        return b"".join(parts)


def _one_retry() -> Retry:
    return Retry(
        total=1,
        redirect=0,
        backoff_factor=0.1,
        allowed_methods=None,  # a query changes nothing, whatever its method
        status_forcelist=TRY_AGAIN_ON,
        raise_on_status=False,
        respect_retry_after_header=False,  # the next look is our way to wait
    )


_LATE = "no answer in time"


def _why(error: Exception, wait: Wait) -> str:
    """A word of ours for a foreign exception: its own may hold addresses or bodies."""
    if wait.over or isinstance(error, requests.Timeout):
        return _LATE
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is not one we trust"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    if type(error) is requests.RequestException:
        return "an answer too large to read"
    return "no answer that can be read"


def _stamp(at: datetime) -> float:
    return at.timestamp()
