"""``lab``: the local world, with a controller of its own in a child process."""

import asyncio
import contextlib
import secrets
import sys
import webbrowser
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from rollout import yamltext
from rollout.cli import output, signals
from rollout.cli.lab import demo as demonstration
from rollout.cli.lab import meshdemo, showcase
from rollout.cli.lab import people as pulled
from rollout.cli.lab.liveness import alive
from rollout.cli.lab.push import Checkout
from rollout.errors import OutsideError
from rollout.lab.forge.server import Hook
from rollout.lab.kube.client import CRD, Kind
from rollout.lab.load import Ask
from rollout.lab.programs import processes
from rollout.lab.programs.processes import Child
from rollout.lab.slack.server import Slack
from rollout.lab.world import Settings, World
from rollout.manifest import definition, schema
from rollout.model.spec import GROUP, VERSION

SCRAPE = timedelta(seconds=1)
SOURCE = Kind(GROUP, VERSION, "rolloutsources", "RolloutSource")
AUDIT = "audit.jsonl"
ESTABLISHED = 5.0  # seconds until the API server serves a new kind


@dataclass(frozen=True, slots=True)
class LabGoal:
    """What ``up`` was asked for; ``opened``: the page is shown in a person's browser."""

    controller: bool
    rate: int
    shop: bool
    data: Path | None
    opened: bool


async def demo(rate: int, *, upgrade: bool) -> int:
    """Play the releases of a shop, or those of the mesh itself; the exit code."""
    output.say("starting API server, Envoy, Prometheus, git and controller …")
    async with world(revisions=upgrade) as (running, child):
        output.say(f"watch it in a browser: {await page_open(running, child)}")
        if upgrade:
            return int(await meshdemo.play(running, child, rate))
        return int(await demonstration.play(running, child, rate))


async def demo_of_people(rate: int) -> int:
    """Play the way through people; the exit code."""
    output.say("starting API server, Envoy, Prometheus, git, Slack, a forge and controller …")
    async with world(controller=False, https=True) as (running, _):
        told = await pulled.begun(running)
        child = await start_controller(running, signers=told.signers)
        output.say(f"watch it in a browser: {await page_open(running, child)}")
        try:
            return int(await pulled.play(told, child, rate))
        finally:
            await child.stop()


async def up(given: LabGoal) -> None:
    """The lab, until Ctrl-C."""
    stop = signals.asked_to_end()
    output.say("starting API server, Envoy, Prometheus and git …")
    async with (
        world(controller=given.controller, data=given.data) as (running, child),
        AsyncExitStack() as exits,
    ):
        output.facts(addresses(running.addresses(), child, running.kubeconfig.parent))
        output.say("")
        output.say(f"  export KUBECONFIG={running.kubeconfig}")
        output.say(f"  git clone {running.git_url} && cd shop")
        if given.shop:
            await _stock(running)
            output.say(f"  sed -i 's/v1$/v2/' {showcase.FILE}    # {showcase.BAD} is the bad one")
            output.say("  git commit -am v2 && git push")
            output.say(f"  open {running.slack.url}    # ann or bob must approve its second step")
            output.say(f"  kubectl -n {showcase.NAMESPACE} get rlo --watch")
        if given.controller:
            page = await page_open(running, child)
            output.say(f"  open {page}    # the page; any token of eight letters logs in here")
            if given.opened:
                webbrowser.open(page)
        if given.rate:
            await exits.enter_async_context(running.load(given.rate, Ask(host=showcase.HOST)))
        output.say("Ctrl-C stops it all.")
        watched = child
        while not stop.is_set():
            if watched is not None and watched.ended:
                output.say(f"the controller ended: {watched.last_words()}")
                watched = None  # said once; the cluster stays, for whoever starts another
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 1)
    output.say("stopped")


async def _stock(running: World) -> None:
    """The shop of the demo is there, and git asks for what serves already."""
    await running.apply(*showcase.objects())
    await running.serving(showcase.HOST)
    checkout = Checkout(running.git_url, running.kubeconfig.parent / "checkout")
    await checkout.push(showcase.FILE, showcase.manifest("v1", asks=True), "shop: v1")
    await running.kube.create(SOURCE, showcase.source(running.git_url))


MEANT = {
    "gateway": "requests from outside, by the hosts of Gateways",
    "mesh": "requests as from a pod: curl -H 'Host: SERVICE.NAMESPACE.svc.cluster.local'",
    "git": "the repository that the shop's source follows",
    "slack": "a stand-in, with the messages and their buttons",
    "forge": "a stand-in for GitHub, with commit statuses and pull requests",
    "syncz": "what istiod says of its proxies",
    "control": "faults of pods: POST /faults, as docs/first-service.md shows",
}
"""What each address of the lab is for."""
LOG = "controller.log"


def addresses(
    known: Mapping[str, str], child: Child | None, folder: Path
) -> list[tuple[str, str, str]]:
    """What a person needs to use the lab, as label, text and what it is for.

    ``folder``: where the lab's processes write their logs.
    """
    said = [(label, text, MEANT.get(label, "")) for label, text in known.items() if text]
    if child is not None:
        said.append(("controller", f"process {child.pid}", f"its log: {folder / LOG}"))
    return [*said, ("logs", f"{folder}/*.log", "gone with the lab")]


