"""The doors that read the past: a backtest, and a plan's forecast, from the lab's Prometheus."""

import asyncio
import json
import sys
from pathlib import Path

import pytest
import yaml

from rollout.lab.kube.client import Object
from tests.lab.gates.harness import Gated
from tests.lab.journeys.harness import ROLLOUT

pytestmark = [pytest.mark.lab, pytest.mark.long, pytest.mark.asyncio(loop_scope="session")]

STEPS: list[Object] = [{"weight": 40, "bake": "3s", "timeBox": "10s"}]


async def rollout(journey: Gated, *words: object) -> str:
    """What the command line answers."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "rollout", "--kubeconfig", journey.world.kubeconfig),
        *map(str, words),
        *("--prometheus", journey.world.prometheus_url),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complained = await process.communicate()
    assert process.returncode == 0, complained.decode()
    return said.decode()


async def test_a_backtest_sends_back_nothing_of_a_quiet_past(
    journey: Gated, tmp_path: Path
) -> None:
    shop = journey.shop
    others = [obj for obj in shop.by_role() if obj["kind"] != "Deployment"]
    await journey.begin_judged(*others, shop.deployment("v1", replicas=4), steps=STEPS)
    asked = ("backtest", "shop", "-n", shop.namespace, "--past", "18s", "--every", "2s")
    async with journey.visited(200, 20):
        told = json.loads(await rollout(journey, *asked, "-o", "json"))
        print(json.dumps(told, indent=1)[:1500])
        print(await rollout(journey, *asked))
        file = tmp_path / "rollout.yaml"
        file.write_text(yaml.safe_dump(await as_pushed(journey)))
        planned = await rollout(journey, "plan", file, "--cluster", "--brief")
    print(planned)
    assert told["pods"] == 4
    assert len(told["releases"]) >= 3
    assert {r["ended"] for r in told["releases"]} <= {"promoted", "not over yet"}
    assert "canary requests in 10s" in planned


async def as_pushed(journey: Gated) -> Object:
    """The Rollout as its author has it."""
    found = await journey.read(ROLLOUT)
    meta = {key: found["metadata"][key] for key in ("name", "namespace")}
    return {"apiVersion": found["apiVersion"], "kind": "Rollout", "metadata": meta} | {
        "spec": found["spec"]
    }
