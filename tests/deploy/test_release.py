"""From an empty cluster to a release and back, under the account and in the pods it describes."""

import asyncio
import contextlib
import json
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
import yaml

from rollout.cli.installing.workload import Installation
from rollout.lab.kube.client import Kind
from rollout.lab.programs.gitserver import GitServer
from tests.cluster import journeys, objects, played
from tests.cluster.conftest import Control
from tests.cluster.journeys import Scene, comes
from tests.deploy import charts, programs
from tests.deploy.charts import OWN, Helm, Json, one
from tests.deploy.pods import Runtime, wheel

pytestmark = [pytest.mark.envtest, pytest.mark.timeout(3600)]

SPACE = "shop"
APPROVED = [
    {"weight": 20, "bake": "1s"},
    {"weight": 50, "bake": "1s", "approval": {"approvers": ["kubernetes"]}},
    {"weight": 80, "bake": "1s"},
]


@pytest.fixture
async def runtime(cluster: Control, tmp_path: Path) -> Runtime:
    folder = tmp_path / "built"
    folder.mkdir()
    return Runtime(await programs.bubblewrap(), wheel(folder), tmp_path, cluster)


@dataclass(frozen=True)
class Admin:
    """kubectl, helm and our own command, with the administrator's kubeconfig."""

    control: Control
    folder: Path

    @property
    def config(self) -> Path:
        return self.control.kubeconfig(self.folder / "admin", self.control.real.token)

    def kubectl(self, *words: str, stdin: str = "") -> str:
        return self._run(str(Path(sys.executable).with_name("kubectl")), *words, stdin=stdin)

    def helm(self, *words: str, values: Json | None = None) -> str:
        given = ["--values", "-"] if values is not None else []
        return self._run(
            str(programs.built(programs.HELM)), *words, *given, stdin=json.dumps(values or {})
        )

    def rollout(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "rollout", "--kubeconfig", str(self.config), *words]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def _run(self, program: str, *words: str, stdin: str) -> str:
        command = [program, f"--kubeconfig={self.config}", *words]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


async def known(control: Control, release: list[Json]) -> list[Json]:
    """Those of the API server's own kinds: ``policy/v1`` came with Kubernetes 1.21."""
    budgets = Kind("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget")
    there = await played.serves(control.kube, budgets)
    return [obj for obj in release if there or obj["kind"] != "PodDisruptionBudget"]


def assert_same(compared: subprocess.CompletedProcess[str], applied: list[Json]) -> None:
    """What was applied is as it is; what the server does not know is yet to be made."""
    missing = 0 if any(obj["kind"] == "PodDisruptionBudget" for obj in applied) else 1
    told = f"{missing} to create, 0 to change, {len(applied)} as they are\n"
    assert (compared.returncode, compared.stderr) == (missing, told), compared.stdout
    assert [line for line in compared.stdout.splitlines() if line.startswith("-")] == (
        ["--- /dev/null"] * missing
    )


def settings(control: Control) -> Installation:
    policy = yaml.safe_dump({"localGit": True, "webhooks": [control.mesh]})
    syncz = f"{control.mesh}/debug/syncz"
    return Installation(prometheus=control.mesh, istiod=syncz, policy=policy)


def values(control: Control) -> Json:
    told = settings(control)
    said = {"prometheus": told.prometheus, "istiod": told.istiod}
    return {"settings": said, "policy": yaml.safe_load(told.policy)}


async def admitted(control: Control, replicas: int) -> None:
    """So many pods of the Deployment are there, past what pod security lets in."""

    async def true() -> bool:
        found = [o for o in await control.listed("Pod") if o["metadata"]["namespace"] == OWN]
        return (
            len([pod for pod in found if not pod["metadata"].get("deletionTimestamp")]) == replicas
        )

    await comes(true, lambda: control.listed("Pod"))


def splits(status: Json) -> list[str]:
    """Where ordinary requests went, decision by decision."""
    return [split for split, _ in groupby(str(entry["split"]) for entry in status["history"])]


async def shares(scene: Scene, name: str) -> list[int]:
    http = (await scene.read("VirtualService", name))["spec"]["http"]
    return [side.get("weight", 100) for side in http[0]["route"]]


def refused(control: Control) -> list[Any]:
    return [entry for entry in control.audited() if entry["responseStatus"]["code"] == 403]


