"""One kind, listed and followed for ever: whatever the watch does, the cache comes back to truth.

Source of the protocol: Kubernetes, "API concepts: efficient detection of changes".
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any, Protocol

from rollout import jsontext, lenient
from rollout.edges.kube.cache import Cache, Json, Key, key_of, number
from rollout.errors import Outside, OutsideError, RefusedError, RolloutError

PAGE = 500
WATCH_SECONDS = 50  # the server ends each watch then, so that a dead one is found within a minute
GRACE_SECONDS = 5  # on top, before a watch that has not ended is given up
ABSENT_SECONDS = 15  # between two looks for a kind that the server does not know
LONGEST_WAIT = 30.0
PATIENCE = 3  # lists in a row from before what we have seen, until history itself has changed


class Absent(RefusedError):
    """The API server does not know this kind: its CRD is not installed."""


class ListAgain(OutsideError):
    """The watch cannot go on from where it was: 410, or an answer that makes no sense."""


class Api(Protocol):
    """What a watch needs of the API server."""

    async def fetch(self, query: Mapping[str, str]) -> Json: ...

    def stream(self, query: Mapping[str, str], seconds: float) -> AsyncGenerator[bytes]: ...

    def named(self, obj: Json, before: Json | None = None) -> Json:
        """``obj`` as the cache keeps it, in the place of ``before``."""


class Watch:
    """Keeps ``cache`` true; ``tell`` hears the concerns of every change.

    ``complaint``: why it is not true now, in one line; empty when all is well.
    ``trouble``: of which kind that is.
    ``alive_at``: when the server last gave a sign of life, by the event loop's clock.
    ``refused``: the server is there, and says no.
    """

    def __init__(
        self,
        api: Api,
        cache: Cache,
        tell: Callable[[frozenset[str]], None],
        jitter: Callable[[], float],
    ) -> None:
        self.complaint = "not listed yet"
        self.trouble = Outside.STARTING
        self.alive_at = float("-inf")
        self.refused = False
        self._api = api
        self._cache = cache
        self._tell = tell
        self._jitter = jitter
        self._version = ""
        self._failures = 0
        self._behind = 0
        self._touched: set[str] = set()  # by lists, the one that is under way among them

    async def run(self) -> None:
        """Ends only when cancelled."""
        while True:
            try:
                await self._once()
            except Absent as error:
                self._absent(error)
                await asyncio.sleep(ABSENT_SECONDS)
            except RolloutError as error:
                if isinstance(error, ListAgain):
                    self._version = ""
                self.refused = isinstance(error, RefusedError)
                self.complaint, self.trouble = str(error), Outside.SILENT
                await asyncio.sleep(_wait(self._failures, self._jitter()))
                self._failures += 1

    async def _once(self) -> None:
        """One list if there is nothing to go on from, then one watch to its end."""
        if not self._version:
            self._version = await self._list()
        started = self._now()
        await self._follow()
        if self._now() - started < 1:  # a server that hangs up at once is not asked at once
            raise OutsideError("watch: it ended at once; asked again")
        self._failures = 0

    async def _list(self) -> str:
        """Kept page by page: of a kind with many objects the whole would be much at once."""
        listed: set[Key] = set()
        query = {"limit": str(PAGE)}
        while True:
            page = await self._api.fetch(query)
            items = [item for item in page.get("items") or () if _is_object(item)]
            meta = page.get("metadata") or {}
            version = str(meta.get("resourceVersion", ""))
            self._sign()
            if "continue" not in query:
                self._check_time(version)
            self._touched |= self._cache.take(items)
            listed.update(map(key_of, items))
            if not meta.get("continue"):
                break
            query = {"limit": str(PAGE), "continue": str(meta["continue"])}
        self._touched |= self._cache.settle(listed, version)
        self.complaint = ""
        touched, self._touched = frozenset(self._touched), set()
        self._tell(touched)
        return version

    def _check_time(self, version: str) -> None:
        """A replica that lags would take us back in time; a restored backup really is back."""
        if 0 < number(version) < self._cache.heard and self._behind < PATIENCE:
            self._behind += 1
            raise OutsideError(f"listed as of {version}, before {self._cache.heard}; asked again")
        self._behind = 0

    async def _follow(self) -> None:
        query = {
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": self._version,
            "timeoutSeconds": str(WATCH_SECONDS),
        }
        stream = self._api.stream(query, WATCH_SECONDS + GRACE_SECONDS)
        async with contextlib.aclosing(_lines(stream)) as lines:
            async for line in lines:
                self._sign()
                self.complaint = ""
                if line:
                    self._version = self._hear(line) or self._version
                    self._failures = 0

    def _hear(self, line: bytes) -> str:
        """What the watch goes on from after this event."""
        event = _event(line)
        obj = event["object"]
        match event["type"]:
            case "ADDED" | "MODIFIED":
                self._tell(self._cache.put(obj, self._shaped))
            case "DELETED":
                self._tell(self._cache.remove(self._api.named(obj)))
            case "BOOKMARK":
                self._cache.passed(_version(obj))
            case other:
                raise ListAgain(f"watch: an event of type {str(other)[:40]!r}; listed again")
        return _version(obj)

    def _shaped(self, obj: Json) -> Json:
        return self._api.named(obj, self._cache.earlier(obj))

    def _absent(self, error: Absent) -> None:
        """A kind never seen has no objects; one that vanishes is more likely a server starting."""
        if self._cache.listed and self._cache.all():
            self.complaint, self.trouble = str(error), Outside.UNKNOWN_KIND
            return
        self._cache.replace((), "")
        self.complaint = ""
        self._sign()

    def _sign(self) -> None:
        self.refused = False
        self.alive_at = self._now()

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


def _wait(failures: int, jitter: float) -> float:
    return min(LONGEST_WAIT, 0.25 * 2.0 ** min(failures, 10)) * (0.5 + jitter)


async def _lines(chunks: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """Whole lines; an empty one at the start, since an answer that begins is a sign of life.

    Half a line at the end was cut off and is dropped.
    """
    rest = b""
    async with contextlib.aclosing(chunks) as stream:
        async for chunk in stream:
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole or [b""]:
                yield line.strip()


def _event(line: bytes) -> dict[str, Any]:
    """One watch event about an object; an ERROR of any shape raises."""
    try:
        event = jsontext.read(line)
    except (ValueError, RecursionError) as error:
        raise ListAgain("watch: a line that is not JSON; listed again") from error
    obj = event.get("object") if isinstance(event, dict) else None
    if not isinstance(obj, dict):
        raise ListAgain("watch: an event without an object; listed again")
    if event.get("type") == "ERROR":
        code = obj.get("code")  # 410 as a rule; any other leaves us as much in the dark
        raise ListAgain(f"watch: an error with code {str(code)[:20]!r}; listed again")
    if event.get("type") != "BOOKMARK" and not _is_object(obj):
        raise ListAgain("watch: an object without a name; listed again")
    return {"type": event.get("type"), "object": obj}


def _is_object(obj: object) -> bool:
    return isinstance(obj, dict) and isinstance(lenient.meta(obj).get("name"), str)


def _version(obj: Json) -> str:
    return str(lenient.meta(obj).get("resourceVersion", ""))
