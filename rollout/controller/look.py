"""One look at one Rollout: ask, observe, decide, save, act; the order is the safety."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from rollout import reconcile, requests
from rollout.controller import telemetry
from rollout.controller.doing.perform import Performer
from rollout.controller.instruments import SUCCESS, Instruments
from rollout.controller.keeping.store import Held, Store, without_numbers, worth_saving
from rollout.controller.lanes import Lanes
from rollout.controller.loop import Trouble
from rollout.controller.seeing.concerns import Interests
from rollout.controller.seeing.observe import Fetched, Observer, silent
from rollout.controller.sharing import Leads, insist, namespace_of
from rollout.errors import ManifestError, OutsideError, RefusedError, RolloutError
from rollout.model.action import (
    Action,
    Announce,
    Decision,
    LetGo,
    ReleaseRoutes,
    SetRoute,
)
from rollout.model.observation import Questions
from rollout.model.status import RolloutStatus, Stage
from rollout.model.units import sentence

SENTENCE = 200  # of a reason that is an error: with the object in front it is a long sentence


PROMPT = 0.5  # seconds that answers from outside may take before anybody asks who waits for them


@dataclass(frozen=True, slots=True)
class _Asked:
    """One look's object, its questions, and what the outside said to them."""

    held: Held
    questions: Questions
    fetched: Fetched


