"""Questions to an Observation, through the ports; nothing is judged here."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from rollout.controller.guard import Guard
from rollout.controller.keeping.inbox import Inbox
from rollout.controller.keeping.store import Held
from rollout.controller.ports import Answers, Kube, Metrics, Proxies
from rollout.controller.seeing import concerns, glance, mesh, pods, preflight, serving
from rollout.controller.seeing.listing import Listing
from rollout.model.finding import Finding, Severity
from rollout.model.observation import (
    HookAnswer,
    HookQuestion,
    NoAnswer,
    Observation,
    ProxySync,
    Questions,
    SeenAutoscaler,
    SeenTraffic,
    SeenWorkload,
    Serving,
)
from rollout.model.ref import Ref
from rollout.model.spec import Rollout
from rollout.model.status import Outcome, Revision

READ = ("Service", "Deployment", "Pod", "EndpointSlice", "AnalysisTemplate")
"""Neighbours that every look reads."""


Heard = Callable[[str, HookQuestion | None], HookAnswer | None]
"""What the gate of a rollout's step has said, which is asked from then on; None: nothing yet."""


def no_gates(_: str, __: HookQuestion | None) -> HookAnswer | None:
    """Where none is asked, as by whoever rehearses a journey."""
    return None


@dataclass(frozen=True, slots=True)
class Fetched:
    """The slow half of an Observation."""

    answers: Answers
    sync: ProxySync | None
    webhook: HookAnswer | None
    members: Mapping[str, frozenset[str]] = field(default_factory=dict)


def silent(asked: Questions) -> Fetched:
    """The slow half while nobody outside has answered anything yet."""
    return Fetched(unanswered(asked, "prometheus: no answer yet"), None, None)


def unanswered(asked: Questions, because: str) -> Answers:
    """No answer to any of Prometheus' questions, for this reason."""
    names = {one.metric: None for one in asked.counts} | {one.metric: None for one in asked.values}
    return (), (), tuple(NoAnswer(name, Outcome.ERROR, because) for name in names)


