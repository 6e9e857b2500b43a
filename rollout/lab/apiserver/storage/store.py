"""The objects, and the rules by which they are read and written; what HTTP and the lab both use.

A kind is named by ``plural.group`` (``pods``, ``deployments.apps``). What comes back is the stored
object itself, shared by all readers: never change it, make another.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from rollout.lab.apiserver.fields import apply as fields_apply
from rollout.lab.apiserver.fields.managed import Claim, Writer, claims
from rollout.lab.apiserver.fields.sets import Fields, members
from rollout.lab.apiserver.kinds import definition
from rollout.lab.apiserver.kinds.builtin import DEFINITIONS, KINDS, NAMESPACES
from rollout.lab.apiserver.kinds.kind import Kind, Kinds
from rollout.lab.apiserver.kinds.tables import utc_now
from rollout.lab.apiserver.problems import (
    Cause,
    Problem,
    already_exists,
    bad_request,
    conflict,
    field_conflict,
    forbidden,
    not_found,
)

from . import metadata, writes
from .admission import Admission, Hook
from .ledger import Change, JsonObject, Ledger, Stored
from .selectors import Selector, selector
from .writes import Options

PLAIN = Options()
Edit = Callable[[JsonObject], Any]


class Store:
    """``history``: how many changes of each kind a watch may be behind.

    ``hooks`` see every write, in order; ``now`` is the clock.
    """

    def __init__(self, history: int = 10_000, now: Callable[[], datetime] = utc_now) -> None:
        self.kinds = Kinds(KINDS)
        self.ledger = Ledger(history)
        self.hooks: list[Hook] = []
        self.now = now
        self.ledger.listen(self._follow_definitions)

    def get(self, resource: str, namespace: str, name: str) -> JsonObject:
        """One object; raises a 404. ``namespace`` is "" for cluster-scoped kinds."""
        return self.stored(self.kinds.named(resource), namespace, name).object

    def stored(self, kind: Kind, namespace: str, name: str) -> Stored:
        found = self.ledger.get(kind.bucket, namespace, name)
        if found is None:
            raise not_found(kind.subject(name))
        return found

    def list(
        self, resource: str, namespace: str | None = None, labels: str = ""
    ) -> Sequence[JsonObject]:
        """By namespace and name; ``namespace=None`` is all of them."""
        kind = self.kinds.named(resource)
        chosen = selector(labels, "", kind.field_selectors)
        return [found.object for found in self.rows(kind, namespace, chosen)]

    def rows(self, kind: Kind, namespace: str | None, chosen: Selector) -> Iterator[Stored]:
        rows = self.ledger.rows(kind.bucket, namespace)
        return rows if chosen.everything else (row for row in rows if chosen.matches(row.object))

    def create(self, resource: str, document: JsonObject, options: Options = PLAIN) -> JsonObject:
        """The object as it was stored; raises a Problem (409 AlreadyExists, 422, ...)."""
        kind = self.kinds.named(resource)
        sent = document.get("metadata") or {}
        space = sent.get("namespace") or "default"
        return self.added(kind, space if kind.namespaced else "", document, options).object

    def added(self, kind: Kind, namespace: str, document: JsonObject, options: Options) -> Stored:
        document = metadata.check_kind(document, kind, options.version or kind.storage)
        if kind.view is not None:
            document = kind.view.read(document)
        return self._added(kind, namespace, document, None, options)

    def _added(
        self,
        kind: Kind,
        namespace: str,
        document: JsonObject,
        held: Sequence[Claim] | None,
        options: Options,
    ) -> Stored:
        document = metadata.fresh(document, kind, namespace, self.now())
        name = document["metadata"]["name"]
        self._check_space(kind, namespace, document)
        if self.ledger.get(kind.bucket, namespace, name) is not None:
            raise already_exists(kind.subject(name))
        document = writes.without_status(document, kind)
        document = writes.conformed(document, kind, options)
        document = kind.prepare(document, None) if kind.prepare else document
        document = self._admitted("CREATE", kind, document, None, options)
        document = writes.validated(document, kind, options)
        document = self._stored_form(kind, document)
        mine = writes.claim(kind, options, "Update", self.now())
        document = (
            writes.managed(
                None,
                {**document, "metadata": {**document["metadata"], "managedFields": []}},
                kind,
                mine,
            )
            if held is None
            else writes.with_claims(document, held)
        )
        return self._put(kind, document, options)

    def _stored_form(self, kind: Kind, document: JsonObject) -> JsonObject:
        if kind.view is not None:
            return document
        wanted = kind.api_version(kind.storage)
        return document if document["apiVersion"] == wanted else {**document, "apiVersion": wanted}

    def _check_space(self, kind: Kind, namespace: str, document: JsonObject) -> None:
        if not kind.namespaced:
            return
        found = self.ledger.get(NAMESPACES.bucket, "", namespace)
        if found is None:
            raise not_found(NAMESPACES.subject(namespace))
        if "deletionTimestamp" in found.object["metadata"]:
            name = document["metadata"]["name"]
            why = f"unable to create new content in namespace {namespace} because it is being terminated"
            raise _with_cause(forbidden(kind.subject(name), why), namespace)

    def update(self, resource: str, document: JsonObject, options: Options = PLAIN) -> JsonObject:
        """Replace an object; with a resourceVersion in it, only if nobody wrote since (409)."""
        kind = self.kinds.named(resource)
        sent = document["metadata"]
        space = (sent.get("namespace") or "default") if kind.namespaced else ""
        return self.replaced(kind, space, sent["name"], document, options).object

    def replaced(
        self, kind: Kind, namespace: str, name: str, document: JsonObject, options: Options
    ) -> Stored:
        document = metadata.check_kind(document, kind, options.version or kind.storage)
        document = kind.view.read(document) if kind.view else document
        if self.ledger.get(kind.bucket, namespace, name) is None and kind.create_on_update:
            return self._added(kind, namespace, document, None, options)
        old = self.stored(kind, namespace, name)
        carried = metadata.carried(old.object, document, kind, replacing=True)
        return self._changed(kind, old, carried, None, options)

    def patch(
        self, resource: str, namespace: str, name: str, edit: Edit, options: Options = PLAIN
    ) -> JsonObject:
        """``edit`` gets the object and returns what it shall be; raises a Problem."""
        return self.edited(self.kinds.named(resource), namespace, name, edit, options).object

    def edited(self, kind: Kind, namespace: str, name: str, edit: Edit, options: Options) -> Stored:
        old = self.stored(kind, namespace, name)
        version = options.version or kind.storage
        shown = kind.show(old.object, version)
        new = metadata.check_kind(edit(shown), kind, version)
        new = kind.view.read(new) if kind.view else new
        carried = metadata.carried(old.object, new, kind, replacing=False)
        return self._changed(kind, old, carried, None, options)

    def applied(
        self, kind: Kind, namespace: str, name: str, wanted: JsonObject, options: Options
    ) -> tuple[Stored, bool]:
        """Server-side apply; the object, and whether it was made by it. Raises a 409 with causes."""
        wanted = metadata.check_kind(wanted, kind, options.version or kind.storage)
        if wanted["metadata"].get("managedFields"):
            raise bad_request("metadata.managedFields must be nil")
        wanted = _applicable(wanted, kind, name, options.subresource)
        mine = writes.claim(kind, options, "Apply", self.now())
        old = self.ledger.get(kind.bucket, namespace, name)
        if old is None:
            return self._apply_new(kind, namespace, wanted, mine, options), True
        self._check_applied_revision(kind, old, wanted)
        held = claims(old.object["metadata"].get("managedFields"))
        live = kind.show(old.object, options.version or kind.storage)
        outcome = fields_apply.apply(live, _bare(wanted), mine, held, kind.shape)
        if outcome.conflicts and not options.force:
            raise field_conflict(
                [c for who, what in outcome.conflicts for c in _conflict(who, what)]
            )
        document = metadata.carried(old.object, outcome.object, kind, replacing=False)
        return self._changed(kind, old, document, outcome.claims, options), False

    def _apply_new(
        self, kind: Kind, namespace: str, wanted: JsonObject, mine: Claim, options: Options
    ) -> Stored:
        if options.subresource:
            raise not_found(kind.subject(wanted["metadata"]["name"]))
        fields = fields_apply.apply({}, _bare(wanted), mine, [], kind.shape).claims
        return self._added(kind, namespace, wanted, fields, options)

    def _check_applied_revision(self, kind: Kind, old: Stored, wanted: JsonObject) -> None:
        sent = wanted["metadata"]
        revision, uid = sent.get("resourceVersion"), sent.get("uid")
        if revision not in (None, "", str(old.revision)):
            raise conflict(kind.subject(sent["name"]))
        if uid not in (None, "", old.object["metadata"]["uid"]):
            raise conflict(kind.subject(sent["name"]), "uid mismatch: the object was made anew")

    def _changed(
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
        document = self._stored_form(kind, document)
        document = writes.counted(old.object, document, kind)
        if held is None:
            mine = writes.claim(kind, options, "Update", self.now())
            document = writes.managed(old.object, document, kind, mine)
        else:
            document = writes.with_claims(document, _kept_times(held, old.object, document))
        if document == old.object:
            return old
        return self._put(kind, document, options)

    def _put(self, kind: Kind, document: JsonObject, options: Options) -> Stored:
        if options.dry_run:
            return Stored(document, self.ledger.revision)
        if writes.checked_finalized(document) and kind.resource != NAMESPACES.resource:
            return self.ledger.remove(kind.bucket, document)
        return self.ledger.put(kind.bucket, document)

    def _admitted(
        self,
        operation: str,
        kind: Kind,
        document: JsonObject | None,
        old: JsonObject | None,
        options: Options,
    ) -> Any:
        for hook in tuple(self.hooks):
            about = (document or old or {})["metadata"]
            seen = Admission(
                operation,
                kind.resource,
                options.subresource,
                about.get("namespace", ""),
                about["name"],
                document,
                old,
                options.user,
                options.dry_run,
            )
            document = hook(seen) or document
        return document

    def delete(
        self, resource: str, namespace: str, name: str, options: Options = PLAIN, policy: str = ""
    ) -> JsonObject:
        """The object's last state; with finalizers it stays, marked. ``policy``: propagationPolicy."""
        kind = self.kinds.named(resource)
        return self.removed(kind, self.stored(kind, namespace, name), policy, options).object

    def removed(self, kind: Kind, old: Stored, policy: str, options: Options) -> Stored:
        self._admitted("DELETE", kind, None, old.object, options)
        document = _marked(old.object, kind, policy, metadata.stamp(self.now()))
        if document == old.object:
            return old
        if options.dry_run:
            return old
        if document["metadata"].get("finalizers") or kind.resource == NAMESPACES.resource:
            return self.ledger.put(kind.bucket, document)
        return self.ledger.remove(kind.bucket, old.object)

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


