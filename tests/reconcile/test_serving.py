"""Who is stable follows from the pods that the routes reach."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from rollout.model.observation import Division, SeenTraffic, Serving
from rollout.model.spec import Workload
from rollout.model.status import Revision, RolloutStatus
from rollout.model.traffic import Split
from rollout.reconcile import serving
from rollout.reconcile.look import Look
from rollout.reconcile.serving import Clear, Unclear
from tests import make

V1, V2, V3 = (Serving(f"shop-{v}", Revision(v, "", f"b{v}"), 4) for v in ("v1", "v2", "v3"))
ASKED = Revision("v2", "c2", "bv2")


def look(
    *shares: Mapping[str, int],
    marked: tuple[Mapping[str, int], ...] = (),
    strangers: int = 0,
    **reached: tuple[Serving, ...],
) -> Look:
    """A look at ordinary routes with these ``shares``; ``whole`` stands for the whole service."""
    divisions = [Division(f"http[{i}]", each) for i, each in enumerate(shares)]
    divisions += [Division("http[9]", each, ordinary=False) for each in marked]
    sides = {"" if name == "whole" else name: runs for name, runs in reached.items()}
    return make.look(
        RolloutStatus(),
        traffic=SeenTraffic(divisions=tuple(divisions)),
        reached=sides,
        strangers=strangers,
        workloads={},
    )


def told(found: Clear | Unclear) -> str:
    assert isinstance(found, Unclear)
    assert len(found.because) < 80, found.because
    return found.because


def test_one_deployment_behind_the_routes_is_stable_whatever_git_asks_for() -> None:
    assert serving.found(look({"": 100}, whole=(V1,)), ASKED) == Clear(
        Revision("v1", "", "bv1"), ""
    )
    assert serving.found(look({"old": 100}, old=(V1,)), ASKED) == Clear(
        Revision("v1", "", "bv1"), "old"
    )


def test_what_git_asks_for_is_known_with_its_commit() -> None:
    assert serving.found(look({"": 100}, whole=(V2,)), ASKED) == Clear(ASKED, "")


def test_several_revisions_behind_one_route_are_nobodys_to_choose_from() -> None:
    found = serving.found(look({"": 100}, whole=(V1, V2)), ASKED)
    assert told(found) == "route to a subset of one: shop-v1 and shop-v2 share these requests"
    found = serving.found(look({"prod": 100}, prod=(V1, V2)), ASKED)
    assert told(found) == "let subset prod select one: shop-v1 and shop-v2 share these requests"


def test_a_route_to_the_whole_service_beside_a_subset_is_the_ones_who_serves_alone() -> None:
    one = look({"": 100}, {"stable": 100}, whole=(V1,), stable=(V1,))
    assert serving.found(one, ASKED) == Clear(Revision("v1", "", "bv1"), "stable")
    both = look({"": 100}, {"stable": 100}, whole=(V1, V2), stable=(V1,))
    assert "shop-v1 and shop-v2 share these requests" in told(serving.found(both, ASKED))


def test_a_split_with_gits_revision_is_taken_over_as_it_is() -> None:
    found = serving.found(look({"v1": 90, "v2": 10}, v1=(V1,), v2=(V2,)), ASKED)
    assert found == Clear(Revision("v1", "", "bv1"), "v1", ASKED, "v2", Split(90, 10))


def test_users_pinned_to_the_canary_stay_so_and_count_for_nothing() -> None:
    one = look({"v1": 90, "v2": 10}, marked=({"v2": 100},), v1=(V1,), v2=(V2,))
    assert serving.found(one, ASKED) == Clear(
        Revision("v1", "", "bv1"), "v1", ASKED, "v2", Split(90, 10)
    )


@pytest.mark.parametrize(
    ("one", "because"),
    [
        (look(), "no ordinary route sends it requests; a route to one revision is wanted"),
        (
            look({"v1": 60, "v3": 40}, v1=(V1,), v3=(V3,)),
            "requests go to v1 and v3; git may ask for one of them, not for v2",
        ),
        (
            look({"v1": 10, "v2": 90}, v1=(V1,), v2=(V2,)),
            "v2 has 90% already: give it everything, or push v1",
        ),
        (
            look({"v1": 90, "v2": 10}, {"v1": 100}, v1=(V1,), v2=(V2,)),
            "routes divide differently: make http[0] and http[1] alike",
        ),
        (
            look({"v1": 50, "v2": 30, "v3": 20}, v1=(V1,), v2=(V2,), v3=(V3,)),
            "requests go to v1, v2 and v3; one or two revisions are wanted",
        ),
        (
            look({"v1": 90, "v2": 10}, v1=(V1,), v2=()),
            "requests go to v1 and v2: v2 without ready pods; one subset is wanted",
        ),
        (
            look({"prod": 90, "gold": 10}, prod=(V1,), gold=(V1,)),
            "requests go to prod and gold, both v1; one subset is wanted",
        ),
        (
            look({"": 100}, whole=(Serving("web", None, 2),)),
            "deployment web serves; workload.deployments must name it, too",
        ),
        (
            look({"": 100}, whole=(V1, Serving("", None, 1))),
            "1 pod of no Deployment serve shop; Deployments alone are wanted",
        ),
        (
            look({"": 100}, whole=(Serving("", None, 3, argo=True),)),
            "3 pods of Argo Rollouts serve shop: hand them over first",
        ),
        (
            look({"v1": 100}, strangers=3, v1=()),
            "subset v1 selects no pods of shop; labels of one revision are wanted",
        ),
    ],
)
def test_what_a_person_must_write_is_said_in_a_sentence(one: Look, because: str) -> None:
    assert told(serving.found(one, ASKED)) == because


def test_whose_pods_cannot_be_read_is_nobodys_guess() -> None:
    blind = look({"": 100})
    blind = replace(blind, seen=replace(blind.seen, reached=None))
    assert told(serving.found(blind, ASKED)) == "whose pods the routes reach cannot be read"


def test_the_first_deployment_of_all_is_gits() -> None:
    assert serving.found(look({"": 100}, whole=()), ASKED) == Clear(ASKED, "")
    assert serving.found(look({"stable": 100}, stable=()), ASKED) == Clear(ASKED, "stable")


def test_a_deployment_without_pods_is_stable_where_nobody_else_serves() -> None:
    asleep = Serving("shop-v1", Revision("v1"), 0)
    assert serving.found(look({"": 100}, whole=(asleep,)), ASKED) == Clear(Revision("v1"), "")


def test_a_template_takes_nothing_over_that_it_has_not_made() -> None:
    one = look({"": 100}, whole=(Serving("web", None, 2),))
    spec = replace(one.rollout.spec, workload=Workload(template={}))
    one = replace(one, rollout=replace(one.rollout, spec=spec))
    because = "web serves, not the template's pods: use workload.deployments"
    assert told(serving.found(one, ASKED)) == because


def test_nobody_is_adopted_by_the_name_of_the_other_side() -> None:
    because = "stable's requests go to subset canary; one of another name is wanted"
    assert told(serving.found(look({"canary": 100}, canary=(V1,)), ASKED)) == because
    swapped = look({"canary": 90, "stable": 10}, canary=(V1,), stable=(V2,))
    assert told(serving.found(swapped, ASKED)) == because
