"""What is known to go wrong with upgrades of Istio: each is refused, or survived.

The issues named are istio/istio's; what is refused by a rule of preflight has its test there.
"""

import json
from typing import Any

import pytest

from rollout.model.status import Phase
from rollout.model.upgrading import Awaits, State
from tests.upgrade.cluster import (
    MUTATING,
    NEW,
    OLD,
    SYSTEM,
    VALIDATING,
    Mesh,
    built,
    carriers,
    namespace,
    tag,
    validator,
    workload,
)
from tests.upgrade.play import Play


def revisions(mesh: Mesh, space: str = "") -> set[str]:
    return {one for pod, found in mesh.proxies().items() for one in found if pod.startswith(space)}


def went_back(play: Play, why: str) -> None:
    play.to(State.RETURNED)
    assert play.status.refused is not None
    assert why in play.status.refused.because
    assert revisions(play.mesh) == {OLD}


# Validators and the brake (#28880, #32143, #43227, #60596)


def test_an_old_istiod_that_a_validator_still_asks_is_not_removed() -> None:
    play = Play(built()).begin().to(State.REMOVE)
    play.until(lambda p: p.status.awaits is Awaits.APPROVAL)
    play.mesh.put(validator("istiod-default-validator", OLD, default=True))
    play.until(lambda p: p.status.awaits is not Awaits.APPROVAL)
    play.ask("resume", "9").ask("approve")
    for _ in range(20):
        play.look()
    assert play.mesh.serves(OLD)
    assert not play.status.attempt.removing


def test_where_no_virtual_service_can_be_written_nothing_moves_and_then_all_goes_back() -> None:
    play = Play(built()).begin().to(State.WAVES)
    refused = play.mesh.validated

    def broken(obj: Any) -> Any:
        if obj["kind"] == "VirtualService":
            return refused({**obj, "spec": {**obj["spec"], "hosts": []}})
        return play.mesh.injected(obj)

    play.mesh.kube.admit = broken
    play.until(lambda p: p.status.awaits is Awaits.BRAKE)
    labels = {space: play.mesh.labels(space) for space in ("shop2", "tagged")}
    for _ in range(5):
        play.look()
    assert {space: play.mesh.labels(space) for space in labels} == labels
    assert play.status.because.startswith("nothing moves: no VirtualServi")
    play.to(State.RETURNING)
    play.mesh.kube.admit = play.mesh.admitted
    went_back(play, "no VirtualService can be")


def test_the_way_back_leaves_no_validator_at_the_new_revision() -> None:
    mesh = built()
    before = carriers(mesh)
    play = Play(mesh).begin().to(State.BAKE).ask("abort").to(State.RETURNED)
    asked = [
        each["webhooks"][0]["clientConfig"]["service"]["name"]
        for each in mesh.kube.list(VALIDATING)
    ]
    assert asked.count(f"istiod-{NEW}") == 1  # its own
    assert carriers(mesh) == before
    assert play.status.phase is Phase.DEGRADED


# What is removed (#47423, #33822)


def test_gateways_and_tags_that_carry_the_old_revision_s_label_are_not_removed_with_it() -> None:
    mesh = built()
    extra = workload(SYSTEM, "istio-eastwest")
    extra["metadata"]["labels"] = {"istio.io/rev": OLD, "app": "istio-eastwest"}
    extra["spec"]["template"]["metadata"]["labels"]["sidecar.istio.io/inject"] = "false"
    mesh.put(extra)
    play = Play(mesh).begin().to(State.INSTALL)
    names = {each.ref.name for each in play.status.attempt.recorded}
    assert names == {
        f"istiod-{OLD}",
        f"istio-{OLD}",
        f"istio-sidecar-injector-{OLD}",
        f"istio-validator-{OLD}-{SYSTEM}",
    }


def test_an_object_made_anew_under_a_recorded_name_is_not_removed() -> None:
    play = Play(built()).begin().to(State.REMOVE).approve()
    play.until(lambda p: p.status.attempt.removing)
    mesh = play.mesh
    key = ("ConfigMap", SYSTEM, f"istio-{OLD}")
    if key in mesh.kube.objects:
        del mesh.kube.objects[key]
    mesh.put({"kind": "ConfigMap", "metadata": {"name": key[2], "namespace": SYSTEM}, "data": {}})
    play.to(State.DONE)
    assert key in mesh.kube.objects


