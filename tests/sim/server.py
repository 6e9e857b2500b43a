"""A simulated API server: one history, replicas that lag behind it, and what is done to requests.

Speaks HTTP's statuses and bodies, so that the client's own reading of them is part of the play.
"""

import asyncio
import functools
import uuid
from bisect import bisect_right
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from rollout import jsonpatch
from rollout.edges.kube import paths
from rollout.errors import RefusedError
from rollout.lab.apiserver.storage.ledger import Change, Compacted, Ledger, Stored, encode
from rollout.model.spec import MANAGER
from tests import virtual

Json = Mapping[str, Any]
PEOPLE = "people"
HISTORY = 400
"""Changes of a kind that a watch may resume from."""
MOMENT = 1e-6
"""Seconds that are none: a timer may ring so much early, and then again and again."""
LONGEST_KEY = 63
"""Characters of an annotation's name (Kubernetes, "Annotations", syntax)."""
MANAGED = frozenset({"VirtualService", "DestinationRule"})
"""Kinds of whose fields it is said who manages them, where that is asked."""

_KINDS = {place: kind for kind, place in paths.PATHS.items()}
_KINDS |= {(base, paths.PATHS[kind][1]): kind for kind, base in paths.OLDER.items()}
REVIEW = "SelfSubjectAccessReview"
_KINDS[paths.REVIEWS, "selfsubjectaccessreviews"] = REVIEW
_STATUS = frozenset({"Rollout", "RolloutSource", "ControlPlaneUpgrade", "ClusterSwitchover"})


