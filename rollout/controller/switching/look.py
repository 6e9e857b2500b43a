"""One look at one switchover: ask, observe, decide, save, act; the order is the safety."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rollout import requests
from rollout.controller import telemetry
from rollout.controller.instruments import SUCCESS, Instruments
from rollout.controller.keeping.store import without_numbers
from rollout.controller.loop import Trouble
from rollout.controller.sharing import Leads, insist, namespace_of
from rollout.controller.switching.doing import Performer
from rollout.controller.switching.seeing import Observer
from rollout.controller.switching.store import Held, Store
from rollout.errors import ConflictError, ManifestError
from rollout.model.switching import SwitchDecision
from rollout.model.units import sentence
from rollout.upgrade import switchover as core

SENTENCE = 200  # of a reason that is an error


@dataclass(slots=True)
class Looks:
    """Looks at ClusterSwitchovers by ``namespace/name``.

    ``leads``: whether this replica may act now; asked again before each write.
    """

    store: Store
    observer: Observer
    performer: Performer
    metrics: Instruments
    clock: Callable[[], datetime]
    leads: Leads
    gone: Callable[[str], None]

    async def look(self, key: str) -> timedelta | None:
        """What time alone makes worth another look; None: only an event can.

        Errors: any of ours, and nothing has been done after it.
        """
        if not self.leads(namespace_of(key)):
            self.gone(key)
            return None
        held = self.store.load(key)
        if held is None or (held.switchover.deleting and not held.finalized):
            self.gone(key)
            return None
        questions = core.ask(held.switchover, held.status, self.clock())
        seen = await self.observer.see(held, questions)
        fresh = self.store.load(key)
        if fresh is None:
            return timedelta(0)
        if fresh.status != held.status:
            raise ConflictError(f"switchover {key}: changed meanwhile; looked at again")
        decision = _told_of(fresh, core.decide(fresh.switchover, fresh.status, seen, self.clock()))
        self._tell(fresh, decision)
        await self._act(fresh, decision)
        self.metrics.reconciled(SUCCESS)
        return decision.look_again

    async def _act(self, held: Held, decision: SwitchDecision) -> None:
        """The status first; whoever loses that race does nothing."""
        insist(self.leads, namespace_of(held.key))
        if decision.actions:
            held = await self.store.add_finalizer(held)
        held = await self.store.save(held, decision.status, self.clock())
        for action in decision.actions:
            insist(self.leads, namespace_of(held.key))
            await self.performer.do(held, action, self.clock())
            self.metrics.acted(type(action).__name__)

    def _tell(self, held: Held, decision: SwitchDecision) -> None:
        for refusal in requests.refusals_since(held.status, decision.status):
            telemetry.info(refusal.because, switchover=held.key, epoch=decision.status.epoch)
        if without_numbers(decision.because) != without_numbers(held.status.because):
            telemetry.info(
                decision.because,
                switchover=held.key,
                phase=decision.status.phase,
                stage=decision.status.stage.name,
                split=decision.status.stage.split,
                epoch=decision.status.epoch,
                attempt=decision.status.attempt.number,
                commit=held.switchover.commit,
            )

    async def troubled(self, trouble: Trouble) -> None:
        """Says why the looks at one switchover fail: to the log, and in its status."""
        text = trouble.said(switchover=trouble.key)
        try:
            held = self.store.load(trouble.key)
        except ManifestError as error:
            if self.leads(namespace_of(trouble.key)):
                await self.store.complain(trouble.key, sentence(str(error), SENTENCE), self.clock())
            return
        if held is not None and self.leads(namespace_of(held.key)):
            status = replace(held.status, because=sentence(text, SENTENCE))
            await self.store.save(held, status, self.clock())


def _told_of(held: Held, decision: SwitchDecision) -> SwitchDecision:
    """The decision, whose sentence says why it does not follow what the object asks now."""
    if not held.problem:
        return decision
    because = sentence(held.problem, SENTENCE)
    return replace(decision, because=because, status=replace(decision.status, because=because))
