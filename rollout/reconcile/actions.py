"""From what should be and what is to what must be done, in an order that is safe to stop in."""

from dataclasses import replace

from rollout.model.action import (
    Action,
    AskApproval,
    EnsureWorkload,
    PointSubset,
    PruneWorkloads,
    ReleaseRoutes,
    RemoveSubset,
    Scale,
    SetRoute,
)
from rollout.model.status import Revision, RolloutStatus, Stage, SubsetMode
from rollout.reconcile import wanted
from rollout.reconcile.look import Look, Turn

_DOWN = {Stage.WITHDRAWING, Stage.CLEANING, Stage.IDLE, Stage.RETIRING}
"""Stages whose route never gives the canary more: nothing may stand before the way back."""


def due(look: Look, turn: Turn) -> tuple[Action, ...]:
    """The actions of this turn.

    On the way up pods and subsets come before the route that names them; on the way down the
    route comes first, and pods and subsets go when it has been seen to work.
    """
    status = turn.status
    route = _route(look, status)
    subsets = _subsets(look, status)
    up = _pods_up(look, status)
    down = status.stage in _DOWN
    traffic = (*route, *subsets, *up) if down else (*up, *subsets, *route)
    told = (turn.tell,) if turn.tell else ()
    return (
        *traffic,
        *_subset_gone(look, status),
        *_pods_down(look, status),
        *told,
        *_ask(look, turn),
    )


def _route(look: Look, status: RolloutStatus) -> tuple[Action, ...]:
    """The route that should be, if the world's is another or was meant to be until now."""
    before, after = look.status, status
    rollout = look.rollout
    same = (
        wanted.released(before) == wanted.released(after)
        and wanted.route(rollout, before) == wanted.route(rollout, after)
        and wanted.target(rollout, before) == wanted.target(rollout, after)
    )
    if same and not look.seen.traffic.differences:
        return ()
    if _drifted_and_paused(look, status):
        return ()
    target = wanted.target(rollout, after)
    if wanted.released(after):
        return (ReleaseRoutes(target, after.epoch),)
    return (SetRoute(target, wanted.route(rollout, after), after.epoch),)


def _drifted_and_paused(look: Look, status: RolloutStatus) -> bool:
    """A pause over drift leaves the foreign edit as it is until a person decides."""
    paused = status.pause is not None and status.pause.because.startswith("drift")
    return paused and status.stage is look.status.stage


def _subsets(look: Look, status: RolloutStatus) -> tuple[Action, ...]:
    target = wanted.target(look.rollout, status)
    wrong = wanted.wrong_subsets(status, look.seen)
    return tuple(PointSubset(target, name, wrong[name], status.epoch) for name in sorted(wrong))


def _subset_gone(look: Look, status: RolloutStatus) -> tuple[Action, ...]:
    """At rest a canary subset that no route names any more goes, if it was ours to make."""
    name = status.canary_subset
    resting = status.stage is Stage.IDLE and look.status.stage is Stage.IDLE
    if not resting or status.subsets is not SubsetMode.ROLE or look.seen.traffic.differences:
        return ()
    if name not in look.seen.traffic.subsets or name in look.seen.traffic.referenced:
        return ()
    return (RemoveSubset(wanted.target(look.rollout, status), name, status.epoch),)


def _pods_up(look: Look, status: RolloutStatus) -> tuple[Action, ...]:
    """Pods that should run and do not; never before the revisions are kept apart."""
    if not wanted.ours_to_scale(look.rollout):
        return ()
    actions: list[Action] = []
    if status.stage is Stage.IDLE:
        actions += _at_least(look, status.stable, _own_replicas(look))
    if status.canary is not None and status.stage not in _DOWN and _told_apart(look, status):
        actions += _at_least(look, status.canary, wanted.canary_replicas(look.rollout, status))
    return tuple(actions)


def _told_apart(look: Look, status: RolloutStatus) -> bool:
    """Whether the proxies already tell the revisions apart, not only the API's objects."""
    if status.subsets is SubsetMode.VERSION:
        return True
    waits = status.asked_at is not None and status.confirmed_at is None
    return look.status.apart and not (status.stage is Stage.PREPARING and waits)


def _own_replicas(look: Look) -> int:
    """What the template asks for; for the user's Deployments, what is there."""
    template = look.rollout.spec.workload.template
    return int(template.get("replicas", 1)) if template is not None else 0


def _at_least(look: Look, revision: Revision | None, replicas: int) -> tuple[Action, ...]:
    if revision is None:
        return ()
    pods = look.pods(revision)
    if pods.exists and pods.wanted >= replicas:
        return ()
    if look.rollout.spec.workload.template is not None:
        return (EnsureWorkload(revision, replicas),)
    return (Scale(pods.deployment, replicas),) if pods.exists else ()


def _pods_down(look: Look, status: RolloutStatus) -> tuple[Action, ...]:
    """The pods of the past, once drained: to zero, and beyond the history deleted."""
    gone = look.status.previous
    if gone is None or status.previous is not None or not wanted.ours_to_scale(look.rollout):
        return ()
    pods = look.pods(gone)
    actions: list[Action] = []
    if pods.exists and pods.wanted and not gone.same(status.canary):
        actions.append(Scale(pods.deployment, 0))
    if look.rollout.spec.workload.template is not None:
        keep = tuple(r.name for r in (status.stable, status.canary) if r is not None)
        actions.append(PruneWorkloads(keep, look.rollout.spec.workload.revision_history))
    return tuple(actions)


def _ask(look: Look, turn: Turn) -> tuple[Action, ...]:
    """The question to people, once per step and attempt, after all traffic is seen to."""
    status = turn.status
    if not turn.ask or status.step is None or status.canary is None:
        return ()
    step = look.plan.stops[status.step.index].step
    if step.approval is None:
        return ()
    key = f"{look.rollout.uid}/{status.attempt}/{status.step.index}"
    since = status.confirmed_at or look.now
    return (
        AskApproval(
            key=key,
            approval=step.approval,
            revision=status.canary,
            step=status.step.index,
            step_name=status.step.name,
            split=str(status.split),
            verdicts=status.verdicts,
            expires_at=since + step.approval.expires,
        ),
    )


def deleted(look: Look) -> tuple[Action, ...]:
    """The last actions for a Rollout that is being deleted, short of letting it go."""
    target = replace(wanted.target(look.rollout, look.status), apart=False)
    if look.seen.traffic.differences:
        return (ReleaseRoutes(target, look.status.epoch),)
    name = look.status.canary_subset
    if name in look.seen.traffic.subsets and name not in look.seen.traffic.referenced:
        return (RemoveSubset(target, name, look.status.epoch),)
    return ()
