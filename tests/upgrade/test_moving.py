"""A wave and a release keep apart: neither begins where the other is under way."""

from __future__ import annotations

from typing import Any

from rollout.model.upgrading import Awaits, Standing, State
from rollout.upgrade.look import namespaces
from rollout.upgrade.moving import moving
from tests.upgrade.cluster import OLD, Mesh, built
from tests.upgrade.play import Play


def release(space: str, phase: str = "Progressing", stage: str = "Stepping") -> dict[str, Any]:
    return {
        "kind": "Rollout",
        "metadata": {"name": "web", "namespace": space},
        "spec": {},
        "status": {"phase": phase, "stage": {"name": stage}},
    }


def in_wave(mesh: Mesh, **spec: Any) -> Play:
    """An upgrade that is moving shop2."""
    play = Play(mesh).begin(**spec).to(State.WAVES)
    play.until(lambda p: "shop2" in moving(p.status))
    return play


def mixed(mesh: Mesh) -> set[str]:
    """Namespaces whose pods are of two revisions, or soon will be."""
    by: dict[str, set[str]] = {}
    for pod, found in mesh.proxies().items():
        by.setdefault(pod.partition("/")[0], set()).update(found)
    return {space for space, found in by.items() if len(found) > 1 and space != "ingress"}


def test_no_release_begins_where_pods_are_of_two_revisions_there_or_back() -> None:
    mesh = built()
    play = Play(mesh).begin()

    def held(play: Play) -> None:
        assert mixed(mesh) <= moving(play.status), play.status.because

    def to(state: State) -> None:
        play.until(lambda p: held(p) or p.status.state is state)  # type: ignore[func-returns-value]

    to(State.BAKE)
    assert moving(play.status) == frozenset()
    play.ask("abort")
    to(State.RETURNED)
    assert moving(play.status) == frozenset()


def test_a_wave_that_is_judged_holds_its_own_namespaces_alone() -> None:
    play = Play(built()).begin().to(State.WAVES)
    play.until(lambda p: bool(p.status.attempt.stop and p.status.attempt.stop.confirmed_at))
    assert moving(play.status) == {"shop2"}


def test_a_namespace_whose_turn_has_not_come_holds_nobody() -> None:
    """Else a wave that waits for a release, and the release that waits for it, wait for ever."""
    rest = {"name": "rest", "namespaces": ["shop2", "shop3"], "bake": "1m"}
    mesh = built()
    play = in_wave(mesh, waves=[rest])
    mesh.put(release("shop3"))
    play.until(lambda p: p.status.awaits is Awaits.ROLLOUTS)
    standing = {each.name: each.standing for each in namespaces(play.status)}
    assert (standing["shop2"], standing["shop3"]) == (Standing.MOVED, Standing.WAITING)
    assert moving(play.status) == {"shop2"}
    mesh.put(release("shop3", "Healthy", "Idle"))
    play.to(State.GATEWAYS)


def test_a_release_that_moves_requests_before_the_restarts_is_waited_for() -> None:
    mesh = built()
    play = in_wave(mesh)
    pods = {pod for pod in mesh.proxies() if pod.startswith("shop2/")}
    mesh.put(release("shop2"))
    play.until(lambda p: p.status.awaits is Awaits.ROLLOUTS)
    assert play.status.because == "rollout shop2/web is under way in shop2"
    for _ in range(3):
        play.look()
    assert {pod for pod in mesh.proxies() if pod.startswith("shop2/")} == pods
    mesh.put(release("shop2", "Healthy", "Idle"))
    play.to(State.GATEWAYS)


def test_a_release_that_waits_in_preflight_for_the_wave_is_not_waited_for() -> None:
    mesh = built()
    play = in_wave(mesh)
    mesh.put(release("shop2", stage="Preparing"))
    play.to(State.GATEWAYS)


def test_a_tag_waits_for_releases_in_the_namespaces_that_come_along() -> None:
    mesh = built()
    one = {"name": "one", "namespaces": ["shop1"], "bake": "1m"}
    play = Play(mesh).begin(canary=None, waves=[one], tags=[{"name": "prod", "bake": "1m"}])
    play.to(State.GATEWAYS)
    mesh.put(release("tagged"))
    play.until(lambda p: p.status.awaits is Awaits.ROLLOUTS)
    assert play.status.state is State.TAGS
    assert {found[0] for pod, found in mesh.proxies().items() if pod.startswith("tagged/")} == {OLD}
    mesh.put(release("tagged", "Healthy", "Idle"))
    play.to(State.BAKE, State.TAGS).until(lambda p: p.status.awaits is not Awaits.ROLLOUTS)
