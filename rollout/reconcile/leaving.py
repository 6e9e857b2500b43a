"""The way home of a Rollout that is being deleted: in order, then it is let go.

What has been judged good goes on to be stable, what has not goes back; nobody's traffic is moved
onto pods that cannot carry it, and nothing waits for ever for pods that never come.
"""

from dataclasses import replace

from rollout.model.reasons import Cause
from rollout.model.status import Stage
from rollout.model.traffic import Split, SubsetMode
from rollout.model.turn import AT_ONCE, SOON, Notice
from rollout.reconcile import journey, stages, wanted
from rollout.reconcile.look import (
    PROXIES,
    Look,
    Turn,
    Writes,
    asked,
    attempted,
    confirmed,
    go_on,
    remember,
    way_back,
)


def leave(look: Look, why: str = "deleted") -> Turn:
    """The turn of a Rollout that git no longer has; ``why``: how its sentences begin."""
    look = replace(look, status=attempted(look.status, pause=None))
    able = _stable_is_back(look)
    late = _given_up(look)
    if late and able:
        return _home(look, f"{why}: stable can carry everyone again")
    waited = _waited_enough(look) and not able
    if _nothing_to_give(look) or waited or (late and _all_given_back(look)):
        return Turn(look.status, f"{why}: let go", writes=Writes.LAST)
    if late:
        because = f"{why}: let go, though not everything could be given back in time"
        notice = Notice("LetGo", warning=True)
        return Turn(look.status, because, notice=notice, writes=Writes.LAST)
    if _nobody_there(look):
        return _home(look, f"{why}: no pods are left")
    if look.status.stage.name in (Stage.PREPARING, Stage.STEPPING):
        because = f"{why}: everyone back to stable"
        return journey.withdraw(look, because, Cause.DELETED, reject=False)
    if look.status.stage.name is not Stage.IDLE:
        return stages.advance(look)
    return _given_back(look, why)


def _nothing_to_give(look: Look) -> bool:
    """Whether there is nothing to give back: never adopted, or the objects are gone."""
    traffic = look.seen.traffic
    return look.status.stable is None or bool(traffic.problems and not traffic.differences)


def _nobody_there(look: Look) -> bool:
    """Whether no pod of either side is left that a request could reach, so order is no matter."""
    status = look.status
    pods = (look.pods(status.stable), look.pods(status.attempt.canary))
    return status.attempt.canary is not None and all(side.down for side in pods)


def _stable_is_back(look: Look) -> bool:
    """Whether a way back that was held for want of stable's pods need be held no longer."""
    stage, pods = look.status.stage, look.pods(look.status.stable)
    held = stage.name is Stage.WITHDRAWING and stage.split.stable < 100
    return held and pods.known and not pods.down and way_back(look).stable == 100


def _all_given_back(look: Look) -> bool:
    """Whether we are at rest, and no route or subset is left that is not as git has it."""
    status, seen = look.status, look.seen
    left = seen.traffic.differences or wanted.unused_subset(status, seen, leaving=True)
    return status.stage.name is Stage.IDLE and not left


def _home(look: Look, why: str) -> Turn:
    """The turn to rest at once: routes that may be in another namespace, and outlive this one."""
    because = f"{why}; giving the routes back"
    status = go_on(look, Stage.IDLE)
    status = replace(status, stage=replace(status.stage, split=Split(100, 0)))
    alone = look.seen.strangers == 0 and status.subset_mode is SubsetMode.ROLE
    status = replace(status, revisions_isolated=status.revisions_isolated and not alone)
    status = remember(journey.over(status), look.now, because)
    return Turn(status, because, AT_ONCE, writes=Writes.HOME)


def _given_up(look: Look) -> bool:
    """Whether the way home takes longer than any should: what refuses us then is left as it is.

    The longest that one takes by itself is a wait for pods and the drain of the others.
    """
    spec, since = look.rollout.spec, look.rollout.deleted_at
    return since is not None and look.now - since >= spec.progress_deadline + spec.workload.drain


def _waited_enough(look: Look) -> bool:
    """Whether a stable that should carry everyone has been waited for until the deadline.

    The routes are left as they are then: traffic stays where the pods are.
    """
    status, since = look.status, look.status.stage.since
    held = status.stage.name is Stage.WITHDRAWING and status.stage.split.stable < 100
    deadline = look.rollout.spec.progress_deadline
    return held and since is not None and look.now - since >= deadline


def _given_back(look: Look, why: str) -> Turn:
    """At rest: the routes as git has them, no subset of ours that nobody names, then the end.

    A route keeps the stable subset while other revisions' pods are there: requests would reach
    them else, and nobody would be left to judge that.
    """
    status, seen = look.status, look.seen
    alone = status.subset_mode is SubsetMode.ROLE and seen.strangers == 0
    if seen.traffic.differences or (status.revisions_isolated and alone):
        status = replace(status, revisions_isolated=status.revisions_isolated and not alone)
        status = asked(status, look.now)
        return Turn(status, f"{why}: giving the routes back", SOON, writes=Writes.HOME)
    if not wanted.unused_subset(status, seen, leaving=True):
        return Turn(status, f"{why}: let go", writes=Writes.LAST)
    status = confirmed(look)
    waits = status.stage.asked_at is not None and status.stage.confirmed_at is None
    because = f"{why}: our subsets go once the proxies have the routes without them"
    return Turn(status, because, PROXIES if waits else SOON, writes=Writes.HOME)
