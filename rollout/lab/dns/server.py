"""One authoritative name server over UDP and TCP, whose faults can be set while it runs."""

import asyncio
import random
import struct
from dataclasses import dataclass, field
from typing import cast

from rollout.lab.dns import wire
from rollout.lab.dns.wire import Answer, Message, WireError
from rollout.lab.dns.zone import Version, Zone


@dataclass(slots=True)
class Faults:
    """``stale``: it answers from its present version for ever (an old serial).

    ``servfail``: it answers SERVFAIL. ``loss``: the share of queries that it never hears.
    ``cache``: it answers without authority. ``truncate``: every answer by UDP is cut off.
    ``delay``: seconds until it has a change of the zone.
    """

    stale: bool = False
    servfail: bool = False
    loss: float = 0.0
    cache: bool = False
    truncate: bool = False
    delay: float = 0.0


@dataclass(slots=True)
class DnsServer:
    """A server of ``zone`` on 127.0.0.1; ``queries``: how many it has heard."""

    zone: Zone
    faults: Faults = field(default_factory=Faults)
    queries: int = 0
    port: int = 0
    _chance: random.Random = field(default_factory=random.Random)
    _frozen: Version | None = None
    _udp: asyncio.DatagramTransport | None = None
    _tcp: asyncio.Server | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def start(self, port: int = 0) -> None:
        """It answers by UDP and, at the same port, by TCP."""
        self._tcp = await asyncio.start_server(self._stream, "127.0.0.1", port)
        self.port = self._tcp.sockets[0].getsockname()[1]
        loop = asyncio.get_running_loop()
        self._udp, _ = await loop.create_datagram_endpoint(
            lambda: _Datagrams(self), local_addr=("127.0.0.1", self.port)
        )

    async def stop(self) -> None:
        if self._udp is not None:
            self._udp.close()
        if self._tcp is not None:
            self._tcp.close()
            await self._tcp.wait_closed()

    def answer(self, data: bytes, *, tcp: bool) -> bytes | None:
        """What a query gets; None: it was lost."""
        self.queries += 1
        if not tcp and self._chance.random() < self.faults.loss:
            return None
        try:
            asked = wire.read(data)
        except WireError:
            return None
        told = self._told(asked)
        if self.faults.truncate and not tcp:
            told = Message(told.id, told.name, told.type, told.flags | wire.TC)
        return wire.written(told)

    def _told(self, asked: Message) -> Message:
        flags = wire.QR | (asked.flags & wire.RD) | (0 if self.faults.cache else wire.AA)
        head = asked.id, asked.name, asked.type
        if self.faults.servfail:
            return Message(*head, flags | wire.SERVFAIL)
        if not (asked.name + ".").endswith(self.zone.origin + "."):
            return Message(*head, wire.QR | wire.REFUSED)
        version = self._version()
        if asked.type == wire.SOA:
            soa = Answer(self.zone.origin, wire.SOA, 60, str(version.serial))
            return Message(*head, flags, (soa,))
        answers = version.drawn(asked.name, asked.type, self._chance)
        answers = answers or version.drawn(asked.name, wire.CNAME, self._chance)
        code = wire.NOERROR if answers or version.has(asked.name) else wire.NXDOMAIN
        return Message(*head, flags | code, answers)

    def _version(self) -> Version:
        now = asyncio.get_running_loop().time()
        if not self.faults.stale:
            self._frozen = None
            return self.zone.version(now, self.faults.delay)
        if self._frozen is None:
            self._frozen = self.zone.version(now, self.faults.delay)
        return self._frozen

    async def _stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            length = struct.unpack("!H", await reader.readexactly(2))[0]
            told = self.answer(await reader.readexactly(length), tcp=True)
            if told is not None:
                writer.write(struct.pack("!H", len(told)) + told)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # whoever asked has gone
        finally:
            writer.close()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: DnsServer) -> None:
        self._server = server
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:
        told = self._server.answer(data, tcp=False)
        if told is not None and self._transport is not None:
            self._transport.sendto(told, addr)
