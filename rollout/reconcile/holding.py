"""Standing still on purpose: deadlines, drains, and what the gate is handed."""

from dataclasses import replace
from datetime import datetime, timedelta

from rollout import strategies
from rollout.gate import Held, Window
from rollout.model.reasons import PauseKind, Reason, WaitsFor
from rollout.model.spec import Rollout, Step
from rollout.model.status import Draining, RolloutStatus, Stage
from rollout.model.turn import SOON, short
from rollout.reconcile import journey, wanted
from rollout.reconcile.look import PROXIES, Look, Turn, asked_again, attempted
from rollout.strategies import Stop


def until(look: Look, because: Reason, waits_for: WaitsFor) -> Turn:
    """Hold for something that must come by itself; after the deadline, pause and ask.

    Who was asked is told what it waits for now, and not what it waited for then.
    """
    status, pause = look.status, look.status.attempt.pause
    if pause is not None and pause.kind.may_pass:
        return Turn(renewed(status, PauseKind.DEADLINE, because), because, SOON, waits_for)
    if pause is not None:
        return Turn(status, pause.because, SOON)
    left = _deadline(look) - (look.now - (status.stage.since or look.now))
    if left > timedelta(0):
        every = asked_again(status, look.now) if status.stage.waits_for_proxies else SOON
        return Turn(status, because, min(left, every), waits_for)
    return journey.pause(look, PauseKind.DEADLINE, because)


def renewed(status: RolloutStatus, kind: PauseKind, because: str) -> RolloutStatus:
    """The status whose pause says what is true now; since when it stands stays."""
    pause = status.attempt.pause
    return attempted(status, pause=pause and replace(pause, kind=kind, because=short(because)))


def _deadline(look: Look) -> timedelta:
    """The progress deadline; at a step it begins when the step could have ended."""
    deadline = look.rollout.spec.progress_deadline
    if look.status.stage.name is not Stage.STEPPING:
        return deadline
    step = stop(look.rollout, look.status).step
    return deadline + max(step.bake, step.box)


def drained(look: Look) -> RolloutStatus:
    """The status without the pods of the past, once they are gone or not ours to stop.

    Nor are stable's own, whatever somebody has written into it.
    """
    status = look.status
    if status.draining is not None and journey.shares_pods(status.draining.revision, status.stable):
        return replace(status, draining=None)
    if status.draining is None or drain_left(look, status.draining) > timedelta(0):
        return status
    pods = look.pods(status.draining.revision)
    there = pods.exists and pods.wanted if pods.known else not look.rollout.deleting
    if wanted.ours_to_scale(look.rollout) and there:
        return status
    return replace(status, draining=None)


def drain_left(look: Look, draining: Draining) -> timedelta:
    """How long the pods of the past must still stay; at least a moment while they may be used."""
    drain = look.rollout.spec.workload.drain
    if draining.since is None:
        return max(drain, PROXIES)
    if not wanted.ours_to_scale(look.rollout):
        return timedelta(0)
    return drain - (look.now - draining.since)


def held(rollout: Rollout, status: RolloutStatus, now: datetime) -> Held:
    """What the gate is handed at a step, or while the promoted canary bakes."""
    plan = strategies.plan(rollout.spec.strategy)
    comparing = status.stage.name is Stage.STEPPING
    if comparing:
        ahead = plan.stops[(status.attempt.step.index if status.attempt.step else 0) + 1 :]
        step = stop(rollout, status).step
        coming = ahead[0].route.split.canary if ahead else 100
    else:
        step, coming = Step(name="bake", bake=plan.keep_old, time_box=plan.keep_old), 100
    since = status.stage.confirmed_at
    if since is None:
        return Held(step, None, None)
    reaches = wanted.route(rollout, status).reaches_canary
    window = _window(rollout, status, since, coming) if reaches else None
    patience = max((each.step.longest for each in plan.stops), default=step.box)
    return Held(step, window, now - since, patience if comparing else step.box)


def stop(rollout: Rollout, status: RolloutStatus) -> Stop:
    """The stop we are at."""
    index = status.attempt.step.index if status.attempt.step else 0
    return strategies.plan(rollout.spec.strategy).at(index)


def _window(rollout: Rollout, status: RolloutStatus, since: datetime, coming: int) -> Window:
    """What the evidence may speak of: these pods, from this moment on."""
    stable = status.stable.name if status.stable else ""
    canary = status.attempt.canary.name if status.attempt.canary else ""
    return Window(
        namespace=rollout.namespace,
        stable=stable,
        canary=canary,
        workloads={name: rollout.deployment(name) for name in (stable, canary)},
        since=since,
        step=status.attempt.step.index if status.attempt.step else None,
        weight=status.stage.split.canary,
        next_weight=coming,
        mirrored=status.stage.split.canary == 0,
        comparing=status.stage.split.stable > 0,
        stable_down_at=status.attempt.stable_down_at,
        asked=status.stage.asked_at,
        by_weight=_by_weight(rollout, status),
    )


def _by_weight(rollout: Rollout, status: RolloutStatus) -> bool:
    """Whether the canary's requests follow its weight alone, now as in the step before."""
    index = status.attempt.step.index if status.attempt.step else 0
    stops = strategies.plan(rollout.spec.strategy).stops[max(0, index - 1) : index + 1]
    return not any(each.route.is_dressed for each in stops)
