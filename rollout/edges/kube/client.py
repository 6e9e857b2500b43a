"""The Kubernetes API server: one shared watch per kind behind every read, JSON Patch for writes.

Raw JSON throughout: ``kubernetes.aio``'s model classes would drop fields that they do not know.
"""

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote, urlencode

import aiohttp
from kubernetes.aio import client, config

from rollout.edges.kube.cache import Cache, Index, Json, key_of
from rollout.edges.kube.watch import Absent, ListAgain, Watch
from rollout.errors import ConflictError, OutsideError, RefusedError, RolloutError

CORE = "/api/v1"
ISTIO = "/apis/networking.istio.io/v1"
OURS = "/apis/rollout.dev/v1alpha1"

PATHS: Mapping[str, tuple[str, str]] = {
    "Rollout": (OURS, "rollouts"),
    "RolloutSource": (OURS, "rolloutsources"),
    "AnalysisTemplate": (OURS, "analysistemplates"),
    "ControlPlaneUpgrade": (OURS, "controlplaneupgrades"),
    "ClusterSwitchover": (OURS, "clusterswitchovers"),
    "VirtualService": (ISTIO, "virtualservices"),
    "DestinationRule": (ISTIO, "destinationrules"),
    "Gateway": (ISTIO, "gateways"),
    "Sidecar": (ISTIO, "sidecars"),
    "PeerAuthentication": ("/apis/security.istio.io/v1", "peerauthentications"),
    "AuthorizationPolicy": ("/apis/security.istio.io/v1", "authorizationpolicies"),
    "Telemetry": ("/apis/telemetry.istio.io/v1", "telemetries"),
    "NetworkPolicy": ("/apis/networking.k8s.io/v1", "networkpolicies"),
    "PodDisruptionBudget": ("/apis/policy/v1", "poddisruptionbudgets"),
    "Service": (CORE, "services"),
    "Pod": (CORE, "pods"),
    "ConfigMap": (CORE, "configmaps"),
    "Secret": (CORE, "secrets"),
    "Namespace": (CORE, "namespaces"),
    "EndpointSlice": ("/apis/discovery.k8s.io/v1", "endpointslices"),
    "Deployment": ("/apis/apps/v1", "deployments"),
    "HorizontalPodAutoscaler": ("/apis/autoscaling/v2", "horizontalpodautoscalers"),
    "Event": ("/apis/events.k8s.io/v1", "events"),
    "CustomResourceDefinition": (
        "/apis/apiextensions.k8s.io/v1",
        "customresourcedefinitions",
    ),
    "Lease": ("/apis/coordination.k8s.io/v1", "leases"),
    "MutatingWebhookConfiguration": (
        "/apis/admissionregistration.k8s.io/v1",
        "mutatingwebhookconfigurations",
    ),
}
"""Kind to the path of its group and version, and its plural."""

_OLDER = {
    "EndpointSlice": "/apis/discovery.k8s.io/v1beta1",
    "PodDisruptionBudget": "/apis/policy/v1beta1",
    "HorizontalPodAutoscaler": "/apis/autoscaling/v1",
}
"""For servers before Kubernetes 1.21 and 1.23; what we read of them is the same."""

WRITE_SECONDS = 10
READ_SECONDS = 30
STALE_SECONDS = 90  # a cache that has heard nothing for so long is not read from
BODY = 64 << 20  # no list page or object of ours comes near it
TEXT = 200  # what we show of a message that somebody else wrote
CONNECTIONS = 256
_PATCH = "application/json-patch+json"


@dataclass(frozen=True, slots=True)
class Scope:
    """What of a kind is watched; empty means all. The filters are Kubernetes' selectors."""

    namespace: str = ""
    labels: str = ""
    fields: str = ""