@pytest.mark.long
@pytest.mark.parametrize(
    "how", [pytest.param("install", marks=pytest.mark.short), pytest.param("helm template")]
)
async def test_a_journey_of_each_strategy_under_what_is_installed_and_nothing_hangs_when_it_goes(
    cluster: Control, runtime: Runtime, tmp_path: Path, how: str
) -> None:
    """Two pods as the Deployment says: user 65532, read-only root, the account's own token."""
    admin = Admin(cluster, tmp_path)
    if how == "install":
        told = settings(cluster)
        words = ("--prometheus", told.prometheus, "--istiod", told.istiod)
        (tmp_path / "policy.yaml").write_text(told.policy)
        printed = admin.rollout("install", *words, "--policy", str(tmp_path / "policy.yaml")).stdout
    else:
        await cluster.apply(objects.namespace(OWN))
        printed = yaml.safe_dump_all(Helm.at(4).rendered(values(cluster)))
    release = await known(cluster, list(yaml.safe_load_all(printed)))
    printed = yaml.safe_dump_all(release)
    admin.kubectl("apply", "--server-side", "-f", "-", stdin=printed)
    deployment, config = one(release, "Deployment"), one(release, "ConfigMap")
    await admitted(cluster, 2)
    scene, held = Scene(cluster, SPACE, tmp_path), "held"
    await cluster.apply(objects.namespace(SPACE))
    token = await cluster.token()
    with contextlib.ExitStack() as pods:
        for _ in range(2):
            pod = pods.enter_context(runtime.pod(deployment, config, token))
            assert await pod.until_ready() == "ok\n", pod.log.read_text()
        async with gitserver(tmp_path) as git, asyncio.TaskGroup() as ways:
            for run in (journeys.canary, journeys.dark, journeys.blue_green):
                ways.create_task(run(scene))
            ways.create_task(journeys.sourced(scene, git))
            ways.create_task(stopped(scene, held))
        if how == "install":
            again = (*words, "--policy", str(tmp_path / "policy.yaml"))
            assert_same(admin.rollout("install", "--diff", *again), release)
            led = admin.rollout("uninstall")
            assert (led.returncode, "a replica leads" in led.stderr) == (1, True), led.stderr
        admin.kubectl("delete", "rlo", "-n", SPACE, "canary", "dark", "preview")
    assert refused(cluster) == []
    await lease_over(admin)
    let_go = admin.rollout("uninstall")
    stays = f"rollout {SPACE}/{held}: in a journey; 50% stay with the canary\n"
    assert let_go.stdout == f"{stays}rollout {SPACE}/sourced\n"
    admin.kubectl("delete", "--wait=false", "-f", "-", stdin=printed)
    await gone(cluster, release)
    assert await shares(scene, held) == [50, 50]
    assert await shares(scene, "canary") == [100]


@contextlib.asynccontextmanager
async def gitserver(folder: Path) -> AsyncIterator[str]:
    """Where the repositories of ``folder`` are read over HTTP."""
    server = GitServer(folder)
    await server.start()
    try:
        yield server.url
    finally:
        await server.stop()


LOOKS_AROUND = """
import json, os, ssl, stat, urllib.error, urllib.request
found = []
for folder, _, names in os.walk("/"):
    for name in names:
        path = os.path.join(folder, name)
        try:  # a terminal and /proc/kmsg would be waited for
            if stat.S_ISREG(os.stat(path).st_mode):
                with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb", 0) as file:
                    if %r[::-1] in (file.read(1 << 20) or b""):
                        found.append(path)
        except OSError:
            pass
url = "https://{KUBERNETES_SERVICE_HOST}:{KUBERNETES_SERVICE_PORT}/".format(**os.environ)
codes = []
for path in ("api/v1/namespaces/shop/secrets", "apis/rollout.dev/v1alpha1/rollouts"):
    try:
        urllib.request.urlopen(url + path, context=ssl._create_unverified_context())
        codes.append(200)
    except urllib.error.HTTPError as error:
        codes.append(error.code)
print(json.dumps({"found": found, "codes": codes, "user": os.getuid()}))
"""


@pytest.mark.long
async def test_whoever_takes_over_the_reader_of_git_finds_no_token_and_may_nothing(
    cluster: Control, runtime: Runtime
) -> None:
    """Files of every kind are searched, those of /proc, too; beside it, where the token is."""
    await cluster.apply(objects.namespace(OWN), *Installation().manifests()[1:4])
    deployment, token = one(Installation().manifests(), "Deployment"), await cluster.token()
    looks = LOOKS_AROUND % token.encode()[::-1]  # its own command line is a file, too
    told = runtime.inside("git-reader", deployment, token, looks)
    assert told == {"found": [], "codes": [403, 403], "user": 65533}
    told = runtime.inside("rollout", deployment, token, looks)
    assert told["found"] == ["/var/run/secrets/kubernetes.io/serviceaccount/token"]


