"""What no sequence of events may bring about."""

from collections.abc import Mapping

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rollout.model.status import Phase, Stage
from rollout.model.traffic import Route, Split
from tests import make
from tests.play import World
from tests.properties.watched import Watched

EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("push"), st.sampled_from(["v1", "v2", "v3"])),
        st.tuples(st.just("time"), st.sampled_from([1, 15, 60, 600, 4000])),
        st.tuples(st.just("value"), st.sampled_from([0.0, 5.0, None])),
        st.tuples(st.just("down"), st.booleans()),
        st.tuples(
            st.just("pods"), st.tuples(st.sampled_from(["v1", "v2", "v3"]), st.integers(0, 5))
        ),
        st.tuples(
            st.just("request"),
            st.sampled_from(
                [
                    "promote",
                    "skip",
                    "pause",
                    "resume",
                    "abort",
                    "retry",
                    "approve",
                    "reject",
                    "dance",
                ]
            ),
        ),
        st.tuples(st.just("drift"), st.sampled_from([None, 0, 30, 100])),
        st.tuples(st.just("broken"), st.booleans()),
        st.tuples(st.just("taken"), st.booleans()),
    ),
    max_size=25,
)
MANY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def world(author: str) -> World:
    subsets: dict[str, Mapping[str, str]] = {"stable": {"version": "v1"}} if author else {}
    return World(author=author, subsets=subsets, pods={"v1": 4, "v2": 4, "v3": 4})


def act(play: Watched, event: tuple[str, object]) -> None:  # noqa: C901 - a table of events
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
        case "request", str():
            play.request(what)
        case "drift", None:
            play.world.route = None
        case "drift", int():
            play.world.route = Route(Split.giving_canary(what))
        case "broken", bool():
            play.world.broken = "virtualservice shop/shop: is gone" if what else ""
        case "taken", bool():
            play.world.taken = what
    play.look()


@given(EVENTS, st.sampled_from(["", "stable"]))
@MANY
def test_nothing_forbidden_happens_and_looking_twice_changes_nothing(
    events: list[tuple[str, object]], author: str
) -> None:
    play = Watched(make.canary_spec(5, 25, 50), world(author))
    for event in events:
        act(play, event)
        settled, route = play.status, play.world.route
        decision = play.look_once()
        assert (play.status, play.world.route) == (settled, route), str(play)
        assert decision.actions == () or play.world.broken, str(play)


@given(EVENTS, st.sampled_from(["", "stable"]))
@MANY
def test_only_stable_and_the_revision_that_git_asks_for_get_traffic(
    events: list[tuple[str, object]], author: str
) -> None:
    play = Watched(make.canary_spec(5, 25, 50), world(author))
    for event in events:
        act(play, event)
        if play.world.broken or play.status.stable is None:
            continue
        held = play.status.stage is Stage.WITHDRAWING and play.status.split.canary > 0
        drift = play.status.pause is not None and play.status.pause.because.startswith("drift")
        allowed = {play.status.stable.name, play.rollout.spec.revision, ""}
        if play.status.stage in (Stage.REPOINTING, Stage.RETURNING) or held or drift:
            continue
        assert set(play.world.split()) <= allowed, str(play)


@given(EVENTS, st.lists(st.tuples(st.integers(0, 8), st.integers(0, 3)), max_size=8))
@MANY
def test_a_crash_between_any_two_actions_heals(
    events: list[tuple[str, object]], crashes: list[tuple[int, int]]
) -> None:
    play = Watched(make.canary_spec(5, 25, 50), world("stable"))
    at = dict(crashes)
    for number, event in enumerate(events):
        if number in at:
            play.look_once(stop_after=at[number])
        act(play, event)
    play.world.broken, play.world.taken, play.world.provider_down = "", True, False
    play.world.pods.update(v1=4, v2=4, v3=4)
    play.world.value = 0.0
    play.push("v3").request("resume")
    if play.status.rejected is not None:
        play.request("retry")
    play.until(Phase.HEALTHY, Stage.IDLE).gives(v3=100)
    assert play.world.route is None
    assert dict(play.world.subsets)["stable"] == {"version": "v3"}
