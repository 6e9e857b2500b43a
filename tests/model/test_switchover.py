from dataclasses import replace

import pytest

from rollout.model.switchover import SWITCH_MAY_FOLLOW, ShiftStep, Side, SwitchStage
from tests.upgrade.switchover.world import spec


def test_blue_and_green_are_each_others_other() -> None:
    assert [side.other for side in Side] == [Side.GREEN, Side.BLUE]


def test_a_step_is_called_by_its_weight() -> None:
    assert ShiftStep(5).name == "5%"


def test_records_of_one_identifier_cannot_be_told_apart() -> None:
    one = spec(10)
    with pytest.raises(ValueError, match="one setIdentifier"):
        replace(one, green=replace(one.green, set_identifier="blue"))


@pytest.mark.parametrize(
    "steps", [(), (ShiftStep(10), ShiftStep(10)), (ShiftStep(9), ShiftStep(5))]
)
def test_steps_rise(steps: tuple[ShiftStep, ...]) -> None:
    with pytest.raises(ValueError, match="steps"):
        replace(spec(10), steps=steps)


def test_a_tolerance_that_hides_every_step_is_refused() -> None:
    one = spec(10)
    with pytest.raises(ValueError, match="shareTolerance"):
        replace(one, dns=replace(one.dns, share_tolerance=0.3))


def test_every_stage_but_the_first_can_be_left_for_rest() -> None:
    """Directly, or by the one way back."""
    for stage, after in SWITCH_MAY_FOLLOW.items():
        home = {SwitchStage.SERVING, SwitchStage.RETURNING}
        assert stage is SwitchStage.SERVING or after & home
