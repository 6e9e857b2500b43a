"""What people and tools do to a mesh while it is upgraded: refused in words, or survived.

After each a person's word stands, the sentence is true, and the way back leaves what it found.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from rollout.errors import ManifestError, RefusedError
from rollout.manifest import upgrades
from rollout.model.upgrading import Awaits, Standing, State, UpgradeStatus
from tests.upgrade.cluster import (
    MUTATING,
    NEW,
    OLD,
    SYSTEM,
    Mesh,
    built,
    carriers,
    endpoints,
    is_ready,
    namespace,
    revisions_of,
    root,
    tag,
    workload,
)
from tests.upgrade.play import Play, manifest
from tests.upgrade.test_journey import revisions
from tests.upgrade.test_odd_meshes import BRIEF, of

PAIR = [{"name": "rest", "namespaces": ["shop2", "shop3"], "bake": "1m"}]
GATEWAY: dict[str, Any] = {"waves": None, "default": None, "remove": "keep"}


def stands(status: UpgradeStatus, name: str) -> Standing | None:
    every = (space for wave in status.attempt.waves for space in wave.namespaces)
    return next((space.standing for space in every if space.name == name), None)


def until_standing(play: Play, name: str, standing: Standing) -> Play:
    return play.until(lambda p: stands(p.status, name) is standing)


def asks(play: Play, **spec: Any) -> None:
    """Git asks for something else in the middle."""
    obj = play.mesh.get("ControlPlaneUpgrade", "", "mesh")
    play.mesh.put({**obj, "spec": {**obj["spec"], **spec}})


def deployment(mesh: Mesh, name: str = "gw", **spec: Any) -> dict[str, Any]:
    """The gateway's Deployment, or its twin, after ``spec``."""
    obj = mesh.get("Deployment", "ingress", name)
    if spec:
        mesh.put({**obj, "spec": {**obj["spec"], **spec}})
    return dict(mesh.get("Deployment", "ingress", name)["spec"])


def named(spec: dict[str, Any], revision: str) -> dict[str, Any]:
    """The pod template whose pods name that revision, or tag."""
    template: dict[str, Any] = json.loads(json.dumps(spec["template"]))
    template["metadata"]["labels"]["istio.io/rev"] = revision
    return template


# Namespaces


def ends(mesh: Mesh, name: str) -> None:
    """Somebody has deleted the namespace, and its finalizers take their time."""
    obj = mesh.get("Namespace", "", name)
    mesh.put({**obj, "status": {"phase": "Terminating"}})
    admit = mesh.kube.admit

    def admitted(made: Any) -> Any:
        if made["metadata"].get("namespace") == name:
            raise RefusedError(f"namespace {name} is being terminated")
        return admit(made)

    mesh.kube.admit = admitted


@pytest.mark.parametrize("standing", [Standing.WAITING, Standing.LABELLED, Standing.RESTARTING])
def test_a_namespace_that_is_being_deleted_holds_nobody(standing: Standing) -> None:
    mesh = built()
    play = until_standing(Play(mesh).begin(**BRIEF, waves=PAIR), "shop2", standing)
    ends(mesh, "shop2")
    mesh.unready.add("shop2")
    play.to(State.BAKE)
    assert "namespace shop2 is being deleted" in play.told
    assert of(mesh, "shop3") == {(NEW,)}
    play.ask("abort").to(State.RETURNED)
    assert of(mesh, "shop1") == of(mesh, "shop3") == {(OLD,)}


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        ({"istio-injection": "disabled"}, "asks for no proxies any more, and is left as it is"),
        ({}, "asks for no proxies any more, and is left as it is"),
        ({"istio.io/dataplane-mode": "ambient"}, "is in ambient mode now, and left there"),
        ({"istio.io/rev": "1-31-0"}, "names 1-31-0 now, and is left there"),
    ],
    ids=str,
)
def test_a_namespace_that_somebody_takes_out_while_it_waits_is_left_as_it_is(
    labels: dict[str, str], told: str
) -> None:
    mesh = built()
    play = until_standing(Play(mesh).begin(**BRIEF, waves=PAIR), "shop3", Standing.WAITING)
    mesh.put(namespace("shop3", **labels))
    before = carriers(mesh)
    play.to(State.BAKE)
    assert f"namespace shop3 {told}" in play.told
    assert carriers(mesh)["Namespace /shop3"] == before["Namespace /shop3"]
    assert of(mesh, "shop3") == {(OLD,)}


