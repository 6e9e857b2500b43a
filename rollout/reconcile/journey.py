"""The turns of a journey: begun, a step on, everyone over, everyone back, standing still."""

from dataclasses import replace

from rollout.model.status import Pause, Rejected, Revision, Stage, StepStatus
from rollout.model.traffic import Split
from rollout.reconcile import adopt
from rollout.reconcile.look import (
    AT_ONCE,
    Look,
    Turn,
    asked,
    enter,
    named,
    remember,
    short,
    stable_lacks,
    way_back,
)

UNDER_WAY = (Stage.PREPARING, Stage.STEPPING, Stage.SWITCHING, Stage.BAKING)
"""The stages in which a journey can still be turned round."""

LOSSES = 3
"""How often a canary may lose all its pods before we stop trying and ask."""


def shares_pods(one: Revision, other: Revision | None) -> bool:
    """Whether the two run in one Deployment, be it as different builds."""
    return other is not None and one.name == other.name


def start(look: Look, revision: Revision, because: str) -> Turn:
    """The turn that begins a journey of ``revision``, or a new attempt at it.

    Nothing is written yet: first the rules are asked.
    """
    status, stable = look.status, look.pods(look.status.stable)
    status = replace(
        status,
        stage=Stage.PREPARING,
        stage_since=look.now,
        canary=revision,
        canary_subset=adopt.canary_subset(status, look, revision),
        apart=status.apart or look.seen.traffic.serving == (status.stable_subset,),
        attempt=status.attempt + 1,
        split=Split(100, 0),
        step=None,
        asked_at=None,
        confirmed_at=None,
        confirmed_by=None,
        verdicts=(),
        approvals=(),
        opened=None,
        checkpoint={},
        pause=status.pause if revision.same(status.canary) else None,
        drift=None,
        rejected=None,
        losses=status.losses if revision.same(status.canary) else 0,
        pods=max(stable.ready, stable.wanted),
        previous=None if shares_pods(revision, status.previous) else status.previous,
    )
    return Turn(remember(status, look.now, because), because, AT_ONCE, "NewRevision", early=True)


def enter_step(look: Look, index: int, because: str) -> Turn:
    """The turn that begins stop ``index`` of the plan."""
    stop = look.plan.stops[index]
    status = enter(look, Stage.STEPPING, stop.route.split, because)
    status = replace(status, pause=None, step=StepStatus(index, stop.name, look.now))
    told = f"{stop.name}: {stop.route.split.canary}% to {named(status.canary)}; {because}"
    return Turn(status, told, AT_ONCE, "StepStarted")


def switch(look: Look, because: str) -> Turn:
    """The turn that sends everyone to the canary: the beginning of promotion."""
    status = enter(look, Stage.SWITCHING, Split(0, 100), because)
    status = replace(status, pause=None, step=None, rejected=None)
    told = f"everyone to {named(status.canary)}: {because}"
    return Turn(status, told, AT_ONCE, "Promoting")


def withdraw(look: Look, because: str, *, reject: bool) -> Turn:
    """The turn that takes everyone back; with ``reject`` the revision is remembered as failed.

    Before the first step there is nobody to take back, and perhaps no subset to name.
    """
    status = replace(look.status, pause=None)
    if reject and status.canary is not None:
        status = replace(status, rejected=Rejected(status.canary, short(because), look.now))
    look = replace(look, status=status)
    if status.stage is Stage.PREPARING:
        return replace(withdrawn(look), because=because, tell="RollingBack", warn=True)
    split = way_back(look)
    if split.stable < 100:
        because = f"{because}; {stable_lacks(look, split)}"
    status = enter(look, Stage.WITHDRAWING, split, because)
    return Turn(status, because, AT_ONCE, "RollingBack", warn=True)


def withdrawn(look: Look) -> Turn:
    """The turn once no request goes to the canary: clean up, or begin what git asks for by now."""
    status, revision = look.status, look.seen.asked
    status = replace(status, previous=status.canary, previous_since=look.now)
    look = replace(look, status=status)
    tried = status.rejected.revision if status.rejected else None
    home = revision is None or revision.same(status.stable) or revision.same(tried)
    if revision is None or home or look.rollout.deleting:
        because = "traffic is off the canary; cleaning up"
        told = status if status.stage is Stage.PREPARING else asked(status, look.now)
        status = replace(told, stage=Stage.CLEANING, stage_since=look.now)
        status = replace(remember(status, look.now, because), canary=None, step=None)
        return Turn(status, because, AT_ONCE)
    if revision.same(status.canary) and status.losses >= LOSSES:
        turn = start(look, revision, f"{revision.name} lost its pods {status.losses} times")
        return pause(replace(look, status=turn.status), turn.because)
    return start(look, revision, f"{revision.name} starts anew")


def pause(look: Look, because: str, by: str = "") -> Turn:
    """The turn that stands still and asks a person."""
    status = replace(look.status, pause=Pause(short(because), look.now, by))
    return Turn(remember(status, look.now, because), because, AT_ONCE, "Paused", warn=not by)
