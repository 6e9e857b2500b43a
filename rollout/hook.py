"""The HTTP gate of a step: what it is asked, and what its answer says; nothing is sent here."""

import hashlib
from datetime import datetime

from rollout.model.observation import HookAnswer, HookQuestion, HookVerdict, Observation
from rollout.model.spec import Rollout, Step
from rollout.model.status import Opened, RolloutStatus


def question(rollout: Rollout, step: Step, status: RolloutStatus) -> HookQuestion | None:
    """What the step's gate is asked now; None without one, or when it has opened.

    The nonce names the question by what it is about, so that a restart or another replica asks
    the very same; a gate that was edited is another gate.
    """
    hook, at, canary = step.webhook, status.step, status.canary
    if hook is None or at is None or canary is None:
        return None
    about = (rollout.uid, status.attempt, at.index, hook.name, hook.url)
    nonce = hashlib.sha256(repr(about).encode()).hexdigest()[:32]
    if status.opened is not None and status.opened.nonce == nonce:
        return None
    return HookQuestion(
        hook=hook,
        nonce=nonce,
        uid=rollout.uid,
        namespace=rollout.namespace,
        rollout=rollout.name,
        revision=canary.name,
        commit=canary.commit,
        step=at.index,
        step_name=at.name,
        attempt=status.attempt,
        weight=status.split.canary,
        epoch=status.epoch,
    )


def heard(asked: HookQuestion | None, seen: Observation) -> HookAnswer | None:
    """The answer to this very question; what was said to another one says nothing."""
    said = seen.webhook
    return said if asked and said and said.nonce == asked.nonce else None


def failed(asked: HookQuestion | None, seen: Observation) -> str:
    """The plain no of the gate, in words; empty when it did not say that."""
    said = heard(asked, seen)
    if asked is None or said is None or said.verdict is not HookVerdict.FAILED:
        return ""
    return _quoted(f"webhook {asked.hook.name} says failed", said)


def opened(asked: HookQuestion | None, seen: Observation, now: datetime) -> Opened | None:
    """The gate's yes, to be remembered; None when it did not say that."""
    said = heard(asked, seen)
    if said is None or said.verdict is not HookVerdict.OPEN:
        return None
    return Opened(said.nonce, said.because, now)


def shut(asked: HookQuestion | None, seen: Observation) -> str:
    """Why the gate holds the step, in words; empty when it does not."""
    if asked is None:
        return ""
    said, name = heard(asked, seen), f"webhook {asked.hook.name}"
    if said is None:
        return f"waiting for {name}"
    if said.verdict is HookVerdict.OPEN:
        return ""
    silent = said.verdict is HookVerdict.SILENT
    return _quoted(f"{name} gives no answer" if silent else f"{name} holds", said)


def _quoted(what: str, said: HookAnswer) -> str:
    return f"{what}: {said.because}" if said.because else what