@dataclass(frozen=True, slots=True)
class Answer:
    """What HTTP carries back; ``stored``: the object that was written, where all of it comes."""

    code: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    stored: Stored | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One request, read; ``verb``: get, list, watch, create, patch or delete."""

    actor: str
    verb: str
    kind: str
    namespace: str
    name: str
    subresource: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None

    @property
    def writes(self) -> bool:
        return self.verb in ("create", "patch", "delete")

    def __str__(self) -> str:
        rest = f"/{self.subresource}" if self.subresource else ""
        return f"{self.verb} {self.kind} {self.namespace}/{self.name}{rest}"


@dataclass(frozen=True, slots=True)
class Commit:
    """One change of the one history, and who made it."""

    actor: str
    at: float
    change: Change

    @property
    def new(self) -> Json:
        return self.change.stored.object

    @property
    def old(self) -> Json | None:
        return self.change.previous.object if self.change.previous else None

    @property
    def gone(self) -> bool:
        return self.change.type == "DELETED"


@dataclass(slots=True)
class Replica:
    """One API server: it has seen everything that is older than ``lag`` seconds."""

    lag: float = 0.0
    reached: int = 0


class Server:
    """The history, and the rules of a write.

    ``listen``: called with each commit, before anybody hears that it was made.
    ``unchanged``: called with who wrote what was so already, which is no commit.
    ``admit``: what webhooks make of an object that somebody wants written; a refusal is a 400.
    ``page``: objects of a list that are given at once; 0: all. ``fields``: who manages which is
    kept. ``reviewed``: of which rights it was asked.
    ``hung_up``: of the last watch by whom and of which kind, when it began and ended, and whether
    that was since its time was over.
    """

    def __init__(self, page: int = 0, *, fields: bool = False) -> None:
        self.page, self.fields = page, fields
        self.reviewed: list[Json] = []
        self.ledger = Ledger(HISTORY)
        self.replicas = [Replica(), Replica()]
        self.listen: list[Callable[[Commit], None]] = []
        self.unchanged: list[Callable[[str, str], None]] = []
        self.watches: list[Watching] = []
        self.hung_up: dict[tuple[str, str], tuple[float, float, bool]] = {}
        self.admit: Callable[[Json], Json] = lambda obj: obj
        self._actor = PEOPLE
        self._times: list[float] = []
        self._revisions: list[int] = []
        self.ledger.listen(self._committed)

    def get(self, kind: str, namespace: str, name: str) -> Json | None:
        held = self.ledger.get(kind, namespace, name)
        return held.object if held else None

    def all(self, kind: str) -> list[Json]:
        return [row.object for row in self.ledger.rows(kind)]

    def put(self, *objs: Json, actor: str = PEOPLE) -> None:
        """Somebody wrote ``objs`` as they are."""
        for obj in objs:
            meta = obj["metadata"]
            old = self.get(str(obj["kind"]), meta.get("namespace", ""), meta["name"])
            self._store(str(obj["kind"]), old, obj, actor)

    def change(self, kind: str, namespace: str, name: str, ops: Any, actor: str = PEOPLE) -> None:
        """Somebody patched an object, if it is there."""
        held = self.get(kind, namespace, name)
        if held is not None:
            self._store(kind, held, jsonpatch.apply(held, ops), actor)

    def remove(self, kind: str, namespace: str, name: str, actor: str = PEOPLE) -> None:
        """Deleted as the API server does it: with a finalizer it stays, marked."""
        held = self.get(kind, namespace, name)
        if held is None:
            return
        self._actor = actor
        meta = held["metadata"]
        if not meta.get("finalizers"):
            self.ledger.remove(kind, held)
        elif not meta.get("deletionTimestamp"):
            stamp = virtual.clock().strftime("%Y-%m-%dT%H:%M:%SZ")
            self.ledger.put(kind, {**held, "metadata": {**meta, "deletionTimestamp": stamp}})

    def compact(self) -> None:
        self.ledger.compact()

    def reached(self, replica: Replica) -> int:
        """The revision that ``replica`` has seen."""
        index = bisect_right(self._times, virtual.passed() - replica.lag)
        replica.reached = max(replica.reached, self._revisions[index - 1] if index else 1)
        return replica.reached

    def rows(self, kind: str, revision: int) -> list[Stored]:
        """All of ``kind`` as of ``revision``; as of now where history does not go back so far."""
        now = {key(row.object): row for row in self.ledger.rows(kind)}
        try:
            later = self.ledger.since(kind, revision)
        except Compacted:
            later = []
        for change in reversed(later):
            now.pop(key(change.stored.object), None)
            if change.previous:
                now[key(change.previous.object)] = change.previous
        return [now[one] for one in sorted(now)]

    def listed(self, request: Request, revision: int) -> Answer:
        """A list of a kind as of ``revision``, or the next page of one that was begun."""
        first, begin = revision, 0
        if token := request.query.get("continue"):
            first, begin = map(int, token.split("."))
            try:
                self.ledger.since(request.kind, first)
            except Compacted:
                return refused(410, "The provided continue parameter is too old")
        rows = self.rows(request.kind, first)
        end = begin + self.page if self.page else len(rows)
        items = b",".join(map(text, rows[begin:end]))
        more = f',"continue":"{first}.{end}"' if end < len(rows) else ""
        head = f'{{"metadata":{{"resourceVersion":"{first}"{more}}},"items":['
        return Answer(200, head.encode() + items + b"]}")

    def serve(self, request: Request) -> Answer:
        """A read of one object, or a write, done now."""
        if request.kind == REVIEW:
            self.reviewed.append(request.body["spec"]["resourceAttributes"])
            return Answer(201, encode({**request.body, "status": {"allowed": True}}))
        if request.verb == "create":
            return self._create(request)
        held = self.ledger.get(request.kind, request.namespace, request.name)
        if held is None:
            return refused(404, "not found", request.name)
        if request.verb == "get":
            return Answer(200, text(held))
        if request.verb == "patch":
            return self._patch(request, held.object)
        wanted = ((request.body or {}).get("preconditions") or {}).get("uid")
        if wanted is not None and wanted != held.object["metadata"]["uid"]:
            return refused(409, "the UID in the precondition does not match", request.name)
        self.remove(request.kind, request.namespace, request.name, request.actor)
        return refused(200, "deleted", request.name)

    def _create(self, request: Request) -> Answer:
        meta = request.body["metadata"]
        if self.get(request.kind, meta.get("namespace", ""), meta["name"]) is not None:
            return refused(409, "already exists", meta["name"])
        body = {**request.body}
        if request.kind in _STATUS:
            body.pop("status", None)
        try:
            body = {**self.admit({**body, "kind": request.kind})}
        except RefusedError as error:
            return refused(400, str(error), meta["name"])
        if request.query.get("dryRun"):
            return Answer(201, encode(body))
        return self._written(request.kind, None, body, request.actor)

    def _patch(self, request: Request, held: Json) -> Answer:
        try:
            new = jsonpatch.apply(held, request.body)
        except jsonpatch.PatchFailedError as error:
            return refused(422, f"the patch does not fit: {error}")
        if request.subresource == "status":
            new = {**held, "status": new.get("status")}
        elif request.kind in _STATUS and "status" in held:
            new = {**new, "status": held["status"]}
        if not request.subresource:
            try:
                self.admit({**new, "kind": request.kind})
            except RefusedError as error:
                return refused(400, str(error), request.name)
        return self._written(request.kind, held, new, request.actor)

    def _written(self, kind: str, old: Json | None, new: Json, actor: str) -> Answer:
        """What a client of ours wrote: of a form that is allowed, and with its name in it."""
        meta = new["metadata"]
        notes = meta.get("annotations") or {}
        if long := [one for one in notes if len(one.rpartition("/")[2]) > LONGEST_KEY]:
            return refused(422, f"annotation {long[0]}: must be no more than 63 characters", actor)
        added = {*(meta.get("finalizers") or ())} - {
            *((old or new)["metadata"].get("finalizers") or ())
        }
        if added and meta.get("deletionTimestamp"):
            return refused(
                422, "no new finalizers can be added if the object is being deleted", kind
            )
        if self.fields and kind in MANAGED:
            new = {**new, "metadata": {**meta, "managedFields": _managers(old, new)}}
        return self._store(kind, old, new, actor)

    def _store(self, kind: str, old: Json | None, new: Json, actor: str) -> Answer:
        self._actor = actor
        meta, before = {**new["metadata"]}, (old or {}).get("metadata", {})
        made = f"{key(new)} {self.ledger.revision}"
        meta["uid"] = before.get("uid") or str(uuid.uuid5(uuid.NAMESPACE_OID, kind + made))
        changed = old is None or _content(old) != _content(new)
        meta["generation"] = before.get("generation", 0) + changed
        meta["resourceVersion"] = before.get("resourceVersion", "")
        obj = {**new, "kind": kind, "metadata": meta}
        if old is not None and obj == old:
            for each in self.unchanged:
                each(actor, f"{kind} {meta['name']}")
            held = self.ledger.get(kind, *key(old))
            assert held is not None
            return _written(200, held)
        if meta.get("deletionTimestamp") and not meta.get("finalizers"):
            return _written(200, self.ledger.remove(kind, obj))
        return _written(200 if old else 201, self.ledger.put(kind, obj))

    def _committed(self, change: Change) -> None:
        now = virtual.passed()
        self._times.append(now)
        self._revisions.append(change.stored.revision)
        for listener in self.listen:
            listener(Commit(self._actor, now, change))
        for watching in self.watches:
            if watching.kind == change.bucket:
                watching.hear()


@dataclass(eq=False)
class Watching:
    """One open watch on one replica; ``silent_until``: nothing comes, and it does not end.

    ``patience``: when whoever watches gives it up.
    """

    server: Server
    actor: str
    kind: str
    replica: Replica
    revision: int
    ends_at: float
    patience: float
    doubled: bool = False
    silent_until: float = 0.0
    last: bytes | None = None
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _timer: asyncio.TimerHandle | None = None

    def hear(self) -> None:
        """A commit was made, which is seen here once this replica has it."""
        if self.replica.lag <= 0:
            self._news.set()
        elif self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self.replica.lag + 0.001, self._due)

    def end(self, last: bytes = b"") -> None:
        """It ends now, with these bytes; empty: cleanly."""
        self.last = last
        self._news.set()

    def _due(self) -> None:
        self._timer = None
        self._news.set()

    async def chunks(self) -> AsyncGenerator[bytes]:
        """Bytes of lines, as they come; the generator's end is the stream's."""
        loop = asyncio.get_running_loop()
        self.server.watches.append(self)
        began, whole = loop.time(), False
        try:
            while self.last is None:
                self._news.clear()
                news = self._pending()
                if news:
                    yield news
                if self.last is not None:
                    break
                if loop.time() > self.ends_at - MOMENT:
                    self.last, whole = self._bookmark(), True
                    break
                if loop.time() > self.patience - MOMENT:
                    raise TimeoutError
                left = min(self.ends_at, self.patience) - loop.time()
                timer = loop.call_later(left, self._news.set)
                await self._news.wait()
                timer.cancel()
            if self.last:
                yield self.last
        finally:
            self.server.watches.remove(self)
            self.server.hung_up[self.actor, self.kind] = began, loop.time(), whole
            if self._timer:
                self._timer.cancel()

    def _bookmark(self) -> bytes:
        """How far all of the kind was told: an object with nothing but a version."""
        seen = self.server.reached(self.replica)
        return event("BOOKMARK", {"kind": self.kind, "metadata": {"resourceVersion": str(seen)}})

    def _pending(self) -> bytes:
        left = self.silent_until - virtual.passed()
        if left > MOMENT:
            asyncio.get_running_loop().call_later(left, self._news.set)
            return b""
        try:
            changes = self.server.ledger.since(self.kind, self.revision)
        except Compacted:
            self.last = b""
            return event("ERROR", {"kind": "Status", "code": 410, "message": "too old"})
        upto, lines = self.server.reached(self.replica), []
        for change in changes:
            if change.stored.revision > upto:
                self.hear()
                break
            self.revision = change.stored.revision
            line = b'{"type":"%s","object":%s}\n' % (change.type.encode(), text(change.stored))
            lines += [line, line] if self.doubled else [line]
        return b"".join(lines)


def event(kind: str, obj: Json) -> bytes:
    return encode({"type": kind, "object": obj}) + b"\n"


def text(stored: Stored) -> bytes:
    """The object as it goes over the wire, made once for all who read it."""
    return stored.text("", lambda obj: obj)


def _written(code: int, stored: Stored) -> Answer:
    return Answer(code, text(stored), stored=stored)


def refused(code: int, message: str, name: str = "") -> Answer:
    """A Status object; one that names its object means that, and not the kind."""
    details = {"details": {"name": name}} if name else {}
    return Answer(code, encode({"kind": "Status", "code": code, "message": message, **details}))


def read(actor: str, method: str, url: str, body: Any) -> Request:
    """What a client's request means."""
    return Request(actor, *_meant(method, url), body)


