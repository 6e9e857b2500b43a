"""A zone's own name servers, asked directly and often: what they answer, and how often.

No resolver stands in between, and an answer without the AA bit is none: a cache would tell what
was true before. Each query has a port and an id of its own, so each is a draw of its own.
Sources: RFC 1035 (messages, TC and TCP), RFC 9267 (what a client must not believe).
"""

import asyncio
import contextlib
import ipaddress
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype

from rollout import lenient
from rollout.model.switching import DnsQuestion, Served

SECONDS = 2.0  # until a query is lost
TRIES = 3  # per query; a lost packet is sent again
TOGETHER = 16  # queries under way at one server: no flood, and an answer within some seconds
LOST = 0.1  # of the queries; a server that loses more tells nothing
PORT = 53


class NameServers:
    """The port of that name."""

    async def ask(self, question: DnsQuestion, types: Mapping[str, str]) -> tuple[Served, ...]:
        """One answer per server and name; ``types``: the records' by name, A where none is said."""
        asked = [
            _Draws(server, name, types.get(name, "A"))
            for server in question.servers
            for name in question.names
        ]
        return tuple(await asyncio.gather(*(one.drawn(question.times) for one in asked)))


@dataclass(slots=True)
class _Draws:
    """All queries for one name at one server."""

    server: str
    name: str
    type: str
    answers: Counter[str] = field(default_factory=Counter)
    ttl: int = 0
    lost: int = 0
    problem: str = ""

    async def drawn(self, times: int) -> Served:
        try:
            where, port = await _address(self.server)
        except (OSError, ValueError, OverflowError):  # a name or a port that there cannot be
            return self._served("its address cannot be found")
        await self._ask(where, port)  # the first tells whether the others are worth asking
        for _ in range(0, times - 1, TOGETHER):
            if self.problem or self.lost > LOST * times or not self.answers:
                break
            count = min(TOGETHER, times - self.answers.total() - self.lost)
            await asyncio.gather(*(self._ask(where, port) for _ in range(count)))
        if not self.problem and not self.answers:
            return self._served("no answer")
        if not self.problem and self.lost > LOST * times:
            return self._served(f"{self.lost} of {times} queries had no answer")
        return self._served(self.problem)

    async def _ask(self, where: str, port: int) -> None:
        query = dns.message.make_query(self.name, self.type, flags=dns.flags.Flag(0))
        for _ in range(TRIES):
            try:
                answer, _tcp = await dns.asyncquery.udp_with_fallback(
                    query, where, timeout=SECONDS, port=port, ignore_unexpected=True
                )
            except (dns.exception.DNSException, OSError, EOFError):
                continue
            self._hear(answer)
            return
        self.lost += 1

    def _hear(self, answer: dns.message.Message) -> None:
        code = answer.rcode()
        if code != dns.rcode.NOERROR:
            self.problem = f"it answers {dns.rcode.to_text(code)} for {self.name}"
            return
        if not answer.flags & dns.flags.AA:
            self.problem = "it has no authority for the name; name the zone's own servers"
            return
        told = _told(answer, self.type)
        if told is None:
            self.problem = f"it has no {self.type} record of {self.name}"
            return
        text, ttl = told
        self.answers[text] += 1
        self.ttl = max(self.ttl, ttl)

    def _served(self, problem: str) -> Served:
        ttl = timedelta(seconds=self.ttl)
        return Served(self.server, self.name, dict(self.answers), ttl, problem)


def _told(answer: dns.message.Message, kind: str) -> tuple[str, int] | None:
    """The record answered, the first by its text where there are several; None: there is none.

    An alias of Route 53 stands as a CNAME in external-dns and answers with addresses.
    """
    wanted = [dns.rdatatype.from_text(kind)]
    if kind == "CNAME":
        wanted += [dns.rdatatype.A, dns.rdatatype.AAAA]
    for each in wanted:
        for rrset in answer.answer:
            if rrset.rdtype == each and rrset.rdclass == dns.rdataclass.IN and rrset:
                return min(str(rdata) for rdata in rrset), rrset.ttl
    return None


async def _address(server: str) -> tuple[str, int]:
    """The address and port of ``host[:port]``; IPv6 in brackets."""
    host, port = split(server, PORT)
    found: Sequence[tuple[object, ...]] = await asyncio.get_running_loop().getaddrinfo(host, port)
    where = found[0][4]
    if not isinstance(where, tuple):
        raise OSError("no address")
    return str(where[0]), int(where[1])


def split(text: str, port: int) -> tuple[str, int]:
    """Host and port of ``host[:port]``; ``port``: where none is written.

    An IPv6 address is in brackets; one alone, as a record of the type AAAA has it, need not be.
    Errors: ``ValueError``.
    """
    with contextlib.suppress(ValueError):
        return str(ipaddress.ip_address(text)), port
    before, bracket, after = text.removeprefix("[").partition("]")
    host, colon, rest = (before, *after.partition(":")[1:]) if bracket else text.partition(":")
    number = lenient.whole(rest, 5) if colon else port
    if number is None:
        raise ValueError(f"{text[:80]!r} is no host[:port]")
    return host, number
