"""HTTP gates on a real journey: a real TLS server is asked, and checks who asks by openssl."""

import asyncio
import base64
import json
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from rollout.cli.lab import up as cli
from rollout.lab.kube.client import Kind
from rollout.model.status import Phase, Stage
from tests.edges import gateserver
from tests.edges.gateserver import Asked, Gate
from tests.lab.journeys.harness import LIMITED, Journey, Lab, until
from tests.lab.journeys.shop import Shop, canary

pytestmark = [pytest.mark.lab, pytest.mark.long, pytest.mark.asyncio(loop_scope="session")]

SECRET = Kind("", "v1", "secrets", "Secret")
KEY = "correct-horse-battery-staple"


@pytest_asyncio.fixture(loop_scope="session")
async def gate(tmp_path: Path) -> AsyncIterator[Gate]:
    """A server with a certificate that only the Secret's ``ca.crt`` vouches for."""
    context = gateserver.served_with(gateserver.certificate(tmp_path))
    async with gateserver.gate(context) as served:
        served.json('{"verdict": "hold", "because": "0 of 3 checks"}')
        yield served


async def keys(journey: Journey, tmp_path: Path) -> None:
    """The Secret that the step names; with the Service its namespace is there."""
    entries = {"key": KEY, "ca.crt": (tmp_path / "cert.pem").read_text()}
    data = {name: base64.b64encode(value.encode()).decode() for name, value in entries.items()}
    meta = {"name": "qa", "namespace": journey.shop.namespace}
    await journey.world.apply(journey.shop.service())
    await journey.world.kube.create(SECRET, {"metadata": meta, "data": data})


def hooked(served: Gate) -> dict[str, Any]:
    """A step at 20 % that stays until the gate opens."""
    hook = {"name": "qa", "url": served.url, "secretRef": {"name": "qa"}, "interval": "1s"}
    return {"weight": 20, "bake": "0s", "timeBox": "1m", "webhook": hook | {"timeout": "2s"}}


def asked_often(served: Gate) -> Callable[[], Awaitable[bool]]:
    async def so() -> bool:
        return len(served.seen) > 2

    return so


def signed(asked: Asked) -> bool:
    """Whether the header's signature is the HMAC that openssl makes of what came in."""
    at, made = asked.headers["x-rollout-signature"].split(",")
    text = at.removeprefix("t=").encode() + b"." + asked.body
    command = ["openssl", "dgst", "-sha256", "-hmac", KEY]
    told = subprocess.run(command, input=text, capture_output=True, check=True).stdout
    return made == f"v1={told.decode().split()[-1]}"


async def test_a_release_waits_for_its_gate_and_goes_on_when_it_opens(
    journey: Journey, gate: Gate, tmp_path: Path
) -> None:
    await keys(journey, tmp_path)
    await journey.begin(*journey.shop.by_role("v2"), strategy=canary(hooked(gate)))
    async with journey.load(100) as people:
        await journey.push("v2")
        status = await journey.at_step(0)
        await until("it is asked again", asked_often(gate))
        await asyncio.sleep(3)
        assert (await journey.status()).stage.name is Stage.STEPPING
        gate.json('{"verdict": "open", "because": "3 of 3 checks"}')
        await journey.promoted("v2")
        assert people.tally.failures == 0
    bodies = [json.loads(asked.body) for asked in gate.seen]
    print(f"asked {len(bodies)} times: {bodies[-1]}")
    assert len(bodies) >= 4
    assert all(signed(asked) for asked in gate.seen)
    assert len({body["nonce"] for body in bodies}) == 1
    assert {key: bodies[-1][key] for key in ("namespace", "rollout", "revision", "weight")} == {
        "namespace": journey.shop.namespace,
        "rollout": "shop",
        "revision": "v2",
        "weight": 20,
    }
    assert bodies[-1]["attempt"] == status.attempt.number
    because = [entry.evidence for entry in (await journey.status()).history]
    assert any("webhook qa says open: 3 of 3 checks" in each for each in because)


async def test_a_gate_that_says_failed_brings_everyone_back(
    journey: Journey, gate: Gate, tmp_path: Path
) -> None:
    await keys(journey, tmp_path)
    await journey.begin(*journey.shop.by_role("v2"), strategy=canary(hooked(gate)))
    before = await journey.mesh()
    await journey.push("v2")
    await journey.at_step(0)
    gate.json('{"verdict": "failed", "because": "checkout is broken"}')
    status = await journey.rejected("v2")
    assert status.rejected is not None
    assert status.rejected.because == "webhook qa says failed: checkout is broken"
    assert (await journey.visit(100)).versions == {"v1": 100}
    await journey.given_back(before, "v1")


async def test_a_gate_that_hangs_holds_and_does_not_delay_the_way_back(
    journey: Journey, gate: Gate, tmp_path: Path
) -> None:
    """Errors are found while a slow loris is being asked; stable has everyone in seconds."""
    await keys(journey, tmp_path)
    bad = journey.shop.deployment("v2", error_rate="0.5")
    step = hooked(gate) | {"bake": "1m"}
    step["webhook"] |= {"timeout": "60s"}
    gate.pause = 5.0
    await journey.begin(*journey.shop.by_role(), bad, strategy=canary(step), analysis=LIMITED)
    async with journey.load(100):
        await journey.push("v2")
        await journey.rejected("v2")
    assert len(gate.seen) == 1
    assert (await journey.visit(100)).versions == {"v1": 100}


@pytest.mark.timeout(240)  # a sentence alone is refreshed once a minute
async def test_a_wrong_key_or_none_is_said_and_holds(
    journey: Journey, gate: Gate, tmp_path: Path
) -> None:
    await journey.begin(*journey.shop.by_role("v2"), strategy=canary(hooked(gate)))
    await journey.push("v2")
    await journey.at_step(0)
    await journey.until("it is said", lambda s: "secret qa is missing" in s.because, 70)
    assert gate.seen == []
    gate.says = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"
    await keys(journey, tmp_path)
    await journey.until("it is asked", lambda s: "is the key right" in s.because, 70)
    gate.json('{"verdict": "open"}')
    await journey.promoted("v2", 70)


async def test_a_killed_controller_asks_the_very_same_question_again(
    gate: Gate, tmp_path: Path
) -> None:
    async with cli.world() as (world, controller):
        assert controller is not None
        journey = Journey(Lab(world, controller), Shop("killed"))
        await keys(journey, tmp_path)
        await journey.begin(*journey.shop.by_role("v2"), strategy=canary(hooked(gate)))
        await journey.push("v2")
        await until("it is asked again", asked_often(gate))
        before = len(gate.seen)
        os.kill(controller.pid, signal.SIGKILL)
        await controller.stop()
        gate.json('{"verdict": "open"}')
        again = await cli.start_controller(world)
        try:
            status = await journey.promoted("v2")
        finally:
            await again.stop()
    assert len(gate.seen) > before
    assert len({json.loads(asked.body)["nonce"] for asked in gate.seen}) == 1
    assert status.phase is Phase.HEALTHY
