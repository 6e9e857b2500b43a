"""istiod's ``/debug/syncz``: which proxies have taken what was sent to them since a moment.

Source: istio/istio, ``pilot/pkg/xds/debug.go``.
"""

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import aiohttp

from rollout.edges import whole
from rollout.model.observation import ProxySync

SECONDS = 5
SHARE = 10  # times as long as an answer took, istiod is left alone at the least
FRESH = 0.5  # seconds for which one answer serves everybody who asks
LARGEST = 64 << 20

Proxy = Mapping[str, Any]


class Syncz:
    """Asks every istiod at ``urls`` for its proxies; a proxy is counted once."""

    def __init__(self, http: aiohttp.ClientSession, urls: Sequence[str]) -> None:
        self._http = http
        self._urls = urls
        self._lock = asyncio.Lock()
        self._known: tuple[float, list[Proxy] | None] = (float("-inf"), None)
        self._took = FRESH

    async def synced(self, since: datetime) -> ProxySync | None:
        """None when an istiod does not answer, or is too old to say when it sent what.

        An answer in which somebody's proxies are not ready yet is asked anew sooner than one that
        says all there is to say, but istiod works for us no more than a tenth of its time.
        """
        found = self._counted(await self._proxies(FRESH), since)
        if found is None or found.synced >= found.proxies:
            return found
        return self._counted(await self._proxies(min(FRESH, SHARE * self._took)), since)

    @staticmethod
    def _counted(proxies: list[Proxy] | None, since: datetime) -> ProxySync | None:
        return None if proxies is None else counted(proxies, since)

    async def _proxies(self, fresh: float) -> list[Proxy] | None:
        """Every proxy, as of ``fresh`` seconds ago at the most."""
        async with self._lock:
            clock = asyncio.get_running_loop().time
            began = clock()
            if began - self._known[0] > fresh:
                pages = await asyncio.gather(*(page(self._http, url) for url in self._urls))
                every = (one for told in pages for one in told or () if isinstance(one, dict))
                self._known = (clock(), None if None in pages else [*every])
                self._took = clock() - began
            return self._known[1]


async def page(
    http: aiohttp.ClientSession, url: str, headers: Mapping[str, str] | None = None
) -> list[Any] | None:
    """What the istiod at ``url`` says of its proxies, as it says it; None: no such page."""
    timeout = aiohttp.ClientTimeout(total=SECONDS)
    try:
        async with http.get(url, timeout=timeout, allow_redirects=False, headers=headers) as answer:
            text = await whole.read(answer, LARGEST) if answer.status == 200 else b""
            value = json.loads(text or b"null")
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError, RecursionError):
        return None
    return value if isinstance(value, list) else None


def counted(proxies: Iterable[Proxy], since: datetime) -> ProxySync | None:
    """How many proxies there are, and how many have taken something sent after ``since``.

    A proxy that was sent nothing since may still wait for its push, so it does not count as
    synced, even where all it was ever sent is acknowledged.
    """
    found = {str(proxy.get("proxy")): proxy.get("resources") for proxy in proxies}
    known = [one for one in found.values() if isinstance(one, dict) and one]
    if not known or len(known) < len(found):
        return None
    complaints = sorted(filter(None, (_complaint(one) for one in known)))
    synced = sum(_has_taken(one, since) for one in known)
    behind = sum(not _acked(one) for one in known)
    return ProxySync(len(known), synced, complaints[0][:200] if complaints else "", behind)


def _has_taken(resources: Mapping[str, Any], since: datetime) -> bool:
    newest = max((_time(one.get("sentTime")) for one in _kinds(resources)), default=_NEVER)
    return newest >= since and _acked(resources)


def _acked(resources: Mapping[str, Any]) -> bool:
    return all(one.get("acked") == one["sent"] for one in _kinds(resources))


def _kinds(resources: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [one for one in resources.values() if isinstance(one, dict) and one.get("sent")]


def _complaint(resources: Mapping[str, Any]) -> str:
    """The first refusal of a proxy, in Envoy's words."""
    told = (one.get("lastError") for one in resources.values() if isinstance(one, dict))
    return next((" ".join(str(text).split()) for text in told if text), "")


_NEVER = datetime.min.replace(tzinfo=UTC)


def _time(text: object) -> datetime:
    try:
        return datetime.fromisoformat(str(text)).astimezone(UTC)
    except (ValueError, OverflowError):
        return _NEVER
