"""One look at one upgrade: survey, ask, observe, decide, save, act; the order is the safety."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rollout import requests
from rollout import upgrade as core
from rollout.controller import telemetry
from rollout.controller.instruments import SUCCESS, Instruments
from rollout.controller.keeping.store import without_numbers
from rollout.controller.loop import Trouble
from rollout.controller.sharing import Leads, insist
from rollout.controller.upgrading.doing import Performer
from rollout.controller.upgrading.keeping import Held, UpgradeStore
from rollout.controller.upgrading.seeing import Surveyor
from rollout.errors import ConflictError, ManifestError, OutsideError
from rollout.manifest.upgrades import KIND
from rollout.model.inventory import Inventory
from rollout.model.units import sentence
from rollout.model.upgradelook import UpgradeDecision
from rollout.model.upgrading import State

AT_REST = frozenset({State.DONE, State.RETURNED})


@dataclass(slots=True)
class UpgradeLooks:
    """Looks at ControlPlaneUpgrades by name.

    ``leads``: whether this replica may act now; asked again before each write.
    """

    store: UpgradeStore
    surveyor: Surveyor
    performer: Performer
    metrics: Instruments
    clock: Callable[[], datetime]
    leads: Leads

    async def look(self, name: str) -> timedelta | None:
        """What time alone makes worth another look; None: only an event can.

        Errors: any of ours, and nothing has been done after it.
        """
        if not self._leads():
            self.store.forget()  # whoever leads now writes what we do not know
            return None
        held = self.store.load(name)
        if held is None or (held.upgrade.deleting and not held.finalized):
            return None
        inventory = await self._surveyed(held)
        now = self.clock()
        asked = core.ask(held.upgrade, held.status, inventory, now)
        seen = await self.surveyor.observe(held.upgrade, inventory, asked, now)
        decision = _told_of(held, core.decide(held.upgrade, held.status, seen, self.clock()))
        self._tell(held, decision)
        await self._act(held, decision)
        self.metrics.reconciled(SUCCESS)
        return decision.look_again

    async def _surveyed(self, held: Held) -> Inventory:
        """The mesh; of an upgrade at rest nothing of it matters, and it is large."""
        if held.status.state in AT_REST:
            return Inventory(namespace=held.upgrade.spec.istio_namespace)
        asked = held.status.state is State.PREFLIGHT
        return await self.surveyor.inventory(held.upgrade, asked=asked)

    async def _act(self, held: Held, decision: UpgradeDecision) -> None:
        """The status first; whoever loses that race does nothing."""
        insist(self.leads, "")
        if held.status.state not in AT_REST or decision.status.state not in AT_REST:
            held = await self.store.add_finalizer(held)
        held = await self.store.save(held, decision.status, self.clock())
        for action in decision.actions:
            insist(self.leads, "")
            await self.performer.do(held, action, self.clock())
            self.metrics.acted(type(action).__name__)

    def _leads(self) -> bool:
        return self.leads("")

    async def troubled(self, trouble: Trouble) -> None:
        """Says why the looks at one upgrade fail: to the log, and in its status."""
        text = trouble.said(upgrade=trouble.key)
        if not self._leads():
            return
        try:
            held = self.store.load(trouble.key)
        except ManifestError as error:
            await self.store.complain(trouble.key, sentence(str(error)), self.clock())
            return
        if held is not None:
            if not isinstance(trouble.error, OutsideError | ConflictError):
                await self.performer.failed(held, text, self.clock())
            status = replace(held.status, because=sentence(text))
            await self.store.save(held, status, self.clock())

    def _tell(self, held: Held, decision: UpgradeDecision) -> None:
        for refusal in requests.refusals_since(held.status, decision.status):
            telemetry.info(refusal.because, upgrade=held.upgrade.name, epoch=decision.status.epoch)
        if without_numbers(decision.because) != without_numbers(held.status.because):
            stop = decision.status.attempt.stop
            telemetry.info(
                decision.because,
                upgrade=held.upgrade.name,
                phase=decision.status.phase,
                state=decision.status.state,
                stop=stop.name if stop else None,
                epoch=decision.status.epoch,
            )


def _told_of(held: Held, decision: UpgradeDecision) -> UpgradeDecision:
    """The decision, whose sentence says that the object cannot be read as it is now."""
    if not held.problem:
        return decision
    problem = held.problem.removeprefix(f"{KIND.lower()} {held.upgrade.name}: ")
    because = sentence(f"goes on as it was: {problem}")
    return replace(decision, because=because, status=replace(decision.status, because=because))
