"""Published examples of Argo Rollouts and Flagger, played from their converted form.

What the hand-over says is done before: one Service that selects the pods, and routes that name it
without weights. Changed is what a test must change: the image is the lab's, a side has one pod,
and nothing is judged, so a step lasts until its share of real requests was counted.
"""

import math

import pytest
import yaml

from rollout import strategies
from rollout.convert.documents import converted
from rollout.lab.kube.client import Object
from rollout.manifest import load
from rollout.model.spec import RolloutSpec
from rollout.model.status import RolloutStatus, Stage
from rollout.strategies import Stop
from tests.convert.published import EXAMPLES, PLAYED, SHORT
from tests.lab.journeys.harness import QUIET, ROLLOUT, Journey, idle, until
from tests.lab.journeys.shop import to

pytestmark = [pytest.mark.lab, pytest.mark.long, pytest.mark.asyncio(loop_scope="session")]

IMAGE = "rollout.dev/lab/shop:{}"
COUNT = 300


CASES = [
    pytest.param(name, marks=[pytest.mark.short] if name in SHORT else [], id=name)
    for name in PLAYED
]


@pytest.mark.parametrize("name", CASES)
async def test_a_converted_example_takes_everyone_to_the_new_image_step_by_step(
    name: str, journey: Journey
) -> None:
    rollout = _rollout(name)
    service = rollout["spec"]["service"]
    await journey.world.apply(*_beside(name, service, journey))
    await journey.world.kube.create(ROLLOUT, journey.shop.own(rollout))
    host = f"{service}.{journey.shop.namespace}"
    old = await _first(journey, host)
    await journey.change({"spec": {"workload": _workload(rollout, "v2")}})
    for index, stop in enumerate(_stops(rollout)):
        status = await journey.at_step(index)
        assert status.attempt.canary is not None
        new = status.attempt.canary.name
        tally = await journey.call(COUNT, host=host)
        share = stop.route.split.canary / 100
        assert abs(tally.share(new) - share) <= _margin(share), (index, tally.versions)
        assert set(tally.versions) <= {old, new}
        await journey.ask("approve" if stop.step.approval else "skip")
    status = await journey.until("everyone is there", _everyone)

    async def moved() -> bool:
        return (await journey.call(20, host=host)).versions == {new: 20}

    await until("everyone meets the new one", moved)


def _margin(share: float) -> float:
    """Six standard deviations: Envoy draws anew for each request, and no draw fails a journey."""
    return 6 * math.sqrt(share * (1 - share) / COUNT)


def _everyone(status: RolloutStatus) -> bool:
    promoted = status.stage.name is Stage.BAKING and status.stage.split.canary == 100
    return promoted or (idle(status) and status.attempt.number > 0)


def _rollout(name: str) -> Object:
    """The converted Rollout, with the lab's image and no judge."""
    (made,) = (dict(o) for o in converted(EXAMPLES[name]).objects if o["kind"] == "Rollout")
    workload = _workload(made, "v1")
    kept: Object = {**made, "spec": {**made["spec"], "workload": workload, "analysis": QUIET}}
    return kept


def _workload(rollout: Object, version: str) -> Object:
    workload = yaml.safe_load(yaml.safe_dump(rollout["spec"]["workload"]))
    template = workload["template"]
    template |= {"replicas": 1, "minReadySeconds": 0}
    template["template"]["spec"]["containers"][0]["image"] = IMAGE.format(version)
    return {**workload, "drain": "1s"}


def _stops(rollout: Object) -> tuple[Stop, ...]:
    """As we read them, our own where the example had none."""
    (manifest,) = load.text("converted.yaml", yaml.safe_dump(rollout).encode()).manifests
    assert isinstance(manifest.spec, RolloutSpec)
    return strategies.plan(manifest.spec.strategy).stops


def _beside(name: str, service: str, journey: Journey) -> list[Object]:
    """What the hand-over puts there before: a Service, routes, and an autoscaler that is named."""
    made, rollout = converted(EXAMPLES[name]).objects, _rollout(name)
    routes = [dict(obj) for obj in made if obj["kind"] == "VirtualService"]
    if not routes:
        destination = {"destination": {"host": service}}
        http = {**to(), "route": [destination]}
        preview = rollout["spec"]["strategy"].get("blueGreen", {}).get("previewHost")
        hosts = [service, *([preview] if preview else [])]
        routes = [journey.shop.routes(http, name="shop-vsvc", hosts=hosts)]
    front = journey.shop.service()
    front["metadata"]["name"] = service
    scaler = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "shop"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"},
            "minReplicas": 1,
            "maxReplicas": 1,
        },
    }
    scalers = [scaler] if "autoscaler" in rollout["spec"]["workload"] else []
    return [journey.shop.own(obj) for obj in (front, *routes, *scalers)]


async def _first(journey: Journey, host: str) -> str:
    """Adopted, and its pods serve; the name of its revision."""
    status = await journey.until("adopted", lambda s: s.stable is not None and idle(s))
    assert status.stable is not None
    name = status.stable.name

    async def serving() -> bool:
        return (await journey.call(20, host=host)).versions == {name: 20}

    await until("the first revision serves", serving)
    return name
