"""What people do at our own doors: the page in a browser, commands, and what health says there.

S47 and S48 of docs/simulation.md.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import TYPE_CHECKING, Any

from rollout.cli import cluster, pages
from rollout.controller import rights
from rollout.controller.keeping.asking import Claim
from rollout.controller.seeing import concerns
from rollout.edges.kube.source import scopes
from rollout.errors import RolloutError
from rollout.manifest import objects as manifests
from rollout.model.chat import PROOF, Press
from rollout.model.reasons import Verb
from rollout.model.spec import BY_KUBERNETES, KUBERNETES_USER
from rollout.web.page.reader import Place
from tests import virtual
from tests.controller.shop import NAMESPACE
from tests.mortal import Life
from tests.sim import objects
from tests.sim.process import SYSTEM, SimKube

if TYPE_CHECKING:
    from rollout.model.chat import Ticket
    from rollout.model.status import RolloutStatus
    from tests.sim.plan import Mishap
    from tests.sim.process import Process
    from tests.sim.server import Commit, Json
    from tests.sim.wire import Wire
    from tests.sim.world import World

ANN_AT_HOME = "ann"
PERSON = "person"
"""How the names of people's own connections begin."""
REASON = "the shop is slow"
"""Why whoever types a command asks."""
LOST = 30.0
"""Seconds after the last renewal of a Lease in which every replica knows that nobody has it: twice
its length, an answer that took long, and a few turns.
"""
KEPT = 6.0
"""Seconds between two renewals of a Lease that somebody has."""
FOUND = 35.0
"""Seconds in which whoever begins, or goes on, knows who has which Lease."""
BLURRED = 130.0
"""Seconds after a fault of the API server in which nothing is left of it."""
NEVER = (-1e9, -1e9)
_NUMBERS = re.compile(r"[0-9]+")


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asked for something, as it is to be told; ``claimed``: who they say they are."""

    who: str
    claimed: str = ""
    reason: str = ""
    at: float = 0.0


ANYBODY = Asked(BY_KUBERNETES)
"""Whoever annotates by themselves."""


@dataclass(eq=False)
class Doors:
    """``heard``: when which words were read at a door.

    ``asked``: who has asked, by rollout and the text of the request. ``presses``: of which object,
    by its uid, who has pressed a button. ``people``: who comes by which
    connection. ``renewed``: since when, and until when, each Lease has had a holder. ``begun``:
    since when a process is known.
    """

    world: World
    heard: list[tuple[float, str]] = field(default_factory=list)
    asked: dict[tuple[str, str], Asked] = field(default_factory=dict)
    presses: set[tuple[str, str]] = field(default_factory=set)
    people: dict[str, Asked] = field(default_factory=dict)
    renewed: dict[str, tuple[float, float]] = field(default_factory=dict)
    begun: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.world.server.listen.append(self._committed)

    def tell(self, line: str) -> None:
        """Somebody reads this at a door now."""
        self.world.say(line)
        self.heard.append((virtual.passed(), line))

    # What people do

    def page(self, process: Process, place: Place, verb: Verb, who: str, slow: float = 0.0) -> None:
        """Whoever has logged in at the page of ``process`` presses a button there.

        ``who``: as the API server calls them; empty: it does not say. ``slow``: seconds that their
        own connection takes.
        """
        if process.made is None or not process.alive:
            return
        wire = self._comes(Asked(KUBERNETES_USER + who if who else BY_KUBERNETES))
        wire.latency += slow
        kube = SimKube(wire, concerns.of, jitter=lambda: 0.5)  # type: ignore[arg-type]
        person = pages._Somebody(who or pages.UNNAMED, None, kube, process.made)
        process.runs(self._presses(person, place, verb))

    async def _presses(self, person: pages._Somebody, place: Place, verb: Verb) -> None:
        before = f"{person.name} at the page: {verb} {place.id}:"
        try:
            await person.ask(place, verb)
        except RolloutError as error:
            self.tell(f"{before} {error}")
        else:
            self.tell(f"{before} done")
        await person.close()

    def command(self, name: str, verb: Verb, who: str) -> None:
        """Somebody types ``rollout VERB NAME``, with their own kubeconfig."""
        typing = asyncio.create_task(self._types(name, verb, who))
        self.world.supervisors.append(typing)

    async def _types(self, name: str, verb: Verb, who: str) -> None:
        wire = self._comes(Asked(BY_KUBERNETES, who, REASON))
        kube = SimKube(wire, concerns.of, scopes(NAMESPACE), lambda: 0.5)  # type: ignore[arg-type]
        async with kube:
            try:
                await cluster.ask(kube, NAMESPACE, name, verb, claim=Claim(who, REASON))
            except RolloutError as error:
                self.tell(f"{who} types {verb} {name}: {error}")

    def _comes(self, asked: Asked) -> Wire:
        """A connection of somebody's own."""
        name = f"{PERSON}-{len(self.people)}"
        self.people[name] = asked
        return self.world.wire(name, Life())

    def pressed(self, ticket: Ticket, who: str, press: Press, once: str) -> None:
        """Somebody presses a button in Slack, or sends a form."""
        nonce = hashlib.sha256(once.encode()).hexdigest()[:12]
        self.presses.add((ticket.uid, PROOF + who))
        if press in (Press.PAUSE, Press.ABORT):
            self.annotated(ticket.name, f"{press}@{nonce}", Asked(PROOF + who))

    def annotated(self, name: str, text: str, asked: Asked = ANYBODY) -> None:
        """The request is on its way, or on the object."""
        self.asked[name, text] = replace(asked, at=virtual.passed())

    # What may never be

    def _committed(self, commit: Commit) -> None:
        """Who holds which Lease; and whoever writes a request has asked from then on."""
        meta = commit.new["metadata"]
        if commit.change.bucket == "Lease" and meta.get("namespace") == SYSTEM:
            self._holds(str(meta["name"]), commit)
        person = self.people.get(commit.actor)
        text = (meta.get("annotations") or {}).get(manifests.REQUEST, "")
        if person is not None and commit.change.bucket == "Rollout" and text:
            self.annotated(str(meta["name"]), text, person)
            self.world.laws.requested(str(meta["name"]), text)

    def _holds(self, name: str, commit: Commit) -> None:
        since, until = self.renewed.get(name, (commit.at, commit.at))
        held = not commit.gone and bool(commit.new["spec"].get("holderIdentity"))
        ours = commit.actor.startswith("controller")  # what others write over it is unlearnt first
        goes_on = held and ours and commit.at - until < KEPT
        self.renewed[name] = since if goes_on else commit.at, commit.at if held else until

    def saved(self, name: str, before: RolloutStatus, after: RolloutStatus) -> None:
        """S47: what was asked is told as asked by whoever did, and as whom they said they were.

        And of the very object that they were shown.
        """
        known = {one.id for one in before.history}
        said = [one.who for one in after.attempt.approvals]
        said += [after.vouched.who] if after.vouched else []
        uid = (self.world.rollout(name) or {"metadata": {}})["metadata"].get("uid", "")
        for who in said:
            if who.startswith(PROOF) and (uid, who) not in self.presses:
                self.world.laws.broken("S47", f"{name}: {who} speaks, of another that was there")
        for entry in after.history:
            asked = self.asked.get((name, entry.request))
            if asked is not None and entry.id not in known:
                told = Asked(entry.by, entry.claimed, entry.reason, asked.at)
                self._attributed(name, entry.request, asked, told)
        for refused in after.refused_requests[len(before.refused_requests) :]:
            asked = self.asked.get((name, refused.request))
            if asked is not None:
                told = Asked(refused.by, refused.claimed, asked.reason, asked.at)
                self._attributed(name, refused.request, asked, told)

    def _attributed(self, name: str, text: str, asked: Asked, told: Asked) -> None:
        if asked == told or (
            told == replace(asked, who=BY_KUBERNETES) and self._crossed(name, asked)
        ):
            return
        self.world.laws.broken("S47", f"{name}: {text} of {asked} is told as of {told}")

    def _crossed(self, name: str, asked: Asked) -> bool:
        """Whether somebody else asked at about that time, or an answer was lost: nobody's then."""
        others = (one for (of, _), one in self.asked.items() if of == name and one is not asked)
        near = any(abs(one.at - asked.at) < FOUND and one.who != asked.who for one in others)
        return near or self.world.blurred_at > asked.at - FOUND

    def bounded(self) -> None:
        """S48: ``/readyz`` says no where nobody leads, and yes where all is well."""
        world, now = self.world, virtual.passed()
        for process in world.processes.values():
            began = self.begun.setdefault(process.name, now)
            stood = max(began, process.stopped_until)
            if process.made is None or not process.alive or now - stood < FOUND:
                continue
            text = process.made.readiness()
            lost = self._lost(now) if process.shards else ""
            if lost and not text:
                world.laws.broken("S48", f"{process.name} is ready, and nobody holds {lost}")
            well = now - max(world.blurred_at, world.skewed_at) > BLURRED and not lost
            if text and well and self._held(process, now):
                world.laws.broken("S48", f"{process.name} is not ready, and all is well: {text}")

    def _lost(self, now: float) -> str:
        """A Lease that was not renewed for so long that every replica knows it; empty: none.

        Where replicas are of two minds, whoever shares among more has all by the first.
        """
        names = rights.leases(min(self.world.plan.setup.shards))
        return next((one for one in names if now - self.renewed.get(one, NEVER)[1] > LOST), "")

    def _held(self, process: Process, now: float) -> bool:
        """Whether somebody has had every Lease for a while."""
        fewest = min(self.world.plan.setup.shards)
        names = rights.leases(fewest) if process.shards else ()
        return all(self._long(self.renewed.get(one, NEVER), now) for one in names)

    @staticmethod
    def _long(renewed: tuple[float, float], now: float) -> bool:
        since, until = renewed
        return now - since > FOUND and now - until < KEPT

    async def watch(self) -> None:
        """Somebody asks every process each second whether it is ready, and reads what changes."""
        before: dict[int, str] = {}
        while not self.world.stopping:
            for number, process in self.world.processes.items():
                text = _readyz(process)
                about = text.partition(":")[0]
                if before.get(number) != about:
                    self.tell(f"replica {number}: {text}")
                before[number] = about
            await asyncio.sleep(1.0)


