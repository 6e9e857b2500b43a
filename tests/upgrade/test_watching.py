"""The way back is watched: it says what requests say, and holds only where going on does harm."""

from rollout.model.reasons import PauseKind
from rollout.model.upgrading import Awaits, Standing, State
from rollout.upgrade.look import namespaces
from tests.upgrade.cluster import NEW, OLD, Mesh, built, carriers
from tests.upgrade.play import Play
from tests.upgrade.test_journey import revisions

SPACES = ["shop1", "shop2", "tagged", "shop3"]


def back(play: Play) -> list[str]:
    """The namespaces that are back, in the order in which they moved."""
    return [n.name for n in namespaces(play.status) if n.standing is Standing.RETURNED]


def seen(play: Play) -> str:
    way = play.status.attempt.way_back
    return way.seen if way else ""


def stuck(mesh: Mesh) -> Play:
    """On the way back: ``shop3`` is there, and the pods of ``tagged`` never get ready."""
    play = Play(mesh).begin().to(State.BAKE)
    mesh.unready = {"tagged"}
    return play.ask("abort").until(lambda p: back(p) == ["shop3"])


def test_at_its_end_it_says_that_requests_are_as_before() -> None:
    play = Play(built()).begin().to(State.BAKE).ask("abort").to(State.RETURNED)
    assert seen(play).startswith("requests are as before: ")
    assert back(play) == SPACES
    judged = [verdict.metric for verdict in play.status.attempt.verdicts]
    assert judged == ["errors", "latency", "beside:errors", "beside:latency"]
    told = [each.because for each in play.status.history]
    assert f"all is back at {OLD}, its requests are watched" in told


def test_what_is_worse_than_before_is_told_and_ends_all_the_same() -> None:
    mesh = built()
    play = Play(mesh).begin().to(State.BAKE).ask("abort")
    play.until(lambda p: len(back(p)) == 4)
    mesh.broken = dict.fromkeys(SPACES, play.now)
    play.to(State.RETURNED)
    assert seen(play).startswith("requests are worse than before: errors: ")
    assert [e["reason"] for e in mesh.kube.list("Event") if e["type"] == "Warning"][-2:] == [
        "WorseThanBefore",
        "Returned",
    ]


def test_where_nothing_is_counted_the_way_back_ends_and_says_that_it_does_not_know() -> None:
    mesh = built()
    play = Play(mesh).begin().to(State.BAKE)
    mesh.nothing_counted = True
    play.ask("abort").to(State.RETURNED)
    assert seen(play) == ("whether requests are as before is not sure: errors: prometheus is down")
    assert play.status.because == f"all is as before at {OLD}: aborted by a person"


def test_what_does_harm_by_coming_back_stops_the_rest_and_asks() -> None:
    mesh = built()
    play = stuck(mesh)
    mesh.broken["shop3"] = play.now
    play.until(lambda p: p.status.awaits is Awaits.WORSE)
    pause = play.status.attempt.pause
    assert pause is not None
    assert pause.kind is PauseKind.STABLE_WORSE
    assert pause.because.startswith("worse since it is back: errors: ")
    mesh.heal()
    for _ in range(20):
        play.look()
    assert back(play) == ["shop3"]


def test_a_person_s_resume_takes_the_rest_back_whatever_requests_say() -> None:
    mesh = built()
    before = carriers(mesh)
    play = stuck(mesh)
    mesh.broken["shop3"] = play.now
    play.until(lambda p: p.status.awaits is Awaits.WORSE)
    mesh.heal()
    play.ask("resume", "2").to(State.RETURNED)
    assert carriers(mesh) == before
    assert revisions(mesh) == {OLD}
    assert seen(play).startswith("requests are worse than before: ")


def test_a_hold_ends_by_itself_where_the_rest_gets_as_bad() -> None:
    mesh = built()
    play = stuck(mesh)
    mesh.broken["shop3"] = play.now
    play.until(lambda p: p.status.awaits is Awaits.WORSE)
    mesh.broken |= dict.fromkeys(SPACES, play.now)
    mesh.heal()
    play.to(State.RETURNED)
    assert revisions(mesh) == {OLD}


def test_what_is_bad_everywhere_holds_nobody() -> None:
    mesh = built()
    play = stuck(mesh)
    mesh.broken = dict.fromkeys(SPACES, play.now)
    for _ in range(60):
        play.look()
        assert play.status.awaits is not Awaits.WORSE
    mesh.heal()
    play.to(State.RETURNED)
    assert revisions(mesh) == {OLD}


def test_a_revision_that_does_harm_is_left_without_waiting_for_any_metric() -> None:
    """The restarts follow each other; only when all are back is there a time to watch."""
    mesh = built()
    play = Play(mesh).begin().to(State.BAKE)
    mesh.broken = dict.fromkeys(SPACES, play.now)
    play.to(State.RETURNING)
    began = play.now
    play.until(lambda p: len(back(p)) == 4)
    assert (play.now - began).total_seconds() < 120


def test_skip_ends_the_watch_and_nothing_before_it() -> None:
    play = stuck(built()).ask("skip", "2")
    play.look()
    assert play.status.last_refused_request == "skip@2"
    play.mesh.heal()
    play.until(lambda p: len(back(p)) == 4).until(lambda p: p.status.awaits is Awaits.BAKE)
    play.ask("skip", "3").to(State.RETURNED)
    assert seen(play) == "the watch was skipped by a person"


def test_a_deletion_goes_home_past_a_hold_and_a_pause_and_leaves_edits_as_they_are() -> None:
    mesh = built()
    play = stuck(mesh)
    mesh.broken["shop3"] = play.now
    play.until(lambda p: p.status.awaits is Awaits.WORSE)
    mesh.heal()
    edited = mesh.get("Namespace", "", "shop2")
    mesh.put({**edited, "metadata": {**edited["metadata"], "labels": {"istio.io/rev": "mine"}}})
    play.delete().leaves()
    assert mesh.labels("shop2") == {"istio.io/rev": "mine"}
    assert mesh.labels("shop3")["istio-injection"] == "enabled"


def test_a_controller_that_dies_while_it_watches_goes_on_watching() -> None:
    play = Play(built()).begin().to(State.BAKE).ask("abort")
    play.until(lambda p: p.kill() or p.status.state is State.RETURNED)  # type: ignore[func-returns-value]
    assert seen(play).startswith("requests are as before: ")
    assert NEW not in revisions(play.mesh)
