"""What a look at an upgrade sees: the mesh from the caches, and what is asked of the outside."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from rollout.controller import rights
from rollout.controller.guard import Guard
from rollout.controller.keeping.inbox import Inbox
from rollout.controller.ports import Answers, Istiods, Json, Kube, Metrics, Reviews, Trials
from rollout.controller.rights import Need
from rollout.controller.seeing.listing import Listing
from rollout.controller.upgrading import owned, trials
from rollout.errors import OutsideError
from rollout.istio.revisions import syncz
from rollout.manifest.upgrades import KIND
from rollout.model.finding import Finding, Severity
from rollout.model.inventory import Inventory, Unread
from rollout.model.observation import NoAnswer, ValueQuestion
from rollout.model.ref import Ref
from rollout.model.status import Outcome
from rollout.model.upgrade import ControlPlaneUpgrade
from rollout.model.upgradelook import Brake, MeshObservation, MeshQuestions, Tried, Try
from rollout.model.upgrading import Recorded
from rollout.upgrade import inventory as mesh
from rollout.upgrade import rules
from rollout.upgrade.rules.case import Case

CRD = "CustomResourceDefinition"
UNREAD = "UPG-000"
"""The rule of what cannot be read, so that other rules cannot be asked of it."""


@dataclass(slots=True)
class Surveyor:
    """Reads the mesh; nothing is judged or written here.

    ``inbox``: whether people can be asked in a chat; None: nobody is to be asked at all.
    ``kinds``: which of the inventory's kinds an API server may lack, to their CRDs' names.
    """

    kube: Kube
    reviews: Reviews
    trials: Trials
    metrics: Metrics
    istiods: Istiods | None
    kinds: Mapping[str, str]
    inbox: Inbox | None = None
    guard: Guard = field(default_factory=Guard)
    _listing: Listing = field(init=False)

    def __post_init__(self) -> None:
        self._listing = Listing(self.kube)

    async def inventory(self, upgrade: ControlPlaneUpgrade, *, asked: bool = False) -> Inventory:
        """All of the mesh as it is now; what could not be read is named in it. Errors: none.

        ``asked``: whether preflight is to be: what we may not do, and all that its rules read.
        """
        await self._listing.until([CRD])
        await self._listing.until(self._present())
        objects: dict[str, Sequence[Json]] = {}
        unread: list[Unread] = []
        for kind in self._present():
            try:
                objects[kind] = self.kube.list(kind)
            except OutsideError as error:
                unread.append(Unread(kind, str(error)))
        denied = await self._denied() if asked else None
        beside = mesh.Beside(
            kubernetes=await self._version() if asked else "",
            denied=denied,
            upgrade=upgrade.name,
            rules=asked,
            unread=tuple(unread),
        )
        made = mesh.inventory(objects, upgrade.spec.istio_namespace, beside)
        pages = await self._pages(made)
        if pages is None:
            return made
        return replace(made, proxies=syncz.states(pages))

    async def _version(self) -> str:
        """The API server's; empty: it does not tell."""
        return await self.guard.hear("version", self.reviews.version(), lambda _: "")

    async def _denied(self) -> tuple[str, ...] | None:
        """What we would have to do and may not; None: the API server does not tell."""
        present = {*self._present()}
        wanted = [
            call
            for call in rights.calls(frozenset({Need.UPGRADES}))
            if self.kinds.get(call.kind, "") == "" or call.kind in present
        ]
        answers = await self.guard.hear("rights", self._answers(wanted), lambda _: None)
        if answers is None:
            return None
        return tuple(
            f"{call.verb} {call.kind}" for call, may in zip(wanted, answers, strict=True) if not may
        )

    async def _answers(self, wanted: Sequence[rights.Call]) -> list[bool] | None:
        asking = (self.reviews.may(call.verb, call.kind, call.subresource) for call in wanted)
        return await asyncio.gather(*asking)

    async def _pages(self, inventory: Inventory) -> Sequence[tuple[str, object]] | None:
        """What every istiod says of its proxies, with its revision; None: not all could be asked.

        What one of them does not say might be what matters.
        """
        if self.istiods is None:
            return None
        names = tuple((each.name, each.namespace, each.service) for each in inventory.revisions)
        return await self.guard.hear("istiod", self.istiods.pages(names), lambda _: None)

    def _present(self) -> Iterable[str]:
        """The kinds that the API server has: of one that it lacks there is nothing to read."""
        try:
            known = {str(obj["metadata"]["name"]) for obj in self.kube.list(CRD)}
        except OutsideError:
            known = set()
        return [kind for kind in mesh.KINDS if self.kinds.get(kind, "") in {"", *known}]

    async def observe(
        self,
        upgrade: ControlPlaneUpgrade,
        inventory: Inventory,
        asked: MeshQuestions,
        now: datetime,
    ) -> MeshObservation:
        """The answers to ``asked``. Errors: none."""
        answers, tried, brake, members, counted = await asyncio.gather(
            self._metrics(asked),
            self._tried(asked),
            self._brake(asked, inventory.namespace),
            self._members(asked),
            self._counted(now) if asked.preflight else _nobody(),
        )
        objects, unread = self._objects(asked.objects)
        counts, values, no_answers = answers
        return MeshObservation(
            inventory=inventory,
            objects=objects,
            unread=unread,
            tried=tried,
            brake=brake,
            findings=self._findings(upgrade, inventory, now, counted) if asked.preflight else (),
            recorded=self._recorded(inventory, asked.record) if asked.record else None,
            counts=counts,
            values=values,
            no_answers=no_answers,
            unasked=self.inbox.unasked(Ref(KIND, "", upgrade.name)) if self.inbox else None,
            members=members,
        )

    async def _members(self, asked: MeshQuestions) -> Mapping[str, frozenset[str]]:
        if self.inbox is None:
            return {}
        return await self.guard.hear("slack", self.inbox.members(asked.groups), lambda _: {})

    def _objects(self, refs: Iterable[Ref]) -> tuple[dict[Ref, Json], dict[Ref, str]]:
        found: dict[Ref, Json] = {}
        unread: dict[Ref, str] = {}
        for ref in refs:
            try:
                obj = self.kube.get(ref.kind, ref.namespace, ref.name)
            except OutsideError as error:
                unread[ref] = str(error)
                continue
            if obj is not None:
                found[ref] = obj
        return found, unread

    async def _metrics(self, asked: MeshQuestions) -> Answers:
        if not asked.counts and not asked.values:
            return (), (), ()
        names = [one.metric for one in asked.counts] + [one.metric for one in asked.values]

        def silent(why: str) -> Answers:
            return (), (), tuple(NoAnswer(n, Outcome.ERROR, why) for n in dict.fromkeys(names))

        asking = self.metrics.ask(asked.counts, asked.values)
        return await self.guard.hear("prometheus", asking, silent)

    async def _counted(self, now: datetime) -> bool:
        """Whether Prometheus answers at all."""
        question = ValueQuestion("prometheus", "vector(1)", now)
        nothing: Answers = ((), (), ())
        asking = self.metrics.ask((), (question,))
        _, values, _ = await self.guard.hear("prometheus", asking, lambda _: nothing)
        return bool(values)

    async def _tried(self, asked: MeshQuestions) -> Mapping[Try, Tried]:
        trying = trials.tried(self.trials, asked.tries)
        return await self.guard.hear("a pod tried", trying, lambda _: {})

    async def _brake(self, asked: MeshQuestions, namespace: str) -> Brake | None:
        if not asked.brake:
            return None
        trying = trials.brake(self.trials, namespace, asked.brake_ahead)
        return await self.guard.hear("a VirtualService tried", trying, lambda _: None)

    def _recorded(self, inventory: Inventory, revision: str) -> tuple[Recorded, ...] | None:
        what = f"the objects of {revision}"
        return self.guard.read(
            what, lambda: owned.recorded(self.kube, inventory, revision), lambda _: None
        )

    def _findings(
        self,
        upgrade: ControlPlaneUpgrade,
        inventory: Inventory,
        now: datetime,
        counted: bool | None,
    ) -> tuple[Finding, ...]:
        """What the rules say; where they cannot be asked at all, nothing begins."""
        return self.guard.read(
            f"{upgrade.key}: preflight",
            lambda: rules.findings(Case.of(upgrade.name, upgrade.spec, inventory, now, counted)),
            lambda why: (Finding(UNREAD, Severity.BLOCK, why),),
        )


async def _nobody() -> None:
    """The answer of nobody to a question that was not asked."""
