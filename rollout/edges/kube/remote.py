"""Single objects and whole lists of one API server, asked for each time; nothing is watched.

For a switchover, whose two clusters are looked at only while one is under way.
"""

from collections.abc import Sequence

from rollout.edges.kube import paths
from rollout.edges.kube.cache import Json
from rollout.edges.kube.calls import Calls, NotFound
from rollout.edges.kube.package import client
from rollout.edges.kube.source import named

PAGE = 500


class Remote:
    """One API server, without a cache."""

    def __init__(self, api: client.ApiClient) -> None:
        self._calls = Calls(api)

    async def close(self) -> None:
        """Nothing is open any more."""
        await self._calls.close()

    async def fetch(self, kind: str, namespace: str, name: str) -> Json | None:
        """The object as it is now; None: there is none. Errors: as ``Kube``."""
        path, where = paths.path(kind, namespace, name), paths.where(kind, namespace, name)
        try:
            return named(kind, await self._calls.call("GET", path, {}, None, where=where))
        except NotFound:
            return None

    async def all(self, kind: str, namespace: str = "") -> Sequence[Json]:
        """Every object of ``kind``; ``namespace``: of that one alone. Errors: as ``Kube``."""
        path, query, found = paths.path(kind, namespace), {"limit": str(PAGE)}, []
        while True:
            page = await self._calls.call("GET", path, query, None, where=kind.lower())
            found += [named(kind, item) for item in page.get("items") or ()]
            more = (page.get("metadata") or {}).get("continue")
            if not more:
                return found
            query = {**query, "continue": str(more)}

    async def patch(self, kind: str, namespace: str, name: str, ops: Sequence[Json]) -> Json:
        """The object after the JSON Patch ``ops``; errors as ``Kube``."""
        path, where = paths.path(kind, namespace, name), paths.where(kind, namespace, name)
        return named(kind, await self._calls.call("PATCH", path, {}, [*ops], where=where))
