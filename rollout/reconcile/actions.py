"""From what should be and what is to what must be done, in an order that is safe to stop in."""

from dataclasses import replace
from datetime import timedelta

from rollout.model.action import (
    Action,
    Announce,
    AskApproval,
    EnsureWorkload,
    LetGo,
    PointSubset,
    PruneWorkloads,
    ReleaseRoutes,
    RemoveSubset,
    Scale,
    SetRoute,
)
from rollout.model.status import Revision, RolloutStatus, Stage
from rollout.model.traffic import Target
from rollout.reconcile import drift, handover, holding, journey, wanted
from rollout.reconcile.look import Look, Turn

_DOWN = {Stage.WITHDRAWING, Stage.CLEANING, Stage.IDLE, Stage.RETIRING}
"""Stages whose route never gives the canary more: nothing may stand before the way back."""


def due(look: Look, turn: Turn) -> tuple[Action, ...]:
    """The actions of this turn.

    On the way up pods and subsets come before the route that names them; on the way down the
    route comes first, and pods and subsets go when it has been seen to work.
    """
    status = turn.status
    told = _told(look, turn)
    if look.seen.traffic.problems:
        return (*told, *_let_go(turn))
    leave = turn.leave or (drift.paused(status) and status.stage is look.status.stage)
    route = _route(look, status, leave=leave)
    rest = replace(status, stage=Stage.IDLE) if turn.early else status
    subsets = () if leave else _subsets(look, rest)
    made = tuple(a for a in subsets if a.name not in look.seen.traffic.subsets)
    moved = tuple(a for a in subsets if a not in made)
    up = _pods_up(look, status, early=turn.early)
    down = status.stage in _DOWN
    return (
        *((*made, *route, *moved, *up) if down else (*up, *made, *moved, *route)),
        *_subset_gone(look, status),
        *_pods_down(look, status),
        *told,
        *_ask(look, turn),
        *(() if leave else handover.due(look, status)),
        *_let_go(turn),
    )


def _told(look: Look, turn: Turn) -> tuple[Action, ...]:
    """What people should hear, unless it is the very sentence they heard last."""
    because = turn.status.because
    if not turn.tell or because == look.status.because:
        return ()
    return (Announce(turn.tell, because, warning=turn.warn),)


def _let_go(turn: Turn) -> tuple[Action, ...]:
    return (LetGo(),) if turn.let_go else ()


def _route(look: Look, status: RolloutStatus, *, leave: bool) -> tuple[Action, ...]:
    """The route that should be, if the world's is another or was meant to be until now."""
    before, after = look.status, status
    rollout = look.rollout
    if before.stable is None and not look.seen.traffic.differences:
        return ()  # adopted as it is: there is nothing that the proxies should learn
    same = (
        wanted.released(before) == wanted.released(after)
        and wanted.route(rollout, before) == wanted.route(rollout, after)
        and _aim(look, before) == _aim(look, after)
    )
    if leave or (same and not look.seen.traffic.differences):
        return ()
    target = wanted.target(rollout, after)
    if wanted.released(after):
        return (ReleaseRoutes(target, after.epoch),)
    return (SetRoute(target, wanted.route(rollout, after), after.epoch),)


def _aim(look: Look, status: RolloutStatus) -> Target:
    """What the route depends on: a released one names no canary, however its subset is called.

    Asking for what is so already would wait for proxies that nobody sends anything.
    """
    target = wanted.target(look.rollout, status)
    return replace(target, canary="") if wanted.released(status) else target


def _subsets(look: Look, status: RolloutStatus) -> tuple[PointSubset, ...]:
    """Subsets that are missing or mean something else.

    One that is there changes its meaning only while the routes are as asked, at weight 0: a
    foreign edit of the weights is taken back first.
    """
    target = wanted.target(look.rollout, status)
    wrong = wanted.wrong_subsets(status, look.seen)
    here, sure = look.seen.traffic.subsets, not look.seen.traffic.differences
    names = [name for name in sorted(wrong) if sure or name not in here]
    return tuple(PointSubset(target, name, wrong[name], status.epoch) for name in names)


