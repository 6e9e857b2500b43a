"""Our CRDs on a real API server: what we write is kept, what authors write is let through."""

from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import pytest

from rollout.controller.ports import Json
from rollout.errors import RefusedError
from rollout.manifest import load, objects, record, sources
from rollout.model.reasons import Cause, PauseKind, WaitsFor
from rollout.model.source import Applied, Problem, SourceStatus
from rollout.model.status import (
    Answer,
    ConfirmedBy,
    Counted,
    Draining,
    Drift,
    Entry,
    Opened,
    Outcome,
    Pause,
    Phase,
    RefusedRequest,
    Rejected,
    Revision,
    RolloutStatus,
    Stage,
    Standing,
    StepStatus,
    Subject,
    Verdict,
    Vouched,
)
from rollout.model.traffic import Split, SubsetMode, VirtualServiceRef
from tests import make
from tests.ports.conftest import UnderTest, listed

NOW = datetime(2026, 3, 1, 12, 0, 0, 123000, UTC)
SPEC = """apiVersion: rollout.dev/v1alpha1
kind: Rollout
metadata: {name: shop}
spec:
  service: shop
  revision: v2
  workload: {deployments: "shop-{revision}"}
  traffic:
    virtualServices: [{name: shop, routes: [primary]}]
    stickiness: {cookie: shop-canary, for: 1d}
  strategy:
    canary:
      steps:
      - {name: testers, cohorts: [{headers: {x-tester: {exact: "1"}}, path: {prefix: /cart}}]}
      - {weight: 5, bake: 1m, timeBox: 2m, mirror: 0.5}
      - {weight: 20%, approval: {approvers: [kubernetes], quorum: 1}}
  analysis:
    metrics:
    - {name: errors, tolerate: {ratio: 1.1, absolute: 0.1%}}
    - {name: latency, slowerThan: [250ms, 1s], tolerate: {absolute: 0.25}}
    - {name: slo, successRate: {min: 99}}
    - {name: queue, query: up, max: 100, failures: {consecutive: 3, total: }}
"""
STATUS = make.status(
    phase=Phase.PROGRESSING,
    stage=Stage.STEPPING,
    because="the gate holds",
    stable=Revision("v1", "c1", "h1"),
    canary=Revision("v2", "c2"),
    waits_for=WaitsFor.DATA,
    draining=Draining(Revision("v0"), NOW),
    step=StepStatus(1, "5%", NOW, Opened("n1", NOW, because="3 of 3 checks")),
    pod_losses=1,
    since=NOW,
    asked_at=NOW,
    confirmed_at=NOW,
    confirmed_by=ConfirmedBy.SYNCZ,
    stable_subset="stable",
    subset="canary",
    revisions_isolated=True,
    stable_pods=3,
    autoscaler_target="shop-v1",
    drift=Drift(1, NOW, "weight"),
    split=Split(95, 5),
    subset_mode=SubsetMode.ROLE,
    attempt=2,
    epoch=7,
    verdicts=(
        Verdict(
            metric="errors",
            outcome=Outcome.PASS,
            text="fine",
            standing=Standing.CERTIFIED,
            counted=Counted("errors", 1, 200, 2, 900),
            evidence=0.5,
            certified=True,
            since=NOW,
            until=NOW,
            step=1,
        ),
    ),
    approvals=(Answer(True, NOW, 1, 2, who="ann"),),
    pause=Pause(PauseKind.PERSON, "asked", NOW, "ann"),
    rejected=Rejected(Revision("v3"), "errors", NOW, Cause.ANALYSIS_FAILED),
    warnings=("ROL-010: x",),
    pending="template.replicas is 5: applied when the release is over, 3 until then",
    stable_down_at=NOW,
    taken_over=Split(90, 10),
    subject=Subject(
        "shop", "shop-{revision}", (VirtualServiceRef("shop", routes=("primary",)),), "shop"
    ),
    checkpoint={"any": [{"thing": None}, 1.5]},
    history=(
        Entry(
            *("1.7", NOW, Stage.STEPPING, "95/5", "x", "v2", "e=1", "c2"),
            by="kubernetes",
            request="pause@1",
        ),
    ),
    last_handled_request="pause@1",
    last_refused_request="skip@0",
    refused_requests=(RefusedRequest("skip@0", "kubernetes", NOW, "skip: nothing to skip"),),
    vouched=Vouched("pause@1", "slack:U1"),
    observed_generation=1,
    observed_commit="c2",
)


