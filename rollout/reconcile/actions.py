"""From what should be and what is to what must be done, in an order that is safe to stop in."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from rollout.model.action import (
    Action,
    Announce,
    EnsureWorkload,
    LetGo,
    PointSubset,
    PruneWorkloads,
    ReleaseFields,
    ReleaseRoutes,
    RemoveSubset,
    Scale,
    SetRoute,
)
from rollout.model.status import Revision, RolloutStatus, Stage
from rollout.model.traffic import Target
from rollout.reconcile import drift, handover, holding, journey, wanted
from rollout.reconcile.look import Look, Turn, Writes, no_replicas

LONGEST_NOTE = 1000
"""Of what an Event says, in characters: whole, where a status has one short sentence."""

_DOWN = {Stage.WITHDRAWING, Stage.CLEANING, Stage.IDLE, Stage.RETIRING}
"""Stages whose route never gives the canary more: nothing may stand before the way back."""


def due(look: Look, turn: Turn) -> tuple[Action, ...]:
    """The actions of this turn, in an order in which each may be the last that is done.

    Actions stop at the first that fails, so each stands behind what it needs:

    1. *On the way up* pods come first: a subset may be named only when somebody is behind it.
    2. Then subsets that are missing are made: Envoy answers 503 for a route whose cluster is not
       there, so a subset is at the proxies before a route names it.
    3. Then subsets change what they mean. The one that changes has weight 0 in the route before
       and after (``_subsets`` waits while the route is not as asked), so no request notices.
    4. Then the route, which names what 1 to 3 have made.
    *On the way down* (back to stable, or at rest) the route comes before 3 and 1: nothing may
    stand between a failed canary and its weight going away, above all no pods that cannot be
    made. Only a missing stable subset goes before it, since the route back names it.
    5. Subsets, then pods, go only now: a route that names a subset that is gone is an outage, and
       a pod is stopped when no route has named it for the drain delay.
    6. People hear of it after traffic is seen to: what is told is what was done, and no
       notification delays a weight. They are asked after they were told why.
    7. What the template says of Deployments that run, where it changes no pod, comes after all
       that traffic needs. The autoscaler is handed over behind the pods of 1, which it would
       take away otherwise.
    8. At rest our names go from what authors write: after all that we write there.
    9. The object is let go last, when nothing of ours is left that would need it. By then
       nothing is made any more (1 to 3): a namespace that ends takes nothing new.
    """
    status = turn.status
    told = _told(look, turn)
    if look.seen.traffic.problems:
        return (*told, *_let_go(turn))
    leave = turn.writes is Writes.NO_ROUTES or (
        drift.paused(status) is not None and status.stage.name is look.status.stage.name
    )
    route = _route(look, status, leave=leave or turn.writes is Writes.LAST)
    early = turn.writes is Writes.AT_REST
    rest = replace(status, stage=replace(status.stage, name=Stage.IDLE)) if early else status
    ending = turn.writes in (Writes.HOME, Writes.LAST)
    subsets = () if leave or ending else _subsets(look, rest)
    made = tuple(a for a in subsets if a.name not in look.seen.traffic.subsets)
    moved = tuple(a for a in subsets if a not in made)
    up = () if ending else _pods_up(look, status, early=early)
    settings = _settings(look, status, up)
    gone, down = _subset_gone(look, status), status.stage.name in _DOWN
    return (
        *((*made, *route, *moved, *up) if down else (*up, *made, *moved, *route)),
        *gone,
        *_pods_down(look, status),
        *settings,
        *told,
        *(() if leave else handover.due(look, status)),
        *_fields(look, turn, due=(*made, *route, *moved, *gone)),
        *_let_go(turn),
    )


def _told(look: Look, turn: Turn) -> tuple[Action, ...]:
    """What people should hear, unless it is the very sentence they heard last."""
    because = turn.status.because
    same = because == look.status.because and turn.status.phase is look.status.phase
    if turn.notice is None or same:
        return ()
    whole = " ".join(turn.because.split())[:LONGEST_NOTE]
    notice = turn.notice
    return (Announce(notice.reason, whole, warning=notice.warning, cause=notice.cause),)


def _let_go(turn: Turn) -> tuple[Action, ...]:
    return (LetGo(),) if turn.writes is Writes.LAST else ()


def _route(look: Look, status: RolloutStatus, *, leave: bool) -> tuple[Action, ...]:
    """The route that should be, if the world's is another or was meant to be until now."""
    before, after = look.status, status
    rollout = look.rollout
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
    """What the route depends on beside itself: its canary's subset is another only where it is.

    Asking for what is so already would wait for proxies that nobody sends anything.
    """
    return replace(wanted.target(look.rollout, status), canary="")


def _subsets(look: Look, status: RolloutStatus) -> tuple[PointSubset, ...]:
    """Subsets that are missing or mean something else.

    One that is there changes its meaning only while the routes are as asked, at weight 0: a
    foreign edit of the weights is taken back first. One that has requests is put back where it
    was, and never from others' pods that are ready to those that are not.
    """
    target = wanted.target(look.rollout, status)
    wrong = wanted.wrong_subsets(status, look.seen)
    here, sure = look.seen.traffic.subsets, not look.seen.traffic.differences
    serves = status.stable_subset in look.seen.traffic.serving and look.seen.strangers > 0
    stays = {status.stable_subset} if serves and look.pods(status.stable).down else set()
    names = [name for name in sorted(wrong) if name not in here or (sure and name not in stays)]
    return tuple(PointSubset(target, name, wrong[name], status.epoch) for name in names)


