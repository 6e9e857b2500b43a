"""What one switchover remembers: read from the API, written by compare-and-swap, by nobody else.

A status that only gathers evidence is kept in memory and written once a minute, or with the next
one that matters; what a crash loses is gathered again.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime

from rollout import requests
from rollout.controller.keeping import complaining, epochs, finalizer
from rollout.controller.keeping.finalizer import Parting, at_once
from rollout.controller.keeping.store import LAZY
from rollout.controller.keeping.swap import unchanged
from rollout.controller.ports import Json, Kube
from rollout.errors import ConflictError, ManifestError
from rollout.manifest import plain, switchovers
from rollout.manifest.switchovers import KIND
from rollout.model.reasons import Verb
from rollout.model.switchover import MOVED, Switchover, SwitchoverStatus, SwitchStage


@dataclass(frozen=True, slots=True)
class Held:
    """One ClusterSwitchover as a look finds it; as of a Rollout.

    ``problem``: why it does not do what the object asks now: that cannot be read, or is about
    other records; ``switchover`` is then the last that could, or what users were moved by.
    """

    obj: Json
    switchover: Switchover
    status: SwitchoverStatus
    problem: str = ""

    @property
    def key(self) -> str:
        return self.switchover.key

    @property
    def finalized(self) -> bool:
        """Whether our finalizer holds the object until we let it go."""
        return finalizer.is_on(self.obj)


@dataclass(slots=True)
class _Known:
    """What is in memory of one object; ``stored``: the status it had when ``status`` was true."""

    switchover: Switchover
    status: SwitchoverStatus
    stored: object
    written_at: datetime | None = None


@dataclass(slots=True)
class Store:
    """Statuses, in the API server and a little ahead of it in memory."""

    kube: Kube
    parting: Parting = at_once
    _known: dict[str, _Known] = field(default_factory=dict)

    def keys(self) -> tuple[str, ...]:
        """Every ClusterSwitchover there is. Errors: ``OutsideError`` as ``Kube.list``."""
        metas = (obj["metadata"] for obj in self.kube.list(KIND))
        return tuple(f"{meta.get('namespace', '')}/{meta['name']}" for meta in metas)

    def load(self, key: str) -> Held | None:
        """The object of that key as it is now; None when there is none.

        Errors: ``ManifestError`` when neither it nor an earlier form of it can be read.
        """
        namespace, _, name = key.partition("/")
        obj = self.kube.get(KIND, namespace, name)
        if obj is None:
            self._known.pop(key, None)
            return None
        known = self._known.get(key)
        if known is not None and known.switchover.uid != obj["metadata"].get("uid"):
            known = None
        is_true = known is not None and known.stored == obj.get("status")
        status = known.status if known is not None else None
        if status is None or not is_true:
            status = epochs.kept(switchovers.status(obj), status)
        switchover, problem = _read(obj, known, status)
        if known is None or not is_true:
            known = _Known(switchover, status, obj.get("status"))
        known.switchover = switchover
        self._known[key] = known
        return Held(obj, switchover, known.status, problem)

    async def save(self, held: Held, status: SwitchoverStatus, now: datetime) -> Held:
        """``held`` with ``status`` remembered; written if it matters, before anything is done.

        Errors: ``ConflictError`` when somebody wrote the object since it was read, or may have:
        all was forgotten since.
        """
        known = self._known.get(held.key)
        if known is None:
            raise ConflictError(f"switchover {held.key}: somebody may have written it meanwhile")
        late = known.written_at is None or now - known.written_at >= LAZY
        matters = worth_saving(held.status, status)
        if not matters and not (late and status != held.status):
            if known.stored != held.obj.get("status"):
                raise ConflictError(f"switchover {held.key}: somebody wrote it meanwhile")
            known.status = status
            return replace(held, status=status)
        return await self.write(held, status, now)

    async def write(self, held: Held, status: SwitchoverStatus, now: datetime) -> Held:
        """``held`` with ``status``, stored now. Errors: as ``save``."""
        stored = held.obj.get("status") or {}
        value = switchovers.status_json(status, stored, now)
        ops = [unchanged(held.obj), {"op": "add", "path": "/status", "value": value}]
        obj = await self._patch(held, ops, "status")
        if (known := self._known.get(held.key)) is not None:
            known.status, known.stored, known.written_at = status, obj.get("status"), now
        return replace(held, obj=obj, status=status)

    async def add_finalizer(self, held: Held) -> Held:
        """``held`` with our finalizer on the object, so that weights go home before it does."""
        if held.finalized or held.switchover.deleting:
            return held
        obj = await self._patch(held, [unchanged(held.obj), finalizer.put_on(held.obj)])
        return replace(held, obj=obj)

    async def remove_finalizer(self, held: Held) -> None:
        """Our finalizer is gone; the API server deletes the object."""
        if held.finalized:
            await self.parting(held.obj)
            await self._patch(held, [unchanged(held.obj), finalizer.taken_off(held.obj)])

    async def complain(self, key: str, because: str, now: datetime) -> None:
        """The status of one that cannot be read says ``because``; all else in it stays."""
        namespace, _, name = key.partition("/")
        ref, unread = (KIND, namespace, name), switchovers.unread_json
        await complaining.complain(self.kube, ref, because, unread, now)

    def forget(self) -> None:
        """Nothing is known that is not in the API server: another replica may have written."""
        self._known.clear()

    async def _patch(self, held: Held, ops: list[Json], subresource: str = "") -> Json:
        who = held.switchover
        return await self.kube.patch(KIND, who.namespace, who.name, ops, subresource)


def worth_saving(old: SwitchoverStatus, new: SwitchoverStatus) -> bool:
    """Whether anything changed but what was gathered, and the sentence that tells of it."""
    attempt = replace(
        old.attempt,
        checkpoint=new.attempt.checkpoint,
        blue_checkpoint=new.attempt.blue_checkpoint,
        verdicts=new.attempt.verdicts,
    )
    return replace(old, attempt=attempt, because=new.because) != new


def _read(obj: Json, known: _Known | None, status: SwitchoverStatus) -> tuple[Switchover, str]:
    """What ``obj`` asks; if it cannot be read, what it asked last, and why.

    Where nobody remembers that, since we began after it, its status is enough to go home by.
    """
    try:
        return switchovers.homeward(switchovers.switchover(obj), status)
    except ManifestError as error:
        if known is not None:
            return switchovers.still(known.switchover, obj), _as_it_was(obj, error)
        if (kept := _going_home(obj, status)) is not None:
            return kept, _as_it_was(obj, error)
        raise


def _as_it_was(obj: Json, error: ManifestError) -> str:
    problem = str(error).removeprefix(f"{plain.called(KIND, obj)}: ")
    return f"goes on as it was: {problem}"


def _going_home(obj: Json, status: SwitchoverStatus) -> Switchover | None:
    """The switchover as its status has it, if it is on its way home or is to go there."""
    kept, moved = switchovers.remembered(obj, status), status.stage.name in MOVED
    if kept is None:
        return None
    asked = requests.anew(kept, status)
    aborted = asked is not None and asked.verb is Verb.ABORT and moved
    back = status.stage.name is SwitchStage.RETURNING
    return kept if kept.deleting or aborted or back else None
