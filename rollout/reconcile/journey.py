"""The turns of a journey: begun, a step on, everyone over, everyone back, standing still."""

from dataclasses import replace

from rollout.model.reasons import Cause, PauseKind
from rollout.model.status import (
    Attempt,
    Draining,
    Pause,
    Rejected,
    Revision,
    RolloutStatus,
    Stage,
    StageStatus,
    StepStatus,
)
from rollout.model.traffic import Split
from rollout.model.turn import AT_ONCE, Notice, short
from rollout.model.units import sentence
from rollout.reconcile import naming
from rollout.reconcile.look import (
    Look,
    Turn,
    Writes,
    asked,
    attempted,
    enter,
    go_on,
    named,
    remember,
    stable_lacks,
    way_back,
)

MOST_OF_A_ROUTE = 34
"""Characters of who goes to the canary, so that a sentence has room for more than that."""

LOSSES = 3
"""How often a canary may lose all its pods before we stop trying and ask."""


def shares_pods(one: Revision, other: Revision | None) -> bool:
    """Whether the two run in one Deployment, be it as different builds."""
    return other is not None and one.name == other.name


def start(look: Look, revision: Revision, because: str) -> Turn:
    """The turn that begins a journey of ``revision``, or a new attempt at it.

    Nothing is written yet: first the rules are asked.
    """
    status, gone = look.status, look.status.draining
    status = replace(
        status,
        stage=StageStatus(Stage.PREPARING, since=look.now),
        attempt=_next_attempt(look, revision),
        revisions_isolated=status.revisions_isolated
        or look.seen.traffic.serving == (status.stable_subset,),
        rejected=None,
        draining=None if gone and shares_pods(revision, gone.revision) else gone,
    )
    status = remember(status, look.now, because)
    return Turn(status, because, AT_ONCE, notice=Notice("NewRevision"), writes=Writes.AT_REST)


def _next_attempt(look: Look, revision: Revision) -> Attempt:
    """The next attempt, which knows nothing of those before it but what the same revision did.

    A person's pause outlives a canary that lost its pods, and losses are counted on.
    """
    status, stable = look.status, look.pods(look.status.stable)
    before = status.attempt
    attempt = Attempt(
        number=before.number + 1,
        canary=revision.seen_as(before.canary) if revision.same(before.canary) else revision,
        subset=naming.canary(status, look, revision),
        stable_pods=max(stable.ready, stable.wanted),
    )
    if not revision.same(before.canary):
        return attempt
    return replace(attempt, pause=before.pause, pod_losses=before.pod_losses)


def enter_step(look: Look, index: int, because: str, split: Split | None = None) -> Turn:
    """The turn that begins stop ``index`` of the plan; ``split`` stays, whatever the plan says."""
    stop = look.plan.stops[index]
    split = split or stop.route.split
    status = enter(look, Stage.STEPPING, split, because)
    status = attempted(status, pause=None, step=StepStatus(index, stop.name, look.now))
    sent = replace(stop.route, split=split).sent
    told, whole = (
        f"{stop.name}: {who} to {named(status.attempt.canary)}; {because}"
        for who in (sentence(sent, MOST_OF_A_ROUTE), sent)
    )
    return Turn(status, told, AT_ONCE, notice=Notice("StepStarted"), whole=whole)


def switch(look: Look, because: str) -> Turn:
    """The turn that sends everyone to the canary: the beginning of promotion."""
    status = enter(look, Stage.SWITCHING, Split(0, 100), because)
    status = replace(attempted(status, pause=None, step=None), rejected=None)
    told = f"everyone to {named(status.attempt.canary)}: {because}"
    return Turn(status, told, AT_ONCE, notice=Notice("Promoting"))


def withdraw(look: Look, because: str, cause: Cause, *, reject: bool) -> Turn:
    """The turn that takes everyone back; with ``reject`` the revision is remembered as failed.

    Before the first step there is nobody to take back, and perhaps no subset to name.
    """
    status = attempted(look.status, pause=None)
    if reject and status.attempt.canary is not None:
        rejected = Rejected(status.attempt.canary, short(because), look.now, cause)
        status = replace(status, rejected=rejected)
    look = replace(look, status=status)
    notice = Notice("RollingBack", warning=True, cause=cause)
    if status.stage.name is Stage.PREPARING and status.attempt.taken_over is None:
        return replace(withdrawn(look), because=because, notice=notice)
    split = way_back(look)
    if split.stable < 100:
        because = f"{because}; {stable_lacks(look, split)}"
    status = enter(look, Stage.WITHDRAWING, split, because)
    return Turn(status, because, AT_ONCE, notice=notice)


def withdrawn(look: Look) -> Turn:
    """The turn once no request goes to the canary: clean up, or begin what git asks for by now."""
    status, revision = look.status, look.seen.asked
    canary = status.attempt.canary
    status = replace(status, draining=Draining(canary, look.now) if canary else None)
    look = replace(look, status=status)
    tried = status.rejected.revision if status.rejected else None
    if (
        revision is None
        or revision.same(status.stable)
        or revision.same(tried)
        or look.rollout.deleting
    ):
        because = "traffic is off the canary; cleaning up"
        if status.stage.name is not Stage.PREPARING:
            look = replace(look, status=asked(status, look.now))
        return Turn(
            over(remember(go_on(look, Stage.CLEANING), look.now, because)), because, AT_ONCE
        )
    if revision.same(status.attempt.canary) and status.attempt.pod_losses >= LOSSES:
        turn = start(
            look, revision, f"{revision.title} lost its pods {status.attempt.pod_losses} times"
        )
        return pause(replace(look, status=turn.status), PauseKind.PODS_LOST, turn.because)
    return start(look, revision, f"{revision.title} is retried")


def over(status: RolloutStatus) -> RolloutStatus:
    """The status whose attempt is over; what was measured in it stays to be read."""
    return attempted(status, canary=None, step=None)


def pause(look: Look, kind: PauseKind, because: str, by: str = "") -> Turn:
    """The turn that stands still and asks a person."""
    status = attempted(look.status, pause=Pause(kind, short(because), look.now, by))
    status = remember(status, look.now, because)
    return Turn(status, because, AT_ONCE, notice=Notice("Paused", warning=not by))
