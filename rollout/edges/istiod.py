"""istiod's ``/debug/syncz``: which proxies have taken what was sent since a moment.

Source: facts/istio.md 4.9; istio/pilot/pkg/xds/debug.go, SyncStatus.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Self

import aiohttp

from rollout.model.observation import ProxySync

SECONDS = 3.0  # a look does not wait longer; the observed share or the floor then decide
BODY = 64 << 20
_TYPES = ("cluster", "route", "listener", "endpoint")


class Istiod:
    """The port ``Proxies``, on the debug pages of one mesh revision's istiod.

    ``token_file``: a service account's token for audience ``istio-ca``, read anew for each
    question since it is rotated; empty: asked without.
    """

    def __init__(self, url: str, token_file: str = "") -> None:
        self._url = url.removesuffix("/").removesuffix("/debug/syncz") + "/debug/syncz"
        self._token_file = token_file
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        timeout = aiohttp.ClientTimeout(total=SECONDS)
        self._http = aiohttp.ClientSession(timeout=timeout, trust_env=True)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._http is not None:
            await self._http.close()

    async def synced(self, since: datetime) -> ProxySync | None:
        """None: nobody to ask, or no answer that makes sense."""
        try:
            return read(await self._ask(), since)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, TypeError, KeyError):
            return None

    async def _ask(self) -> Any:
        assert self._http is not None, "only inside `async with`"  # noqa: S101 - our own promise
        headers = {}
        if self._token_file:
            with open(self._token_file, encoding="utf-8") as file:
                headers["Authorization"] = f"Bearer {file.read().strip()}"
        async with self._http.get(self._url, headers=headers, allow_redirects=False) as answer:
            if answer.status != 200:
                raise ValueError(f"status {answer.status}")
            return json.loads(await answer.content.read(BODY))


def read(pages: Iterable[Mapping[str, Any]], since: datetime) -> ProxySync:
    """What syncz's entries say; of a proxy named twice the newer entry counts.

    A proxy has it when something was sent to it since, it acknowledged all that was sent, and it
    rejects nothing.
    """
    newest: dict[str, Mapping[str, Any]] = {}
    for page in pages:
        known = newest.get(page["proxy"])
        if known is None or _sent_at(page) > _sent_at(known):
            newest[str(page["proxy"])] = page
    complaints = [error for page in newest.values() for error in _errors(page)]
    synced = sum(_has_all(page) and _sent_at(page) >= since for page in newest.values())
    return ProxySync(len(newest), synced, complaints[0][:200] if complaints else "")


def _has_all(page: Mapping[str, Any]) -> bool:
    pairs = [(page.get(f"{each}_sent"), page.get(f"{each}_acked")) for each in _TYPES]
    known = [(sent, acked) for sent, acked in pairs if sent]
    return bool(known) and all(sent == acked for sent, acked in known) and not any(_errors(page))


def _sent_at(page: Mapping[str, Any]) -> datetime:
    """When it was last sent anything; long ago where istiod is too old to say."""
    times = [_time(str(one["sentTime"])) for one in _resources(page) if one.get("sentTime")]
    return max(times, default=_LONG_AGO)


_LONG_AGO = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def _time(text: str) -> datetime:
    """RFC 3339 with up to nanoseconds; a little early at most, never late."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=_LONG_AGO.tzinfo)


def _errors(page: Mapping[str, Any]) -> list[str]:
    return [str(one["lastError"]) for one in _resources(page) if one.get("lastError")]


def _resources(page: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list((page.get("resources") or {}).values())
