"""A team's own objects beside ours, as they go to the cluster: Deployments, Services, routes.

Nothing but their envelope is known here; what they mean is the API server's to say.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from rollout.errors import ManifestError
from rollout.manifest import envelope, load, scan
from rollout.manifest.scan import Mistake, Path, YamlDocument, show
from rollout.model.spec import GROUP

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")  # RFC 1123, a subdomain
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_VERSION = re.compile(r"([a-z0-9][-a-z0-9.]{0,251}/)?v[a-z0-9]{1,62}")
_KIND = re.compile(r"[A-Z][A-Za-z0-9]{0,62}")
_SERVERS = ("status",)  # what only a server writes, and exports leave in files
_SERVERS_METADATA = (
    *("creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid"),
)
_METADATA = ("name", "namespace", "labels", "annotations")
_RENDERED = ("kustomize.config.k8s.io",)  # files that are input of a tool, not objects


@dataclass(frozen=True, slots=True)
class Stranger:
    """One object that is not ours; ``body``: as written, without what only a server writes."""

    api_version: str
    kind: str
    name: str
    namespace: str
    body: Mapping[str, Any]
    file: str
    line: int


def strangers(file: str, data: bytes) -> tuple[tuple[Stranger, ...], tuple[ManifestError, ...]]:
    """The objects in ``data`` that are not ours, and what is wrong with them; never raises."""
    try:
        documents = scan.documents(file, data)
    except ManifestError as error:
        return (), (error,)
    made: list[Stranger] = []
    errors: list[ManifestError] = []
    for document in documents:
        for base in load.parts(document):
            value = load.at(document.value, base)
            if value is None or not envelope.stranger(value):
                continue
            mistakes = [*_scanned(document, base), *_mistakes(value)]
            errors += load.located(file, document, base, [_under(base, one) for one in mistakes])
            if not mistakes:
                made.append(_stranger(file, document.line(base), value))
    return tuple(made), tuple(errors)


def _scanned(document: YamlDocument, base: Path) -> Iterator[Mistake]:
    for one in document.mistakes:
        if one.path[: len(base)] == base:
            yield replace(one, path=one.path[len(base) :])


def _under(base: Path, mistake: Mistake) -> Mistake:
    return replace(mistake, path=(*base, *mistake.path))


def _mistakes(value: object) -> Iterator[Mistake]:
    if not isinstance(value, Mapping) or not {"apiVersion", "kind"} & value.keys():
        yield Mistake(
            (), "is no Kubernetes object", "a folder of manifests alone is wanted in path"
        )
        return
    version, kind = value.get("apiVersion"), value.get("kind")
    if isinstance(version, str) and version.partition("/")[0] in _RENDERED:
        wanted = "write what it renders into git: kustomize is not run here"
        yield Mistake(("kind",), f"is {show(kind)}", wanted)
        return
    if not isinstance(version, str) or _VERSION.fullmatch(version) is None:
        yield Mistake(("apiVersion",), f"is {show(version)}", "a version like apps/v1 is wanted")
    if not isinstance(kind, str) or _KIND.fullmatch(kind) is None:
        yield Mistake(("kind",), f"is {show(kind)}", "a kind like Deployment is wanted")
    metadata = value.get("metadata")
    if not isinstance(metadata, Mapping):
        yield Mistake(("metadata",), "is missing or no mapping", "metadata with a name is wanted")
    else:
        yield from _metadata(metadata)


def _metadata(value: Mapping[str, Any]) -> Iterator[Mistake]:
    for key in value:
        if key not in (*_METADATA, *_SERVERS_METADATA):
            yield Mistake(("metadata", key), "is not taken from git", "leave it out")
    name, namespace = value.get("name"), value.get("namespace", "x")
    if not isinstance(name, str) or _NAME.fullmatch(name) is None:
        yield Mistake(("metadata", "name"), f"is {show(name)}", "a-z, 0-9, - and . are wanted")
    if not isinstance(namespace, str) or _NAMESPACE.fullmatch(namespace) is None:
        yield Mistake(
            ("metadata", "namespace"), f"is {show(namespace)}", "a-z, 0-9 and - are wanted"
        )
    for field in ("labels", "annotations"):
        words = value.get(field)
        if words is not None and not isinstance(words, Mapping):
            yield Mistake(("metadata", field), f"is {show(words)}", "a mapping is wanted")
        for key, word in (words or {}).items() if isinstance(words, Mapping) else ():
            if not isinstance(word, str):
                wanted = "text is wanted: put it in quotes"
                yield Mistake(("metadata", field, key), f"is {show(word)}", wanted)
            elif str(key).partition("/")[0] == GROUP and "/" in str(key):
                wanted = "leave it out"
                yield Mistake(("metadata", field, key), "is the controller's to write", wanted)


def _stranger(file: str, line: int, value: Mapping[str, Any]) -> Stranger:
    metadata = {k: v for k, v in value["metadata"].items() if k in _METADATA and v is not None}
    kept = {key: part for key, part in value.items() if key not in _SERVERS}
    body = {**kept, "metadata": metadata}
    name, namespace = str(metadata["name"]), str(metadata.get("namespace", ""))
    return Stranger(str(value["apiVersion"]), str(value["kind"]), name, namespace, body, file, line)
