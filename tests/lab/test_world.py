"""The world starts quickly, ends completely, and says what is missing."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import aiohttp
import pytest

from rollout.errors import OutsideError
from rollout.lab import sample
from rollout.lab.programs.processes import start
from rollout.lab.world import Settings, World

pytestmark = pytest.mark.lab

SCRIPT = """
import asyncio
from rollout.lab.world import World
async def main():
    async with World() as world:
        print(open("/proc/self/task/%d/children" % __import__("os").getpid()).read(), flush=True)
        await asyncio.sleep(60)
asyncio.run(main())
"""


async def test_nothing_is_left_of_a_lab_that_was_killed(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    lab = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", SCRIPT), stdout=asyncio.subprocess.PIPE, env=environment
    )
    assert lab.stdout is not None
    children = [int(each) for each in (await lab.stdout.readline()).split()]
    assert len(children) == 3  # shop, Envoy, Prometheus
    lab.send_signal(signal.SIGKILL)
    await lab.wait()
    for _ in range(10_000):
        if not any(_alive(each) for each in children):
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"still alive: {[each for each in children if _alive(each)]}")


async def test_everything_is_there_once_the_world_is(tmp_path: Path) -> None:
    async with World(Settings(folder=tmp_path)) as world, aiohttp.ClientSession() as http:
        for url in (world.syncz_url, f"{world.prometheus_url}/-/ready", f"{world.api_url}/readyz"):
            async with http.get(url) as answer:
                assert answer.status == 200
        assert all(world.addresses().values())


async def test_faults_can_be_set_over_http(world: World, http: aiohttp.ClientSession) -> None:
    url = f"{world.control_url}/faults"
    asked = {"namespace": "shop", "deployment": "shop-v2", "faults": {"eror-rate": 1}}
    async with http.post(url, json=asked) as answer:
        assert answer.status == 400
        assert "error_rate" in (await answer.json())["error"]
    async with http.post(url, json={**asked, "faults": {"error-rate": 1}}) as answer:
        assert await answer.json() == {"touched": 0}


async def test_objects_survive_in_the_data_file(tmp_path: Path) -> None:
    settings = Settings(folder=tmp_path, data=tmp_path / "objects.json", prometheus=False)
    async with World(settings) as world:
        await world.apply(*sample.shop(v1=100, v2=0))
        await world.serving(sample.HOST)
    async with World(settings) as world:
        await world.serving(sample.HOST)


async def test_a_missing_program_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutsideError, match="no-such-program is not there"):
        await start("envoy", ["no-such-program"], log=tmp_path / "log")


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