class Kube:
    """The port of that name, on a real API server; a kind's watch begins when it is first read.

    ``index`` finds an object's concerns; ``scopes``: kinds of which not everything is watched.
    ``jitter``: a number between 0 and 1, new each time.
    """

    def __init__(
        self,
        api: client.ApiClient,
        index: Index,
        scopes: Mapping[str, Scope] | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._calls = _Calls(api)
        self._index = index
        self._scopes = scopes or {}
        self._jitter = jitter
        self._caches: dict[str, Cache] = {}
        self._watches: dict[str, Watch] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._listeners: list[Callable[[str, frozenset[str]], None]] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._calls.close()

    def get(self, kind: str, namespace: str, name: str) -> Json | None:
        return self._read(kind).get((namespace, name))

    def list(self, kind: str, concern: str = "") -> Sequence[Json]:
        return self._read(kind).all(concern)

    def listen(self, changed: Callable[[str, frozenset[str]], None]) -> None:
        self._listeners.append(changed)

    def silence(self) -> float:
        now = asyncio.get_running_loop().time()
        heard = [watch.alive_at for watch in self._watches.values()]
        return now - min(heard, default=float("-inf"))

    async def patch(
        self, kind: str, namespace: str, name: str, ops: Sequence[Json], subresource: str = ""
    ) -> Json:
        path, where = _path(kind, namespace, name, subresource), _where(kind, namespace, name)
        try:
            obj = await self._calls.call("PATCH", path, {}, [*ops], where=where)
        except ConflictError:
            await self._read_again(kind, namespace, name)
            raise
        return self._written(kind, obj)

    async def create(self, obj: Json) -> Json:
        kind = str(obj["kind"])
        namespace, name = key_of(obj)
        where = _where(kind, namespace, name)
        made = await self._calls.call("POST", _path(kind, namespace), {}, obj, where=where)
        return self._written(kind, made)

    async def delete(self, kind: str, namespace: str, name: str) -> None:
        path, where = _path(kind, namespace, name), _where(kind, namespace, name)
        query = {"propagationPolicy": "Background"}
        try:
            await self._calls.call("DELETE", path, query, None, where=where)
        except _NotFound:
            return

    def _read(self, kind: str) -> Cache:
        cache = self._caches.get(kind) or self._begin(kind)
        watch = self._watches[kind]
        if not cache.listed:
            raise OutsideError(f"{kind.lower()}: {watch.complaint}; the next look sees more")
        silent = asyncio.get_running_loop().time() - watch.alive_at
        if silent > STALE_SECONDS:
            raise OutsideError(
                f"{kind.lower()}: nothing heard for {silent:.0f} s ({watch.complaint}); "
                "decisions wait until the API server answers"
            )
        return cache

    def _begin(self, kind: str) -> Cache:
        cache = self._caches[kind] = Cache(self._index)
        source = _Source(self._calls, kind, self._scopes.get(kind, Scope()))
        watch = Watch(source, cache, lambda touched: self._tell(kind, touched), self._jitter)
        self._watches[kind] = watch
        self._tasks.append(asyncio.create_task(watch.run(), name=f"watch {kind}"))
        return cache

    async def _read_again(self, kind: str, namespace: str, name: str) -> None:
        """What somebody else wrote is in the cache, even if the watch that would say so is dead.

        Without it each further write would lose the same race, until the watch is replaced.
        """
        where = _where(kind, namespace, name)
        with contextlib.suppress(RolloutError):  # the conflict is the news, not this
            obj = await self._calls.call("GET", _path(kind, namespace, name), {}, None, where=where)
            self._written(kind, obj)

    def _tell(self, kind: str, touched: frozenset[str]) -> None:
        if touched:
            for listener in self._listeners:
                listener(kind, touched)

    def _written(self, kind: str, obj: Json) -> Json:
        """Our own writes are seen at once, and wake those they concern as any change does."""
        obj = _named(kind, obj)
        if kind in self._caches:
            self._tell(kind, self._caches[kind].written(obj))
        return obj


TLS_GOODBYE = 0.25  # seconds; as aiohttp's own documentation has it


class _Calls:
    """Requests to the API server, and its answers as JSON or as one of our errors."""

    def __init__(self, api: client.ApiClient) -> None:
        self._api = api

    async def close(self) -> None:
        """Nothing is open any more, TLS connections included.

        Source: aiohttp, "Client: graceful shutdown": a TLS transport closes a moment later.
        """
        await self._api.close()  # type: ignore[no-untyped-call]
        if self._api.configuration.host.startswith("https"):
            await asyncio.sleep(TLS_GOODBYE)

    async def call(
        self, method: str, path: str, query: Mapping[str, str], body: object, *, where: str
    ) -> dict[str, Any]:
        seconds = READ_SECONDS if method == "GET" else WRITE_SECONDS
        try:
            response = await self._send(method, path, query, body, _timeout(seconds))
            try:
                text = await _body(response)
            finally:
                response.release()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _no_answer(where, error) from error
        if response.status >= 300:
            raise _refusal(where, response.status, response.headers.get("Retry-After"), text)
        return _object(where, text)

    async def stream(
        self, path: str, query: Mapping[str, str], seconds: float, where: str
    ) -> AsyncGenerator[bytes]:
        try:
            response = await self._send("GET", path, query, None, _timeout(seconds))
            try:
                if response.status >= 300:
                    text = await _body(response)
                    raise _refusal(where, response.status, None, text)
                yield b"\n"
                async for chunk in response.content.iter_any():
                    yield chunk
            finally:
                response.close()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _no_answer(where, error) from error

    async def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: object,
        timeout: aiohttp.ClientTimeout,
    ) -> aiohttp.ClientResponse:
        kind = _PATCH if method == "PATCH" else "application/json"
        headers = {"Accept": "application/json", "Content-Type": kind}
        await self._api.update_params_for_auth(headers, [], ["BearerToken"], path, method, body)
        url = self._api.configuration.host.rstrip("/") + path
        answer = await self._api.call_api(
            method,
            f"{url}?{urlencode(query)}" if query else url,
            headers,
            body=body,
            _request_timeout=timeout,
        )
        response: aiohttp.ClientResponse = answer.response
        return response


