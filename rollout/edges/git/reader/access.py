"""How a repository lets us in: what a Secret holds, whom we speak to, what is said of a no.

The entries of a Secret are those that users of Flux and Argo CD have already: ``username`` and
``password``, ``bearerToken``, ``identity`` (``ssh-privatekey``, ``sshPrivateKey``) and
``known_hosts``, ``ca.crt`` (``caFile``).
"""

import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pygit2
from pygit2.enums import CredentialType

from rollout.edges.git import address
from rollout.edges.git.reader import hosts
from rollout.errors import OutsideError, RefusedError, RolloutError

KEYS = ("identity", "ssh-privatekey", "sshPrivateKey")
MAX_BYTES = 1 << 30  # of one fetch; a repository that is larger is no folder of manifests
PROBE_SECONDS = 5
_DENIED, _GONE = ("401", "403"), ("404", "does not appear to be a git repo", "not exported")
_FOREIGN_CA = frozenset({18, 19, 20, 21})  # X509_V_ERR_…: self-signed, or issuer not known
_SSL = 16  # git_error_t of libgit2
_OVER, _EARLY, _OTHER_HOST = 10, 9, frozenset({62, 64})


@dataclass(frozen=True, slots=True)
class Repository:
    """One remote, and what opens it; ``secret_name``: where its entries stand, for people."""

    url: str
    secret: Mapping[str, str] = field(default_factory=dict, repr=False)
    secret_name: str = ""

    @property
    def where(self) -> str:
        """How a sentence about it begins."""
        return f"git {address.shown(self.url)}"

    @property
    def place(self) -> str:
        """Where a person mends what opens it."""
        return f"secret {self.secret_name}" if self.secret_name else "a Secret named by secretRef"

    @property
    def key(self) -> str:
        """The private key; empty: there is none."""
        return next((self.secret[name] for name in KEYS if self.secret.get(name)), "")

    @property
    def bearer(self) -> str:
        return self.secret.get("bearerToken", "").strip()

    @property
    def username(self) -> str:
        return self.secret.get("username", "").strip("\r\n")

    @property
    def password(self) -> str:
        """The token or password for basic authentication; empty: there is none."""
        return (self.secret.get("token") or self.secret.get("password") or "").strip("\r\n")

    @property
    def passphrase(self) -> str:
        """Of the private key; empty: it has none."""
        return self.secret.get("password", "").strip("\r\n")

    @property
    def pins(self) -> hosts.Pins:
        """Which keys its host may show over SSH."""
        return hosts.pins(self.secret.get("known_hosts", ""), *_door(self.url))

    @property
    def known_hosts(self) -> str:
        """The lines of its host, as libssh2 reads them."""
        return self.pins.text(address.spelled_host(self.url))


class GitAccess(pygit2.RemoteCallbacks):
    """Answers the far side's questions: the secret goes to the repository's own host, once."""

    def __init__(self, repository: Repository) -> None:
        super().__init__()
        self.mine = repository
        self.asked = 0

    def custom_headers(self) -> list[str] | None:
        bearer = self.mine.bearer
        if not bearer:
            return None
        if not self.mine.url.lower().startswith("http"):
            raise self._no("bearerToken opens https alone", "an https url, or a key")
        if not bearer.isascii() or not bearer.isprintable():
            raise self._no("bearerToken is not one line", "one line in {place}")
        return [f"Authorization: Bearer {bearer}"]

    def credentials(self, url: str, username: str | None, allowed: CredentialType) -> Any:
        mine = self.mine
        if _door(url) != _door(mine.url):
            raise self._no("another host asked for the credentials and got none", "its own address")
        if mine.bearer:
            raise self._no("the bearerToken was refused", "another in {place}")
        if allowed == CredentialType.USERNAME:
            return pygit2.Username(username or "git")
        self.asked += 1
        if self.asked > 1:
            raise self._no(f"the {_shape(mine)} refused", "what it lets in, in {place},")
        if allowed & CredentialType.USERPASS_PLAINTEXT and mine.password:
            return pygit2.UserPass(mine.username or username or "git", mine.password)
        if allowed & CredentialType.SSH_MEMORY and mine.key:
            return pygit2.KeypairFromMemory(username or "git", "", mine.key, mine.passphrase)
        if allowed & CredentialType.SSH_KEY:
            raise self._no("wants a key", f"{KEYS[0]} in {{place}}")
        raise self._no("wants credentials", "username and password, or bearerToken, in {place}")

    def certificate_check(self, certificate: None, valid: bool, host: bytes) -> bool:
        """TLS by the Secret's CA or the system's; SSH by ``known_hosts``, never by first use."""
        if valid:
            return True
        if address.scheme(self.mine.url) == "ssh":
            raise self._no(*_stranger(self.mine))
        raise self._no(*_certificate(_verdict(*_door(self.mine.url))))

    def transfer_progress(self, stats: Any) -> None:
        if stats.received_bytes > MAX_BYTES:
            found = f"sends more than {MAX_BYTES >> 30} GiB"
            raise self._no(found, "a smaller repository")

    def _no(self, found: str, wanted: str) -> RefusedError:
        wanted = wanted.format(place=self.mine.place)
        return RefusedError(f"{self.mine.where}: {found}; {wanted} is wanted")


