"""What is known to go wrong while an upgrade is under way, and is survived; more of test_failures.

``docs/upgrade-failures.md`` says what F1 to F36 are.
"""

from __future__ import annotations

import json
from typing import Any

from rollout.model.upgrading import Awaits, State
from tests.upgrade.cluster import (
    MUTATING,
    NEW,
    OLD,
    SYSTEM,
    Mesh,
    built,
    carriers,
    is_ready,
    revisions_of,
    workload,
)
from tests.upgrade.play import Play

TAG = "istio-revision-tag-prod"


def went_back(play: Play, why: str) -> None:
    play.to(State.RETURNED)
    assert play.status.refused is not None
    assert why in play.status.refused.because
    assert {found for every in play.mesh.proxies().values() for found in every} == {OLD}


def changed(mesh: Mesh, kind: str, space: str, name: str, **spec: Any) -> None:
    obj = mesh.get(kind, space, name)
    mesh.put({**obj, **{key: {**obj.get(key, {}), **value} for key, value in spec.items()}})


def test_nobody_s_routes_and_listeners_are_ever_written() -> None:
    """F7: a Gateway's selector, a VirtualService and a Service's selector stay as they are."""
    mesh = built()
    gateway = {
        "kind": "Gateway",
        "metadata": {"name": "edge", "namespace": "ingress"},
        "spec": {"selector": {"istio": "ingress"}},
    }
    mesh.put(gateway)
    service = mesh.get("Service", "ingress", "gw")["spec"]
    play = Play(mesh).begin().to(State.BAKE)
    touched = {write.split()[1] for write in mesh.kube.writes}
    assert touched.isdisjoint({"Gateway", "VirtualService", "EnvoyFilter", "AuthorizationPolicy"})
    assert mesh.get("Service", "ingress", "gw")["spec"] == service
    assert play.status.state is State.BAKE


def test_a_gateway_s_twin_is_behind_the_same_service_and_under_the_same_policies() -> None:
    """F8: its pods have every label of the original's, and the revision besides."""
    mesh = built()
    play = Play(mesh).begin().to(State.GATEWAYS)
    own = mesh.get("Deployment", "ingress", "gw")["spec"]["template"]["metadata"]["labels"]
    had = len(mesh.kube.list("Deployment"))
    play.until(lambda p: len(p.mesh.kube.list("Deployment")) > had)
    (twin,) = (
        each
        for each in mesh.kube.list("Deployment")
        if each["metadata"]["namespace"] == "ingress" and each["metadata"]["name"] != "gw"
    )
    labels = twin["spec"]["template"]["metadata"]["labels"]
    assert {**own, "istio.io/rev": NEW}.items() <= labels.items()
    selector = mesh.get("Service", "ingress", "gw")["spec"]["selector"]
    assert selector.items() <= labels.items()


def test_a_gateway_s_autoscaler_is_held_while_it_shares_and_let_go_afterwards() -> None:
    """F9: two Deployments behind one selector would lead it astray."""
    mesh = built()
    scaler = {
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "gw", "namespace": "ingress"},
        "spec": {
            "scaleTargetRef": {"kind": "Deployment", "name": "gw"},
            "minReplicas": 2,
            "maxReplicas": 9,
        },
    }
    mesh.put(scaler)
    play = Play(mesh).begin().to(State.GATEWAYS)
    bounds: set[tuple[int, int]] = set()

    def ended(play: Play) -> bool:
        spec = mesh.get("HorizontalPodAutoscaler", "ingress", "gw")["spec"]
        bounds.add((spec["minReplicas"], spec["maxReplicas"]))
        return play.status.state is State.TAGS

    play.until(ended)
    assert {low == high for low, high in bounds - {(2, 9)}} == {True}
    after = mesh.get("HorizontalPodAutoscaler", "ingress", "gw")["spec"]
    assert (after["minReplicas"], after["maxReplicas"]) == (2, 9)


def test_a_tag_that_moves_is_there_at_every_moment() -> None:
    """F18: it is never deleted and made anew, and between its writes a pod gets one proxy."""
    mesh = built()
    play = Play(mesh).begin(waves=[{"name": "by-tag", "tag": "prod", "bake": "1m"}])
    tried: list[list[str]] = []

    def check(write: str) -> None:
        pod = {"kind": "Pod", "metadata": {"namespace": "tagged"}, "spec": {"containers": []}}
        tried.append(revisions_of(mesh.injected(pod)))
        assert not write.startswith(("delete Mutating", "create Mutating")), write

    mesh.kube.before = check
    play.to(State.GATEWAYS)
    assert {tuple(each) for each in tried} == {(OLD,), (NEW,)}
    assert mesh.get(MUTATING, "", TAG)["metadata"]["labels"]["istio.io/rev"] == NEW


def test_a_control_plane_that_brings_changes_too_slowly_does_not_get_another_wave() -> None:
    """F23: forty seconds from a change to the proxies are a push storm."""
    mesh = built()
    play = Play(mesh).begin().to(State.WAVES)
    moved = mesh.labels("tagged"), mesh.get(MUTATING, "", TAG)
    mesh.convergence = 40.0
    play.to(State.RETURNING)
    assert (mesh.labels("tagged"), mesh.get(MUTATING, "", TAG)) == moved
    mesh.convergence = 0.0
    went_back(play, "convergence")