def _readyz(process: Process) -> str:
    if process.made is None or not process.alive:
        return "no answer"
    return _NUMBERS.sub("#", process.made.readiness() or "ready")


@contextlib.contextmanager
def nonces(seed: int) -> Iterator[None]:
    """Whoever asks by a door draws a nonce, which is the same in each play of a plan."""
    drawn, before = Random(f"nonces {seed}"), secrets.token_hex
    secrets.token_hex = lambda nbytes=None: drawn.randbytes(nbytes or 32).hex()
    try:
        yield
    finally:
        secrets.token_hex = before


def _words(on: str) -> tuple[str, Mapping[str, str]]:
    """``pause by ann of upgrade/mesh``: a verb, and what is said of it."""
    verb, *rest = on.split()
    return verb, dict(zip(rest[::2], rest[1::2], strict=True))


def _page(world: World, mishap: Mishap, _: Process | None) -> None:
    """Somebody presses at the page of a replica, or so many people at once."""
    name, _subject = world.subjects[mishap.who]
    verb, said = _words(mishap.on)
    kind, *where = said.get("of", f"rollout/{NAMESPACE}/{name}").split("/")
    place = Place(kind, *(where if len(where) > 1 else ("", *where)))
    process = world.processes[int(mishap.value)]
    for who in said.get("by", ANN_AT_HOME).split("+"):
        slow = float(said.get("after", 0.0))
        world.doors.page(process, place, Verb(verb), "" if who == "nobody" else who, slow)


