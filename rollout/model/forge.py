"""A forge, where repositories are kept: what its push webhooks name, and what it is told."""

import re
from dataclasses import dataclass
from enum import StrEnum

_URL = re.compile(
    r"([A-Za-z][A-Za-z0-9+.-]*)://(?:[^/?#@]*@)*(\[[^\]/]*\]|[^/:?#@]*)(?::([0-9]{0,5}))?(/[^?#]*)?"
    r"(?:[?#].*)?",
    re.DOTALL,
)
_SCP = re.compile(r"(?:[^/@:]+@)?([A-Za-z0-9][A-Za-z0-9.-]*):(?!//)(.+)")
_ESCAPED = re.compile("%([2-7][0-9A-Fa-f])")
_REPOSITORY = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)+")
_OVER_HTTPS = {
    "ssh.github.com": "github.com",
    "altssh.gitlab.com": "gitlab.com",
    "altssh.bitbucket.org": "bitbucket.org",
}
"""Hosts that speak SSH at the port of https, and whose repositories are the others'.

Sources: docs.github.com, "Using SSH over the HTTPS port"; about.gitlab.com, "GitLab.com now
supports an alternate git+ssh port"; support.atlassian.com, "Use SSH on port 443".
"""
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


class ForgeKind(StrEnum):
    """Whose API a forge speaks."""

    GITHUB = "github"
    GITLAB = "gitlab"


class OnRejected(StrEnum):
    """What is done at the forge with a commit whose revision was rejected."""

    NOTHING = "nothing"
    REVERT = "revertPullRequest"  # one pull request that takes the change back


class CommitState(StrEnum):
    """How far a commit came."""

    PENDING = "pending"
    SUCCESS = "success"  # its revision has everyone
    FAILURE = "failure"  # its revision was rejected
    SUPERSEDED = "superseded"  # git asked for another one before it was over


@dataclass(frozen=True, slots=True)
class Place:
    """A repository at a forge.

    ``api``: where its REST API is, such as ``https://api.github.com``, without a closing slash.
    ``repository``: ``owner/name``; at GitLab groups may be nested.
    """

    kind: ForgeKind
    api: str
    repository: str

    @classmethod
    def of(cls, kind: ForgeKind, url: str, api: str = "", repository: str = "") -> "Place":
        """Of the repository that is cloned from ``url``, unless the others say another.

        Errors: ``ValueError`` when ``url`` names none and they do not.
        """
        scheme, host, port, path = _parts(url)
        name = repository or path.strip("/").removesuffix(".git").strip("/")
        odd = {".", ".."} & set(name.split("/"))  # would be another path of the API
        if not (host or api) or odd or not _REPOSITORY.fullmatch(name):
            raise ValueError("api and repository are wanted, since the url does not tell them")
        return cls(kind, api.rstrip("/") or _api(kind, scheme, host, port), name)


@dataclass(frozen=True, slots=True)
class Standing:
    """What a forge should show of one Rollout at one commit.

    ``context``: what tells it from other statuses of the commit, ``rollout/NAMESPACE/NAME``.
    ``description``: one sentence of any length; a forge's limit is the edge's to know.
    ``target_url``: where a click leads; empty: nowhere.
    """

    context: str
    commit: str
    state: CommitState
    description: str
    target_url: str = ""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A pull request that changes one file; ``branch`` is its own and is made from ``base``."""

    branch: str
    base: str
    path: str
    content: str
    title: str
    body: str


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
        scheme, host, port, path = _parts(text)
        return cls(scheme, host, port or _PORTS.get(scheme, 0), _folded(path))


def _parts(text: str) -> tuple[str, str, int, str]:
    """Scheme, host, port and path; 0: no port is written. What is no address is all path."""
    if match := _URL.fullmatch(text.strip()):
        scheme, host, port, path = match.groups(default="")
        scheme, host = scheme.lower(), host.lower().rstrip(".")
        if scheme == "ssh" and host in _OVER_HTTPS:
            return scheme, _OVER_HTTPS[host], 0, path
        return scheme, host, int(port or 0), path
    if match := _SCP.fullmatch(text.strip()):
        return "ssh", match[1].lower(), 0, match[2]
    return "", "", 0, text


def _folded(path: str) -> str:
    plain = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), path)
    return plain.strip("/").removesuffix(".git").strip("/").lower()


def _api(kind: ForgeKind, scheme: str, host: str, port: int) -> str:
    """Sources: docs.github.com, "Getting started with the REST API" (for an Enterprise Server);
    docs.gitlab.com, "REST API".
    """
    if kind is ForgeKind.GITHUB and host == "github.com":
        return "https://api.github.com"
    web = scheme if scheme in ("http", "https") else "https"
    where = f"{web}://{host}" + (f":{port}" if port and web == scheme else "")
    return f"{where}/api/{'v3' if kind is ForgeKind.GITHUB else 'v4'}"
