"""The fake of the port Repo: a history in memory; the port tests show that it is like git."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime

from rollout.controller.ports import Json
from rollout.errors import OutsideError, RefusedError
from rollout.manifest import load, team
from rollout.model.source import Document, Origin, Part, Problem, Reading, Relation

AUTHOR = "ann@example.com"
POINTER = "version https://git-lfs.github.com/spec/v1"


@functools.lru_cache(256)
def _loaded(file: str, text: str) -> load.Loaded:
    """What a file holds; most are the same in many commits."""
    return load.text(file, text.encode())


@dataclass
class FakeRepo:
    """One branch; ``down``: it does not answer. ``author``: of every commit."""

    head: str = ""
    down: bool = False
    parents: dict[str, str] = field(default_factory=dict)
    trees: dict[str, Mapping[str, str]] = field(default_factory=dict)
    asked: list[Origin] = field(default_factory=list)
    author: str = AUTHOR

    def push(self, files: Mapping[str, str], parent: str | None = None) -> str:
        """A commit of exactly ``files``, on the branch or on ``parent``."""
        commit = f"{len(self.trees) + 1:040x}"
        self.parents[commit] = self.head if parent is None else parent
        self.trees[commit], self.head = files, commit
        return commit

    def reset(self, commit: str) -> None:
        self.head = commit

    def line(self, commit: str) -> list[str]:
        """``commit`` and all before it, newest first."""
        return [commit, *self.line(self.parents[commit])] if commit in self.parents else []

    async def read(self, origin: Origin, since: str) -> Reading:
        self.asked.append(origin)
        if self.down or not self.head:
            raise OutsideError(
                f"git {origin.url}: {'no answer' if self.down else 'is empty'}; wait"
            )
        if origin.ref != "main":
            raise RefusedError(f"git {origin.url}: has no {origin.ref!r}; it has main")
        relation = self.relation(since)
        documents: list[Document] = []
        problems: list[Problem] = []
        notes: list[str] = []
        parts: list[Part] = []
        unread: list[str] = []
        for file, text in sorted(self.trees[self.head].items()):
            if text.startswith(POINTER):
                notes.append(f"{file}: is an LFS pointer; its content is not read")
                unread.append(file)
                continue
            loaded = _loaded(file, text)
            doubtful = () if origin.manifests else loaded.doubtful
            notes += doubtful
            unread += [file] if doubtful or (loaded.unread and not origin.manifests) else []
            problems += [Problem(one.file, one.line, str(one)) for one in loaded.errors]
            changed = self.changed(file)
            if origin.manifests:
                strangers, errors = team.strangers(file, text.encode())
                parts += [Part(**asdict(s), commit=changed, author=self.author) for s in strangers]
                made = [Problem(one.file, one.line, str(one)) for one in errors]
                problems += [one for one in made if one not in problems]
            documents += [
                Document(
                    *(one.kind, one.name, one.namespace, one.metadata, one.plain),
                    *(file, one.line, changed, self.author),
                )
                for one in loaded.manifests
            ]
        return Reading(
            *(self.head, self.author, NEVER, relation, tuple(documents), tuple(problems)),
            notes=tuple(notes),
            parts=tuple(parts),
            unread=tuple(unread),
            files=len(self.trees[self.head])
            - sum(text.startswith(POINTER) for text in self.trees[self.head].values()),
        )

    def relation(self, since: str) -> Relation:
        if not since or since == self.head:
            return Relation.SAME if since else Relation.FIRST
        if since in self.line(self.head):
            return Relation.FORWARD
        return Relation.REWIND if self.head in self.line(since) else Relation.UNRELATED

    def changed(self, file: str) -> str:
        """The commit that changed ``file`` last."""
        line, text = self.line(self.head), self.trees[self.head][file]
        same = 1
        while same < len(line) and self.trees[line[same]].get(file) == text:
            same += 1
        return line[same - 1]


NEVER = datetime(2023, 11, 14, tzinfo=UTC)


class NoObjects:
    """The port Objects where no source has ``manifests: true``; tests/cluster has real ones."""

    async def in_namespaces(self, api_version: str, kind: str) -> bool:
        raise AssertionError(kind)

    async def read(self, api_version: str, kind: str, namespace: str, name: str) -> Json | None:
        raise AssertionError(name)

    async def marked(
        self, api_version: str, kind: str, namespace: str, label: str
    ) -> Sequence[Json]:
        raise AssertionError(kind)

    async def apply(self, obj: Json, *, force: bool = False, dry: bool = False) -> Json:
        raise AssertionError(obj)

    async def remove(self, obj: Json) -> None:
        raise AssertionError(obj)
