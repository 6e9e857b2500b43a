"""What one rollout remembers: read from the API, written by compare-and-swap, by nobody else.

A status that only gathers evidence, or tells of it in other words, is kept in memory and written
at most once a minute, or with the next one that matters; what a crash loses is gathered again.
The proxies' confirmation is such a refresh, too, and comes at once: people who read "waiting for
the proxies" may believe it, and a restart need not ask them anew.
Only a gate that turns blind does not wait for its minute.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

from rollout import lenient, requests
from rollout.controller import telemetry
from rollout.controller.guard import Guard
from rollout.controller.keeping import complaining, epochs, finalizer
from rollout.controller.keeping.finalizer import Parting, at_once
from rollout.controller.keeping.swap import unchanged, version
from rollout.controller.ports import Json, Kube
from rollout.controller.sharing import Mine
from rollout.errors import ConflictError, ManifestError, OutsideError
from rollout.manifest import objects, record
from rollout.model.reasons import Verb, WaitsFor
from rollout.model.spec import PROGRESS_DEADLINE, AnalysisTemplateSpec, Rollout, Unread
from rollout.model.status import Attempt, Outcome, RolloutStatus, Stage, StageStatus

LAZY = timedelta(minutes=1)


def _is_heard(obj: Json) -> bool:
    """Whether the status answers the spec as it is; a request may be old, but is soon read."""
    answered = lenient.under(obj, "status", "observedGeneration")
    asked = objects.REQUEST in lenient.annotations(obj)
    return not asked and bool(answered == obj["metadata"].get("generation"))


@dataclass(frozen=True, slots=True)
class Held:
    """One Rollout as a look finds it: the object, what it asks, and what is remembered.

    ``problem``: why what it asks now cannot be read; ``rollout`` is then the last that could.
    """

    obj: Json
    rollout: Rollout
    status: RolloutStatus
    problem: str = ""

    @property
    def key(self) -> str:
        return self.rollout.key

    @property
    def finalized(self) -> bool:
        """Whether our finalizer holds the object until we let it go."""
        return finalizer.is_on(self.obj)


@dataclass(slots=True)
class _Known:
    """What is in memory of one object: its newest version read, and what was not written yet.

    ``moved``: the last look did more than gather.
    """

    obj: Json
    rollout: Rollout
    status: RolloutStatus
    stored: object
    refreshed_at: datetime | None = None
    alarmed_at: datetime | None = None
    ahead: bool = False
    moved: bool = False
    problem: str = ""


@dataclass(slots=True)
class Store:
    """Statuses, in the API server and a little ahead of it in memory."""

    kube: Kube
    parting: Parting = at_once
    guard: Guard = field(default_factory=Guard)
    _known: dict[str, _Known] = field(default_factory=dict)

    def load(self, key: str) -> Held | None:
        """The Rollout of that key as it is now; None when there is none.

        Errors: ``ManifestError`` when neither it nor an earlier form of it can be read;
        ``OutsideError`` as ``Kube.get``.
        """
        namespace, _, name = key.partition("/")
        obj = self.kube.get("Rollout", namespace, name)
        if obj is None:
            self._known.pop(key, None)
            return None
        known = self._fresh(key, obj)
        rollout = known.rollout
        if rollout.spec.analysis.templates:
            rollout = replace(rollout, templates=self._templates(rollout))
        return Held(obj, rollout, known.status, known.problem)

    async def save(
        self, held: Held, status: RolloutStatus, now: datetime, *, at_once: bool = False
    ) -> Held:
        """``held`` with ``status`` remembered; written if it matters, before anything is done.

        ``at_once``: a new sentence alone matters, too; the same one with other numbers does not.
        Errors: ``ConflictError`` when somebody wrote the object since it was read, or may have:
        all was forgotten since.
        """
        known = self._known.get(held.key)
        if known is None or version(known.obj) != version(held.obj):
            raise ConflictError(f"rollout {held.key}: somebody wrote it meanwhile")
        matters = worth_saving(held.status, status) or record.is_former(held.obj)
        known.moved = matters or (at_once and known.moved)
        if matters:
            if status.observed_generation != held.status.observed_generation:
                known.alarmed_at = None  # whoever edits wants to see what it changed
            if status.last_handled_request != held.status.last_handled_request:
                known.refreshed_at = None  # whoever asks wants to see what follows
            return await self.write(held, status, now)
        known.ahead = known.ahead or status != held.status
        known.status = status
        held = replace(held, status=status)
        due = (at_once and _says_more(known)) or _confirms_more(known)
        due = due or self._refresh_due(known, now) or _alarm_due(known, now)
        if not known.ahead or not due:
            return held
        before, known.refreshed_at = known.refreshed_at, now
        try:
            return await self.write(held, status, now)
        except ConflictError:  # nobody was told: the next look must not wait for its minute
            known.refreshed_at, known.alarmed_at = before, None
            raise

    def unsaid(self, key: str, now: datetime) -> timedelta | None:
        """When to look again so that people read the newest sentence; None: they do."""
        known = self._known.get(key)
        if known is None or known.refreshed_at is None or not _says_more(known):
            return None
        return max(timedelta(0), min(LAZY, LAZY - (now - known.refreshed_at)))

    async def add_finalizer(self, held: Held, now: datetime) -> Held:
        """``held`` with our finalizer on the object, so that we may clean up after it.

        A status of the former shape is written in today's first: the API server validates the
        whole object, and would refuse the finalizer for it.
        """
        if held.finalized or held.rollout.deleting:
            return held
        if record.is_former(held.obj):
            held = await self.write(held, held.status, now)
        ops = [unchanged(held.obj), finalizer.put_on(held.obj)]
        return self._moved(held, await self._patch(held, ops))

    async def remove_finalizer(self, held: Held) -> None:
        """Our finalizer is gone; the API server deletes the object."""
        await self.parting(held.obj)
        await self._patch(held, [unchanged(held.obj), finalizer.taken_off(held.obj)])

    async def complain(self, key: str, because: str, now: datetime) -> None:
        """The status of a Rollout that cannot be read says ``because``; all else in it stays."""
        namespace, _, name = key.partition("/")
        ref = ("Rollout", namespace, name)
        await complaining.complain(self.kube, ref, because, record.unread_json, now)

    async def abandon(self, key: str, now: datetime) -> bool:
        """Whether ``key`` is being deleted, cannot be read, and may go.

        It had nothing of ours; or nobody has mended its status for as long as a step may wait, and
        its routes stay as they are: a deletion always ends.
        """
        namespace, _, name = key.partition("/")
        obj = self.kube.get("Rollout", namespace, name) or {}
        heard, idle = objects.heard(obj), record.is_idle(obj)
        since = heard["deleted_at"]
        late = since is not None and now - since >= PROGRESS_DEADLINE
        if not heard["deleting"] or not (idle or late):
            return False
        if not idle:
            telemetry.warn("let go", rollout=key, because="status cannot be read: its routes stay")
        await self.parting(obj)
        ops = [unchanged(obj), finalizer.taken_off(obj)]
        await self.kube.patch("Rollout", namespace, name, ops)
        return True

    def newest(self, key: str, now: datetime) -> Json | None:
        """The status of ``key`` as its last look left it, also what was not written yet."""
        known = self._known.get(key)
        return None if known is None else record.rollout_json(known.status, _stored(known), now)

    def remembered(self, obj: Json) -> RolloutStatus | None:
        """What the last look at ``obj``, just this version of it, left; None: none looked yet."""
        meta = obj["metadata"]
        known = self._known.get(f"{meta.get('namespace', '')}/{meta['name']}")
        return known.status if known is not None and known.obj is obj else None

    def hear(self, held: Held, status: RolloutStatus) -> None:
        """The controller itself says so of ``held``, in another process; nothing is written."""
        known = self._known.get(held.key)
        if known is not None and known.obj is held.obj:
            known.status = status

    def news(self, key: str) -> bool:
        """Whether a look would find more in ``key`` than the last look, which gathered, has left.

        After one that did more than gather it may: what follows was not asked yet.
        """
        known = self._known.get(key)
        namespace, _, name = key.partition("/")
        try:
            obj = self.kube.get("Rollout", namespace, name)
        except OutsideError:
            return True
        return known is None or known.moved or known.obj is not obj

    def forget(self, mine: Mine) -> None:
        """Of ``mine`` nothing is known but what the API server has: others may have written."""
        self._known = {key: known for key, known in self._known.items() if not mine(key)}

    def rollouts(self) -> tuple[list[str], list[str]]:
        """Every Rollout there is: those in which something is under way, and those at rest.

        Of both those first to which git or a person has said something since their last look.
        """
        keys: tuple[list[str], list[str]] = [], []
        for obj in sorted(self.kube.list("Rollout"), key=_is_heard):
            meta = obj["metadata"]
            keys[record.is_idle(obj)].append(f"{meta.get('namespace', '')}/{meta['name']}")
        return keys

    def _fresh(self, key: str, obj: Json) -> _Known:
        """What is known of ``obj``; what was not written yet survives unless others wrote."""
        known = self._known.get(key)
        if known is not None and known.obj is obj:
            return known
        if known is not None and known.rollout.uid != obj["metadata"].get("uid"):
            known = None
        rollout, problem = _read(obj, known)
        if known is not None and known.stored == obj.get("status"):
            fresh = replace(known, obj=obj, rollout=rollout, problem=problem)
        else:
            status = epochs.kept(record.status(obj), known.status if known else None)
            fresh = _Known(obj, rollout, status, obj.get("status"), problem=problem)
        self._known[key] = fresh
        return fresh

    def _templates(self, rollout: Rollout) -> Mapping[str, AnalysisTemplateSpec | Unread]:
        """Those that the spec names and that are there; one that cannot be read stops no other."""
        names = {use.name for use in rollout.spec.analysis.templates}
        found = {name: self._template(rollout.namespace, name) for name in names}
        return {name: template for name, template in found.items() if template is not None}

    def _template(self, namespace: str, name: str) -> AnalysisTemplateSpec | Unread | None:
        def reading() -> AnalysisTemplateSpec | None:
            obj = self.kube.get("AnalysisTemplate", namespace, name)
            return None if obj is None else objects.template(obj)

        return self.guard.read(f"analysistemplate {namespace}/{name}", reading, Unread)

    @staticmethod
    def _refresh_due(known: _Known, now: datetime) -> bool:
        """Once a minute; a new sentence at once if the last minute had no refresh."""
        if known.refreshed_at is None:
            if _says_more(known):
                return True
            known.refreshed_at = now
        return not _lately(known.refreshed_at, now)

    async def write(self, held: Held, status: RolloutStatus, now: datetime) -> Held:
        """``held`` with ``status``, stored now. Errors: as ``save``."""
        stored = held.obj.get("status") or {}
        value = record.rollout_json(status, stored, now)
        ops = [unchanged(held.obj), {"op": "add", "path": "/status", "value": value}]
        moved = self._moved(replace(held, status=status), await self._patch(held, ops, "status"))
        if (known := self._known.get(held.key)) is not None:
            known.ahead = False
        return moved

    async def _patch(self, held: Held, ops: list[Json], subresource: str = "") -> Json:
        rollout = held.rollout
        return await self.kube.patch("Rollout", rollout.namespace, rollout.name, ops, subresource)

    def _moved(self, held: Held, obj: Json) -> Held:
        """``held`` after a write of ours that gave ``obj``; what was forgotten stays so."""
        if (known := self._known.get(held.key)) is not None:
            self._known[held.key] = replace(
                known, obj=obj, status=held.status, stored=obj.get("status")
            )
        return replace(held, obj=obj)


def worth_saving(old: RolloutStatus, new: RolloutStatus) -> bool:
    """Whether anything changed but what was gathered, and the sentence that tells of it.

    That the proxies have the route is gathered, too: whoever begins anew asks them again, and the
    gate's clock and its evidence begin then.  What takes a confirmation back is worth saving.
    """
    return (
        _confirmed_as(old.stage, new.stage) != new.stage
        or _ATTEMPTED(old.attempt) != _ATTEMPTED(new.attempt)
        or _DECIDED(old) != _DECIDED(new)
    )


def _all_but(noun: type[Any], *gathered: str) -> Callable[[Any], object]:
    """What makes two of ``noun`` differ, but for what was ``gathered``."""
    names = (each.name for each in fields(noun) if each.compare and each.name not in gathered)
    return attrgetter(*names)


_DECIDED = _all_but(RolloutStatus, "attempt", "stage", "because", "waits_for")
_ATTEMPTED = _all_but(Attempt, "checkpoint", "verdicts", "warnings", "stable_down_at")


def _confirmed_as(old: StageStatus, new: StageStatus) -> StageStatus:
    """``old`` with the confirmation that ``new`` has and it had not yet."""
    if old.confirmed_at is not None or new.confirmed_at is None:
        return old
    return replace(old, confirmed_at=new.confirmed_at, confirmed_by=new.confirmed_by)


def without_numbers(sentence: str) -> str:
    """``sentence`` without its numbers: a forecast that counts down says nothing new."""
    return _NUMBERS.sub("#", sentence)


_NUMBERS = re.compile(r"[0-9][0-9.,]*")


def _lately(at: datetime, now: datetime) -> bool:
    """Whether the minute since ``at`` is not over; a time to come is of a clock put right since."""
    return timedelta(0) <= now - at < LAZY


def _says_more(known: _Known) -> bool:
    return without_numbers(known.status.because) != without_numbers(_stored_because(known))


def _confirms_more(known: _Known) -> bool:
    """Whether the proxies' confirmation of the stored stage is in memory alone."""
    stage = _stored(known).get("stage")
    stored = stage.get("confirmedAt") if isinstance(stage, dict) else None
    return known.status.stage.confirmed_at is not None and stored is None


