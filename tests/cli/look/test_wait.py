from dataclasses import replace

import pytest

from rollout.cli.cluster import SeenRollout
from rollout.cli.exits import Exit
from rollout.cli.look.commands import For
from rollout.cli.look.wait import WaitGoal, outcome
from rollout.model.reasons import WaitsFor
from rollout.model.spec import Workload
from rollout.model.status import Phase, Rejected, Revision, RolloutStatus, Stage
from tests import make
from tests.make import START

HEALTHY = RolloutStatus(stable=Revision("v2"), observed_generation=1, observed_commit="abcdef")
REJECTED = replace(
    HEALTHY,
    phase=Phase.DEGRADED,
    stable=Revision("v1"),
    rejected=Rejected(Revision("v2"), "errors", START),
)
STEPPING = make.changed(
    HEALTHY,
    phase=Phase.PROGRESSING,
    stage=Stage.STEPPING,
    stable=Revision("v1"),
    canary=Revision("v2"),
)


def seen(status: RolloutStatus) -> SeenRollout:
    return SeenRollout({}, make.rollout(make.canary_spec(), "v2"), status)


@pytest.mark.parametrize(
    ("status", "state", "code"),
    [
        (HEALTHY, For.HEALTHY, Exit.OK),
        (REJECTED, For.HEALTHY, Exit.FAILED),
        (STEPPING, For.HEALTHY, None),
        (REJECTED, For.DEGRADED, Exit.OK),
        (HEALTHY, For.DEGRADED, Exit.FAILED),
        (STEPPING, For.PROGRESSING, Exit.OK),
        (HEALTHY, For.PROGRESSING, None),
        (replace(STEPPING, phase=Phase.PAUSED), For.PAUSED, Exit.OK),
        (replace(STEPPING, waits_for=WaitsFor.APPROVAL), For.PAUSED, Exit.OK),
        (replace(STEPPING, phase=Phase.PAUSED), For.HEALTHY, None),
    ],
)
def test_the_exit_code_says_how_it_ended(
    status: RolloutStatus, state: For, code: Exit | None
) -> None:
    assert outcome(seen(status), WaitGoal(state)) is code


def test_a_push_that_was_not_heard_yet_is_waited_for() -> None:
    assert outcome(seen(replace(HEALTHY, observed_generation=0)), WaitGoal(For.HEALTHY)) is None


def test_a_commit_is_waited_for_by_its_beginning() -> None:
    assert outcome(seen(HEALTHY), WaitGoal(For.HEALTHY, commit="abc")) is Exit.OK
    assert outcome(seen(HEALTHY), WaitGoal(For.HEALTHY, commit="123")) is None


def test_another_revision_than_the_one_meant_is_a_failure() -> None:
    assert outcome(seen(HEALTHY), WaitGoal(For.HEALTHY, revision="v3")) is Exit.FAILED


def test_a_template_names_no_revision_so_whatever_is_healthy_will_do() -> None:
    found = seen(HEALTHY)
    found = replace(
        found,
        rollout=replace(
            found.rollout,
            spec=replace(make.canary_spec(), revision="", workload=Workload(template={})),
        ),
    )
    assert outcome(found, WaitGoal(For.HEALTHY)) is Exit.OK
