"""The smallest client of a Kubernetes API: what was sent and what came back, nothing hidden."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

Json = dict[str, Any]

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


@dataclass(frozen=True)
class Answer:
    """A response; ``body`` is None if it is no JSON."""

    code: int
    body: Any
    headers: Mapping[str, str]

    def __getitem__(self, key: str) -> Any:
        return self.body[key]

    @property
    def problem(self) -> tuple[int, str]:
        return self.code, self.body.get("reason", "")

    @property
    def version(self) -> str:
        return str(self.body["metadata"]["resourceVersion"])


@dataclass
class Api:
    """One server and a namespace of its own for one test."""

    session: aiohttp.ClientSession
    url: str
    real: bool
    compact: Callable[[], Awaitable[None]]
    tls: ssl.SSLContext | bool = True
    namespace: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def path(self, resource: str, name: str = "") -> str:
        """``v1/configmaps`` or ``apps/v1/deployments`` in the test's namespace."""
        *group, plural = resource.split("/")
        root = "/api/v1" if group == ["v1"] else f"/apis/{'/'.join(group)}"
        return f"{root}/namespaces/{self.namespace}/{plural}" + (f"/{name}" if name else "")

    async def send(
        self, method: str, path: str, body: Any = None, media: str = "", **query: str
    ) -> Answer:
        headers = {**self.headers, "Content-Type": media or "application/json"}
        if "accept" in query:
            headers["Accept"] = query.pop("accept")
        data = None if body is None else json.dumps(body)
        async with self.session.request(
            method, self.url + path, data=data, headers=headers, params=query, ssl=self.tls
        ) as response:
            text = await response.text()
            found = json.loads(text) if text[:1] in ("{", "[") else None
            return Answer(response.status, found, response.headers)

    async def get(self, path: str, **query: str) -> Answer:
        return await self.send("GET", path, **query)

    async def post(self, path: str, body: Any, **query: str) -> Answer:
        return await self.send("POST", path, body, **query)

    async def put(self, path: str, body: Any, **query: str) -> Answer:
        return await self.send("PUT", path, body, **query)

    async def patch(self, path: str, body: Any, media: str = MERGE_PATCH, **query: str) -> Answer:
        return await self.send("PATCH", path, body, media, **query)

    async def apply(self, path: str, body: Any, manager: str, **query: str) -> Answer:
        return await self.patch(path, body, APPLY_PATCH, fieldManager=manager, **query)

    async def delete(self, path: str, body: Any = None, **query: str) -> Answer:
        return await self.send("DELETE", path, body, **query)

    @contextlib.asynccontextmanager
    async def watch(self, path: str, **query: str) -> AsyncIterator[Events]:
        asked = {"watch": "1", "timeoutSeconds": "20", **query}
        headers = {**self.headers, "Accept": asked.pop("accept", "application/json")}
        async with self.session.get(
            self.url + path, params=asked, headers=headers, ssl=self.tls
        ) as response:
            yield Events(response)


@dataclass
class Events:
    """The events of one watch."""

    response: aiohttp.ClientResponse

    async def next(self, within_s: float = 10.0) -> tuple[str, Json]:
        """The next event's type and object; ("", {}) when the server ended the watch."""
        line = await asyncio.wait_for(self.response.content.readline(), within_s)
        if not line:
            return "", {}
        event = json.loads(line)
        return event["type"], event["object"]

    async def names(self, count: int) -> list[tuple[str, str]]:
        """The next ``count`` events as type and object name."""
        found = [await self.next() for _ in range(count)]
        return [(kind, document["metadata"]["name"]) for kind, document in found]
