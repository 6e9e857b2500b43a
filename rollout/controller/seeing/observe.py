"""Questions to an Observation, through the ports; nothing is judged here."""

import asyncio
from dataclasses import dataclass, replace

from rollout.controller.keeping.inbox import Inbox
from rollout.controller.keeping.store import Held
from rollout.controller.ports import Answers, Kube, Metrics, Proxies
from rollout.controller.seeing import concerns, mesh, pods, preflight, serving
from rollout.controller.seeing.hooks import Hooks
from rollout.istio import traffic as mesh_traffic
from rollout.model.observation import (
    Finding,
    HookAnswer,
    NoAnswer,
    Observation,
    ProxySync,
    Questions,
    SeenTraffic,
    SeenWorkload,
)
from rollout.model.status import Outcome, Revision


@dataclass(frozen=True, slots=True)
class Fetched:
    """The slow half of an Observation."""

    answers: Answers
    sync: ProxySync | None
    webhook: HookAnswer | None


def silent(asked: Questions) -> Fetched:
    """The slow half while nobody outside has answered anything yet."""
    names = dict.fromkeys(
        (*(one.metric for one in asked.counts), *(one.metric for one in asked.values))
    )
    told = (NoAnswer(name, Outcome.ERROR, "prometheus: no answer yet") for name in names)
    return Fetched(((), (), tuple(told)), None, None)


@dataclass(slots=True)
class Observer:
    """Fetches what a look asks for: the slow from outside, the rest from the cache afterwards.

    In this order, since what was cached before a slow answer may be out of date after it.
    """

    kube: Kube
    metrics: Metrics
    proxies: Proxies | None
    hooks: Hooks | None
    inbox: Inbox

    async def observe(self, held: Held, asked: Questions) -> Observation:
        """What one look sees. Errors: ``OutsideError`` while the cache cannot be read."""
        return self.see(held, asked, await self.fetch(held, asked))

    async def fetch(self, held: Held, asked: Questions) -> Fetched:
        """What the outside answers."""
        heard = self.hooks.heard(held.key, asked.webhook) if self.hooks else None
        answers, sync = await asyncio.gather(self._metrics(asked), self._sync(asked))
        return Fetched(answers, sync, heard)

    def see(self, held: Held, asked: Questions, fetched: Fetched) -> Observation:
        """The answers, and the cache as it is now. Errors: as ``observe``."""
        rollout, (counts, values, no_answers) = held.rollout, fetched.answers
        revision, problem = pods.asked(self.kube, rollout)
        if held.problem:
            revision, problem = None, held.problem
        workloads = self._workloads(held, asked, revision)
        traffic = self._traffic(held, asked, workloads)
        return Observation(
            asked=revision,
            traffic=traffic,
            workloads=workloads,
            counts=counts,
            values=values,
            no_answers=no_answers,
            sync=fetched.sync,
            autoscaler=pods.autoscaler(self.kube, rollout),
            webhook=fetched.webhook,
            answers=self.inbox.answers(rollout, held.status.attempt),
            findings=self._findings(held, asked, revision),
            strangers=pods.strangers(self.kube, rollout, held.status.stable),
            reached=serving.reached(self.kube, rollout, traffic) if asked.reached else {},
            problem=problem,
        )

    def concerns(self, held: Held, asked: Questions) -> frozenset[str]:
        """What must wake this rollout from now on."""
        revision, _ = pods.asked(self.kube, held.rollout)
        revisions = (*asked.revisions, *([revision] if revision else []))
        return concerns.for_rollout(held.rollout, pods.interests(held.rollout, revisions))

    async def _metrics(self, asked: Questions) -> Answers:
        if not asked.counts and not asked.values:
            return (), (), ()
        return await self.metrics.ask(asked.counts, asked.values)

    async def _sync(self, asked: Questions) -> ProxySync | None:
        if asked.since is None or self.proxies is None:
            return None
        return await self.proxies.synced(asked.since)

    def _findings(
        self, held: Held, asked: Questions, revision: Revision | None
    ) -> tuple[Finding, ...]:
        if not asked.preflight:
            return ()
        status = held.status
        return preflight.findings(
            self.kube, held.rollout, asked, status.stable, status.canary or revision
        )

    def _traffic(
        self, held: Held, asked: Questions, workloads: dict[str, SeenWorkload]
    ) -> SeenTraffic:
        adopted = held.status.stable is not None
        problems = mesh.problems(self.kube, held.rollout, adopted=adopted)
        found = mesh_traffic.seen(
            mesh.virtual_services(self.kube, asked.target),
            mesh.destination_rules(self.kube, asked.target),
            asked.target,
            None if asked.released else asked.route,
            {name: workload.labels for name, workload in workloads.items()},
        )
        return replace(found, problems=(*problems, *found.problems))

    def _workloads(
        self, held: Held, asked: Questions, revision: Revision | None
    ) -> dict[str, SeenWorkload]:
        names = [r.name for r in (*asked.revisions, revision) if r is not None]
        return {name: pods.seen(self.kube, held.rollout, name) for name in names}
