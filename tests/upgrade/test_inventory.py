"""Objects of a cluster become the inventory of its mesh."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.istio.revisions import trust
from rollout.model.inventory import GatewayKind, Unread
from rollout.model.mesh import InjectorConfig, Istiod, MeshRevision, Restart, Way
from rollout.model.ref import Ref
from rollout.upgrade.inventory import KINDS, MUST, Beside, inventory
from rollout.upgrade.inventory.planes import size
from tests.istio.revisions.objects import BUNDLE, ROOT, injected, meta, real
from tests.istio.revisions.test_webhooks import spoiled
from tests.upgrade.mesh import (
    NEW,
    OLD,
    SYSTEM,
    World,
    changed,
    deployment,
    healthy,
    joined,
    named,
    pods,
    seen,
)
from tests.upgrade.rules.made import istios, listening, routed


def test_a_control_plane_is_put_together_from_its_parts() -> None:
    assert seen(healthy()).revision(NEW) == MeshRevision(
        NEW,
        SYSTEM,
        "1.30.3",
        Istiod("istiod-1-30-3", "docker.io/istio/pilot:1.30.3", 2, 2, True, 2, True),
        ("istio-sidecar-injector-1-30-3",),
        BUNDLE,
        "istio-validator-1-30-3-istio-system",
        "istiod-1-30-3",
        2,
        "trustDomain: cluster.local\n",
        InjectorConfig("docker.io/istio/proxyv2:1.30.3"),
    )
    assert all(each.whole for each in seen(healthy()).revisions)


def test_namespaces_come_to_their_control_planes_by_every_way() -> None:
    ways = {n.name: (n.resolution.way, n.resolution.revision) for n in seen(healthy()).namespaces}
    assert ways == {
        "istio-system": (Way.NONE, ""),
        "shop": (Way.TAG, OLD),
        "cart": (Way.DIRECT, OLD),
        "legacy": (Way.DEFAULT, OLD),
        "plain": (Way.NONE, ""),
    }
    space = seen(healthy()).space("shop")
    assert space is not None
    assert space.root == trust.fingerprints(ROOT)


def test_workloads_are_those_that_are_in_the_mesh_or_will_be() -> None:
    mesh = seen(healthy())
    assert [str(each.ref) for each in mesh.workloads] == [
        "deployment cart/cart",
        "deployment legacy/old",
        "deployment shop/api",
        "deployment shop/web",
    ]
    assert len(mesh.pods) == 8
    assert {pod.workload for pod in mesh.pods} == {each.ref for each in mesh.workloads}


def kept(world: World, obj: Any) -> Any:
    world[obj["kind"]].append(obj)
    return seen(world)


def owned(kind: str, name: str, **pod: Any) -> Any:
    obj = injected("pod-1", "shop")
    obj["metadata"]["ownerReferences"] = [{"kind": kind, "name": name, "controller": True}]
    obj["spec"] |= pod
    return obj


@pytest.mark.parametrize(
    ("obj", "ref", "restart"),
    [
        (owned("Job", "sum"), Ref("Job", "shop", "sum"), Restart.MANUAL),
        (owned("ReplicaSet", "bare"), Ref("ReplicaSet", "shop", "bare"), Restart.POD_BY_POD),
        (injected("alone", "shop"), Ref("Pod", "shop", "alone"), Restart.MANUAL),
        (
            owned("Odd", "x", restartPolicy="Never"),
            Ref("Odd", "shop", "x"),
            Restart.MANUAL,
        ),
    ],
    ids=["job", "replicaset", "bare", "never"],
)
def test_pods_whose_maker_is_not_listed_are_a_workload_of_their_own(
    obj: Any, ref: Ref, restart: Restart
) -> None:
    world = healthy()
    world["Pod"].append(obj)
    workload = next(each for each in seen(world).workloads if each.ref == ref)
    assert (workload.restart, workload.replicas) == (restart, 1)


@pytest.mark.parametrize(
    ("kind", "spec", "moves"),
    [
        ("Deployment", {}, (Restart.ANNOTATION, 1, 1)),
        ("Deployment", {"strategy": {"type": "Recreate"}}, (Restart.ANNOTATION, 4, 0)),
        (
            "Deployment",
            {"strategy": {"rollingUpdate": {"maxSurge": "50%", "maxUnavailable": 0}}},
            (Restart.ANNOTATION, 0, 2),
        ),
        (
            "Deployment",
            {"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "10%"}}},
            (Restart.ANNOTATION, 1, 0),
        ),
        ("StatefulSet", {}, (Restart.ANNOTATION, 1, 0)),
        ("StatefulSet", {"updateStrategy": {"type": "OnDelete"}}, (Restart.POD_BY_POD, 1, 0)),
        (
            "StatefulSet",
            {"updateStrategy": {"rollingUpdate": {"partition": 2}}},
            (Restart.POD_BY_POD, 1, 0),
        ),
        (
            "DaemonSet",
            {"updateStrategy": {"rollingUpdate": {"maxUnavailable": "50%"}}},
            (Restart.ANNOTATION, 2, 0),
        ),
        ("ArgoRollout", {}, (Restart.RESTART_AT, 1, 0)),
    ],
)
def test_how_a_workload_is_restarted_is_its_own_strategy(
    kind: str, spec: Any, moves: tuple[Restart, int, int]
) -> None:
    obj = deployment("x", "shop", 4, more=spec)
    obj["kind"] = kind
    obj["status"] |= {"desiredNumberScheduled": 4}
    mesh = kept(healthy(), obj)
    workload = next(each for each in mesh.workloads if each.ref == Ref(kind, "shop", "x"))
    assert (workload.restart, workload.unavailable, workload.surge) == moves
    assert workload.min_ready == timedelta()


def test_a_canary_of_another_tool_is_the_runner_of_its_target() -> None:
    world = healthy()
    world["Canary"] = [
        {
            "kind": "Canary",
            "metadata": meta("web", "shop"),
            "spec": {"targetRef": {"kind": "Deployment", "name": "web"}},
            "status": {"phase": "Progressing"},
        }
    ]
    mesh = seen(world)
    by_name = {each.ref.name: each.runner for each in mesh.workloads}
    assert by_name == {
        "web": Ref("Canary", "shop", "web"),
        "api": None,
        "cart": None,
        "old": None,
    }
    space = mesh.space("shop")
    assert space is not None
    assert space.active == (Ref("Canary", "shop", "web"),)


def gateway(name: str = "edge", space: str = "ingress", **more: Any) -> Any:
    """An injected gateway, as the chart ``gateway`` writes it."""
    labels = {"istio": "ingress", **more.pop("labels", {})}
    notes = {"inject.istio.io/templates": "gateway"}
    obj = deployment(name, space, 2, labels=labels, annotations=notes)
    obj["metadata"] |= more
    return obj


def test_gateways_are_told_apart_by_how_they_are_installed() -> None:
    world = healthy()
    bundled = gateway("bundled", labels={"x": "y"})
    bundled["metadata"]["labels"] = {"operator.istio.io/component": "IngressGateways"}
    together = gateway("together", annotations={"meta.helm.sh/release-name": "istio"})
    named(world["Deployment"], "istiod-1-29-6")["metadata"]["annotations"] = {
        "meta.helm.sh/release-name": "istio"
    }
    world["Deployment"] += [gateway(), bundled, together]
    world["KubernetesGateway"] = [
        {"metadata": meta("api", "shop"), "spec": {"gatewayClassName": "istio"}},
        {"metadata": meta("way", "shop"), "spec": {"gatewayClassName": "istio-waypoint"}},
        {"metadata": meta("other", "shop"), "spec": {"gatewayClassName": "nginx"}},
    ]
    kinds = {each.ref.name: each.kind for each in seen(world).gateways}
    assert kinds == {
        "edge": GatewayKind.INJECTED,
        "bundled": GatewayKind.BUNDLED,
        "together": GatewayKind.BUNDLED,
        "api": GatewayKind.API,
        "way": GatewayKind.WAYPOINT,
    }


def test_gateways_that_istioctl_installs_are_bundled() -> None:
    rendered = [each for each in real("rendered-1-30-3.yaml") if each["kind"] == "Deployment"]
    world = joined({"Deployment": rendered})
    assert [(g.kind, g.ref.name, g.revision) for g in seen(world).gateways] in (
        [],
        [(GatewayKind.BUNDLED, "istio-ingressgateway", NEW)],
    )


def test_a_gateway_is_no_workload_of_a_wave() -> None:
    world = healthy()
    world["Namespace"].append({"metadata": meta("ingress", labels={"istio.io/rev": "prod"})})
    world["Deployment"].append(gateway())
    world["Pod"] += pods("edge", "ingress", OLD)
    mesh = seen(world)
    assert [each.ref.namespace for each in mesh.workloads if each.ref.name == "edge"] == []
    assert [(g.resolution.way, g.resolution.revision) for g in mesh.gateways] == [(Way.TAG, OLD)]


@pytest.mark.parametrize(
    ("own", "space", "owner"),
    [
        ({"istio.io/rev": NEW}, "shop", (Way.DIRECT, NEW)),
        ({}, "shop", (Way.TAG, OLD)),
        ({}, "legacy", (Way.DEFAULT, OLD)),
        ({}, "plain", (Way.DEFAULT, OLD)),
        ({"istio.io/rev": "gone"}, "shop", (Way.DANGLING, "")),
    ],
)
def test_a_gateway_of_the_gateway_api_belongs_to_one_revision(
    own: dict[str, str], space: str, owner: tuple[Way, str]
) -> None:
    world = healthy()
    spec = {"gatewayClassName": "istio"}
    world["KubernetesGateway"] = [{"metadata": meta("api", space, labels=own), "spec": spec}]
    (gateway_seen,) = seen(world).gateways
    assert (gateway_seen.resolution.way, gateway_seen.resolution.revision) == owner


def test_pods_that_should_have_a_proxy_and_have_none_are_kept() -> None:
    def bare(world: World) -> None:
        for pod in world["Pod"]:
            if pod["metadata"]["name"] == "cart-7f9-0":
                pod["spec"]["containers"].pop()

    mesh = seen(changed(bare))
    assert [pod.name for pod in mesh.pods if not pod.proxies] == ["cart-7f9-0"]


def test_pods_on_the_hosts_network_are_none_of_the_meshs() -> None:
    world = healthy()
    obj = injected("host", "shop")
    obj["spec"] |= {"hostNetwork": True, "containers": [{"name": "app"}]}
    world["Pod"].append(obj)
    assert "host" not in [pod.name for pod in seen(world).pods]


def test_what_was_not_read_is_named() -> None:
    mesh = inventory({"Namespace": []})
    assert {each.what for each in mesh.unread} == MUST - {"Namespace"}
    assert mesh.proxies is None
    assert inventory(healthy()).unread == ()
    assert replace(mesh, unread=()).unread == ()
    assert Unread("Pod", "it was not read") in mesh.unread


@pytest.mark.parametrize(
    ("quantity", "bytes_"),
    [("2Gi", 2 << 30), ("512Mi", 512 << 20), ("1G", 10**9), (7, 7), ("x", 0)],
)
def test_memory_is_counted_in_bytes(quantity: Any, bytes_: int) -> None:
    assert size(quantity) == bytes_


@given(st.data())
def test_one_odd_object_costs_itself_and_nothing_else(data: st.DataObject) -> None:
    world = healthy()
    kind = data.draw(st.sampled_from([k for k in KINDS if world[k]]))
    index = data.draw(st.integers(0, len(world[kind]) - 1))
    odd = data.draw(spoiled(world[kind][index]))
    world[kind][index] = odd if isinstance(odd, dict) else {"metadata": odd}
    mesh = seen(healthy())
    with_odd = inventory(world)
    others = {n.name for n in mesh.namespaces} & {n.name for n in with_odd.namespaces}
    assert len(others) >= len(mesh.namespaces) - 1
    assert len(with_odd.workloads) <= len(mesh.workloads) + 3


def test_what_rules_alone_read_is_left_out_where_none_are_asked() -> None:
    clashing = listening(*[{"port": {"number": 443}, "hosts": ["a.example"]}] * 2)
    world = joined(joined(clashing, istios("Sidecar", {}, {})), routed("web", gateways=["gone"]))
    old = {"outboundTrafficPolicy": {"egressProxy": {"host": "x"}}}
    world = joined(world, istios("Sidecar", old, {}))
    whole = inventory(world, SYSTEM, Beside(rules=True))
    assert all((whole.dated, whole.broken, whole.clashes))
    bare = replace(whole, dated=(), broken=(), clashes=())
    assert inventory(world, SYSTEM, Beside(rules=False)) == bare
