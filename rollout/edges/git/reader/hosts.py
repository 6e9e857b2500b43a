"""``known_hosts`` as one host asks it: whose keys it may show, in lines that libssh2 can read.

libssh2 knows neither patterns nor markers nor a carriage return, and reads nothing at all of a
file in which one line is of a kind that it does not know; so it never sees what people wrote.
Sources: sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"; libssh2, src/knownhost.c.
"""

import binascii
import hashlib
import hmac
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass

KINDS = frozenset(
    {
        *("ssh-ed25519", "ssh-rsa", "ssh-dss"),
        *("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"),
    }
)
"""Of host keys that libssh2 speaks; hosts with a certificate show their plain key to it."""


@dataclass(frozen=True, slots=True)
class Pins:
    """``keys``: kind and key of each line that lets the host in; ``named``: a line is about it."""

    host: str
    port: int
    keys: tuple[tuple[str, str], ...] = ()
    named: bool = False

    @property
    def name(self) -> str:
        """The host as a line has it."""
        return self.host if self.port == 22 else f"[{self.host}]:{self.port}"

    def text(self, spelled: str) -> str:
        """The lines, for libssh2; to it a host is ``spelled`` as the address spells it."""
        names = {self.name, self.name.replace(self.host, spelled)}
        lines = [f"{name} {kind} {key}\n" for name in sorted(names) for kind, key in self.keys]
        return "".join(lines)


@dataclass(frozen=True, slots=True)
class _Line:
    marker: str
    names: str
    kind: str
    key: str


def pins(text: str, host: str, port: int) -> Pins:
    """What ``text`` says of ``host``, in lower case, at ``port``.

    A line for the host alone counts where none names its port, and a key that any line revokes
    is let in by no other.
    """
    lines = [*_lines(text)]
    exact = [one for one in lines if _names(one.names, f"[{host}]:{port}")]
    about = [one for one in lines if _names(one.names, host)]
    revoked = {one.key for one in (*exact, *about) if one.marker == "@revoked"}
    good = [
        [(one.kind, one.key) for one in several if not one.marker and one.kind in KINDS]
        for several in (exact, about)
    ]
    keys = tuple(dict.fromkeys(pin for pin in good[0] or good[1] if pin[1] not in revoked))
    return Pins(host, port, keys, bool(exact or about))


def _lines(text: str) -> Iterator[_Line]:
    for line in text.splitlines():
        marker, *words = line.split() if line.lstrip()[:1] == "@" else ("", *line.split())
        if len(words) >= 3 and words[0][:1] != "#" and _is_key(words[1], words[2]):
            yield _Line(marker, *words[:3])


def _is_key(kind: str, key: str) -> bool:
    """Whether ``key`` is base64 that begins with its own kind. RFC 4253, 6.6."""
    try:
        data = b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        return False
    return data.startswith(len(kind).to_bytes(4) + kind.encode())


def _names(names: str, name: str) -> bool:
    """Whether a line's names are about ``name``: patterns, hashed ones, and ``!`` for none."""
    return _is_hashed(names, name) if names.startswith("|1|") else listed(names.lower(), name)


def _is_hashed(names: str, name: str) -> bool:
    try:
        salt, digest = (b64decode(part) for part in names.split("|")[2:4])
    except ValueError:
        return False
    return hmac.compare_digest(hmac.new(salt, name.encode(), hashlib.sha1).digest(), digest)


def listed(patterns: str, name: str) -> bool:
    """Whether ``name`` is in a list of patterns. ssh_config(5), PATTERNS."""
    several = patterns.split(",")
    if any(one[:1] == "!" and _fits(one[1:], name) for one in several):
        return False
    return any(one[:1] != "!" and _fits(one, name) for one in several)


def _fits(pattern: str, name: str) -> bool:
    """``*`` is any letters, ``?`` one of them; as much work as the one times the other is long."""
    at = begun = 0
    star = -1
    while begun < len(name):
        letter = pattern[at : at + 1]
        if letter == "*":
            star, behind, at = at, begun, at + 1
        elif letter in ("?", name[begun]):
            at, begun = at + 1, begun + 1
        elif star >= 0:
            behind += 1
            at, begun = star + 1, behind
        else:
            return False
    return not pattern[at:].strip("*")
