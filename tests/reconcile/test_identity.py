from dataclasses import replace

import pytest

from rollout.model.spec import Workload
from rollout.model.status import Revision, Stage
from rollout.reconcile import identity
from rollout.reconcile.look import Look
from tests import make

ONE, TWO = Revision("v1", "c", "one"), Revision("v1", "d", "two")


@pytest.mark.parametrize(
    ("before", "now", "words"),
    [
        (ONE, TWO, "v1 was rebuilt: one is two now"),
        (ONE, replace(TWO, template_hash="one"), ""),
        (ONE, Revision("v1"), ""),
        (Revision("v1"), TWO, ""),
        (Revision("v0", "", "one"), TWO, ""),
        (None, TWO, ""),
    ],
)
def test_rebuilt_is_the_same_name_with_another_content(
    before: Revision | None, now: Revision, words: str
) -> None:
    assert identity.rebuilt(before, now) == words


def look(stable: Revision, build: str, stage: Stage = Stage.STEPPING) -> Look:
    pods = {"v1": replace(make.workload("v1"), build=build), "v2": make.workload("v2")}
    return make.look(make.at_step(stable=stable, stage=stage), workloads=pods)


def test_stables_content_is_learned_once() -> None:
    assert identity.learned(look(Revision("v1"), "one")).status.stable == Revision("v1", "", "one")
    assert identity.learned(look(ONE, "two")).status.stable == ONE
    assert identity.learned(look(Revision("v1"), "")).status.stable == Revision("v1")


@pytest.mark.parametrize(
    ("stage", "next_stage"),
    [
        (Stage.STEPPING, Stage.WITHDRAWING),
        (Stage.SWITCHING, Stage.WITHDRAWING),
        (Stage.BAKING, Stage.BAKING),
        (Stage.WITHDRAWING, Stage.WITHDRAWING),
        (Stage.IDLE, Stage.IDLE),
    ],
)
def test_a_rebuilt_stable_is_remembered_and_takes_everyone_who_was_compared_with_it(
    stage: Stage, next_stage: Stage
) -> None:
    turn = identity.stable_rebuilt(look(ONE, "two", stage))
    assert turn is not None
    assert (turn.status.stage.name, turn.status.stable) == (
        next_stage,
        replace(ONE, template_hash="two"),
    )
    assert turn.status.history[-1].because == "v1 was rebuilt: one is two now"


@pytest.mark.parametrize("build", ["", "one"])
def test_nothing_is_said_of_a_stable_that_is_as_it_was_or_not_there(build: str) -> None:
    assert identity.stable_rebuilt(look(ONE, build)) is None


def test_with_a_template_the_name_is_the_content() -> None:
    seen = look(ONE, "two")
    spec = replace(seen.rollout.spec, workload=Workload(template={}))
    assert identity.stable_rebuilt(replace(seen, rollout=replace(seen.rollout, spec=spec))) is None
