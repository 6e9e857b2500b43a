"""What a commit asks of the cluster, decided from plain values; nothing is written here.

Each document is in force afterwards, or has its recorded reason why not. What git said last that
could be read stays in force: a file that is refused changes nothing.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from rollout.controller.keeping.swap import unchanged
from rollout.controller.sources import consent
from rollout.manifest import objects
from rollout.model.source import (
    LABEL,
    Document,
    Problem,
    Reading,
    Relation,
    RolloutSource,
    is_within,
)
from rollout.model.spec import GROUP, VERSION
from rollout.model.units import counted

FILE = f"{GROUP}/file"
APPLIED = ("AnalysisTemplate", "Rollout")
"""Kinds that a source may write, in the order of writing: a Rollout finds its templates there."""

Json = Mapping[str, Any]
Key = tuple[str, str, str]
"""Kind, namespace, name."""


@dataclass(frozen=True, slots=True)
class Write:
    """One write: ``body`` is an object to create, a JSON Patch's operations, or a uid that goes."""

    verb: Literal["create", "patch", "delete"]
    key: Key
    body: Any = None
    file: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class ApplyPlan:
    """What one reading comes to.

    ``held``: why a person must accept the commit first; nothing is written then.
    ``kept``: the documents in force, written now or before.
    ``eased``: what stays as it was, since the commit would ask less of people who approve.
    """

    writes: tuple[Write, ...] = ()
    kept: tuple[Document, ...] = ()
    rejected: tuple[Problem, ...] = ()
    eased: tuple[Problem, ...] = ()
    held: str = ""


@dataclass(frozen=True, slots=True)
class Ground:
    """Where a source may write: ``present`` are the objects there of the kinds in ``APPLIED``.

    ``abroad``: namespaces besides its own, from the controller's configuration.
    ``sources``: the labels of all sources that there are.
    """

    present: Mapping[Key, Json]
    abroad: frozenset[str] = field(default_factory=frozenset)
    sources: Collection[str] = frozenset()


def plan(source: RolloutSource, reading: Reading, ground: Ground) -> ApplyPlan:
    """What ``reading`` asks; applying the same commit twice asks for nothing."""
    owned = {key for key, obj in ground.present.items() if _owner(obj) == label(source)}
    kept, rejected = _sorted_out(source, reading, ground)
    kept, eased = _consented(source, reading, kept, ground)
    writes = [
        write
        for document in sorted(kept, key=lambda one: APPLIED.index(one.kind))
        for write in _write(source, document, ground)
    ]
    if source.spec.prune:
        named = {_key(source, document) for document in reading.documents}
        prunes, staying = _consented_prunes(source, reading, ground, owned - named)
        writes, eased = [*writes, *prunes], (*eased, *staying)
    if why := _hold(source, reading, owned, changes=bool(writes)):
        return ApplyPlan(held=why)
    return ApplyPlan(tuple(writes), kept, (*reading.problems, *rejected), eased)


def _hold(source: RolloutSource, reading: Reading, owned: set[Key], *, changes: bool) -> str:
    """Why the commit is not obeyed without a person; empty when it is.

    A changed spec of the source, another ref for instance, was a person's word already; but
    that everything vanishes is asked about always, as a mistyped path looks the same. Going back
    ``changes`` nothing where what was pushed since was refused: that is no rewind.
    """
    if source.accept == reading.commit:
        return ""
    changed = source.generation != source.status.observed_generation
    if changes and not changed and reading.relation is Relation.REWIND:
        return "is behind the one in force (non-fast-forward)"
    if changes and not changed and reading.relation is Relation.UNRELATED:
        return "does not follow the one in force: history was rewritten"
    in_force = len(owned) or len(source.status.applied)
    if in_force and not reading.documents and not reading.parts and not reading.problems:
        return f"has none of the {counted(in_force, 'manifest')} in force"
    return ""


def _consented(
    source: RolloutSource, reading: Reading, documents: tuple[Document, ...], ground: Ground
) -> tuple[tuple[Document, ...], tuple[Problem, ...]]:
    """The documents with the approvals that stay as they were, and where they were to be eased."""
    if source.accept == reading.commit:
        return documents, ()
    found, eased = [], []
    for document in documents:
        key = _key(source, document)
        taken, why = consent.kept(document, ground.present.get(key))
        found.append(taken)
        if why:
            message = f"{document.file}:{document.line}: rollout {key[2]} {why}"
            eased.append(Problem(document.file, document.line, message))
    return tuple(found), tuple(eased)


def _consented_prunes(
    source: RolloutSource, reading: Reading, ground: Ground, gone: set[Key]
) -> tuple[Sequence[Write], Sequence[Problem]]:
    """Deletions that take no approval with them, or were let through; and those that wait."""
    prunes, staying = [], []
    for write in _prunes(gone, reading, ground):
        why = "" if source.accept == reading.commit else consent.lost(ground.present[write.key])
        if why:
            staying.append(Problem(write.file, 0, f"{write.file}: rollout {write.key[2]} {why}"))
        else:
            prunes.append(write)
    return prunes, staying


def label(source: RolloutSource) -> str:
    """What marks an object as this source's: a label value, so at most 63 characters."""
    return label_of(source.namespace, source.name)