def _with_cause(found: Problem, namespace: str) -> Problem:
    """How clients tell a namespace that is going from a missing permission."""
    message = f"namespace {namespace} is being terminated"
    cause = Cause("NamespaceTerminating", "metadata.namespace", message)
    details = {**(found.details or {}), "causes": [cause.as_json()]}
    return Problem(found.code, found.reason, found.message, details)


def _marked(document: JsonObject, kind: Kind, policy: str, moment: str) -> JsonObject:
    """The object marked for deletion, with the finalizer that its ``policy`` needs."""
    was = document["metadata"]
    if "deletionTimestamp" in was:
        return document
    extra = {"Foreground": ["foregroundDeletion"], "Orphan": ["orphan"]}.get(policy, [])
    marks: JsonObject = {"deletionTimestamp": moment, "deletionGracePeriodSeconds": 0}
    finalizers = [*(was.get("finalizers") or ()), *extra]
    if finalizers:
        marks["finalizers"] = finalizers
    if kind.generation:
        marks["generation"] = was.get("generation", 0) + 1
    marked = {**document, "metadata": {**was, **marks}}
    if kind.resource == NAMESPACES.resource:
        marked["status"] = {**(document.get("status") or {}), "phase": "Terminating"}
    return marked


def _applicable(wanted: JsonObject, kind: Kind, name: str, subresource: str) -> JsonObject:
    """What of an applied configuration this endpoint takes: status here, all the rest there."""
    about = {**wanted["metadata"], "name": wanted["metadata"].get("name") or name}
    if about["name"] != name:
        raise bad_request(f"name in the body ({about['name']}) is not the one in the URL ({name})")
    if subresource == "status":
        of_status = ("apiVersion", "kind", "status")
        taken: JsonObject = {key: wanted[key] for key in of_status if key in wanted}
    else:
        taken = writes.without_status(wanted, kind)
    return {**taken, "metadata": about}


