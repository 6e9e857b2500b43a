"""Other chats and pagers: each thing that a Rollout wants told is a signed POST, at least once.

What was told is known to this process only; after a restart the newest is told again, under the
same nonce, by which whoever listens knows that it is no news.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from rollout.controller import telemetry
from rollout.controller.ports import Kube, Listeners
from rollout.controller.seeing import concerns, hooks
from rollout.errors import ManifestError, OutsideError, RolloutError
from rollout.manifest import objects, record
from rollout.messages import journeys
from rollout.model.spec import NotifyOn, Rollout
from rollout.model.status import RolloutStatus, Stage

FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0  # seconds between two tries, doubling
TRIES = 20  # then it is old news, about a quarter of an hour later
PAST = timedelta(hours=1)  # how old the end of a journey may be to be told after a restart
MOST = 50_000  # nonces remembered


@dataclass(slots=True)
class Telling:
    """``leading``: whether this replica may act now."""

    kube: Kube
    listeners: Listeners
    clock: Callable[[], datetime]
    leading: Callable[[], bool] = lambda: True
    _told: dict[str, None] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def changed(self, kind: str, touched: frozenset[str]) -> None:
        """A Rollout may have something to tell now."""
        if kind == "Rollout" and self.leading():
            for key in concerns.itself(touched):
                self._look(key)

    def begin(self) -> None:
        """This replica leads from now on: what another one did not come to tell is told."""
        with contextlib.suppress(OutsideError):  # not listed yet: each comes as a change
            for obj in self.kube.list("Rollout"):
                self._look(f"{obj['metadata'].get('namespace', '')}/{obj['metadata']['name']}")

    async def run(self) -> None:
        """For ever; at its end nothing is told any more."""
        try:
            await asyncio.Event().wait()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _look(self, key: str) -> None:
        namespace, _, name = key.partition("/")
        try:
            obj = self.kube.get("Rollout", namespace, name)
            if obj is None or not objects.names_a_listener(obj):
                return
            found = objects.rollout(obj), record.status(obj)
        except (ManifestError, OutsideError):
            return
        for news in due(*found, self.clock()):
            if news["nonce"] not in self._told:
                self._remember(str(news["nonce"]))
                task = asyncio.create_task(self._tell(found[0], news), name=f"tell {key}")
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    def _remember(self, nonce: str) -> None:
        self._told[nonce] = None
        if len(self._told) > MOST:
            del self._told[next(iter(self._told))]

    async def _tell(self, rollout: Rollout, news: Mapping[str, Any]) -> None:
        """Until it was taken, or is old."""
        for times in range(TRIES):
            listener = rollout.spec.notify.webhook
            if listener is None:
                return
            try:
                name = listener.secret_ref.name
                entries = await hooks.entries(self.kube, rollout.namespace, name)
                await self.listeners.tell(news, listener, entries, self.clock())
            except RolloutError as error:
                telemetry.warn("listener not told", rollout=rollout.key, error=str(error))
                asked = error.retry_after if isinstance(error, OutsideError) else None
                wait = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(times, 6))
                await asyncio.sleep(max(wait, min(asked or 0.0, 5 * LONGEST_WAIT)))
            except Exception as error:  # a listener's trouble is nobody else's
                telemetry.bug("listener", error, rollout=rollout.key)
                return
            else:
                return


def due(rollout: Rollout, status: RolloutStatus, now: datetime) -> tuple[Mapping[str, Any], ...]:
    """What is to be told of the journey under way, or just over; the same is told the same."""
    entries = journeys.decisions(status, status.attempt.number)
    if not entries or not status.attempt.number:
        return ()
    if status.stage.name is Stage.IDLE and now - entries[-1].at > PAST:
        return ()
    happened = journeys.happened(status) & frozenset(rollout.spec.notify.events)
    return tuple(_news(rollout, status, one, entries[0].revision) for one in sorted(happened))


def _news(
    rollout: Rollout, status: RolloutStatus, happened: NotifyOn, revision: str
) -> Mapping[str, Any]:
    """Flat JSON, as docs/webhooks.md has it."""
    attempt, step = status.attempt, status.attempt.step
    many = happened in (NotifyOn.WAITING, NotifyOn.PAUSED)  # once a step, all else once a journey
    place = f".{step.index}" if many and step is not None else ""
    return {
        "version": 1,
        "nonce": f"{rollout.uid}.{attempt.number}.{happened.value}{place}",
        "happened": happened.value,
        "uid": rollout.uid,
        "namespace": rollout.namespace,
        "rollout": rollout.name,
        "revision": revision,
        "commit": rollout.commit,
        "attempt": attempt.number,
        "step": step.index if step is not None else -1,
        "phase": status.phase.value,
        "weight": status.stage.split.canary,
        "because": status.because,
        "epoch": status.epoch,
    }
