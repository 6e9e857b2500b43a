"""Forges as the controller has them: push webhooks that come in, and reports that go out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rollout.cli import policy, settings
from rollout.controller import loop
from rollout.controller.app import Beside, Controller
from rollout.controller.forges.reporting import Reporting
from rollout.controller.ports import Forges
from rollout.controller.sources.pushed import Nudged, Pushes
from rollout.edges.forge.hooks import SHORTEST_KEY
from rollout.errors import OutsideError, RefusedError
from rollout.model.forge import Push
from rollout.web import push

SECRET = "PUSH_WEBHOOK_SECRET"


def shared(given: policy.PushPolicy) -> Callable[[], Sequence[str]]:
    """The operator's secrets for push webhooks, as they are now; none where there are none.

    Errors: ``RefusedError``, also later, for a file that cannot be read; at once for a secret that
    can be guessed.
    """
    text = settings.kept(SECRET, given.secret)
    if text is None:
        return tuple
    if any(len(one.encode()) < SHORTEST_KEY for one in text().split()):
        where = given.secret or SECRET
        raise RefusedError(f"{where}: is short; {SHORTEST_KEY} bytes or more are wanted")
    return lambda: text().split()


def reporting(forges: Forges) -> Beside:
    """Forges are told how far each commit came, for as long as the controller runs."""

    async def beside(controller: Controller) -> None:
        kube = controller.outside.kube
        told = Reporting(kube, forges, controller.leads)
        kube.listen(told.changed)
        controller.when_leading(told.begin)
        await told.run()

    return beside


@dataclass(slots=True)
class Inbound:
    """The door for push webhooks, and who is behind it once the controller runs."""

    shared: Callable[[], Sequence[str]]
    pushes: Pushes | None = None

    def door(self) -> push.Door:
        """Where forges' requests come in."""
        return push.Door(self._secrets, loop.clock, self._pushed)

    async def _secrets(self, source: str) -> Sequence[str]:
        return await self._ready().secrets(source)

    async def _pushed(self, told: Push, only: str) -> Nudged:
        return await self._ready().pushed(told, only)

    def _ready(self) -> Pushes:
        if self.pushes is None:
            raise OutsideError("push webhooks: not ready yet")
        return self.pushes