def _bare(wanted: JsonObject) -> JsonObject:
    """Without what is a condition (resourceVersion, uid), not a wish."""
    sent = {key: value for key, value in wanted["metadata"].items() if key in _WISHES}
    return {**wanted, "metadata": sent}


_WISHES = ("name", "namespace", "labels", "annotations", "finalizers", "ownerReferences")


def _conflict(who: Writer, what: Fields) -> Iterable[Cause]:
    using = f" using {who.api_version}" if who.operation == "Update" else ""
    by = f' with subresource "{who.subresource}"' if who.subresource else ""
    for path in members(what):
        yield Cause(
            "FieldManagerConflict", field_text(path), f'conflict with "{who.name}"{by}{using}'
        )


def field_text(path: Iterable[str]) -> str:
    """A path of a field set as people read it: ``.spec.containers[name="app"].image``."""
    return "".join(_element_text(element) for element in path)


def _element_text(element: str) -> str:
    kind, _, rest = element.partition(":")
    if kind == "f":
        return f".{rest}"
    if kind == "k":
        keys = json.loads(rest)
        return "[" + ",".join(f"{key}={json.dumps(keys[key])}" for key in sorted(keys)) + "]"
    return f"[={rest}]"


def _kept_times(held: Sequence[Claim], old: JsonObject, new: JsonObject) -> list[Claim]:
    """Claims with the old time where neither the claim nor the object changed: a no-op writes nothing."""
    before = {claim.writer: claim for claim in claims(old["metadata"].get("managedFields"))}
    same_content = writes.with_claims(old, []) == writes.with_claims(new, [])

    def kept(claim: Claim) -> Claim:
        was = before.get(claim.writer)
        unchanged = was is not None and was.fields == claim.fields and same_content
        return replace(claim, time=was.time) if was is not None and unchanged else claim

    return [kept(claim) for claim in held]


__all__ = ["PLAIN", "Options", "Problem", "Store", "field_text"]
