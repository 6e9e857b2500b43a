"""Objects of any kind, by what the API server says of its kinds; applied, listed and removed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from rollout.edges.kube import paths
from rollout.edges.kube.cache import Json
from rollout.edges.kube.calls import APPLY, SOURCES, Calls, NotFound
from rollout.edges.kube.watch import Absent
from rollout.errors import ConflictError, Outside, OutsideError

PAGE = 200  # objects a request


@dataclass(frozen=True, slots=True)
class _Resource:
    """Where a kind is: the path of its group and version, its plural, and its scope."""

    base: str
    plural: str
    namespaced: bool


@dataclass
class Objects:
    """The port of that name. ``calls``: shared with the watches."""

    calls: Calls
    _known: dict[str, Mapping[str, _Resource]] = field(default_factory=dict)

    async def in_namespaces(self, api_version: str, kind: str) -> bool:
        return (await self._resource(api_version, kind)).namespaced

    async def read(self, api_version: str, kind: str, namespace: str, name: str) -> Json | None:
        path = await self._path(api_version, kind, namespace, name)
        where = paths.where(kind, namespace, name)
        try:
            return await self.calls.call("GET", path, {}, None, where=where)
        except NotFound:
            return None

    async def marked(
        self, api_version: str, kind: str, namespace: str, label: str
    ) -> Sequence[Json]:
        path = await self._path(api_version, kind, namespace)
        found: list[Json] = []
        query = {"labelSelector": label, "limit": str(PAGE)}
        while True:
            page = await self.calls.call("GET", path, query, None, where=f"{kind.lower()} list")
            found += [{"apiVersion": api_version, "kind": kind, **o} for o in page["items"] or ()]
            following = str((page.get("metadata") or {}).get("continue") or "")
            if not following:
                return found
            query["continue"] = following

    async def apply(
        self, obj: Json, *, force: bool = False, dry: bool = False, manager: str = SOURCES
    ) -> Json:
        kind, metadata = str(obj["kind"]), obj["metadata"]
        namespace, name = str(metadata.get("namespace", "")), str(metadata["name"])
        path = await self._path(str(obj["apiVersion"]), kind, namespace, name)
        query = {"fieldManager": manager, **({"force": "true"} if force else {})}
        query |= {"dryRun": "All"} if dry else {}
        where = paths.where(kind, namespace, name)
        return await self.calls.call(APPLY, path, query, obj, where=where)

    async def remove(self, obj: Json) -> None:
        kind, metadata = str(obj["kind"]), obj["metadata"]
        namespace, name = str(metadata.get("namespace", "")), str(metadata["name"])
        path = await self._path(str(obj["apiVersion"]), kind, namespace, name)
        body = {"propagationPolicy": "Background", "preconditions": {"uid": metadata["uid"]}}
        where = paths.where(kind, namespace, name)
        try:
            await self.calls.call("DELETE", path, {}, body, where=where)
        except (NotFound, ConflictError):
            return

    async def _path(self, api_version: str, kind: str, namespace: str, name: str = "") -> str:
        resource = await self._resource(api_version, kind)
        parts = ["namespaces", namespace] if resource.namespaced else []
        parts += [part for part in (resource.plural, name) if part]
        return "/".join([resource.base, *(quote(part, safe="") for part in parts)])

    async def _resource(self, api_version: str, kind: str) -> _Resource:
        if kind not in self._known.get(api_version, {}):
            self._known[api_version] = await self._listed(api_version)
        found = self._known[api_version].get(kind)
        if found is None:
            raise _unknown(api_version, kind)
        return found

    async def _listed(self, api_version: str) -> Mapping[str, _Resource]:
        """The kinds of one group and version. Source: Kubernetes, "API discovery"."""
        base = f"/{'apis' if '/' in api_version else 'api'}/{api_version}"
        try:
            answer = await self.calls.call("GET", base, {}, None, where=f"kinds of {api_version}")
        except (NotFound, Absent) as error:
            raise _unknown(api_version, "") from error
        found: dict[str, _Resource] = {}
        for one in _resources(answer):
            plural = str(one.get("name"))
            if "/" not in plural:
                found[str(one.get("kind"))] = _Resource(base, plural, bool(one.get("namespaced")))
        return found


def _resources(answer: Json) -> Sequence[Mapping[str, Any]]:
    return [one for one in answer.get("resources") or () if isinstance(one, Mapping)]


def _unknown(api_version: str, kind: str) -> OutsideError:
    what = f"the API server does not know {f'{kind} of ' if kind else ''}{api_version}"
    return OutsideError(f"{what}; its CRD is wanted", kind=Outside.UNKNOWN_KIND, what=what)