@dataclass(slots=True)
class Looks:
    """Looks at Rollouts by ``namespace/name``.

    ``leads``: whether this replica may act now; asked again before each write.
    ``gone``: told of a Rollout that is no more, or that another replica acts for.
    """

    store: Store
    observer: Observer
    performer: Performer
    lanes: Lanes
    interests: Interests
    metrics: Instruments
    clock: Callable[[], datetime]
    leads: Leads
    gone: Callable[[str], None]
    _news: dict[str, asyncio.Event] = field(default_factory=dict)
    _excuses: dict[str, str] = field(default_factory=dict)
    _untold: dict[str, tuple[int, tuple[Announce, ...]]] = field(default_factory=dict)
    _lowering: dict[str, tuple[datetime, ...]] = field(default_factory=dict)
    _leaving: set[str] = field(default_factory=set)

    async def look(self, key: str) -> timedelta | None:
        """What time alone makes worth another look; None: only an event can.

        Errors: any of ours, and nothing has been done after it.
        """
        if not self.leads(namespace_of(key)):
            self._forget(key)  # whoever acts for it hears when it is gone, and we may not
            return None
        try:
            held = self.store.load(key)
        except ManifestError:
            if await self.store.abandon(key, self.clock()):
                return None
            raise
        if held is None or (held.rollout.deleting and not held.finalized):
            self._gone(key)
            return None
        began = self.clock()
        again = await self._look(held)
        self.metrics.reconciled(SUCCESS, (self.clock() - began).total_seconds())
        return again

    def meanwhile(self, key: str) -> None:
        """Something changed while a look at ``key`` runs; it may be worth no more waiting."""
        if news := self._news.get(key):
            news.set()

    def hurried(self, key: str) -> bool:
        """Whether weight was to be taken away, and could not be yet."""
        return key in self._leaving

    def _is_pressing(self, held: Held) -> bool:
        """Whether somebody waits for this very look: who is to lose weight, or a person."""
        return self.hurried(held.key) or requests.anew(held.rollout, held.status) is not None

    async def troubled(self, trouble: Trouble) -> None:
        """Says why the looks at one Rollout fail: to the log, and in its status."""
        text = trouble.said(rollout=trouble.key)
        await self._explain(trouble.key, text, told=not isinstance(trouble.error, OutsideError))

    async def _look(self, held: Held) -> timedelta | None:
        try:
            return await self._whole(held)
        except RolloutError:
            raise
        except Exception as error:  # a bug of ours must not keep anybody from going back
            hasty = await self._hasty(held.key)
            if hasty is None:
                raise
            telemetry.bug("look failed", error, rollout=held.key)
            return await self._conclude(hasty, hasty=True)

    async def _whole(self, held: Held) -> timedelta | None:
        async with self.lanes.thinking(urgent=self._is_pressing(held)):
            questions = reconcile.ask(held.rollout, held.status, self.clock())
        if not self.observer.waits(held, questions):
            fetched = await self.observer.fetch(held, questions)
            return await self._conclude(_Asked(held, questions, fetched))
        fetching = asyncio.create_task(self.observer.fetch(held, questions))
        try:
            hasty = await self._overtaken(held.key, fetching)
            one = hasty or _Asked(held, questions, await fetching)
        finally:
            fetching.cancel()
        return await self._conclude(one, hasty=hasty is not None)

    async def _overtaken(self, key: str, slow: asyncio.Task[Any]) -> _Asked | None:
        """What is to be done before ``slow`` has ended, where that keeps a way back waiting.

        Looked for once when it is late, and then whenever something changes.
        """
        news = self._news[key] = asyncio.Event()
        try:
            if not await _comes(slow, PROMPT):
                while not slow.done():
                    news.clear()
                    if hasty := await self._hasty(key):
                        return hasty
                    heard = asyncio.create_task(news.wait())
                    await asyncio.wait((slow, heard), return_when=asyncio.FIRST_COMPLETED)
                    heard.cancel()
        finally:
            del self._news[key]
        return None

    async def _hasty(self, key: str) -> _Asked | None:
        """A look without answers, if it does what a person asks or takes weight away.

        A refusal can wait: it stops nothing, and the look would judge without the answers.
        """
        held = self.store.load(key)
        if held is None:
            return None
        async with self.lanes.thinking(urgent=self._is_pressing(held)):
            questions = self._near(held)
            one = _Asked(held, questions, silent(questions))
            seen = self.observer.see(held, questions, one.fetched)
            after = reconcile.decide(held.rollout, held.status, seen, self.clock()).status
        before = held.status
        done = after.last_handled_request != before.last_handled_request
        done = done and not requests.refusals_since(before, after)
        done = done or held.rollout.deleting
        return one if done or after.stage.split.canary < before.stage.split.canary else None

    def _near(self, held: Held) -> Questions:
        """What a look asks; nobody outside where not even the questions can be made."""
        try:
            return reconcile.ask(held.rollout, held.status, self.clock())
        except Exception:  # whoever looks in full tells of it
            return reconcile.ask(held.rollout, held.status, self.clock(), outside=False)

    async def _conclude(self, one: _Asked, *, hasty: bool = False) -> timedelta | None:
        """``hasty``: it overtakes another, and is overtaken by none."""
        held, questions = one.held, one.questions
        async with self.lanes.thinking(urgent=hasty or self._is_pressing(held)):
            seen = self.observer.see(held, questions, one.fetched)
            self.interests.put(held.key, self.observer.concerns(held, questions))
            now = self.clock()
            decision = reconcile.decide(held.rollout, held.status, seen, now)
        self._tell(held, decision)
        down = _takes_weight(held.status, decision.status)
        self._leaving |= {held.key} if down else set()
        moves = decision.actions or worth_saving(held.status, decision.status)
        if moves:
            async with self.lanes.writing(urgent=down or LetGo() in decision.actions):
                await self._act(held, decision, now)  # what is let go may wait for the audit log
        elif hasty or not self.lanes.crowded:
            await self._refresh(held, decision, now)
        elif sooner := await self._refreshed_unless(held, decision, now):
            return await self._conclude(sooner, hasty=True)
        self._leaving.discard(held.key)
        self._count(held.key, decision)
        if _confirms(held.status, decision.status) and _asks_more(held, questions, decision, now):
            return timedelta(0)  # what the gate asks from now on was not asked in this look
        return _sooner(decision.look_again, self.store.unsaid(held.key, self.clock()))

    async def _refresh(self, held: Held, decision: Decision, now: datetime) -> None:
        async with self.lanes.telling():
            await self._act(held, decision, now)

    async def _refreshed_unless(
        self, held: Held, decision: Decision, now: datetime
    ) -> _Asked | None:
        """What is to be done instead, where the wait among those that tell keeps it waiting."""
        telling = asyncio.create_task(self._refresh(held, decision, now))
        try:
            sooner = await self._overtaken(held.key, telling)
            if sooner is None:
                await telling
            return sooner
        finally:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)

    async def _act(self, held: Held, decision: Decision, now: datetime) -> None:
        """The status first; whoever loses that race does nothing.

        A weight that is to be lower is so once all is done, if in a later look than this one.
        """
        insist(self.leads, held.rollout.namespace)
        before = held.status
        if decision.actions:
            held = await self.store.add_finalizer(held, self.clock())
        excuse = self._excuses.get(held.key)
        status = replace(decision.status, because=excuse) if excuse else decision.status
        held = await self.store.save(held, status, self.clock())
        if _took_weight(before, decision.status):
            self._lowering[held.key] = (*self._lowering.get(held.key, ()), now)
        await self._perform(held, decision)
        if self._excuses.pop(held.key, None):
            await self.store.save(held, decision.status, self.clock(), at_once=True)

    async def _perform(self, held: Held, decision: Decision) -> None:
        """What could not be told, as it stands behind what failed, is told once that is done.

        Of a Rollout that is being deleted, what may not be made keeps nobody from going home: a
        namespace that ends takes nothing new, and an object must not stay for ever.
        """
        epoch, untold = self._untold.pop(held.key, (0, ()))
        late = untold if epoch == decision.status.epoch else ()
        refused: RefusedError | None = None
        for place, action in enumerate(decision.actions):
            insist(self.leads, held.rollout.namespace)
            try:
                await self.performer.do(held, action, self.clock())
            except RolloutError as error:
                if _may_be_missed(held, action) and isinstance(error, RefusedError):
                    refused = refused or error
                    continue
                behind = (a for a in decision.actions[place:] if isinstance(a, Announce))
                self._untold[held.key] = decision.status.epoch, (*late, *behind)
                raise
            self.metrics.acted(type(action).__name__)
            if isinstance(action, Announce):
                self._told(held, action)
        for announcement in late:
            await self.performer.do(held, announcement, self.clock())
            self._told(held, announcement)
        if refused is not None and LetGo() not in decision.actions:
            raise refused

    def _told(self, held: Held, what: Announce) -> None:
        self.metrics.told(held.rollout.namespace, held.rollout.name, what)

    def _gone(self, key: str) -> None:
        space, _, name = key.partition("/")
        self.metrics.gone("Rollout", space, name)
        self._forget(key)

    def _forget(self, key: str) -> None:
        """Nothing is kept of it between looks."""
        self._excuses.pop(key, None)
        self._untold.pop(key, None)
        self._lowering.pop(key, None)
        self._leaving.discard(key)
        self.interests.drop(key)
        self.gone(key)

    @staticmethod
    def _tell(held: Held, decision: Decision) -> None:
        """One line a decision; a warning where a person should look at it."""
        for refusal in requests.refusals_since(held.status, decision.status):
            telemetry.info(refusal.because, rollout=held.key, epoch=decision.status.epoch)
        if without_numbers(decision.because) == without_numbers(held.status.because):
            return
        told = [action for action in decision.actions if isinstance(action, Announce)]
        status, cause = decision.status, next((one.cause for one in told if one.cause), None)
        attempt, say = status.attempt, telemetry.info
        if any(one.warning for one in told):
            say = telemetry.warn
        say(
            decision.because,
            rollout=held.key,
            phase=status.phase,
            stage=status.stage.name,
            step=attempt.step.name if attempt.step else None,
            stable=status.stable.name if status.stable else None,
            canary=attempt.canary.name if attempt.canary else None,
            split=status.stage.split,
            reason=cause,
            epoch=status.epoch,
            attempt=attempt.number,
            commit=held.rollout.commit,
        )

    def _count(self, key: str, decision: Decision) -> None:
        self.metrics.decided(decision)
        for since in self._lowering.pop(key, ()):
            self.metrics.took_weight((self.clock() - since).total_seconds())

    async def _explain(self, key: str, text: str, *, told: bool) -> None:
        """The status says ``text`` until a look succeeds to its end, and if ``told`` an Event."""
        if not self.leads(namespace_of(key)):
            return
        try:
            held = self.store.load(key)
        except ManifestError:
            text = sentence(text.removeprefix(f"rollout {key}: "), SENTENCE)
            await self.store.complain(key, text, self.clock())
            return
        self._excuses[key] = sentence(text, SENTENCE)
        if held is not None:
            status = replace(held.status, because=sentence(text, SENTENCE))
            if told:
                await self.performer.failed(held, text, self.clock())
            await self.store.save(held, status, self.clock(), at_once=True)