def manifest(text: str, namespace: str, name: str = "shop") -> dict[str, Any]:
    [one] = load.text("shop.yaml", text.encode()).manifests
    return {
        "apiVersion": "rollout.dev/v1alpha1",
        "kind": one.kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": one.plain,
    }


async def stored(cluster: UnderTest, kind: str, status: Json) -> Json:
    ops = [{"op": "add", "path": "/status", "value": status}]
    return await cluster.kube.patch(kind, cluster.namespace, "shop", ops, "status")


async def test_what_git_asks_is_stored_as_it_was_written(cluster: UnderTest) -> None:
    wanted = manifest(SPEC, cluster.namespace)
    made = await cluster.kube.create(wanted)
    assert made["spec"] == wanted["spec"]
    assert objects.rollout(made).spec == load.text("x", SPEC.encode()).manifests[0].spec


async def test_every_field_of_a_status_survives_the_api_server(cluster: UnderTest) -> None:
    fresh = RolloutStatus()
    pairs = ((STATUS, fresh), (STATUS.stage, fresh.stage), (STATUS.attempt, fresh.attempt))
    unset = [
        field.name
        for full, bare in pairs
        for field in fields(bare)
        if getattr(full, field.name) == getattr(bare, field.name)
    ]
    assert unset == []  # a new field belongs in STATUS above
    await cluster.kube.create(manifest(SPEC, cluster.namespace))
    obj = await stored(cluster, "Rollout", record.rollout_json(STATUS, {}, NOW))
    assert record.status(obj) == STATUS
    assert len(obj["status"]["conditions"]) == 3


async def test_every_field_of_a_sources_status_survives_the_api_server(cluster: UnderTest) -> None:
    status = SourceStatus(
        "c1",
        "ann@x",
        "c2",
        "no answer",
        "held",
        (Applied("Rollout", "shop", "a.yaml", "c1"),),
        (Problem("b.yaml", 3, "x"),),
        4,
        ("charts: is a submodule",),
    )
    source = {
        "apiVersion": "rollout.dev/v1alpha1",
        "kind": "RolloutSource",
        "metadata": {"name": "shop", "namespace": cluster.namespace},
        "spec": {"url": "https://git.invalid/x", "secretRef": {"name": "token"}, "prune": True},
    }
    await listed(cluster.kube, "RolloutSource")
    await cluster.kube.create(source)
    obj = await stored(cluster, "RolloutSource", sources.status_json(status, {}, NOW))
    assert sources.status(obj) == status
    assert sources.source(obj).status == status


async def test_a_required_argument_of_a_template_is_kept(cluster: UnderTest) -> None:
    await listed(cluster.kube, "AnalysisTemplate")
    made = await cluster.kube.create(
        {
            "apiVersion": "rollout.dev/v1alpha1",
            "kind": "AnalysisTemplate",
            "metadata": {"name": "shop", "namespace": cluster.namespace},
            "spec": {
                "args": {"team": None, "zone": "", "region": "eu"},
                "metrics": [{"name": "errors"}],
            },
        }
    )
    assert objects.template(made).args == {"team": None, "zone": "", "region": "eu"}


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ("service", 7),
        ("onFailure", "explode"),
        ("strategy", {"canary": {"steps": [{"bake": "1y"}]}}),
        ("strategy", {"canary": {"steps": [{"weight": 150}]}}),
        ("strategy", {"canary": {"steps": [{"weight": "150%"}]}}),
        ("strategy", {"canary": {"steps": [{"weight": -1}]}}),
        ("strategy", {"dark": {"steps": [{"mirror": 101}]}}),
        ("strategy", {"dark": {"steps": [{"mirror": "101%"}]}}),
        ("strategy", {}),
        ("strategy", {"canary": {}, "blueGreen": {}}),
        ("strategy", {"canary": {"steps": []}}),
        ("strategy", {"dark": {"steps": []}}),
        ("workload", {"scale": "user"}),
        ("workload", {"deployments": "shop-{revision}", "template": {}}),
    ],
)
async def test_a_spec_of_the_wrong_shape_is_refused_by_the_api_server(
    cluster: UnderTest, change: str, value: object, request: pytest.FixtureRequest
) -> None:
    if "fake" in request.node.name:
        return  # a dict refuses nothing
    wrong = manifest(SPEC, cluster.namespace)
    wrong["spec"] = {**wrong["spec"], change: value}
    with pytest.raises(RefusedError):
        await cluster.kube.create(wrong)
