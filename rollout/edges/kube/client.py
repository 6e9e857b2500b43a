"""The Kubernetes API server: one shared watch per kind behind every read, JSON Patch for writes.

Raw JSON throughout: ``kubernetes.aio``'s model classes would drop fields that they do not know.
"""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Self

from rollout import lenient
from rollout.edges.kube import paths
from rollout.edges.kube.cache import Cache, Index, Json, key_of
from rollout.edges.kube.calls import Calls, NotFound, Told
from rollout.edges.kube.objects import Objects
from rollout.edges.kube.package import client
from rollout.edges.kube.source import Scope, Source, cached, named
from rollout.edges.kube.watch import PAGE, Watch
from rollout.errors import ConflictError, OutsideError, RolloutError

STALE_SECONDS = 90  # a cache that has heard nothing for so long is not read from


class Kube:
    """The port of that name, on a real API server; a kind's watch begins when it is first read.

    ``index`` finds an object's concerns; ``scopes``: kinds of which not everything is watched.
    ``jitter``: a number between 0 and 1, new each time. ``told``: hears of each request.
    ``server``: the API server's URL.
    """

    def __init__(
        self,
        api: client.ApiClient,
        index: Index,
        scopes: Mapping[str, Scope] | None = None,
        jitter: Callable[[], float] = random.random,
        told: Told = lambda *_: None,
    ) -> None:
        self.server = str(api.configuration.host)
        self._calls = Calls(api, told)
        self._index = index
        self._scopes = scopes or {}
        self._jitter = jitter
        self._caches: dict[str, Cache] = {}
        self._watches: dict[str, Watch] = {}
        self._sources: dict[str, Source] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._listeners: list[Callable[[str, tuple[str, ...]], None]] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Nothing is watched any more, and no connection is open."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._calls.close()

    def get(self, kind: str, namespace: str, name: str) -> Json | None:
        return self._read(kind).get((namespace, name))

    def list(self, kind: str, concern: str = "") -> Sequence[Json]:
        return self._read(kind).all(concern)

    def some(self, kind: str) -> Json | None:
        return self._read(kind).some()

    async def fetch(self, kind: str, namespace: str, name: str) -> Json | None:
        path, where = self._path(kind, namespace, name), paths.where(kind, namespace, name)
        try:
            return named(kind, await self._calls.call("GET", path, {}, None, where=where))
        except NotFound:
            return None

    async def each(self, kind: str, scope: Scope) -> AsyncIterator[Json]:
        """Every object of ``kind`` as it is now, page by page; nothing of it is kept.

        Errors: ``Absent`` (a RefusedError) for a kind that the server does not know, RefusedError,
        OutsideError.
        """
        source = Source(self._calls, kind, scope)
        rest: dict[str, str] = {}
        while True:
            page = await source.fetch({"limit": str(PAGE), **rest})
            for obj in page.get("items") or ():
                yield obj
            token = (page.get("metadata") or {}).get("continue")
            if not token:
                return
            rest = {"continue": str(token)}

    async def version(self) -> str:
        """The server's minor version, ``1.33``; as servers write it, ``1.33+`` is the same."""
        found = await self._calls.call("GET", "/version", {}, None, where="version")
        return f"{found.get('major')}.{str(found.get('minor')).rstrip('+')}"

    @property
    def objects(self) -> Objects:
        """Objects of any kind, over the same connections."""
        return Objects(self._calls)

    def listen(self, changed: Callable[[str, tuple[str, ...]], None]) -> None:
        self._listeners.append(changed)

    def silence(self) -> float:
        now = asyncio.get_running_loop().time()
        heard = [watch.alive_at for watch in self._watches.values() if not watch.refused]
        return now - min(heard, default=float("-inf"))

    def troubles(self) -> Mapping[str, str]:
        found = {kind: self._trouble(kind) for kind in self._watches if not self._follows(kind)}
        return {kind: str(error) for kind, error in found.items()}

    def complaint(self, kind: str) -> str:
        """Why nothing is heard of ``kind`` at this moment; empty when all is well."""
        watch = self._watches.get(kind)
        return watch.complaint if watch else ""

    async def may(
        self, verb: str, kind: str, subresource: str = "", only: tuple[str, str] = ("", "")
    ) -> bool:
        base, plural = paths.PATHS[kind]
        asked = {
            "verb": verb,
            "group": paths.group(base),
            "resource": plural,
            "subresource": subresource,
            "namespace": only[0] or self._scopes.get(kind, Scope()).namespace,
            "name": only[1] or self._only(kind),
        }
        review = {
            "apiVersion": paths.REVIEWS.removeprefix("/apis/"),
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": asked},
        }
        path = f"{paths.REVIEWS}/selfsubjectaccessreviews"
        answer = await self._calls.call("POST", path, {}, review, where="access review")
        return bool((answer.get("status") or {}).get("allowed"))

    async def whoami(self) -> str:
        """The name that the API server has for whoever we come as.

        Source: Kubernetes, "API access to authentication information for a client", since 1.28.
        Errors: ``UnprovenError`` where it knows nobody by what we send; RefusedError, OutsideError.
        """
        review = {"apiVersion": paths.WHO.removeprefix("/apis/"), "kind": "SelfSubjectReview"}
        path = f"{paths.WHO}/selfsubjectreviews"
        answer = await self._calls.call("POST", path, {}, review, where="who asks")
        return lenient.text(lenient.under(answer, "status", "userInfo", "username"))

    async def patch(
        self, kind: str, namespace: str, name: str, ops: Sequence[Json], subresource: str = ""
    ) -> Json:
        path, where = (
            self._path(kind, namespace, name, subresource),
            paths.where(kind, namespace, name),
        )
        try:
            obj = await self._calls.call("PATCH", path, {}, [*ops], where=where)
        except ConflictError:
            await self._read_again(kind, namespace, name)
            raise
        return self._written(kind, obj)

    async def create(self, obj: Json) -> Json:
        kind = str(obj["kind"])
        namespace, name = key_of(obj)
        where = paths.where(kind, namespace, name)
        made = await self._calls.call("POST", self._path(kind, namespace), {}, obj, where=where)
        return self._written(kind, made)

    async def attempt(self, obj: Json) -> Json:
        kind = str(obj["kind"])
        namespace, name = key_of(obj)
        where, path = paths.where(kind, namespace, name), self._path(kind, namespace)
        return await self._calls.call("POST", path, {"dryRun": "All"}, obj, where=where)

    async def delete(self, kind: str, namespace: str, name: str, uid: str) -> None:
        path, where = self._path(kind, namespace, name), paths.where(kind, namespace, name)
        query = {"propagationPolicy": "Background"}
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": uid}}
        try:
            await self._calls.call("DELETE", path, query, body, where=where)
        except (NotFound, ConflictError):
            return

    def _read(self, kind: str) -> Cache:
        cache = self._caches.get(kind)
        if cache is None:
            cache = self._begin(kind)
        if not self._follows(kind):
            raise self._trouble(kind)
        return cache

    def _follows(self, kind: str) -> bool:
        """Whether the cache of ``kind`` is as true as it can be, and is read."""
        since = self._watches[kind].alive_at
        heard = asyncio.get_running_loop().time() - since <= STALE_SECONDS
        return heard and self._caches[kind].listed

    def _trouble(self, kind: str) -> OutsideError:
        """Why the cache of ``kind`` is not read from now."""
        watch = self._watches[kind]
        if not self._caches[kind].listed:
            what = f"{kind.lower()}: {watch.complaint}"
            return OutsideError(f"{what}; the next look sees more", kind=watch.trouble, what=what)
        silent = asyncio.get_running_loop().time() - watch.alive_at
        return OutsideError(
            f"{kind.lower()}: nothing heard for {silent:.0f} s ({watch.complaint}); "
            "decisions wait until the API server answers",
            kind=watch.trouble,
        )

    def _only(self, kind: str) -> str:
        """The one name of ``kind`` that is watched; empty: it is not one."""
        return self._scopes.get(kind, Scope()).fields.partition("metadata.name=")[2]

    def _begin(self, kind: str) -> Cache:
        clock = asyncio.get_running_loop().time  # as a watch's: in a simulation there is no other
        cache = self._caches[kind] = cached(kind, self._index, clock)
        source = Source(self._calls, kind, self._scopes.get(kind, Scope()))
        self._sources[kind] = source
        watch = Watch(source, cache, lambda touched: self._tell(kind, touched), self._jitter)
        self._watches[kind] = watch
        self._tasks.append(asyncio.create_task(watch.run(), name=f"watch {kind}"))
        return cache

    async def _read_again(self, kind: str, namespace: str, name: str) -> None:
        """What somebody else wrote is in the cache, even if the watch that would say so is dead.

        Without it each further write would lose the same race, until the watch is replaced.
        """
        if kind not in self._caches:
            return
        where = paths.where(kind, namespace, name)
        with contextlib.suppress(RolloutError):  # the conflict is the news, not this
            obj = await self._calls.call(
                "GET", self._path(kind, namespace, name), {}, None, where=where
            )
            self._written(kind, obj)

    def _path(self, kind: str, namespace: str, name: str = "", subresource: str = "") -> str:
        """As reading has found it: a server of old may know the kind in another version."""
        source = self._sources.get(kind)
        whole = paths.path(kind, namespace, name, subresource)
        return whole.replace(paths.PATHS[kind][0], source.base, 1) if source else whole

    def _tell(self, kind: str, touched: frozenset[str]) -> None:
        if touched:
            ordered = tuple(sorted(touched))
            for listener in self._listeners:
                listener(kind, ordered)

    def _written(self, kind: str, obj: Json) -> Json:
        """Our own writes are seen at once, and wake those they concern as any change does.

        Where the watch was faster they are what it told: whoever knows a version again by its
        value need not look at it anew.
        """
        cache = self._caches.get(kind)
        if cache is None:
            return named(kind, obj)
        if (told := cache.same(obj)) is not None:
            return told
        obj = named(kind, obj, cache.earlier(obj))
        self._tell(kind, cache.written(obj))
        return obj