def _stored_because(known: _Known) -> str:
    return str(_stored(known).get("because", ""))


def _stored(known: _Known) -> Json:
    return known.stored if isinstance(known.stored, dict) else {}


def _alarm_due(known: _Known, now: datetime) -> bool:
    """A gate that turned blind, or sees again, or asks people, is told at once; so once a minute.

    Who waits for an approval must not wait for a minute's refresh first.
    """
    told = {
        without_numbers(str(one.get("text")))
        for one in _stored_verdicts(known)
        if one["outcome"] == "error"
    }
    blind = {
        without_numbers(one.text)
        for one in known.status.attempt.verdicts
        if one.outcome is Outcome.ERROR
    }
    asks = known.status.waits_for is WaitsFor.APPROVAL
    unasked = asks and _stored(known).get("waitsFor") != WaitsFor.APPROVAL
    if (told == blind and not unasked) or (
        known.alarmed_at is not None and _lately(known.alarmed_at, now)
    ):
        return False
    known.alarmed_at = now
    return True


def _stored_verdicts(known: _Known) -> Iterator[Json]:
    attempt = _stored(known).get("attempt")
    verdicts = attempt.get("verdicts") if isinstance(attempt, dict) else None
    return (verdict for verdict in verdicts or () if "outcome" in verdict)


def _read(obj: Json, known: _Known | None) -> tuple[Rollout, str]:
    """What ``obj`` asks; if it cannot be read, what it asked last, and why.

    Where nobody remembers that, since we began after it, its status is enough to go home by.
    """
    odd = objects.unread_request(obj)
    if known is not None and not known.problem and obj.get("spec") is known.obj.get("spec"):
        return replace(known.rollout, misread=odd, **objects.driven(obj)), ""
    try:
        return objects.rollout(obj), ""
    except ManifestError as error:
        if known is None and (kept := _going_home(obj)) is not None:
            return kept, str(error)
        if known is None:
            raise
        return replace(known.rollout, misread=odd, **objects.heard(obj)), str(error)


def _going_home(obj: Json) -> Rollout | None:
    """The Rollout as its status has it, if it is on its way home or is to go there."""
    status = record.status(obj)
    kept = objects.remembered(obj, status)
    if kept is None:
        return None
    asked = requests.anew(kept, status)
    aborted = asked is not None and asked.verb is Verb.ABORT
    back = status.stage.name in (Stage.WITHDRAWING, Stage.CLEANING)
    return kept if kept.deleting or aborted or back else None
