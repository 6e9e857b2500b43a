"""One world: its API server, its processes and systems, and the log of all that happened."""

import asyncio
import hashlib
import json
import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any

from rollout.controller.ports import Json
from rollout.controller.seeing.pods import HPA
from rollout.model.chat import Click, Press, Refusal, Sender, Ticket
from tests import virtual
from tests.controller.shop import NAMESPACE, obj
from tests.fakes_audit import FakeLog
from tests.fakes_chat import buttons
from tests.fakes_repo import NoObjects
from tests.mortal import Life
from tests.sim import objects
from tests.sim.beyond import Chat, Gates, Istiod, Numbers, Pods, Repo
from tests.sim.doors import Doors
from tests.sim.laws import Laws
from tests.sim.mesh import Both, Istiods, Upgrading
from tests.sim.objects import REVISIONS
from tests.sim.plan import MESHES, PROCESSES, REQUESTS, WATCHES, Mishap, Plan, Subject
from tests.sim.process import Beyond, Process
from tests.sim.readers import READER, Readers
from tests.sim.requests import RATE, Counters
from tests.sim.server import Commit, Request, Server, text
from tests.sim.switching import Switching
from tests.sim.teams import Team
from tests.sim.wire import Trap, Wire

_BLURS = frozenset({
    *MESHES, *REQUESTS, *WATCHES, *PROCESSES, "endpoints late", "a bug of ours",
})  # fmt: skip
SOURCE = "https://git.invalid/shop"


