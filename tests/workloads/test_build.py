from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.workloads import build

Json = dict[str, Any]


def deployment(**changes: Any) -> Json:
    box = {"name": "tills", "image": "tills:v2", "env": [{"name": "A", "value": "1"}]}
    meta = {"labels": {"app": "tills", "version": "v2"}, "annotations": {"checksum/config": "1"}}
    template = {"metadata": meta, "spec": {"containers": [box]}}
    spec = {"replicas": 2, "selector": {"matchLabels": meta["labels"]}, "template": template}
    return {"kind": "Deployment", "metadata": {"name": "tills-v2"}, "spec": spec | changes}


def edited(*path: str | int, value: Any) -> Json:
    made = deployment()
    where: Any = made["spec"]["template"]
    for key in path[:-1]:
        where = where[key]
    where[path[-1]] = value
    return made


SAME = build.of(deployment())


def test_a_build_is_ten_letters_that_spell_nothing() -> None:
    assert len(SAME) == 10
    assert not set(SAME) & set("aeiou013")


@pytest.mark.parametrize(
    "rebuilt",
    [
        edited("spec", "containers", 0, "image", value="tills:v2-rebuilt"),
        edited("spec", "containers", 0, "env", 0, "value", value="2"),
        edited("spec", "nodeSelector", value={"disk": "ssd"}),
        edited("metadata", "labels", "tier", value="gold"),
        edited("metadata", "annotations", "checksum/config", value="2"),
        edited("metadata", "annotations", "sidecar.istio.io/proxyImage", value="x"),
    ],
)
def test_whatever_the_pods_are_made_of_is_another_build(rebuilt: Json) -> None:
    assert build.of(rebuilt) != SAME


@pytest.mark.parametrize(
    "same",
    [
        deployment(replicas=9),
        deployment(strategy={"type": "Recreate"}, minReadySeconds=30, paused=True),
        edited("metadata", "annotations", "kubectl.kubernetes.io/restartedAt", value="now"),
        edited("metadata", "annotations", "openshift.io/restartedAt", value="now"),
        edited("metadata", "annotations", "cattle.io/timestamp", value="now"),
        edited("metadata", "creationTimestamp", value=None),
        edited("spec", "nodeSelector", value=None),
    ],
)
def test_scaling_restarting_and_how_the_server_writes_it_are_the_same_build(same: Json) -> None:
    assert build.of(same) == SAME


def test_a_first_restart_leaves_no_trace_in_a_template_without_annotations() -> None:
    plain = deployment()
    del plain["spec"]["template"]["metadata"]["annotations"]
    restarted = deepcopy(plain)
    mark = {"kubectl.kubernetes.io/restartedAt": "now"}
    restarted["spec"]["template"]["metadata"]["annotations"] = mark
    assert build.of(restarted) == build.of(plain)


@pytest.mark.parametrize("odd", [{}, {"spec": None}, {"spec": {"template": None}}])
def test_a_deployment_without_a_template_has_a_build_all_the_same(odd: Json) -> None:
    assert len(build.of(odd)) == 10


@given(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), st.integers(0, 9))
def test_pods_are_being_replaced_until_all_are_of_the_newest_template(
    generation: int, observed: int, pods: int, updated: int
) -> None:
    made = deployment()
    made["metadata"]["generation"] = generation
    made["status"] = {"observedGeneration": observed, "replicas": pods, "updatedReplicas": updated}
    assert build.replacing(made) == (observed < generation or updated < pods)


def test_without_a_status_nothing_is_known_to_be_replaced() -> None:
    assert not build.replacing(deployment())


@pytest.mark.parametrize(
    ("written", "known_as"),
    [
        ("registry.example:5000/team/tills:v2", "tills:v2"),
        ("tills", "tills"),
        ("tills@sha256:0123456789abcdef0123", "tills@0123456789ab"),
        ("tills:v2@sha256:0123456789abcdef0123", "tills:v2"),
        ("tills:v2\x1b[2J\nshop   Healthy", "tills:v2?[2J?shop   Healthy"),
        ("tills:" + "v" * 100_000, "tills:" + "v" * 250),
        (7, ""),
        (None, ""),
    ],
)
def test_people_know_a_build_by_the_image_of_its_first_container(
    written: object, known_as: str
) -> None:
    assert build.image(edited("spec", "containers", 0, "image", value=written)) == known_as


def test_what_has_no_containers_has_no_image() -> None:
    assert [build.image(obj) for obj in ({}, {"spec": {"template": 7}})] == ["", ""]
