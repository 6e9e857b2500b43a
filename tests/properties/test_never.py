"""What no sequence of events may bring about."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rollout.model.reasons import Verb
from rollout.model.status import Stage
from rollout.model.traffic import Route, Split
from tests.properties import worlds
from tests.properties.watched import Watched

REVISIONS = st.sampled_from(["v1", "v2", "v3"])
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("push"), REVISIONS),
        st.tuples(st.just("time"), st.sampled_from([1, 15, 60, 600, 4000])),
        st.tuples(st.just("value"), st.sampled_from([0.0, 5.0, None])),
        st.tuples(st.just("down"), st.booleans()),
        st.tuples(st.just("pods"), st.tuples(REVISIONS, st.integers(0, 5))),
        st.tuples(st.just("unready"), st.tuples(REVISIONS, st.integers(0, 4))),
        st.tuples(st.just("request"), st.sampled_from([*Verb])),
        st.tuples(st.just("drift"), st.sampled_from([None, 0, 30, 100])),
        st.tuples(st.just("subset"), st.sampled_from(["stable", "canary"])),
        st.tuples(st.just("broken"), st.booleans()),
        st.tuples(st.just("taken"), st.booleans()),
        st.tuples(st.just("scaler"), st.integers(1, 9)),
        st.tuples(st.just("pointed"), st.sampled_from([None, "shop", "shop-v1", "shop-v2"])),
        st.tuples(st.just("keda"), st.booleans()),
        st.tuples(st.just("rebuilt"), st.tuples(REVISIONS, st.sampled_from(["", "old", "new"]))),
    ),
    max_size=25,
)
PLAYS = st.builds(
    lambda strategy, workload, change, author: worlds.begun(
        Watched(worlds.spec(strategy, workload, change), worlds.world(author))
    ),
    st.sampled_from(list(worlds.STRATEGIES)),
    st.sampled_from(list(worlds.WORKLOADS)),
    st.sampled_from(list(worlds.CHANGES)),
    st.sampled_from(worlds.AUTHORS),
)
Event = tuple[str, object]
MANY = settings(max_examples=60, suppress_health_check=list(HealthCheck))


def act(play: Watched, event: Event) -> None:  # noqa: C901, PLR0912 - a table of events
    kind, what = event
    match kind, what:
        case "push", str():
            play.push(what)
        case "time", int():
            play.after(value=play.world.value, seconds=what)
        case "value", float() | None:
            play.world.value = what
        case "down", bool():
            play.world.provider_down = what
        case "pods", (str() as name, int() as count):
            play.world.pods[name] = count
        case "unready", (str() as name, int() as count):
            play.world.unready[name] = count
        case "request", str():
            play.request(what)
        case "drift", None:
            play.world.route = None
        case "drift", int():
            play.world.route = Route(Split.giving_canary(what))
        case "subset", str():
            play.world.subsets.pop(what, None)
            play.world.made.discard(what)
        case "broken", bool():
            play.world.broken = "virtualservice shop/shop: is gone" if what else ""
        case "taken", bool():
            play.world.taken = what
        case "rebuilt", (str() as name, str() as build):
            play.world.builds[name] = build
        case "scaler", int():
            play.world.autoscale(what)
        case "pointed", str() | None:
            play.world.scaled = what
        case "keda", bool():
            play.world.keda = "hpa shop is KEDA's, which takes a hand-over back" if what else ""
    play.look()


@given(PLAYS, EVENTS)
@MANY
def test_nothing_forbidden_happens_and_looking_twice_changes_nothing(
    play: Watched, events: list[Event]
) -> None:
    for event in events:
        act(play, event)
        settled, world = play.status, repr(play.world)
        play.look_once()
        assert (play.status, repr(play.world)) == (settled, world), str(play)


@given(PLAYS, EVENTS)
@MANY
def test_only_stable_and_the_revision_that_git_asks_for_get_traffic(
    play: Watched, events: list[Event]
) -> None:
    for event in events:
        act(play, event)
        status = play.status
        if play.world.broken or status.stable is None or event[0] in ("drift", "subset"):
            continue
        held = status.stage.name is Stage.WITHDRAWING and status.stage.split.canary > 0
        asked = "drift" in status.because or "so this stays" in status.because
        if status.stage.name in (Stage.REPOINTING, Stage.RETURNING) or held or asked:
            continue
        allowed = {status.stable.name, play.rollout.spec.revision, ""}
        assert set(play.world.split()) <= allowed, str(play)


@given(PLAYS, EVENTS, st.lists(st.tuples(st.integers(0, 8), st.integers(0, 3)), max_size=8))
@MANY
def test_a_crash_between_any_two_actions_heals(
    play: Watched, events: list[Event], crashes: list[tuple[int, int]]
) -> None:
    at = dict(crashes)
    for number, event in enumerate(events):
        if number in at:
            play.look_once(stop_after=at[number])
        act(play, event)
    mend(play)
    worlds.home(play.push("v3"))
    if play.spec.workload.autoscaler is not None:
        assert play.world.scaled == "shop-v3", str(play)
    assert set(play.world.split()) <= {"v3", ""}, str(play)
    assert play.world.route is None, str(play)


@given(PLAYS, EVENTS)
@MANY
def test_a_deleted_rollout_is_let_go_and_leaves_nothing_behind(
    play: Watched, events: list[Event]
) -> None:
    for event in events:
        act(play, event)
    keda = play.world.keda
    mend(play)
    play.world.keda = keda
    play.delete()
    for _ in range(40):
        if play.world.let_go:
            break
        play.after(seconds=15)
    assert play.world.let_go, str(play)
    assert play.world.route is None, str(play)
    assert "canary" not in play.world.made, str(play)


@given(PLAYS, EVENTS)
@MANY
def test_a_status_that_is_out_of_date_asks_for_nothing(play: Watched, events: list[Event]) -> None:
    for event in events:
        before = play.status
        act(play, event)
        after, play.status = play.status, before
        late = play.look_once(lost=True)
        play.status = after
        if before.epoch < play.world.epoch and before.stable is not None:
            assert late.actions == (), str(play)


def mend(play: Watched) -> None:
    """All faults are over, and nobody has fewer pods than there ever were."""
    play.world.broken, play.world.taken, play.world.provider_down = "", True, False
    play.world.pods.update(v1=9, v2=9, v3=9)
    play.world.unready.clear()
    play.world.value = 0.0
    play.world.scaled, play.world.keda = play.world.scaled or "shop", ""
