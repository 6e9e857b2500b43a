"""Prometheus' HTTP API: one query, one ``Reply``, or an error of ours; nothing is judged here.

Through ``prometheus-api-client``, with a session of our own: its return values leave out the
warnings and the kind of a result, and its session follows redirects and reads bodies of any size.
"""

import asyncio
import json
import math
import re
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import requests
from prometheus_api_client import PrometheusConnect
from prometheus_api_client.exceptions import PrometheusApiClientException
from urllib3.util.retry import Retry

from rollout.errors import OutsideError, RefusedError
from rollout.model.observation import Reply, Series

CHUNK = 1 << 16
TRY_AGAIN_ON = (429, 502, 503, 504)
REFUSED = (400, 401, 403, 404, 405, 422)
# From the API's own list, so that no word of a foreign answer reaches a message:
# https://prometheus.io/docs/prometheus/latest/querying/api/
ERROR_TYPES = frozenset({"bad_data", "execution", "canceled", "timeout", "internal", "unavailable"})


@dataclass(frozen=True, slots=True)
class Access:
    """Where Prometheus is and how to be let in; controller configuration, never of a spec.

    ``tenant``: the header's name and value that Mimir, Cortex or Thanos tell tenants by.
    ``timeout``: for one try, headers and body together; there are two at most.
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
            retry=_one_retry(),
            method="POST",
        )

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

    async def _ask(self, promql: str, times: Mapping[str, float], at: datetime, kind: str) -> Reply:
        async with self._gate:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, self._ask_now, promql, times, at, kind)

    def _ask_now(self, promql: str, times: Mapping[str, float], at: datetime, kind: str) -> Reply:
        box: dict[str, Any] = {}
        params = {**times, "timeout": f"{self._access.timeout.total_seconds():g}s", _BOX: box}
        try:
            if kind == "matrix":
                self._client.custom_query_range(promql, at, at, "1", params=params)
            else:
                self._client.custom_query(promql, params=params)
        except PrometheusApiClientException:
            self._refuse(box)
        except (requests.RequestException, OSError) as error:
            raise OutsideError(self._says(_why(error))) from error
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise OutsideError(self._says("an answer that is not the API's")) from error
        return self._reply(box["answer"], kind)

    def _refuse(self, box: Mapping[str, Any]) -> NoReturn:
        status = box["status"]
        answer = box.get("answer")
        reason = f"status {status}{_error_type(answer)}"
        if place := _place(answer):
            raise RefusedError(self._says(f"{reason}, cannot be parsed at {place}"))
        if status in REFUSED or 300 <= status < 400:
            raise RefusedError(self._says(f"{reason}, its answer was no"))
        raise OutsideError(self._says(reason))

    def _reply(self, answer: Any, kind: str) -> Reply:
        try:
            if answer["status"] != "success":
                raise OutsideError(self._says(f"an error{_error_type(answer)} in a 200"))
            found = answer["data"]["resultType"]
            if found not in {kind, "scalar"}:
                named = found if found in {"vector", "matrix", "string"} else "something else"
                raise RefusedError(self._says(f"a {named} came, the query must give a {kind}"))
            result = answer["data"]["result"]
            series = _scalar(result) if found == "scalar" else _series(result, kind)
        except (
            ValueError,
            KeyError,
            TypeError,
            IndexError,
            AttributeError,
            OverflowError,
        ) as error:
            raise OutsideError(self._says("an answer that is not the API's")) from error
        return Reply(series, partial=bool(answer.get("warnings")))

    def _says(self, found: str) -> str:
        return f"prometheus: {found}"


_BOX = "\0box"  # a parameter no server ever sees: how the session hands the whole answer back


class _Session(requests.Session):
    """No redirects, no proxies or netrc of the environment, a cap on size and time."""

    def __init__(self, access: Access) -> None:
        super().__init__()
        self._access = access
        self.trust_env = False
        self.verify = access.ca_file or True

    def request(self, method: str, url: str, **kwargs: Any) -> requests.Response:  # type: ignore[override]
        """One request, its body read within the limits and decoded once."""
        params = dict(kwargs.pop("params", None) or {})
        box = params.pop(_BOX, {})
        # In the body: a query for 200 workloads is longer than many a proxy lets a URL be.
        kwargs |= {"data": params, "allow_redirects": False, "stream": True}
        until = time.monotonic() + 2 * self._access.timeout.total_seconds()
        with super().request(method, url, **kwargs) as response:
            body = self._body(response, until)
        box["status"] = response.status_code
        box["answer"] = answer = _decoded(body, strict=response.status_code == 200)
        response._content = b""  # or the client would put it into its message
        response.json = lambda **_: answer  # type: ignore[method-assign]
        return response

    def _body(self, response: requests.Response, until: float) -> bytes:
        parts, size = [], 0
        for part in response.iter_content(CHUNK):
            size += len(part)
            if size > self._access.most_bytes:
                raise requests.RequestException(f"more than {self._access.most_bytes} bytes")
            if time.monotonic() > until:
                raise requests.Timeout
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


def _decoded(body: bytes, strict: bool) -> Any:
    try:
        return json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        if strict:
            raise
        return None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _why(error: Exception) -> str:
    """A word of ours for a foreign exception: its own may hold addresses or bodies."""
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is not one we trust"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    if type(error) is requests.RequestException:
        return "an answer too large to read"
    return "no answer that can be read"


def _error_type(answer: Any) -> str:
    found = answer.get("errorType") if isinstance(answer, dict) else None
    return f" ({found})" if isinstance(found, str) and found in ERROR_TYPES else ""


_PARSE_ERROR = re.compile(r"\b([0-9]{1,5}):([0-9]{1,6}): parse error")


def _place(answer: Any) -> str:
    """Where in the query Prometheus stumbled, in words; of its own text only the numbers.

    Source: Prometheus, promql/parser, ``ParseErr.Error``: line and column before the reason.
    """
    text = answer.get("error") if isinstance(answer, dict) else None
    match = _PARSE_ERROR.search(text) if isinstance(text, str) else None
    if match is None:
        return ""
    line = f"line {match[1]}, " if match[1] != "1" else ""
    return f"{line}character {match[2]}"


def _series(result: Any, kind: str) -> tuple[Series, ...]:
    key = "value" if kind == "vector" else "values"
    if any("histogram" in one or "histograms" in one for one in result):
        raise RefusedError("prometheus: a native histogram came, the query must give numbers")
    return tuple(
        Series(
            {str(k): str(v) for k, v in one["metric"].items()},
            tuple(map(_point, [one[key]] if kind == "vector" else one[key])),
        )
        for one in result
    )


def _scalar(result: Any) -> tuple[Series, ...]:
    return (Series({}, (_point(result),)),)


def _point(pair: Any) -> tuple[datetime, float]:
    at, value = pair
    if isinstance(at, bool) or not isinstance(at, int | float) or not math.isfinite(at):
        raise TypeError("a time must be a number")
    if not isinstance(value, str):
        raise TypeError("a value must be a string")
    return datetime.fromtimestamp(at, UTC), float(value)


def _stamp(at: datetime) -> float:
    return at.timestamp()
