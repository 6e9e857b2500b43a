"""Get, list, create, update, patch and delete over HTTP."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from aiohttp import web

from rollout.lab.apiserver.kinds.kind import Kind
from rollout.lab.apiserver.kinds.tables import table
from rollout.lab.apiserver.problems import (
    Cause,
    Problem,
    Subject,
    bad_request,
    expired,
    invalid,
    precondition_failed,
)
from rollout.lab.apiserver.storage.ledger import JsonObject, Stored, encode
from rollout.lab.apiserver.storage.selectors import Selector, selector
from rollout.lab.apiserver.storage.store import Store
from rollout.lab.apiserver.storage.writes import Options
from rollout.lab.apiserver.webhooks.passage import Webhooks

from . import reply, scale
from .ask import APPLY_PATCHES, Ask, edited, parsed
from .routes import Target


def shower(kind: Kind, version: str) -> Callable[[JsonObject], JsonObject]:
    """From the stored form of an object to the one that ``version`` shows."""
    return lambda document: kind.show(document, version)


def chosen(ask: Ask) -> Selector:
    """The selectors of a list or watch; raises a 400."""
    kind, query = ask.target.kind, ask.query
    fields = query.get("fieldSelector", "")
    if ask.target.name:
        fields = f"metadata.name={ask.target.name}"
    found = selector(query.get("labelSelector", ""), fields, kind.field_selectors)
    if kind.view is None:
        return found
    show = shower(kind, ask.target.version)
    return Selector(tuple(partial(_on_shown, test, show) for test in found.tests))


def _on_shown(
    test: Callable[[Mapping[str, Any]], bool],
    show: Callable[[JsonObject], JsonObject],
    document: Mapping[str, Any],
) -> bool:
    return test(show(dict(document)))


def text(stored: Stored, target: Target) -> bytes:
    """The JSON of one object in the version that was asked for."""
    kind = target.kind
    return stored.text(kind.api_version(target.version), shower(kind, target.version))


class Verbs:
    """What each verb does; every method raises a Problem for an answer that is not 2xx."""

    def __init__(self, store: Store, webhooks: Webhooks) -> None:
        self._store = store
        self._webhooks = webhooks

    async def answer(self, verb: str, ask: Ask) -> web.Response:
        match verb:
            case "get":
                return self._get(ask)
            case "list":
                return self._list(ask)
            case "create":
                return await self._create(ask, await ask.document())
            case "update":
                return await self._update(ask, await ask.document())
            case "patch":
                return await self._patch(ask, await ask.request.read())
            case "delete":
                return await self._delete(*await _delete_options(ask))
            case _:
                return await self._delete_all(*await _delete_options(ask))

    def _get(self, ask: Ask) -> web.Response:
        target = ask.target
        return self._one(
            ask, self._store.objects.one(target.kind, target.namespace or "", target.name)
        )

    def _one(self, ask: Ask, stored: Stored, status: int = 200) -> web.Response:
        target, headers = ask.target, reply.warnings(ask.options.warnings)
        body: Any
        if target.subresource == "scale":
            body = scale.shown(stored.object, target.kind)
        elif ask.form.table:
            body = self.table(ask, [stored], {"resourceVersion": str(stored.revision)})
        elif ask.form.metadata_only:
            body = reply.partial(stored.object)
        else:
            body = text(stored, target)
        response = reply.json(body, status)
        response.headers.extend(headers)
        return response

    def table(self, ask: Ask, rows: list[Stored], metadata: JsonObject) -> JsonObject:
        kind, version = ask.target.kind, ask.target.version
        whole = ask.query.get("includeObject", "Metadata")
        documents = [row.object for row in rows]
        found = table(kind, version, documents, metadata, whole, self._store.objects.now())
        if whole == "Object":
            for row in found["rows"]:
                row["object"] = kind.show(row["object"], version)
        return found

    def _list(self, ask: Ask) -> web.Response:
        kind, limit = ask.target.kind, int(ask.query.get("limit") or 0)
        rows = list(self._store.objects.rows(kind, ask.target.namespace, chosen(ask)))
        start, revision = self._page_start(ask)
        rows = [row for row in rows if _key(row) > start] if start else rows
        metadata: JsonObject = {"resourceVersion": str(revision)}
        if limit and len(rows) > limit:
            metadata["continue"] = _token(_key(rows[limit - 1]), revision)
            if not ask.query.get("labelSelector") and not ask.query.get("fieldSelector"):
                metadata["remainingItemCount"] = len(rows) - limit
            rows = rows[:limit]
        return reply.json(self._listed(ask, rows, metadata))

    def _listed(self, ask: Ask, rows: list[Stored], metadata: JsonObject) -> JsonObject | bytes:
        kind, version = ask.target.kind, ask.target.version
        if ask.form.table:
            return self.table(ask, rows, metadata)
        if ask.form.metadata_only:
            items = [reply.partial(row.object) for row in rows]
            head = {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1"}
            return {**head, "metadata": metadata, "items": items}
        head = {"kind": kind.list_name, "apiVersion": kind.api_version(version)}
        texts = [_item(row, ask.target) for row in rows]
        opening = encode({**head, "metadata": metadata})[:-1]
        return opening + b',"items":[' + b",".join(texts) + b"]}"

    def _page_start(self, ask: Ask) -> tuple[tuple[str, str] | None, int]:
        """The key to go on behind, and the revision that the first page was read at.

        Later pages show the present, under the first page's revision: a watch from there tells
        what changed in between. The real server reads all pages from the same snapshot.
        """
        token = ask.query.get("continue")
        if not token:
            return None, self._store.ledger.revision
        try:
            space, name, revision = json.loads(urlsafe_b64decode(token))
        except ValueError as error:
            raise bad_request(f"continue key is not valid: {error!s:.100}") from error
        if not self._store.ledger.remembers(ask.target.kind.bucket, revision):
            raise expired(
                "The provided continue parameter is too old to display a consistent list result. "
                "You must start a new list without the continue parameter."
            )
        return (space, name), revision

    async def _create(self, ask: Ask, document: JsonObject) -> web.Response:
        target, objects = ask.target, self._store.objects
        space = target.namespace
        if target.name or space is None:
            raise bad_request("an object is created in a namespace, without a name in the path")
        stored = await self._webhooks.passed(
            ask.options, lambda options: objects.add(target.kind, space, document, options)
        )
        return self._one(ask, stored, 201)

    async def _update(self, ask: Ask, document: JsonObject) -> web.Response:
        target, objects = ask.target, self._store.objects
        if target.subresource == "scale":
            return await self._scaled(ask, lambda _: document)
        space = target.namespace or ""
        existed = self._store.ledger.get(target.kind.bucket, space, target.name) is not None
        stored = await self._webhooks.passed(
            ask.options,
            lambda options: objects.replace(target.kind, space, target.name, document, options),
        )
        return self._one(ask, stored, 200 if existed else 201)

    async def _patch(self, ask: Ask, body: bytes) -> web.Response:
        target, media = ask.target, ask.request.content_type
        if media in APPLY_PATCHES and target.subresource != "scale":
            return await self._apply(ask, parsed(body))
        if target.subresource == "scale":
            return await self._scaled(ask, lambda shown: edited(media, body, shown, target))
        return await self._edited(ask, lambda shown: edited(media, body, shown, target))

    async def _edited(self, ask: Ask, edit: Callable[[JsonObject], JsonObject]) -> web.Response:
        target, objects = ask.target, self._store.objects
        space = target.namespace or ""
        stored = await self._webhooks.passed(
            ask.options,
            lambda options: objects.edit(target.kind, space, target.name, edit, options),
        )
        return self._one(ask, stored)

    async def _apply(self, ask: Ask, wanted: JsonObject) -> web.Response:
        target, objects = ask.target, self._store.objects
        if not ask.query.get("fieldManager"):
            message = "Required value: is required for apply patch"
            cause = Cause("FieldValueRequired", "fieldManager", message)
            raise invalid(Subject("meta.k8s.io", "", "PatchOptions", ""), [cause])
        space = target.namespace or ""
        stored, made = await self._webhooks.passed(
            ask.options,
            lambda options: objects.apply(target.kind, space, target.name, wanted, options),
        )
        return self._one(ask, stored, 201 if made else 200)

    async def _scaled(self, ask: Ask, edit: Callable[[JsonObject], JsonObject]) -> web.Response:
        kind = ask.target.kind

        def change(document: JsonObject) -> JsonObject:
            return scale.scaled(document, kind, edit(scale.shown(document, kind)))

        return await self._edited(ask, change)

    async def _delete(self, ask: Ask, wanted: JsonObject) -> web.Response:
        target = ask.target
        if target.subresource:
            raise Problem(405, "MethodNotAllowed", "a subresource cannot be deleted", {})

        def remove(options: Options) -> Stored:
            stored = self._store.objects.one(target.kind, target.namespace or "", target.name)
            _check_preconditions(target.kind, stored, wanted.get("preconditions") or {})
            policy = str(wanted.get("propagationPolicy") or "")
            return self._store.objects.remove(target.kind, stored, policy, options)

        gone = await self._webhooks.passed(ask.options, remove)
        if "deletionTimestamp" in gone.object["metadata"] or target.kind.plural == "pods":
            return self._one(ask, gone)
        return reply.json(_deleted(target.kind, gone.object))

    async def _delete_all(self, ask: Ask, wanted: JsonObject) -> web.Response:
        target, objects = ask.target, self._store.objects
        policy = str(wanted.get("propagationPolicy") or "")
        rows = list(objects.rows(target.kind, target.namespace, chosen(ask)))
        gone = [
            await self._webhooks.passed(
                ask.options, partial(objects.remove, target.kind, row, policy)
            )
            for row in rows
        ]
        metadata = {"resourceVersion": str(self._store.ledger.revision)}
        return reply.json(self._listed(ask, gone, metadata))


def _item(row: Stored, target: Target) -> bytes:
    """Items of a list of built-in kinds say neither their kind nor their version, as ever."""
    if not target.kind.builtin:
        return text(row, target)
    version = target.kind.api_version(target.version)
    return row.text(f"{version} item", lambda document: _untyped(target, document))


def _untyped(target: Target, document: JsonObject) -> JsonObject:
    shown = target.kind.show(document, target.version)
    return {key: value for key, value in shown.items() if key not in ("apiVersion", "kind")}


def _key(row: Stored) -> tuple[str, str]:
    metadata = row.object["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


def _token(key: tuple[str, str], revision: int) -> str:
    return urlsafe_b64encode(encode([*key, revision])).decode()


async def _delete_options(ask: Ask) -> tuple[Ask, JsonObject]:
    """The body of a delete, which may ask for a dry run and a policy as the query may."""
    found = await ask.document() if ask.request.can_read_body else {}
    if ask.query.get("propagationPolicy"):
        found["propagationPolicy"] = ask.query["propagationPolicy"]
    if found.get("dryRun"):
        ask = replace(ask, options=replace(ask.options, dry_run=True))
    return ask, found


def _check_preconditions(kind: Kind, stored: Stored, wanted: JsonObject) -> None:
    metadata = stored.object["metadata"]
    pairs = (("uid", "UID"), ("resourceVersion", "ResourceVersion"))
    for key, word in pairs:
        if wanted.get(key) not in (None, metadata[key]):
            subject = kind.subject(metadata["name"])
            raise precondition_failed(subject, word, wanted[key], metadata[key])


def _deleted(kind: Kind, document: JsonObject) -> JsonObject:
    metadata = document["metadata"]
    details = kind.subject(metadata["name"]).details(kind.plural, uid=metadata["uid"])
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": details,
    }
