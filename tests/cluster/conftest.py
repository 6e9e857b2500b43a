"""A real kube-apiserver with RBAC, owner references enforced and an audit log, for all tests."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from rollout.cli.manifests import rbac
from rollout.edges.kube import paths
from rollout.lab.kube import crds
from rollout.lab.kube.client import ApiRefusedError, Kind, Kube, Object
from rollout.manifest import definition, schema
from tests.cluster import played
from tests.realkube import RealKube, running

POLICY = """
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
  userGroups: ["system:serviceaccounts:rollout-system"]
- level: None
"""


@dataclass
class Control:
    """The API server, asked as its administrator; ``audit``: its log of what our accounts did."""

    real: RealKube
    audit: Path
    kube: Kube
    mesh: str = ""

    async def apply(self, *objs: Object) -> None:
        """They are there and have these fields; made, or merge-patched."""
        for obj in objs:
            kind, meta = kind_of(obj), obj["metadata"]
            try:
                await self.kube.create(kind, obj)
            except ApiRefusedError as refused:
                if refused.status != 409:
                    raise
                await self.kube.patch(kind, meta.get("namespace", ""), meta["name"], obj)

    async def granted(self, *manifests: Object) -> None:
        """Exactly these: a role that was there before is as ``manifests`` say."""
        for obj in manifests:
            meta = obj["metadata"]
            with contextlib.suppress(ApiRefusedError):
                await self.kube.delete(kind_of(obj), meta.get("namespace", ""), meta["name"])
            await self.kube.create(kind_of(obj), obj)

    async def revoked(self, *manifests: Object) -> None:
        """Roles and bindings of ``manifests`` are gone; the account stays."""
        for obj in manifests:
            if obj["kind"] != "ServiceAccount":
                meta = obj["metadata"]
                await self.kube.delete(kind_of(obj), meta.get("namespace", ""), meta["name"])

    async def server_side(self, obj: Object, manager: str, *, force: bool = False) -> str:
        """``kubectl apply --server-side``; why it was refused, or empty."""
        kind, meta = kind_of(obj), obj["metadata"]
        path = kind.path(meta.get("namespace", ""), meta["name"])
        query = {"fieldManager": manager, **({"force": "true"} if force else {})}
        headers = {
            "Content-Type": "application/apply-patch+yaml",
            "Authorization": f"Bearer {self.real.token}",
        }
        async with (
            aiohttp.ClientSession(headers=headers) as http,
            http.patch(
                f"{self.real.url}{path}", params=query, json=obj, ssl=self.real.context()
            ) as answer,
        ):
            said = await answer.json()
        return "" if answer.status < 300 else str(said["message"])

    async def read(self, kind: str, space: str, name: str) -> Object:
        return await self.kube.read(_kind(kind), space, name)

    async def change(self, kind: str, space: str, name: str, **fields: Any) -> Object:
        """``fields`` merged into the object, as somebody else."""
        return await self.kube.patch(_kind(kind), space, name, fields)

    async def listed(self, kind: str) -> list[Object]:
        found, _ = await self.kube.list(_kind(kind))
        return list(found)

    async def delete(self, kind: str, space: str, name: str) -> None:
        await self.kube.delete(_kind(kind), space, name)

    async def token(self, account: str = rbac.NAME, own: str = rbac.OWN) -> str:
        """A bound token of that ServiceAccount, as a pod gets it."""
        kind = Kind("", "v1", f"serviceaccounts/{account}/token", "TokenRequest")
        asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest"}
        body = {**asked, "metadata": {"namespace": own}, "spec": {"audiences": [ISSUER]}}
        made = await self.kube.create(kind, body)
        return str(made["status"]["token"])

    def kubeconfig(self, file: Path, token: str) -> Path:
        cluster = {"server": self.real.url, "certificate-authority": str(self.real.ca)}
        text = {
            "current-context": "real",
            "contexts": [{"name": "real", "context": {"cluster": "real", "user": "me"}}],
            "clusters": [{"name": "real", "cluster": cluster}],
            "users": [{"name": "me", "user": {"token": token}}],
        }
        file.write_text(json.dumps(text))
        return file

    def audited(self, account: str = rbac.NAME) -> list[Any]:
        """Every request of that account so far."""
        user = f"system:serviceaccount:{rbac.OWN}:{account}"
        lines = self.audit.read_text().splitlines() if self.audit.exists() else []
        found = [json.loads(line) for line in lines if line.endswith("}")]
        return [entry for entry in found if entry["user"]["username"] == user]


ISSUER = "https://kubernetes.default.svc"


@pytest.fixture(scope="session")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RealKube, Path]]:
    yield from serving(tmp_path_factory.mktemp("control"))


def serving(folder: Path) -> Iterator[tuple[RealKube, Path]]:
    """The API server with our kinds and Istio's, and the log of what our accounts do."""
    with audited(folder, "ResourceQuota") as (found, audit):
        asyncio.run(_prepare(found))
        yield found, audit