# Injection (#37088, #50595, #35690, #43932)


def test_both_labels_of_a_namespace_change_in_one_patch() -> None:
    play = Play(built()).begin().to(State.CANARY)
    seen: list[dict[str, str]] = []
    play.mesh.kube.before = lambda write: seen.append(play.mesh.labels("shop1"))
    play.until(lambda p: p.mesh.labels("shop1").get("istio.io/rev") == NEW)
    both = [one for one in seen if "istio-injection" in one and "istio.io/rev" in one]
    neither = [one for one in seen if not {"istio-injection", "istio.io/rev"} & one.keys()]
    assert (both, neither) == ([], [])


def test_where_a_pod_would_get_no_proxy_none_is_restarted() -> None:
    play = Play(built()).begin().to(State.CANARY)
    hooks = play.mesh.get(MUTATING, "", f"istio-sidecar-injector-{NEW}")
    play.until(lambda p: p.mesh.labels("shop1").get("istio.io/rev") == NEW)
    play.mesh.put({**hooks, "webhooks": [
        {**each, "namespaceSelector": {"matchLabels": {"istio.io/deactivated": "never-match"}}}
        for each in hooks["webhooks"]
    ]})  # fmt: skip
    pods = set(play.mesh.proxies())
    play.until(lambda p: p.status.awaits is Awaits.INJECTION)
    assert "gets no proxy" in play.status.because
    assert set(play.mesh.proxies()) == pods
    play.to(State.RETURNING)
    assert set(play.mesh.proxies()) == pods
    went_back(play, "gets no proxy")


def test_where_a_pod_would_get_two_proxies_none_is_restarted() -> None:
    play = Play(built()).begin().to(State.CANARY)
    play.until(lambda p: p.mesh.labels("shop1").get("istio.io/rev") == NEW)
    twice = json.loads(json.dumps(play.mesh.get(MUTATING, "", f"istio-sidecar-injector-{NEW}")))
    twice["metadata"]["name"] = "istio-sidecar-injector-again"
    play.mesh.put(twice)
    play.until(lambda p: p.status.awaits is Awaits.INJECTION or p.status.state is State.RETURNING)
    assert all(len(found) == 1 for found in play.mesh.proxies().values())


def test_pods_that_start_without_a_proxy_all_the_same_send_the_wave_back() -> None:
    mesh = built()
    play = Play(mesh).begin().to(State.WAVES)
    play.until(lambda p: NEW in revisions(p.mesh, "shop2"))
    mesh.naked.add("shop2")
    play.to(State.RETURNING)
    mesh.naked.clear()
    went_back(play, "was made without a proxy")


# Who else writes (#35690, #52785)


def test_a_label_that_somebody_puts_back_is_named_and_not_fought() -> None:
    mesh = built()
    space = mesh.get("Namespace", "", "shop1")
    mesh.put({**space, "metadata": {**space["metadata"], "annotations": {
        "argocd.argoproj.io/tracking-id": "shop:Namespace:/shop1"}}})  # fmt: skip
    play = Play(mesh).begin().to(State.WAVES)
    moved = mesh.get("Namespace", "", "shop1")
    labels = {"kubernetes.io/metadata.name": "shop1", "istio-injection": "enabled"}
    mesh.put({**moved, "metadata": {**moved["metadata"], "labels": labels}})
    play.until(lambda p: p.status.awaits is Awaits.OWNER)
    assert play.status.because.startswith("namespace shop1 was put back")
    assert "Argo CD" in play.status.because or "argo" in play.status.because
    for _ in range(10):
        play.look()
    assert mesh.labels("shop1") == labels
    play.ask("resume").until(lambda p: p.mesh.labels("shop1").get("istio.io/rev") == NEW)


