"""The way of a release through people: pull request, signed push, webhook, Slack, click, status."""

import asyncio
import base64
import textwrap
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import aiohttp

from rollout.audit import chain, verify
from rollout.audit.verify import File
from rollout.cli import cluster, output
from rollout.cli.exits import Exit
from rollout.cli.lab import push, showcase
from rollout.cli.lab.liveness import alive
from rollout.cli.lab.push import Checkout, Trust
from rollout.cli.lab.runner import Done, Runner
from rollout.cli.settings import Settings
from rollout.edges import auditlog
from rollout.edges.kube import Kube
from rollout.errors import OutsideError, RefusedError
from rollout.lab.kube.client import Kind, Object
from rollout.lab.load import Ask
from rollout.lab.programs.processes import Child
from rollout.lab.slack.workspace import Message
from rollout.lab.world import PROJECT, World
from rollout.model.chat import Press
from rollout.model.status import Phase, RolloutStatus, Stage
from rollout.model.units import counted

SECRET = Kind("", "v1", "secrets", "Secret")
CHANNEL, ANN, EVE = "C0LABREL1", "U0LABANN1", "U0LABEVE1"
"""Of the lab's Slack: the channel, one of those who may approve, and somebody who may not."""
FIRST = ".1"  # how the key of a rollout's first journey ends
BRANCH = "release-v2"
SIGNERS = "releases"
PATIENCE = 60.0  # seconds for any one thing; all of them together take about a minute
WIDTH = 79
GLANCE = 0.1

T = TypeVar("T")


@dataclass(slots=True)
class Told:
    """The world, and what happens in it; ``began``: when the story did."""

    world: World
    checkout: Checkout
    signers: Mapping[str, str]
    child: Child | None = None
    failures: list[str] = field(default_factory=list)
    began: float = 0.0

    def say(self, what: str, text: str) -> None:
        """One thing that happened: when, what, and more in lines of its own."""
        at = asyncio.get_running_loop().time() - self.began
        head = f"{at:5.1f}s  {what:<14}"
        for line in textwrap.wrap(text, WIDTH - len(head), break_on_hyphens=False) or [""]:
            output.line(f"{head}{line}")
            head = " " * len(head)

    def check(self, what: str, *, so: bool) -> None:
        """What must be so for the demo to be one."""
        if not so:
            self.failures.append(what)


async def begun(world: World) -> Told:
    """The shop serves v1, and git has it, signed."""
    await world.apply(*showcase.objects())
    await world.serving(showcase.HOST)
    folder = world.kubeconfig.parent
    key, ca = await push.a_key(folder), folder / "git-ca.crt"
    ca.write_text(world.git_ca, encoding="utf-8")
    public = key.with_suffix(".pub").read_text(encoding="utf-8").split()
    line = f"{push.AUTHOR} {public[0]} {public[1]}\n"
    checkout = Checkout(world.git_url, folder / "checkout", Trust(ca, key))
    await checkout.push(showcase.FILE, showcase.manifest("v1", asks=True), "shop: v1")
    await _secrets(world)
    return Told(world, checkout, {SIGNERS: line})


async def _secrets(world: World) -> None:
    """What the source may know: whom to trust for git, and the forge's token."""
    for name, entries in {
        "git": {"ca.crt": world.git_ca},
        "forge": {"token": world.forge.token},
    }.items():
        data = {key: encoded(text) for key, text in entries.items()}
        metadata = {"name": name, "namespace": showcase.NAMESPACE}
        await world.kube.create(SECRET, {"metadata": metadata, "data": data})


def encoded(text: str) -> str:
    """As a Secret's ``data`` has it."""
    return base64.b64encode(text.encode()).decode()


def source(world: World) -> Object:
    """Polled once an hour, so that only the webhook tells of a push in time."""
    told = showcase.source(world.git_url)
    status = {
        "forge": "github",
        "api": world.forge.github_url,
        "repository": PROJECT,
        "secretRef": {"name": "forge"},
    }
    more = {
        "interval": "1h",
        "secretRef": {"name": "git"},
        "verify": [SIGNERS],
        "commitStatus": status,
    }
    return {**told, "spec": {**told["spec"], **more}}


