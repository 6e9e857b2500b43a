"""What no sequence of events may do to an autoscaler that follows the release, or to its pods."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.properties import worlds
from tests.properties.test_never import Event, act, mend
from tests.properties.watched import Watched

EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("push"), st.sampled_from(["v1", "v2"])),
        st.tuples(st.just("time"), st.sampled_from([15, 60, 600])),
        st.tuples(st.just("value"), st.sampled_from([0.0, 5.0])),
        st.tuples(st.just("request"), st.sampled_from(["promote", "abort", "retry"])),
        st.tuples(st.just("scaler"), st.integers(1, 9)),
        st.tuples(st.just("pointed"), st.sampled_from(["shop", "shop-v1", "shop-v2"])),
        st.tuples(st.just("keda"), st.booleans()),
    ),
    max_size=20,
)
PLAYS = st.builds(
    lambda strategy, workload: worlds.begun(
        Watched(worlds.spec(strategy, workload, "plain"), worlds.world("stable"))
    ),
    st.sampled_from(["canary", "blue-green", "testers first"]),
    st.sampled_from(["autoscaled", "autoscaled, managed"]),
)


@given(PLAYS, EVENTS)
@settings(max_examples=120, suppress_health_check=list(HealthCheck))
def test_what_it_scales_it_alone_scales_and_no_hand_over_makes_the_pods_fewer(
    play: Watched, events: list[Event]
) -> None:
    """``Watched`` checks both at each look; here, that nobody with requests is put to 0."""
    play.push("v2")
    for event in events:
        act(play, event)
        for name in play.world.split():
            assert play.world.pods.get(name, 1) > 0, str(play)
    mend(play)
    worlds.home(play.push("v3"))
    assert play.world.scaled == "shop-v3", str(play)
