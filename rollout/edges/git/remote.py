"""Git: one ref of a remote into a bare cache, and the manifests of its commit as bytes.

Nothing is ever checked out: blobs are read from the tree of the fetched commit, so no link and
no odd name can reach outside (CVE-2022-24904, CVE-2022-24877 and their like). Runs in the
reader's child process, where a crash of libgit2 or a bomb costs one reading.
"""

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pygit2
from pygit2.enums import CredentialType

from rollout.edges.git import address, signature, tree
from rollout.errors import OutsideError, RefusedError, RolloutError
from rollout.model.source import Origin, Problem, Relation

DEPTH = 200  # commits fetched at first; enough to say which one changed a file, small for giants
UNSHALLOW = 0x7FFFFFFF  # git's own number for "all of it", git-fetch(1) --unshallow
MAX_PACKS = 200  # every fetch leaves one; then a new clone is the cheapest way to tidy up

_FAR = frozenset({12, 16, 23, 34})  # git_error_t of libgit2: NET, SSL, SSH, HTTP
_TIP = "refs/rollout/tip"
_SHA = re.compile(r"[0-9a-f]{7,40}")


@dataclass(frozen=True, slots=True)
class Fetched:
    """What one ref of a remote holds; ``files`` by name, ``problems``: what was refused."""

    commit: str
    author: str
    committed_at: datetime
    relation: Relation
    files: tuple[tree.File, ...] = ()
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """``cache``: the folder of the clones; ``local``: whether paths of this machine are open."""

    cache: Path
    local: bool = False


def fetch(origin: Origin, since: str, place: Place, known: str = "") -> Fetched:
    """The manifests of ``origin`` now; ``since`` is the commit taken before, or empty.

    ``known``: a commit whose files the caller has already; they are left out then.
    A cache that is broken, or was left by a crash, is deleted and cloned anew.
    Errors: ``OutsideError`` when the remote does not answer, ``RefusedError`` when it says no.
    """
    address.check(origin.url, place.local)
    folder = place.cache / sha256(f"{origin.key} {origin.url}".encode()).hexdigest()[:24]
    busy = folder.with_suffix(".busy")
    clone = _clone(folder, busy)
    place.cache.mkdir(parents=True, exist_ok=True)
    busy.touch()
    try:
        fetched = _unless_broken(origin, since, clone, known) if clone.exists() else None
        if fetched is None:
            clone = _next(folder, clone)
            fetched = _attempt(origin, since, clone, known)
    except _BROKEN as error:
        text = f"git {address.shown(origin.url)}: {address.said(error)}; the next poll tries again"
        raise OutsideError(text) from error
    finally:
        busy.unlink(missing_ok=True)
    return fetched


_BROKEN = (pygit2.GitError, KeyError, ValueError, OSError)
"""What libgit2 says when files are missing or are not what they should be."""


def _unless_broken(origin: Origin, since: str, clone: Path, known: str) -> Fetched | None:
    try:
        return _attempt(origin, since, clone, known)
    except _BROKEN:
        return None


def _clone(folder: Path, busy: Path) -> Path:
    """The clone to use; there is none yet where a crash or many fetches made a new one wanted."""
    clones = sorted(folder.glob("*.git"), key=_number)
    clone = clones[-1] if clones else folder / "1.git"
    packs = len(list(clone.glob("objects/pack/*.pack")))
    return _next(folder, clone) if busy.exists() or packs > MAX_PACKS else clone


def _next(folder: Path, clone: Path) -> Path:
    """The path of a new clone; all others are gone.

    Never the same path: libgit2 goes on using what it remembers of a pack with that name.
    """
    number = _number(clone) + clone.exists()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{number}.git"


def _number(clone: Path) -> int:
    return int(clone.stem) if clone.stem.isdigit() else 0


def _attempt(origin: Origin, since: str, clone: Path, known: str) -> Fetched:
    repo = pygit2.init_repository(str(clone), bare=True)
    # To libgit2, false still means "on the same host"; to another host credentials would leak.
    repo.config["http.followRedirects"] = "false"
    repo = pygit2.Repository(str(clone))
    remote = _Remote(repo, origin)
    commit = remote.tip()
    if origin.signers:
        signature.check(commit, origin)
    relation = _relation(repo, since, commit)
    if relation is Relation.UNRELATED and repo.is_shallow:
        remote.deepen()
        relation = _relation(repo, since, commit)
    return _read(repo, commit, origin, relation, str(commit.id) == known)


