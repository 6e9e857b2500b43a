"""A metric's own PromQL in a real journey: limits, templates with arguments, and dry runs."""

import pytest

from rollout.lab.kube.client import Kind, Object
from rollout.model.status import Outcome
from tests.lab.gates.harness import Gated, verdict

pytestmark = [pytest.mark.lab, pytest.mark.long, pytest.mark.asyncio(loop_scope="session")]

TEMPLATE = Kind("rollout.dev", "v1alpha1", "analysistemplates", "AnalysisTemplate")
STEPS: list[Object] = [{"weight": 50, "bake": "6s", "timeBox": "20s"}]
PODS: Object = {
    "name": "answers",
    # A free-form value: how many answers a second the canary's pods gave.
    "query": (
        'sum(rate(istio_requests_total{reporter="destination",'
        'destination_workload_namespace="{{namespace}}",'
        'destination_workload="{{canary}}"}[5s]))'
    ),
    "failures": {"consecutive": 3},
}


async def test_a_value_beyond_its_limit_is_sent_back_after_its_failures(journey: Gated) -> None:
    analysis = {"metrics": [PODS | {"max": 10}]}
    await journey.begin_judged(*journey.shop.by_role("v2"), steps=STEPS, analysis=analysis)
    async with journey.visited(100):
        await journey.pushed("v2")
        status = await journey.withdrawn()
    print(journey.told(status))
    assert verdict(status, "answers").outcome is Outcome.FAIL
    assert "is above 10" in verdict(status, "answers").text


async def test_a_dry_run_is_told_and_never_acted_on(journey: Gated) -> None:
    dry = PODS | {"name": "dry", "max": 10, "dryRun": True}
    errors = {"name": "dry-slo", "successRate": {"min": "99%"}, "dryRun": True}
    analysis = {"metrics": [dry, errors, {"name": "latency"}]}
    bad = journey.shop.deployment("v2", error_rate="0.2")
    await journey.begin_judged(*journey.shop.by_role(), bad, steps=STEPS, analysis=analysis)
    async with journey.visited(200):
        await journey.pushed("v2")
        status = await journey.passed()
        print(journey.told(status))
        assert [(v.outcome, v.dry_run) for v in status.attempt.verdicts if "dry" in v.metric] == [
            (Outcome.FAIL, True),
            (Outcome.FAIL, True),
        ]
        await journey.promoted("v2")


async def test_a_template_is_filled_with_the_rollouts_arguments(journey: Gated) -> None:
    metric = {
        "name": "answers",
        "query": (
            'sum(rate(istio_requests_total{reporter="destination",'
            'destination_workload_namespace="{{namespace}}",'
            'destination_workload="{{canary}}",response_code=~"{{args.codes}}"}[{{args.over}}]))'
        ),
        "max": 1,
        "failures": {"consecutive": 3},
    }
    args = {"codes": None, "over": "5s"}
    template = journey.shop.own(
        {
            "apiVersion": "rollout.dev/v1alpha1",
            "kind": "AnalysisTemplate",
            "metadata": {"name": "no-answers"},
            "spec": {"metrics": [metric], "args": args},
        }
    )
    await journey.world.apply(journey.shop.service())  # the namespace is there with it
    await journey.world.kube.create(TEMPLATE, template)
    uses = [{"name": "no-answers", "args": {"codes": "418"}}]
    bad = journey.shop.deployment("v2", error_rate="0.1", error_code="418")
    analysis = {"templates": uses, "metrics": []}
    await journey.begin_judged(*journey.shop.by_role(), bad, steps=STEPS, analysis=analysis)
    async with journey.visited(200):
        await journey.pushed("v2")
        status = await journey.withdrawn()
    print(journey.told(status))
    assert verdict(status, "answers").outcome is Outcome.FAIL
