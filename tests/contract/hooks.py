"""A webhook that does what its test wants, and remembers what it was shown."""

from __future__ import annotations

import asyncio
import contextlib
import json
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from rollout.lab.apiserver import authority
from tests.contract.client import Api

Json = dict[str, Any]
Says = Callable[[Json], Json]

_KINDS = {
    "Mutating": "mutatingwebhookconfigurations",
    "Validating": "validatingwebhookconfigurations",
}
PODS: Json = {
    "operations": ["CREATE"],
    "apiGroups": [""],
    "apiVersions": ["v1"],
    "resources": ["pods"],
}
CONFIG_MAPS: Json = PODS | {"operations": ["*"], "resources": ["configmaps"]}
WIDGETS: Json = PODS | {
    "operations": ["*"],
    "apiGroups": ["example.dev"],
    "resources": ["widgets"],
}
_ROOT = "/apis/admissionregistration.k8s.io/v1"


def allowed(_: Json) -> Json:
    return {"allowed": True}


def refused(message: str = "", code: int = 0, **more: Any) -> Says:
    status = {"message": message, "code": code, **more}
    return lambda _: {"allowed": False, "status": {k: v for k, v in status.items() if v}}


def patched(*operations: Json, **more: Any) -> Says:
    text = b64encode(json.dumps(list(operations)).encode()).decode()
    return lambda _: {"allowed": True, "patchType": "JSONPatch", "patch": text, **more}


def added(path: str, value: Any) -> Json:
    return {"op": "add", "path": path, "value": value}


@dataclass
class Hooks:
    """One HTTPS server; each path is a webhook. ``shown``: path and request, in order."""

    api: Api
    url: str
    bundle: str
    says: dict[str, Says] = field(default_factory=dict)
    shown: list[tuple[str, Json]] = field(default_factory=list)
    silent: set[str] = field(default_factory=set)
    _made: list[str] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        return [path for path, _ in self.shown]

    def spec(self, name: str, says: Says = allowed, rules: Json = PODS, **more: Any) -> Json:
        """A webhook of this server; asked about the test's namespace, but for probes."""
        self.says[name] = says
        return {
            "name": f"{name}.example.dev",
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "clientConfig": {"url": f"{self.url}/{name}", "caBundle": self.bundle},
            "rules": [rules],
            "namespaceSelector": {"matchLabels": {"hooked": self.api.namespace}},
            "objectSelector": {"matchExpressions": [{"key": "probe", "operator": "DoesNotExist"}]},
            **more,
        }

    async def configured(self, kind: str, *webhooks: Json, name: str = "a") -> str:
        """The configuration is in force; its path."""
        beacon = self.spec(f"beacon-{name}-{kind.lower()}", allowed, CONFIG_MAPS)
        beacon["objectSelector"] = {"matchLabels": {"probe": name}}
        root, whole = f"{_ROOT}/{_KINDS[kind]}", f"{self.api.namespace}-{name}"
        body = {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": f"{kind}WebhookConfiguration",
            "metadata": {"name": whole},
            "webhooks": [*webhooks, beacon],
        }
        made = await self.api.post(root, body)
        assert made.code == 201, made
        self._made.append(f"{root}/{whole}")
        await self._in_force(name)
        return self._made[-1]

    async def _in_force(self, name: str) -> None:
        """A real server looks at its webhooks through a watch, a moment late."""
        probe = {"metadata": {"name": "probe", "labels": {"probe": name}}}
        for _ in range(10_000):
            answer = await self.api.post(self.api.path("v1/configmaps"), probe, dryRun="All")
            assert answer.code == 201, answer
            if self.shown:
                self.shown.clear()
                return
            await asyncio.sleep(0.02)
        pytest.fail("the webhook is never asked")

    async def answer(self, request: web.Request) -> web.Response:
        name, review = request.path.strip("/"), await request.json()
        self.shown.append((name, review["request"]))
        if name in self.silent:
            await asyncio.sleep(30)
        response = {"uid": review["request"]["uid"], **self.says[name](review["request"])}
        return web.json_response(
            {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}
        )

    async def forget(self) -> None:
        for path in self._made:
            await self.api.delete(path)


@contextlib.asynccontextmanager
async def serving(api: Api) -> AsyncIterator[Hooks]:
    trusted = await authority.made()
    assert trusted is not None, "there is no openssl"
    app = web.Application()
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    hooks = Hooks(api, "", b64encode(trusted.pem.encode()).decode())
    app.router.add_post("/{name}", hooks.answer)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=trusted.context).start()
    hooks.url = f"https://127.0.0.1:{runner.addresses[0][1]}"
    label = {"metadata": {"labels": {"hooked": api.namespace}}}
    await api.patch(f"/api/v1/namespaces/{api.namespace}", label)
    try:
        yield hooks
    finally:
        await hooks.forget()
        await runner.cleanup()


def pod(name: str = "p", **labels: str) -> Json:
    box = {"name": "app", "image": "app:1"}
    return {"metadata": {"name": name, "labels": labels}, "spec": {"containers": [box]}}
