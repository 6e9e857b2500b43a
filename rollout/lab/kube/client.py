"""The Kubernetes API over HTTP, as the lab's controllers need it: list, watch, and small writes.

Works against any API server; nothing of ours is imported, so a bug here is not a bug there.
"""

import json
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from rollout.errors import OutsideError, RefusedError

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """Where objects of one kind live. ``group`` is empty for the core API."""

    group: str
    version: str
    plural: str
    name: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str = "", name: str = "", part: str = "") -> str:
        """The URL's path of the collection, the object or its subresource ``part``."""
        root = f"/apis/{self.api_version}" if self.group else f"/api/{self.version}"
        scope = f"/namespaces/{namespace}" if namespace else ""
        return "/".join(filter(None, (root + scope, self.plural, name, part)))


POD = Kind("", "v1", "pods", "Pod")
SERVICE = Kind("", "v1", "services", "Service")
ENDPOINTS = Kind("", "v1", "endpoints", "Endpoints")
NAMESPACE = Kind("", "v1", "namespaces", "Namespace", namespaced=False)
SLICE = Kind("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice")
DEPLOYMENT = Kind("apps", "v1", "deployments", "Deployment")
REPLICASET = Kind("apps", "v1", "replicasets", "ReplicaSet")
STATEFULSET = Kind("apps", "v1", "statefulsets", "StatefulSet")
DAEMONSET = Kind("apps", "v1", "daemonsets", "DaemonSet")
VIRTUALSERVICE = Kind("networking.istio.io", "v1", "virtualservices", "VirtualService")
DESTINATIONRULE = Kind("networking.istio.io", "v1", "destinationrules", "DestinationRule")
GATEWAY = Kind("networking.istio.io", "v1", "gateways", "Gateway")
CRD = Kind(
    "apiextensions.k8s.io",
    "v1",
    "customresourcedefinitions",
    "CustomResourceDefinition",
    namespaced=False,
)
CONFIGMAP = Kind("", "v1", "configmaps", "ConfigMap")
SECRET = Kind("", "v1", "secrets", "Secret")
ACCOUNT = Kind("", "v1", "serviceaccounts", "ServiceAccount")
AUTOSCALER = Kind("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler")
BUDGET = Kind("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget")
_ADMISSION = "admissionregistration.k8s.io"
MUTATING = Kind(
    _ADMISSION,
    "v1",
    "mutatingwebhookconfigurations",
    "MutatingWebhookConfiguration",
    namespaced=False,
)
VALIDATING = Kind(
    _ADMISSION,
    "v1",
    "validatingwebhookconfigurations",
    "ValidatingWebhookConfiguration",
    namespaced=False,
)
KINDS = (
    POD, SERVICE, ENDPOINTS, NAMESPACE, SLICE, DEPLOYMENT, REPLICASET, STATEFULSET, DAEMONSET,
    VIRTUALSERVICE, DESTINATIONRULE, GATEWAY, CRD, CONFIGMAP, SECRET, ACCOUNT, AUTOSCALER,
    BUDGET, MUTATING, VALIDATING,
)  # fmt: skip


class ApiRefusedError(RefusedError):
    """The API server said no; ``status`` is HTTP's number (404 and 409 are daily bread)."""

    def __init__(self, status: int, text: str) -> None:
        self.status = status
        super().__init__(text)


class Kube:
    """One API server. ``token`` and ``tls`` are for a real one; the lab's own needs neither."""

    def __init__(self, url: str, token: str = "", tls: ssl.SSLContext | None = None) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._tls = tls
        self._http: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()

    async def ready(self) -> bool:
        """Whether the server says so. Errors: OutsideError while nobody answers."""
        try:
            async with self._session().get(f"{self._url}/readyz", ssl=self._tls or True) as answer:
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError) as error:
            raise OutsideError(f"{self._url}: no answer: {error}") from error

    async def list(self, kind: Kind) -> tuple[list[Object], str]:
        """Every object of ``kind`` and the resourceVersion to watch from."""
        answer = await self._ask("GET", kind.path())
        filled = {"apiVersion": kind.api_version, "kind": kind.name}
        return [filled | item for item in answer["items"]], answer["metadata"]["resourceVersion"]

    async def watch(self, kind: Kind, since: str) -> AsyncIterator[tuple[str, Object]]:
        """Events after ``since``, type and object, until the server ends the watch."""
        query = {"watch": "true", "resourceVersion": since, "timeoutSeconds": "300"}
        timeout = aiohttp.ClientTimeout(total=None)
        async with self._session().get(
            self._url + kind.path(), params=query, ssl=self._tls or True, timeout=timeout
        ) as answer:
            await _refuse(answer, kind.path())
            async for line in answer.content:
                event = json.loads(line)
                yield event["type"], event["object"]

    async def read(self, kind: Kind, namespace: str, name: str) -> Object:
        return await self._ask("GET", kind.path(namespace, name))

    async def create(self, kind: Kind, obj: Object) -> Object:
        whole = {"apiVersion": kind.api_version, "kind": kind.name} | obj
        namespace = obj["metadata"].get("namespace", "") if kind.namespaced else ""
        return await self._ask("POST", kind.path(namespace), body=whole)

    async def patch(
        self, kind: Kind, namespace: str, name: str, patch: Mapping[str, Any], part: str = ""
    ) -> Object:
        """The object after an RFC 7386 merge patch, on it or on its subresource ``part``."""
        headers = {"Content-Type": "application/merge-patch+json"}
        path = kind.path(namespace, name, part)
        return await self._ask("PATCH", path, body=patch, headers=headers)

    async def delete(self, kind: Kind, namespace: str, name: str) -> Object:
        return await self._ask("DELETE", kind.path(namespace, name))

    async def apply(self, obj: Object) -> Object:
        """The object is there and has these fields; made, or merge-patched if it was there."""
        kind = kind_of(obj)
        try:
            return await self.create(kind, obj)
        except ApiRefusedError as refused:
            if refused.status != 409:
                raise
        meta = obj["metadata"]
        return await self.patch(kind, meta.get("namespace", ""), meta["name"], obj)

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            connector = aiohttp.TCPConnector(limit=0)
            self._http = aiohttp.ClientSession(headers=self._headers, connector=connector)
        return self._http

    async def _ask(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Object:
        payload = None if body is None else json.dumps(body).encode()
        sent = {"Content-Type": "application/json"} | dict(headers or {})
        try:
            async with self._session().request(
                method, self._url + path, data=payload, headers=sent, ssl=self._tls or True
            ) as answer:
                await _refuse(answer, path)
                return dict(await answer.json(content_type=None))
        except (aiohttp.ClientError, TimeoutError) as error:
            raise OutsideError(f"{self._url}: no answer to {method} {path}: {error}") from error


def kind_of(obj: Object) -> Kind:
    """The kind of ``obj`` as the lab knows it. Errors: RefusedError for one it has no use for."""
    for kind in KINDS:
        if (kind.name, kind.group) == (obj["kind"], _group(obj["apiVersion"])):
            return kind
    raise RefusedError(f"{obj['apiVersion']} {obj['kind']}: not a kind the lab can apply")


def _group(api_version: str) -> str:
    return api_version.rpartition("/")[0]


async def _refuse(answer: aiohttp.ClientResponse, path: str) -> None:
    if answer.status >= 400:
        # 600: the API server's own sentence, not the whole object it may quote.
        text = (await answer.text())[:600]
        raise ApiRefusedError(answer.status, f"{path}: answered {answer.status}: {text}")