class _Source:
    """One kind in one scope, as a watch asks for it, from the newest version there is."""

    def __init__(self, calls: _Calls, kind: str, scope: Scope) -> None:
        self._calls = calls
        self._kind = kind
        self._path = _path(kind, scope.namespace)
        self._older = _OLDER.get(kind)
        filters = {"labelSelector": scope.labels, "fieldSelector": scope.fields}
        self._filters = {name: value for name, value in filters.items() if value}

    async def fetch(self, query: Mapping[str, str]) -> Json:
        query = {**query, **self._filters}
        page = await self._page(query)
        return {**page, "items": [self.named(item) for item in page.get("items") or ()]}

    async def _page(self, query: Mapping[str, str]) -> Json:
        try:
            return await self._calls.call("GET", self._path, query, None, where=self._kind.lower())
        except Absent:
            if self._older is None:
                raise
        self._path, self._older = self._path.replace(PATHS[self._kind][0], self._older), None
        return await self._page(query)

    def stream(self, query: Mapping[str, str], seconds: float) -> AsyncGenerator[bytes]:
        query = {**query, **self._filters}
        return self._calls.stream(self._path, query, seconds, self._kind.lower())

    def named(self, obj: Json) -> Json:
        return _named(self._kind, obj)


class _NotFound(RefusedError):
    """The API server knows the kind, and not the object."""


async def connect(kubeconfig: str | None = None, context: str | None = None) -> client.ApiClient:
    """A client for the cluster that ``kubeconfig``, the default one or our own pod names.

    Errors: ``RefusedError`` when there is none of the three, or it cannot be read.
    """
    settings = client.Configuration()
    settings.connection_pool_maxsize = CONNECTIONS
    try:
        await _load(settings, kubeconfig, context)
    except (config.ConfigException, OSError, ValueError, TypeError) as error:
        raise RefusedError(
            f"kubernetes: {_line(str(error))}; set KUBECONFIG or --kubeconfig, or run in a cluster"
        ) from error
    return client.ApiClient(configuration=settings)