@contextlib.contextmanager
def audited(folder: Path, *plugins: str) -> Iterator[tuple[RealKube, Path]]:
    """The API server alone with its audit log; of owner references it is as strict as OpenShift.

    ``plugins``: of admission, besides.
    """
    (folder / "policy.yaml").write_text(POLICY)
    admission = ",".join(("OwnerReferencesPermissionEnforcement", *plugins))
    flags = (
        f"--enable-admission-plugins={admission}",
        f"--audit-policy-file={folder / 'policy.yaml'}",
        f"--audit-log-path={folder / 'audit.log'}",
    )
    with running(folder, *flags) as found:
        yield found, folder / "audit.log"


async def _prepare(real: RealKube) -> None:
    """Our CRDs and Istio's are served, and the controller's own namespace is there."""
    await served(real, [definition.crd(kind) for kind in schema.KINDS.values()])
    kube = Kube(real.url, real.token, real.context())
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": rbac.OWN}}
    async with asyncio.timeout(300):
        while not await _applied(kube, space):
            await asyncio.sleep(1)
    await _closed(kube)


async def _applied(kube: Kube, obj: Object) -> bool:
    """False: the server is not ready for it yet, as when its quotas are still being counted."""
    try:
        await kube.apply(obj)
    except ApiRefusedError as error:
        if error.status < 500:
            raise
        return False
    return True


async def served(real: RealKube, definitions: list[Object]) -> None:
    """``definitions`` and Istio's are there, and their kinds are served."""
    kube = Kube(real.url, real.token, real.context())
    made = [*crds.istio(), *definitions]
    known = {crd["spec"]["names"]["kind"] for crd in made}
    made += [_any(kind) for kind in _READ_BY_RULES if kind not in known]
    for crd in made:
        await kube.apply(crd)
    for crd in made:
        names = crd["spec"]["names"]
        version = crd["spec"]["versions"][0]["name"]
        kind = Kind(crd["spec"]["group"], version, names["plural"], names["kind"])
        async with asyncio.timeout(60):
            while not await played.serves(kube, kind):
                await asyncio.sleep(0.1)
    await _closed(kube)


_READ_BY_RULES = ("Sidecar", "PeerAuthentication", "AuthorizationPolicy", "Telemetry")


def _any(kind: str) -> Object:
    """A CRD of Istio's group and version for ``kind``, with whatever fields."""
    base, plural = paths.PATHS[kind]
    version = base.rpartition("/")[2]
    group = paths.group(base)
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    names = {"plural": plural, "singular": kind.lower(), "kind": kind}
    served = {"name": version, "served": True, "storage": True}
    versions = [{**served, "schema": {"openAPIV3Schema": anything}}]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {"group": group, "names": names, "scope": "Namespaced", "versions": versions},
    }


async def _closed(kube: Kube) -> None:
    """Nothing is open any more: a TLS transport closes a moment later (aiohttp's documentation)."""
    await kube.close()
    await asyncio.sleep(0.3)


@pytest.fixture
async def control(real: tuple[RealKube, Path]) -> AsyncIterator[Control]:
    async with controlled(*real) as found:
        yield found


@contextlib.asynccontextmanager
async def controlled(server: RealKube, audit: Path) -> AsyncIterator[Control]:
    """With pods that are played, and an istiod and a Prometheus that know nothing bad."""
    kube = Kube(server.url, server.token, server.context())
    async with contextlib.AsyncExitStack() as exits:
        exits.push_async_callback(_closed, kube)
        await exits.enter_async_context(played.cluster(kube))
        mesh = await exits.enter_async_context(played.mesh())
        yield Control(server, audit, kube, mesh)


KINDS = {
    "Rollout": {"apiVersion": "rollout.dev/v1alpha1"},
    "VirtualService": {"apiVersion": "networking.istio.io/v1"},
    "Lease": {"apiVersion": "coordination.k8s.io/v1"},
    "ConfigMap": {"apiVersion": "v1"},
    "Secret": {"apiVersion": "v1"},
    "AnalysisTemplate": {"apiVersion": "rollout.dev/v1alpha1"},
    "RolloutSource": {"apiVersion": "rollout.dev/v1alpha1"},
    "HorizontalPodAutoscaler": {"apiVersion": "autoscaling/v1"},
    "Deployment": {"apiVersion": "apps/v1"},
    "Namespace": {"apiVersion": "v1"},
    "Pod": {"apiVersion": "v1"},
    "Service": {"apiVersion": "v1"},
    "DestinationRule": {"apiVersion": "networking.istio.io/v1"},
    "ResourceQuota": {"apiVersion": "v1"},
    "Event": {"apiVersion": "v1"},
}
CLUSTERS = {"Namespace", "ClusterRole", "ClusterRoleBinding"}


def kind_of(obj: Object) -> Kind:
    group, _, version = str(obj["apiVersion"]).rpartition("/")
    kind = str(obj["kind"])
    return Kind(group, version, f"{kind.lower()}s", kind, namespaced=kind not in CLUSTERS)


def _kind(name: str) -> Kind:
    return kind_of({**KINDS[name], "kind": name})
