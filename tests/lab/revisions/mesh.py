"""What tests of revisions do and ask, as people and controllers would: through the API server."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from rollout.lab.kube.client import (
    ACCOUNT,
    NAMESPACE,
    POD,
    VIRTUALSERVICE,
    ApiRefusedError,
    Kind,
    Object,
)
from rollout.lab.kube.watched import until
from rollout.lab.revisions import injection
from rollout.lab.revisions.names import Revision
from rollout.lab.world import World

OLD = Revision("1-29-6", "1.29.6")
NEW = Revision("1-30-3", "1.30.3")
Json = dict[str, Any]


@dataclass(slots=True)
class Mesh:
    """``real``: whether the API server is. Namespaces have names that no other test has."""

    world: World
    real: bool
    _prefix: str = field(default_factory=lambda: f"t{uuid.uuid4().hex[:6]}")

    @property
    def kube(self) -> Any:
        return self.world.kube

    async def install(self, revision: Revision) -> None:
        """By Service, wherever port 443 may be listened on, as on a real server only root may."""
        by_service = not self.real or os.geteuid() == 0
        clients = None if by_service else await self.world.revisions.by_url(revision)
        await self.world.revisions.install(revision, clients)

    async def space(self, name: str, labels: Mapping[str, str]) -> str:
        """A new namespace's full name."""
        whole = f"{self._prefix}-{name}"
        await self.world.revisions.ensured(whole, labels)
        while self.real and not await self._has_account(whole):
            await asyncio.sleep(0.02)
        return whole

    async def _has_account(self, space: str) -> bool:
        found = (await self.world.kube.list(ACCOUNT))[0]
        return any(each["metadata"]["namespace"] == space for each in found)

    async def relabel(self, space: str, labels: Mapping[str, str | None]) -> None:
        await self.world.kube.patch(NAMESPACE, "", space, {"metadata": {"labels": dict(labels)}})

    async def tried(self, space: str, labels: Mapping[str, str] | None = None) -> Object:
        """A pod as it would be, by a dry run."""
        return await self.dry_run(POD, space, web(labels))

    async def dry_run(self, kind: Kind, space: str, obj: Object) -> Object:
        """Errors: ApiRefusedError in the server's own words."""
        whole = {"apiVersion": kind.api_version, "kind": kind.name} | obj
        path = f"{kind.path(space)}?dryRun=All"
        found: Object = await self.world.kube._ask("POST", path, body=whole)
        return found

    async def revision(self, space: str, labels: Mapping[str, str] | None = None) -> str:
        """Whose proxy a new pod gets; ``none`` if it gets none."""
        pod = await self.tried(space, labels)
        assert len(injection.proxies(pod)) <= 1, pod
        return injection.revision_of(pod) or "none"

    async def refusal(self, space: str) -> str:
        """Why a pod cannot be made; empty if it can."""
        try:
            await self.tried(space)
        except ApiRefusedError as refused:
            return str(refused)
        return ""

    async def deploy(self, space: str, name: str = "web", replicas: int = 1) -> None:
        """The Deployment is there, and as it should be."""
        await self.world.apply(deployment(space, name, replicas))
        await self.world.settled(space, name)

    async def pods(self, space: str) -> list[Object]:
        found = (await self.world.kube.list(POD))[0]
        return [
            each
            for each in found
            if each["metadata"]["namespace"] == space
            and not each["metadata"].get("deletionTimestamp")
        ]

    async def syncz(self, pod: str, token: str = "") -> tuple[int, Any]:
        """Status and page of one istiod, named ``namespace/pod``."""
        url = f"{self.world.control_url}/istiod/{pod}/debug/syncz"
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with aiohttp.ClientSession() as http, http.get(url, headers=headers) as answer:
            text = answer.status == 200
            return answer.status, await (answer.json() if text else answer.text())

    async def connected(self, revision: Revision) -> dict[str, Json]:
        """The proxies of all its istiods by name; no two istiods have the same."""
        union: dict[str, Json] = {}
        for key, replica in self.world.revisions.planes.replicas():
            if replica.revision.name == revision.name:
                _, page = await self.syncz(key)
                assert not union.keys() & {each["proxy"] for each in page}
                union |= {each["proxy"]: each for each in page}
        return union

    async def metrics(self) -> str:
        url = f"{self.world.control_url}/istiod/metrics"
        async with aiohttp.ClientSession() as http, http.get(url) as answer:
            return await answer.text()

    async def no_pods(self) -> None:
        while (await self.world.kube.list(POD))[0]:
            await asyncio.sleep(0.05)

    async def validated(self, space: str, spec: Json, labels: Mapping[str, str]) -> str:
        """What becomes of a dry-run write of a VirtualService; empty if it may be."""
        obj = {"metadata": {"name": "vs", "labels": dict(labels)}, "spec": spec}
        try:
            await self.dry_run(VIRTUALSERVICE, space, obj)
        except ApiRefusedError as refused:
            return str(refused)
        return ""


def web(labels: Mapping[str, str] | None = None) -> Object:
    """The pod that real istiods were shown."""
    box = {"name": "app", "image": "web:1", "ports": [{"containerPort": 8080}]}
    meta = {"name": "web", "labels": {"app": "web", **(labels or {})}}
    return {"metadata": meta, "spec": {"containers": [box]}}


def deployment(space: str, name: str, replicas: int) -> Object:
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": web()["spec"]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": space, "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": template,
        },
    }


async def eventually(what: str, so: Any, seconds: float = 120.0) -> None:
    await until(what, so, seconds)