def _subset_gone(look: Look, status: RolloutStatus) -> tuple[Action, ...]:
    """At rest a subset that no route names any more goes, if it was ours to make.

    Stable's only when the Rollout goes, and the proxies have the routes that do not name it.
    """
    confirmed = status.stage.asked_at is None or status.stage.confirmed_at is not None
    name = wanted.unused_subset(status, look.seen, leaving=look.rollout.deleting and confirmed)
    resting = status.stage.name is Stage.IDLE and look.status.stage.name is Stage.IDLE
    if not name or not resting or look.seen.traffic.differences:
        return ()
    return (RemoveSubset(wanted.target(look.rollout, status), name, status.epoch),)


def _fields(look: Look, turn: Turn, due: Sequence[Action]) -> tuple[Action, ...]:
    """At rest the mesh's objects are their authors' again, by their managed fields, too.

    It waits while anything of theirs is ``due`` or not as asked, which would make them ours again;
    whoever leaves for good waits for nothing.
    """
    traffic, status = look.seen.traffic, turn.status
    resting = {look.status.stage.name, status.stage.name} == {Stage.IDLE}
    settled = resting and not traffic.differences and not status.stage.waits_for_proxies
    last, target = turn.writes is Writes.LAST, wanted.target(look.rollout, status)
    if last and (traffic.fields_held or traffic.epoch):
        return (ReleaseFields(target, marks=True),)
    if due or not settled or turn.writes is Writes.NO_ROUTES or not traffic.fields_held:
        return ()
    return (ReleaseFields(target),)


def _pods_up(look: Look, status: RolloutStatus, *, early: bool) -> tuple[Action, ...]:
    """Pods that should run and do not; never before the revisions are kept apart."""
    if not wanted.ours_to_scale(look.rollout):
        return ()
    goal = handover.goal(status)
    least = handover.floor(look, status)
    stays = _at_least(look, goal, least) if least else ()
    if early:
        return stays
    if status.stage.name is Stage.IDLE and not look.rollout.deleting:
        return _own(look, status, least)
    if status.stage.name is Stage.WITHDRAWING:
        return _at_least(look, status.stable, max(status.attempt.stable_pods, least))
    if status.attempt.canary is not None and _told_apart(look, status):  # nobody's on the way down
        replicas = wanted.canary_replicas(look.rollout, status)
        if status.attempt.canary.same(goal):
            return _at_least(look, status.attempt.canary, max(replicas, least))
        return (*stays, *_at_least(look, status.attempt.canary, replicas))
    return stays


def _settings(look: Look, status: RolloutStatus, up: Sequence[Action]) -> tuple[Action, ...]:
    """What the template says of Deployments that run by now, where it changes no pod; and told.

    Each of them has as many pods as it wants already; a Deployment of ``up`` gets both at once.
    """
    if look.rollout.deleting:
        return ()
    done = {action.revision.name for action in up if isinstance(action, EnsureWorkload)}
    actions: list[Action] = []
    for revision in filter(None, (status.stable, status.attempt.canary)):
        pods = look.pods(revision)
        if not pods.outdated:
            continue
        if revision.name not in done:
            actions.append(EnsureWorkload(revision, pods.wanted))
        because = f"{', '.join(pods.outdated)} of deployment {pods.deployment} is as git says now"
        actions.append(Announce("TemplateApplied", because, warning=False))
    return tuple(actions)


def _told_apart(look: Look, status: RolloutStatus) -> bool:
    """Whether the proxies already tell the revisions apart, not only the API's objects."""
    waits = status.stage.name is Stage.PREPARING and status.stage.waits_for_proxies
    return look.status.revisions_isolated and not waits


def _own(look: Look, status: RolloutStatus, least: int) -> tuple[Action, ...]:
    """At rest as many pods as the template says; an autoscaler decides where it says nothing.

    Where the spec names an autoscaler, the template's number is for the first pods alone.
    """
    template = look.rollout.spec.workload.template
    if template is None:
        return _at_least(look, status.stable, least)
    pods, replicas = look.pods(status.stable), int(template.get("replicas", 1))
    if no_replicas(look) is not None:
        return ()
    scaled = "replicas" not in template or look.seen.autoscaler is not None
    if pods.wanted > replicas and not scaled:
        assert status.stable is not None  # noqa: S101 - these pods are wanted of somebody
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
    draining, workload = look.status.draining, look.rollout.spec.workload
    if draining is None or not wanted.ours_to_scale(look.rollout):
        return ()
    before = draining.revision
    pods, kept = look.pods(before), (status.stable, status.attempt.canary)
    replaced = status.draining is None or not before.same(status.draining.revision)
    over = replaced or holding.drain_left(look, draining) <= timedelta(0)
    over = over and not handover.scales(look, before)
    used = any(journey.shares_pods(before, r) for r in kept)
    actions: list[Action] = []
    if over and pods.wanted and not used:
        actions.append(Scale(pods.deployment, 0))
    if status.draining is None and workload.template is not None:
        keep = tuple(r.name for r in kept if r is not None)
        actions.append(PruneWorkloads(keep, workload.revision_history))
    return tuple(actions)
