"""The HTTP gate of a step: what it is asked, and what its answer says; nothing is sent here."""

import hashlib
from datetime import datetime

from rollout.model.observation import HookAnswer, HookQuestion, HookVerdict, Observation
from rollout.model.reasons import Reason
from rollout.model.spec import Rollout, Step
from rollout.model.status import Opened, Outcome, RolloutStatus, Verdict

OUTCOMES = {
    HookVerdict.OPEN: Outcome.PASS,
    HookVerdict.HOLD: Outcome.INCONCLUSIVE,
    HookVerdict.FAILED: Outcome.FAIL,
    HookVerdict.SILENT: Outcome.ERROR,
}
LONGEST = 250  # characters of a verdict


def question(rollout: Rollout, step: Step, status: RolloutStatus) -> HookQuestion | None:
    """What the step's gate is asked now; None without one, or when it has opened.

    The nonce names the question by what it is about, so that a restart or another replica asks
    the very same; a gate that was edited is another gate.
    """
    hook, at, canary = step.webhook, status.attempt.step, status.attempt.canary
    if hook is None or at is None or canary is None:
        return None
    about = (rollout.uid, status.attempt.number, at.index, hook.name, hook.url)
    nonce = hashlib.sha256(repr(about).encode()).hexdigest()[:32]
    if at.opened is not None and at.opened.nonce == nonce:
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
        attempt=status.attempt.number,
        weight=status.stage.split.canary,
        epoch=status.epoch,
    )


def heard(asked: HookQuestion | None, seen: Observation) -> HookAnswer | None:
    """The answer to this very question; what was said to another one says nothing."""
    said = seen.webhook
    return said if asked and said and said.nonce == asked.nonce else None


def refusal(asked: HookQuestion | None, seen: Observation) -> Reason | None:
    """The plain no of the gate; None when it did not say that."""
    said = heard(asked, seen)
    if asked is None or said is None or said.verdict is not HookVerdict.FAILED:
        return None
    return _quoted(f"webhook {asked.hook.name} says failed", said)


def opened(asked: HookQuestion | None, seen: Observation, now: datetime) -> Opened | None:
    """The gate's yes, to be remembered; None when it did not say that."""
    said = heard(asked, seen)
    if said is None or said.verdict is not HookVerdict.OPEN:
        return None
    return Opened(said.nonce, now, because=said.because)


def holds(asked: HookQuestion | None, seen: Observation) -> Reason | None:
    """Why the gate holds the step; None when it does not."""
    if asked is None:
        return None
    said, name = heard(asked, seen), f"webhook {asked.hook.name}"
    if said is None:
        return Reason(f"waiting for {name}")
    if said.verdict is HookVerdict.OPEN:
        return None
    silent = said.verdict is HookVerdict.SILENT
    return _quoted(f"{name} gives no answer" if silent else f"{name} holds", said)


def verdicts(asked: HookQuestion | None, seen: Observation) -> tuple[Verdict, ...]:
    """The answer beside those of the metrics; none before the gate was heard.

    A gate that cannot be asked is so told at once, and not when everything else has opened.
    """
    said = heard(asked, seen)
    if asked is None or said is None:
        return ()
    name = f"webhook {asked.hook.name}"
    text = refusal(asked, seen) or holds(asked, seen) or _quoted(f"{name} says open", said)
    return (Verdict(name, OUTCOMES[said.verdict], text[:LONGEST]),)


def _quoted(what: str, said: HookAnswer) -> Reason:
    return Reason(f"{what}: {said.because}" if said.because else what)
