"""Which git addresses are open to us, and how they are shown."""

import ipaddress
import re
import socket
from urllib.parse import urlsplit

from rollout.errors import RefusedError, visible

_SCP = re.compile(r"(?:[A-Za-z0-9._-]+@)?([A-Za-z0-9][A-Za-z0-9.-]*):(?!//)(.+)")


def check(url: str, local: bool) -> None:
    """``url`` is one that we speak to, or a ``RefusedError`` says which would be.

    ``local`` also opens paths of this machine, and http and git-daemon(1) on itself; otherwise a
    file of the controller's own disk could be read as a repository.
    """
    kind, where = scheme(url), f"git {shown(url)}"
    spaces = "" if kind == "path" else " "  # in an address a space is %20
    if any(not letter.isprintable() or letter in spaces for letter in url) or url[:1] == "-":
        raise RefusedError(f"{where}: is no address; https://… or ssh://… is wanted")
    if kind in ("path", "file"):
        if not local:
            raise RefusedError(f"{where}: is a path of this machine; https or ssh is wanted")
        return
    if kind not in ("https", "ssh", "http", "git"):
        raise RefusedError(f"{where}: speaks {kind!r}; https or ssh is wanted")
    inside = _is_inside(host(url))
    if kind in ("http", "git") and not (local and inside):
        raise RefusedError(f"{where}: is not encrypted; https or ssh is wanted")
    if inside and not local:
        raise RefusedError(f"{where}: is this machine itself; a host outside is wanted")


def scheme(url: str) -> str:
    """How ``url`` is spoken to, in small letters; ``path``: it is read from disk."""
    if "://" in url:
        return url.partition("://")[0].lower()
    return "ssh" if _SCP.fullmatch(url) and not url.startswith(("/", ".")) else "path"


def is_local(url: str) -> bool:
    """Whether ``url`` is read from disk."""
    return scheme(url) in ("path", "file")


def host(url: str) -> str:
    """The host of ``url`` in lower case; empty for a path."""
    if "://" in url:
        try:
            return (urlsplit(url).hostname or "").lower()
        except ValueError:
            return ""
    match = _SCP.fullmatch(url)
    return match[1].lower() if match else ""


def spelled_host(url: str) -> str:
    """The same, as ``url`` has it."""
    name = host(url)
    rest = url.partition("://")[2] if "://" in url else url
    authority = rest.partition("/")[0]
    at = authority.lower().rfind(name)
    return authority[at : at + len(name)] if at >= 0 else name


def _is_inside(name: str) -> bool:
    """Whether ``name`` is this machine or its link: loopback, link-local, unspecified.

    Link-local holds the metadata services of the clouds. Private networks stay open, as many
    people's git lives there; NetworkPolicy is the place to close them.
    """
    try:
        found = {info[4][0] for info in socket.getaddrinfo(name or "0.0.0.0", None)}  # noqa: S104
    except (OSError, UnicodeError):
        return False  # nobody can be reached there either
    addresses = [ipaddress.ip_address(str(text).partition("%")[0]) for text in found]
    mapped = [getattr(address, "ipv4_mapped", None) or address for address in addresses]
    return any(one.is_loopback or one.is_link_local or one.is_unspecified for one in mapped)


def shown(url: str) -> str:
    """``url`` as messages show it: no user, no password, no query, one line."""
    return shown_words(url.partition("?")[0])[:200]


def shown_words(text: str) -> str:
    """Words that may hold an address: nobody's name or password before its host, one line."""
    plain = re.sub(r"(://)[^/@\s]*@", r"\1", text)
    return "".join(letter if letter.isprintable() else "?" for letter in plain)


def said(error: BaseException) -> str:
    """The first line of a foreign error, capped."""
    return " ".join(visible(str(error)).split())[:200] or type(error).__name__
