"""Every istiod of a mesh, found by its Service's endpoints and asked for its proxies.

Since Istio 1.27 ``/debug/syncz`` wants a service account's token with audience ``istio-ca``, from
istiod's own namespace or one that ``DEBUG_ENDPOINT_AUTH_ALLOWED_NAMESPACES`` names; where a volume
projects one to ``TOKEN``, as into every sidecar, it is sent along.
Source: istio/istio, ``pilot/pkg/xds/debug.go``; release notes of 1.27, "debug endpoint".
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp

from rollout import lenient
from rollout.edges import syncz

TOKEN = Path("/var/run/secrets/tokens/istio-token")
PORT, NAMED = 15014, "http-monitoring"
PAGE = "http://{address}:{port}/debug/syncz"
Json = Mapping[str, Any]


class Istiods:
    """The port of that name; ``slices``: all EndpointSlices there are now.

    ``url``: of the page, with ``{address}`` and ``{port}`` of one istiod to be filled in.
    """

    def __init__(
        self,
        http: aiohttp.ClientSession,
        slices: Callable[[], Sequence[Json]],
        token: Path = TOKEN,
        url: str = PAGE,
    ) -> None:
        self._http = http
        self._slices = slices
        self._token = token
        self._url = url

    async def pages(
        self, revisions: Sequence[tuple[str, str, str]]
    ) -> Sequence[tuple[str, object]] | None:
        every = [
            (name, url)
            for name, namespace, service in revisions
            for url in self._urls(namespace, service)
        ]
        if not every:
            return None
        gets = (syncz.page(self._http, url, self._headers()) for _, url in every)
        pages = await asyncio.gather(*gets)
        if any(page is None for page in pages):
            return None
        return [(name, page) for (name, _), page in zip(every, pages, strict=True)]

    def _urls(self, namespace: str, service: str) -> Iterator[str]:
        for part in self._slices():
            whose = lenient.labels(part).get("kubernetes.io/service-name")
            if (lenient.namespace(part), whose) != (namespace, service):
                continue
            port = next(_ports(part), PORT)
            for endpoint in lenient.mappings(part.get("endpoints")):
                if lenient.under(endpoint, "conditions", "ready") is False:
                    continue
                for address in lenient.items(endpoint.get("addresses")):
                    host = f"[{address}]" if ":" in str(address) else address
                    yield self._url.format(address=host, port=port)

    def _headers(self) -> dict[str, str]:
        """The token is read anew each time: kubelet renews it."""
        try:
            return {"Authorization": f"Bearer {self._token.read_text(encoding='ascii').strip()}"}
        except (OSError, UnicodeDecodeError):
            return {}


def _ports(part: Json) -> Iterator[int]:
    for port in lenient.mappings(part.get("ports")):
        if port.get("name") == NAMED and isinstance(port.get("port"), int):
            yield port["port"]
