"""A git source of manifests: what one read of it gave, and what we remember of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from rollout.model.forge import CommitState
from rollout.model.sourcespec import RolloutSourceSpec
from rollout.model.spec import GROUP
from rollout.model.units import CONFIG

LABEL = f"{GROUP}/source"
"""The label of what a source keeps in force: ``namespace.name`` of it."""


def folders(path: str) -> tuple[str, ...]:
    """The folders that a source's ``path`` names, from the root of the repository on.

    ``deploy``, ``./deploy``, ``/deploy/`` are the same one; empty, ``.`` and ``/`` are the root.
    Errors: ``ValueError`` where it leads out of the repository.
    """
    parts = tuple(part for part in path.split("/") if part not in ("", "."))
    if ".." in parts:
        raise ValueError(f"is {path!r}; a folder inside the repository is wanted")
    return parts


class Relation(StrEnum):
    """How the commit that was read follows the one before."""

    FIRST = "first"  # there was none before
    SAME = "same"
    FORWARD = "forward"
    REWIND = "rewind"  # an ancestor of the one before
    UNRELATED = "unrelated"  # history was rewritten


@dataclass(frozen=True, slots=True)
class Origin:
    """What a repository is read with; ``secret`` holds a Secret's decoded entries.

    ``key``: the source's namespace and name. ``secret_name``: where the Secret is, as
    ``namespace/name``; sources with one address and one Secret share a clone and its polls.
    ``signers``: texts of allowed signers, all of one are enough; empty: unverified.
    ``every``: all commits since the one before must be signed, not only the last.
    ``manifests``: the team's own objects are read, too.
    """

    key: str
    url: str
    ref: str
    path: str
    secret: Mapping[str, str] = field(default_factory=dict, repr=False)
    signers: tuple[str, ...] = ()
    secret_name: str = ""
    every: bool = False
    manifests: bool = False


@dataclass(frozen=True, slots=True)
class Document:
    """One valid manifest of ours as plain values, where it stands, and who wrote it last.

    ``commit``: the last one that changed the file.
    """

    kind: str
    name: str
    namespace: str
    metadata: Mapping[str, Any]
    spec: Mapping[str, Any]
    file: str
    line: int
    commit: str
    author: str


@dataclass(frozen=True, slots=True)
class Part:
    """One object of a team's own, beside ours; ``body``: as git has it, with its envelope.

    ``commit``: the last one that changed the file.
    """

    api_version: str
    kind: str
    name: str
    namespace: str
    body: Mapping[str, Any]
    file: str
    line: int
    commit: str
    author: str


@dataclass(frozen=True, slots=True)
class Problem:
    """Why something of a file was not taken; ``line`` 0 means the whole file."""

    __pydantic_config__ = CONFIG

    file: str
    line: int
    message: Annotated[str, Field(description="what was found; what is wanted")]


@dataclass(frozen=True, slots=True)
class Signature:
    """Whose signature vouches for a commit: one of a key that the operator allows.

    ``key``: SSH's fingerprint, ``SHA256:…``, or OpenPGP's of the primary key.
    ``signer``: the name that the operator's list, or the OpenPGP key, gives to it.
    Either may be empty: not every key has a name.
    """

    __pydantic_config__ = CONFIG

    key: str = ""
    signer: str = ""

    def __str__(self) -> str:
        return f"{self.signer} ({self.key})"


@dataclass(frozen=True, slots=True)
class Reading:
    """What one commit says: every document of ours is either here or has its problem.

    ``parts``: the team's own objects, where the origin asks for them.
    ``signature``: the commit's own, where it has to have one.
    ``files``: how many files were read; ``notes``: what was passed over, and why.
    ``unread``: files and folders that may hold manifests which nobody could read.
    """

    commit: str
    author: str
    committed_at: datetime
    relation: Relation
    documents: tuple[Document, ...] = ()
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    files: int = 0
    parts: tuple[Part, ...] = ()
    signature: Signature | None = None
    unread: tuple[str, ...] = ()

    @property
    def unsure(self) -> frozenset[str]:
        """Files, and folders with all that is in them, that may hold what was in force of them."""
        return frozenset((*self.unread, *(problem.file for problem in self.problems)))


def is_within(file: str, names: frozenset[str]) -> bool:
    """Whether ``file``, a path in the repository, is one of ``names`` or in a folder of them."""
    folders_ = file.split("/")
    return any("/".join(folders_[: end + 1]) in names for end in range(len(folders_)))


@dataclass(frozen=True, slots=True)
class Applied:
    """One object that this source keeps in force."""

    __pydantic_config__ = CONFIG

    kind: str
    name: str
    file: str
    commit: str = ""


@dataclass(frozen=True, slots=True)
class Reported:
    """What the forge has of one Rollout: its newest commit and how far that came.

    ``pull_request``: the address of the one that would take that commit's change back.
    """

    __pydantic_config__ = CONFIG

    rollout: Annotated[str, Field(description="namespace/name")]
    commit: str
    state: CommitState
    pull_request: str = ""


@dataclass(frozen=True, slots=True)
class ForgeStatus:
    """What the forge was told; ``problem``: why it could not be the last time, empty: it could."""

    __pydantic_config__ = CONFIG

    problem: str = ""
    reported: tuple[Reported, ...] = ()

    def of(self, rollout: str) -> Reported | None:
        """What it has of that Rollout, ``namespace/name``."""
        return next((one for one in self.reported if one.rollout == rollout), None)


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """What is remembered of one source.

    ``commit``: the last one that was taken; ``held``: one that a person must accept first.
    ``problem``: why the repository could not be read the last time; empty when it could.
    ``notes``: what of ``commit`` was passed over, and why.
    ``observed_generation``: of the spec that ``commit`` was taken with.
    ``kinds``: apiVersions and kinds of the team's own objects, ``apps/v1 Deployment``.
    """

    __pydantic_config__ = CONFIG

    commit: str = ""
    author: str = ""
    held: str = ""
    problem: str = ""
    because: str = ""
    applied: tuple[Applied, ...] = ()
    rejected: tuple[Problem, ...] = ()
    observed_generation: int = 0
    notes: Annotated[
        tuple[str, ...], Field(description="what of the commit was passed over, and why")
    ] = ()
    kinds: Annotated[
        tuple[str, ...], Field(description="of the team's objects: where to look for what goes")
    ] = ()
    forge: ForgeStatus = ForgeStatus()
    signature: Annotated[
        Signature | None, Field(description="of ``commit``, where it has to have one")
    ] = None


@dataclass(frozen=True, slots=True)
class RolloutSource:
    """One RolloutSource object as the controller knows it.

    ``accept``: the commit that a person lets through although it is held (annotation).
    ``pushed``: when somebody last said that it should be read now (annotation), in any words.
    """

    name: str
    namespace: str
    uid: str
    generation: int
    spec: RolloutSourceSpec
    accept: str = ""
    pushed: str = ""
    status: SourceStatus = SourceStatus()

    @property
    def key(self) -> str:
        """``namespace/name``, as people write it."""
        return f"{self.namespace}/{self.name}"