def test_a_person_s_edit_of_a_label_of_ours_is_asked_about_and_kept_on_the_way_back() -> None:
    mesh = built()
    play = Play(mesh).begin().to(State.GATEWAYS)
    moved = mesh.get("Namespace", "", "shop1")
    labels = {**moved["metadata"]["labels"], "istio.io/rev": "prod"}
    mesh.put({**moved, "metadata": {**moved["metadata"], "labels": labels}})
    play.until(lambda p: p.status.awaits is Awaits.DRIFT)
    play.ask("abort").to(State.RETURNING)
    play.until(lambda p: p.status.attempt.pause is not None, most=300)
    assert "namespace shop1 was edited" in play.status.because
    play.ask("resume", "2").to(State.RETURNED)
    assert mesh.labels("shop1")["istio.io/rev"] == "prod"


# Control planes that are not well (#29599, #39652, #46600, #35182)


def test_an_istiod_that_is_not_whole_stops_everything_and_then_takes_it_back() -> None:
    mesh = built()
    play = Play(mesh).begin().to(State.WAVES)
    play.until(lambda p: p.mesh.labels("shop2").get("istio.io/rev") == NEW)
    istiod = mesh.get("Deployment", SYSTEM, f"istiod-{NEW}")
    mesh.put({**istiod, "status": {**istiod["status"], "readyReplicas": 0}})
    play.until(lambda p: p.status.awaits is Awaits.CONTROL_PLANE)
    assert play.status.because == f"nothing moves: istiod-{NEW} has 0 ready pods, 2 are wanted"
    went_back(play, "has 0 ready pods")


def test_nothing_goes_back_to_an_old_istiod_that_is_not_there() -> None:
    mesh = built()
    play = Play(mesh).begin().to(State.GATEWAYS)
    istiod = mesh.get("Deployment", SYSTEM, f"istiod-{OLD}")
    ready = dict(istiod["status"])
    mesh.put({**istiod, "status": {**ready, "readyReplicas": 0}})
    play.ask("abort").to(State.RETURNING)
    for _ in range(10):
        play.look()
    assert play.status.because.startswith(f"no way back to {OLD} yet")
    assert mesh.labels("shop1")["istio.io/rev"] == NEW
    mesh.put({**mesh.get("Deployment", SYSTEM, f"istiod-{OLD}"), "status": ready})
    play.to(State.RETURNED)
    assert revisions(mesh) == {OLD}


def test_two_roots_of_trust_never_meet() -> None:
    mesh = built()
    hooks = mesh.get(MUTATING, "", f"istio-sidecar-injector-{NEW}")
    other = json.loads(json.dumps(hooks).replace("cm9vdA==", "b3RoZXI="))
    mesh.put(other)
    play = Play(mesh).begin().until(lambda p: "UPG-032" in p.status.because)
    assert play.status.because.endswith("signs by another root than 1-29-6")
    assert play.status.state is State.PREFLIGHT


def test_a_default_that_the_installation_takes_to_itself_is_taken_back_by_people() -> None:
    mesh = built()
    play = Play(mesh).begin().to(State.INSTALL)
    mesh.put(*tag("default", NEW))
    play.to(State.RETURNED)
    assert play.status.refused is not None
    assert "has moved the default" in play.status.refused.because


# Proxies that refuse, and requests that fail (#49764, #42428)


def test_a_proxy_that_refuses_its_config_sends_its_wave_back() -> None:
    mesh = built()
    mesh.refusing.add("shop2")
    play = Play(mesh).begin().to(State.RETURNING)
    mesh.refusing.clear()
    went_back(play, "refuses its config")


def test_requests_that_fail_where_pods_were_moved_send_all_back() -> None:
    mesh = built()
    play = Play(mesh).begin().to(State.WAVES)
    play.until(lambda p: bool(p.status.attempt.stop and p.status.attempt.stop.confirmed_at))
    mesh.broken["shop2"] = play.now
    play.to(State.RETURNING)
    went_back(play, "errors")


