"""A gateway asked past DNS: the production URL, Host and SNI, at an address that we choose.

The certificate is checked as a browser would, for the URL's host. Nothing is sent but the request,
and of the answer only the status is read.
"""

import asyncio
import os
import socket
import ssl
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from rollout.edges import outward, reach
from rollout.edges.dns import split
from rollout.edges.reach import Hosts, Reach
from rollout.errors import RefusedError, visible
from rollout.model.switching import Probed
from rollout.model.switchover import Probe, Side

SECONDS = 5.0


class Gateways:
    """The port of that name.

    ``hosts``: the operator's list. What it does not name may stand behind any address but this
    machine's own and its neighbours'.
    """

    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts
        self._trusted = ssl.create_default_context()

    async def probe(self, side: Side, probe: Probe, address: str) -> Probed:
        """What the gateway at ``address`` (host[:port]; default: the URL's port) answers."""
        try:
            url = URL(probe.url)
            problem = await self._problem(url, probe.status, split(address, url.port or 443))
        except ValueError:  # whoever writes the records can write any target
            problem = f"its address {visible(address)[:80]!r} is none"
        return Probed(side, probe.url, problem)

    async def _problem(self, url: URL, wanted: int, where: tuple[str, int]) -> str:
        door = _Door(self._allowed(url.scheme, where), where)
        connector = aiohttp.TCPConnector(
            ssl=self._trusted,
            resolver=door,
            use_dns_cache=False,
            force_close=True,
            socket_factory=door.socket,
        )
        try:
            async with (
                aiohttp.ClientSession(
                    connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
                ) as http,
                http.get(
                    url,
                    timeout=aiohttp.ClientTimeout(total=SECONDS),
                    allow_redirects=False,
                    headers={"User-Agent": "rollout-probe/1"},
                ) as answer,
            ):
                return "" if answer.status == wanted else f"{answer.status}, {wanted} wanted"
        except aiohttp.ClientConnectorCertificateError as error:
            return f"its certificate: {_words(error.certificate_error)}"
        except aiohttp.ClientSSLError as error:
            return f"TLS: {_words(error)}"
        except TimeoutError:
            return f"no answer within {SECONDS:g} s"
        except (aiohttp.ClientError, OSError, UnicodeError) as error:
            return door.why or _words(getattr(error, "os_error", error))

    def _allowed(self, scheme: str, where: tuple[str, int]) -> Reach:
        host = f"[{where[0]}]" if ":" in where[0] else where[0]
        try:
            return max(Reach.PRIVATE, self._hosts.reach(URL(f"{scheme}://{host}:{where[1]}")))
        except RefusedError:
            return Reach.PRIVATE


class _Door(AbstractResolver):
    """Every name is ``where``, and only allowed addresses are connected to."""

    def __init__(self, allowed: Reach, where: tuple[str, int]) -> None:
        self._allowed = allowed
        self._where = where
        self.why = ""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        name, at = self._where
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(name, at, family=family, type=socket.SOCK_STREAM)
        return outward.resolved(host, at, found)

    def socket(self, info: Any) -> socket.socket:
        """The place where a name has become an address, and nobody can change it any more."""
        family, kind, protocol, _, address = info
        if not reach.allows(self._allowed, str(address[0])):
            self.why = f"{address[0]} may not be asked; name it under webhooks in the policy"
            raise OSError(self.why)
        return socket.socket(family, kind, protocol)

    async def close(self) -> None:
        """Nothing is held."""


def _words(error: BaseException) -> str:
    """One short line of what ``error`` says."""
    number = getattr(error, "errno", None)
    system = os.strerror(number) if isinstance(number, int) and number > 1 else ""
    text = getattr(error, "verify_message", None) or system or str(error)
    return " ".join(str(text).split())[:120] or type(error).__name__
