"""Meshes as people leave them, and what they do in the middle: refused in words, or survived."""

from typing import Any

import pytest

from rollout.manifest import upgrades
from rollout.model.upgrading import Awaits, State
from tests.upgrade.cluster import (
    MUTATING,
    NEW,
    OLD,
    Mesh,
    built,
    carriers,
    injector,
    namespace,
    tag,
    workload,
)
from tests.upgrade.play import Play, manifest
from tests.upgrade.test_journey import revisions

BRIEF: dict[str, Any] = {"gateways": None, "default": None, "remove": "keep"}
"""Waves alone: canary ``shop1``, then ``shop2``, then those of tag ``prod``."""
TAG = "istio-revision-tag-prod"


def of(mesh: Mesh, space: str) -> set[tuple[str, ...]]:
    """The revisions of the proxies of a namespace's pods."""
    return {tuple(found) for pod, found in mesh.proxies().items() if pod.startswith(f"{space}/")}


def with_pods(mesh: Mesh, space: str, **template: Any) -> Mesh:
    """Another workload of ``space``, with this in its pod template."""
    made = workload(space, "odd")
    for key, value in template.items():
        made["spec"]["template"][key] |= value
    mesh.put(made)
    mesh.settle(4)
    return mesh


def pointed(mesh: Mesh, revision: str) -> None:
    """Somebody has moved the tag by hand, as ``istioctl tag set --overwrite`` does."""
    mesh.put(*tag("prod", revision))


def test_of_two_upgrades_that_begin_together_one_goes_first_and_the_other_after_it() -> None:
    mesh = built()
    play = Play(mesh).begin(**BRIEF)
    other = manifest(**BRIEF)
    mesh.put({**other, "metadata": {"name": "other"}})

    def second() -> Any:
        return upgrades.status(mesh.get("ControlPlaneUpgrade", "", "other"))

    for _ in range(12):
        play.look("mesh")
        play.look("other")
    assert play.status.state not in (State.IDLE, State.PREFLIGHT)
    assert second().state is State.PREFLIGHT
    assert second().because.startswith("UPG-066: upgrade mesh: is under way")
    play.to(State.DONE)
    for _ in range(9):
        play.look("other")
    assert second().because == f"tag prod points to {NEW} already"


def test_a_pod_that_opted_out_by_annotation_is_nobody_s_failure() -> None:
    out = {"metadata": {"annotations": {"sidecar.istio.io/inject": "false"}}}
    mesh = with_pods(built(), "shop2", **out)
    assert () in of(mesh, "shop2")
    play = Play(mesh).begin(**BRIEF).to(State.BAKE)
    assert of(mesh, "shop2") == {(NEW,), ()}
    assert "odd" not in " ".join(play.told)


def test_what_uses_the_host_s_network_is_left_as_it_is() -> None:
    mesh = built()
    mesh.naked = {"shop2"}
    with_pods(mesh, "shop2", spec={"hostNetwork": True})
    mesh.naked = set()
    Play(mesh).begin(**BRIEF).to(State.BAKE)
    assert of(mesh, "shop2") == {(NEW,), ()}


def test_a_paused_deployment_moves_without_a_change_of_its_template() -> None:
    mesh = built()
    obj = mesh.get("Deployment", "shop2", "web0")
    mesh.put({**obj, "spec": {**obj["spec"], "paused": True}})
    play = Play(mesh).begin(**BRIEF).to(State.BAKE)
    assert of(mesh, "shop2") == {(NEW,)}
    assert mesh.get("Deployment", "shop2", "web0")["spec"]["template"] == obj["spec"]["template"]
    play.ask("abort").to(State.RETURNED)
    assert of(mesh, "shop2") == {(OLD,)}


def test_a_workload_without_pods_is_moved_by_its_namespace_s_label() -> None:
    mesh = built()
    obj = mesh.get("Deployment", "shop2", "web0")
    mesh.put({**obj, "spec": {**obj["spec"], "replicas": 0}})
    mesh.settle(3)
    Play(mesh).begin(**BRIEF).to(State.BAKE)
    assert of(mesh, "shop2") == {(NEW,)}


def test_a_tag_that_somebody_moved_before_its_wave_leaves_pods_that_are_told_of() -> None:
    mesh = built()
    play = Play(mesh).begin().to(State.WAVES)
    pointed(mesh, NEW)
    play.until(lambda p: p.status.awaits is Awaits.USERS)
    assert play.status.state is State.BAKE
    assert play.status.because.startswith("pod tagged/web-")