def _may_be_missed(held: Held, action: Action) -> bool:
    """Whether what follows ``action`` is done though it is refused: on the last way home."""
    home = isinstance(action, SetRoute | ReleaseRoutes | LetGo)
    return held.rollout.deleting and not home


async def _comes(task: asyncio.Task[Any], seconds: float) -> bool:
    done, _ = await asyncio.wait((task,), timeout=seconds)
    return bool(done)


def _sooner(one: timedelta | None, other: timedelta | None) -> timedelta | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)


def _confirms(old: RolloutStatus, new: RolloutStatus) -> bool:
    """Whether the proxies have by now what they had not at the last look."""
    return old.stage.confirmed_at is None and new.stage.confirmed_at is not None


def _took_weight(old: RolloutStatus, new: RolloutStatus) -> bool:
    """Whether the canary has fewer requests by now; not where its subset is called stable."""
    fewer = new.stage.split.canary < old.stage.split.canary
    return fewer and new.stage.name is not Stage.RETURNING


def _asks_more(held: Held, asked: Questions, decision: Decision, now: datetime) -> bool:
    """Whether anybody outside is to be asked after ``decision`` what was not asked for it."""
    after = reconcile.ask(held.rollout, decision.status, now)
    before = (*asked.counts, *asked.values, *asked.groups, asked.webhook, None)
    wanted = (*after.counts, *after.values, *after.groups, after.webhook)
    return any(one not in before for one in wanted)


def _takes_weight(old: RolloutStatus, new: RolloutStatus) -> bool:
    """Whether the canary loses requests: what nothing else may delay."""
    return new.stage.split.canary < old.stage.split.canary or new.stage.name is Stage.WITHDRAWING