def test_no_more_workloads_restart_at_a_time_than_was_said() -> None:
    """F24, F25: what restarts at once is what a node and a neighbour have to bear."""
    mesh = built(works=4)
    most: list[int] = []

    def check(mesh: Mesh) -> None:
        under_way = 0
        for work in mesh.kube.list("Deployment"):
            if work["metadata"]["namespace"] != "shop2":
                continue
            pods = mesh.pods_of(work)
            both = {tuple(revisions_of(pod)) for pod in pods}
            under_way += len(both) > 1 or not all(map(is_ready, pods))
        most.append(under_way)

    mesh.watch = check
    rest = {"name": "rest", "namespaces": ["shop2"], "maxConcurrent": 2, "bake": "1m"}
    Play(mesh).begin(waves=[rest]).to(State.GATEWAYS)
    assert max(most) == 2


def test_a_workload_whose_budget_lets_no_pod_go_is_waited_for() -> None:
    """F25: a rolling update asks no PodDisruptionBudget; we do."""
    mesh = built()
    changed(mesh, "Deployment", "shop2", "web0", spec={
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}}
    })  # fmt: skip
    budget = {
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "web0", "namespace": "shop2"},
        "spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": "web0"}}},
        "status": {"disruptionsAllowed": 0},
    }
    mesh.put(budget)
    play = Play(mesh).begin().to(State.WAVES)
    play.until(lambda p: "lets no pod of web0 go" in p.status.because)
    before = {pod: found for pod, found in mesh.proxies().items() if pod.startswith("shop2/web0")}
    for _ in range(5):
        play.look()
    assert before.items() <= mesh.proxies().items()
    mesh.put({**budget, "status": {"disruptionsAllowed": 1}})
    play.to(State.GATEWAYS)


def test_an_istiod_that_is_replaced_in_mid_wave_is_waited_for() -> None:
    """F26: it serves partial configuration until it is whole again."""
    mesh = built()
    play = Play(mesh).begin().to(State.WAVES)
    whole = dict(mesh.get("Deployment", SYSTEM, f"istiod-{NEW}")["status"])
    changed(mesh, "Deployment", SYSTEM, f"istiod-{NEW}", status={"updatedReplicas": 1})
    play.until(lambda p: p.status.awaits is Awaits.CONTROL_PLANE)
    assert play.status.because == f"nothing moves: istiod-{NEW} is being replaced"
    changed(mesh, "Deployment", SYSTEM, f"istiod-{NEW}", status=whole)
    play.to(State.GATEWAYS)


def test_nodes_without_their_agent_are_told_of_and_pods_that_do_not_start_stop_the_wave() -> None:
    """F27: istio-cni lets no pod start where it is not ready itself."""
    mesh = built()
    agent = {
        "kind": "DaemonSet",
        "metadata": {
            "name": "istio-cni-node",
            "namespace": SYSTEM,
            "labels": {"k8s-app": "istio-cni-node"},
        },
        "spec": {
            "selector": {"matchLabels": {"k8s-app": "istio-cni-node"}},
            "template": {
                "metadata": {"labels": {"sidecar.istio.io/inject": "false"}},
                "spec": {
                    "containers": [{"name": "install-cni", "image": "istio/install-cni:1.29.6"}]
                },
            },
        },
        "status": {"desiredNumberScheduled": 3, "numberReady": 2},
    }
    mesh.put(agent)
    mesh.unready.add("shop2")
    play = Play(mesh).begin(progressDeadline="5m").to(State.BASE)
    assert any(each.startswith("UPG-036") for each in play.status.attempt.warnings)
    play.until(lambda p: p.status.attempt.pause is not None)
    assert mesh.labels("shop3") == {
        "kubernetes.io/metadata.name": "shop3",
        "istio-injection": "enabled",
    }
    mesh.unready.clear()
    play.ask("abort").to(State.RETURNED)


def test_a_proxy_that_becomes_a_native_sidecar_is_found_among_the_init_containers() -> None:
    """F28: the shape of pods changes from Istio 1.27 on."""
    mesh = built()
    mesh.native = True
    before = carriers(mesh)
    play = Play(mesh).begin().to(State.BAKE)
    assert {tuple(each) for each in mesh.proxies().values()} == {(NEW,)}
    play.ask("abort").to(State.RETURNED)
    assert carriers(mesh) == before


def test_an_ambient_namespace_is_left_where_it_is() -> None:
    """F35: there is no canary of ztunnel, so none is offered."""
    mesh = built()
    labels = {"istio.io/dataplane-mode": "ambient"}
    mesh.put({"kind": "Namespace", "metadata": {"name": "mesh-less", "labels": labels}})
    mesh.put(workload("mesh-less", "web"))
    mesh.settle(4)
    before = json.dumps(mesh.get("Namespace", "", "mesh-less")["metadata"]["labels"])
    pods = {pod for pod in mesh.proxies() if pod.startswith("mesh-less/")}
    Play(mesh).begin().to(State.BAKE)
    assert json.dumps(mesh.get("Namespace", "", "mesh-less")["metadata"]["labels"]) == before
    assert {pod for pod in mesh.proxies() if pod.startswith("mesh-less/")} == pods


def test_the_way_back_needs_nothing_but_what_was_written_down() -> None:
    """F36: no tool of any version, and not what git says by now."""
    mesh = built()
    before = carriers(mesh)
    play = Play(mesh).begin().to(State.BAKE)
    obj = mesh.get("ControlPlaneUpgrade", "", "mesh")
    spec = {"from": OLD, "to": NEW, "waves": [{"name": "other", "percentage": 1}]}
    mesh.put({**obj, "spec": spec})
    play.ask("abort").to(State.RETURNED)
    assert carriers(mesh) == before
