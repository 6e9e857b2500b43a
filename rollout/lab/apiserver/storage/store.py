"""The objects for those who run in the same process: the lab's own components, and tests.

A kind is named by ``plural.group`` (``pods``, ``deployments.apps``). What comes back is the stored
object itself, shared by all readers: never change it, make another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from rollout.lab.apiserver.kinds import definition
from rollout.lab.apiserver.kinds.builtin import DEFINITIONS, KINDS
from rollout.lab.apiserver.kinds.kind import Kind, Kinds
from rollout.lab.apiserver.kinds.tables import utc_now

from .admission import Hook
from .ledger import Change, JsonObject, Ledger
from .objects import Edit, Objects
from .selectors import selector
from .writes import Options

PLAIN = Options()


class Store:
    """``history``: how many changes of each kind a watch may be behind; ``now`` is the clock."""

    def __init__(self, history: int = 10_000, now: Callable[[], datetime] = utc_now) -> None:
        self.kinds = Kinds(KINDS)
        self.ledger = Ledger(history)
        self.objects = Objects(self.ledger, now)
        self.ledger.listen(self._follow_definitions)

    @property
    def hooks(self) -> list[Hook]:
        """What may look at every write, change it or refuse it; append a function."""
        return self.objects.hooks

    def get(self, resource: str, namespace: str, name: str) -> JsonObject:
        """One object; raises a 404. ``namespace`` is "" for cluster-scoped kinds."""
        return self.objects.one(self.kinds.named(resource), namespace, name).object

    def list(
        self, resource: str, namespace: str | None = None, labels: str = ""
    ) -> Sequence[JsonObject]:
        """By namespace and name; ``namespace=None`` is all; ``labels`` is a selector."""
        kind = self.kinds.named(resource)
        chosen = selector(labels, "", kind.field_selectors)
        return [found.object for found in self.objects.rows(kind, namespace, chosen)]

    def create(self, resource: str, document: JsonObject, options: Options = PLAIN) -> JsonObject:
        """The object as it was stored; raises a Problem (409 AlreadyExists, 422, ...)."""
        kind = self.kinds.named(resource)
        return self.objects.add(kind, _space(kind, document), document, options).object

    def update(self, resource: str, document: JsonObject, options: Options = PLAIN) -> JsonObject:
        """Replace an object; with a resourceVersion in it, only if nobody wrote since (409)."""
        kind, name = self.kinds.named(resource), document["metadata"]["name"]
        space = _space(kind, document)
        return self.objects.replace(kind, space, name, document, options).object

    def patch(
        self, resource: str, namespace: str, name: str, edit: Edit, options: Options = PLAIN
    ) -> JsonObject:
        """``edit`` gets the object and returns what it shall be: another dict, not the same.

        ``Options(subresource="status")`` writes the status, and nothing else.
        """
        return self.objects.edit(self.kinds.named(resource), namespace, name, edit, options).object

    def delete(
        self, resource: str, namespace: str, name: str, options: Options = PLAIN, policy: str = ""
    ) -> JsonObject:
        """The last state; with finalizers it stays, marked. ``policy``: propagationPolicy."""
        kind = self.kinds.named(resource)
        found = self.objects.one(kind, namespace, name)
        return self.objects.remove(kind, found, policy, options).object

    def subscribe(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Call ``listener`` on every change of every kind, at once; returns the way out of it."""
        return self.ledger.listen(listener)

    def _follow_definitions(self, change: Change) -> None:
        if change.bucket != DEFINITIONS.bucket:
            return
        kind = definition.kind_of(change.stored.object)
        if change.type == "DELETED":
            self.kinds.drop(kind.resource)
        else:
            self.kinds.add(kind)


def _space(kind: Kind, document: JsonObject) -> str:
    sent = document.get("metadata") or {}
    return (sent.get("namespace") or "default") if kind.namespaced else ""
