"""A real client-go program against the lab's server: all that a controller in Go does first.

The first build downloads client-go and takes minutes; Go keeps it for the next time.
"""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from rollout.lab.apiserver.server import ApiServer, Settings
from rollout.lab.apiserver.wire.access import User
from rollout.lab.kube import crds

PROGRAM = Path(__file__).parent / "clientgo"

pytestmark = [
    pytest.mark.lab,
    pytest.mark.long,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(shutil.which("go") is None, reason="no go on PATH to build client-go with"),
]


async def run(*words: str, folder: Path) -> str:
    child = await asyncio.create_subprocess_exec(
        *words, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    output, complaints = await child.communicate()
    assert child.returncode == 0, complaints.decode()[-3000:]
    return output.decode()


def holds(sent: Any, got: Any) -> bool:
    """Whether all that was ``sent`` is in what was ``got``; the server may have added to it."""
    if isinstance(sent, dict):
        some = {key: value for key, value in sent.items() if value not in (None, {}, [])}
        return all(key in got and holds(value, got[key]) for key, value in some.items())
    if isinstance(sent, list):
        return len(sent) == len(got) and all(map(holds, sent, got))
    return bool(sent == got)


async def test_a_controller_in_go_leads_watches_creates_and_records(tmp_path: Path) -> None:
    program, config = tmp_path / "probe", tmp_path / "kubeconfig"
    await run("go", "build", "-o", str(program), ".", folder=PROGRAM)
    server = ApiServer(Settings(tls=True))
    await server.start()
    server.access.tokens["secret"] = User("probe")
    for definition in crds.istio():
        server.store.create("customresourcedefinitions.apiextensions.k8s.io", definition)
    config.write_text(server.kubeconfig("secret"))
    try:
        output = await run(str(program), str(config), folder=tmp_path)
    finally:
        await server.stop()
    steps = {each["step"]: each["what"] for each in map(json.loads, output.splitlines())}
    sent = {step: what for step, what in steps.items() if isinstance(what, dict)}
    assert [step for step, what in sent.items() if not holds(what["sent"], what["got"])] == []
    assert set(sent) == {
        *("ReplicaSet", "Pod", "Service", "Job", "Ingress", "EndpointSlice"),
        *("HorizontalPodAutoscaler", "PodDisruptionBudget"),
    }
    del steps["server"]
    assert {step: what for step, what in steps.items() if step not in sent} == {
        "leads": "me",
        "given up": "",
        "watches": 10,
        "owner": "conf",
        "Scale": 1,
        "Update": "b",
        "UpdateStatus": True,
        "Delete": 0,
        "Event": "probe",
        "VirtualService": [f"networking.istio.io/{v}" for v in ("v1alpha3", "v1beta1", "v1")],
    }
