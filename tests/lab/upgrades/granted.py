"""The account that the documented rights are given to, on a real API server."""

from __future__ import annotations

from pathlib import Path

from rollout.cli.manifests import rbac
from rollout.lab.apiserver.server import kubeconfig
from rollout.lab.kube.client import ApiRefusedError, Kind, Kube, Object
from tests.realkube import RealKube

ISSUER = "https://kubernetes.default.svc"
_GROUP = "rbac.authorization.k8s.io"


async def granted(real: RealKube, kube: Kube, file: Path) -> Path:
    """``file`` lets in who has what ``rollout rbac`` and ``rollout rbac --upgrades`` print."""
    await kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": rbac.OWN}})
    for obj in (*rbac.manifests("", rbac.OWN), *rbac.upgrading(rbac.OWN)):
        await _put(kube, obj)
    file.write_text(kubeconfig(real.url, await _token(kube), real.ca.read_text()))
    return file


async def _put(kube: Kube, obj: Object) -> None:
    kind = _kind(obj)
    try:
        await kube.create(kind, obj)
    except ApiRefusedError as refused:
        if refused.status != 409:
            raise


def _kind(obj: Object) -> Kind:
    name = str(obj["kind"])
    if name == "ServiceAccount":
        return Kind("", "v1", "serviceaccounts", name)
    placed = "namespace" in obj["metadata"]
    return Kind(_GROUP, "v1", f"{name.lower()}s", name, namespaced=placed)


async def _token(kube: Kube) -> str:
    """A bound token of the account, as a pod gets it."""
    kind = Kind("", "v1", f"serviceaccounts/{rbac.NAME}/token", "TokenRequest")
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest"}
    body = {**asked, "metadata": {"namespace": rbac.OWN}, "spec": {"audiences": [ISSUER]}}
    made = await kube.create(kind, body)
    return str(made["status"]["token"])