async def stopped(scene: Scene, name: str) -> None:
    """A journey that stands at 50 %."""
    await scene.shop(name, strategy={"canary": {"steps": APPROVED[1:]}})
    await scene.push(name, revision="v2")
    await scene.moves(name)


async def lease_over(admin: Admin) -> None:
    """No replica leads any more; who ends gives its Lease back."""

    async def true() -> bool:
        return admin.rollout("uninstall", "--dry-run").returncode == 0

    await comes(true, lambda: admin.control.read("Lease", OWN, "rollout-controller"))


async def gone(control: Control, release: Sequence[Json]) -> None:
    """Not one of the kinds is there, so that no object of theirs waits for anybody."""
    crds = [obj for obj in release if obj["kind"] == "CustomResourceDefinition"]
    kind = Kind("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CRD", namespaced=False)
    names = {crd["metadata"]["name"] for crd in crds}

    async def true() -> bool:
        there, _ = await control.kube.list(kind)
        return not names & {crd["metadata"]["name"] for crd in there}

    async def what() -> Any:
        return (await control.kube.list(kind))[0]

    assert len(names) == 5
    await comes(true, what)


@pytest.mark.long
async def test_a_release_is_upgraded_in_mid_journey_and_no_step_is_lost_then_uninstalled(
    cluster: Control, runtime: Runtime, tmp_path: Path
) -> None:
    admin, scene = Admin(cluster, tmp_path), Scene(cluster, SPACE, tmp_path)
    await cluster.apply(objects.namespace(SPACE))
    install = ("upgrade", "--install", "--create-namespace", "-n", OWN, "rollout")
    admin.helm(*install, str(charts.CHART), values=values(cluster))
    deployment, config = [await stored(cluster, kind) for kind in ("Deployment", "ConfigMap")]
    token = await cluster.token()
    strategy = {"canary": {"steps": APPROVED}}
    with runtime.pod(deployment, config, token) as old:
        assert await old.until_ready() == "ok\n", old.log.read_text()
        for name in ("before", "across"):
            await scene.shop(name, strategy=strategy)
            await scene.push(name, revision="v2")
            await waits(scene, name)
        await scene.asks("before", "skip")
        await scene.rests("before", 1, "v2")
        newer = later_version(tmp_path, "0.9.9")
        admin.helm(*install, str(newer), values=values(cluster))
        image = (await stored(cluster, "Deployment"))["spec"]["template"]["spec"]["containers"][0]
        assert image["image"].endswith(":0.9.9")
    # A rolling update ends one pod and starts another, in whichever order.
    deployment, config = [await stored(cluster, kind) for kind in ("Deployment", "ConfigMap")]
    with runtime.pod(deployment, config, token) as new:
        assert await new.until_ready() == "ok\n", new.log.read_text()
        await scene.asks("across", "skip")
        await scene.rests("across", 1, "v2")
    assert splits(await scene.status("across")) == splits(await scene.status("before"))
    assert refused(cluster) == []
    admin.helm("uninstall", "rollout", "-n", OWN)
    assert await scene.is_there("Rollout", "across"), "our kinds outlive the release"
    await lease_over(admin)
    admin.rollout("uninstall")
    admin.kubectl("delete", "rlo", "--all", "-n", SPACE, "--timeout=60s")
    subset = (await scene.read("VirtualService", "across"))["spec"]["http"][0]["route"]
    assert [side["destination"]["subset"] for side in subset] == ["v2"]


async def stored(control: Control, kind: str) -> Json:
    return await control.read(kind, OWN, "rollout")


async def waits(scene: Scene, name: str) -> None:
    """For its approval at 50 %."""

    async def true() -> bool:
        return await shares(scene, name) == [50, 50]

    await comes(true, lambda: scene.status(name))


def later_version(folder: Path, version: str) -> Path:
    """The chart as its next version."""
    chart = folder / "chart"
    shutil.copytree(charts.CHART, chart)
    file = chart / "Chart.yaml"
    said = yaml.safe_load(file.read_text())
    file.write_text(yaml.safe_dump({**said, "version": version, "appVersion": version}))
    return chart
