"""What a journey began with, compared at every look: a name may come to mean another build."""

from dataclasses import replace

from rollout.memo import changed
from rollout.model.reasons import Cause, PauseKind, Reason
from rollout.model.status import Revision, Stage
from rollout.model.turn import AT_ONCE, Notice
from rollout.reconcile import journey
from rollout.reconcile.look import Look, Turn, attempted, remember

_WITH_REQUESTS = (Stage.STEPPING, Stage.SWITCHING, Stage.BAKING)
_TURNABLE = (Stage.PREPARING, Stage.STEPPING, Stage.SWITCHING)
"""Where stable has, or would get back, requests that it had before."""


def learned(look: Look) -> Look:
    """The look with each side's content, where it is seen for the first time."""
    status = changed(look.status, stable=_learned(look, look.status.stable))
    if _templated(look):
        status = attempted(status, canary=_learned(look, status.attempt.canary))
    return changed(look, status=status)


def rebuilt(before: Revision | None, now: Revision) -> str:
    """That the same name is another build now, in words with both; empty when it is not."""
    if before is None or before.name != now.name or before.same(now):
        return ""
    return f"{now.name} was rebuilt: {before.template_hash} is {now.template_hash} now"


def edited(look: Look) -> Reason | None:
    """That the canary's Deployment, which we made, is by somebody's edit not what git asks for."""
    canary, pods = look.status.attempt.canary, look.pods(look.status.attempt.canary)
    if canary is None or not canary.build:
        return None
    if pods.build in ("", canary.build):
        return None
    return Reason(
        f"deployment {pods.deployment} was edited: delete it, to have it made as git says"
    )


def canary_edited(look: Look) -> Turn | None:
    """Everyone goes back; the next attempt waits until the Deployment is as git says again."""
    because = edited(look)
    if because is None or look.status.stage.name not in _WITH_REQUESTS:
        return None
    return journey.withdraw(look, because, Cause.REBUILT, reject=False)


def stable_rebuilt(look: Look) -> Turn | None:
    """Somebody gave stable's Deployment another build: what was compared with it is void.

    Everyone goes to it, and the journey begins anew. While the promoted canary bakes it has
    nobody, so it is only no longer what one would go back to: people are asked.
    """
    status, build = look.status, look.pods(look.status.stable).build
    before = _build(look, status.stable)
    if status.stable is None or not build or before in ("", build):
        return None
    because = f"{status.stable.name} was rebuilt: {before} is {build} now"
    look = replace(look, status=replace(status, stable=_built(look, status.stable, build)))
    if status.stage.name in _TURNABLE:
        return journey.withdraw(look, because, Cause.REBUILT, reject=False)
    if status.stage.name is Stage.BAKING:
        return journey.pause(look, PauseKind.REBUILT, because)
    notice = Notice("Rebuilt", warning=True)
    return Turn(remember(look.status, look.now, because), because, AT_ONCE, notice=notice)


def _templated(look: Look) -> bool:
    return look.rollout.spec.workload.template is not None


def _build(look: Look, revision: Revision | None) -> str:
    """What its Deployment was seen to run; with a template its name is the content already."""
    if revision is None:
        return ""
    return revision.build if _templated(look) else revision.template_hash


def _built(look: Look, revision: Revision, build: str) -> Revision:
    if _templated(look):
        return replace(revision, build=build)
    return replace(revision, template_hash=build)


def _learned(look: Look, revision: Revision | None) -> Revision | None:
    """The revision with the build that it is seen to run, if none was seen before."""
    if revision is None or _build(look, revision):
        return revision
    return _built(look, revision, look.pods(revision).build)
