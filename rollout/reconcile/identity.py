"""What a journey began with, compared at every look: a name may come to mean another build."""

from dataclasses import replace

from rollout.model.reasons import Cause, PauseKind
from rollout.model.status import Revision, Stage
from rollout.model.turn import AT_ONCE, Notice
from rollout.reconcile import journey
from rollout.reconcile.look import Look, Turn, remember

_TURNABLE = (Stage.PREPARING, Stage.STEPPING, Stage.SWITCHING)
"""Where stable has, or would get back, requests that it had before."""


def learned(look: Look) -> Look:
    """The look with stable's content, where it is seen for the first time."""
    stable, build = look.status.stable, _seen_build(look, look.status.stable)
    if stable is None or stable.template_hash or not build:
        return look
    return replace(look, status=replace(look.status, stable=replace(stable, template_hash=build)))


def rebuilt(before: Revision | None, now: Revision) -> str:
    """That the same name is another build now, in words with both; empty when it is not."""
    if before is None or before.name != now.name or before.same(now):
        return ""
    return f"{now.name} was rebuilt: {before.template_hash} is {now.template_hash} now"


def stable_rebuilt(look: Look) -> Turn | None:
    """Somebody gave stable's Deployment another build: what was compared with it is void.

    Everyone goes to it, and the journey begins anew. While the promoted canary bakes it has
    nobody, so it is only no longer what one would go back to: people are asked.
    """
    status, build = look.status, _seen_build(look, look.status.stable)
    if status.stable is None or not build or status.stable.template_hash in ("", build):
        return None
    now = replace(status.stable, template_hash=build)
    because = rebuilt(status.stable, now)
    look = replace(look, status=replace(status, stable=now))
    if status.stage.name in _TURNABLE:
        return journey.withdraw(look, because, Cause.REBUILT, reject=False)
    if status.stage.name is Stage.BAKING:
        return journey.pause(look, PauseKind.REBUILT, because)
    notice = Notice("Rebuilt", warning=True)
    return Turn(remember(look.status, look.now, because), because, AT_ONCE, notice=notice)


def _seen_build(look: Look, revision: Revision | None) -> str:
    """The content of its Deployment; with a template the name is the content already."""
    if look.rollout.spec.workload.template is not None:
        return ""
    return look.pods(revision).build
