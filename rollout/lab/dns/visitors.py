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

import aiohttp

from rollout.lab.dns import wire
from rollout.lab.dns.wire import Message, WireError
from rollout.lab.load import Stream

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


class Visitors(Stream):
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
        super().__init__(rps)
        self.met = Met()
        self.stuck = 0.0
        self._name = name
        self._routes = routes
        self._users = [Resolver(servers, name) for _ in range(users)]

    def take(self) -> Met:
        """What was met so far; counting begins anew."""
        taken, self.met = self.met, Met()
        return taken

    async def _visit(self) -> None:
        met = self.met
        number = random.randrange(len(self._users))  # noqa: S311 - any user will do
        user = self._users[number]
        keeps = user.address and number < self.stuck * len(self._users)
        address = user.address if keeps else await user.resolve()
        status = 0
        try:
            url = self._routes[address]
            async with self.http.get(url, headers={"Host": self._name}) as answer:
                await answer.read()
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError, KeyError):
            pass  # no answer is an answer: status 0
        met.add(address, status)
