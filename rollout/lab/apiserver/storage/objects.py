"""Reading and writing objects of a kind by the server's rules; what HTTP speaks to.

What comes back is the stored object itself, shared by all readers: never change it, make another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from rollout.lab.apiserver.fields.managed import Claim
from rollout.lab.apiserver.kinds.builtin import NAMESPACES
from rollout.lab.apiserver.kinds.kind import Kind
from rollout.lab.apiserver.problems import (
    already_exists,
    forbidden,
    not_found,
    with_cause,
)

from . import applying, metadata, writes
from .admission import Admission, Hook, admitted
from .ledger import JsonObject, Ledger, Stored
from .selectors import Selector
from .writes import Options

# Gets the object in the version that the client speaks, returns what it shall be.
Edit = Callable[[JsonObject], JsonObject]


@dataclass(slots=True)
class Objects:
    """``hooks`` see every write, in order; ``now`` is the clock.

    ``namespace`` is "" for cluster-scoped kinds. Every method raises a Problem.
    """

    ledger: Ledger
    now: Callable[[], datetime]
    hooks: list[Hook] = field(default_factory=list)

    def one(self, kind: Kind, namespace: str, name: str) -> Stored:
        """The object; raises a 404."""
        found = self.ledger.get(kind.bucket, namespace, name)
        if found is None:
            raise not_found(kind.subject(name))
        return found

    def rows(self, kind: Kind, namespace: str | None, chosen: Selector) -> Iterator[Stored]:
        """By namespace and name; ``namespace=None`` is all of them."""
        rows = self.ledger.rows(kind.bucket, namespace)
        return rows if chosen.everything else (row for row in rows if chosen.matches(row.object))

    def add(self, kind: Kind, namespace: str, document: JsonObject, options: Options) -> Stored:
        """The object as it was made; raises a 400, 409 AlreadyExists, 422, ..."""
        read = writes.read(document, kind, options)
        return self._add(kind, namespace, read, None, options)

    def replace(
        self, kind: Kind, namespace: str, name: str, document: JsonObject, options: Options
    ) -> Stored:
        """PUT; with a resourceVersion only if nobody wrote since (409)."""
        read = writes.read(document, kind, options)
        if kind.create_on_update and self.ledger.get(kind.bucket, namespace, name) is None:
            return self._add(kind, namespace, read, None, options)
        old = self.one(kind, namespace, name)
        carried = metadata.carried(old.object, read, kind, replacing=True)
        return self._change(kind, old, carried, None, options)

    def edit(self, kind: Kind, namespace: str, name: str, edit: Edit, options: Options) -> Stored:
        """PATCH; if ``edit`` sets a resourceVersion, only if nobody wrote since (409)."""
        old = self.one(kind, namespace, name)
        shown = kind.show(old.object, options.version or kind.storage)
        read = writes.read(edit(shown), kind, options)
        carried = metadata.carried(old.object, read, kind, replacing=False)
        return self._change(kind, old, carried, None, options)

    def apply(
        self, kind: Kind, namespace: str, name: str, document: JsonObject, options: Options
    ) -> tuple[Stored, bool]:
        """Server-side apply: the object, and whether this made it; raises a 409 with causes."""
        read = writes.read(document, kind, options)
        wanted = applying.applicable(read, kind, name, options.subresource)
        mine = writes.claim(kind, options, "Apply", self.now())
        old = self.ledger.get(kind.bucket, namespace, name)
        if old is None and options.subresource:
            raise not_found(kind.subject(name))
        if old is None:
            held = applying.first(wanted, kind, mine)
            return self._add(kind, namespace, wanted, held, options), True
        live = writes.in_version(old.object, kind, options)
        document, held = applying.onto(live, wanted, kind, mine, options)
        carried = metadata.carried(old.object, document, kind, replacing=False)
        return self._change(kind, old, carried, held, options), False

    def remove(self, kind: Kind, old: Stored, policy: str, options: Options) -> Stored:
        """The last state; with finalizers it stays, marked. ``policy``: propagationPolicy."""
        self._admitted("DELETE", kind, old.object, old.object, options)
        self._agreed("DELETE", kind, old.object, old.object, options)
        document = metadata.marked(old.object, kind, policy, metadata.stamp(self.now()))
        if document is old.object or options.dry_run:
            return old
        if document["metadata"].get("finalizers") or kind.resource == NAMESPACES.resource:
            return self.ledger.put(kind.bucket, document)
        return self.ledger.remove(kind.bucket, old.object)

    def _add(
        self,
        kind: Kind,
        namespace: str,
        document: JsonObject,
        held: Sequence[Claim] | None,
        options: Options,
    ) -> Stored:
        document = metadata.fresh(document, kind, namespace, self.now())
        name = document["metadata"]["name"]
        self._check_namespace(kind, namespace, name)
        if self.ledger.get(kind.bucket, namespace, name) is not None:
            raise already_exists(kind.subject(name))
        document = writes.conformed(writes.without_status(document, kind), kind, options)
        document = kind.prepare(document, None) if kind.prepare else document
        document = self._admitted("CREATE", kind, document, None, options)
        document = writes.validated(document, kind, options)
        self._agreed("CREATE", kind, document, None, options)
        document = writes.stored_form(document, kind)
        if held is None:
            mine = writes.claim(kind, options, "Update", self.now())
            document = writes.managed(None, writes.with_claims(document, []), kind, mine)
        else:
            document = writes.with_claims(document, held)
        return self._put(kind, document, options)

    def _check_namespace(self, kind: Kind, namespace: str, name: str) -> None:
        if not kind.namespaced:
            return
        found = self.ledger.get(NAMESPACES.bucket, "", namespace)
        if found is None:
            raise not_found(NAMESPACES.subject(namespace))
        if "deletionTimestamp" in found.object["metadata"]:
            going = f"namespace {namespace} is being terminated"
            why = going.replace("namespace", "unable to create new content in namespace", 1)
            refused = forbidden(kind.subject(name), why.replace(" is", " because it is", 1))
            raise with_cause(refused, "NamespaceTerminating", "metadata.namespace", going)

    def _change(
        self,
        kind: Kind,
        old: Stored,
        document: JsonObject,
        held: Sequence[Claim] | None,
        options: Options,
    ) -> Stored:
        document = writes.one_side(old.object, document, kind, options.subresource)
        document = writes.conformed(document, kind, options)
        document = kind.prepare(document, old.object) if kind.prepare else document
        document = self._admitted("UPDATE", kind, document, old.object, options)
        document = writes.validated(document, kind, options)
        self._agreed("UPDATE", kind, document, old.object, options)
        document = writes.stored_form(document, kind)
        document = writes.counted(old.object, document, kind)
        if held is None:
            mine = writes.claim(kind, options, "Update", self.now())
            document = writes.managed(old.object, document, kind, mine)
        else:
            held = applying.with_old_times(held, old.object, document)
            document = writes.with_claims(document, held)
        return old if document == old.object else self._put(kind, document, options)

    def _put(self, kind: Kind, document: JsonObject, options: Options) -> Stored:
        if options.dry_run:
            return Stored(document, self.ledger.revision)
        if writes.is_let_go(document) and kind.resource != NAMESPACES.resource:
            return self.ledger.remove(kind.bucket, document)
        return self.ledger.put(kind.bucket, document)

    def _admitted(
        self,
        operation: str,
        kind: Kind,
        document: JsonObject,
        old: JsonObject | None,
        options: Options,
    ) -> JsonObject:
        about = Admission(operation, kind.resource, options, document, old)
        document = admitted(tuple(self.hooks), about)
        if options.gate is None:
            return document
        wanted = options.gate.mutate(replace(about, object=document))
        return document if wanted is document else writes.conformed(wanted, kind, options)

    def _agreed(
        self,
        operation: str,
        kind: Kind,
        document: JsonObject,
        old: JsonObject | None,
        options: Options,
    ) -> None:
        if options.gate is not None:
            about = Admission(operation, kind.resource, options, document, old)
            options.gate.validate(about)
