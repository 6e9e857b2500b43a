"""Whose pods the routes reach, told from the objects of the cluster alone."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rollout.cli.manifests.memory import MemoryCluster
from rollout.controller.seeing import pods, serving
from rollout.model.observation import Division, SeenTraffic, Serving
from rollout.model.spec import Rollout, Workload
from tests import make

Json = dict[str, Any]


def deployment(name: str, replicas: int = 2, **labels: str) -> Json:
    every = {"app": "shop", **labels}
    pods = {"metadata": {"labels": every}, "spec": {"containers": [{"image": name}]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": every}, "template": pods}
    return {"kind": "Deployment", "metadata": {"name": name, "namespace": "shop"}, "spec": spec}


SERVICE = {
    "kind": "Service",
    "metadata": {"name": "shop", "namespace": "shop"},
    "spec": {"selector": {"app": "shop"}},
}
ROLLOUT = make.rollout(make.canary_spec(5))


def told(
    *objs: Json, rollout: Rollout = ROLLOUT, **subsets: Mapping[str, str]
) -> dict[str, list[tuple[str, str, int]]]:
    """By subset, and for the whole service, each Deployment's name, revision and ready pods."""
    cluster = MemoryCluster()
    cluster.put(SERVICE, *objs)
    shares = Division("http[0]", dict.fromkeys(("", *subsets), 10))
    known = {name: labels for name, labels in subsets.items() if labels}
    traffic = SeenTraffic(divisions=(shares,), subsets=known)
    found = serving.reached(cluster, rollout, traffic)
    return {side: [_plain(run) for run in runs] for side, runs in found.items()}


def _plain(run: Serving) -> tuple[str, str, int]:
    return run.name, run.revision.name if run.revision else "", run.ready


def test_a_subset_is_told_by_the_pods_that_it_selects_whatever_its_labels_say() -> None:
    one, two = deployment("shop-v1", version="1"), deployment("shop-v2", 1, version="2")
    assert told(one, two, v1={"version": "1"}, old={"version": "2"}) == {
        "": [("shop-v1", "v1", 2), ("shop-v2", "v2", 1)],
        "v1": [("shop-v1", "v1", 2)],
        "old": [("shop-v2", "v2", 1)],
    }


def test_a_build_is_the_content_of_its_deployment() -> None:
    cluster = MemoryCluster()
    cluster.put(SERVICE, deployment("shop-v1"))
    traffic = SeenTraffic(divisions=(Division("http[0]", {"": 100}),))
    [run] = serving.reached(cluster, ROLLOUT, traffic)[""]
    assert run.revision is not None
    assert len(run.revision.template_hash) == 10


def test_who_has_no_pods_counts_only_where_nobody_else_serves() -> None:
    one, none = deployment("shop-v1"), deployment("shop-v2", 0, version="v2")
    assert told(one, none, v2={"version": "v2"}) == {
        "": [("shop-v1", "v1", 2)],
        "v2": [("shop-v2", "v2", 0)],
    }


def test_a_subset_that_no_rule_has_reaches_nobody() -> None:
    assert told(deployment("shop-v1"), lost={}) == {"": [("shop-v1", "v1", 2)], "lost": []}


def test_a_deployment_that_the_spec_cannot_name_has_no_revision() -> None:
    other = deployment("web")
    apart = deployment("elsewhere", app="other")
    assert told(other, apart) == {"": [("web", "", 2)]}


def test_with_a_template_only_our_own_deployments_run_revisions() -> None:
    spec = replace(ROLLOUT.spec, workload=Workload(template={}))
    rollout = replace(ROLLOUT, spec=spec)
    owner = {"uid": rollout.uid, "controller": True, "kind": "Rollout", "name": "shop"}
    ours, theirs = deployment("shop-abc"), deployment("shop-v1")
    ours["metadata"]["ownerReferences"] = [owner]
    assert told(ours, theirs, rollout=rollout) == {"": [("shop-abc", "abc", 2), ("shop-v1", "", 2)]}


def test_pods_of_no_deployment_are_told_as_such() -> None:
    cluster = MemoryCluster()
    cluster.put(SERVICE, deployment("shop-v1"))
    pod: Json = {"kind": "Pod", "metadata": {"name": "db-0", "namespace": "shop", "labels": {}}}
    listed = [{"targetRef": {"name": name}} for name in ("db-0", "shop-v1-0-0")]
    label = {"kubernetes.io/service-name": "shop"}
    meta = {"name": "shop", "namespace": "shop", "labels": label}
    part = {"kind": "EndpointSlice", "metadata": meta, "endpoints": listed}
    cluster._objects |= {("Pod", "shop", "db-0"): pod, ("EndpointSlice", "shop", "shop"): part}
    traffic = SeenTraffic(divisions=(Division("http[0]", {"": 100}),))
    found = serving.reached(cluster, ROLLOUT, traffic)[""]
    assert [_plain(run) for run in found] == [("", "", 1), ("shop-v1", "v1", 1)]
    assert not found[0].argo
    argos = {**pod, "metadata": {**pod["metadata"], "labels": {"rollouts-pod-template-hash": "7"}}}
    cluster._objects["Pod", "shop", "db-0"] = argos
    found = serving.reached(cluster, ROLLOUT, traffic)[""]
    assert [(run.name, run.argo) for run in found] == [("", True), ("shop-v1", False)]


def test_a_service_that_selects_argos_pods_alone_says_why_ours_get_no_requests() -> None:
    cluster = MemoryCluster()
    selector = {"app": "shop", "rollouts-pod-template-hash": "7"}
    cluster.put({**SERVICE, "spec": {"selector": selector}}, deployment("shop-v1"))
    seen = pods.seen(cluster, ROLLOUT, "v1")
    why = "service shop selects Argo's rollouts-pod-template-hash"
    assert (seen.ready, seen.problem) == (0, why)
