from dataclasses import replace

import pytest

from rollout.cli.cluster import SeenRollout
from rollout.cli.look.undo import previous, refused_before
from rollout.errors import RefusedError
from rollout.model.spec import Workload
from rollout.model.status import Entry, Rejected, Revision, RolloutStatus, Stage
from tests import make
from tests.make import START


def past(*decisions: tuple[Stage, str]) -> tuple[Entry, ...]:
    return tuple(
        Entry(f"1.{number}", START, stage, "100/0", "because", revision)
        for number, (stage, revision) in enumerate(decisions)
    )


PROMOTED = RolloutStatus(
    stable=Revision("v3"),
    history=past(
        (Stage.IDLE, "v1"),
        (Stage.PREPARING, "v2"),
        (Stage.BAKING, "v2"),
        (Stage.WITHDRAWING, "v2"),
        (Stage.IDLE, "v1"),
        (Stage.PREPARING, "v3"),
        (Stage.STEPPING, "v3"),
        (Stage.RETIRING, "v3"),
        (Stage.IDLE, "v3"),
    ),
)


def seen(status: RolloutStatus, workload: Workload | None = None) -> SeenRollout:
    spec = make.canary_spec(5)
    return SeenRollout(
        {}, make.rollout(replace(spec, workload=workload or spec.workload), "v3"), status
    )


def test_the_release_before_is_the_last_that_everyone_had_for_good() -> None:
    assert previous(seen(PROMOTED)) == "v1"


@pytest.mark.parametrize(
    ("status", "workload", "why"),
    [
        (
            make.changed(PROMOTED, stage=Stage.STEPPING),
            None,
            "a release is under way; `rollout abort` takes it back",
        ),
        (
            replace(PROMOTED, history=past((Stage.IDLE, "v3"))),
            None,
            "no release before this one is remembered",
        ),
        (
            PROMOTED,
            Workload(template={"spec": {}}),
            "its revisions are contents of a template; apply the old one",
        ),
    ],
)
def test_what_cannot_be_undone_is_refused_in_words(
    status: RolloutStatus, workload: Workload | None, why: str
) -> None:
    with pytest.raises(RefusedError) as error:
        previous(seen(status, workload))
    assert str(error.value) == f"rollout shop/shop: {why}"


def test_a_release_that_was_rejected_since_is_asked_for_in_spite_of_that() -> None:
    assert not refused_before(PROMOTED, "v1")
    rejected = replace(PROMOTED, rejected=Rejected(Revision("v1"), "aborted by ann", START))
    assert refused_before(rejected, "v1")
    assert not refused_before(rejected, "v2")