def test_a_namespace_that_somebody_else_moves_first_goes_along_and_keeps_that_label() -> None:
    mesh = built()
    play = until_standing(Play(mesh).begin(**BRIEF, waves=PAIR), "shop3", Standing.WAITING)
    mesh.put(namespace("shop3", **{"istio.io/rev": NEW}))
    play.to(State.BAKE)
    assert of(mesh, "shop3") == {(NEW,)}
    play.ask("abort").to(State.RETURNED)
    assert mesh.labels("shop3")["istio.io/rev"] == NEW
    told = f"back at {OLD}; 4 pods of others at {NEW}: pod shop3/web0"
    assert play.status.because.startswith(told)
    assert of(mesh, "shop2") == {(OLD,)}


def test_an_edit_that_was_asked_about_and_stays_takes_its_namespace_out_of_the_wave() -> None:
    mesh = built()
    play = until_standing(Play(mesh).begin(**BRIEF, waves=PAIR), "shop3", Standing.RESTARTING)
    mesh.put(namespace("shop3", **{"istio.io/rev": "prod"}))
    play.until(lambda p: p.status.awaits is Awaits.DRIFT)
    play.ask("resume").to(State.BAKE)
    assert "namespace shop3 names prod now, and is left there" in play.told
    assert mesh.labels("shop3")["istio.io/rev"] == "prod"


def test_a_namespace_that_is_made_anew_with_its_old_label_is_told_of_and_comes_back() -> None:
    mesh = built()
    before = carriers(mesh)
    play = Play(mesh).begin(**BRIEF).to(State.BAKE)
    mesh.put(namespace("shop2", **{"istio.io/rev": OLD}))
    play.until(lambda p: p.status.awaits is Awaits.OWNER)
    assert play.status.because == "namespace shop2 was put back"
    play.ask("abort").to(State.RETURNED)
    assert carriers(mesh) == before
    assert revisions(mesh) == {OLD}


def test_pods_that_name_the_old_revision_themselves_are_told_of_to_the_end() -> None:
    mesh = built()
    mesh.put(namespace("plain"), root("plain"))
    own = workload("plain", "odd")
    own["spec"]["template"]["metadata"]["labels"] |= {"istio.io/rev": OLD}
    mesh.put(own)
    mesh.settle(4)
    waves = [{"name": "rest", "percentage": 100, "bake": "1m"}]
    play = Play(mesh).begin(**BRIEF, waves=waves).to(State.DONE)
    assert any(
        "deployment plain/odd: its pods name" in each for each in play.status.attempt.warnings
    )
    kept = f"the waves are at {NEW}; {OLD} is kept, for"
    assert any(entry.because.startswith(kept) for entry in play.status.history)
    assert of(mesh, "plain") == {(OLD,)}


# Git, and other upgrades


def test_a_wave_that_git_renames_in_the_middle_skips_none_of_the_others() -> None:
    mesh = built()
    play = until_standing(Play(mesh).begin(**BRIEF), "shop2", Standing.RESTARTING)
    first, *others = manifest(**BRIEF)["spec"]["waves"]
    asks(play, waves=[{**first, "name": "renamed"}, *others])
    play.to(State.BAKE)
    assert of(mesh, "shop2") == of(mesh, "tagged") == {(NEW,)}


def test_whoever_overrules_a_freeze_begins_no_second_upgrade() -> None:
    mesh = built()
    play = Play(mesh).begin(**BRIEF).to(State.WAVES)
    urgent = [{"rule": "UPG-065", "reason": "it is urgent"}]
    other = manifest(**BRIEF, preflight={"overrule": urgent})
    mesh.put({**other, "metadata": {"name": "other"}})
    for _ in range(6):
        play.look()
        play.look("other")
    second = upgrades.status(mesh.get("ControlPlaneUpgrade", "", "other"))
    assert (second.state, second.awaits) == (State.PREFLIGHT, Awaits.FINDINGS)
    assert second.because.startswith("UPG-066: upgrade mesh: is under way")
    urgent[0]["rule"] = "UPG-066"
    with pytest.raises(ManifestError, match="UPG-066"):
        upgrades.upgrade(manifest(preflight={"overrule": urgent}))


