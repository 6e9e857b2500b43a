"""One call to one webhook over HTTPS: by URL, or through a Service to a pod that is ready."""

from __future__ import annotations

import asyncio
import random
import ssl
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from rollout.lab.apiserver.storage.ledger import Ledger

from .review import CallFailedError
from .selecting import Webhook

JsonObject = dict[str, Any]

Reach = Callable[[str], str]
"""From a pod's address, as Endpoints say it, to the one that can be connected to from here."""


@dataclass(frozen=True, slots=True)
class Target:
    """``url``: as people read it. ``connect``: the one to connect to. ``name``: whom TLS means."""

    url: str
    connect: str
    name: str


@dataclass(slots=True)
class Caller:
    """``ledger``: where Services and their Endpoints are looked up."""

    ledger: Ledger
    reach: Reach = str
    _http: aiohttp.ClientSession | None = None
    _trusted: dict[str, ssl.SSLContext] = field(default_factory=dict)

    async def call(self, webhook: Webhook, body: JsonObject) -> Any:
        """The webhook's answer, parsed; CallFailedError says why there is none."""
        client = webhook.spec["clientConfig"]
        target = self._target(client)
        seconds = float(webhook.spec.get("timeoutSeconds") or 10)
        try:
            async with self._session().post(
                target.connect,
                json=body,
                ssl=self._context(str(client.get("caBundle") or "")),
                server_hostname=target.name,
                headers={"Host": target.url.split("/")[2]},
                params={"timeout": f"{seconds:g}s"},
                timeout=aiohttp.ClientTimeout(total=seconds),
            ) as answer:
                if answer.status != 200:
                    raise CallFailedError(f"the server answered {answer.status} to {target.url}")
                return await answer.json(content_type=None)
        except TimeoutError as error:
            raise CallFailedError(f'Post "{target.url}": context deadline exceeded') from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise CallFailedError(f'Post "{target.url}": {error!s:.200}') from error

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()
            await asyncio.sleep(0)

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            # Kept connections would outlive a webhook's pod, and find nobody.
            self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True))
        return self._http

    def _context(self, bundle: str) -> ssl.SSLContext:
        if bundle not in self._trusted:
            pem = b64decode(bundle).decode("ascii") if bundle else None
            self._trusted[bundle] = ssl.create_default_context(cadata=pem)
        return self._trusted[bundle]

    def _target(self, client: Mapping[str, Any]) -> Target:
        if client.get("url"):
            url = str(client["url"])
            return Target(url, url, url.split("/")[2].rpartition(":")[0])
        service = client["service"]
        space, name = str(service["namespace"]), str(service["name"])
        port, path = int(service.get("port") or 443), str(service.get("path") or "/")
        host = f"{name}.{space}.svc"
        address = self._endpoint(space, name, port)
        return Target(f"https://{host}:{port}{path}", f"https://{address}{path}", host)

    def _endpoint(self, space: str, name: str, port: int) -> str:
        """Any ready pod behind the Service, as address and port."""
        service = self.ledger.get("services", space, name)
        if service is None:
            raise CallFailedError(f'service "{name}" not found')
        ports = service.object["spec"].get("ports") or ()
        wanted = next((each for each in ports if each["port"] == port), None)
        if wanted is None:
            raise CallFailedError(f'no service port {port} found for service "{name}"')
        backing = self.ledger.get("endpoints", space, name)
        ready = [
            f"{self.reach(str(address['ip']))}:{_number(subset, wanted)}"
            for subset in ((backing.object.get("subsets") or ()) if backing else ())
            for address in subset.get("addresses") or ()
        ]
        if not ready:
            raise CallFailedError(f'no endpoints available for service "{name}"')
        return random.choice(ready)  # noqa: S311 - a share of calls, not a secret


def _number(subset: Mapping[str, Any], wanted: Mapping[str, Any]) -> int:
    for each in subset.get("ports") or ():
        if each.get("name", "") == wanted.get("name", ""):
            return int(each["port"])
    return int(wanted["port"])
