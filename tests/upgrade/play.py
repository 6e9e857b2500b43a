"""An upgrade played on a mesh in memory, look by look, by the controller's own shell."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from rollout.controller.instruments import Instruments
from rollout.controller.upgrading import trials
from rollout.controller.upgrading.doing import Performer
from rollout.controller.upgrading.keeping import UpgradeStore
from rollout.controller.upgrading.looks import UpgradeLooks
from rollout.controller.upgrading.seeing import Surveyor
from rollout.errors import ConflictError, RefusedError
from rollout.manifest import upgrades
from rollout.model.upgrading import State, UpgradeStatus
from tests.upgrade.cluster import NEW, OLD, SYSTEM, Mesh

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
LEAST = timedelta(seconds=1)
SPEC = {
    "from": OLD,
    "to": NEW,
    "canary": {"name": "canary", "namespaces": ["shop1"], "bake": "1m"},
    "waves": [{"name": "rest", "selector": {"istio.io/rev": OLD}, "bake": "1m"},
              {"name": "by-tag", "tag": "prod", "bake": "1m"}],
    "gateways": [{"deployment": "ingress/gw", "shares": [34, 100], "bake": "1m"}],
    "default": {"bake": "1m"},
    "bake": "10m",
    "analysis": {"onInconclusive": "promote"},
}  # fmt: skip


def manifest(**changes: Any) -> dict[str, Any]:
    """The upgrade of these tests; a change to None takes a field away."""
    spec = {key: value for key, value in {**SPEC, **changes}.items() if value is not None}
    return {
        "apiVersion": "rollout.dev/v1alpha1",
        "kind": "ControlPlaneUpgrade",
        "metadata": {"name": "mesh"},
        "spec": spec,
    }


@dataclass
class Play:
    """Looks, and lets the mesh settle after each; the clock goes on by what the look asked for."""

    mesh: Mesh
    now: datetime = NOON
    settles: bool = True
    told: list[str] = field(default_factory=list)
    _looks: UpgradeLooks | None = None

    def begin(self, **changes: Any) -> "Play":
        self.mesh.put(manifest(**changes))
        return self

    @property
    def looks(self) -> UpgradeLooks:
        if self._looks is None:
            kube = self.mesh.kube
            store = UpgradeStore(kube)
            self._looks = UpgradeLooks(
                store=store,
                surveyor=Surveyor(kube, kube, kube, self.mesh, self.mesh, {}),
                performer=Performer(kube, store, "test"),
                metrics=Instruments(),
                clock=lambda: self.now,
                leads=lambda _: True,
            )
        return self._looks

    def kill(self) -> None:
        """The process is gone with all that it had in memory; another one begins."""
        self._looks = None

    @property
    def status(self) -> UpgradeStatus:
        return upgrades.status(self.mesh.get("ControlPlaneUpgrade", "", "mesh"))

    def look(self, name: str = "mesh") -> timedelta | None:
        refused, done = self.refusal(), len(self.mesh.kube.writes)
        try:
            again = asyncio.run(self.looks.look(name))
        except ConflictError:
            again = LEAST
        self._keeps_its_brake(refused, self.mesh.kube.writes[done:])
        if self.told[-1:] != [self.status.because]:
            self.told.append(self.status.because)
        if self.settles:
            self.mesh.settle()
        self.now += max(LEAST, again or LEAST)
        return again

    def refusal(self) -> str:
        """Why a good VirtualService could not be written now; empty: it could."""
        try:
            self.mesh.kube.admit(trials.virtual_service(SYSTEM, good=True))
        except RefusedError as error:
            return str(error)
        return ""

    def _keeps_its_brake(self, refused: str, writes: list[str]) -> None:
        """No look takes the brake away; where somebody else has, it writes nothing and says so.

        What goes back writes all the same.
        """
        if not refused:
            assert self.refusal() == "", writes
            return
        status = self.status
        if status.state in (State.RETURNING, State.RETURNED) or status.attempt.removing:
            return
        own = ("patch ControlPlaneUpgrade", "create Event")
        assert [one for one in writes if not one.startswith(own)] == []
        assert status.awaits is not None or status.state is State.IDLE, status.because

    def until(self, done: Callable[["Play"], bool], most: int = 400) -> "Play":
        for _ in range(most):
            if done(self):
                return self
            self.look()
        raise AssertionError("\n".join([*self.told[-40:], str(self.status.state)]))

    def to(self, *states: State) -> "Play":
        return self.until(lambda play: play.status.state in states)

    def leaves(self) -> "Play":
        """The upgrade, which was deleted, is looked at until it is let go."""
        for _ in range(400):
            if ("ControlPlaneUpgrade", "", "mesh") not in self.mesh.kube.objects:
                return self
            again = asyncio.run(self.looks.look("mesh"))
            self.mesh.settle()
            self.now += max(LEAST, again or LEAST)
        raise AssertionError(self.status.because)

    def delete(self) -> "Play":
        obj = self.mesh.get("ControlPlaneUpgrade", "", "mesh")
        at = {"deletionTimestamp": self.now.isoformat()}
        self.mesh.put({**obj, "metadata": {**obj["metadata"], **at}})
        return self

    def ask(self, verb: str, nonce: str = "1") -> "Play":
        obj = self.mesh.get("ControlPlaneUpgrade", "", "mesh")
        notes = {
            **(obj["metadata"].get("annotations") or {}),
            "rollout.dev/request": f"{verb}@{nonce}",
        }
        self.mesh.put({**obj, "metadata": {**obj["metadata"], "annotations": notes}})
        return self

    def approve(self) -> "Play":
        return self.until(lambda play: play.status.awaits == "Approval").ask("approve")
