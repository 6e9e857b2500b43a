"""Which hosts a manifest's address may name, and behind which addresses they may stand.

An operator's list is the word of somebody who may open the network; without one, any https host
behind a public address may be asked. Source: CVE-2020-8555 (docs/facts.md).
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from yarl import URL

from rollout import lenient
from rollout.errors import RefusedError

ANYBODY = "https://*"
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_METADATA = frozenset({"fd00:ec2::254", "100.100.100.200", "168.63.129.16"})
"""Of AWS, Alibaba and Azure, besides the link-local 169.254.169.254: credentials for the asking."""
_PORTS = {"https": 443, "http": 80}

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Reach(IntEnum):
    """Behind which addresses a host may stand; each includes those before it."""

    PUBLIC = 0
    PRIVATE = 1  # the cluster's own and the company's networks
    ITSELF = 2  # also this machine and its neighbours: loopback, link-local


@dataclass(frozen=True, slots=True)
class _Entry:
    """One line of the list: ``https://gate.example.com``, ``http://gate.qa.svc:8080``,
    ``https://*.corp.example``, ``https://*``.

    ``port``: the scheme's own where none is written; None, for host ``*`` and port ``*``: any.
    """

    scheme: str
    host: str
    port: int | None

    def reach(self, url: URL) -> Reach | None:
        """How far it lets us go for ``url``; None: it speaks of another host."""
        if url.scheme != self.scheme or self.port not in (url.port, None) or not url.host:
            return None
        name = url.host.rstrip(".").lower()
        if self.host == "*":
            return Reach.PUBLIC
        if self.host.startswith("*."):
            return Reach.PRIVATE if name.endswith(self.host[1:]) else None
        if name != self.host:
            return None
        return Reach.ITSELF if _literal(name) or name == "localhost" else Reach.PRIVATE


class Hosts:
    """The operator's list; empty: ``https://*``."""

    def __init__(self, lines: Iterable[str] = ()) -> None:
        self._entries = tuple(_entry(line) for line in (tuple(lines) or (ANYBODY,)))

    def reach(self, url: URL) -> Reach:
        """How far we may go for ``url``. Errors: ``RefusedError`` when nowhere."""
        found = [one for one in (entry.reach(url) for entry in self._entries) if one is not None]
        if not found:
            place = f"{url.scheme}://{url.host}"
            raise RefusedError(f"{place} is not on the controller's list")
        return max(found)


def _entry(line: str) -> _Entry:
    scheme, _, rest = line.strip().partition("://")
    name, colon, port = rest.rpartition(":") if not rest.endswith("]") else (rest, "", "")
    host = (name if colon else rest).strip("[]").rstrip(".").lower()
    good = scheme in _PORTS and host and not set(host) & set("/@?# ") and "*" not in host[1:]
    if not good or (host[0] == "*" and host != "*" and not host.startswith("*.")):
        raise RefusedError(f"webhooks: {line!r}; scheme://host or scheme://host:port is wanted")
    if colon and port == "*":
        return _Entry(scheme, host, None)
    number = lenient.whole(port, 5)
    if colon and number is None:
        raise RefusedError(
            f"webhooks: {line!r} has no port after the colon; a number or * is wanted"
        )
    usual = None if host == "*" else _PORTS[scheme]
    return _Entry(scheme, host, number if colon else usual)


def allows(reach: Reach, address: str) -> bool:
    """Whether ``address``, as it is about to be connected to, is within ``reach``."""
    found = _real(ipaddress.ip_address(address.partition("%")[0]))
    if found.is_unspecified or found.is_multicast:
        return False
    if found.is_loopback or found.is_link_local or str(found) in _METADATA:
        return reach is Reach.ITSELF
    site = isinstance(found, ipaddress.IPv6Address) and found.is_site_local
    if found.is_global and not found.is_reserved and not site:
        return True
    return reach >= Reach.PRIVATE


def _real(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, if it does: mapped, NAT64, 6to4, Teredo."""
    if not isinstance(address, ipaddress.IPv6Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    inside = address.teredo[1] if address.teredo else None
    return address.ipv4_mapped or address.sixtofour or inside or address


def _literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
