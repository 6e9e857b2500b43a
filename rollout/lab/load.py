"""Visitors: a steady stream of requests that does not wait for answers, and who answered them."""

import asyncio
import random
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Self

import aiohttp

_TICK = 0.01  # seconds; short enough to be smooth at 100 a second, long enough to cost nothing


@dataclass(frozen=True, slots=True)
class Ask:
    """What every visitor sends. ``visitors`` people keep their cookies if it is above 0."""

    host: str = ""
    path: str = "/"
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    visitors: int = 0


@dataclass(slots=True)
class Tally:
    """What came back. A status of 0 is a request without an answer; 5xx and 0 are failures."""

    statuses: Counter[int] = field(default_factory=Counter)
    versions: Counter[str] = field(default_factory=Counter)
    pods: Counter[str] = field(default_factory=Counter)
    failed_versions: Counter[str] = field(default_factory=Counter)
    failed_hosts: Counter[str] = field(default_factory=Counter)
    milliseconds: float = 0.0
    slowest_ms: float = 0.0

    @property
    def requests(self) -> int:
        return self.statuses.total()

    @property
    def failures(self) -> int:
        return sum(n for status, n in self.statuses.items() if status == 0 or status >= 500)

    @property
    def mean_ms(self) -> float:
        return self.milliseconds / max(1, self.requests)

    def share(self, version: str) -> float:
        """Of all answers that named a version, 0 to 1; 0 if none did."""
        return self.versions[version] / max(1, self.versions.total())

    def add(
        self, status: int, headers: Mapping[str, str], milliseconds: float, host: str = ""
    ) -> None:
        """One answer, or the lack of it."""
        version = headers.get("x-version", "")
        self.statuses[status] += 1
        if version:
            self.versions[version] += 1
            self.pods[headers.get("x-pod", "")] += 1
        if status == 0 or status >= 500:
            self.failed_versions[version] += 1
            self.failed_hosts[host] += 1
        self.milliseconds += milliseconds
        self.slowest_ms = max(self.slowest_ms, milliseconds)


class Stream(ABC):
    """``rps`` requests a second, as long as it is entered; none waits for another's answer.

    ``rps`` may be changed meanwhile. Visitors keep cookies themselves: a jar shared by all would
    make everyone one person.
    """

    def __init__(self, rps: float) -> None:
        self.rps = rps
        self._open: set[asyncio.Task[None]] = set()
        self._http: aiohttp.ClientSession | None = None
        self._runner: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(limit=0)
        self._http = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        self._runner = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *error: object) -> None:
        assert self._runner is not None  # noqa: S101 - entered
        self._runner.cancel()
        await asyncio.gather(self._runner, return_exceptions=True)
        await asyncio.gather(*self._open)
        await self.http.close()

    @property
    def http(self) -> aiohttp.ClientSession:
        """The session of all visitors; only inside ``async with``."""
        assert self._http is not None, "only inside `async with`"  # noqa: S101 - our own promise
        return self._http

    async def _run(self) -> None:
        clock = asyncio.get_running_loop().time
        due, last = 0.0, clock()
        while True:
            await asyncio.sleep(_TICK)
            now = clock()
            # A second at most is caught up: after a pause of the machine nobody wants a flood.
            due = min(due + (now - last) * self.rps, max(1.0, self.rps))
            last = now
            while due >= 1:
                due -= 1
                task = asyncio.create_task(self._visit())
                self._open.add(task)
                task.add_done_callback(self._open.discard)

    @abstractmethod
    async def _visit(self) -> None:
        """One request, and what came of it; it raises nothing."""


class Load(Stream):
    """``rps`` requests a second to ``url`` until stopped; ``rps`` may be changed meanwhile.

    ``url``: one for all, or asked anew for each request, as a load balancer picks a target.
    ``ask``: likewise.
    """

    def __init__(
        self,
        url: str | Callable[[], str],
        rps: float,
        ask: Ask | Callable[[], Ask] | None = None,
    ) -> None:
        super().__init__(rps)
        self.tally = Tally()
        self._url = url if callable(url) else lambda: url
        self._ask = ask if callable(ask) else lambda: ask or Ask()
        self._jars: list[dict[str, str]] = [{} for _ in range(self._ask().visitors)]

    def take(self) -> Tally:
        """The tally so far; counting begins anew, for the next stretch."""
        taken, self.tally = self.tally, Tally()
        return taken

    async def send(self, count: int) -> Tally:
        """Beside the stream: ``count`` requests, at most 50 at once, and what came back."""
        before, self.tally = self.tally, Tally()
        for begun in range(0, count, 50):
            await asyncio.gather(*(self._visit() for _ in range(min(50, count - begun))))
        taken, self.tally = self.tally, before
        return taken

    async def _visit(self) -> None:
        clock = asyncio.get_running_loop().time
        jar = random.choice(self._jars) if self._jars else {}  # noqa: S311 - any visitor will do
        tally, begun, ask = self.tally, clock(), self._ask()
        status, headers = 0, {}
        try:
            async with self.http.request(
                ask.method, self._url() + ask.path, headers=_headers(ask, jar)
            ) as answer:
                await answer.read()
                status, headers = answer.status, dict(answer.headers)
                if self._jars and "Set-Cookie" in answer.headers:
                    _keep(jar, answer.headers.getall("Set-Cookie"))
        except (aiohttp.ClientError, TimeoutError, OSError):
            pass  # no answer is an answer: status 0
        lower = {name.lower(): value for name, value in headers.items()}
        tally.add(status, lower, (clock() - begun) * 1000, ask.host)


def _headers(ask: Ask, jar: Mapping[str, str]) -> dict[str, str]:
    found = dict(ask.headers)
    if ask.host:
        found["Host"] = ask.host
    if jar:
        kept = "; ".join(f"{name}={value}" for name, value in jar.items())
        found["Cookie"] = "; ".join(filter(None, (found.get("Cookie", ""), kept)))
    return found


def _keep(jar: dict[str, str], set_cookies: list[str]) -> None:
    for text in set_cookies:
        for name, morsel in SimpleCookie(text).items():
            if morsel["max-age"] == "0":
                jar.pop(name, None)
            else:
                jar[name] = morsel.value
