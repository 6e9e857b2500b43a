"""HTTP gates, asked beside the looks: a look never waits for one, it reads what was said so far.

A slow or dead gate would else hold up the very look that takes weight away. Each question is
asked until it is answered by open or failed, or until nobody wants to know any more.
"""

import asyncio
import base64
import binascii
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from rollout.controller import telemetry
from rollout.controller.ports import Json, Kube, Webhooks
from rollout.controller.sharing import Leads, everything, namespace_of
from rollout.errors import OutsideError, RefusedError, RolloutError
from rollout.model.observation import HookAnswer, HookQuestion, HookVerdict

FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0  # after no answer, doubling
LISTING, LISTINGS = 0.25, 20  # seconds between looks for Secrets not listed yet, and how many
LATEST = 300.0  # the longest wait that a gate may ask for


@dataclass(slots=True)
class _Talk:
    """One question under way, and what was said to it last."""

    question: HookQuestion
    task: asyncio.Task[None]
    answer: HookAnswer | None = None


@dataclass(slots=True)
class Hooks:
    """What the gates say, by Rollout key.

    ``webhooks`` None: none may be asked. ``wake``: told when there is something new to read.
    ``leads``: whether this replica asks for a namespace at all.
    """

    webhooks: Webhooks | None
    kube: Kube
    clock: Callable[[], datetime]
    wake: Callable[[str], None]
    leads: Leads = everything
    _talks: dict[str, _Talk] = field(default_factory=dict)

    def heard(self, key: str, question: HookQuestion | None) -> HookAnswer | None:
        """The last answer to ``question``, which is asked from now on; None ends all asking."""
        talk = self._talks.get(key)
        if talk is not None and (question is None or talk.question.nonce != question.nonce):
            talk.task.cancel()
            del self._talks[key]
            talk = None
        if question is None:
            return None
        if talk is None:
            task = asyncio.create_task(self._asking(key), name=f"webhook {key}")
            talk = self._talks[key] = _Talk(question, task)
        talk.question = question  # the same, with what was decided since
        return talk.answer

    async def stop(self) -> None:
        """Nothing is asked any more."""
        tasks = [talk.task for talk in self._talks.values()]
        for task in tasks:
            task.cancel()
        self._talks.clear()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _asking(self, key: str) -> None:
        """Until the gate says open or failed; then the answer stays for who asks again."""
        silent = 0
        while self.leads(namespace_of(key)):
            talk = self._talks[key]
            answer, wanted = await self._said(talk.question)
            silent = silent + 1 if answer.verdict is HookVerdict.SILENT else 0
            if answer != talk.answer:
                telemetry.info(f"webhook {answer.verdict}: {answer.because}", rollout=key)
                talk.answer = answer
                self.wake(key)
            if answer.verdict in (HookVerdict.OPEN, HookVerdict.FAILED):
                return
            await asyncio.sleep(max(_wait(talk.question, silent), min(wanted, LATEST)))
        del self._talks[key]

    async def _said(self, question: HookQuestion) -> tuple[HookAnswer, float]:
        """The answer, and how many seconds the gate wants to be left alone.

        Errors: none; whatever goes wrong is no answer, and no answer holds.
        """
        if self.webhooks is None:
            return HookAnswer(question.nonce, HookVerdict.SILENT, "we ask none"), LONGEST_WAIT
        try:
            name = question.hook.secret_ref.name
            known = await entries(self.kube, question.namespace, name)
            answer = await self.webhooks.ask(question, known, self.clock())
        except RolloutError as error:
            wanted = error.retry_after if isinstance(error, OutsideError) else None
            return HookAnswer(question.nonce, HookVerdict.SILENT, str(error)), wanted or 0.0
        except Exception as error:  # a gate's trouble, whatever it is, is not the rollout's
            telemetry.bug("webhook", error, rollout=f"{question.namespace}/{question.rollout}")
            because = f"a bug of ours ({type(error).__name__})"
            return HookAnswer(question.nonce, HookVerdict.SILENT, because), 0.0
        return answer, 0.0


async def entries(kube: Kube, namespace: str, name: str) -> Mapping[str, bytes]:
    """A Secret of the Rollout's own namespace, decoded; there is no other way to name one.

    Errors: ``RefusedError`` when it is missing or cannot be read, ``OutsideError`` when it has not
    been listed.
    """
    obj = await secret(kube, namespace, name)
    if obj is None:
        raise RefusedError(f"secret {name} is missing")
    try:
        data = (obj.get("data") or {}).items()
        return {str(key): base64.b64decode(value, validate=True) for key, value in data}
    except binascii.Error as error:  # the API server would not have taken it
        raise RefusedError(f"secret {name} cannot be read") from error


async def secret(kube: Kube, namespace: str, name: str) -> Json | None:
    """The Secret; the first one that is read begins the watch, which is nobody's trouble.

    Errors: ``OutsideError`` when it has not been listed for a while.
    """
    for _ in range(LISTINGS):
        with contextlib.suppress(OutsideError):
            return kube.get("Secret", namespace, name)
        await asyncio.sleep(LISTING)
    return kube.get("Secret", namespace, name)


def _wait(question: HookQuestion, silent: int) -> float:
    """Seconds until the next question: the gate's own interval, or longer while it is silent."""
    if silent == 0:
        return question.hook.interval.total_seconds()
    return min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(silent - 1, 16))
