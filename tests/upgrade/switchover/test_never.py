"""What no sequence of events may do to the weights of two clusters."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rollout.model.reasons import PauseKind, Verb
from rollout.model.switching import SetWeights, SwitchDecision
from rollout.model.switchover import SWITCH_MAY_FOLLOW, Side, SwitchStage
from rollout.model.traffic import Split
from rollout.upgrade import switchover as core
from tests.upgrade.switchover.world import World, spec

Event = tuple[str, object]
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("time"), st.sampled_from([5, 30, 120])),
        st.tuples(st.just("time"), st.just(300)),
        st.tuples(st.just("verb"), st.sampled_from(list(Verb))),
        st.tuples(st.just("serve"), st.sampled_from(list(Side))),
        st.tuples(st.just("bad"), st.sampled_from([(Side.GREEN, 0.3), (Side.BLUE, 0.3)])),
        st.tuples(st.just("well"), st.none()),
        st.tuples(st.just("probes"), st.sampled_from(list(Side))),
        st.tuples(st.just("unreachable"), st.sampled_from(list(Side))),
        st.tuples(st.just("records"), st.booleans()),
        st.tuples(st.just("prometheus"), st.booleans()),
        st.tuples(st.just("edit"), st.sampled_from([(100, 0), (50, 50), (0, 255), (7, 3)])),
        st.tuples(st.just("kill"), st.none()),
        st.tuples(st.just("pods"), st.sampled_from([0, 1, 4])),
    ),
    max_size=25,
)
WEIGHTS = (10, 50)


def act(world: World, event: Event) -> None:
    name, value = event
    _ACTS[name](world, value)


def served(world: World, side: Any) -> None:
    world.spec = replace(world.spec, serve=side)


def worse(world: World, how: Any) -> None:
    world.bad[how[0]] = how[1]


_ACTS: dict[str, Callable[[World, Any], None]] = {
    "time": lambda world, seconds: world.pass_time(seconds),
    "verb": lambda world, verb: world.ask(verb),
    "serve": served,
    "bad": worse,
    "well": lambda world, _: mend(world),
    "probes": lambda world, side: world.probes_fail.symmetric_difference_update({side}),
    "unreachable": lambda world, side: world.unreachable.symmetric_difference_update({side}),
    "records": lambda world, silent: setattr(world, "silent_records", silent),
    "prometheus": lambda world, there: setattr(world, "prometheus", there),
    "edit": lambda world, weights: world.edit(weights[0], weights[1], "somebody"),
    "kill": lambda world, _: killed(world),
    "pods": lambda world, pods: world.pods.update({Side.BLUE: pods}),
}


def killed(world: World) -> None:
    """A look whose status is saved and nothing of it done: the process dies in between."""
    questions = core.ask(world.subject, world.status, world.time)
    decision = core.decide(world.subject, world.status, world.see(questions), world.time)
    world.status = decision.status


def mend(world: World) -> None:
    world.bad = dict.fromkeys(Side, 0.001)
    world.pods = dict.fromkeys(Side, 4)
    world.probes_fail.clear()
    world.unreachable.clear()
    world.stale.clear()
    world.silent_records, world.prometheus = False, True


def checked(world: World) -> SwitchDecision:
    """One look, and what must hold of every one."""
    before, weights = world.status, world.weights
    decision = world.look()
    after, story = decision.status, "\n".join(world.story)
    assert len(decision.because) < 80, decision.because
    old, new = before.stage, after.stage
    assert new.name is old.name or new.name in SWITCH_MAY_FOLLOW[old.name], story
    for action in decision.actions:
        if not isinstance(action, SetWeights):
            continue
        assert action.split == new.split, story
        if action.split.canary > 0:
            asked = {Split.giving_canary(weight) for weight in (*WEIGHTS, 100)}
            assert action.split in asked, story
            assert world.spec.serve is Side.GREEN, story
        if action.split.stable > 0 and action.split.canary == 0:
            assert world.pods[Side.BLUE] > 0 or Side.BLUE in world.unreachable, story
    if new.split.canary > old.split.canary and old.name is SwitchStage.SHIFTING:
        by_hand = after.last_handled_request != before.last_handled_request
        assert old.confirmed_at is not None or by_hand, story
        told = before.attempt.pause is not None and before.attempt.pause.kind is PauseKind.DRIFT
        decided = by_hand and told  # people were told of the foreign edit before they said so
        assert decided or weights == (old.split.stable, old.split.canary), story
    return decision


@given(EVENTS)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_weights_are_only_ever_a_steps_or_all_of_blues_and_the_way_back_is_always_open(
    events: list[Event],
) -> None:
    world = World(spec(*WEIGHTS))
    for event in events:
        act(world, event)
        for _ in range(3):
            checked(world)
    mend(world)
    world.spec = replace(world.spec, serve=Side.BLUE)
    world.request = None
    for _ in range(200):
        decision = checked(world)
        if world.status.serving is Side.GREEN or world.status.serving is None:
            return  # the drain was over, or nothing of it was ever ours
        if decision.look_again is None:
            break
        world.pass_time(30)
    assert world.status.stage.name is SwitchStage.SERVING, "\n".join(world.story)
    assert world.status.stage.split == Split(100, 0), "\n".join(world.story)


@given(EVENTS)
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
def test_looking_again_at_the_same_moment_changes_nothing(events: list[Event]) -> None:
    world = World(spec(*WEIGHTS))
    for event in events:
        act(world, event)
        for _ in range(12):
            if world.look().look_again != world.look().look_again:
                continue
        settled, written = world.status, list(world.written)
        decision = world.look()
        assert world.status == settled, "\n".join(world.story)
        assert world.written == written
        assert (
            not [a for a in decision.actions if isinstance(a, SetWeights)] or world.silent_records
        )


def test_an_abort_at_any_look_brings_every_weight_back() -> None:
    looks = 3  # before, there is nothing to abort
    while True:
        world = World(spec(*WEIGHTS))
        for _ in range(looks):
            if world.look().look_again != 0:
                world.pass_time(5)
        if world.status.serving is Side.GREEN:
            return
        world.ask(Verb.ABORT)
        for _ in range(60):
            world.look()
            world.pass_time(10)
        assert world.weights == (100, 0), "\n".join(world.story)
        looks += 7
