"""Which files a command reads, and what is in them: manifests of ours, and other objects beside."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from rollout import yamltext
from rollout.errors import ManifestError, why
from rollout.manifest import load, shapes
from rollout.manifest.load import Loaded, Manifest

Json = Mapping[str, Any]


KINDS: Mapping[str, str] = {
    "VirtualService": "networking.istio.io",
    "DestinationRule": "networking.istio.io",
    "Service": "",
    "Deployment": "apps",
    "ConfigMap": "",
    "Secret": "",
    "AnalysisTemplate": "rollout.dev",
    "HorizontalPodAutoscaler": "autoscaling",
    "Gateway": "networking.istio.io",
}
"""Kinds beside a Rollout that a journey reads or writes, and the API group of each.

Argo Rollouts has an AnalysisTemplate, Knative a Service, the Gateway API a Gateway of its own.
"""
STDIN = "stdin"
_ENDINGS = {".yaml", ".yml", ".json"}


@dataclass(frozen=True, slots=True)
class Given:
    """Everything that was given: what each file holds, and the objects beside our manifests.

    ``odd``: what of these objects cannot be read; a rehearsal with it would be of other ones.
    ``every``: all objects of Kubernetes, of whatever kind.
    """

    loaded: tuple[Loaded, ...]
    objs: tuple[Json, ...]
    odd: tuple[ManifestError, ...] = ()
    every: tuple[Json, ...] = ()

    @property
    def manifests(self) -> list[Manifest]:
        """Every valid manifest of ours, in the order of the files."""
        return [manifest for one in self.loaded for manifest in one.manifests]

    @property
    def errors(self) -> list[ManifestError]:
        """Every mistake of every manifest."""
        return [error for one in self.loaded for error in one.errors]

    @property
    def doubtful(self) -> list[str]:
        """What was passed over though its author may have meant us."""
        return [note for one in self.loaded for note in one.doubtful]


def read(paths: Iterable[Path]) -> Given:
    """What is in ``paths``; standard input for ``-``."""
    known = list(texts(paths))
    every = tuple(obj for _, data in known for obj in documents(data))
    return Given(
        tuple(load.text(name, data) for name, data in known),
        tuple(obj for obj in every if _is_read(obj)),
        tuple(error for name, data in known for error in _odd(name, data)),
        every,
    )


def _odd(name: str, data: bytes) -> Iterator[ManifestError]:
    if any(shapes.odd(obj) for obj in documents(data) if _is_read(obj)):
        yield from load.oddities(name, data)


def texts(paths: Iterable[Path]) -> Iterator[tuple[str, bytes]]:
    """Every file's name and bytes; ``stdin`` for what comes in by a pipe."""
    for path in files(paths):
        if str(path) == "-":
            yield STDIN, standard_input().read()
        else:
            yield str(path), _content(path)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        found = f"cannot be read: {why(error)}"
        raise ManifestError(str(path), 0, found, "a readable file is wanted") from error


def standard_input() -> BinaryIO:
    """What comes in by a pipe."""
    return sys.stdin.buffer


def files(paths: Iterable[Path]) -> Iterator[Path]:
    """Every manifest file at or below ``paths``, sorted within each; a file named is taken as is.

    Hidden folders are passed over.
    Errors: ``ManifestError`` for a link that leads out of the folder: whoever wrote the folder
    need not be who may read what it leads to, and no source follows links.
    """
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        below = (each for each in path.rglob("*") if each.suffix in _ENDINGS and each.is_file())
        for each in sorted(below):
            if any(part.startswith(".") for part in each.relative_to(path).parts):
                continue
            if not each.resolve().is_relative_to(path.resolve()):
                found = f"is a link that leads out of {path}"
                raise ManifestError(str(each), 0, found, "a file is wanted")
            yield each


def documents(data: bytes) -> Iterator[Json]:
    """The objects of Kubernetes in a file, of whatever kind; what is none is passed over."""
    # What cannot be read, load.text has said what is wrong with, or that it is none of ours.
    for one in yamltext.read(data) or ():
        for obj in items(one):
            if isinstance(obj, dict) and _is_object(obj):
                yield obj


def items(document: object) -> list[object]:
    """The objects of a List, or the document itself."""
    items = document.get("items") if isinstance(document, dict) else None
    is_list = isinstance(document, dict) and document.get("kind") == "List"
    return items if is_list and isinstance(items, list) else [document]


def _is_object(obj: Json) -> bool:
    metadata, kind = obj.get("metadata"), obj.get("kind")
    return isinstance(kind, str) and isinstance(metadata, dict) and bool(metadata.get("name"))


def _is_read(obj: Json) -> bool:
    """Whether it is of one of ``KINDS``, by its group as well as by its name."""
    version = obj.get("apiVersion")
    group = version.rpartition("/")[0] if isinstance(version, str) else ""
    return KINDS.get(obj["kind"]) == group