def _subset_gone(look: Look, status: RolloutStatus) -> tuple[Action, ...]:
    """At rest a canary subset that no route names any more goes, if it was ours to make."""
    name = wanted.unused_subset(status, look.seen)
    resting = status.stage is Stage.IDLE and look.status.stage is Stage.IDLE
    if not name or not resting or look.seen.traffic.differences:
        return ()
    return (RemoveSubset(wanted.target(look.rollout, status), name, status.epoch),)


def _pods_up(look: Look, status: RolloutStatus, *, early: bool) -> tuple[Action, ...]:
    """Pods that should run and do not; never before the revisions are kept apart."""
    if not wanted.ours_to_scale(look.rollout):
        return ()
    goal = handover.goal(status)
    least = handover.floor(look, status)
    stays = _at_least(look, goal, least) if least else ()
    if early:
        return stays
    if status.stage is Stage.IDLE and not look.rollout.deleting:
        return _own(look, status, least)
    if status.stage is Stage.WITHDRAWING:
        return _at_least(look, status.stable, max(status.pods, least))
    if status.canary is not None and status.stage not in _DOWN and _told_apart(look, status):
        replicas = wanted.canary_replicas(look.rollout, status)
        if status.canary.same(goal):
            return _at_least(look, status.canary, max(replicas, least))
        return (*stays, *_at_least(look, status.canary, replicas))
    return stays


def _told_apart(look: Look, status: RolloutStatus) -> bool:
    """Whether the proxies already tell the revisions apart, not only the API's objects."""
    waits = status.asked_at is not None and status.confirmed_at is None
    return look.status.apart and not (status.stage is Stage.PREPARING and waits)


def _own(look: Look, status: RolloutStatus, least: int) -> tuple[Action, ...]:
    """At rest as many pods as the template says; an autoscaler decides where it says nothing.

    Where the spec names an autoscaler, the template's number is for the first pods alone.
    """
    template = look.rollout.spec.workload.template
    if template is None or status.stable is None:
        return _at_least(look, status.stable, least) if least else ()
    pods, replicas = look.pods(status.stable), int(template.get("replicas", 1))
    scaled = "replicas" not in template or look.seen.autoscaler is not None
    if pods.exists and pods.wanted > replicas and not scaled:
        return (EnsureWorkload(status.stable, replicas),)
    return _at_least(look, status.stable, max(replicas, least))


def _at_least(look: Look, revision: Revision | None, replicas: int) -> tuple[Action, ...]:
    pods = look.pods(revision)
    if revision is None or not pods.known or (pods.exists and pods.wanted >= replicas):
        return ()
    if handover.scales(look, revision):
        return ()
    if look.rollout.spec.workload.template is not None:
        return (EnsureWorkload(revision, replicas),)
    return (Scale(pods.deployment, replicas),) if pods.exists else ()


def _pods_down(look: Look, status: RolloutStatus) -> tuple[Action, ...]:
    """The pods of the past, once drained: to zero, and beyond the history deleted.

    They are remembered until they are seen to be gone; only a third revision in the time of one
    drain cuts the first one's short.
    """
    before, workload = look.status.previous, look.rollout.spec.workload
    if before is None or not wanted.ours_to_scale(look.rollout):
        return ()
    pods, kept = look.pods(before), (status.stable, status.canary)
    over = status.previous != before or holding.drain_left(look) <= timedelta(0)
    over = over and not handover.scales(look, before)
    used = any(journey.shares_pods(before, r) for r in kept)
    actions: list[Action] = []
    if over and pods.exists and pods.wanted and not used:
        actions.append(Scale(pods.deployment, 0))
    if status.previous is None and workload.template is not None:
        keep = tuple(r.name for r in kept if r is not None)
        actions.append(PruneWorkloads(keep, workload.revision_history))
    return tuple(actions)


def _ask(look: Look, turn: Turn) -> tuple[Action, ...]:
    """The question to people, once per step and attempt, after all traffic is seen to."""
    status = turn.status
    if not turn.ask or status.step is None or status.canary is None:
        return ()
    step = holding.stop(look.rollout, status).step
    if step.approval is None:
        return ()
    key = f"{look.rollout.uid}/{status.attempt}/{status.step.index}"
    return (
        AskApproval(
            key=key,
            approval=step.approval,
            revision=status.canary,
            step=status.step.index,
            split=str(status.split),
            verdicts=status.verdicts,
        ),
    )