@asynccontextmanager
async def world(
    *,
    controller: bool = True,
    data: Path | None = None,
    https: bool = False,
    revisions: bool = False,
) -> AsyncIterator[tuple[World, Child | None]]:
    """A running lab that knows our kinds, and a controller that watches it.

    ``https``: whether git is served so. ``revisions``: with control planes of Istio as pods.
    Errors: ``OutsideError`` says what to install.
    """
    wanted = Settings(scrape_interval=SCRAPE, data=data, https=https, revisions=revisions)
    async with World(wanted) as running:
        await teach(running)
        if not controller:
            yield running, None
            return
        child = await start_controller(running)
        try:
            yield running, child
        finally:
            await child.stop()


async def teach(running: World) -> None:
    """The lab's API server serves our kinds."""
    for kind in schema.KINDS.values():
        await running.kube.apply(definition.crd(kind))
        await _established(running, definition.crd(kind))


async def _established(running: World, crd: Mapping[str, Any]) -> None:
    """The API server serves the kind."""
    deadline = asyncio.get_running_loop().time() + ESTABLISHED
    name = str(crd["metadata"]["name"])
    while asyncio.get_running_loop().time() < deadline:
        found = await running.kube.read(CRD, "", name)
        conditions = (found.get("status") or {}).get("conditions") or ()
        if any((c["type"], c["status"]) == ("Established", "True") for c in conditions):
            return
        await asyncio.sleep(0.05)
    raise OutsideError(f"crd {name}: not established within {ESTABLISHED:g} s")


def local_policy(
    folder: Path,
    slack: Slack | None = None,
    push_secret: str = "",
    signers: Mapping[str, str] | None = None,
) -> Path:
    """A file that lets manifests name this machine, for git and for webhooks.

    ``slack``: the stand-in whose app the controller is. ``push_secret``: of push webhooks.
    ``signers``: as in the policy.
    """
    file = folder / "policy.yaml"
    hosts = [f"{scheme}://127.0.0.1:*" for scheme in ("http", "https")]
    allowed: dict[str, Any] = {"localGit": True, "webhooks": hosts, "forges": hosts}
    allowed["page"] = {"login": True}
    if slack is not None:
        tokens = {"botToken": slack.tokens.bot, "appToken": slack.tokens.app}
        for name, token in tokens.items():
            (folder / name).write_text(token, encoding="utf-8")
        files = {name: str(folder / name) for name in tokens}
        allowed["slack"] = {**files, "api": slack.api_url}
    if signers:
        allowed["signers"] = dict(signers)
    if push_secret:
        (folder / "pushSecret").write_text(push_secret, encoding="utf-8")
        allowed["push"] = {"secret": str(folder / "pushSecret")}
    file.write_text(yamltext.document(allowed), encoding="utf-8")
    return file


async def start_controller(
    running: World, *, signers: Mapping[str, str] | None = None, prometheus: str = ""
) -> Child:
    """The real controller, in a process of its own, against the lab.

    ``signers``: as in the policy. ``prometheus``: its address, where it is not the world's own.
    """
    command = controller_command(running, signers=signers, prometheus=prometheus)
    log = running.kubeconfig.parent / LOG
    return await processes.start("controller", command, log=log)


def controller_command(
    running: World, *, signers: Mapping[str, str] | None = None, prometheus: str = ""
) -> tuple[object, ...]:
    """What starts it, as above; its audit log is beside its own log.

    The forge's webhook is set to the door that it will open.
    """
    folder, secret = running.kubeconfig.parent, secrets.token_hex(16)
    door = f"127.0.0.1:{processes.free_port()}"
    running.forge.hooks[:] = [Hook(f"http://{door}/push", secret)]
    istiod = running.istiod_url if running.settings.revisions else running.syncz_url
    return (
        *(sys.executable, "-m", "rollout", "--kubeconfig", running.kubeconfig, "run"),
        *("--istiod", istiod, "--prometheus", prometheus or running.prometheus_url),
        *("--cache", folder / "clones", "--listen", door),
        *("--policy", local_policy(folder, running.slack, secret, signers)),
        *("--audit", folder / AUDIT, "--page", _page(folder)),
    )


PAGE = "page.address"
OPENED = 200  # tenths of a second until the page answers


def _page(folder: Path) -> str:
    """Where the controller's page is: the same place however often it is started in a world."""
    file = folder / PAGE
    if not file.exists():
        file.write_text(f"127.0.0.1:{processes.free_port()}", encoding="utf-8")
    return file.read_text(encoding="utf-8")


async def page_open(running: World, child: Child | None) -> str:
    """The page of the controller that watches ``running``, once it answers, or should have.

    Errors: as ``alive``.
    """
    address = _page(running.kubeconfig.parent)
    for _ in range(OPENED):
        alive(child)
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection(*address.split(":"))
            writer.close()
            break
        await asyncio.sleep(0.1)
    return f"http://{address}/"
