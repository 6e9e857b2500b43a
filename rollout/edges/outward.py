"""HTTP to addresses that manifests name: to allowed hosts only, checked where we connect.

Behind a proxy nobody can see which address is connected to, so only hosts that a line of the
operator's list names are asked through one.
"""

import asyncio
import socket
import ssl
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from rollout.edges import reach
from rollout.edges.proxy import Proxy
from rollout.edges.reach import Hosts, Reach
from rollout.errors import RefusedError

RESOLVING = 4  # names looked up at one time; slow names delay those who ask them and nobody else
CA = "ca.crt"


class Outward:
    """``hosts``: who may be asked, ``proxy``: through whom."""

    def __init__(self, hosts: Hosts, proxy: Proxy | None = None) -> None:
        self._hosts = hosts
        self._proxy = proxy or Proxy()
        self._threads = ThreadPoolExecutor(RESOLVING, thread_name_prefix="names")
        self._trusted = ssl.create_default_context()

    def close(self) -> None:
        """No thread of ours is left behind for long."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def door(self, url: URL, secret: str, entries: Mapping[str, bytes]) -> "OutwardDoor":
        """How one question to ``url`` leaves; ``entries``, of that Secret, may have a ``ca.crt``.

        Errors: ``RefusedError`` when it may not be asked.
        """
        allowed = self._hosts.reach(url)
        proxy = self._proxy.to(url) if allowed > Reach.PUBLIC else None
        trusted = self._trusts(secret, entries)
        return OutwardDoor(Reach.ITSELF if proxy else allowed, trusted, self._threads, proxy)

    def _trusts(self, secret: str, entries: Mapping[str, bytes]) -> ssl.SSLContext:
        if CA not in entries:
            return self._trusted
        try:
            return ssl.create_default_context(cadata=entries[CA].decode("ascii"))
        except (ssl.SSLError, ValueError) as error:
            raise RefusedError(
                f"secret {secret}: ca.crt is no PEM; certificates are wanted"
            ) from error


def address(text: str) -> URL:
    """The URL, which names a host. Errors: ``RefusedError``."""
    try:
        url = URL(text, encoded=True)
        good = bool(url.host and url.port)
    except ValueError as error:
        raise RefusedError("its url cannot be read; https://host/path is wanted") from error
    if not good:
        raise RefusedError("its url names no host; https://host/path is wanted")
    return url


class OutwardDoor:
    """How one question leaves: to allowed addresses only, no cookie, nothing kept."""

    def __init__(
        self,
        allowed: Reach,
        trusted: ssl.SSLContext,
        threads: ThreadPoolExecutor,
        proxy: URL | None,
    ) -> None:
        self.proxy = proxy
        self._allowed = allowed
        self._trusted = trusted
        self._threads = threads
        self.shut = False

    def session(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            ssl=self._trusted,
            resolver=Names(self._threads),
            use_dns_cache=False,
            force_close=True,
            socket_factory=self._socket,
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        )

    def _socket(self, info: Any) -> socket.socket:
        """The place where a name has become an address, and nobody can change it any more."""
        family, kind, protocol, _, address = info
        if not reach.allows(self._allowed, str(address[0])):
            self.shut = True
            raise OSError("an address that may not be asked")
        return socket.socket(family, kind, protocol)


AddressInfo = tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[Any, ...]]
"""One answer of ``socket.getaddrinfo``."""


def resolved(host: str, port: int, found: Iterable[AddressInfo]) -> list[ResolveResult]:
    """What a resolver of aiohttp's answers for ``host``, of what the system found."""
    return [
        ResolveResult(
            hostname=host,
            host=str(address[0]),
            port=port,
            family=family,
            proto=protocol,
            flags=socket.AI_NUMERICHOST,
        )
        for family, _, protocol, _, address in found
    ]


class Names(AbstractResolver):
    """Names to addresses in threads of our own, since a slow name server may block one for long."""

    def __init__(self, threads: ThreadPoolExecutor) -> None:
        self._threads = threads

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        loop, kind = asyncio.get_running_loop(), socket.SOCK_STREAM
        found = await loop.run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, port, family, kind)
        )
        return resolved(host, port, found)

    async def close(self) -> None:
        """The threads are shared."""


def trouble(error: Exception, nearest: str) -> str:
    """What went wrong in our words: a foreign text may say more of our network than it should.

    ``nearest``: whom we connect to.
    """
    match error:
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError():
            return "its certificate is not trusted"
        case aiohttp.ClientHttpProxyError():
            return f"its proxy answers {error.status}"
        case aiohttp.ClientConnectorDNSError():
            return f"{nearest} has a name that is not known"
        case aiohttp.ClientConnectorError():
            return f"{nearest} cannot be reached"
        case aiohttp.InvalidURL():
            return "its url cannot be read"
        case aiohttp.ClientPayloadError() | aiohttp.ServerDisconnectedError():
            return "it broke off"
        case _:
            return "it does not speak HTTP"
