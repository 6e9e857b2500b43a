"""The board's queries, asked of a real Prometheus that scrapes a controller at work."""

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import pytest
import yaml

from rollout.cli.manifests import rbac
from rollout.lab.programs import prometheus
from rollout.lab.programs.processes import free_port, mortal
from tests.cluster import journeys, objects
from tests.cluster.conftest import Control
from tests.cluster.journeys import Scene, comes
from tests.cluster.replica import replica
from tests.deploy.test_monitoring import BOARD

pytestmark = [pytest.mark.envtest, pytest.mark.long, pytest.mark.timeout(1800)]


def queries() -> dict[str, str]:
    """Each panel's queries for all namespaces, by the panel's title and the query's letter."""
    return {
        f"{panel['title']} {target['refId']}": target["expr"].replace("$namespace", ".*")
        for panel in BOARD["panels"]
        for target in panel.get("targets", ())
    }


@contextmanager
def scraping(program: Path, folder: Path, target: str) -> Iterator[str]:
    """The address of a Prometheus that reads ``target`` twice a second."""
    port = free_port()
    job = {"job_name": "rollout", "static_configs": [{"targets": [target]}]}
    config = {"global": {"scrape_interval": "500ms", "scrape_timeout": "500ms"}}
    (folder / "prometheus.yml").write_text(yaml.safe_dump({**config, "scrape_configs": [job]}))
    command = [
        *(str(program), f"--config.file={folder / 'prometheus.yml'}"),
        *(f"--storage.tsdb.path={folder / 'tsdb'}", f"--web.listen-address=127.0.0.1:{port}"),
    ]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(mortal("prometheus", command), stdout=log, stderr=log)
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()


async def empty(url: str) -> list[str]:
    """The queries that have no series for an answer, or none at all."""
    async with aiohttp.ClientSession() as http:

        async def answered(query: str) -> bool:
            try:
                async with http.get(f"{url}/api/v1/query", params={"query": query}) as answer:
                    said = await answer.json()
            except aiohttp.ClientError:
                return False
            return said["status"] == "success" and bool(said["data"]["result"])

        found = await asyncio.gather(*(answered(query) for query in queries().values()))
    return [name for name, there in zip(queries(), found, strict=True) if not there]


async def test_every_query_of_the_board_has_an_answer(control: Control, tmp_path: Path) -> None:
    """A release that reached everybody, one taken back, one that waits, and git as a source."""
    space = "board"
    await control.apply(objects.namespace(space))
    await control.granted(*rbac.manifests(space, rbac.OWN))
    config = control.kubeconfig(tmp_path / "config", await control.token())
    scene = Scene(control, space, tmp_path)
    program = await prometheus.program_path()
    with (
        replica(tmp_path, config, control.mesh, "-n", space) as process,
        scraping(program, tmp_path, process.address) as url,
    ):
        await process.until_ready()
        async with asyncio.TaskGroup() as ways:
            for way in (journeys.canary(scene), journeys.sourced(scene)):
                ways.create_task(way)
            ways.create_task(aborted(scene))
            ways.create_task(asking(scene, "waits"))

        async def all_answered() -> bool:
            return await empty(url) == []

        await comes(all_answered, lambda: empty(url))
    await control.revoked(*rbac.manifests(space, rbac.OWN))


async def asking(scene: Scene, name: str) -> None:
    """It stands at half of the requests, until a person says yes."""
    steps = [{"weight": 50, "bake": "1s", "approval": {"approvers": ["kubernetes"]}}]
    await scene.shop(name, strategy={"canary": {"steps": steps}})
    await scene.push(name, revision="v2")
    await scene.moves(name)


async def aborted(scene: Scene) -> None:
    await asking(scene, "aborted")
    await scene.asks("aborted", "abort")

    async def back() -> bool:
        return bool((await scene.status("aborted")).get("phase") == "Degraded")

    await comes(back, lambda: scene.status("aborted"))