@dataclass(frozen=True, slots=True)
class _Remote:
    """The far side: what it has, and getting it."""

    repo: Any
    origin: Origin

    def tip(self) -> Any:
        """The commit that the ref points at, now in the cache."""
        remote = self.repo.remotes.create_anonymous(self.origin.url)
        try:
            heads = remote.list_heads(callbacks=Credentials(self.origin))
        except pygit2.GitError as error:
            raise address.sorted_error(self.origin.url, error) from error
        known = {head.name: head.oid for head in heads}
        ref = self.origin.ref
        full = ref if ref == "HEAD" or ref.startswith("refs/") else f"refs/heads/{ref}"
        if full not in known:
            raise self._missing(full, known)
        if known[full] not in self.repo:
            shallow = not address.is_local(self.origin.url)  # libgit2 cannot, on one machine
            self._fetch(full, DEPTH if shallow else 0)
            return self.repo.references[_TIP].peel(pygit2.Commit)
        return self.repo[known[full]].peel(pygit2.Commit)

    def deepen(self) -> None:
        """The cache has all of the history."""
        self._fetch(self.origin.ref, UNSHALLOW)

    def _fetch(self, ref: str, depth: int) -> None:
        full = ref if ref == "HEAD" or ref.startswith("refs/") else f"refs/heads/{ref}"
        spec = [f"+{full}:{_TIP}"]
        remote = self.repo.remotes.create_anonymous(self.origin.url)
        try:
            remote.fetch(spec, callbacks=Credentials(self.origin), depth=depth)
        except pygit2.GitError as error:
            if getattr(error, "error_class", 0) in _FAR:
                raise address.sorted_error(self.origin.url, error) from error
            raise  # our own disk: whoever called clones anew

    def _missing(self, full: str, known: Mapping[str, Any]) -> RolloutError:
        where = f"git {address.shown(self.origin.url)}"
        if not known:
            return OutsideError(f"{where}: is empty; a first commit is wanted")
        names = sorted(name.removeprefix("refs/heads/") for name in known if "heads/" in name)
        some = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
        hint = self._hint(known) or f"it has {some or 'no branch'}"
        return RefusedError(f"{where}: has no {full[:100]!r}; {hint}")

    def _hint(self, known: Mapping[str, Any]) -> str:
        """What the author may have meant by a ref that is no branch; empty: nobody knows."""
        ref = self.origin.ref
        if f"refs/tags/{ref}" in known:
            return f"{ref[:100]} is a tag: write refs/tags/{ref[:100]}"
        if _SHA.fullmatch(ref):
            return "a commit's id is no ref: name a branch, or a tag as refs/tags/…"
        if any(mark in ref for mark in "*^~<>=?[ "):
            return "patterns and ranges are not followed: name a branch, or a tag as refs/tags/…"
        return ""


class Credentials(pygit2.RemoteCallbacks):
    """Answers the far side's questions: the secret goes to the origin's own host, once."""

    def __init__(self, origin: Origin) -> None:
        super().__init__()
        self.origin = origin
        self.asked = 0

    def credentials(self, url: str, username: str | None, allowed: CredentialType) -> Any:
        secret, where = self.origin.secret, f"git {address.shown(self.origin.url)}"
        if address.host(url) != address.host(self.origin.url):
            raise RefusedError(f"{where}: another host asked for the credentials; it got none")
        if allowed == CredentialType.USERNAME:
            return pygit2.Username(username or "git")
        self.asked += 1
        if self.asked > 1:
            raise RefusedError(f"{where}: the credentials were refused; others are wanted")
        if allowed & CredentialType.USERPASS_PLAINTEXT and (word := _password(secret)):
            return pygit2.UserPass(secret.get("username") or username or "git", word)
        if allowed & CredentialType.SSH_KEY and "ssh-privatekey" in secret:
            return pygit2.KeypairFromMemory(username or "git", "", secret["ssh-privatekey"], "")
        raise RefusedError(f"{where}: wants credentials; a Secret named by secretRef is wanted")

    def certificate_check(self, certificate: None, valid: bool, host: bytes) -> bool:
        """TLS as the system trusts it; SSH by the Secret's ``known_hosts``, never by first use."""
        return valid


def _password(secret: Mapping[str, str]) -> str:
    return secret.get("token") or secret.get("password") or ""


def _relation(repo: Any, since: str, commit: Any) -> Relation:
    if not since:
        return Relation.FIRST
    if str(commit.id) == since:
        return Relation.SAME
    if since not in repo:
        return Relation.UNRELATED
    if repo.descendant_of(commit.id, since):
        return Relation.FORWARD
    return Relation.REWIND if repo.descendant_of(since, commit.id) else Relation.UNRELATED


def _read(repo: Any, commit: Any, origin: Origin, relation: Relation, known: bool) -> Fetched:
    folder = tree.Folder(repo, f"git {address.shown(origin.url)}", origin.path)
    files = () if known else folder.files(commit)
    return Fetched(
        str(commit.id),
        tree.author(commit),
        _when(commit),
        relation,
        files,
        tuple(folder.problems),
        tuple(folder.notes),
    )


def _when(commit: Any) -> datetime:
    try:
        return datetime.fromtimestamp(commit.commit_time, UTC)
    except (ValueError, OverflowError, OSError):  # a commit may claim any year
        return datetime.fromtimestamp(0, UTC)
