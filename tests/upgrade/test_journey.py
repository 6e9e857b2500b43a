"""Whole upgrades: there, back from every state, and through the death of the controller."""

import json
from datetime import timedelta

import pytest

from rollout.errors import ManifestError
from rollout.model.status import Answer, Phase
from rollout.model.upgrading import FORWARD, Standing, State
from rollout.upgrade.requests import answered_in_chat
from tests.upgrade.cluster import NEW, OLD, SYSTEM, Mesh, built, carriers
from tests.upgrade.play import NOON, Play

BACK = [state for state in FORWARD if state not in (State.PREFLIGHT, State.DONE)]


def watched() -> Mesh:
    """A mesh in which no pod is ever seen with another number of proxies than one."""
    mesh = built()

    def check(mesh: Mesh) -> None:
        wrong = {pod: found for pod, found in mesh.proxies().items() if len(found) != 1}
        assert wrong == {}
        used = {found[0] for found in mesh.proxies().values()}
        gone = [one for one in used if not mesh.serves(one)]
        assert gone == []

    mesh.watch = check
    return mesh


def revisions(mesh: Mesh) -> set[str]:
    return {found[0] for found in mesh.proxies().values()}


def test_everything_goes_to_the_new_revision_and_the_old_one_is_removed_when_people_say_so() -> (
    None
):
    play = Play(watched()).begin().to(State.REMOVE).approve().to(State.DONE)
    assert revisions(play.mesh) == {NEW}
    assert play.status.phase is Phase.HEALTHY
    assert play.status.because == f"{OLD} is gone; all is at {NEW}"
    left = [key for key in play.mesh.kube.objects if OLD in key[2] and key[0] != "EndpointSlice"]
    assert left == []
    gateways = [key[2] for key in play.mesh.kube.objects if key[:2] == ("Deployment", "ingress")]
    assert gateways == ["gw"]
    assert play.mesh.labels("shop1")["istio.io/rev"] == NEW
    assert "istio-injection" not in play.mesh.labels("shop1")
    assert play.mesh.labels("tagged")["istio.io/rev"] == "prod"
    moved = [each.standing for one in play.status.attempt.waves for each in one.namespaces]
    assert set(moved) == {Standing.MOVED}


def test_what_is_kept_is_kept() -> None:
    play = Play(watched()).begin(remove="keep").to(State.DONE)
    assert revisions(play.mesh) == {NEW}
    assert play.mesh.serves(OLD)


@pytest.mark.parametrize("state", [State.PREFLIGHT, *BACK])
def test_an_abort_in_any_state_brings_all_back_byte_by_byte(state: State) -> None:
    mesh = watched()
    before, pods = carriers(mesh), revisions(mesh)
    assert pods == {OLD}
    play = Play(mesh).begin().to(state)
    if state is State.REMOVE:
        play.until(lambda p: p.status.awaits == "Approval")
    play.ask("abort").to(State.RETURNED)
    assert carriers(mesh) == before
    assert revisions(mesh) == {OLD}
    assert (play.status.phase, play.status.refused and play.status.refused.to) == (
        Phase.DEGRADED,
        NEW,
    )
    for _ in range(5):
        play.look()
    assert play.status.state is State.RETURNED


@pytest.mark.parametrize("state", [*BACK, State.PREFLIGHT])
def test_a_controller_that_dies_in_any_state_is_followed_by_one_that_goes_on(state: State) -> None:
    play = Play(watched()).begin().to(state)
    for _ in range(3):
        play.look()
        play.kill()
    play.to(State.REMOVE).ask("resume").approve()
    play.kill()
    play.to(State.DONE)
    assert revisions(play.mesh) == {NEW}


@pytest.mark.parametrize("state", [one for one in BACK if one is not State.REMOVE])
def test_a_wall_clock_that_was_an_hour_ahead_for_a_while_costs_no_hour(state: State) -> None:
    """What it has written down is to come once it is right, and is of now then."""
    play = Play(watched()).begin(remove="keep").to(State.DONE)
    wanted, hour = play.now - NOON, timedelta(hours=1)
    play = Play(watched()).begin(remove="keep").to(state)
    play.now += hour
    for _ in range(6):
        play.look()
    play.now -= hour
    play.to(State.DONE)
    assert play.now - NOON < wanted + hour / 4
    assert revisions(play.mesh) == {NEW}


def test_a_controller_that_dies_after_every_look_gets_there_and_back_all_the_same() -> None:
    mesh = watched()
    before = carriers(mesh)
    play = Play(mesh).begin()

    def done(play: Play) -> bool:
        play.kill()
        return play.status.state is State.BAKE

    play.until(done).ask("abort")
    play.until(lambda p: p.kill() or p.status.state is State.RETURNED)  # type: ignore[func-returns-value]
    assert carriers(mesh) == before


@pytest.mark.parametrize("verb", ["abort", "reject", "pause"])
def test_after_the_point_of_no_return_there_is_none(verb: str) -> None:
    play = Play(watched()).begin().to(State.REMOVE).approve()
    play.until(lambda p: p.status.attempt.removing).ask(verb, "2").to(State.DONE)
    assert play.status.last_refused_request == f"{verb}@2"
    assert revisions(play.mesh) == {NEW}


