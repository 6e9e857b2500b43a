"""One kind in one scope, as a watch asks for it; what is kept of an object is said here."""

import time
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rollout.edges.kube import paths
from rollout.edges.kube.cache import Cache, Index, Json
from rollout.edges.kube.calls import Calls
from rollout.edges.kube.watch import Absent
from rollout.model.spec import GROUP, MANAGER


@dataclass(frozen=True, slots=True)
class Scope:
    """What of a kind is watched; empty means all. The filters are Kubernetes' selectors."""

    namespace: str = ""
    labels: str = ""
    fields: str = ""


def scopes(namespace: str) -> Mapping[str, Scope]:
    """Every kind in ``namespace`` alone, and of Namespaces that one; empty: all there are.

    A list of one name needs no right to the others (RBAC, ``resourceNames``).
    """
    if not namespace:
        return {}
    inside = {kind: Scope(namespace) for kind in paths.PATHS if kind not in paths.CLUSTERS}
    return {**inside, "Namespace": Scope(fields=f"metadata.name={namespace}")}


class Source:
    """One kind in one scope, as a watch asks for it, from the newest version there is.

    ``base``: the path of the group and version in which the server knows the kind.
    """

    def __init__(self, calls: Calls, kind: str, scope: Scope) -> None:
        self._calls = calls
        self._kind = kind
        self._path = paths.path(kind, scope.namespace)
        self.base = paths.PATHS[kind][0]
        self._older = paths.OLDER.get(kind)
        filters = {"labelSelector": scope.labels, "fieldSelector": scope.fields}
        self._filters = {name: value for name, value in filters.items() if value}

    async def fetch(self, query: Mapping[str, str]) -> Json:
        query = {**query, **self._filters}
        page = await self._page(query)
        return {**page, "items": [self.named(item) for item in page.get("items") or ()]}

    async def _page(self, query: Mapping[str, str]) -> Json:
        try:
            return await self._calls.call("GET", self._path, query, None, where=self._kind.lower())
        except Absent:
            if self._older is None:
                raise
        self._path, self.base = self._path.replace(self.base, self._older), self._older
        self._older = None
        return await self._page(query)

    def stream(self, query: Mapping[str, str], seconds: float) -> AsyncGenerator[bytes]:
        query = {**query, **self._filters}
        return self._calls.stream(self._path, query, seconds, self._kind.lower())

    def named(self, obj: Json, before: Json | None = None) -> Json:
        return named(self._kind, obj, before)


def cached(kind: str, index: Index, clock: Callable[[], float] = time.monotonic) -> Cache:
    """An empty cache of ``kind``; our own objects stay as they came, and are known again by it."""
    return Cache(index, packs=not _is_ours(kind), clock=clock)


def _is_ours(kind: str) -> bool:
    return paths.PATHS[kind][0] == paths.OURS


def named(kind: str, obj: Json, before: Json | None = None) -> Json:
    """``obj`` with its kind, which the items of a list leave out, and without the bulk.

    ``before``: what is kept in its place until now; what is the same in both is in memory once.
    Of ``managedFields``, who manages it stays; which fields those are is half of many an object,
    and only who wrote our own annotations, and whether we wrote in the spec, is worth knowing.
    """
    if not isinstance(obj, dict) or not isinstance(obj.get("metadata"), dict):
        return obj
    meta = obj["metadata"]
    managers = [_manager(entry) for entry in meta.get("managedFields") or ()]
    slim = {**meta, "managedFields": managers} if managers else meta
    whole = {**obj, "kind": kind, "metadata": slim}
    known = _comparable(whole, before) if _is_ours(kind) else None
    return whole if known is None else _once(whole, known)


def _comparable(obj: Json, before: Json | None) -> Json | None:
    """``before`` where it is of the same generation, so that its spec is the same to the byte.

    Equal values of Python may differ there, as 1 and true do; in a status, which we write, none do.
    """
    if before is None:
        return None
    same = all(obj["metadata"].get(k) == before["metadata"].get(k) for k in ("uid", "generation"))
    return before if same else None


def _once(value: Any, before: Any) -> Any:
    """``value``, in which whatever equals its part of ``before`` is that part."""
    if type(value) is type(before) and value == before:
        return before
    if isinstance(value, dict) and isinstance(before, dict):
        return {key: _once(held, before.get(key)) for key, held in value.items()}
    if isinstance(value, list) and isinstance(before, list):  # a history has one entry more
        rest = [None] * (len(value) - len(before))
        return [_once(held, old) for held, old in zip(value, [*before, *rest], strict=False)]
    return value


def _manager(entry: Json) -> Json:
    """An entry of ``managedFields``, its ``fieldsV1`` as far as they are worth knowing."""
    fields = entry.get("fieldsV1")
    if not fields:
        return entry
    noted = (fields.get("f:metadata") or {}).get("f:annotations") or {}
    ours = {name: value for name, value in noted.items() if name.startswith(f"f:{GROUP}/")}
    kept: dict[str, Json] = {"f:metadata": {"f:annotations": ours}} if ours else {}
    if entry.get("manager") == MANAGER and "f:spec" in fields:
        kept["f:spec"] = {}
    plain = {**entry, "fieldsV1": kept}
    if not kept:
        del plain["fieldsV1"]
    return plain
