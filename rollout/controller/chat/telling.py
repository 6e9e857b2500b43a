"""Other chats and pagers: what an object of ours wants told is a signed POST, at least once.

What was told is known to this process only; after a restart the newest is told again, under the
same nonce, by which whoever listens knows that it is no news.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from rollout import journeys
from rollout.controller import telemetry
from rollout.controller.ports import Kube, Listeners
from rollout.controller.seeing import concerns, hooks
from rollout.controller.sharing import Leads, everything
from rollout.errors import OutsideError, RolloutError
from rollout.manifest import objects
from rollout.model.journey import Journey
from rollout.model.ref import Ref
from rollout.model.spec import NotifyOn

FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0  # seconds between two tries, doubling
TRIES = 20  # then it is old news, about a quarter of an hour later
PAST = timedelta(hours=1)  # how old the end of a journey may be to be told after a restart
MOST = 50_000  # nonces remembered


@dataclass(slots=True)
class Telling:
    """``leads``: whether this replica may act now. ``kinds``: which are looked at here.

    ``home``: the controller's own namespace: Secrets are there of what has none itself.
    """

    kube: Kube
    listeners: Listeners
    clock: Callable[[], datetime]
    leads: Leads = everything
    kinds: Callable[[], Iterable[str]] = lambda: ("Rollout",)
    home: str = ""
    _told: dict[str, None] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def changed(self, kind: str, touched: tuple[str, ...]) -> None:
        """An object that we drive may have something to tell now."""
        for ref in concerns.driven(kind, touched):
            self._look(ref)

    def begin(self) -> None:
        """This replica leads more from now on: what another one did not come to tell is told."""
        for kind in self.kinds():
            with contextlib.suppress(OutsideError):  # not listed yet: each comes as a change
                for obj in self.kube.list(kind):
                    meta = obj["metadata"]
                    self._look(Ref(kind, meta.get("namespace", ""), meta["name"]))

    async def run(self) -> None:
        """For ever; at its end nothing is told any more."""
        try:
            await asyncio.Event().wait()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _look(self, ref: Ref) -> None:
        if not self.leads(ref.namespace):
            return
        try:
            obj = self.kube.get(ref.kind, ref.namespace, ref.name)
        except OutsideError:
            return
        if obj is None or not objects.names_a_listener(obj):
            return
        journey = journeys.perhaps(obj)
        for news in due(journey, self.clock()) if journey else ():
            if journey and news["nonce"] not in self._told:
                self._remember(str(news["nonce"]))
                task = asyncio.create_task(self._tell(journey, news), name=f"tell {ref}")
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    def _remember(self, nonce: str) -> None:
        self._told[nonce] = None
        if len(self._told) > MOST:
            del self._told[next(iter(self._told))]

    async def _tell(self, journey: Journey, news: Mapping[str, Any]) -> None:
        """Until it was taken, or is old."""
        for times in range(TRIES):
            listener = journey.notify.webhook
            if listener is None:
                return
            try:
                name = listener.secret_ref.name
                entries = await hooks.entries(self.kube, journey.namespace or self.home, name)
                await self.listeners.tell(news, listener, entries, self.clock())
            except RolloutError as error:
                telemetry.warn("listener not told", rollout=journey.key, error=str(error))
                asked = error.retry_after if isinstance(error, OutsideError) else None
                wait = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(times, 6))
                await asyncio.sleep(max(wait, min(asked or 0.0, 5 * LONGEST_WAIT)))
            except Exception as error:  # a listener's trouble is nobody else's
                telemetry.bug("listener", error, rollout=journey.key)
                return
            else:
                return


def due(journey: Journey, now: datetime) -> tuple[Mapping[str, Any], ...]:
    """What is to be told of the journey under way, or just over; the same is told the same."""
    decisions = journey.decisions
    if not decisions or (journey.over and now - decisions[-1].at > PAST):
        return ()
    happened = journey.happened & frozenset(journey.notify.events)
    return tuple(_news(journey, one) for one in sorted(happened))


def _news(journey: Journey, happened: NotifyOn) -> Mapping[str, Any]:
    """Flat JSON, as docs/webhooks.md has it."""
    many = happened in (NotifyOn.WAITING, NotifyOn.PAUSED)  # once a step, all else once a journey
    step = journey.step
    place = f".{step.index}" if many and step is not None else ""
    return {
        "version": 1,
        "nonce": f"{journey.uid}.{journey.number}.{happened.value}{place}",
        "happened": happened.value,
        "kind": journey.kind,
        "uid": journey.uid,
        "namespace": journey.namespace,
        "rollout": journey.name,
        "revision": journey.decisions[0].revision or journey.revision,
        "commit": journey.commit,
        "attempt": journey.number,
        "step": step.index if step is not None else -1,
        "phase": journey.phase.value,
        "weight": journey.weight,
        "because": journey.because,
        "epoch": journey.epoch,
    }
