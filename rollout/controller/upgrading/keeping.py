"""What one upgrade remembers: read from the API, written by compare-and-swap, by nobody else.

As with a Rollout, what only gathers evidence is kept in memory and written once a minute.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime

from rollout import requests
from rollout.controller.keeping import complaining, epochs, finalizer
from rollout.controller.keeping.finalizer import Parting, at_once
from rollout.controller.keeping.store import LAZY, without_numbers
from rollout.controller.keeping.swap import unchanged
from rollout.controller.ports import Json, Kube
from rollout.errors import ManifestError
from rollout.manifest import objects, upgrades
from rollout.manifest.upgrades import KIND
from rollout.model.reasons import Verb
from rollout.model.upgrade import ControlPlaneUpgrade
from rollout.model.upgrading import State, UpgradeStatus

NOT_BEGUN = frozenset({State.IDLE, State.PREFLIGHT, State.DONE, State.RETURNED})
"""States in which nothing is on its way: what is asked must be read before anything is."""


@dataclass(frozen=True, slots=True)
class Held:
    """One ControlPlaneUpgrade as a look finds it: the object, what it asks, what is remembered.

    ``problem``: why what it asks now cannot be read; ``upgrade`` is then the last that could.
    """

    obj: Json
    upgrade: ControlPlaneUpgrade
    status: UpgradeStatus
    problem: str = ""

    @property
    def finalized(self) -> bool:
        """Whether our finalizer holds the object until we let it go."""
        return finalizer.is_on(self.obj)


@dataclass(slots=True)
class _Ahead:
    """A status that may be newer than the stored one; only evidence is lost of it by a crash.

    ``newer``: whether it is, so that it is written once its minute is over.
    """

    stored: object
    status: UpgradeStatus
    written_at: datetime
    newer: bool = False


@dataclass(slots=True)
class UpgradeStore:
    """Statuses, in the API server and a little ahead of it in memory."""

    kube: Kube
    parting: Parting = at_once
    _ahead: dict[str, _Ahead] = field(default_factory=dict)
    _read: dict[str, ControlPlaneUpgrade] = field(default_factory=dict)

    def load(self, name: str) -> Held | None:
        """The upgrade of that name as it is now; None when there is none.

        One that has moved something goes on as it was last read, so that its way back stays open.
        Errors: ``ManifestError`` when it cannot be read; ``OutsideError`` as ``Kube.get``.
        """
        obj = self.kube.get(KIND, "", name)
        if obj is None:
            self._ahead.pop(name, None)
            self._read.pop(name, None)
            return None
        status = upgrades.status(obj)
        upgrade, problem = self._asked(name, obj, status)
        held = Held(obj, upgrade, status, problem)
        ahead = self._ahead.get(name)
        if ahead is not None and ahead.stored == obj.get("status"):
            return replace(held, status=ahead.status)
        return replace(held, status=epochs.kept(status, ahead.status if ahead else None))

    def _asked(
        self, name: str, obj: Json, status: UpgradeStatus
    ) -> tuple[ControlPlaneUpgrade, str]:
        """What ``obj`` asks; if that cannot be read, what it asked last, and why.

        Where nobody remembers that, since we began after it, its status is enough to go home by.
        """
        try:
            self._read[name] = upgrades.upgrade(obj)
        except ManifestError as error:
            last, meta = self._read.get(name), obj["metadata"]
            begun = status.state not in NOT_BEGUN or meta.get("deletionTimestamp")
            if last is not None and last.uid == meta.get("uid", "") and begun:
                return replace(last, **objects.heard(obj)), str(error)
            if (kept := _going_home(obj, status)) is not None:
                return kept, str(error)
            raise
        return self._read[name], ""

    async def save(self, held: Held, status: UpgradeStatus, now: datetime) -> Held:
        """``held`` with ``status`` remembered; written if it matters, before anything is done.

        Errors: ``ConflictError`` when somebody wrote the object since it was read.
        """
        name, stored = held.upgrade.name, held.obj.get("status")
        ahead = self._ahead.get(name)
        newer = status != held.status or (ahead is not None and ahead.newer)
        if not newer:
            return held
        due = ahead is not None and now - ahead.written_at >= LAZY
        if due or worth_saving(held.status, status):
            return await self.write(held, status, now)
        since = ahead.written_at if ahead else now
        self._ahead[name] = _Ahead(stored, status, since, newer=True)
        return replace(held, status=status)

    async def add_finalizer(self, held: Held) -> Held:
        """``held`` with our finalizer on the object, so that its way back can be gone."""
        if held.finalized or held.upgrade.deleting:
            return held
        obj = await self._patch(held, [unchanged(held.obj), finalizer.put_on(held.obj)])
        return replace(held, obj=obj)

    async def remove_finalizer(self, held: Held) -> None:
        """Our finalizer is gone; the API server deletes the object."""
        if held.finalized:
            await self.parting(held.obj)
            await self._patch(held, [unchanged(held.obj), finalizer.taken_off(held.obj)])

    async def complain(self, name: str, because: str, now: datetime) -> None:
        """The status of an upgrade that cannot be read says ``because``; all else in it stays."""
        await complaining.complain(self.kube, (KIND, "", name), because, upgrades.unread_json, now)

    def forget(self) -> None:
        """Nothing is known that is not in the API server: another replica may have written."""
        self._ahead.clear()
        self._read.clear()

    def names(self) -> tuple[str, ...]:
        """Every upgrade there is. Errors: ``OutsideError`` while they are not listed."""
        return tuple(str(obj["metadata"]["name"]) for obj in self.kube.list(KIND))

    async def write(self, held: Held, status: UpgradeStatus, now: datetime) -> Held:
        """``held`` with ``status``, stored now. Errors: as ``save``."""
        value = upgrades.status_json(status, held.obj.get("status") or {}, now)
        ops = [unchanged(held.obj), {"op": "add", "path": "/status", "value": value}]
        obj = await self._patch(held, ops, "status")
        self._ahead[held.upgrade.name] = _Ahead(obj.get("status"), status, now)
        return replace(held, obj=obj, status=status)

    async def _patch(self, held: Held, ops: list[Json], subresource: str = "") -> Json:
        return await self.kube.patch(KIND, "", held.upgrade.name, ops, subresource)


def worth_saving(old: UpgradeStatus, new: UpgradeStatus) -> bool:
    """Whether anything changed but what was gathered, and numbers in the sentence that tells it."""
    attempt = replace(
        old.attempt,
        checkpoint=new.attempt.checkpoint,
        verdicts=new.attempt.verdicts,
        warnings=new.attempt.warnings,
    )
    told = without_numbers(old.because) != without_numbers(new.because)
    gathered = replace(old, attempt=attempt, because=new.because)
    return told or gathered != new


def _going_home(obj: Json, status: UpgradeStatus) -> ControlPlaneUpgrade | None:
    """The upgrade as its status has it, if it is on its way home or is to go there."""
    kept = upgrades.remembered(obj, status)
    if kept is None or status.attempt.removing:
        return None
    asked, begun = requests.anew(kept, status), status.state not in NOT_BEGUN
    aborted = asked is not None and asked.verb is Verb.ABORT and begun
    return kept if kept.deleting or aborted or status.state is State.RETURNING else None