@dataclass(eq=False)
class World:
    """Built from a plan; ``table``: what each kind of mishap does to it.

    ``fired``: what happened how often, faults and what they met.
    ``read``: how often what was read from the API server. ``ears``: who hears every log line.
    ``blurred_at``: until when something was wrong with what the controller reads.
    ``skewed_at``: until when a process's clock was wrong.
    ``made``: routes of our making as somebody has copied them.
    ``buggy``: looks meet a bug of ours; ``astray``: which one the next look makes.
    ``strategies``: those that git asks for by now, where they are others than at first.
    ``loaded_at``: when somebody else scaled a Deployment.
    """

    plan: Plan
    table: Mapping[str, Callable[["World", Mishap, Process | None], None]]
    life: Life = field(default_factory=Life)
    server: Server = field(default_factory=Server)
    traps: list[Trap] = field(default_factory=list)
    numbers: Numbers = field(default_factory=Numbers)
    istiod: Istiod = field(default_factory=Istiod)
    gates: Gates = field(default_factory=Gates)
    log: FakeLog = field(default_factory=FakeLog)
    chat: Chat = field(default_factory=Chat)
    repo: Repo = field(default_factory=Repo)
    fired: Counter[str] = field(default_factory=Counter)
    read: Counter[str] = field(default_factory=Counter)
    ears: list[logging.Handler] = field(default_factory=list)
    story: list[str] = field(default_factory=list)
    processes: dict[int, Process] = field(default_factory=dict)
    asked: dict[str, str] = field(default_factory=dict)
    strategies: dict[str, Json] = field(default_factory=dict)
    moving: str = ""
    buggy: bool = False
    astray: str = ""
    stopping: bool = False
    is_pushed_back: bool = False
    blurred_at: float = -1e9
    skewed_at: float = -1e9
    loaded_at: float = -1e9
    staffed: set[str] = field(default_factory=set)
    made: defaultdict[str, list[Json]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        setup = self.plan.setup
        self.server.page, self.server.fields = setup.page, setup.fields
        self.chat.groups[objects.GROUP] = {objects.ANN}
        self.rng = Random(f"jitter {self.plan.seed}")
        self.pods = Pods(self.server, setup.ready_after)
        self.laws, self.doors = Laws(self), Doors(self)
        self.server.listen += [self._told, self.istiod.committed, self.laws.committed]
        self._seen = [0] * len(self.plan.mishaps)
        self.downtime: dict[int, float] = {}
        self.supervisors: list[asyncio.Task[None]] = []
        self.upgrading: Upgrading | None = None
        self.switching = Switching(self) if setup.switching else None
        counted = any(subject.counts for subject in setup.subjects)
        self.counters = Counters(self) if counted else None
        self.team = Team(self) if self.plan.setup.team else None
        self.numbers.pushes = lambda: self.istiod.delay
        self.gates.asked = self.laws.outward.gate

    @property
    def subjects(self) -> list[tuple[str, Subject]]:
        setup = self.plan.setup
        return list(zip(objects.names(setup), setup.subjects, strict=True))

    def begin(self) -> None:
        """All objects are there, and the first processes."""
        objects.begin(self.server, self.plan.setup)
        for name, subject in self.subjects:
            first = "v2" if subject.author == "split" else "v1"
            self.asked[name] = objects.revision(name, subject, first)
            self.pods.sync(name)
            if not self.plan.setup.sourced:
                self.server.put(self.spec(name))
        if self.plan.setup.sourced:
            self.commit_files()
            self.server.put(*objects.source(SOURCE, manifests=self.plan.setup.team))
        if self.plan.setup.mesh:
            self.upgrading = Upgrading(self)
            self.supervisors.append(asyncio.create_task(self.upgrading.settles()))
        if self.switching is not None:
            self.switching.begin()
            self.supervisors.append(asyncio.create_task(self.switching.settles()))
        if self.plan.setup.read:
            wire = self.wire(READER, Life())
            self.supervisors.append(asyncio.create_task(Readers(self, wire).look()))
        if self.plan.setup.asked:
            self.supervisors.append(asyncio.create_task(self.doors.watch()))
        for number in range(self.plan.setup.replicas):
            self.supervisors.append(asyncio.create_task(self._alive(number)))

    # What people and the world do

    def commit_files(
        self, *, broken: bool = False, empty: bool = False, abroad: bool = False
    ) -> None:
        """Git says what ``asked`` says."""
        files = {f"{name}.yaml": json.dumps(self.spec(name)) for name, _ in self.subjects}
        for name, _ in self.subjects if self.team else ():
            assert self.team is not None
            files |= {file: json.dumps(made) for file, made in self.team.files(name).items()}
        if broken:
            first = self.subjects[0][0]
            files[f"{first}.yaml"] = "kind: Rollout\nspec: {service: [x}"
        if abroad:
            stray = dict(objects.spec("stray", Subject(), "v1"))
            stray["metadata"] = {"name": "stray", "namespace": "elsewhere"}
            files["stray.yaml"] = json.dumps(stray)
        self.repo.push({} if empty else files)

    def spec(self, name: str) -> Json:
        """What git asks of a rollout now."""
        subject = dict(self.subjects)[name]
        made = objects.spec(name, subject, self.asked[name], self.plan.setup.pods)
        other = self.strategies.get(name)
        return {**made, "spec": {**made["spec"], "strategy": other}} if other else made

    def named(self, name: str, called: str) -> str:
        """What the revision that a plan calls so is named."""
        return objects.revision(name, dict(self.subjects)[name], called)

    def push(self, who: int, called: str) -> None:
        """Git, or a person, asks for the revision that a plan calls so."""
        name, subject = self.subjects[who]
        self.asked[name] = self.named(name, called)
        self.say(f"push {name} {called}")
        if self.plan.setup.sourced:
            self.commit_files()
            return
        value, path = self.asked[name], "/spec/revision"
        if subject.templated:
            value, path = self.spec(name)["spec"]["workload"], "/spec/workload"
        ops = [{"op": "replace", "path": path, "value": value}]
        self.server.change("Rollout", NAMESPACE, name, ops)

    def name_stable(self, name: str) -> None:
        """Whoever had put an old version's name back in a VirtualService names stable's again."""
        subject = dict(self.subjects)[name]
        held = self.server.get("VirtualService", NAMESPACE, name)
        if held is not None:
            self.laws.edited(name)
            right = objects.mesh(name, subject, self.stable(name))[-1]
            self.server.put({**held, "spec": right["spec"]})

    def request(self, who: int, verb: str) -> None:
        """Somebody annotates a Rollout."""
        name, _ = self.subjects[who]
        held = self.rollout(name)
        if held is None:
            return
        notes = {**(held["metadata"].get("annotations") or {})}
        notes["rollout.dev/request"] = f"{verb}@{self.server.ledger.revision}"
        ops = [{"op": "add", "path": "/metadata/annotations", "value": notes}]
        self.server.change("Rollout", NAMESPACE, name, ops)
        self.doors.annotated(name, notes["rollout.dev/request"])
        self.laws.requested(name, notes["rollout.dev/request"])

    def buttons(self, name: str) -> dict[Press, Ticket]:
        """What can be pressed on the newest message about a rollout."""
        tops = [words for words in self.chat.tops() if f"{NAMESPACE}/{name} " in words.text]
        return buttons(tops[-1].blocks if tops else ())

    def press(self, who: str, press: Press, ticket: Ticket, times: int = 1) -> None:
        """Somebody presses a button."""
        sender, once = Sender(who, "T1", "CRELEASES"), f"{who} {virtual.passed()}"
        click = Click(sender, press, ticket, virtual.clock(), once, "t")
        self.doors.pressed(ticket, who, press, once)
        for _ in range(times):
            self.deliver(click)

    def refuse(self, who: str, ticket: Ticket) -> None:
        """Somebody sends the form that ``Reject…`` opens."""
        sender, once = Sender(who, "T1", "CRELEASES"), f"{who} {virtual.passed()}"
        self.doors.pressed(ticket, who, Press.REJECT, once)
        self.deliver(Refusal(sender, ticket, "it looks odd", once))

    def deliver(self, heard: Click | Refusal) -> None:
        """Slack delivers it until a living process has heard it."""
        self.supervisors.append(asyncio.create_task(self._delivered(heard)))

    async def _delivered(self, said: Click | Refusal) -> None:
        while not self.stopping:
            for process in list(self.processes.values()):
                leads = process.made is not None and process.made.leading
                if process.alive and leads and process.hearing.done():
                    heard = asyncio.create_task(process.hearing.result().hear(said))
                    over = asyncio.create_task(process.wire.life.over.wait())
                    await asyncio.wait((heard, over), return_when=asyncio.FIRST_COMPLETED)
                    over.cancel()
                    if process.alive:
                        return
                    heard.cancel()  # nobody said that it was heard
            await asyncio.sleep(1)

    def rollout(self, name: str) -> Json | None:
        return self.server.get("Rollout", NAMESPACE, name)

    def status(self, name: str) -> Json:
        return (self.rollout(name) or {}).get("status") or {}

    def stable(self, name: str) -> str:
        """The revision that the status calls stable; v1 while it says none."""
        stable = self.status(name).get("stable") or {}
        return str(stable.get("name", self.named(name, "v1")))

    # Processes

    async def _alive(self, number: int) -> None:
        """A process, and another one when it has ended, until the play is over."""
        generation, life = 0, self.life if number == 0 else Life()
        while not self.stopping:
            generation += 1
            process = self._process(number, f"controller-{number}-{generation}", life)
            self.processes[number] = process
            self.say(f"{process.name} starts")
            try:
                await process.run()
            except Exception as error:
                self.laws.broken("dies", f"{process.name} died: {error!r}")
            self.say(f"{process.name} ended")
            self.laws.counted.ended(process)
            await asyncio.sleep(self.downtime.pop(number, 1.0))
            life = life.heir()

    def _process(self, number: int, name: str, life: Life) -> Process:
        setup, wire = self.plan.setup, self.wire(name, life)
        beyond = Beyond(
            self.numbers,
            self.istiod if "istiod" not in setup.without else None,
            self.log,
            self.chat if setup.chat else None,
            self.repo if setup.sourced else None,
            self.gates if "gates" not in setup.without else None,
            self._mesh(),
            lambda _: self.moving,
            self.team.door(life, name) if self.team else NoObjects(),
            self.switching.beyond if self.switching is not None else None,
        )
        stops = any(mishap.do == "pause" for mishap in self.plan.mishaps)
        alike = setup.shards[number % len(setup.shards)]
        shards = alike if setup.replicas > 1 else 0
        return Process(name, wire, beyond, shards, stops, self.rng.random, timers=setup.timers)

    def wire(self, name: str, life: Life) -> Wire:
        """The connections of a process, or of a person."""
        return Wire(
            self.server,
            name,
            life,
            self.plan.setup.latency,
            self.traps,
            lambda what: self.fired.update([f"met {what}"]),
            self.say,
            lambda request: self._writes(request, after=False),
            lambda request: self._writes(request, after=True),
            self._reads,
            self.plan.setup.wordy,
            self.plan.setup.older,
        )

    def _mesh(self) -> Any:
        """What a process is given of a mesh; None: there is none."""
        if self.upgrading is None:
            return None
        mesh = self.upgrading.mesh
        return lambda metrics: Both(metrics, self, mesh), Istiods(self, mesh)

    # The plan

    async def happen(self) -> None:
        """Mishaps that have a time alone happen at it."""
        timed = sorted((m for m in self.plan.mishaps if not m.when.write), key=lambda m: m.when.at)
        for mishap in timed:
            await asyncio.sleep(max(0.0, mishap.when.at - virtual.passed()))
            if virtual.passed() > self.plan.setup.calm:
                return
            self.do(mishap, self.processes.get(0))

    def _writes(self, request: Request, *, after: bool) -> None:
        """A write of a controller's is about to be done, or was: mishaps wait for some."""
        now = virtual.passed()
        by = next((one for one in self.processes.values() if one.name == request.actor), None)
        if by is None:
            return  # a person's
        if self.upgrading is not None and not after:
            self.upgrading.laws.requested(request)
        for place, mishap in enumerate(self.plan.mishaps):
            when = mishap.when
            if when.write != request.kind or when.after is not after or now < when.at:
                continue
            self._seen[place] += 1
            if self._seen[place] == when.nth and now <= self.plan.setup.calm:
                self.do(mishap, by)

    def _reads(self, request: Request) -> None:
        """Somebody read, or is about to."""
        self.read[f"{request.verb} {request.kind}"] += 1
        self.laws.pace.reads(request)

    def do(self, mishap: Mishap, process: Process | None) -> None:
        self.say(f"mishap {mishap.do} {mishap.on} {mishap.who} {mishap.lasts} {mishap.value}")
        self.fired[mishap.do] += 1
        if mishap.do in _BLURS:
            until = virtual.passed() + mishap.lasts + mishap.value
            self.blurred_at = max(self.blurred_at, until)
        self.table[mishap.do](self, mishap, process)

    def later(self, seconds: float, done: Any, *args: Any) -> None:
        """``done`` soon; no later than when all faults are over."""
        left = max(0.0, self.plan.setup.calm - virtual.passed())
        asyncio.get_running_loop().call_later(min(seconds, left), done, *args)

    def calm(self) -> None:
        """All faults are over."""
        self.say("calm")
        self.traps.clear()
        self.numbers.says("")
        self.moving = self.gates.trouble = ""
        self.buggy, self.astray = False, ""
        self.istiod.behind = self.istiod.silent = self.istiod.alone = False
        self.log.full = self.repo.down = False
        self.chat.errors.clear()
        self.chat.unanswered.clear()
        self.pods.down.clear()
        self.pods.late = 0.0
        for replica in self.server.replicas:
            replica.lag = min(replica.lag, 1.0)
        for process in self.processes.values():
            process.stopped_until, process.skew = 0.0, timedelta(0)
        self.skewed_at = min(self.skewed_at, virtual.passed())
        if self.upgrading is not None:
            self.upgrading.calm()
        if self.switching is not None:
            self.switching.calm()
        for name, subject in self.subjects:
            if past := self.numbers.bad.get(name):
                past.now(0.0)
            if self.counters is not None:
                self.counters.lull(name, RATE)
                self.counters.sound(name)
                self.counters.scraped(name)
            self._whole(name, subject)

    def _whole(self, name: str, subject: Subject) -> None:
        """Nobody has fewer pods than there ever were, and nothing that people made is missing."""
        for revision in REVISIONS if not subject.templated else ():
            held = self.server.get("Deployment", NAMESPACE, f"{name}-{revision}")
            made = objects.deployment(name, subject, revision, self.plan.setup.pods)
            if held is None:
                self.server.put(made)
        if subject.templated and not self.server.get(*objects.place(name)):
            self.server.put(objects.config(name))
        service = obj("Service", name, {"selector": {"app": name}})
        for made in (service, *objects.mesh(name, subject, self.stable(name))):
            if self.server.get(str(made["kind"]), NAMESPACE, made["metadata"]["name"]) is None:
                self.server.put(made)
        scaler = objects.autoscaler(name, self.plan.setup.pods, self.stable(name))
        if subject.workload == "scaled" and not self.server.get(HPA, NAMESPACE, f"{name}-load"):
            self.server.put(scaler)
        self.scale_people(name, subject)
        self.pods.sync(name)

    def scale_people(self, name: str, subject: Subject) -> None:
        """Deployments whose pods people order have all of them, stable's whoever orders them.

        Behind a bare host nobody starts a second revision before the first is known as stable.
        """
        pods, stable = self.plan.setup.pods, self.status(name).get("stable")
        mine = (
            REVISIONS
            if subject.workload == "user" and stable
            else ((stable or {}).get("name", self.named(name, "v1")),)
        )
        for revision in mine:
            self.scale(name, revision, pods)
        self.staffed |= {name} if stable else set()

    def scale(self, name: str, revision: str, pods: int) -> None:
        ops = [{"op": "replace", "path": "/spec/replicas", "value": pods}]
        self.server.change("Deployment", NAMESPACE, f"{name}-{revision}", ops)

    # The log

    def say(self, line: str) -> None:
        self.story.append(f"{virtual.passed():.3f} {line}")

    def _collected(self, uid: str) -> None:
        """What a Rollout that is gone owned goes, too."""
        for kind in ("Deployment", "ConfigMap"):
            for one in self.server.all(kind):
                owners = one["metadata"].get("ownerReferences") or ()
                if any(owner.get("uid") == uid for owner in owners):
                    meta = one["metadata"]
                    self.server.remove(kind, meta["namespace"], meta["name"], "garbage collector")

    def _told(self, commit: Commit) -> None:
        if commit.change.bucket == "Rollout" and commit.gone:
            uid = str(commit.new["metadata"]["uid"])
            asyncio.get_running_loop().call_later(0.5, self._collected, uid)
        if commit.change.bucket == "Deployment" and not commit.actor.startswith("controller"):
            self.loaded_at = commit.at
        meta = commit.new["metadata"]
        whole = text(commit.change.stored)
        what = hashlib.sha256(whole).hexdigest()[:12]
        if commit.actor.startswith("controller"):
            self.laws.git.told(f"{commit.change.bucket} {meta['name']}", whole.decode())
        self.say(
            f"{commit.actor} {commit.change.type} {commit.change.bucket} {meta['name']} "
            f"{meta['resourceVersion']} {what}"
        )

    def digest(self) -> str:
        """The same for the same play, to the byte."""
        return hashlib.sha256("\n".join(self.story).encode()).hexdigest()
