"""Git repositories, read in child processes that may die without us; no policy."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from rollout.edges.git import address
from rollout.edges.git.children import BrokenClone, Children, Died, SilenceLimits, Starts
from rollout.edges.git.lanes import PATIENCE
from rollout.edges.git.polls import Polls, Tip
from rollout.errors import OutsideError, RefusedError
from rollout.model.source import Document, Origin, Part, Problem, Reading, Signature
from rollout.model.units import counted

FETCH = timedelta(seconds=120)  # a clone of the largest repository that is worth polling
FILE = timedelta(seconds=5)  # 1 MiB takes under 0.25 s; the rest is a busy machine
LIST = timedelta(seconds=60)  # until the first file: 100,000 names and 2,000 commits are walked
MAX_POISON = 10  # files that kill their reader, of one commit; then the commit is given up
REMEMBERED = 1000  # readings; whoever is forgotten is parsed anew


@dataclass
class GitRepo:
    """The port ``Repo``: at most ``workers`` commits are parsed at once, each in a child.

    ``starts``: where the children come from.
    ``local``: whether paths of the children's machine, and http and git to itself, are allowed.
    ``patience``: after it a far side counts as slow, and waits with its like.
    """

    starts: Starts
    local: bool = False
    workers: int = 2
    fetch_limit: timedelta = FETCH
    file_limit: timedelta = FILE
    patience: timedelta = PATIENCE
    _last: dict[str, tuple[Origin, Reading, "Parsed"]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._slots = asyncio.Semaphore(self.workers)
        self._children = Children(self.starts)
        self._polls = Polls(self._children, self.local, self.fetch_limit, self.patience)

    async def read(self, origin: Origin, since: str) -> Reading:
        """What the origin's ref holds now; ``since``: the commit taken before, or empty.

        A file that ends its reader has its Problem, and the others are read without it.
        Errors: ``OutsideError`` when there is no answer, ``RefusedError`` when it is no.
        """
        tip = await self._polls.tip(origin, since)
        asked = replace(origin, secret={})
        before, last, known = self._last.get(origin.key, (None, None, {}))
        if last and before == asked and last.commit == tip.commit:
            return replace(last, relation=tip.relation)
        if before is None or before.manifests != asked.manifests:
            known = {}  # the same bytes are read for something else
        try:
            reading, parsed = await self._read(asked, since, tip, known)
        except BrokenClone:
            again = await self._polls.tip(origin, since)
            reading, parsed = await self._read(asked, since, again, known)
        self._last.pop(origin.key, None)
        self._last[origin.key] = asked, reading, parsed
        if len(self._last) > REMEMBERED:
            del self._last[next(iter(self._last))]
        return reading

    async def _read(
        self, origin: Origin, since: str, tip: Tip, known: "Parsed"
    ) -> tuple[Reading, "Parsed"]:
        """The reading, of which files whose blob is ``known`` are not parsed again."""
        where, poison = f"git {address.shown(origin.url)}", list[Problem]()
        while True:
            heard = _Heard(known)
            job = {
                "do": "read",
                "where": where,
                "clone": str(tip.clone),
                "commit": tip.commit,
                "since": since,
                "path": origin.path,
                "signers": origin.signers,
                "every": origin.every,
                "manifests": origin.manifests,
                "skip": [one.file for one in poison],
                "known": {name: file.blob for name, file in known.items()},
            }
            limits = SilenceLimits(LIST, self.file_limit)
            try:
                async with self._slots:
                    done = await self._children.ask(job, limits, heard.add)
            except Died as death:
                if not heard.at:
                    raise OutsideError(f"{where}: {death}; the next poll tries again") from death
                poison.append(Problem(heard.at, 0, f"{heard.at}: {death}"))
                if len(poison) > MAX_POISON:
                    found = f"{counted(len(poison), 'file')} {death}"
                    raise RefusedError(f"{where}: {found}; fewer are wanted") from death
            else:
                return _reading(tip, done, heard, poison), heard.files

    async def close(self) -> None:
        """No child is left."""
        await self._polls.close()
        await self._children.close()


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """What one blob says under one name; ``unread``: not all that it may say."""

    blob: str
    documents: tuple[Document, ...]
    parts: tuple[Part, ...]
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]
    unread: bool

    @classmethod
    def of(cls, message: Mapping[str, Any]) -> "ParsedFile":
        """What the child has parsed."""
        return cls(
            blob=message["blob"],
            documents=tuple(Document(**one) for one in message["documents"]),
            parts=tuple(Part(**one) for one in message["parts"]),
            problems=tuple(Problem(**one) for one in message["problems"]),
            notes=tuple(message["notes"]),
            unread=bool(message["unread"]),
        )

    def changed_by(self, commit: str, author: str) -> "ParsedFile":
        """The same, where that commit was the last to change the file."""
        last = {(one.commit, one.author) for one in self.documents}
        last |= {(one.commit, one.author) for one in self.parts}
        if last <= {(commit, author)}:
            return self
        return replace(
            self,
            documents=tuple(replace(d, commit=commit, author=author) for d in self.documents),
            parts=tuple(replace(p, commit=commit, author=author) for p in self.parts),
        )


Parsed = Mapping[str, ParsedFile]
"""By the file's name."""


@dataclass
class _Heard:
    """What a child said so far; ``at``: the file that it is parsing."""

    known: Parsed
    files: dict[str, ParsedFile] = field(default_factory=dict)
    at: str = ""

    def add(self, message: Mapping[str, Any]) -> None:
        self.at = str(message.get("at", ""))
        name = message.get("file")
        if name is None:
            return
        if message.get("known"):
            known = self.known[name]
            self.files[name] = known.changed_by(message["commit"], message["author"])
        else:
            self.files[name] = ParsedFile.of(message)


def _reading(
    tip: Tip, done: Mapping[str, Any], heard: _Heard, poison: Sequence[Problem]
) -> Reading:
    files, signed = heard.files.values(), done["signature"]
    return Reading(
        commit=tip.commit,
        author=done["author"],
        committed_at=datetime.fromtimestamp(done["committed_at"], UTC),
        relation=tip.relation,
        documents=tuple(one for file in files for one in file.documents),
        problems=(
            *poison,
            *(Problem(**one) for one in done["problems"]),
            *(one for file in files for one in file.problems),
        ),
        notes=(*done["notes"], *(note for file in files for note in file.notes)),
        unread=(*done["unread"], *(name for name, file in heard.files.items() if file.unread)),
        files=done["files"],
        parts=tuple(one for file in files for one in file.parts),
        signature=Signature(**signed) if signed else None,
    )
