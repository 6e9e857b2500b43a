"""Prometheus and the controller have bad days: nothing is forgotten, counted twice or made up."""

import asyncio
import random
from datetime import timedelta

import pytest

from rollout.lab.kube.client import Object
from rollout.model.status import Outcome, Phase, RolloutStatus
from tests.lab.gates.door import Answer, Form, Spoil, honest, later, points
from tests.lab.gates.harness import Gated, verdict

pytestmark = [pytest.mark.lab, pytest.mark.long, pytest.mark.asyncio(loop_scope="session")]

RATE = 300
LONG: list[Object] = [{"weight": 50, "bake": "16s", "timeBox": "24s"}]


async def test_a_prometheus_that_dies_in_mid_step_costs_no_evidence(journey: Gated) -> None:
    await journey.begin_judged(*journey.shop.by_role("v2"), steps=LONG)
    async with journey.visited(RATE):
        took = await journey.pushed("v2")
        await asyncio.sleep(5)
        await journey.world.prometheus.stop()
        held = await journey.logged("prometheus: ")
        await asyncio.sleep(12)
        assert (await journey.status()).stage.split.canary == 50
        await journey.world.prometheus.resume()
        status = await journey.passed()
        print(f"everyone after {took():.1f} s; meanwhile: {held}")
    print(journey.told(status))
    said = verdict(status, "errors")
    await journey.confirm(said)


async def test_a_bad_release_is_sent_back_once_prometheus_is_there_again(journey: Gated) -> None:
    bad = journey.shop.deployment("v2", error_rate="0.05")
    await journey.begin_judged(*journey.shop.by_role(), bad, steps=LONG)
    async with journey.visited(RATE):
        await journey.pushed("v2")
        await asyncio.sleep(1)
        await journey.world.prometheus.stop()
        await asyncio.sleep(8)
        assert (await journey.status()).stage.split.canary == 50
        await journey.world.prometheus.resume()
        status = await journey.withdrawn()
    print(journey.told(status))
    said = verdict(status, "errors")
    await journey.confirm(said)


@pytest.mark.parametrize("error_rate", ["0", "0.02"])
async def test_a_controller_that_is_killed_in_mid_step_says_the_same(
    journey: Gated, error_rate: str
) -> None:
    canary = journey.shop.deployment("v2", error_rate=error_rate)
    await journey.begin_judged(*journey.shop.by_role(), canary, steps=LONG)
    async with journey.visited(RATE):
        await journey.pushed("v2")
        for _ in range(2):
            await asyncio.sleep(2)
            await journey.lab.restart()
        status = await (journey.passed() if error_rate == "0" else journey.withdrawn())
    print(journey.told(status))
    said = verdict(status, "errors")
    await journey.confirm(said)


def not_a_number(answer: Answer) -> Answer:
    for point in points(answer):
        point[1] = "NaN"
    return answer


async def test_answers_of_nan_open_no_gate_and_fail_none(journey: Gated) -> None:
    soon: list[Object] = [{"weight": 50, "bake": "3s", "timeBox": "5s"}]
    await journey.begin_judged(*journey.shop.by_role("v2"), steps=soon, progressDeadline="10s")
    async with journey.visited(RATE):
        await journey.pushed("v2")
        journey.door.behave = lambda form: (form, not_a_number)
        status = await journey.until("paused", lambda s: s.phase is Phase.PAUSED)
        print(journey.told(status))
        assert status.stage.split.canary == 50
        assert {v.outcome for v in status.attempt.verdicts} <= {Outcome.INCONCLUSIVE, Outcome.ERROR}
        journey.door.open()
        await journey.ask("resume")
        await journey.passed()
    print(journey.told(await journey.status()))


class Replicas:
    """Two behind one address, one of which answers; the second is ``behind`` by some seconds.

    ``loses``: whether it knows nothing of the canary besides.
    """

    def __init__(self, behind: float, *, loses: bool = False) -> None:
        self.behind, self.loses = behind, loses
        self._chance = random.Random(7)

    def behave(self, form: Form) -> tuple[Form, Spoil]:
        if self._chance.random() < 0.5:
            return honest(form)
        return later(form, -self.behind), self._lag

    def _lag(self, answer: Answer) -> Answer:
        """The times are those that were asked for: a replica does not know that it lags."""
        for point in points(answer):
            point[0] += self.behind
        if self.loses and answer["status"] == "success":
            answer["data"]["result"] = [
                series
                for series in answer["data"]["result"]
                if "v2" not in series["metric"].get("destination_workload", "")
            ]
        return answer


@pytest.mark.parametrize(
    ("replicas", "error_rate"),
    [
        (Replicas(1), "0"),
        (Replicas(3), "0"),
        (Replicas(1, loses=True), "0"),
        (Replicas(3), "0.03"),
    ],
    ids=["good-1s", "good-3s", "good-without-canary", "bad-3s"],
)
async def test_replicas_that_disagree_mislead_nobody(
    journey: Gated, replicas: Replicas, error_rate: str
) -> None:
    canary = journey.shop.deployment("v2", error_rate=error_rate)
    await journey.begin_judged(*journey.shop.by_role(), canary, steps=LONG)
    async with journey.visited(RATE):
        journey.door.behave = replicas.behave
        took = await journey.pushed("v2")
        status: RolloutStatus
        if error_rate == "0":
            status = await journey.passed(50)
        else:
            status = await journey.withdrawn()
        print(f"after {took():.1f} s")
    print(journey.told(status))
    said = verdict(status, "errors")
    await journey.confirm(said, behind=timedelta(seconds=replicas.behind))