def test_a_status_that_somebody_wipes_is_no_licence_to_guess() -> None:
    """What the way back needs is gone with it; what is halfway is named, and nothing written."""
    mesh = built()
    play = Play(mesh).begin(**BRIEF).to(State.BAKE)
    obj = mesh.get("ControlPlaneUpgrade", "", "mesh")
    mesh.put({key: value for key, value in obj.items() if key != "status"})
    play.kill()
    halfway = carriers(mesh)
    play.until(lambda p: p.status.awaits is Awaits.OBJECTS)
    assert play.status.because == f"tag prod points to {NEW} already"
    assert carriers(mesh) == halfway


# Control planes and their webhooks


def test_where_both_control_planes_are_down_nothing_moves_until_the_old_one_is_back() -> None:
    mesh = built()
    before = carriers(mesh)
    play = Play(mesh).begin(**BRIEF).to(State.WAVES)
    whole = dict(mesh.get("Deployment", SYSTEM, f"istiod-{OLD}")["status"])

    def up(revision: str, replicas: int) -> None:
        obj = mesh.get("Deployment", SYSTEM, f"istiod-{revision}")
        mesh.put({**obj, "status": whole if replicas else {}})
        mesh.put(endpoints(f"istiod-{revision}", replicas))
        (mesh.deaf.discard if replicas else mesh.deaf.add)(revision)

    for revision in (OLD, NEW):
        up(revision, 0)
    play.to(State.RETURNING).until(lambda p: p.status.awaits is Awaits.CONTROL_PLANE)
    assert play.status.because.startswith(f"no way back to {OLD} yet: istiod-{OLD} has 0")
    up(OLD, 2)
    play.to(State.RETURNED)
    assert carriers(mesh) == before
    assert revisions(mesh) == {OLD}


def test_a_webhook_that_asks_for_a_label_of_its_own_stops_before_anything_moves() -> None:
    mesh = built()
    before = carriers(mesh)
    obj = mesh.get(MUTATING, "", f"istio-sidecar-injector-{NEW}")
    picky = {"key": "team", "operator": "In", "values": ["a"]}
    hooks = json.loads(json.dumps(obj["webhooks"]))
    for hook in hooks:
        hook["namespaceSelector"]["matchExpressions"].append(picky)
    mesh.put({**obj, "webhooks": hooks})
    play = Play(mesh).begin(**BRIEF).until(lambda p: p.status.awaits is Awaits.INJECTION)
    assert play.status.state is State.INSTALL
    assert play.status.because == f"a pod tried at {NEW} gets 0 proxies by nobody"
    mesh.put(obj)
    play.ask("abort").to(State.RETURNED)
    assert carriers(mesh) == before


def test_a_tag_that_points_nowhere_is_not_begun_with() -> None:
    mesh = built()
    mesh.put(*tag("prod", "1-28-0"))
    play = Play(mesh).begin(**BRIEF).until(lambda p: p.status.awaits is Awaits.FINDINGS)
    assert any("no ready istiod of 1-28-0" in each for each in play.status.attempt.warnings)
    assert revisions(mesh) == {OLD}


# Workloads


def test_a_budget_that_never_lets_a_pod_go_pauses_and_all_comes_back() -> None:
    mesh = built()
    before = carriers(mesh)
    obj = mesh.get("Deployment", "shop2", "web0")
    mesh.put({**obj, "spec": {**obj["spec"], "strategy": {"type": "Recreate"}}})
    budget = {
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "never", "namespace": "shop2"},
        "spec": {"maxUnavailable": 0, "selector": {"matchLabels": {"app": "web0"}}},
        "status": {"disruptionsAllowed": 0},
    }
    mesh.put(budget)
    play = Play(mesh).begin(**BRIEF, progressDeadline="5m")
    play.until(lambda p: p.status.attempt.pause is not None)
    assert play.status.because == "poddisruptionbudget shop2/never lets no pod of web0 go now"
    play.ask("abort").to(State.RETURNED)
    assert carriers(mesh) == before
    assert revisions(mesh) == {OLD}


def test_a_workload_that_is_deleted_while_it_restarts_is_nobody_s_loss() -> None:
    mesh = built(works=3)
    play = Play(mesh).begin(**BRIEF).until(lambda p: "restarting web0" in p.status.because)
    del mesh.kube.objects["Deployment", "shop1", "web0"]
    play.to(State.BAKE)
    assert of(mesh, "shop1") == {(NEW,)}


# Gateways


