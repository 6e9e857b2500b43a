"""A cluster for commands: the lab's API server in a process of its own, with our CRDs."""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from rollout.cli import exits, main
from rollout.errors import RolloutError
from rollout.lab.apiserver.server import kubeconfig
from rollout.lab.kube.client import CRD, Kind, Kube
from rollout.lab.programs import processes
from rollout.manifest import definition, schema

Run = Callable[..., Result]
Put = Callable[..., None]
ROLLOUT = Kind("rollout.dev", "v1alpha1", "rollouts", "Rollout")


@pytest.fixture(scope="session")
def api() -> Iterator[str]:
    """The URL of an API server that serves our kinds."""
    command = processes.mortal("api", (sys.executable, "-m", "rollout.lab.apiserver"))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        asyncio.run(_with_crds(url))
        yield url
        server.terminate()


async def _with_crds(url: str) -> None:
    kube = Kube(url)
    for kind in schema.KINDS.values():
        await kube.apply(definition.crd(kind))
    await kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    for _ in range(10_000):
        found, _ = await kube.list(CRD)
        if all((obj.get("status") or {}).get("conditions") for obj in found):
            break
        await asyncio.sleep(0.02)
    await kube.close()


@pytest.fixture
def config(api: str, tmp_path: Path) -> Path:
    """A kubeconfig for that server."""
    path = tmp_path / "kubeconfig"
    path.write_text(kubeconfig(api))
    return path


@pytest.fixture
def run(config: Path) -> Run:
    """Runs a command as ``main`` does, against that server."""

    def run(*words: str, cluster: bool = True) -> Result:
        before = ("--kubeconfig", str(config)) if cluster else ()
        result = CliRunner().invoke(main.app, [*before, *words])
        if isinstance(result.exception, RolloutError):
            result.exit_code = int(exits.of(result.exception))
        return result

    return run


@pytest.fixture
def put(api: str) -> Iterator[Put]:
    """Puts a Rollout with a status there; it is gone after the test."""
    names: list[str] = []

    def put(spec: dict[str, Any], status: dict[str, Any], name: str = "reviews") -> None:
        names.append(name)
        asyncio.run(_put(api, name, spec, status))

    yield put
    for name in names:
        asyncio.run(_delete(api, name))


async def _put(url: str, name: str, spec: dict[str, Any], status: dict[str, Any]) -> None:
    obj = {
        "apiVersion": "rollout.dev/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": spec,
    }
    kube = Kube(url)
    kind = ROLLOUT
    await kube.create(kind, obj)
    await kube.patch(kind, "shop", name, {"status": status}, "status")
    await kube.close()


async def _delete(url: str, name: str) -> None:
    kube = Kube(url)
    await kube.delete(ROLLOUT, "shop", name)
    await kube.close()
