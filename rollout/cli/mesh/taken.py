"""The mesh as a command sees it: a cluster listed once, page by page, or manifests of files."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from rollout.edges import kube
from rollout.edges.kube.watch import Absent
from rollout.errors import RefusedError
from rollout.istio.revisions import proxies
from rollout.manifest import objects
from rollout.model.inventory import Inventory, Unread
from rollout.model.upgrade import ControlPlaneUpgradeSpec
from rollout.upgrade.inventory import KINDS, Beside, inventory
from rollout.upgrade.inventory.spaces import ROOT

if TYPE_CHECKING:
    from rollout.edges.kube import Kube

Json = Mapping[str, Any]

UPGRADE = "ControlPlaneUpgrade"
AT_ONCE = 6  # lists that are asked for side by side
_NAMES = {
    ("gateway.networking.k8s.io", "Gateway"): "KubernetesGateway",
    ("argoproj.io", "Rollout"): "ArgoRollout",
    ("sailoperator.io", "Istio"): "SailIstio",
    ("sailoperator.io", "IstioRevisionTag"): "SailTag",
}
"""Kinds whose names two projects use, as ``edges.kube.paths`` tells them apart."""


async def spec(connection: "Kube", name: str) -> ControlPlaneUpgradeSpec:
    """What the upgrade of that name asks for.

    Errors: ``RefusedError`` when there is none, ``ManifestError`` when it cannot be read.
    """
    obj = await connection.fetch(UPGRADE, "", name)
    if obj is None:
        raise RefusedError(f"upgrade/{name}: not found; kubectl get controlplaneupgrades")
    read: ControlPlaneUpgradeSpec = objects.spec_of(UPGRADE, obj)
    return read


async def of_cluster(connection: "Kube", namespace: str, upgrade: str) -> Inventory:
    """The mesh of a cluster; what the account may not read is named in it.

    Errors: ``OutsideError`` where the API server does not answer.
    """
    reader = _Reader(connection, namespace)
    await asyncio.gather(*(reader.read(kind) for kind in KINDS))
    version = await connection.version()
    beside = Beside(version, upgrade=upgrade, unread=tuple(reader.unread))
    return inventory(reader.objects, namespace, beside)


def of_files(objs: Iterable[Json], namespace: str, upgrade: str) -> Inventory:
    """The mesh that manifests describe, as if they were all that there is."""
    by_kind: dict[str, list[Json]] = {kind: [] for kind in KINDS}
    for obj in objs:
        kind = _kind(obj)
        if kind in by_kind:
            by_kind[kind].append(obj)
    return inventory(by_kind, namespace, Beside(upgrade=upgrade))


def _kind(obj: Json) -> str:
    version, kind = obj.get("apiVersion"), str(obj.get("kind"))
    group = version.partition("/")[0] if isinstance(version, str) else ""
    return _NAMES.get((group, kind), kind)


class _Reader:
    """Lists of a cluster's kinds; of pods only what an inventory reads is kept."""

    def __init__(self, connection: "Kube", namespace: str) -> None:
        self.objects: dict[str, list[Json]] = {}
        self.unread: list[Unread] = []
        self._connection = connection
        self._places = asyncio.Semaphore(AT_ONCE)
        inside = kube.Scope(namespace)
        self._scopes = {
            "ConfigMap": (inside, kube.Scope(fields=f"metadata.name={ROOT}")),
            "Secret": (
                kube.Scope(namespace, fields="metadata.name=cacerts"),
                kube.Scope(namespace, fields="metadata.name=istio-ca-secret"),
                kube.Scope(namespace, labels="istio/multiCluster=true"),
            ),
        }

    async def read(self, kind: str) -> None:
        """The kind's objects are in ``objects``, or why they are not is in ``unread``."""
        keep = _KEPT.get(kind, _whole)
        read: list[Json] = []
        try:
            async with self._places:
                for scope in self._scopes.get(kind, (kube.Scope(),)):
                    read += [keep(obj) async for obj in self._connection.each(kind, scope)]
        except Absent:
            pass  # a server that does not know the kind has none of it
        except RefusedError as error:
            self.unread.append(Unread(kind, str(error)))
            return
        self.objects[kind] = read


def _whole(obj: Json) -> Json:
    return obj


def _public(obj: Json) -> Json:
    """A Secret without what is secret: its certificates are what everybody is shown."""
    data = obj.get("data")
    shown = data.items() if isinstance(data, Mapping) else ()
    return {**obj, "data": {k: v for k, v in shown if str(k).endswith("-cert.pem")}}


_KEPT: Mapping[str, Callable[[Json], Json]] = {"Pod": proxies.slim, "Secret": _public}