def test_a_tag_that_somebody_moves_back_is_named_and_written_again_only_when_asked() -> None:
    mesh = built()
    before = carriers(mesh)
    play = Play(mesh).begin(**BRIEF).to(State.BAKE)
    pointed(mesh, OLD)
    play.until(lambda p: p.status.awaits in (Awaits.OWNER, Awaits.DRIFT))
    assert TAG in play.status.because
    for _ in range(5):
        play.look()
    assert mesh.get(MUTATING, "", TAG)["metadata"]["labels"]["istio.io/rev"] == OLD
    play.ask("resume").until(lambda p: p.status.attempt.pause is None)
    play.ask("abort", "2").to(State.RETURNED)
    assert carriers(mesh) == before


def test_a_tag_that_somebody_deletes_is_told_of_and_nothing_moves_by_it() -> None:
    mesh = built()
    play = Play(mesh).begin().to(State.WAVES)
    for key in [key for key in mesh.kube.objects if "revision-tag-prod" in key[2]]:
        del mesh.kube.objects[key]
    play.until(lambda p: p.status.awaits is Awaits.USERS)
    assert of(mesh, "tagged") == {(OLD,)}


def test_a_second_label_in_the_middle_is_found_before_anything_is_removed() -> None:
    """``istio-injection`` goes before ``istio.io/rev``: new pods are the default's again."""
    mesh = built()
    play = Play(mesh).begin().to(State.WAVES)
    obj = mesh.get("Namespace", "", "shop1")
    labels = {**obj["metadata"]["labels"], "istio-injection": "enabled"}
    mesh.put({**obj, "metadata": {**obj["metadata"], "labels": labels}})
    play.until(lambda p: p.status.awaits in (Awaits.USERS, Awaits.DRIFT, Awaits.OWNER))
    assert "shop1" in play.status.because


def test_two_webhooks_of_the_new_revision_are_not_begun_with() -> None:
    mesh = built()
    mesh.put(injector("leftover", NEW))
    play = Play(mesh).begin(**BRIEF)
    for _ in range(10):
        play.look()
    assert play.status.state is State.PREFLIGHT
    assert play.status.because.startswith("UPG-013: ")
    assert NEW in play.status.because
    assert revisions(mesh) == {OLD}


def test_a_webhook_of_the_old_revision_that_is_gone_is_waited_for_on_the_way_back() -> None:
    mesh = built()
    before = carriers(mesh)
    play = Play(mesh).begin(**BRIEF).to(State.BAKE)
    gone = mesh.kube.objects.pop((MUTATING, "", f"istio-sidecar-injector-{OLD}"))
    play.ask("abort").until(lambda p: p.status.awaits is Awaits.CONTROL_PLANE)
    assert (
        play.status.because
        == f"no way back to {OLD} yet: {OLD} has no injection webhooks, one is wanted"
    )
    mesh.put(gone)
    play.to(State.RETURNED)
    assert carriers(mesh) == before
    assert revisions(mesh) == {OLD}


@pytest.mark.parametrize(
    ("labels", "state", "because"),
    [
        ({"istio-injection": "disabled"}, State.BAKE, "certified"),
        (
            {"istio-injection": "disabled", "istio.io/rev": OLD},
            State.PREFLIGHT,
            "UPG-011: namespace plain",
        ),
    ],
)
def test_a_namespace_that_wants_no_proxies_is_in_no_wave(
    labels: dict[str, str], state: State, because: str
) -> None:
    mesh = built()
    mesh.put(namespace("plain", **labels), workload("plain", "web"))
    mesh.settle(3)
    play = Play(mesh).begin(**BRIEF)
    play.until(lambda p: p.status.state is State.BAKE or p.status.awaits is Awaits.FINDINGS)
    assert play.status.state is state
    assert play.status.because.startswith(because)
    assert mesh.labels("plain") == {"kubernetes.io/metadata.name": "plain", **labels}


def test_a_wave_that_names_nobody_is_told_of_and_passed_by() -> None:
    waves = [{"name": "typo", "namespaces": ["shop22"]}, {"name": "rest", "percentage": 100}]
    play = Play(built()).begin(**BRIEF, waves=waves).to(State.BAKE)
    assert any("shop22" in text for text in play.status.attempt.warnings)
    assert "wave typo has no namespace left to move" in play.told
