"""One commit's manifests: which blobs are read, which names are refused, who changed them last."""

import contextlib
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pygit2
from pygit2.enums import SortMode

from rollout.errors import RefusedError, visible
from rollout.model.source import Problem, folders

MAX_FILES = 2000
MAX_FILE = 1 << 20
MAX_TOTAL = 32 << 20
MAX_ENTRIES = 100_000
MAX_FOLDERS = 20
MAX_LINK = 4096  # bytes of where one leads; path_resolution(7)
MAX_UNREAD = 1000
MAX_WALK = 2000  # commits looked at to find who changed a file last
SUFFIXES = (".yaml", ".yml", ".json")

_LFS = b"version https://git-lfs.github.com/spec/"  # git-lfs, docs/spec.md: the first line
_LINK, _MODULE, _TREE = 0o120000, 0o160000, 0o040000


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """One manifest file; ``commit`` changed it last, ``author`` is that commit's.

    ``data``: None: whoever asked knows what it says.
    """

    name: str
    blob: str
    data: bytes | None
    commit: str
    author: str


@dataclass
class Folder:
    """The manifests under ``path``; ``problems`` and ``notes`` say what was refused on the way.

    ``where`` begins a message about the whole repository; ``unread``: what was passed over, and
    may hold manifests all the same.
    """

    repo: Any
    where: str
    path: str
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    _entries: int = 0
    _bytes: int = 0
    _manifests: int = 0
    _root: Any = None

    def files(self, commit: Any, known: Mapping[str, str]) -> tuple[ManifestFile, ...]:
        """The manifests of ``commit``, by name; those whose blob is ``known`` are not read.

        Errors: ``RefusedError`` when there are more than one reading takes.
        """
        blobs = dict(self._blobs(commit))
        changed = last_changes(self.repo, commit, blobs, "/".join(folders(self.path)))
        files = [
            ManifestFile(
                name,
                str(blob),
                None if known.get(name) == str(blob) else self.repo[blob].data,
                str(changed[name].id),
                author(changed[name]),
            )
            for name, blob in sorted(blobs.items())
        ]
        pointers = {file.name for file in files if (file.data or b"").startswith(_LFS)}
        for name in sorted(pointers):
            self._pass_over(name, "is an LFS pointer; its content is not read")
        return tuple(file for file in files if file.name not in pointers)

    def _blobs(self, commit: Any) -> Iterator[tuple[str, Any]]:
        self._root = commit.tree
        tree, path = commit.tree, folders(self.path)
        for part in path:
            inner = tree[part] if part in tree else None  # noqa: SIM401 - a Tree has no get
            if not isinstance(inner, pygit2.Tree):
                module = inner is not None and inner.filemode == _MODULE
                what = "is a submodule, which is not followed," if module else "is no folder"
                found = f"{self.path}: {what} of commit {str(commit.id)[:12]}"
                self._refuse(self.path, f"{found}; a folder is wanted")
                return
            tree = inner
        yield from self._walk(tree, "/".join(path), len(path))

    def _walk(self, tree: Any, prefix: str, depth: int) -> Iterator[tuple[str, Any]]:
        if depth > MAX_FOLDERS:
            self._refuse(prefix, f"{prefix}: is more than {MAX_FOLDERS} folders deep; fewer")
            return
        for entry in tree:
            self._count()
            name = f"{prefix}/{entry.name}" if prefix else entry.name
            manifest = str(entry.name).endswith(SUFFIXES)
            if (entry.filemode == _TREE or manifest) and (odd := _oddness(entry.name)):
                shown = name.encode("unicode_escape").decode()[:200]
                self._refuse(shown, f"{shown}: {odd}; a plain name is wanted")
                continue
            if entry.filemode == _TREE:
                yield from self._walk(entry, name, depth + 1)
            elif entry.filemode == _MODULE:
                self._pass_over(name, "is a submodule; its manifests are not read")
            elif entry.filemode == _LINK and not manifest:
                self._link(name, entry)
            elif manifest and self._is_fine(name, entry):
                yield name, entry.id

    def _link(self, name: str, entry: Any) -> None:
        """One that leads to a folder of the commit is told of; nobody knows what others lead to."""
        text = bytes(self.repo[entry.id].data[:MAX_LINK]).decode("utf-8", "surrogateescape")
        path = posixpath.normpath(posixpath.join(posixpath.dirname(name), text))
        try:
            target = self._root if path == "." else self._root[path]
        except (KeyError, ValueError):  # out of the repository, or nowhere
            self._leave(name)
            return
        if isinstance(target, pygit2.Tree):
            self._pass_over(name, "is a link to a folder; its manifests are not read there")

    def _pass_over(self, name: str, why: str) -> None:
        self.notes.append(f"{visible(name[:200])}: {why}")
        self._leave(name)

    def _leave(self, name: str) -> None:
        if len(self.unread) < MAX_UNREAD:
            self.unread.append(name)

    def _is_fine(self, name: str, entry: Any) -> bool:
        if entry.filemode == _LINK:
            self._refuse(name, f"{name}: is a symbolic link; a file is wanted")
            return False
        size = self.repo.odb.read_header(entry.id)[1]
        if size > MAX_FILE:
            self._refuse(name, f"{name}: has {size} bytes; at most 1 MiB is read")
            return False
        self._bytes, self._manifests = self._bytes + size, self._manifests + 1
        if self._bytes > MAX_TOTAL or self._manifests > MAX_FILES:
            self._too_many(f"{MAX_FILES} manifests or {MAX_TOTAL >> 20} MiB of them")
        return True

    def _count(self) -> None:
        self._entries += 1
        if self._entries > MAX_ENTRIES:
            self._too_many(f"{MAX_ENTRIES} files")

    def _too_many(self, what: str) -> None:
        found = f"{self.path or 'the repository'} has more than {what}"
        raise RefusedError(f"{self.where}: {found}; a smaller folder is wanted in path")

    def _refuse(self, name: str, message: str) -> None:
        self.problems.append(Problem(name, 0, message))


def _oddness(name: str) -> str:
    """Why a name of a tree is not read; git itself would refuse to check it out, or should."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return "has a name that is not UTF-8"
    if name in (".", "..") or name.lower() == ".git" or any(mark in name for mark in "/\\"):
        return "has a name that means another place"
    if not name.isprintable() or len(name) > 200:
        return "has a name that no line can show"
    return ""


def author(commit: Any) -> str:
    """The author's address, whatever bytes it has."""
    return bytes(commit.author.raw_email).decode("utf-8", "replace")[:200]


def last_changes(repo: Any, head: Any, blobs: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    """The commit that changed each file under ``path`` last, by name.

    A file that some parent has too is that parent's, as git-log(1) simplifies history.
    Only ``MAX_WALK`` commits are looked at; what is older counts as the oldest seen.
    """
    found: dict[str, Any] = {}
    pending = {head.id: set(blobs)}
    walk = repo.walk(head.id, SortMode.TOPOLOGICAL | SortMode.TIME)
    for seen, commit in enumerate(walk):
        names = pending.pop(commit.id, set())
        for parent in commit.parents if names and seen < MAX_WALK else ():
            untouched = _id(parent.tree, path) == _id(commit.tree, path)
            same = {n for n in names if untouched or _id(parent.tree, n) == blobs[n]}
            pending.setdefault(parent.id, set()).update(same)
            names -= same
        found |= dict.fromkeys(names, commit)
        if len(found) == len(blobs):
            break
    return found


def _id(tree: Any, path: str) -> Any:
    with contextlib.suppress(KeyError, TypeError):
        return tree[path].id if path else tree.id
    return None