def test_a_no_in_a_chat_that_comes_once_it_is_being_removed_is_none() -> None:
    play = Play(watched()).begin().to(State.REMOVE).approve()
    status = play.until(lambda p: p.status.attempt.removing).status
    assert status.attempt.stop is not None
    no = Answer(False, NOON, status.attempt.stop.number, status.attempt.number, who="ann")
    assert answered_in_chat(status, no, timedelta(hours=1)) is status


def test_what_was_refused_is_tried_again_when_somebody_says_so() -> None:
    play = Play(watched()).begin().to(State.WAVES).ask("abort").to(State.RETURNED)
    play.ask("retry", "2").to(State.REMOVE).approve().to(State.DONE)
    assert play.status.attempt.number == 2


def test_another_target_in_git_takes_the_one_under_way_back_first() -> None:
    play = Play(watched()).begin().to(State.WAVES)
    obj = play.mesh.get("ControlPlaneUpgrade", "", "mesh")
    play.mesh.put({**obj, "spec": {**obj["spec"], "from": NEW, "to": OLD}})
    play.to(State.RETURNED)
    assert revisions(play.mesh) == {OLD}
    assert play.status.refused is None


def test_a_deleted_upgrade_goes_home_first() -> None:
    mesh = watched()
    before = carriers(mesh)
    play = Play(mesh).begin().to(State.GATEWAYS, State.TAGS)
    obj = mesh.get("ControlPlaneUpgrade", "", "mesh")
    assert obj["metadata"]["finalizers"] == ["rollout.dev/finalizer"]
    play.delete().leaves()
    assert carriers(mesh) == before
    assert revisions(mesh) == {OLD}


def test_every_change_stands_in_the_status_before_it_is_done() -> None:
    mesh = built()
    play = Play(mesh).begin().to(State.INSTALL)
    written: list[str] = []

    def check(write: str) -> None:
        written.append(write)
        if write.startswith(("patch Namespace", "patch Mutating", "patch Validating")):
            status = json.dumps(mesh.get("ControlPlaneUpgrade", "", "mesh")["status"])
            assert write.split()[2] in status

    mesh.kube.before = check
    play.to(State.BAKE)
    assert any(write.startswith("patch Mutating") for write in written)
    assert SYSTEM


TWICE = [{"name": "rest", "selector": {"istio.io/rev": OLD}}, {"name": "rest", "percentage": 100}]
"""Waves of one name, which a schema cannot refuse."""


def spoilt(play: Play) -> Play:
    """The spec is edited to what the API server takes and nobody can read."""
    obj = play.mesh.get("ControlPlaneUpgrade", "", "mesh")
    play.mesh.put({**obj, "spec": {**obj["spec"], "waves": TWICE}})
    return play


def test_a_spec_that_cannot_be_read_any_more_keeps_nobody_from_going_back() -> None:
    play = spoilt(Play(watched()).begin().to(State.WAVES))
    play.look()
    assert play.status.because.startswith("goes on as it was: waves[1].nam")
    play.ask("abort").to(State.RETURNED)
    assert revisions(play.mesh) == {OLD}


def test_a_process_that_never_read_the_spec_takes_everything_back_by_the_status() -> None:
    play = spoilt(Play(watched()).begin().to(State.WAVES))
    play.kill()
    with pytest.raises(ManifestError):
        play.look()
    play.ask("abort").to(State.RETURNED)
    assert revisions(play.mesh) == {OLD}


def test_what_cannot_be_read_does_not_begin() -> None:
    play = spoilt(Play(watched()).begin().to(State.PREFLIGHT))
    with pytest.raises(ManifestError, match=r"waves\[1\].name is 'rest'"):
        play.look()


def test_what_a_person_has_paused_already_is_not_paused_again() -> None:
    play = Play(watched()).begin().to(State.WAVES).ask("pause")
    play.until(lambda p: p.status.attempt.pause is not None)
    paused = play.status
    play.ask("pause", "2").until(lambda p: p.status.last_handled_request == "pause@2")
    assert play.status.refused_requests[-1].because == "pause: already paused by a person"
    assert (play.status.history, play.status.attempt.pause) == (
        paused.history,
        paused.attempt.pause,
    )


@pytest.mark.parametrize("state", [State.CANARY, State.GATEWAYS, State.TAGS, State.BAKE])
def test_a_stop_that_somebody_edits_out_of_the_status_is_entered_anew(state: State) -> None:
    """Without one nothing would ever be confirmed."""
    play = Play(watched()).begin(remove="keep").to(state)
    obj = play.mesh.get("ControlPlaneUpgrade", "", "mesh")
    attempt = {key: value for key, value in obj["status"]["attempt"].items() if key != "stop"}
    play.mesh.put({**obj, "status": {**obj["status"], "attempt": attempt}})
    play.to(State.DONE)
    assert revisions(play.mesh) == {NEW}
