"""Somebody edits one thing out of a status, or into it: the journey ends, and nobody is lost.

Each field that may be absent, in each stage, of routes by role, by version, of a bare host and of
an author's own name.
"""

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import MISSING, Field, fields, replace
from datetime import timedelta
from functools import partial
from itertools import pairwise
from typing import Any

import pytest

from rollout.model.status import (
    Attempt,
    Draining,
    Revision,
    RolloutStatus,
    Stage,
    StageStatus,
)
from rollout.model.traffic import CANARY, Split
from rollout.reconcile.look import attempted
from tests import make
from tests.play import Play, World

LOOKS = 45
"""Of a quarter minute each: more than a journey takes."""

AT_REST = 8
"""Looks at rest, one after the other, in which nothing is done: it has ended."""

Edit = Callable[[RolloutStatus], RolloutStatus]

WORLDS: dict[str, Callable[[], World]] = {
    "by role": lambda: World(subsets={"stable": {"version": "v1"}}, pods={"v1": 4, "v2": 0}),
    "a bare host": lambda: World(author="", pods={"v1": 4, "v2": 0}),
    "a name of its own": lambda: World(
        author="prod", subsets={"prod": {"version": "v1"}}, pods={"v1": 4, "v2": 0}
    ),
    "by version": lambda: World(
        author="v1",
        subsets={"v1": {"version": "v1"}, "v2": {"version": "v2"}},
        pods={"v1": 4, "v2": 0},
    ),
}

PODS_STAY = {"stable", "draining", "stage name", "attempt canary"}
"""Nobody knows then whose pods are those of the past; they stay, and are kept apart."""


def absent(of: Field[Any]) -> Any:
    """What the field is where it is not there; MISSING: it must be."""
    made = of.default_factory
    return of.default if made is MISSING else made()


def without(status: RolloutStatus, *, part: str, name: str) -> RolloutStatus:
    whole: Any = getattr(status, part) if part else status
    of = next(each for each in fields(whole) if each.name == name)
    less = replace(whole, **{name: absent(of)})
    return replace(status, **{part: less}) if part else less


LOST: dict[str, Edit] = {
    f"{part} {each.name}".strip(): partial(without, part=part, name=each.name)
    for part, kind in (("", RolloutStatus), ("stage", StageStatus), ("attempt", Attempt))
    for each in fields(kind)
    if absent(each) is not MISSING and each.name not in ("stage", "attempt")
}

WRONG: dict[str, Edit] = {
    **{
        f"stage {stage}": lambda was, stage=stage: replace(  # type: ignore[misc]
            was, stage=replace(was.stage, name=stage)
        )
        for stage in Stage
    },
    "both subsets one": lambda was: attempted(was, subset=was.stable_subset),
    "stable's subset the canary's": lambda was: replace(was, stable_subset=CANARY),
    "stable's pods old": lambda was: replace(was, draining=Draining(was.stable or Revision("v1"))),
    "half the requests": lambda was: replace(was, stage=replace(was.stage, split=Split(50, 50))),
    "everyone": lambda was: replace(was, stage=replace(was.stage, split=Split(0, 100))),
    "no such step": lambda was: attempted(
        was, step=was.attempt.step and replace(was.attempt.step, index=99)
    ),
}


def look_on(play: Play, bad: bool) -> None:
    """One look later; requests are answered then, in the route and by the pods that there are."""
    play.now += timedelta(seconds=15)
    turned = bad and (play.now - make.START) > timedelta(minutes=2)
    play.world.value = 5.0 if turned else 0.0
    play.look_once()
    lost = [name for name in play.world.split() if name and not play.world.ready(name)]
    assert not lost, f"requests go to {lost}, who have no pods:\n{play}"


def ends(play: Play, bad: bool) -> None:
    """Looks until it rests, or twice as many as a journey takes."""
    rest = 0
    for _ in range(2 * LOOKS):
        look_on(play, bad)
        still = play.decision is not None and not play.decision.actions
        rest = rest + 1 if still and play.status.stage.name is Stage.IDLE else 0
        if rest == AT_REST:
            break


def begun(world: str) -> Play:
    play = Play(make.MANAGED, WORLDS[world]())
    play.rollout = make.rollout(make.MANAGED, "v2")
    return play


def moments(play: Play, bad: bool) -> Iterator[Play]:
    """The play after the first and the last look of each stage."""
    seen = [play]
    for _ in range(LOOKS):
        play = deepcopy(play)
        look_on(play, bad)
        seen.append(play)
    for before, after in pairwise(seen):
        if before.status.stage.name is not after.status.stage.name:
            yield from (before, after)


def ended(world: str, bad: bool, edits: Mapping[str, Edit]) -> Iterator[tuple[str, Play]]:
    """Each edit that changes anything, at each of these moments; and the play once it rests."""
    for before in moments(begun(world), bad):
        for name, edit in edits.items():
            edited = edit(before.status)
            if edited == before.status:
                continue
            play = deepcopy(before)
            play.status = edited
            ends(play, bad)
            where = f"{name} at {before.status.stage.name}:\n{play}"
            assert play.status.stage.name is Stage.IDLE, where
            yield name, play


both_ways = pytest.mark.parametrize("bad", [False, True], ids=["goes well", "fails"])


@both_ways
@pytest.mark.parametrize("world", WORLDS)
def test_whatever_is_edited_out_of_a_status_its_journey_ends_as_it_would_have(
    world: str, bad: bool
) -> None:
    whole, stages = begun(world), set[Stage]()
    for _ in range(LOOKS):
        look_on(whole, bad)
        stages.add(whole.status.stage.name)
    assert whole.status.stable is not None
    assert {Stage.STEPPING, Stage.WITHDRAWING if bad else Stage.BAKING} < stages
    apart = {whole.status.stable.name: 100}
    for name, play in ended(world, bad, LOST):
        if name in PODS_STAY:
            assert play.world.split() in (whole.world.split(), apart), f"{name}:\n{play}"
        else:
            assert play.world.split() == whole.world.split(), f"{name}:\n{play}"
            assert play.world.pods == whole.world.pods, f"{name}:\n{play}"


@both_ways
@pytest.mark.parametrize("world", WORLDS)
def test_whatever_is_written_into_a_status_its_journey_ends_and_nobody_is_sent_to_no_pods(
    world: str, bad: bool
) -> None:
    assert {name for name, _ in ended(world, bad, WRONG)} > {"stage Baking", "both subsets one"}
