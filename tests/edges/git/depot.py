"""Real git repositories written object by object, so that they can hold what git would refuse."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pygit2

LINK, MODULE, FILE = 0o120000, 0o160000, 0o100644
Entry = bytes | tuple[int, bytes]


class Depot:
    """One bare repository; its branch ``main`` is what ``commit`` and ``reset`` move."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.repo: Any = pygit2.init_repository(str(path), bare=True, initial_head="main")

    def tree(self, files: Mapping[bytes, Entry | Mapping[bytes, Any]]) -> Any:
        """A tree of exactly these names; git's own rules for names are not applied."""
        lines = []
        for name, entry in files.items():
            if isinstance(entry, Mapping):
                lines.append((name + b"/", b"40000", name, self.tree(entry)))
                continue
            mode, data = (FILE, entry) if isinstance(entry, bytes) else entry
            oid = pygit2.Oid(raw=data) if mode == MODULE else self.repo.create_blob(data)
            lines.append((name, b"%o" % mode, name, oid))
        raw = b"".join(b"%s %s\0%s" % (mode, name, oid.raw) for _, mode, name, oid in sorted(lines))
        return self.repo.odb.write(pygit2.enums.ObjectType.TREE, raw)

    def commit(
        self, files: Mapping[bytes, Any], *parents: str, author: str = "ann@example.com"
    ) -> str:
        """The new commit, on ``parents``; by default on the branch."""
        before = parents or ((self.head(),) if self.head() else ())
        who = pygit2.Signature("Ann", author, 1_700_000_000 + len(before), 0)
        made = self.repo.create_commit(
            None, who, who, "change", self.tree(files), [pygit2.Oid(hex=one) for one in before]
        )
        self.reset(str(made))
        return str(made)

    def root(self, files: Mapping[bytes, Any]) -> str:
        """A commit without parents; the branch points at it."""
        if self.head():
            self.repo.references.delete("refs/heads/main")
        return self.commit(files)

    def reset(self, commit: str) -> None:
        """The branch points at ``commit``."""
        self.repo.references.create("refs/heads/main", pygit2.Oid(hex=commit), force=True)

    def head(self) -> str:
        found = self.repo.references.get("refs/heads/main")
        return str(found.target) if found else ""


def git(*arguments: str, folder: Path) -> str:
    """What git prints; the tests' only use of the program is to write what people write."""
    settings = ["-c", "user.name=Ann", "-c", "user.email=ann@example.com"]
    done = subprocess.run(
        ["git", *settings, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()
