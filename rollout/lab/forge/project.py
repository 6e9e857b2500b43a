"""One project of a forge: a real bare repository, and what people and programs said about it."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pygit2

BRANCH = "main"


class AbsentError(Exception):
    """There is none of that name; the text is what the forge says."""


@dataclass(slots=True)
class Project:
    """``name``: ``owner/name``. ``path``: of the bare repository, which git serves at ``url``.

    Lists are in the order in which their entries were made. ``comments``: by issue number.
    """

    name: str
    path: Path
    url: str
    statuses: list[dict[str, Any]] = field(default_factory=list)
    deployments: list[dict[str, Any]] = field(default_factory=list)
    pulls: list[dict[str, Any]] = field(default_factory=list)
    comments: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(1001))
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def git(self) -> Any:
        """The repository as it is now; others write it, too."""
        return pygit2.Repository(str(self.path))

    def id(self) -> int:
        return next(self._ids)

    def number(self) -> int:
        """Of issues and pull requests, which count together."""
        return next(self._numbers)

    def commit(self, name: str) -> Any:
        """A branch's tip, or the commit of that id. Errors: ``AbsentError``."""
        git = self.git
        for full in (f"refs/heads/{name}", name if name.startswith("refs/") else ""):
            if full and full in git.references:
                return git.references[full].peel(pygit2.Commit)
        try:
            return git.revparse_single(name).peel(pygit2.Commit)
        except (KeyError, ValueError, pygit2.GitError):
            raise AbsentError(f"No commit found for SHA: {name}") from None

    def file(self, path: str, ref: str) -> tuple[str, bytes]:
        """A file's blob id and bytes. Errors: ``AbsentError``."""
        try:
            entry = self.commit(ref).tree / path
        except KeyError:
            raise AbsentError("Not Found") from None
        return str(entry.id), bytes(entry.data)

    def branch(self, name: str, at: str) -> bool:
        """It is there and points at the commit ``at``; False: it was there already."""
        git = self.git
        full = f"refs/heads/{name}"
        if full in git.references:
            return False
        git.references.create(full, self.commit(at).id)
        return True

    def write(self, branch: str, path: str, data: bytes, message: str) -> str:
        """A commit on ``branch`` that changes one file; its id."""
        git, parent = self.git, self.commit(branch)
        index = pygit2.Index()
        index.read_tree(parent.tree)
        index.add(pygit2.IndexEntry(path, git.create_blob(data), pygit2.enums.FileMode.BLOB))
        who = pygit2.Signature("Forge", "noreply@forge.invalid")
        tree = index.write_tree(git)
        ref = f"refs/heads/{branch}"
        return str(git.create_commit(ref, who, who, message, tree, [parent.id]))

    def merge(self, pull: dict[str, Any]) -> str:
        """The pull request's branch is in its base, by a merge commit; its id.

        Errors: ``AbsentError`` when they conflict.
        """
        git = self.git
        base, head = self.commit(pull["base"]), self.commit(pull["head"])
        index = git.merge_commits(base, head)
        if index.conflicts is not None:
            raise AbsentError("Pull Request is not mergeable")
        who = pygit2.Signature("Forge", "noreply@forge.invalid")
        tree, ref = index.write_tree(git), f"refs/heads/{pull['base']}"
        message = f"Merge pull request #{pull['number']} from {pull['head']}"
        made = git.create_commit(ref, who, who, message, tree, [base.id, head.id])
        pull["state"], pull["merged"] = "closed", True
        return str(made)


def now() -> str:
    """As forges write times."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