@dataclass(slots=True)
class Observer:
    """Fetches what a look asks for: the slow from outside, the rest from the cache afterwards.

    In this order, since what was cached before a slow answer may be out of date after it.
    Each thing is read through the ``guard``: only what this rollout itself writes, its routes and
    its status, can keep a look from being one.
    """

    kube: Kube
    metrics: Metrics
    proxies: Proxies | None
    heard: Heard
    inbox: Inbox
    moved_by: Callable[[str], str] = lambda _: ""
    guard: Guard = field(default_factory=Guard)
    _listing: Listing = field(init=False)

    def __post_init__(self) -> None:
        self._listing = Listing(self.kube)

    async def observe(self, held: Held, asked: Questions) -> Observation:
        """What one look sees. Errors: ``OutsideError`` while the mesh's objects cannot be read."""
        return self.see(held, asked, await self.fetch(held, asked))

    async def fetch(self, held: Held, asked: Questions) -> Fetched:
        """What the outside answers. Errors: none."""
        heard = self.guard.read("webhook", lambda: self._heard(held, asked), lambda _: None)
        listed = self._listing.until(self._kinds(held.rollout, asked))
        if self.waits(held, asked) > 1:
            found = await asyncio.gather(
                self._answers(asked), self._sync(asked), self._members(asked), listed
            )
            return Fetched(found[0], found[1], heard, found[2])
        await listed  # one by one: at most one of them takes time, and a task for each takes more
        answers, sync = await self._answers(asked), await self._sync(asked)
        return Fetched(answers, sync, heard, await self._members(asked))

    def waits(self, held: Held, asked: Questions) -> int:
        """How many others ``fetch`` has to wait for, of four; often none."""
        prometheus = bool(asked.counts or asked.values)
        istiod = asked.since is not None and self.proxies is not None
        kubernetes = not self._listing.known(self._kinds(held.rollout, asked))
        return sum((prometheus, istiod, bool(asked.groups), kubernetes))

    def see(self, held: Held, asked: Questions, fetched: Fetched) -> Observation:
        """The answers, and the cache as it is now. Errors: as ``observe``."""
        if asked.subject is not None:
            held = replace(held, rollout=asked.subject.named_by(held.rollout))
        rollout, (counts, values, no_answers) = held.rollout, fetched.answers
        revision, problem = self._asked(held)
        if held.problem:
            revision, problem = None, held.problem
        workloads = self._workloads(held, asked, revision)
        traffic = self._traffic(held, asked)
        return Observation(
            asked=revision,
            traffic=traffic,
            workloads=workloads,
            counts=counts,
            values=values,
            no_answers=no_answers,
            sync=fetched.sync,
            autoscaler=self._autoscaler(rollout),
            webhook=fetched.webhook,
            unasked=self.inbox.unasked(Ref("Rollout", rollout.namespace, rollout.name)),
            members=fetched.members,
            findings=self._findings(held, asked, revision),
            strangers=self._strangers(held),
            reached=self._reached(rollout, traffic) if asked.reached else None,
            problem=problem,
        )

    def concerns(self, held: Held, asked: Questions) -> frozenset[str]:
        """What must wake this rollout from now on."""
        revision, _ = self._asked(held)
        revisions = (*asked.revisions, *([revision] if revision else []))
        found = mesh.concerns_beside(self.kube, asked.target, asked.route)
        began = asked.subject.named_by(held.rollout) if asked.subject else held.rollout
        for rollout in (held.rollout, began):
            found |= concerns.for_rollout(rollout, pods.interests(rollout, revisions))
        return found

    @staticmethod
    def _kinds(rollout: Rollout, asked: Questions) -> set[str]:
        """Those that this look reads."""
        kinds = {*READ, *(one.kind for one in pods.named(rollout))}
        kinds |= {*preflight.KINDS} if asked.preflight else set()
        return kinds | ({pods.HPA} if rollout.spec.workload.autoscaler else set())

    def _asked(self, held: Held) -> tuple[Revision | None, str]:
        """What git asks for; by name alone where what its Deployment runs cannot be read.

        That git went back to stable is heard even where stable's configuration is gone by now.
        """
        rollout, status = held.rollout, held.status
        before = status.stable if status.attempt.canary is not None else None
        if rollout.spec.workload.template is None:
            named = Revision(rollout.spec.revision, rollout.commit)
            what = f"deployment {rollout.namespace}/{rollout.deployment(named.name)}"
            return self.guard.read(
                what, lambda: pods.asked(self.kube, rollout), lambda _: (named, "")
            )
        what = f"rollout {rollout.key}: its template's configuration"
        nothing: Callable[[str], tuple[Revision | None, str]] = lambda why: (None, why)  # noqa: E731
        return self.guard.read(what, lambda: pods.asked(self.kube, rollout, before), nothing)

    def _heard(self, held: Held, asked: Questions) -> HookAnswer | None:
        return self.heard(held.key, asked.webhook)

    async def _answers(self, asked: Questions) -> Answers:
        if not asked.counts and not asked.values:
            return (), (), ()
        asking = self.metrics.ask(asked.counts, asked.values)
        return await self.guard.hear("prometheus", asking, lambda why: unanswered(asked, why))

    async def _sync(self, asked: Questions) -> ProxySync | None:
        if asked.since is None or self.proxies is None:
            return None
        return await self.guard.hear("istiod", self.proxies.synced(asked.since), lambda _: None)

    async def _members(self, asked: Questions) -> Mapping[str, frozenset[str]]:
        if not asked.groups:
            return {}
        return await self.guard.hear("slack", self.inbox.members(asked.groups), lambda _: {})

    def _autoscaler(self, rollout: Rollout) -> SeenAutoscaler | None:
        wanted = rollout.spec.workload.autoscaler
        if wanted is None:
            return None
        return self.guard.read(
            f"hpa {rollout.namespace}/{wanted.name}",
            lambda: pods.autoscaler(self.kube, rollout, wanted.name),
            lambda why: SeenAutoscaler(wanted.name, problem=why),
        )

    def _strangers(self, held: Held) -> int:
        """Where they cannot be told, as many as leaves the routes as they are."""
        return self.guard.read(
            f"service {held.rollout.namespace}/{held.rollout.spec.service}: its pods",
            lambda: pods.strangers(self.kube, held.rollout, held.status.stable),
            lambda _: int(held.status.revisions_isolated),
        )

    def _reached(
        self, rollout: Rollout, traffic: SeenTraffic
    ) -> Mapping[str, tuple[Serving, ...]] | None:
        return self.guard.read(
            f"service {rollout.namespace}/{rollout.spec.service}: its pods",
            lambda: serving.reached(self.kube, rollout, traffic),
            lambda _: None,
        )

    def _findings(
        self, held: Held, asked: Questions, revision: Revision | None
    ) -> tuple[Finding, ...]:
        """What the rules say; where they cannot be asked at all, no journey begins."""
        if not asked.preflight:
            return ()
        status = held.status
        canary, space = status.attempt.canary or revision, held.rollout.namespace
        return self.guard.read(
            f"rollout {held.key}: preflight",
            lambda: preflight.findings(
                self.kube, held.rollout, asked.target, status.stable, canary, self.moved_by(space)
            ),
            lambda why: (Finding(preflight.UNREAD, Severity.BLOCK, why),),
        )

    def _traffic(self, held: Held, asked: Questions) -> SeenTraffic:
        route = None if asked.released else asked.route
        found = glance.seen(self.kube, asked.target, route)
        odd = mesh.oddities(self.kube, asked.target) if asked.route.reaches_canary else ()
        problems = (*self._problems(held), *found.problems)
        return replace(found, problems=problems, refused=(*odd, *found.refused))

    def _problems(self, held: Held) -> tuple[str, ...]:
        """Why this Rollout may not begin to manage its service; whoever does goes on, and home."""
        if held.status.stable is not None:
            return ()
        return self.guard.read(
            f"service {held.rollout.namespace}/{held.rollout.spec.service}",
            lambda: mesh.problems(self.kube, held.rollout, adopted=False),
            lambda why: (why,),
        )

    def _workloads(
        self, held: Held, asked: Questions, revision: Revision | None
    ) -> dict[str, SeenWorkload]:
        names = dict.fromkeys(r.name for r in (*asked.revisions, revision) if r is not None)
        return {name: self._workload(held.rollout, name) for name in names}

    def _workload(self, rollout: Rollout, revision: str) -> SeenWorkload:
        called = rollout.deployment(revision)
        return self.guard.read(
            f"deployment {rollout.namespace}/{called}",
            lambda: pods.seen(self.kube, rollout, revision),
            lambda why: SeenWorkload(revision, called, exists=True, problem=why, known=False),
        )