def test_shares_that_git_cuts_in_the_middle_make_no_pod_anew_where_users_are() -> None:
    mesh = built()
    move = {"deployment": "ingress/gw", "shares": [10, 50, 100], "bake": "1m"}
    play = Play(mesh).begin(**GATEWAY, gateways=[move]).to(State.GATEWAYS)
    play.until(lambda p: p.status.attempt.stop is not None and p.status.attempt.stop.part == 1)
    asks(play, gateways=[{**move, "shares": [100]}])
    least: list[tuple[int, int]] = []

    def check(mesh: Mesh) -> None:
        own = deployment(mesh)
        if own["template"]["metadata"]["labels"]["istio.io/rev"] == NEW:
            twins = deployment(mesh, f"gw-{NEW}")["replicas"]
            least.append((own["replicas"], twins))

    mesh.watch = check
    play.to(State.BAKE)
    assert least[0] == (0, 3)
    assert least[-1] == (3, 0)
    assert of(mesh, "ingress") == {(NEW,)}


def test_a_gateway_that_names_a_tag_follows_it_there_and_back() -> None:
    mesh = built()
    deployment(mesh, template=named(deployment(mesh), "prod"))
    mesh.settle(6)
    before, own = carriers(mesh), deployment(mesh)
    spec: dict[str, Any] = {"waves": [{"name": "rest", "percentage": 100, "bake": "1m"}]}
    play = Play(mesh).begin(**GATEWAY | spec, tags=[{"name": "prod"}]).to(State.BAKE)
    assert of(mesh, "ingress") == {(NEW,)}
    play.ask("abort").to(State.RETURNED)
    assert (carriers(mesh), deployment(mesh)) == (before, own)
    assert revisions(mesh) == {OLD}


def test_a_gateway_that_names_the_tag_of_a_wave_is_not_begun_with() -> None:
    mesh = built()
    deployment(mesh, template=named(deployment(mesh), "prod"))
    mesh.settle(6)
    play = Play(mesh).begin().until(lambda p: p.status.awaits is Awaits.FINDINGS)
    assert play.status.state is State.PREFLIGHT
    told = "GW-013: deployment ingress/gw: its pods name tag prod, which wave by-tag moves"
    assert any(each.startswith(told) for each in play.status.attempt.warnings)


def test_an_autoscaler_without_a_lower_bound_is_held_to_one_number_and_gets_its_own_back() -> None:
    mesh = built()
    bounds = {"scaleTargetRef": {"kind": "Deployment", "name": "gw"}, "maxReplicas": 3}
    scaler = {"kind": "HorizontalPodAutoscaler", "spec": bounds}
    mesh.put({**scaler, "metadata": {"name": "gw", "namespace": "ingress"}})
    seen: list[dict[str, Any]] = []

    def check(mesh: Mesh) -> None:
        seen.append(dict(mesh.get("HorizontalPodAutoscaler", "ingress", "gw")["spec"]))

    mesh.watch = check
    play = Play(mesh).begin(**GATEWAY).to(State.GATEWAYS, State.BAKE).to(State.BAKE)
    held = [each for each in seen if each != bounds]
    assert {each["minReplicas"] for each in held} == {each["maxReplicas"] for each in held} == {1}
    assert seen[-1] == bounds
    play.ask("abort").to(State.RETURNED)
    assert seen[-1] == bounds


def test_a_gateway_that_is_at_the_new_revision_already_gets_no_twin() -> None:
    mesh = built()
    deployment(mesh, template=named(deployment(mesh), NEW))
    mesh.settle(6)
    Play(mesh).begin(**GATEWAY).to(State.BAKE)
    assert [key[2] for key in mesh.kube.objects if key[:2] == ("Deployment", "ingress")] == ["gw"]


def test_a_twin_that_an_earlier_upgrade_left_is_not_taken_for_ours() -> None:
    mesh = built()
    left = workload("ingress", f"gw-{NEW}", replicas=0)
    mesh.put(left)
    told = f"deployment ingress/gw-{NEW} is an earlier upgrade's: delete it"
    play = Play(mesh).begin(**GATEWAY).until(lambda p: p.status.because == told)
    assert play.status.awaits is Awaits.OBJECTS
    del mesh.kube.objects["Deployment", "ingress", f"gw-{NEW}"]
    play.to(State.BAKE)
    assert of(mesh, "ingress") == {(NEW,)}


