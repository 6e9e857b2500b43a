"""Shops on an API server without a kubelet: the pods and endpoints that one would have written."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from rollout.edges import kube
from rollout.lab.kube import crds as lab
from tests.contract.conftest import CRDS as SHARED
from tests.realkube import RealKube

Json = Mapping[str, Any]

NAMESPACE = "fleet"
CRDS = Path(__file__).parents[3] / "deploy" / "crds"
_SLICES = "/apis/discovery.k8s.io/v1beta1"
_BASES = {**{kind: path for kind, (path, _) in kube.PATHS.items()}, "EndpointSlice": _SLICES}


class Api:
    """Plain requests to an API server, as ``kubectl --raw`` would send them."""

    def __init__(self, url: str, http: aiohttp.ClientSession) -> None:
        self._url = url
        self._http = http

    async def create(self, obj: Json) -> int:
        """The answer's status: 201, or 409 where it is there already."""
        meta = obj["metadata"]
        path = self.path(str(obj["kind"]), meta.get("namespace", ""))
        api_version = _BASES[str(obj["kind"])].removeprefix("/apis/").removeprefix("/api/")
        return await self.send("POST", path, {"apiVersion": api_version, **obj})

    async def send(self, method: str, path: str, body: Any, kind: str = "application/json") -> int:
        headers, data = {"Content-Type": kind}, json.dumps(body).encode()
        url = self._url + path
        async with self._http.request(method, url, data=data, headers=headers) as answer:
            text = await answer.text()
            assert answer.status < 400 or answer.status == 409, f"{method} {path}: {text[:500]}"
            return answer.status

    async def patch(self, path: str, ops: Sequence[Json]) -> int:
        """The answer's status to a JSON Patch."""
        return await self.send("PATCH", path, ops, "application/json-patch+json")

    async def read(self, path: str) -> str:
        async with self._http.get(self._url + path) as answer:
            assert answer.status == 200, f"{path}: {await answer.text()}"
            return await answer.text()

    @staticmethod
    def path(kind: str, namespace: str = "", name: str = "", part: str = "") -> str:
        """The path of a kind's objects, of one, or of its subresource ``part``."""
        space = f"/namespaces/{namespace}" if namespace else ""
        words = (f"{_BASES[kind]}{space}", kube.PATHS[kind][1], name, part)
        return "/".join(word for word in words if word)


@asynccontextmanager
async def connected(real: RealKube) -> AsyncIterator[Api]:
    """The API server with Istio's CRDs and those of ``deploy/crds``, and an empty namespace."""
    tls: ssl.SSLContext = real.context()
    headers = {"Authorization": f"Bearer {real.token}"}
    connector = aiohttp.TCPConnector(limit=64, ssl=tls)
    async with aiohttp.ClientSession(headers=headers, connector=connector) as http:
        api = Api(real.url, http)
        for crd in crds():
            await api.create(crd)
            await _served(api, crd)
        await api.create({"kind": "Namespace", "metadata": {"name": NAMESPACE}})
        yield api


def crds() -> list[Json]:
    """Istio's own where they are at hand, else the lab's; ours as they are deployed."""
    shipped = [yaml.safe_load(file.read_text()) for file in sorted(CRDS.glob("*.yaml"))]
    ours = [one for one in shipped if one["kind"] == "CustomResourceDefinition"]
    return [*_istio(), *ours]


def _istio() -> list[Json]:
    shipped = SHARED / "istio.yaml"
    if not shipped.exists():
        return [*lab.istio()]
    every = yaml.load_all(shipped.read_text(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return [crd for crd in every if crd and crd["spec"]["group"] == "networking.istio.io"]


async def _served(api: Api, crd: Json) -> None:
    """The kind answers to a list."""
    spec = crd["spec"]
    path = f"/apis/{spec['group']}/{spec['versions'][0]['name']}/{spec['names']['plural']}"
    for _ in range(10_000):
        try:
            await api.read(path)
        except AssertionError:
            await asyncio.sleep(0.05)
        else:
            return
    raise AssertionError(f"{path}: not served within 10 s")


def shop(name: str, revisions: Sequence[str] = ("v1", "v2", "v3")) -> list[Json]:
    """What a person has before the first Rollout: routes, and one ready pod of each revision."""
    # Headless: an API server gives out some hundred addresses, and a fleet is a thousand.
    service = {"selector": {"app": name}, "ports": [{"port": 80}], "clusterIP": "None"}
    rule = {"host": name, "subsets": [{"name": "stable", "labels": {"version": revisions[0]}}]}
    route = [{"destination": {"host": name, "subset": "stable"}}]
    pods = [f"{name}-{revision}-h-0" for revision in revisions]
    ready = [
        {
            "addresses": ["10.1.0.1"],
            "conditions": {"ready": True},
            "targetRef": {"kind": "Pod", "name": pod, "namespace": NAMESPACE},
        }
        for pod in pods
    ]
    sliced = _obj("EndpointSlice", f"{name}-1", None, {"kubernetes.io/service-name": name})
    return [
        _obj("Service", name, service),
        _obj("DestinationRule", name, rule),
        _obj("VirtualService", name, {"hosts": [name], "http": [{"route": route}]}),
        *(obj for revision in revisions for obj in _workload(name, revision)),
        {**sliced, "addressType": "IPv4", "endpoints": ready, "ports": [{"port": 8080}]},
    ]


def a_rollout(name: str, steps: Sequence[Json], revision: str = "v1", **spec: Any) -> Json:
    """A canary judged by one plain limit, for which Prometheus is asked once an interval."""
    limit = {"name": "errors-limit", "query": "errors", "max": 1, "failures": {"consecutive": 1}}
    wanted = {
        "service": name,
        "revision": revision,
        "workload": {"deployments": name + "-{revision}"},
        "strategy": {"canary": {"steps": [*steps]}},
        "analysis": {"metrics": [limit]},
    }
    made = _obj("Rollout", name, wanted | spec)
    return {"apiVersion": "rollout.dev/v1alpha1", **made}


def _workload(name: str, revision: str) -> list[Json]:
    labels, full = {"app": name, "version": revision}, f"{name}-{revision}"
    box = {"containers": [{"name": "main", "image": "nothing"}]}
    spec = {
        "replicas": 1,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": box},
    }
    pod = _obj("Pod", f"{full}-h-0", box, labels | {"pod-template-hash": "h"})
    owner = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "name": f"{full}-h",
        "uid": full,
        "controller": True,
    }
    owned = {**pod, "metadata": {**pod["metadata"], "ownerReferences": [owner]}}
    return [_obj("Deployment", full, spec), owned]


def _obj(kind: str, name: str, spec: Any, labels: Mapping[str, str] | None = None) -> Json:
    meta: dict[str, Any] = {"name": name, "namespace": NAMESPACE}
    made: Json = {"kind": kind, "metadata": meta | ({"labels": dict(labels)} if labels else {})}
    return made if spec is None else {**made, "spec": spec}
