from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from typing import Any

from rollout.cli.manifests import rehearsal
from rollout.cli.manifests.files import documents, files
from rollout.messages.planned import Planned
from rollout.model.spec import Autoscaler
from rollout.model.status import (
    Phase,
    Revision,
    RolloutStatus,
    Stage,
    StepStatus,
)
from rollout.model.traffic import Split, SubsetMode
from tests import make
from tests.test_examples import ROOT, objects_of, rollout_of


async def canary(status: RolloutStatus | None = None, revision: str = "v2") -> Planned:
    rollout = rollout_of("canary")
    rollout = replace(rollout, spec=replace(rollout.spec, revision=revision))
    return await rehearsal.play(rollout, objects_of("canary"), status or RolloutStatus())


async def test_what_is_stable_already_is_planned_as_the_next_push() -> None:
    plan = await canary(revision="v1")
    assert (plan.stable, plan.canary, plan.complete) == ("v1", "next", True)
    assert plan.notes == ("v1 is stable already; this is what the next push does",)


async def test_a_plan_cuts_no_sentence_and_has_no_hash_of_what_nobody_has_written() -> None:
    image = "registry.example.com/payments/a-service-with-quite-a-long-name:2026.11.29-b1234"
    rollout = rollout_of("template-workload")
    template = deepcopy(dict(rollout.spec.workload.template or {}))
    template["template"]["spec"]["containers"][0]["image"] = image
    workload = replace(rollout.spec.workload, template=template)
    rollout = replace(rollout, spec=replace(rollout.spec, workload=workload))
    planned = await rehearsal.play(rollout, objects_of("template-workload"), RolloutStatus())
    title = f"{image.rpartition('/')[2]} (next)"
    told = [moment.because for moment in planned.moments]
    assert not any("…" in because for because in (*told, planned.ends))
    assert f"step 1: 10% to {title}; {title} is ready" in told


async def test_what_the_cluster_remembers_is_where_the_plan_begins() -> None:
    status = make.status(
        stable=Revision("v1"),
        subset_mode=SubsetMode.ROLE,
        stable_subset="stable",
        subset="canary",
        revisions_isolated=True,
        attempt=7,
        epoch=41,
    )
    plan = await canary(status)
    assert (plan.stable, plan.canary, plan.complete) == ("v1", "v2", True)


async def in_mid_journey(revision: str) -> Planned:
    """The plan of a push of ``revision`` while v2 has the first step's share."""
    plan = await canary()
    first = next(m for m in plan.moments if m.weight == 5)
    begun = plan.moments[: plan.moments.index(first) + 1]
    written = {c.object: c.after for moment in begun for c in moment.changes if c.after}
    rest = [o for o in objects_of("canary") if f"{o['kind']} shop/{name_of(o)}" not in written]
    now = rehearsal.BEGIN + timedelta(days=9000)
    status = make.status(
        phase=Phase.PROGRESSING,
        stage=Stage.STEPPING,
        since=now,
        stable=Revision("v1"),
        canary=Revision("v2"),
        subset_mode=SubsetMode.ROLE,
        stable_subset="stable",
        subset="canary",
        revisions_isolated=True,
        split=Split(95, 5),
        step=StepStatus(0, "step 1", now),
        asked_at=now,
        confirmed_at=now,
        attempt=1,
        epoch=50,
        stable_pods=2,
    )
    rollout = rollout_of("canary")
    rollout = replace(rollout, spec=replace(rollout.spec, revision=revision))
    objs = [*rest, *written.values()]
    return await rehearsal.play(rollout, objs, status, now + timedelta(seconds=30))


def name_of(obj: Mapping[str, Any]) -> str:
    return str(obj["metadata"]["name"])


async def test_a_journey_that_is_under_way_is_planned_from_where_it_is() -> None:
    plan = await in_mid_journey("v2")
    assert (plan.stable, plan.canary, plan.complete) == ("v1", "v2", True)
    assert plan.notes == ("a journey of v2 is under way (step 1, 5%); this begins there",)
    first = plan.moments[0]
    assert (first.at, first.weight) == (timedelta(seconds=30), 20)


async def test_a_push_in_mid_journey_is_planned_with_the_way_back() -> None:
    plan = await in_mid_journey("v1")
    assert plan.complete
    assert plan.moments[0].because == "v1 is asked for now"
    assert {moment.weight for moment in plan.moments} == {0}


async def test_a_service_that_no_virtualservice_knows_stops_the_plan_with_the_reason() -> None:
    rollout = rollout_of("canary")
    services = [obj for obj in objects_of("canary") if obj["kind"] == "Service"]
    plan = await rehearsal.play(rollout, services, RolloutStatus())
    assert not plan.complete
    assert plan.moments == ()
    assert plan.ends.startswith("stops here: service reviews: no virtualservice has a route to")


async def test_a_service_that_is_not_in_the_files_stops_the_plan_with_the_reason() -> None:
    plan = await rehearsal.play(rollout_of("canary"), (), RolloutStatus())
    assert plan.ends == "stops here: service shop/reviews: is not there; it is wanted"


async def test_a_revision_without_pods_stops_the_plan_before_any_traffic() -> None:
    plan = await canary(revision="v9")
    assert not plan.complete
    assert plan.moments == ()
    assert "there is no deployment reviews-v9" in plan.ends


async def test_the_gitops_tool_that_owns_an_object_is_named_with_its_rule() -> None:
    objs = objects_of("canary")
    for obj in objs:
        obj["metadata"]["annotations"] = {"argocd.argoproj.io/tracking-id": "shop:x"}
    plan = await rehearsal.play(rollout_of("canary"), objs, RolloutStatus())
    assert plan.ignore is not None
    assert set(plan.ignore) == {"DestinationRule shop/reviews", "VirtualService shop/reviews"}
    assert "ignoreDifferences" in plan.ignore["VirtualService shop/reviews"]


def test_files_below_a_folder_are_found_in_order_and_hidden_folders_are_not() -> None:
    names = [path.name for path in files([ROOT / "canary", ROOT / "README.md"])]
    assert names == ["mesh.yaml", "rollout.yaml", "workload.yaml", "README.md"]


def test_what_is_no_object_of_kubernetes_is_passed_over() -> None:
    assert list(documents((ROOT / "README.md").read_bytes())) == []


async def test_the_autoscaler_is_handed_over_in_the_plan_and_its_ignore_rule_is_printed() -> None:
    rollout, objs = rollout_of("template-workload"), objects_of("template-workload")
    argo = {"argocd.argoproj.io/tracking-id": "shop:x"}
    ref = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "mail"}
    meta = {"name": "mail", "namespace": "shop", "annotations": argo}
    hpa = {"kind": "HorizontalPodAutoscaler", "metadata": meta, "spec": {"scaleTargetRef": ref}}
    workload = replace(rollout.spec.workload, autoscaler=Autoscaler("mail"))
    rollout = replace(rollout, spec=replace(rollout.spec, workload=workload))
    plan = await rehearsal.play(rollout, [*objs, hpa], RolloutStatus())
    name = "HorizontalPodAutoscaler shop/mail"
    told = [(m.weight, c.patch) for m in plan.moments for c in m.changes if c.object == name]
    assert plan.complete
    assert [weight for weight, _ in told] == [100]
    path = "/spec/scaleTargetRef/name"
    assert told[-1][1][1:] == (
        {"op": "test", "path": path, "value": f"mail-{plan.stable}"},
        {"op": "replace", "path": path, "value": f"mail-{plan.canary}"},
    )
    assert plan.ignore is not None
    assert ".spec.scaleTargetRef.name" in plan.ignore[name]
