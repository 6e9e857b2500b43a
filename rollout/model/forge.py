"""A forge, where repositories are kept: what its push webhooks name."""

import re
from dataclasses import dataclass

_URL = re.compile(
    r"([A-Za-z][A-Za-z0-9+.-]*)://(?:[^/?#]*@)?(\[[^\]/]*\]|[^/:?#@]*)(?::([0-9]{0,5}))?(/[^?#]*)?.*"
)
_SCP = re.compile(r"(?:[^/@:]+@)?([A-Za-z0-9][A-Za-z0-9.-]*):(?!//)(.+)")
_ESCAPED = re.compile("%([2-7][0-9A-Fa-f])")
_PORTS = {"https": 443, "http": 80, "ssh": 22, "git": 9418}


@dataclass(frozen=True, slots=True)
class Push:
    """What a push webhook says: which repository, by all its addresses, and which refs moved.

    ``refs``: full names; empty: it names none, so any may have moved.
    ``default``: the repository's default branch by its short name; empty: it is not said.
    """

    addresses: tuple[str, ...]
    refs: tuple[str, ...] = ()
    default: str = ""

    def concerns(self, url: str, ref: str) -> bool:
        """Whether somebody who follows ``ref`` of ``url`` has something to read now."""
        return self.names(url) and self.moves(ref)

    def names(self, url: str) -> bool:
        """Whether ``url`` is an address of the repository that was pushed to.

        The forge says how it is reached by https and by ssh; one that we know by a third way is
        compared by host and path alone, since a port says nothing then.
        """
        mine = _Address.of(url)
        said = [_Address.of(address) for address in self.addresses]
        same_way = [one for one in said if one.scheme == mine.scheme]
        if same_way:
            return mine in same_way
        return any((one.host, one.path) == (mine.host, mine.path) for one in said)

    def moves(self, ref: str) -> bool:
        """Whether ``ref``, as a RolloutSource writes it, is among what moved."""
        if ref == "HEAD":
            if not self.default:
                return True
            ref = self.default
        full = ref if ref.startswith("refs/") else f"refs/heads/{ref}"
        return not self.refs or full in self.refs


@dataclass(frozen=True, slots=True)
class Ping:
    """A webhook that only asks whether we are there, or tells of something else than a push."""


@dataclass(frozen=True, slots=True)
class _Address:
    """Where a repository is, without what several spellings of one address differ in.

    Users and a closing ``.git`` do not tell repositories apart, and letters' case does not either:
    to every forge ``Team/Shop`` is ``team/shop``.
    """

    scheme: str
    host: str
    port: int
    path: str

    @classmethod
    def of(cls, text: str) -> "_Address":
        if match := _URL.fullmatch(text.strip()):
            scheme, host, port, path = match.groups(default="")
            usual = _PORTS.get(scheme.lower(), 0)
            number = int(port) if port else usual
            return cls(scheme.lower(), host.lower().rstrip("."), number, _path(path))
        if match := _SCP.fullmatch(text.strip()):
            return cls("ssh", match[1].lower(), _PORTS["ssh"], _path(match[2]))
        return cls("", "", 0, text)


def _path(text: str) -> str:
    plain = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)
    return plain.strip("/").removesuffix(".git").strip("/").lower()