async def _load(settings: client.Configuration, path: str | None, context: str | None) -> None:
    try:
        await config.load_kube_config(path, context, settings, persist_config=False)  # type: ignore[no-untyped-call]
    except config.ConfigException:
        if path is not None or context is not None:
            raise
        try:
            config.load_incluster_config(settings)  # type: ignore[no-untyped-call]
        except config.ConfigException as error:
            raise ValueError("there is no kubeconfig, and this is no pod") from error


def _path(kind: str, namespace: str, name: str = "", subresource: str = "") -> str:
    base, plural = PATHS[kind]
    parts = ["namespaces", namespace] if namespace else []
    parts += [part for part in (plural, name, subresource) if part]
    return "/".join([base, *(quote(part, safe="") for part in parts)])


def _where(kind: str, namespace: str, name: str) -> str:
    return f"{kind.lower()} {namespace}/{name}" if namespace else f"{kind.lower()} {name}"


def _named(kind: str, obj: Json) -> Json:
    """``obj`` with its kind, which the items of a list leave out, and without the bulk.

    Of ``managedFields``, who manages it stays; which fields those are is half of many an object.
    """
    if not isinstance(obj, dict) or not isinstance(obj.get("metadata"), dict):
        return obj
    meta = obj["metadata"]
    managers = [
        {key: value for key, value in entry.items() if key != "fieldsV1"}
        for entry in meta.get("managedFields") or ()
    ]
    slim = {**meta, "managedFields": managers} if managers else meta
    return {**obj, "kind": kind, "metadata": slim}


def _timeout(seconds: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=seconds, connect=min(seconds, WRITE_SECONDS))


async def _body(response: aiohttp.ClientResponse) -> bytes:
    parts, size = [], 0
    async for part in response.content.iter_any():
        parts.append(part)
        size += len(part)
        if size > BODY:
            raise OSError(f"more than {BODY >> 20} MiB")
    return b"".join(parts)


def _no_answer(where: str, error: BaseException) -> OutsideError:
    """Whether a write was done is unknown; the next look sees."""
    return OutsideError(f"{where}: no answer ({_line(str(error)) or type(error).__name__})")


def _object(where: str, text: bytes) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise OutsideError(f"{where}: the answer is not JSON; the next look asks again") from error
    if not isinstance(value, dict):
        raise OutsideError(f"{where}: the answer is no object; the next look asks again")
    return value


def _refusal(where: str, code: int, wait: str | None, text: bytes) -> RolloutError:
    """What an HTTP status says of who can put it right."""
    status = _status(text)
    said = _line(str(status.get("message", ""))) or f"status {code}"
    if code == 404:
        return _not_found(where, said, status)
    if code == 410:
        return ListAgain(f"{where}: {said}")
    if code == 409 or (code == 422 and _is_failed_test(status)):
        return ConflictError(f"{where}: {said}")
    if code in (401, 429) or code >= 500:
        return OutsideError(f"{where}: {code} {said}", retry_after=_seconds(wait))
    return RefusedError(f"{where}: {code} {said}")


def _not_found(where: str, said: str, status: Mapping[str, Any]) -> RolloutError:
    details = status.get("details")
    if isinstance(details, dict) and details.get("name"):
        return _NotFound(f"{where}: {said}")
    return Absent(f"{where}: the API server does not know this kind; install its CRD")


def _is_failed_test(status: Mapping[str, Any]) -> bool:
    """A patch that no longer fits its object, against an object that breaks a rule.

    The latter names the object in ``details``; the former does not.
    Source: apiserver, ``patch.go``: NewGenericServerResponse without a resource.
    """
    details = status.get("details")
    return not (isinstance(details, dict) and details.get("name"))


def _status(text: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _seconds(wait: str | None) -> float | None:
    """Retry-After in whole seconds, at most a minute; a date or garbage says nothing."""
    if wait is None or not (wait.isascii() and wait.isdigit()):
        return None
    return float(min(int(wait[:6]), 60))


def _line(text: str) -> str:
    """One printable line of ``text``, short enough for a log."""
    plain = "".join(c if c.isprintable() else " " for c in text[: 4 * TEXT])
    return " ".join(plain.split())[:TEXT]
