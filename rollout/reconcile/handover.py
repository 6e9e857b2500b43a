"""The autoscaler that the spec names follows the revision that carries everyone, never too soon.

It scales stable on the way, the promoted canary while that bakes, and stable again on the way
back. What it scales, nobody else scales; and it takes over only a Deployment that wants as many
pods as the one it leaves, so that a hand-over never makes the pods fewer.
"""

from rollout.memo import changed
from rollout.model.action import HandOver
from rollout.model.observation import SeenAutoscaler
from rollout.model.reasons import Reason
from rollout.model.status import Revision, RolloutStatus, Stage
from rollout.reconcile.look import Look


def goal(status: RolloutStatus) -> Revision | None:
    """Whose pods the autoscaler should scale now."""
    return status.attempt.canary if status.stage.name is Stage.BAKING else status.stable


def scales(look: Look, revision: Revision | None) -> bool:
    """Whether it scales the pods of ``revision`` now; what wants no pods it leaves alone, too.

    Source: Kubernetes, "Horizontal Pod Autoscaling": with 0 replicas it is off.
    """
    pods = look.pods(revision)
    return pods.exists and pods.wanted > 0 and _names(look.seen.autoscaler, pods.deployment)


def floor(look: Look, status: RolloutStatus) -> int:
    """How many pods the goal must want before it is handed over: as many as those it leaves."""
    found = _away(look, status)
    if found is None:
        return 0
    here = (p.wanted for p in look.seen.workloads.values() if _names(found, p.deployment))
    return max(here, default=0)


def due(look: Look, status: RolloutStatus) -> tuple[HandOver, ...]:
    """The hand-over; the pods that it needs are asked for before, in the very same look."""
    found, pods = _away(look, status), look.pods(goal(status))
    if found is None or not (pods.known and pods.exists):
        return ()
    return (HandOver(found.name, pods.deployment),)


def missing(look: Look) -> Reason | None:
    """Why the old pods may not go yet; None when they may."""
    found, pods = look.seen.autoscaler, look.pods(goal(look.status))
    if found is None or not found.exists or _names(found, pods.deployment):
        return None
    return Reason(found.problem or f"autoscaler {found.name} is to scale {pods.deployment}")


def trouble(look: Look) -> Reason | None:
    """What a person must see to before it can be handed over; None when nothing."""
    found = look.seen.autoscaler
    return Reason(found.problem) if found and found.problem else None


def landed(look: Look) -> RolloutStatus:
    """The status, with the Deployment that it was seen to scale as asked."""
    name = look.pods(goal(look.status)).deployment
    if not _names(look.seen.autoscaler, name):
        return look.status
    return changed(look.status, autoscaler_target=name)


def foreign(look: Look) -> Reason | None:
    """What somebody else made of it: it was where it should be, and is no more."""
    status = look.status
    found = _away(look, status)
    there = (
        status.autoscaler_target and status.autoscaler_target == look.pods(goal(status)).deployment
    )
    if found is None or not there:
        return None
    return Reason(f"autoscaler {found.name}, which named {found.scales}")


def _away(look: Look, status: RolloutStatus) -> SeenAutoscaler | None:
    """One that can be handed over, and is not where it should be; None: there is none."""
    found = look.seen.autoscaler
    if found is None or not found.exists or found.problem:
        return None
    return None if _names(found, look.pods(goal(status)).deployment) else found


def _names(found: SeenAutoscaler | None, deployment: str) -> bool:
    return found is not None and bool(deployment) and found.scales == deployment
