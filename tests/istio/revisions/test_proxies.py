"""The proxies of a pod."""

from typing import Any

import pytest
from hypothesis import given

from rollout.istio.revisions import proxies
from rollout.model.mesh import MeshPod
from rollout.model.ref import Ref
from tests.istio.revisions.objects import injected, meta, proxy, real
from tests.istio.revisions.test_webhooks import spoiled

INJECTED = MeshPod(
    "shop",
    "web-1",
    "1-29-6",
    "docker.io/istio/proxyv2:1.29.6",
    1,
    discovery="istiod-1-29-6.istio-system.svc:15012",
    ready=True,
    node="node-a",
)


@pytest.mark.parametrize("native", [False, True])
def test_a_proxy_is_found_among_containers_and_init_containers(native: bool) -> None:
    """Native sidecars are the default since 1.27 where Kubernetes can."""
    obj = injected("web-1", native=native)
    assert proxies.pod(obj) == INJECTED._replace(native=native)


def test_the_container_that_only_sets_up_the_network_is_no_proxy() -> None:
    obj = injected("web-1")
    obj["spec"]["containers"].pop()
    pod = proxies.pod(obj)
    assert (pod.proxies, pod.revision, pod.image) == (0, "", "")


def test_two_proxies_are_two() -> None:
    obj = injected("web-1")
    obj["spec"]["initContainers"].append(proxy("1.30.3", "1-30-3", native=True))
    assert proxies.pod(obj).proxies == 2


def test_the_revision_is_the_annotations_else_the_status() -> None:
    obj = injected("web-1")
    del obj["metadata"]["annotations"]["istio.io/rev"]
    assert proxies.pod(obj).revision == "1-29-6"
    obj["metadata"]["annotations"]["sidecar.istio.io/status"] = "{"
    assert proxies.pod(obj).revision == ""


@pytest.mark.parametrize(
    ("env", "asked"),
    [
        ([{"name": "PROXY_CONFIG", "value": '{"discoveryAddress":"a:1"}\n'}], "a:1"),
        (
            [{"name": "PROXY_CONFIG", "value": "{}"}, {"name": "CA_ADDR", "value": "b:1"}],
            "b:1",
        ),
        ([{"name": "PROXY_CONFIG", "value": "{"}], ""),
        ("x", ""),
    ],
)
def test_whom_a_proxy_asks_is_in_its_environment(env: Any, asked: str) -> None:
    assert proxies.discovery({"env": env}) == asked


def test_what_becomes_of_a_pod_is_told() -> None:
    obj = injected("web-1")
    owners = [{"kind": "Node", "name": "x"}, {"kind": "Job", "name": "sum", "controller": True}]
    notes = {
        "sidecar.istio.io/proxyImage": "mine:1",
        "inject.istio.io/templates": "sidecar,ours",
    }
    obj["metadata"] |= {"ownerReferences": owners, "deletionTimestamp": "2026-01-01T00:00:00Z"}
    obj["metadata"]["annotations"] |= notes
    obj["spec"]["restartPolicy"] = "Never"
    obj["status"] = {"phase": "Succeeded"}
    assert proxies.pod(obj) == INJECTED._replace(
        ready=False,
        over=True,
        leaving=True,
        workload=Ref("Job", "shop", "sum"),
        own_image=True,
        templates="sidecar,ours",
        restarts=False,
    )


def test_pods_that_real_istiods_injected_are_read() -> None:
    read = [proxies.pod(obj) for obj in real("injected-pods.yaml")]
    assert [(p.revision, p.version, p.proxies, p.native) for p in read] in (
        [],
        [("1-29-6", "1.29.6", 1, False), ("1-30-3", "1.30.3", 1, False)],
    )


@given(spoiled(injected("web-1")))
def test_a_slim_pod_says_the_same(obj: Any) -> None:
    whole = obj if isinstance(obj, dict) else {}
    assert proxies.pod(proxies.slim(whole)) == proxies.pod(whole)


@given(spoiled(injected("web-1")))
def test_an_odd_pod_is_read_as_far_as_it_can_be(obj: Any) -> None:
    read = proxies.pod(obj if isinstance(obj, dict) else {"metadata": meta("x"), "spec": obj})
    assert read.proxies in (0, 1)
