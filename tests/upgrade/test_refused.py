"""What is known to go wrong with upgrades of Istio, and is refused before anything moves.

Each is a mesh that is well but for one thing. ``docs/upgrade-failures.md`` says what F1 to F36 are.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from rollout.errors import ManifestError
from rollout.lab.apiserver.patch.merge import merge
from rollout.manifest import upgrades
from rollout.model.upgrading import Awaits, State
from tests.upgrade.cluster import MUTATING, NEW, OLD, SYSTEM, Mesh, built, carriers, injector
from tests.upgrade.play import Play, manifest

Change = Callable[[Mesh], None]


@dataclass(frozen=True)
class Refused:
    """``rule``: whose finding blocks. ``spoil``: what is wrong. ``spec``: of the upgrade."""

    rule: str
    spoil: Change = lambda _: None
    spec: Mapping[str, Any] = field(default_factory=dict)


def put(*objs: Mapping[str, Any]) -> Change:
    return lambda mesh: mesh.put(*objs)


def gone(kind: str, space: str, *names: str) -> Change:
    def spoil(mesh: Mesh) -> None:
        for name in names:
            del mesh.kube.objects[kind, space, name]

    return spoil


def edited(kind: str, space: str, name: str, **at: Any) -> Change:
    """The object with a JSON merge patch."""
    return lambda mesh: mesh.put(merge(mesh.get(kind, space, name), at))


def config(kind: str, labels: Mapping[str, str] | None = None, **spec: Any) -> Mapping[str, Any]:
    meta = {"name": "x", "namespace": "shop1", "labels": dict(labels or {})}
    return {"kind": kind, "metadata": meta, "spec": spec}


def api_gateway(**spec: Any) -> Mapping[str, Any]:
    meta = {"name": "front", "namespace": "ingress"}
    whole = {"gatewayClassName": "istio", **spec}
    return {"kind": "KubernetesGateway", "metadata": meta, "spec": whole}


def newer(mesh: Mesh) -> None:
    pod = next(p for p in mesh.kube.list("Pod") if p["metadata"]["namespace"] == "shop1")
    containers = [
        {**each, "image": "docker.io/istio/proxyv2:1.31.2"}
        if each["name"] == "istio-proxy"
        else each
        for each in pod["spec"]["containers"]
    ]
    mesh.put({**pod, "spec": {**pod["spec"], "containers": containers}})


def other_root(mesh: Mesh) -> None:
    hooks = mesh.get(MUTATING, "", f"istio-sidecar-injector-{NEW}")
    mesh.put(json.loads(json.dumps(hooks).replace("cm9vdA==", "b3RoZXI=")))


FILTER = {
    "applyTo": "HTTP_FILTER",
    "match": {"proxy": {"proxyVersion": r"^1\.29.*"}},
    "patch": {"operation": "INSERT_FIRST", "value": {"name": "envoy.filters.http.lua"}},
}
REMOTE = {
    "kind": "Secret",
    "metadata": {"name": "far", "namespace": SYSTEM, "labels": {"istio/multiCluster": "true"}},
}
FLUX = {"annotations": {"kustomize.toolkit.fluxcd.io/name": "apps"}}
AMBIENT = {"labels": {"istio.io/dataplane-mode": "ambient"}}
ADDRESS = {"type": "Hostname", "value": "gw.ingress.svc"}

REFUSED: Mapping[str, Refused] = {
    "F1": Refused("UPG-020", spec={"default": None}),
    "F4": Refused(
        "GW-001",
        edited(
            "Deployment", "ingress", "gw",
            metadata={"labels": {"operator.istio.io/component": "IngressGateways"}},
        ),
    ),
    "F5": Refused("GW-007", put(api_gateway())),
    "F6": Refused("GW-006", put(api_gateway(addresses=[ADDRESS]))),
    "F7": Refused(
        "GW-011", put(config("Gateway", selector={"istio": "ingress", "istio.io/rev": OLD}))
    ),
    "F8": Refused(
        "GW-004", edited("Service", "ingress", "gw", spec={"selector": {"istio.io/rev": OLD}})
    ),
    "F10": Refused("UPG-030", put(config("EnvoyFilter", configPatches=[FILTER]))),
    "F12": Refused("UPG-005", newer),
    "F13": Refused("UPG-031", put(config("VirtualService", {"istio.io/rev": OLD}, hosts=["a"]))),
    "F14": Refused(
        "UPG-011", edited("Namespace", "", "shop1", metadata={"labels": {"istio.io/rev": OLD}})
    ),
    "F15": Refused(
        "UPG-012", edited("Namespace", "", "shop2", metadata={"labels": {"istio.io/rev": "gone"}})
    ),
    "F16": Refused("UPG-013", put(injector("istio-sidecar-injector", OLD, "default"))),
    "F17": Refused("UPG-061", edited("Namespace", "", "shop1", metadata=FLUX)),
    "F19": Refused("UPG-032", other_root),
    "F20": Refused(
        "UPG-033", edited("ConfigMap", SYSTEM, f"istio-{NEW}", data={"mesh": "trustDomain: other"})
    ),
    "F21": Refused("UPG-035", gone("ConfigMap", "shop1", "istio-ca-root-cert")),
    "F22": Refused("UPG-014", gone(MUTATING, "", "istio-revision-tag-default")),
    "F26": Refused(
        "UPG-022", edited("Deployment", SYSTEM, f"istiod-{OLD}", status={"readyReplicas": 1})
    ),
    "F30": Refused("UPG-055", put(REMOTE)),
    "F31": Refused(
        "UPG-024",
        gone("CustomResourceDefinition", "", "virtualservices.networking.istio.io"),
    ),
    "F35": Refused("UPG-011", edited("Namespace", "", "shop1", metadata=AMBIENT)),
}  # fmt: skip


UNASKED: Mapping[str, tuple[str, str]] = {
    "F11": (OLD, "allowInPlace"),
    "F32": ("default", "takes the default at once"),
}
"""To which revision, and what its author is told."""


@pytest.mark.parametrize("failure", UNASKED)
def test_a_known_failure_cannot_even_be_asked_for(failure: str) -> None:
    to, told = UNASKED[failure]
    with pytest.raises(ManifestError, match=told):
        upgrades.upgrade(manifest(to=to))


@pytest.mark.parametrize("failure", REFUSED)
def test_a_known_failure_is_refused_before_anything_moves(failure: str) -> None:
    mesh, refused = built(), REFUSED[failure]
    refused.spoil(mesh)
    before, pods = carriers(mesh), set(mesh.proxies())
    play = Play(mesh).begin(**refused.spec).until(lambda p: p.status.awaits is not None)
    for _ in range(3):
        play.look()
    assert (play.status.state, play.status.awaits) == (State.PREFLIGHT, Awaits.FINDINGS)
    rules = {each.partition(":")[0] for each in play.status.attempt.warnings}
    assert refused.rule in rules, play.status.attempt.warnings
    assert carriers(mesh) == before
    assert set(mesh.proxies()) == pods