async def play(told: Told, child: Child, rate: int) -> Exit:
    """The whole way; OK only if each of its parts happened, and once."""
    world, told.child = told.world, child
    given = Settings(kubeconfig=str(world.kubeconfig), namespace=showcase.NAMESPACE)
    async with (
        world.load(rate, Ask(host=showcase.HOST)) as load,
        cluster.connected(given, name=showcase.NAME) as kube,
    ):
        await kube.create(source(world))
        await _until(told, "v1 is adopted", lambda: _status(kube, _is_at_rest))
        output.say(f"v1 serves; the channel is at {world.slack.url}, press along if you like")
        told.began = asyncio.get_running_loop().time()
        pull = await _proposed(told)
        await _checked(told, pull)
        commit = await _merged(told, pull)
        await _stepped(told, kube)
        await _asked(told)
        await _promoted(told, kube)
        await _green(told, commit)
        met = load.take()
        told.say("requests", f"{met.requests} sent meanwhile, {met.failures} failed")
    _audited(told)
    for failure in told.failures:
        output.say(f"not so: {failure}")
    return Exit.FAILED if told.failures else Exit.OK


async def _proposed(told: Told) -> int:
    """The number of a pull request that asks for v2."""
    text = showcase.manifest("v2", asks=True)
    await told.checkout.push(showcase.FILE, text, "shop: v2", branch=BRANCH)
    forge = told.world.forge
    body = {"title": "shop: v2", "head": BRANCH, "base": "main"}
    headers = {"Authorization": f"Bearer {forge.token}"}
    url = f"{forge.github_url}/repos/{PROJECT}/pulls"
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.post(url, json=body) as answer,
    ):
        number = int((await answer.json())["number"])
    told.say("pull request", f"#{number}, shop: v1 -> v2, in {PROJECT}")
    return number


async def _checked(told: Told, pull: int) -> None:
    """The Action's own steps: ``validate`` and ``plan``."""
    forge, folder = told.world.forge, told.world.kubeconfig.parent / "runner"
    folder.mkdir(exist_ok=True)
    commit = str(forge.projects[PROJECT].commit(BRANCH).id)
    runner = Runner(
        *(told.checkout.folder, folder, PROJECT, commit, pull),
        api=forge.github_url,
        kubeconfig=told.world.kubeconfig,
    )
    validated = await runner.run(command="validate", paths="shop")
    told.say("validate", _first(validated))
    planned = await runner.run(command="plan", paths="shop", cluster="true", token=forge.token)
    comments = forge.projects[PROJECT].comments.get(pull, [])
    first = next((line for line in planned.summary.splitlines() if line.strip()), "")
    plan = first.lstrip("# ").replace("`", "")
    told.say("plan", f"{plan}: the job's summary, and {len(comments)} comment on #{pull}")
    told.check("validate and plan succeed", so=validated.code == planned.code == 0)
    told.check("the plan is one comment of the pull request", so=len(comments) == 1)


def _first(done: Done) -> str:
    lines = done.log.strip().splitlines()
    return lines[0] if lines else "nothing said"


async def _merged(told: Told, pull: int) -> str:
    """The commit is on main: pushed over https, signed, and told of by the forge."""
    forge = told.world.forge
    before = len(forge.deliveries)
    commit = str(forge.projects[PROJECT].commit(BRANCH).id)
    await told.checkout.send()
    scheme = told.world.git_url.partition(":")[0]
    told.say("push", f"#{pull} is {commit[:10]} on main: signed by {push.AUTHOR}, over {scheme}")
    delivery = await _until(told, "a webhook", lambda: _now(forge.deliveries[before:]))
    told.say("webhook", f"the forge tells of it, and hears {delivery[0].status}")
    told.check("the webhook is taken", so=delivery[0].status == 202)
    return commit


async def _stepped(told: Told, kube: Kube) -> None:
    for percent in (10, 40):
        there = partial(_has_split, percent)
        status = await _until(told, f"a canary at {percent} %", partial(_status, kube, there))
        told.say("canary", f"{percent} %: {status.because}")


def _has_split(percent: int, status: RolloutStatus) -> bool:
    return status.stage.split.canary == percent


async def _asked(told: Told) -> None:
    """Slack asks; eve may not answer, and ann may."""
    slack = told.world.slack
    message = await _until(told, "a question in Slack", lambda: _now(_question(told)))
    told.say("slack", f"#releases: {_words(message)}")
    await slack.press(EVE, CHANNEL, message.ts, "approve")
    whisper = await _until(told, "a word to eve", lambda: _now(slack.space.whispers[-1:]))
    told.say("eve presses", f"only eve reads: {whisper[0].text}")
    await slack.press(ANN, CHANNEL, message.ts, "approve")
    told.say("ann presses", "Approve")