def half_shared(mesh: Mesh) -> Play:
    """The gateway's first share is confirmed."""
    play = Play(mesh).begin(**GATEWAY).to(State.GATEWAYS)
    return play.until(
        lambda p: (
            p.status.attempt.stop is not None and p.status.attempt.stop.confirmed_at is not None
        )
    )


def test_a_gateway_that_somebody_deletes_keeps_its_twin_until_it_is_there_again() -> None:
    mesh = built()
    before = carriers(mesh)
    play = half_shared(mesh)
    gone = mesh.kube.objects.pop(("Deployment", "ingress", "gw"))
    mesh.settle()
    play.until(lambda p: p.status.awaits is Awaits.OWNER)
    assert play.status.because == "deployment ingress/gw is gone"
    play.ask("abort").to(State.RETURNING).until(lambda p: p.status.awaits is Awaits.PODS)
    assert play.status.because.startswith("deployment ingress/gw is gone, and what stands in")
    assert of(mesh, "ingress") == {(NEW,)}
    mesh.put(gone)
    play.to(State.RETURNED)
    assert carriers(mesh) == before
    assert revisions(mesh) == {OLD}


def test_a_deletion_ends_where_the_gateway_is_gone_and_leaves_the_twin_that_serves() -> None:
    mesh = built()
    play = half_shared(mesh)
    del mesh.kube.objects["Deployment", "ingress", "gw"]
    mesh.settle()
    play.delete().leaves()
    assert of(mesh, "ingress") == {(NEW,)}
    assert of(mesh, "shop1") == {(OLD,)}


def test_a_failure_that_is_held_is_judged_anew_once_a_person_resumes() -> None:
    mesh = built()
    play = Play(mesh).begin(onFailure="hold").to(State.WAVES)
    mesh.broken = dict.fromkeys(("shop1", "shop2"), play.now)
    play.until(lambda p: p.status.because.startswith("failed, held as asked: "))
    mesh.broken.clear()
    held = len(play.status.history)
    play.ask("resume").to(State.BAKE)
    assert not [e for e in play.status.history[held:] if "held as asked" in e.because]


def test_a_label_that_was_put_back_is_written_again_where_that_is_held_as_a_failure() -> None:
    play = Play(built()).begin(onFailure="hold", reverted="rollback").to(State.WAVES)
    play.mesh.put(namespace("shop1", **{"istio-injection": "enabled"}))
    play.until(lambda p: "shop1 was put back" in p.status.because)
    play.ask("resume").to(State.BAKE)
    assert play.mesh.labels("shop1")["istio.io/rev"] == NEW


def test_pods_that_came_back_without_a_proxy_are_made_anew_once_one_would_have_it() -> None:
    mesh = built()
    play = Play(mesh).begin(**BRIEF).to(State.BAKE)
    mesh.naked = {"shop2"}
    play.ask("abort").until(lambda p: "was made without a proxy" in p.status.because)
    for _ in range(20):
        play.look()
    assert play.status.state is State.RETURNING
    mesh.naked = set()
    play.to(State.RETURNED)
    assert revisions(mesh) == {OLD}
    assert of(mesh, "shop2") == {(OLD,)}


def test_a_gateway_s_share_is_judged_although_git_has_dropped_the_gateway() -> None:
    mesh = built()
    play = half_shared(mesh)
    asks(play, gateways=[])
    mesh.broken["shop1"] = play.now
    play.to(State.RETURNED)
    assert play.status.refused is not None
    assert "errors" in play.status.refused.because
    assert of(mesh, "ingress") == {(OLD,)}


def test_on_the_way_back_a_gateway_s_twin_stays_until_pods_of_the_old_one_serve_again() -> None:
    """Kubernetes may be slow: pods that are about to go do not stand in for those to come."""
    mesh = built()
    play = Play(mesh).begin(**GATEWAY).to(State.BAKE)
    play.settles = False
    play.ask("abort")
    told = []
    for turn in range(120):
        if play.status.state is State.RETURNED:
            break
        play.look()
        told.append(play.status.because)
        twin = mesh.kube.objects.get(("Deployment", "ingress", f"gw-{NEW}"))
        own = [p for p in mesh.pods_of(mesh.get("Deployment", "ingress", "gw")) if is_ready(p)]
        assert twin is not None or len(own) == 3
        assert twin is not None or {one for pod in own for one in revisions_of(pod)} == {OLD}
        if turn % 6 == 5:
            mesh.settle()
    assert play.status.state is State.RETURNED
    assert "deployment ingress/gw: 3 pods on the way out" in told
