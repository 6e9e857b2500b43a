from typing import Any

from rollout.model.observation import Division, SeenTraffic, Serving
from rollout.model.reasons import WaitsFor
from rollout.model.status import (
    Revision,
    RolloutStatus,
    Stage,
)
from rollout.model.traffic import Split, SubsetMode
from rollout.reconcile import adopt
from rollout.reconcile.look import Turn, Writes
from tests import make

NEW = RolloutStatus()
V1, V2 = (Serving(f"shop-{v}", Revision(v), 4) for v in ("v1", "v2"))
BY_ROLE = {"stable": {"version": "v1"}}
BY_VERSION = {"v1": {"version": "v1"}, "v2": {"version": "v2"}}


def adopted(
    shares: dict[str, int],
    reached: dict[str, tuple[Serving, ...]],
    subsets: dict[str, dict[str, str]] | None = None,
    **seen: Any,
) -> Turn:
    division = Division("http[0]", shares)
    traffic = SeenTraffic(divisions=(division,), subsets=subsets or {}, epoch=9)
    return adopt.adopt(make.look(NEW, traffic=traffic, reached=reached, **seen))


def test_by_role_the_pods_behind_the_subset_are_stable() -> None:
    status = adopted({"stable": 100}, {"stable": (V1,)}, BY_ROLE).status
    assert (status.stable, status.subset_mode, status.epoch) == (
        Revision("v1"),
        SubsetMode.ROLE,
        10,
    )
    assert (status.stable_subset, status.attempt.subset) == ("stable", "canary")


def test_by_version_the_subsets_are_the_authors() -> None:
    status = adopted({"v1": 100}, {"v1": (V1,)}, BY_VERSION).status
    assert (status.subset_mode, status.stable_subset, status.revisions_isolated) == (
        SubsetMode.VERSION,
        "v1",
        True,
    )


def test_adopting_writes_no_route() -> None:
    assert adopted({"": 100}, {"": (V1,)}).writes is Writes.NO_ROUTES


def test_nothing_is_adopted_while_git_names_nothing() -> None:
    turn = adopted({"": 100}, {"": (V1,)}, asked=None, problem="template: no containers")
    assert (turn.status, turn.because) == (NEW, "template: no containers")


def test_where_nobody_can_be_chosen_people_are_told_and_nothing_is_remembered() -> None:
    turn = adopted({"": 100}, {"": (V1, V2)})
    assert (turn.status, turn.waits_for) == (NEW, WaitsFor.OBJECTS)
    assert turn.notice is not None
    assert turn.notice.warning


def test_a_split_with_gits_revision_becomes_a_journey_that_prepares() -> None:
    turn = adopted({"v1": 90, "v2": 10}, {"v1": (V1,), "v2": (V2,)}, BY_VERSION)
    stage, attempt = turn.status.stage, turn.status.attempt
    assert (stage.name, stage.split, turn.writes) == (
        Stage.PREPARING,
        Split(90, 10),
        Writes.NO_ROUTES,
    )
    assert (attempt.number, attempt.canary, attempt.subset) == (1, Revision("v2"), "v2")
    assert (attempt.taken_over, attempt.stable_pods) == (Split(90, 10), 4)
    assert turn.because == "adopted: v1 and v2 have 90/10 already; going on from there"
