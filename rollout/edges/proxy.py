"""Which proxy of the environment leads to a host, if any; nothing is sent from here.

Sources: curl(1), ENVIRONMENT; Go, golang.org/x/net/http/httpproxy (networks in NO_PROXY).
"""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from yarl import URL

from rollout.errors import RefusedError


@dataclass(frozen=True, slots=True)
class Proxy:
    """``https``: the address of ``HTTPS_PROXY``, or empty; ``direct``: the entries of ``NO_PROXY``.

    Plain http goes direct always: a proxy on its way could say yes in a gate's name.
    """

    https: str = ""
    direct: tuple[str, ...] = ()

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self:
        entries = environment.get("NO_PROXY", "").lower().split(",")
        direct = tuple(entry.strip() for entry in entries if entry.strip())
        return cls(environment.get("HTTPS_PROXY", ""), direct)

    def to(self, url: URL) -> URL | None:
        """The proxy through which ``url`` is asked; None: it is asked directly.

        Errors: ``RefusedError`` for a proxy of another kind than HTTP.
        """
        host = (url.host or "").rstrip(".").lower()
        if url.scheme != "https" or not self.https:
            return None
        if any(_covers(entry, host, url.port) for entry in self.direct):
            return None
        text = self.https if "://" in self.https else f"http://{self.https}"
        try:
            found = URL(text)
        except ValueError:
            found = URL()
        if found.scheme != "http" or not found.host:  # its words are not told: it has a password
            raise RefusedError("HTTPS_PROXY cannot be used; http://host:port is wanted")
        return found


def _covers(entry: str, host: str, port: int | None) -> bool:
    """``*``, an address, a network, or a domain with all below it; any but ``*`` with a port."""
    if entry == "*":
        return True
    network = _network(entry)
    if network is not None:
        try:
            return ipaddress.ip_address(host) in network
        except ValueError:
            return False
    name, _, wanted = entry.partition(":")
    name = name.removeprefix("*").removeprefix(".")
    return wanted in ("", str(port)) and (host == name or host.endswith(f".{name}"))


def _network(entry: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        return None