def label_of(namespace: str, name: str) -> str:
    """The same, of the source of that name."""
    text = f"{namespace}.{name}"
    if len(text) <= 63:
        return text
    return f"{text[:50]}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def labels(sources: Iterable[Json]) -> frozenset[str]:
    """The labels of the objects ``sources``."""
    return frozenset(
        label_of(obj["metadata"]["namespace"], obj["metadata"]["name"]) for obj in sources
    )


def is_anothers(source: RolloutSource, owner: str, sources: Collection[str]) -> bool:
    """Whether what has the label's value ``owner`` belongs to another of the ``sources``.

    What a source of the same namespace left, which is gone (renamed, most often), is whose git has
    it now; of other namespaces nobody here can tell.
    """
    if owner in ("", label(source)):
        return False
    return owner in sources or not owner.startswith(f"{source.namespace}.")


def _owner(obj: Json) -> str:
    return str((obj["metadata"].get("labels") or {}).get(LABEL, ""))


def _key(source: RolloutSource, document: Document) -> Key:
    return document.kind, document.namespace or source.namespace, document.name


def _sorted_out(
    source: RolloutSource, reading: Reading, ground: Ground
) -> tuple[tuple[Document, ...], tuple[Problem, ...]]:
    """The documents that may be applied, and why the others may not."""
    kept: dict[Key, Document] = {}
    rejected = []
    for document in reading.documents:
        key = _key(source, document)
        why = _refusal(source, document, ground, kept.get(key))
        if why:
            message = f"{document.file}:{document.line}: {key[0].lower()} {key[2]} {why}"
            rejected.append(Problem(document.file, document.line, message))
        else:
            kept[key] = document
    return tuple(kept.values()), tuple(rejected)


def _refusal(
    source: RolloutSource, document: Document, ground: Ground, first: Document | None
) -> str:
    kind, namespace, name = _key(source, document)
    if kind not in APPLIED:
        return "is not taken from git; apply it by hand"
    if namespace != source.namespace and namespace not in ground.abroad:
        return f"wants namespace {namespace}; this source writes into {source.namespace} only"
    if first is not None:
        return f"stands in {first.file}:{first.line} already; one definition is wanted"
    owner = _owner(ground.present.get((kind, namespace, name), {"metadata": {}}))
    if is_anothers(source, owner, ground.sources):
        return f"belongs to source {owner}; one source is wanted"
    return ""


def _write(source: RolloutSource, document: Document, ground: Ground) -> Iterator[Write]:
    key = _key(source, document)
    labels, annotations = _marks(source, document)
    obj = ground.present.get(key)
    if obj is None:
        kind, namespace, name = key
        body = {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": kind,
            "metadata": {
                "name": name,
                "namespace": namespace,
                "labels": labels,
                "annotations": annotations,
            },
            "spec": document.spec,
        }
        yield Write("create", key, body, document.file, document.line)
    elif not _is_in_force(obj, document, labels, annotations):
        ops = _patch(obj, document, labels, annotations)
        yield Write("patch", key, ops, document.file, document.line)


def _marks(source: RolloutSource, document: Document) -> tuple[dict[str, str], dict[str, str]]:
    """The labels and annotations that the object gets: the manifest's own, and ours."""
    labels = {**(document.metadata.get("labels") or {}), LABEL: label(source)}
    annotations = {
        **(document.metadata.get("annotations") or {}),
        objects.COMMIT: document.commit,
        objects.AUTHOR: document.author,
        FILE: document.file,
    }
    return labels, annotations


_STORY = (objects.COMMIT, objects.AUTHOR, FILE)
"""Annotations that tell where the content came from; alone they are no reason to write, but for
an author whom the commit does not have: somebody wrote that by hand, and four eyes ask for it."""


def _is_in_force(
    obj: Json, document: Document, labels: Mapping[str, str], annotations: Mapping[str, str]
) -> bool:
    has = obj["metadata"].get("labels") or {}, obj["metadata"].get("annotations") or {}
    wanted = {key: value for key, value in annotations.items() if key not in _STORY}
    return bool(
        obj.get("spec") == document.spec
        and labels.items() <= has[0].items()
        and wanted.items() <= has[1].items()
        and objects.COMMIT in has[1]
        and not (has[1][objects.COMMIT] == document.commit and _is_false(has[1], document))
    )


def _is_false(annotations: Mapping[str, str], document: Document) -> bool:
    return annotations.get(objects.AUTHOR) != document.author


def _patch(
    obj: Json, document: Document, labels: Mapping[str, str], annotations: Mapping[str, str]
) -> list[Json]:
    """The operations that bring about the manifest; the status and what others wrote stay."""
    ops: list[Json] = [unchanged(obj), {"op": "add", "path": "/spec", "value": document.spec}]
    for field_, values in (("labels", labels), ("annotations", annotations)):
        whole = {**(obj["metadata"].get(field_) or {}), **values}
        ops.append({"op": "add", "path": f"/metadata/{field_}", "value": whole})
    return ops


def _prunes(gone: set[Key], reading: Reading, ground: Ground) -> Sequence[Write]:
    """Deletions of what git has no more; what could not be read may still hold it."""
    found = []
    for key in sorted(gone):
        meta = ground.present[key]["metadata"]
        file = str((meta.get("annotations") or {}).get(FILE, ""))
        if not is_within(file, reading.unsure):
            found.append(Write("delete", key, str(meta.get("uid", "")), file))
    return found
