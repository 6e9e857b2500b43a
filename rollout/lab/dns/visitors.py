"""Visitors that find their gateway by DNS: resolvers that keep answers for a TTL, and connections.

An address in DNS is one of the documentation's; ``routes`` says where in this machine it leads, as
a network would.
"""

import asyncio
import random
import secrets
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

import aiohttp

from rollout.lab.dns import wire
from rollout.lab.dns.wire import Message, WireError

_TICK = 0.01
_PATIENCE = 2.0  # seconds for one query


@dataclass(slots=True)
class Met:
    """What came back, by the address that was asked; a status of 0 is no answer."""

    requests: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)

    def add(self, address: str, status: int) -> None:
        """One request ended so."""
        self.requests[address] += 1
        if status == 0 or status >= 500:
            self.failures[address] += 1

    def share(self, address: str) -> float:
        """Of all requests, 0 to 1."""
        return self.requests[address] / max(1, self.requests.total())


class _Query(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: object) -> None:
        if not self.answer.done():
            self.answer.set_result(data)


@dataclass(slots=True)
class Resolver:
    """A stub resolver with a cache of one name: what it was answered holds for its TTL."""

    servers: tuple[tuple[str, int], ...]
    name: str
    address: str = ""
    until: float = float("-inf")

    async def resolve(self) -> str:
        """The address by now; the old one where no server answers; empty: none ever did."""
        clock = asyncio.get_running_loop().time
        if clock() < self.until:
            return self.address
        asked = Message(secrets.randbelow(1 << 16), self.name, wire.A, wire.RD)
        try:
            told = await self._ask(asked)
        except (TimeoutError, OSError, WireError):
            return self.address
        if told.answers:
            one = told.answers[0]
            self.address, self.until = one.text, clock() + one.ttl
        return self.address

    async def _ask(self, asked: Message) -> Message:
        where = random.choice(self.servers)  # noqa: S311 - any of them will do
        loop = asyncio.get_running_loop()
        transport, query = await loop.create_datagram_endpoint(_Query, remote_addr=where)
        try:
            transport.sendto(wire.written(asked))
            return wire.read(await asyncio.wait_for(query.answer, _PATIENCE))
        finally:
            transport.close()


class Visitors:
    """``rps`` requests a second for ``name`` by many users, each with a resolver of its own.

    ``stuck``: the share of users whose connection stays where it was first made.
    """

    def __init__(
        self,
        name: str,
        servers: tuple[tuple[str, int], ...],
        routes: Mapping[str, str],
        rps: float,
        users: int = 300,
    ) -> None:
        self.rps = rps
        self.met = Met()
        self.stuck = 0.0
        self._name = name
        self._routes = routes
        self._users = [Resolver(servers, name) for _ in range(users)]
        self._open: set[asyncio.Task[None]] = set()
        self._http: aiohttp.ClientSession | None = None
        self._runner: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(limit=0)
        self._http = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        self._runner = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *error: object) -> None:
        assert self._runner is not None and self._http is not None  # noqa: S101, PT018 - entered
        self._runner.cancel()
        await asyncio.gather(self._runner, return_exceptions=True)
        await asyncio.gather(*self._open)
        await self._http.close()

    def take(self) -> Met:
        """What was met so far; counting begins anew."""
        taken, self.met = self.met, Met()
        return taken

    async def _run(self) -> None:
        clock = asyncio.get_running_loop().time
        due, last = 0.0, clock()
        while True:
            await asyncio.sleep(_TICK)
            now = clock()
            due = min(due + (now - last) * self.rps, max(1.0, self.rps))
            last = now
            while due >= 1:
                due -= 1
                task = asyncio.create_task(self._visit())
                self._open.add(task)
                task.add_done_callback(self._open.discard)

    async def _visit(self) -> None:
        assert self._http is not None  # noqa: S101 - entered
        met = self.met
        number = random.randrange(len(self._users))  # noqa: S311 - any user will do
        user = self._users[number]
        keeps = user.address and number < self.stuck * len(self._users)
        address = user.address if keeps else await user.resolve()
        status = 0
        try:
            url = self._routes[address]
            async with self._http.get(url, headers={"Host": self._name}) as answer:
                await answer.read()
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError, KeyError):
            pass  # no answer is an answer: status 0
        met.add(address, status)