def test_requests_that_fail_everywhere_are_not_the_upgrade_s() -> None:
    mesh = built()
    play = Play(mesh).begin().to(State.CANARY)
    play.until(lambda p: bool(p.status.attempt.stop and p.status.attempt.stop.confirmed_at))
    mesh.broken |= dict.fromkeys(("shop1", "shop2", "shop3", "tagged"), play.now)
    play.until(lambda p: p.status.phase is Phase.PAUSED)
    assert play.status.because.startswith("worse everywhere")
    assert play.status.state is State.CANARY


def test_without_numbers_nothing_goes_on() -> None:
    mesh = built()
    play = Play(mesh).begin().to(State.CANARY)
    mesh.nothing_counted = True
    for _ in range(60):
        play.look()
    assert play.status.state is State.CANARY
    assert play.status.awaits is Awaits.DATA


def test_without_a_way_to_istiod_it_is_said_that_less_is_known() -> None:
    mesh = built()
    mesh.silent = True
    play = Play(mesh).begin().to(State.WAVES)
    space = play.status.attempt.waves[0].namespaces[0]
    assert space.confidence == "annotations"


# Pods that nobody restarts, and those that do not come (#49210, #7665)


def test_pods_that_do_not_come_pause_after_the_deadline_and_an_abort_brings_them_back() -> None:
    mesh = built()
    play = Play(mesh).begin(progressDeadline="5m").to(State.WAVES)
    mesh.unready.add("shop2")
    play.until(lambda p: p.status.phase is Phase.PAUSED)
    mesh.unready.clear()
    play.ask("abort").to(State.RETURNED)
    assert revisions(mesh) == {OLD}


def test_a_job_that_still_runs_keeps_the_old_revision() -> None:
    mesh = built()
    pod = {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {
            "name": "once-x",
            "namespace": "shop1",
            "labels": {"kind": "Job", "pod-template-hash": "0"},
            "annotations": {"istio.io/rev": OLD},
            "ownerReferences": [{"kind": "Job", "name": "once-1", "controller": True}],
        },
        "spec": {"containers": [{"name": "istio-proxy", "image": "istio/proxyv2:1.29.6"}],
                 "restartPolicy": "Never"},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
    }  # fmt: skip
    mesh.put({"kind": "Job", "metadata": {"name": "once-1", "namespace": "shop1"}}, pod)
    play = Play(mesh).begin().to(State.BAKE)
    play.until(lambda p: p.status.awaits is Awaits.USERS)
    assert "pod shop1/once-x" in play.status.because
    assert play.status.attempt.waves[0].namespaces[0].left == ("job shop1/once-1",)
    del mesh.kube.objects["Pod", "shop1", "once-x"]
    play.to(State.REMOVE)


# In between (§1.8)


def test_a_namespace_that_is_deleted_meanwhile_is_nobody_s_loss() -> None:
    mesh = built()
    play = Play(mesh).begin().to(State.WAVES)
    for key in [k for k in mesh.kube.objects if k[1] == "shop2" or k == ("Namespace", "", "shop2")]:
        del mesh.kube.objects[key]
    play.to(State.TAGS)


def test_a_namespace_that_comes_meanwhile_keeps_the_old_revision_until_it_is_moved() -> None:
    mesh = built()
    play = Play(mesh).begin().to(State.TAGS)
    mesh.put(namespace("late", **{"istio.io/rev": OLD}), workload("late", "web"))
    play.to(State.BAKE).until(lambda p: p.status.awaits is Awaits.USERS)
    assert play.status.because == f"namespace late is injected by {OLD}"


@pytest.mark.parametrize("tool", ["Rollout", "ArgoRollout", "Canary"])
def test_a_release_that_is_under_way_is_waited_for(tool: str) -> None:
    mesh = built()
    release = {
        "kind": tool,
        "metadata": {"name": "web", "namespace": "shop2"},
        "spec": {"replicas": 0},
        "status": {"phase": "Progressing"},
    }
    play = Play(mesh).begin().to(State.INSTALL)
    mesh.put(release)  # a mesh in which one is under way already is not begun with: UPG-060
    play.until(lambda p: p.status.awaits is Awaits.ROLLOUTS)
    assert play.status.because.endswith("is under way in shop2")
    mesh.put({**release, "status": {"phase": "Healthy"}})
    play.to(State.TAGS)
