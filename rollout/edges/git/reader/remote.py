"""Git: the tips of a remote's refs, and what is needed to read them, in a bare clone.

Nothing is ever checked out: blobs are read from the tree of the fetched commit, so no link and
no odd name can reach outside (CVE-2022-24904, CVE-2022-24877 and their like). Runs in the
reader's child process, where a crash of libgit2 or a bomb costs one reading.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pygit2

from rollout.edges.git import address
from rollout.edges.git.reader import access
from rollout.edges.git.reader.access import GitAccess, Repository
from rollout.edges.git.reader.clones import CloneCache
from rollout.errors import OutsideError, RefusedError, RolloutError
from rollout.model.source import Relation

DEPTH = 200  # commits fetched at first; enough to say which one changed a file, small for giants
UNSHALLOW = 0x7FFFFFFF  # git's own number for "all of it", git-fetch(1) --unshallow

BROKEN = (pygit2.GitError, KeyError, ValueError, OSError)
"""What libgit2 says when files are missing or are not what they should be."""

_FAR = frozenset({12, 16, 23, 34})  # git_error_t of libgit2: NET, SSL, SSH, HTTP
_SHA = re.compile(r"[0-9a-f]{7,40}")


@dataclass(frozen=True, slots=True)
class Want:
    """A ref; ``since``: the commit taken of it before, or empty; ``whole``: all of its history."""

    ref: str
    since: str = ""
    whole: bool = False

    @property
    def full(self) -> str:
        return (
            self.ref if self.ref == "HEAD" or self.ref[:5] == "refs/" else f"refs/heads/{self.ref}"
        )


@dataclass(frozen=True, slots=True)
class RemoteTip:
    """The commit that a ref points at, and how it follows the one taken before."""

    commit: str
    relation: Relation


@dataclass(frozen=True, slots=True)
class Polled:
    """``tips``: one a want, in their order, or why there is none; all are in ``clone``."""

    clone: Path
    tips: tuple[RemoteTip | RolloutError, ...]


def poll(repository: Repository, wants: Sequence[Want], place: CloneCache) -> Polled:
    """Where the refs of ``wants`` are now; one connection serves all of them.

    A clone that is broken, or was left by a crash, is deleted and made anew.
    Errors: ``OutsideError`` when the remote does not answer, ``RefusedError`` when it says no.
    """
    address.check(repository.url, place.local)
    if address.is_local(repository.url) and not _path(repository.url).exists():
        raise RefusedError(f"{repository.where}: is not there; another path in url is wanted")
    home = place.of(repository)
    clone = home.clone()
    with home.used():
        if clone.exists() and (polled := _unless_broken(repository, wants, clone)):
            return polled
        place.sweep(home)
        try:
            return _attempt(repository, wants, home.anew(clone))
        except BROKEN as error:
            text = f"{address.said(error)}; the next poll tries again"
            raise OutsideError(f"{repository.where}: {text}") from error


def _path(url: str) -> Path:
    return Path(re.sub(r"(?i)^file://", "", url))


def _unless_broken(repository: Repository, wants: Sequence[Want], clone: Path) -> Polled | None:
    try:
        return _attempt(repository, wants, clone)
    except BROKEN:
        return None


def _attempt(repository: Repository, wants: Sequence[Want], clone: Path) -> Polled:
    repo = pygit2.init_repository(str(clone), bare=True)
    # To libgit2, false still means "on the same host"; to another host credentials would leak.
    repo.config["http.followRedirects"] = "false"
    repo = pygit2.Repository(str(clone))
    far = _Far(repo, repository, repo.remotes.create_anonymous(repository.url))
    heads = far.heads()
    there = {want.full for want in wants if want.full in heads}
    far.fetch(ref for ref in there if heads[ref] not in repo)
    return Polled(clone, tuple(far.tip(want, heads) for want in wants))


@dataclass(frozen=True, slots=True)
class _Far:
    """The far side: what it has, and getting it."""

    repo: Any
    repository: Repository
    remote: Any

    def heads(self) -> Mapping[str, Any]:
        """Every ref of the far side, and what it points at."""
        try:
            heads = self.remote.list_heads(callbacks=GitAccess(self.repository), proxy=True)
        except pygit2.GitError as error:
            raise access.explained(self.repository, error) from error
        return {head.name: head.oid for head in heads}

    def fetch(self, refs: Iterable[str], depth: int = DEPTH) -> None:
        """What ``refs`` point at is in the clone."""
        specs = [f"+{ref}:{_track(ref)}" for ref in sorted(refs)]
        if not specs:
            return
        shallow = not address.is_local(self.repository.url)  # libgit2 cannot, on one machine
        door, depth = GitAccess(self.repository), depth if shallow else 0
        try:
            self.remote.fetch(specs, callbacks=door, depth=depth, proxy=True)
        except pygit2.GitError as error:
            far = isinstance(error, pygit2.errors.AuthError | pygit2.errors.CertificateError)
            if far or getattr(error, "error_class", 0) in _FAR:
                raise access.explained(self.repository, error) from error
            raise  # our own disk: whoever called clones anew

    def tip(self, want: Want, heads: Mapping[str, Any]) -> RemoteTip | RolloutError:
        """Where the ref of ``want`` is; an error is this want's, not the others'."""
        if want.full not in heads:
            return _missing(self.repository, want, heads)
        track = self.repo.references.get(_track(want.full))
        oid = heads[want.full] if heads[want.full] in self.repo else track.target
        commit = self.repo[oid]
        while isinstance(commit, pygit2.Tag):
            commit = commit.get_object()
        if not isinstance(commit, pygit2.Commit):
            return RefusedError(
                f"{self.repository.where}: {want.ref[:100]} is no commit; one is wanted"
            )
        relation = _relation(self.repo, want.since, commit)
        short = self.repo.is_shallow and (want.whole or relation is Relation.UNRELATED)
        if short and relation is not Relation.SAME:
            self.fetch([want.full], UNSHALLOW)
            relation = _relation(self.repo, want.since, commit)
        return RemoteTip(str(commit.id), relation)


def _track(ref: str) -> str:
    """The clone's own name of a ref; any bytes of the far side's name would not do."""
    return f"refs/rollout/{sha256(ref.encode()).hexdigest()[:16]}"


def _missing(repository: Repository, want: Want, heads: Mapping[str, Any]) -> RolloutError:
    if not heads:
        return OutsideError(f"{repository.where}: is empty; a first commit is wanted")
    names = sorted(name.removeprefix("refs/heads/") for name in heads if "heads/" in name)
    some = ", ".join(names[:5])[:200] + (", …" if len(names) > 5 else "")
    hint = _hint(want.ref, heads) or f"it has {some or 'no branch'}"
    return RefusedError(f"{repository.where}: has no {want.full[:100]!r}; {hint}")


def _hint(ref: str, heads: Mapping[str, Any]) -> str:
    """What the author may have meant by a ref that is no branch; empty: nobody knows."""
    if f"refs/tags/{ref}" in heads:
        return f"{ref[:100]} is a tag: write refs/tags/{ref[:100]}"
    if _SHA.fullmatch(ref):
        return "a commit's id is no ref: name a branch, or a tag as refs/tags/…"
    if any(mark in ref for mark in "*^~<>=?[ "):
        return "patterns and ranges are not followed: name a branch, or a tag as refs/tags/…"
    return ""


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
