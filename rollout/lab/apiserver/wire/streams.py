"""A watch over HTTP: one JSON line for each event, until time is up or somebody leaves.

Source: Kubernetes docs, "Kubernetes API Concepts", sections "Efficient detection of changes",
"Watch bookmarks" and "Streaming lists".
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from aiohttp import web

from rollout.lab.apiserver.faults import Faults
from rollout.lab.apiserver.problems import bad_request, expired
from rollout.lab.apiserver.storage.ledger import Compacted, JsonObject, Ledger, Stored, encode
from rollout.lab.apiserver.storage.watch import Scope, Watch

from . import reply
from .ask import Ask
from .verbs import Verbs, chosen, text

# The real server ends watches after 30 to 60 minutes when the client names no time.
_DEFAULT_TIMEOUT_S = 1800.0


@dataclass(frozen=True, slots=True)
class Streams:
    """``bookmark_s``: seconds of silence after which a client that wants bookmarks gets one.

    ``limit``: unsent events after which a slow client is dropped.
    """

    ledger: Ledger
    verbs: Verbs
    faults: Faults
    bookmark_s: float = 10.0
    limit: int = 10_000

    async def answer(self, ask: Ask) -> web.StreamResponse:
        kind = ask.target.kind
        scope = Scope(kind.bucket, ask.target.namespace, chosen(ask))
        watch = Watch(self.ledger, scope, self.limit)
        self.faults.watches.add(watch)
        try:
            first = self._first(ask, watch)
            response = web.StreamResponse(headers={"Content-Type": reply.JSON})
            response.enable_chunked_encoding()
            await response.prepare(ask.request)
            await self._pump(ask, watch, response, first)
        except (ConnectionError, TimeoutError):
            # The client left, which is how most watches end.
            return web.Response(status=499)
        finally:
            self.faults.watches.discard(watch)
            watch.close()
        return response

    def _first(self, ask: Ask, watch: Watch) -> list[bytes]:
        """What is told before anything happens: the present, or what the client has missed."""
        revision = ask.query.get("resourceVersion") or "0"
        initial = ask.query.get("sendInitialEvents", "").lower() == "true"
        if not revision.isdecimal():
            raise bad_request(f"Invalid value: {revision!r}: the resourceVersion is not a number")
        if revision == "0" or initial:
            lines = [self._line(ask, "ADDED", row) for row in self._present(watch.scope)]
            return [*lines, self._bookmark(ask, initial=True)] if initial else lines
        try:
            watch.start(self.ledger.since(watch.scope.bucket, int(revision)))
        except Compacted as gone:
            watch.end("eof")
            found = expired(f"too old resource version: {revision} ({gone.oldest})")
            return [_event("ERROR", encode(found.status()))]
        return []

    def _present(self, scope: Scope) -> list[Stored]:
        rows = self.ledger.rows(scope.bucket, scope.namespace)
        return [row for row in rows if scope.holds(row)]

    async def _pump(
        self, ask: Ask, watch: Watch, response: web.StreamResponse, first: list[bytes]
    ) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + float(ask.query.get("timeoutSeconds") or _DEFAULT_TIMEOUT_S)
        if first:
            await response.write(b"".join(first))
        bookmarks = ask.query.get("allowWatchBookmarks", "").lower() in ("1", "true")
        while True:
            events = await watch.events(min(self.bookmark_s, max(0.0, end - loop.time())))
            if events:
                await response.write(b"".join(self._line(ask, *event) for event in events))
            elif bookmarks and not watch.cut and not watch.silent:
                await response.write(self._bookmark(ask))
            if watch.cut or loop.time() >= end:
                break
        await self._part(ask, watch, response)

    async def _part(self, ask: Ask, watch: Watch, response: web.StreamResponse) -> None:
        if watch.cut == "half":
            await response.write(b'{"type":"MODIFIED","object":{"kind":"')
        transport = ask.request.transport
        if watch.cut in ("half", "reset") and transport is not None:
            transport.abort()
            return
        await response.write_eof()

    def _line(self, ask: Ask, kind: str, stored: Stored) -> bytes:
        if ask.form.table:
            metadata = {"resourceVersion": str(stored.revision)}
            return _event(kind, encode(self.verbs.table(ask, [stored], metadata)))
        if ask.form.metadata_only:
            return _event(kind, encode(reply.partial(stored.object)))
        return _event(kind, text(stored, ask.target))

    def _bookmark(self, ask: Ask, *, initial: bool = False) -> bytes:
        kind, version = ask.target.kind, ask.target.version
        metadata: JsonObject = {"resourceVersion": str(self.ledger.revision)}
        if initial:
            metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
        shown = {"kind": kind.kind, "apiVersion": kind.api_version(version)}
        return _event(
            "BOOKMARK", encode({**shown, "metadata": {**metadata, "creationTimestamp": None}})
        )


def _event(kind: str, document: bytes) -> bytes:
    return b'{"type":"' + kind.encode() + b'","object":' + document + b"}\n"
