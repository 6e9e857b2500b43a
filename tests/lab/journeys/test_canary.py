"""Canary steps on a real Envoy: shares, cohorts, promotion and the ways back."""

import asyncio
import sys

import pytest

from rollout.lab.kube.client import DEPLOYMENT
from rollout.model.status import Phase, Stage
from tests.lab.journeys.harness import LIMITED, Journey, within
from tests.lab.journeys.shop import asked, canary

pytestmark = [pytest.mark.lab, pytest.mark.long, pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.short
async def test_each_step_sends_its_share_and_the_last_everyone(journey: Journey) -> None:
    steps = canary(asked(weight=5), asked(weight=20), asked(weight=40))
    await journey.begin(*journey.shop.by_role("v2"), strategy=steps)
    before = await journey.mesh()
    await journey.push("v2")
    for index, share in enumerate((0.05, 0.20, 0.40)):
        await journey.at_step(index)
        tally = await journey.visit(1500)
        print(f"step {index}: {tally.share('v2'):.4f} asked {share}")
        assert tally.failures == 0
        assert within(tally, "v2", share)
        await journey.ask("approve")
    await journey.promoted("v2")
    assert (await journey.visit(200)).versions == {"v2": 200}
    await journey.given_back(before, "v2")


@pytest.mark.short
async def test_a_bad_release_goes_back_and_a_held_one_stays_as_asked(journey: Journey) -> None:
    """First with ``onFailure: hold``, where a person decides; then as by default."""
    bad = journey.shop.deployment("v2", error_rate="0.5")
    steps = canary({"weight": 20, "bake": "10s", "timeBox": "20s"})
    judged = {"interval": "1s", "warmup": "1s"}
    await journey.begin(
        *journey.shop.by_role(), bad, strategy=steps, analysis=judged, onFailure="hold"
    )
    async with journey.load(100):
        await journey.push("v2")
        held = await journey.until("held", lambda s: s.phase is Phase.PAUSED)
        assert held.because.startswith("failed, held as asked: errors: canary")
        assert within(await journey.visit(500), "v2", 0.2)
        await journey.change({"spec": {"onFailure": "rollback"}})
        done = await journey.rejected("v2")
    print(done.because)
    assert (await journey.visit(100)).versions == {"v1": 100}


async def test_the_old_version_is_kept_while_the_promoted_one_bakes(journey: Journey) -> None:
    steps = canary({"weight": 50, "bake": "1s", "timeBox": "6s"}, bakeAfterPromotion="60s")
    managed = {"deployments": "shop-{revision}", "scale": "managed", "drain": "1s"}
    await journey.begin(
        *journey.shop.by_role("v2"), strategy=steps, analysis=LIMITED, workload=managed
    )
    async with journey.load(100):
        await journey.push("v2")
        await journey.until("baking", lambda s: s.stage.name is Stage.BAKING, 40)
        assert (await journey.visit(100)).versions == {"v2": 100}
        journey.world.set_faults(journey.shop.namespace, "shop-v2", error_rate=0.5)
        done = await journey.rejected("v2")
    print(done.because)
    assert (await journey.visit(100)).versions == {"v1": 100}
    assert (await journey.read(DEPLOYMENT, "shop-v1"))["spec"]["replicas"] == 2


async def test_the_cli_approves_and_the_journey_goes_on(journey: Journey) -> None:
    steps = canary(asked(weight=20), asked(weight=60))
    await journey.begin(*journey.shop.by_role("v2"), strategy=steps)
    await journey.push("v2")
    await journey.at_step(0)
    command = (
        *(sys.executable, "-m", "rollout", "--kubeconfig", str(journey.world.kubeconfig)),
        *("approve", "shop", "-n", journey.shop.namespace),
    )
    cli = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    said = (await cli.communicate())[1].decode()
    assert (cli.returncode, said) == (0, "shop: approved by system:lab (unverified)\n")
    await journey.at_step(1)
    assert within(await journey.visit(500), "v2", 0.6)


@pytest.mark.short
async def test_a_deleted_rollout_gives_the_routes_back_byte_for_byte(journey: Journey) -> None:
    await journey.begin(*journey.shop.by_role("v2"), strategy=canary(asked(weight=40)))
    before = await journey.mesh()
    await journey.push("v2")
    await journey.at_step(0)
    assert await journey.mesh() != before
    async with journey.load(100) as people:
        await journey.deleted()
        await asyncio.sleep(0.5)
        assert people.tally.failures == 0
    assert await journey.mesh() == before
    assert (await journey.visit(100)).versions == {"v1": 100}


STAGES = [
    Stage.PREPARING, Stage.STEPPING, Stage.SWITCHING, Stage.BAKING, Stage.REPOINTING,
    Stage.RETURNING, Stage.RETIRING, Stage.WITHDRAWING,
]  # fmt: skip


@pytest.mark.parametrize("stages", [STAGES[:4], STAGES[4:]], ids=["early", "late"])
async def test_a_newer_push_wins_whatever_stage_it_meets(
    journey: Journey, stages: list[Stage]
) -> None:
    """One rollout a stage, side by side; v3 ends with everyone, and no request is lost."""
    await asyncio.gather(*(_pushed_at(journey.beside(stage.lower()), stage) for stage in stages))


async def _pushed_at(journey: Journey, stage: Stage) -> None:
    steps = canary({"weight": 50, "bake": "1s"}, bakeAfterPromotion="2s")
    if stage is Stage.WITHDRAWING:
        steps = canary(asked(weight=50))
    await journey.begin(*journey.shop.by_role("v2", "v3"), strategy=steps)
    async with journey.load(20) as people:
        await journey.push("v2")
        if stage is Stage.WITHDRAWING:
            await journey.at_step(0)
            await journey.ask("abort")
        met = await journey.until(f"at {stage}", lambda s: s.stage.name is stage)
        if stage is Stage.WITHDRAWING:
            await journey.change({"spec": {"strategy": canary({"weight": 50, "bake": "1s"})}})
        await journey.push("v3")
        await journey.promoted("v3", 40)
        print(f"{stage}: {people.tally.statuses} {dict(people.tally.versions)}")
        assert people.tally.failures == 0
    assert met.stage.name is stage
    assert (await journey.visit(50)).versions == {"v3": 50}
    await journey.ended()
