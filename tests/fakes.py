"""One fake per port; ``tests/ports`` shows that they behave as the real ones."""

import asyncio
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rollout import jsonpatch
from rollout.controller.ports import Answers, Changed, Json
from rollout.controller.seeing import concerns
from rollout.errors import ConflictError, OutsideError, RefusedError
from rollout.model.observation import CountsQuestion, ProxySync, Value, ValueQuestion

Key = tuple[str, str, str]


@dataclass
class FakeKube:
    """The API server in a dict; ``errors`` go wrong first, ``writes`` are all that went right.

    ``before``: called with each write before it is done.
    ``hidden``: kinds that cannot be read, and why; ``forbidden``: verb, kind and subresource.
    ``release``: of Kubernetes.
    """

    objects: dict[Key, Json] = field(default_factory=dict)
    errors: list[Exception] = field(default_factory=list)
    writes: list[str] = field(default_factory=list)
    before: Callable[[str], None] = lambda _: None
    admit: Callable[[Json], Json] = lambda obj: obj
    hidden: dict[str, str] = field(default_factory=dict)
    forbidden: set[tuple[str, str, str]] = field(default_factory=set)
    release: str = "1.33"
    _listeners: list[Changed] = field(default_factory=list)
    _version: int = 0

    def get(self, kind: str, namespace: str, name: str) -> Json | None:
        self._visible(kind)
        return self.objects.get((kind, namespace, name))

    async def fetch(self, kind: str, namespace: str, name: str) -> Json | None:
        return self.objects.get((kind, namespace, name))

    def list(self, kind: str, concern: str = "") -> Sequence[Json]:
        self._visible(kind)
        found = (self.objects[key] for key in sorted(key for key in self.objects if key[0] == kind))
        return [obj for obj in found if not concern or concern in concerns.of(obj)]

    def some(self, kind: str) -> Json | None:
        return next(iter(self.list(kind)), None)

    async def patch(
        self, kind: str, namespace: str, name: str, ops: Sequence[Json], subresource: str = ""
    ) -> Json:
        key = (kind, namespace, name)
        self._prepare(f"patch {kind} {name} {subresource}".strip())
        if key not in self.objects:
            raise RefusedError(f"{kind.lower()} {namespace}/{name}: not found")
        try:
            return self._put(key, jsonpatch.apply(self.objects[key], ops), bool(subresource))
        except jsonpatch.PatchFailedError as error:
            raise ConflictError(f"{kind.lower()} {namespace}/{name}: {error}") from error

    async def create(self, obj: Json) -> Json:
        key = (str(obj["kind"]), obj["metadata"].get("namespace", ""), obj["metadata"]["name"])
        self._prepare(f"create {key[0]} {key[2]}")
        if key in self.objects:
            raise ConflictError(f"{key[0].lower()} {key[1]}/{key[2]}: already exists")
        return self._put(key, obj)

    async def attempt(self, obj: Json) -> Json:
        """As made, if ``admit`` lets it; nothing is."""
        return self.admit(obj)

    async def delete(self, kind: str, namespace: str, name: str, uid: str = "") -> None:
        self._prepare(f"delete {kind} {name}")
        obj = self.objects.get((kind, namespace, name))
        if uid and obj is not None and obj["metadata"]["uid"] != uid:
            return
        if gone := self.objects.pop((kind, namespace, name), None):
            self._tell(kind, concerns.of(gone))

    def listen(self, changed: Changed) -> None:
        self._listeners.append(changed)

    def silence(self) -> float:
        return 0.0

    def troubles(self) -> Mapping[str, str]:
        return self.hidden

    async def version(self) -> str:
        return self.release

    async def may(
        self, verb: str, kind: str, subresource: str = "", only: tuple[str, str] = ("", "")
    ) -> bool:
        return (verb, kind, subresource) not in self.forbidden

    def put(self, *objs: Json) -> None:
        """Somebody else wrote ``objs``."""
        for obj in objs:
            meta = obj["metadata"]
            self._put((str(obj["kind"]), meta.get("namespace", ""), meta["name"]), obj)

    def _visible(self, kind: str) -> None:
        if why := self.hidden.get(kind):
            raise OutsideError(why)

    def _prepare(self, write: str) -> None:
        self.before(write)
        if self.errors:
            raise self.errors.pop(0)
        self.writes.append(write)

    def _put(self, key: Key, obj: Any, status: bool = False) -> Json:
        before = self.objects.get(key, {"metadata": {}, "spec": None})
        self._version += 1
        old = before["metadata"]
        meta = {**(old if status else obj["metadata"])}
        meta["uid"] = old.get("uid", str(uuid.uuid5(uuid.NAMESPACE_OID, f"{key}{self._version}")))
        meta["generation"] = old.get("generation", 0) + (before.get("spec") != obj.get("spec"))
        meta["resourceVersion"] = str(self._version)
        made = {**(before if status else obj), "metadata": meta}
        if status:
            made["status"] = obj.get("status")
        self.objects[key] = made
        if meta.get("deletionTimestamp") and not meta.get("finalizers"):
            del self.objects[key]
        self._tell(key[0], concerns.of({**before, "kind": key[0]}) | concerns.of(made))
        return made

    def _tell(self, kind: str, touched: Iterable[str]) -> None:
        for listener in self._listeners:
            listener(kind, tuple(sorted(touched)))


@dataclass
class FakeMetrics:
    """Prometheus that answers every value question with ``value``, after ``late`` seconds."""

    value: float = 0.0
    asked: int = 0
    late: float = 0.0

    async def ask(
        self, counts: tuple[CountsQuestion, ...], values: tuple[ValueQuestion, ...]
    ) -> Answers:
        self.asked += 1
        if self.late:
            await asyncio.sleep(self.late)
        return (), tuple(Value(q.metric, q.instant, self.value) for q in values), ()


@dataclass
class FakeProxies:
    """istiod whose proxies take everything at once, unless ``taken`` is False."""

    taken: bool = True

    async def synced(self, since: datetime) -> ProxySync | None:
        return ProxySync(3, 3) if self.taken else ProxySync(3, 2, behind=1)