def _shape(repository: Repository) -> str:
    """What was offered, and its verb."""
    if address.scheme(repository.url) == "ssh":
        return "key was"
    return "token was" if repository.secret.get("token") else "username and password were"


def _door(url: str) -> tuple[str, int]:
    """Host and port of an address; what listens at another port is somebody else."""
    try:
        port = urlsplit(url).port or 0 if "://" in url else 0
    except ValueError:
        port = -1
    usual = {"https": 443, "http": 80, "ssh": 22}
    return address.host(url), port or usual.get(address.scheme(url), 0)


def _stranger(repository: Repository) -> tuple[str, str]:
    """Why an SSH host is not spoken to, and what is wanted."""
    pins = repository.pins
    if pins.keys:
        found = f"{pins.name} shows another host key than known_hosts has"
        return found, "its own key there, if it was changed on purpose, in {place},"
    found = "has no key in known_hosts that counts" if pins.named else "is not in known_hosts"
    wanted = f"its line (`ssh-keyscan -p {pins.port} {pins.host}`) in {{place}}"
    return f"{pins.name} {found}", wanted


def _certificate(code: int) -> tuple[str, str]:
    """Why a server's certificate is refused, by OpenSSL's number, and what is wanted."""
    if code == _OVER:
        return "its certificate has expired", "a new one on the server"
    if code == _EARLY:
        return "its certificate is not valid yet", "the right time on both machines"
    if code in _OTHER_HOST:
        return "its certificate is for another host", "an address that it names, in url,"
    if code in _FOREIGN_CA:
        return "its certificate is by an unknown CA", "that CA's as ca.crt in {place}"
    return "its certificate is refused", "a valid one, or its CA's as ca.crt in {place},"


def _verdict(host: str, port: int) -> int:
    """OpenSSL's number for what is wrong with a server's certificate; 0: nobody can tell."""
    try:
        context = ssl.create_default_context()
        with (
            socket.create_connection((host, port), PROBE_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=host),
        ):
            return 0
    except ssl.SSLCertVerificationError as error:
        return error.verify_code
    except (OSError, ValueError):
        return 0


def explained(repository: Repository, error: BaseException) -> RolloutError:
    """libgit2's complaint as a sentence of ours, sorted by who can put it right.

    It has only words to go by, so what is not known below is shown as it is, without secrets.
    """
    text = _said(repository, error)
    if repository.bearer and isinstance(error, pygit2.errors.AuthError):
        wanted = f"another in {repository.place} is wanted"
        return RefusedError(f"{repository.where}: the bearerToken was refused; {wanted}")
    if getattr(error, "error_class", 0) == _SSL and (code := _verdict(*_door(repository.url))):
        found, wanted = _certificate(code)
        wanted = wanted.format(place=repository.place)
        return RefusedError(f"{repository.where}: {found}; {wanted} is wanted")
    for marks, kind, found, wanted in _TABLE:
        if any(mark in text.lower() for mark in marks):
            words = (found + "; " + wanted).format(place=repository.place)
            return kind(f"{repository.where}: {words}")
    return OutsideError(f"{repository.where}: {text}; the next poll tries again")


def _said(repository: Repository, error: BaseException) -> str:
    text = address.shown_words(address.said(error))
    for value in _words(repository.secret):
        text = text.replace(value, "***")
    return text


def _words(secret: Mapping[str, str]) -> Iterator[str]:
    yield from (v.strip() for k, v in secret.items() if k != "username" and len(v.strip()) > 3)


_NOT_OURS = "is no git that we read (a shallow clone?)"
_TABLE: tuple[tuple[tuple[str, ...], type[RolloutError], str, str], ...] = (
    (("memory",), RefusedError, "does not fit into the reader's memory", "a smaller one is wanted"),
    (
        ("cannot redirect",),
        RefusedError,
        "redirects to another host, which was told nothing",
        "its new address in url is wanted",
    ),
    (
        ("we do not support",),
        RefusedError,
        "refuses us, and takes no basic authentication",
        "a bearerToken that it lets in, in {place}, is wanted",
    ),
    (
        _DENIED,
        RefusedError,
        "lets nobody read with these credentials",
        "ones with the right to read, in {place}, are wanted",
    ),
    (
        _GONE,
        RefusedError,
        "is not there, or hidden from these credentials",
        "another url, or the right to read for {place}, is wanted",
    ),
    (
        ("private key", "passphrase"),
        RefusedError,
        "the private key cannot be read",
        "one in PEM or OpenSSH's format, its passphrase as password, in {place} is wanted",
    ),
    (
        ("authenticat", "credential"),
        RefusedError,
        "refuses the credentials",
        "ones that it lets in, in {place}, are wanted",
    ),
    (
        ("object format",),
        RefusedError,
        "has objects by SHA-256, which are not read",
        "a repository by SHA-1, git's default, is wanted",
    ),
    (("unsupported url",), RefusedError, "is no address", "https://… or ssh://… is wanted"),
    (
        ("invalid packet line",),
        OutsideError,
        f"its answer {_NOT_OURS}",
        "`git fetch --unshallow` there, or a full repository, is wanted; the next poll tries again",
    ),
)
"""What libgit2 says, in small letters, and what it means for whoever mends it."""
