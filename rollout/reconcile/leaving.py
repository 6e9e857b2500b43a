"""The way home of a Rollout that is being deleted: in order, then it is let go.

What has been judged good goes on to be stable, what has not goes back; nobody's traffic is moved
onto pods that cannot carry it, and nothing waits for ever for pods that never come.
"""

from dataclasses import replace

from rollout.model.status import Stage, SubsetMode
from rollout.reconcile import journey, stages, wanted
from rollout.reconcile.look import SOON, Look, Turn, Writes, attempted


def leave(look: Look) -> Turn:
    """The turn of a Rollout that git no longer has."""
    look = replace(look, status=attempted(look.status, pause=None))
    if _nothing_left(look) or _waited_enough(look):
        return Turn(look.status, "deleted: let go", writes=Writes.LAST)
    if look.status.stage.name in (Stage.PREPARING, Stage.STEPPING):
        return journey.withdraw(look, "deleted: everyone back to stable", reject=False)
    if look.status.stage.name is not Stage.IDLE:
        return stages.advance(look)
    return _given_back(look)


def _nothing_left(look: Look) -> bool:
    """Whether there is nothing to give back, or nobody to protect: the objects or pods are gone."""
    status, traffic = look.status, look.seen.traffic
    if status.stable is None or (traffic.problems and not traffic.differences):
        return True
    pods = (look.pods(status.stable), look.pods(status.attempt.canary))
    return status.attempt.canary is not None and all(side.down for side in pods)


def _waited_enough(look: Look) -> bool:
    """Whether a stable that should carry everyone has been waited for until the deadline.

    The routes are left as they are then: traffic stays where the pods are.
    """
    status, since = look.status, look.status.stage.since
    held = status.stage.name is Stage.WITHDRAWING and status.stage.split.stable < 100
    deadline = look.rollout.spec.progress_deadline
    return held and since is not None and look.now - since >= deadline


def _given_back(look: Look) -> Turn:
    """At rest: the routes as git has them, no subset of ours that nobody names, then the end.

    A route keeps the stable subset while other revisions' pods are there: requests would reach
    them else, and nobody would be left to judge that.
    """
    status, seen = look.status, look.seen
    alone = status.subset_mode is SubsetMode.ROLE and seen.strangers == 0
    if (
        seen.traffic.differences
        or wanted.unused_subset(status, seen)
        or (status.revisions_isolated and alone)
    ):
        status = replace(status, revisions_isolated=status.revisions_isolated and not alone)
        return Turn(status, "deleted: giving the routes back", SOON)
    return Turn(status, "deleted: let go", writes=Writes.LAST)
