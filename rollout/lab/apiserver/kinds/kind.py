"""What is particular to a kind, as data; the rules that read it are in ``storage``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from rollout.lab.apiserver.fields.shape import ANY, Shape
from rollout.lab.apiserver.problems import Cause, Subject

JsonObject = dict[str, Any]

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True, slots=True)
class Scale:
    """Where ``/scale`` reads and writes; dotted paths without a leading dot."""

    replicas: str = "spec.replicas"
    status: str = "status.replicas"
    selector: str = "spec.selector"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table; ``path`` is a JSONPath or a function from object to cell.

    ``priority`` above 0 is shown by ``kubectl get -o wide`` only.
    """

    name: str
    path: str | Callable[[JsonObject], Any]
    type: str = "string"
    priority: int = 0
    description: str = ""
    format: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """How a kind that shares another's storage shows what is stored, and reads what it is sent."""

    show: Callable[[JsonObject], JsonObject]
    read: Callable[[JsonObject], JsonObject]


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """One kind of object.

    ``versions``: all served, the preferred one first; ``storage`` is the one objects are kept in.
    ``schemas``: by version, for custom resources; a kind without one is taken as it comes.
    ``status``: status is written through ``/status`` only.
    ``generation``: counted; a change of anything but metadata (and status) raises it.
    ``unconditional``: may be replaced without a resourceVersion.
    ``create_on_update``: a PUT of a name that does not exist creates it.
    ``defaults``: laid under what is written, for built-in kinds; dotted paths, ``[]`` is each item.
    ``selectable``: field selectors besides metadata.name and metadata.namespace.
    ``shape``: how its lists merge. ``columns``: by version; "" is any. ``required``: dotted paths.
    ``kept_with``: the resource whose storage it shares; ``view`` is then how it shows the objects.
    ``prepare``: what a write fills in (a Service's clusterIP) or refuses; gets the object as it
    shall be and as it was (None for a create), and returns it as it will be.
    ``check``: what is wrong with an object as it will be stored, beside what is missing.
    """

    group: str
    versions: tuple[str, ...]
    kind: str
    plural: str
    namespaced: bool = True
    short: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    status: bool = False
    scale: Scale | None = None
    generation: bool = False
    unconditional: bool = True
    create_on_update: bool = False
    builtin: bool = True
    shape: Shape = ANY
    schemas: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    columns: Mapping[str, tuple[Column, ...]] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    selectable: tuple[str, ...] = ()
    prepare: Callable[[JsonObject, JsonObject | None], JsonObject] | None = None
    check: Callable[[JsonObject], list[Cause]] | None = None
    storage_version: str = ""
    list_kind: str = ""
    singular: str = ""
    kept_with: str = ""
    view: View | None = None

    @property
    def storage(self) -> str:
        return self.storage_version or self.versions[0]

    @property
    def bucket(self) -> str:
        """The key of the kind's storage: ``deployments.apps``, ``pods``."""
        return self.kept_with or self.resource

    @property
    def resource(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def list_name(self) -> str:
        return self.list_kind or f"{self.kind}List"

    @property
    def field_selectors(self) -> tuple[str, ...]:
        names = ("metadata.name", "metadata.namespace") if self.namespaced else ("metadata.name",)
        return names + self.selectable

    def api_version(self, version: str) -> str:
        return f"{self.group}/{version}" if self.group else version

    def subject(self, name: str = "") -> Subject:
        return Subject(self.group, self.plural, self.kind, name)

    def show(self, document: JsonObject, version: str) -> JsonObject:
        """The stored object as ``version`` shows it."""
        if self.view is not None:
            return self.view.show(document)
        wanted = self.api_version(version)
        if document["apiVersion"] == wanted:
            return document
        return {**document, "apiVersion": wanted}

    def read(self, document: JsonObject) -> JsonObject:
        """What a client sent, as it is stored."""
        if self.view is not None:
            return self.view.read(document)
        return {**document, "apiVersion": self.api_version(self.storage), "kind": self.kind}


class Kinds:
    """All kinds the server has at the moment; custom ones come and go."""

    def __init__(self, builtin: Iterable[Kind]) -> None:
        self._by_path: dict[tuple[str, str, str], Kind] = {}
        self._kinds: dict[str, Kind] = {}
        for kind in builtin:
            self.add(kind)

    def __iter__(self) -> Iterator[Kind]:
        return iter(self._kinds.values())

    def add(self, kind: Kind) -> None:
        """``kind`` is served from now on; an older one of the same resource no longer."""
        self.drop(kind.resource)
        self._kinds[kind.resource] = kind
        for version in kind.versions:
            self._by_path[kind.group, version, kind.plural] = kind

    def drop(self, resource: str) -> None:
        """``resource`` (``plural.group``) is not served any more."""
        old = self._kinds.pop(resource, None)
        if old is not None:
            for version in old.versions:
                del self._by_path[old.group, version, old.plural]

    def at(self, group: str, version: str, plural: str) -> Kind | None:
        return self._by_path.get((group, version, plural))

    def named(self, resource: str) -> Kind:
        """By ``plural.group``; a KeyError is a mistake of ours, never a client's."""
        return self._kinds[resource]

    def of_bucket(self, bucket: str) -> Kind | None:
        return self._kinds.get(bucket)

    def groups(self) -> dict[str, list[str]]:
        """Versions by group, the core group ``""`` first, newest version first."""
        found: dict[str, list[str]] = {}
        for kind in self:
            versions = found.setdefault(kind.group, [])
            versions.extend(v for v in kind.versions if v not in versions)
        return {group: sorted(found[group], key=version_order) for group in sorted(found)}

    def in_version(self, group: str, version: str) -> list[Kind]:
        return [k for k in self if k.group == group and version in k.versions]


def version_order(version: str) -> tuple[int, int, int, str]:
    """Sorts v2 before v1 before v1beta1 before v1alpha3 before anything else.

    Source: Kubernetes docs, "Versions in CustomResourceDefinitions", section "Version priority".
    """
    found = re.fullmatch(r"v(\d+)(?:(alpha|beta)(\d+))?", version)
    if found is None:
        return (9, 0, 0, version)
    stage = {None: 0, "beta": 1, "alpha": 2}[found[2]]
    return (stage, -int(found[1]), -int(found[3] or 0), version)