def _command(world: World, mishap: Mishap, _: Process | None) -> None:
    name, _subject = world.subjects[mishap.who]
    verb, said = _words(mishap.on)
    world.doors.command(said.get("of", name), Verb(verb), said.get("by", ANN_AT_HOME))


def _approvals(change: Mapping[str, Any], *, earlier: bool = False) -> Json:
    """The strategy of ``four eyes`` for two people, whose approval has ``change``."""
    who = {**objects.APPROVAL, "approvers": [objects.ANN], "quorum": 2, "notAuthor": True}
    asks = {} if change.get("quorum") == 0 else {"approval": {**who, **change}}
    first = {"weight": 10 if not earlier else 5, "bake": "10s", **asks}
    return {"canary": {"steps": [first, {"weight": 50, "bake": "20s"}]}}


APPROVALS: Mapping[str, tuple[Json, bool]] = {
    "as at first": (_approvals({}), False),
    "one of two": (_approvals({"quorum": 1}), True),
    "three": (_approvals({"quorum": 3}), False),
    "anybody": (_approvals({"approvers": []}), True),
    "others, too": (_approvals({"approvers": [objects.ANN, objects.EVE]}), True),
    "authors, too": (_approvals({"notAuthor": False}), True),
    "earlier": (_approvals({}, earlier=True), False),
    "nobody": (_approvals({"quorum": 0}), True),
    "others": (_approvals({"approvers": [objects.EVE]}), True),
    "sooner over": (_approvals({"expires": "1m"}), False),
}
"""Strategies whose approvals are others, and whether they ask less of people."""


def _rewritten(world: World, mishap: Mishap, _: Process | None) -> None:
    """Git asks for other approvals; with a value, for a revision that is none, too."""
    name, _subject = world.subjects[mishap.who]
    for strategy, eases in APPROVALS.values():
        world.laws.git.eases[json.dumps(strategy)] = eases
    world.strategies[name] = APPROVALS[mishap.on][0]
    if mishap.value:
        world.asked[name] = f"v{mishap.value:g}"
    world.laws.respecified(name)
    world.commit_files()


def _accepts(world: World, _: Mishap, __: Process | None) -> None:
    """A person accepts the commit that the source holds, as ``rollout accept`` does it."""
    held = world.server.get("RolloutSource", NAMESPACE, "git") or {"metadata": {}}
    if commit := (held.get("status") or {}).get("held"):
        world.laws.git.accepted.add(commit)
        notes = {**(held["metadata"].get("annotations") or {}), manifests.ACCEPT: commit}
        ops = [{"op": "add", "path": "/metadata/annotations", "value": notes}]
        world.server.change("RolloutSource", NAMESPACE, "git", ops)


def _known(world: World, mishap: Mishap, _: Process | None) -> None:
    """Slack knows whose the author's address is; by a later commit another has written all."""
    world.chat.emails["ann@example.com"] = mishap.on or objects.EVE
    if mishap.value:
        world.repo.author = "bob@example.com"
        world.chat.emails["bob@example.com"] = objects.EVE
        world.commit_files()


DO: Mapping[str, Callable[[World, Mishap, Process | None], None]] = {
    "page": _page,
    "command": _command,
    "approvals written": _rewritten,
    "accepted": _accepts,
    "author known": _known,
}