def _meant(method: str, url: str) -> tuple[str, str, str, str, str, Mapping[str, str]]:
    where, _, asked = url.partition("?")
    query = _query(asked)
    kind, namespace, name, sub = _place(where)
    verbs = {"POST": "create", "PATCH": "patch", "DELETE": "delete"}
    verb = verbs.get(method) or ("get" if name else "watch" if query.get("watch") else "list")
    return verb, kind, namespace, name, sub, query


@functools.lru_cache(2048)
def _query(asked: str) -> Mapping[str, str]:
    return dict(parse_qsl(asked))


@functools.lru_cache(2048)
def _place(where: str) -> tuple[str, str, str, str]:
    parts = [unquote(part) for part in urlsplit(where).path.strip("/").split("/")]
    size = 2 if parts[0] == "api" else 3
    base, rest, namespace = "/" + "/".join(parts[:size]), parts[size:], ""
    if rest[0] == "namespaces" and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    kind = _KINDS[base, rest[0]]
    name, sub = [*rest[1:], "", ""][:2]
    return kind, namespace, name, sub


def key(obj: Json) -> tuple[str, str]:
    meta = obj["metadata"]
    return meta.get("namespace", ""), meta["name"]


def _managers(old: Json | None, new: Json) -> list[Json]:
    """Who manages what after a patch of ours, which may have told of that itself.

    An empty list is read as none sent; one empty entry says that nobody manages anything.
    """
    before = (old or {"metadata": {}})["metadata"].get("managedFields") or []
    entries = [one for one in new["metadata"].get("managedFields") or before if one]
    if old is None or (entries == before and _content(old) != _content(new)):
        others = [one for one in entries if one["manager"] != MANAGER]
        mine = {"manager": MANAGER, "operation": "Update", "fieldsV1": {"f:spec": {}}}
        return [*others, mine]
    return entries


def _content(obj: Json) -> dict[str, Any]:
    return {k: v for k, v in obj.items() if k not in ("metadata", "status", "kind", "apiVersion")}
