from typing import Any

import pytest

from rollout.model.observation import SeenWorkload
from rollout.workloads import build, deployment, hpa, observed, selector

Json = dict[str, Any]
LABELS = {"app": "shop", "version": "v2"}


def deploy(replicas: int | None = 2, labels: Json = LABELS, **spec: Any) -> Json:
    count = {} if replicas is None else {"replicas": replicas}
    template = {"metadata": {"labels": labels}}
    inside = {"selector": {"matchLabels": labels}, "template": template, **count, **spec}
    return {"kind": "Deployment", "metadata": {"name": "shop-v2"}, "spec": inside}


def pod(name: str, labels: Json = LABELS, **status: Any) -> Json:
    return {"metadata": {"name": name, "labels": labels}, "status": status}


def endpoint(name: str, **conditions: bool | None) -> Json:
    return {"targetRef": {"kind": "Pod", "name": name}, "conditions": conditions}


def seen(deployment_: Json | None, pods: list[Json], *endpoints: Json) -> SeenWorkload:
    slices: list[Json] = [{"endpoints": list(endpoints)}, {"endpoints": None}]
    return observed.seen("v2", "shop-v2", deployment_, pods, slices)


def test_ready_are_the_revisions_pods_that_the_service_sends_to() -> None:
    pods = [pod("a"), pod("b"), pod("c"), pod("other", {"app": "shop", "version": "v1"})]
    ends = [
        endpoint("a", ready=True),
        endpoint("a", ready=True),
        endpoint("b", ready=False),
        endpoint("c", ready=True, terminating=True),
        endpoint("other", ready=True),
        {"addresses": ["10.0.0.1"]},
    ]
    one = deploy(1)
    assert seen(one, pods, *ends) == SeenWorkload(
        "v2",
        "shop-v2",
        exists=True,
        wanted=1,
        ready=1,
        labels={"version": "v2"},
        build=build.of(one),
    )


def test_an_endpoint_that_does_not_say_is_ready() -> None:
    assert list(
        deployment.endpoints([{"endpoints": [endpoint("a"), endpoint("b", ready=None)]}])
    ) == [
        "a",
        "b",
    ]


def test_a_deployment_that_is_not_there_is_a_problem_in_words() -> None:
    assert seen(None, []) == SeenWorkload(
        "v2", "shop-v2", exists=False, problem="there is no deployment shop-v2"
    )


def test_strangers_are_ready_endpoints_of_other_revisions() -> None:
    pods = [pod("a"), pod("x", {"app": "shop"})]
    slices = [{"endpoints": [endpoint("a"), endpoint("x"), endpoint("gone")]}]
    assert deployment.strangers(pods, slices, deploy()) == 2
    assert deployment.strangers(pods, slices, None) == 3


def test_a_deployment_wants_one_pod_unless_it_says_otherwise() -> None:
    assert [deployment.replicas(deploy(n)) for n in (None, 0, 5)] == [1, 0, 5]


@pytest.mark.parametrize(
    ("labels", "single_out"),
    [
        ({"rollout.dev/revision": "bcd", "version": "v1"}, {"rollout.dev/revision": "bcd"}),
        ({"app": "shop", "version": "v1"}, {"version": "v1"}),
        ({"app": "shop", "track": "blue"}, {"app": "shop", "track": "blue"}),
    ],
)
def test_the_labels_that_single_out_a_revision(labels: Json, single_out: Json) -> None:
    assert deployment.labels(deploy(labels=labels)) == single_out


def test_scaling_tests_what_it_read_and_twice_is_once() -> None:
    assert deployment.scale(deploy(2), 3) == [
        {"op": "test", "path": "/spec/replicas", "value": 2},
        {"op": "replace", "path": "/spec/replicas", "value": 3},
    ]
    assert deployment.scale(deploy(None), 0) == [
        {"op": "add", "path": "/spec/replicas", "value": 0}
    ]
    assert deployment.scale(deploy(3), 3) == deployment.scale(deploy(None), 1) == []