async def _promoted(told: Told, kube: Kube) -> None:
    status = await _until(told, "v2 is stable", lambda: _status(kube, _is_promoted))
    told.say("promoted", status.history[-1].because)
    message = await _until(told, "one message", lambda: _now(_ended(told)))
    told.say("slack", f"the same message by now: {_words(message)}")
    told.check("Slack has one message of v2's journey", so=len(_messages(told)) == 1)


async def _green(told: Told, commit: str) -> None:
    """The commit's status on the forge."""
    statuses = told.world.forge.projects[PROJECT].statuses

    def last() -> list[dict[str, object]]:
        mine = [one for one in statuses if one["sha"] == commit]
        return mine[-1:] if mine and mine[-1]["state"] == "success" else []

    (status,) = await _until(told, "a green commit", lambda: _now(last()))
    told.say("commit status", f"{status['context']}: {status['state']}, {status['description']}")
    told.check(
        "the commit became green once",
        so=[one["state"] for one in statuses if one["sha"] == commit].count("success") == 1,
    )


def _audited(told: Told) -> None:
    """The audit log is whole, and has ann's yes and eve's no once each."""
    path = told.world.kubeconfig.parent / "audit.jsonl"
    lines = list(auditlog.lines(path))
    verdict = verify.verified([File(path.name, lines)])
    bodies = [body for line in lines if (body := chain.opened(line))]
    acts = [(body["act"], body.get("who", "")) for body in bodies]
    told.say("audit", f"{counted(verdict.lines, 'line')}, {verdict.broken or 'whole'}")
    for act, who in (("approval", f"slack:{ANN}"), ("refusal", f"slack:{EVE}")):
        said = next((body for body in bodies if (body["act"], body.get("who")) == (act, who)), None)
        told.say("", f"{act} {who}: {said['because'] if said else 'missing'}")
        told.check(f"one line of {who}'s {act}", so=acts.count((act, who)) == 1)
    told.check("the audit log is whole", so=verdict.broken is None)


def _messages(told: Told) -> list[Message]:
    """Those of v2's journey, which is the rollout's first; they carry its key."""
    tops = told.world.slack.space.channels[CHANNEL].tops()
    keys = ((one, (one.metadata or {}).get("event_payload", {}).get("key", "")) for one in tops)
    return [one for one, key in keys if key.endswith(FIRST)]


def _buttons(message: Message) -> list[str]:
    return [
        str(element.get("action_id"))
        for block in message.blocks
        for element in block.get("elements", ())
        if block.get("type") == "actions"
    ]


def _question(told: Told) -> Message | None:
    """The message with a button to approve, once there is one."""
    asking = (one for one in _messages(told) if Press.APPROVE in _buttons(one))
    return next(asking, None)


def _ended(told: Told) -> Message | None:
    """The message once there is nothing to press any more."""
    return next((one for one in _messages(told) if not _buttons(one)), None)


def _words(message: Message) -> str:
    return " ".join(message.text.split())


def _is_at_rest(status: RolloutStatus) -> bool:
    return status.stable is not None and status.phase is Phase.HEALTHY


def _is_promoted(status: RolloutStatus) -> bool:
    stable = status.stable.name if status.stable else ""
    return stable == "v2" and status.stage.name is Stage.IDLE


async def _status(kube: Kube, wanted: Callable[[RolloutStatus], bool]) -> RolloutStatus | None:
    try:
        found = await cluster.one(kube, showcase.NAMESPACE, showcase.NAME)
    except RefusedError:
        return None  # not made yet
    return found.status if found.status and wanted(found.status) else None


async def _now(value: T) -> T:
    return value


async def _until(told: Told, what: str, so: Callable[[], Awaitable[T | None]]) -> T:
    """The first value that is one. Errors: ``OutsideError`` when it does not come."""
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while asyncio.get_running_loop().time() < deadline:
        if found := await so():
            return found
        alive(told.child)
        await asyncio.sleep(GLANCE)
    words = told.child.last_words() if told.child else ""
    raise OutsideError(f"{what} did not come within {PATIENCE:g} s; the controller says: {words}")
