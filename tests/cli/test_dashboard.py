"""`rollout dashboard` as a person starts it: a page of one's own, and of nobody else."""

import asyncio
import json
import re
import signal
import sys
from pathlib import Path

import aiohttp

from rollout.controller.seeing import concerns
from rollout.edges.kube import Kube
from rollout.lab.apiserver.server import ApiServer
from rollout.manifest import definition, objects, schema
from rollout.web.page.people import TOKEN
from tests.ports.conftest import api, listed
from tests.ports.test_kube import a_rollout


async def test_the_printed_address_has_a_key_and_with_it_one_reads_and_asks(tmp_path: Path) -> None:
    server = ApiServer()
    url = await server.start()
    config = tmp_path / "kubeconfig"
    config.write_text(server.kubeconfig())
    async with Kube(api(url), concerns.of) as kube:
        for kind in schema.KINDS.values():
            await kube.create(definition.crd(kind))
        await listed(kube, "Rollout")
        await kube.create(a_rollout("default"))
        started = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "rollout", "--kubeconfig", config),
            "dashboard",
            stderr=asyncio.subprocess.PIPE,
        )
        assert started.stderr is not None
        printed = (await started.stderr.readuntil(b"Ctrl-C")).decode()
        found = re.search(r"(http://127\.0\.0\.1:\d+)/#key=(\S+)", printed)
        assert found is not None, printed
        text = await _pause(found[1], found[2])
        started.send_signal(signal.SIGINT)
        assert await started.wait() == 0
        obj = await kube.fetch("Rollout", "default", "shop")
    await server.stop()
    assert text == "shop"
    assert obj is not None
    assert obj["metadata"]["annotations"][objects.REQUEST].startswith("pause@")


async def _pause(address: str, key: str) -> str:
    """The one Rollout's name, once somebody with the key has read it and asked it to pause."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(address, cookie_jar=jar) as http:
        async with http.get("/api/lines") as answer:
            assert answer.status == 401
        async with http.post("/api/session", json={"secret": key}) as answer:
            headers = {TOKEN: (await answer.json())["token"]}
        async with http.get("/api/lines") as answer:
            while not (line := (await answer.content.readline()).decode()).startswith("data: {"):
                pass
            (shown,) = json.loads(line.removeprefix("data: "))["lines"]
        asked = {"kind": "rollout", "namespace": "default", "name": "shop", "verb": "pause"}
        async with http.post("/api/ask", json=asked, headers=headers) as answer:
            assert answer.status == 202
    return str(shown["name"])