QUOTA = {"conditions": [{"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}]}
FULL_QUOTA = (
    'pods "shop-v2-b9cb88c9d-" is forbidden: exceeded quota: q, requested: pods=1, used: pods=4, '
    "limited: pods=4"
)
FULL = {"conditions": [QUOTA["conditions"][0] | {"message": FULL_QUOTA}]}
POLICY = 'pods "shop-v2-b9cb88c9d-" is forbidden: every image is to be signed'
DENIED = {"conditions": [QUOTA["conditions"][0] | {"message": POLICY}]}
REFUSED = {"conditions": [{"type": "ReplicaFailure", "status": "True"}]}


@pytest.mark.parametrize(
    ("obj", "words"),
    [
        (deploy(paused=True), "is paused: kubectl rollout resume deployment shop-v2"),
        (deploy() | {"status": QUOTA}, "deployment shop-v2 may not start pods: exceeded quota"),
        (deploy() | {"status": FULL}, "start pods: quota q allows pods=4, pods=1 more is wanted"),
        (deploy() | {"status": DENIED}, "may not start pods: every image is to be signed"),
        (deploy() | {"status": REFUSED}, "may not start pods: no reason given"),
        (deploy() | {"status": {"conditions": [{"type": "Available", "status": "False"}]}}, ""),
    ],
)
def test_a_deployment_in_trouble_says_why(obj: Json, words: str) -> None:
    found = seen(obj, []).problem
    assert words in found
    assert bool(found) == bool(words)


def waiting(reason: str, **more: Any) -> Json:
    return {"name": "app", "image": "shop:2", "state": {"waiting": {"reason": reason, **more}}}


CRASHED = waiting("CrashLoopBackOff") | {"restartCount": 4}
NO_NODE = [{"type": "PodScheduled", "status": "False", "message": "0/3 nodes fit"}]
RUNNING: Json = {"phase": "Running", "conditions": [{"type": "Ready", "status": "False"}]}


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (
            {"containerStatuses": [waiting("ImagePullBackOff")]},
            "pod a cannot pull image shop:2 (ImagePullBackOff)",
        ),
        (
            {"initContainerStatuses": [waiting("CreateContainerConfigError", message="no  key")]},
            "pod a cannot start app: no key",
        ),
        (
            {
                "containerStatuses": [
                    CRASHED | {"lastState": {"terminated": {"reason": "OOMKilled"}}}
                ]
            },
            "pod a crashes: app ended with OOMKilled, 4 restarts",
        ),
        (
            {
                "containerStatuses": [
                    CRASHED | {"lastState": {"terminated": {"reason": "Error", "exitCode": 3}}}
                ]
            },
            "pod a crashes: app ended with exit code 3, 4 restarts",
        ),
        ({"conditions": NO_NODE}, "pod a has no node: 0/3 nodes fit"),
        ({"reason": "Evicted", "message": "low on memory"}, "pod a was evicted: low on memory"),
        (RUNNING, "pod a runs but is not ready"),
        (
            RUNNING | {"containerStatuses": [CRASHED]},
            "pod a crashes: app ended with CrashLoopBackOff",
        ),
        ({"containerStatuses": [waiting("ContainerCreating")]}, ""),
        ({"containerStatuses": [waiting("ErrImagePull")], "conditions": NO_NODE}, "cannot pull"),
        ({"reason": "Evicted", "message": "x" * 300}, "x…x"),
    ],
)
def test_a_pod_in_trouble_says_why_the_worst_first(status: Json, words: str) -> None:
    found = seen(deploy(), [pod("b"), pod("a", **status)]).problem
    assert words in found
    assert bool(found) == bool(words)


def test_a_pod_on_its_way_out_is_no_problem() -> None:
    leaving = pod("a", **RUNNING)
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert seen(deploy(), [leaving]).problem == ""


def test_once_all_are_ready_nothing_is_a_problem() -> None:
    assert seen(deploy(1, paused=True), [pod("a")], endpoint("a")).problem == ""


@pytest.mark.parametrize(
    ("expression", "selected"),
    [
        ({"operator": "In", "key": "app", "values": ["shop"]}, True),
        ({"operator": "NotIn", "key": "app", "values": ["shop"]}, False),
        ({"operator": "NotIn", "key": "tier", "values": ["shop"]}, True),
        ({"operator": "Exists", "key": "app"}, True),
        ({"operator": "DoesNotExist", "key": "app"}, False),
    ],
)
def test_selectors_by_expression(expression: Json, selected: bool) -> None:
    assert selector.selects({"matchExpressions": [expression]}, pod("a")) is selected


@pytest.mark.parametrize("empty", [None, {}, {"matchLabels": {}}])
def test_an_empty_selector_selects_nothing(empty: Json | None) -> None:
    assert not selector.selects(empty, pod("a"))


def autoscaler(name: str, kind: str = "Deployment", **spec: Any) -> Json:
    ref = {"kind": kind, "name": name}
    return {"metadata": {"name": "shop"}, "spec": {"scaleTargetRef": ref, **spec}}


def test_the_autoscaler_of_a_deployment_is_found() -> None:
    other, mine = autoscaler("shop-v2", "StatefulSet"), autoscaler("shop-v2", minReplicas=3)
    assert hpa.of([other, mine], "shop-v2") == mine
    assert hpa.of([other], "shop-v2") is None
    assert [hpa.least(h) for h in (other, mine)] == [1, 3]


def test_an_autoscaler_is_handed_over_once() -> None:
    path = "/spec/scaleTargetRef/name"
    assert hpa.hand_over(autoscaler("shop-v1"), "shop-v2") == [
        {"op": "test", "path": path, "value": "shop-v1"},
        {"op": "replace", "path": path, "value": "shop-v2"},
    ]
    assert hpa.hand_over(autoscaler("shop-v2"), "shop-v2") == []
    assert hpa.hand_over(autoscaler("shop-v1", "StatefulSet"), "shop-v2") == []


def test_an_autoscaler_that_cannot_be_handed_over_says_why() -> None:
    keda = autoscaler("shop-v1")
    owners = [{"kind": "App", "name": "shop"}, {"kind": "ScaledObject", "name": "shop"}]
    keda["metadata"]["ownerReferences"] = owners
    found = [hpa.problem(h) for h in (keda, autoscaler("db", "StatefulSet"), autoscaler("shop-v1"))]
    assert found == [
        "hpa shop is KEDA's, which takes a hand-over back",
        "hpa shop scales a StatefulSet, not a Deployment",
        "",
    ]
