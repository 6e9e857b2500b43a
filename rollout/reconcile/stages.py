"""One function a stage: from a look to a turn. Traffic changes only where a stage is entered."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

from rollout import gate
from rollout.gate import Gate
from rollout.model.action import Announce
from rollout.model.observation import Severity
from rollout.model.spec import Finish, OnFailure
from rollout.model.status import Phase, Revision, RolloutStatus, Stage, SubsetMode
from rollout.model.traffic import Split
from rollout.reconcile import adopt, holding, wanted
from rollout.reconcile.look import (
    AT_ONCE,
    SOON,
    Look,
    Turn,
    asked,
    confirmed,
    enter,
    enter_step,
    lacking,
    need,
    pause,
    remember,
    short,
    way_back,
    withdraw,
)
from rollout.reconcile.requests import switch

LOSSES = 3
"""How often a canary may lose all its pods before we stop trying and ask."""

WAITING = "waiting for the proxies to take the change"

PROXIES = timedelta(seconds=1)
"""How often proxies that are on their way are asked again."""


def advance(look: Look) -> Turn:
    """The turn of the stage we are in."""
    return _STAGES[look.status.stage](look)


def start(look: Look, revision: Revision, because: str) -> Turn:
    """The turn that begins a journey of ``revision``, or a new attempt at it."""
    status = look.status
    losses = status.losses if revision.same(status.canary) else 0
    status = replace(
        status,
        stage=Stage.PREPARING,
        stage_since=look.now,
        canary=revision,
        canary_subset=adopt.canary_subset(status, look, revision),
        attempt=status.attempt + 1,
        split=Split(100, 0),
        step=None,
        asked_at=None,
        confirmed_at=None,
        confirmed_by=None,
        verdicts=(),
        approvals=(),
        checkpoint={},
        pause=None,
        drift=None,
        rejected=None,
        losses=losses,
        pods=look.pods(status.stable).ready,
        previous=None if revision.same(status.previous) else status.previous,
    )
    told = short(because)
    status = remember(status, look.now, because)
    return Turn(status, told, AT_ONCE, Announce("NewRevision", told))


def _idle(look: Look) -> Turn:
    """Nobody is under way: stable has everyone, or git asks for something new."""
    look = replace(look, status=confirmed(look))
    status, revision = look.status, look.seen.asked
    stable = status.stable.name if status.stable else ""
    if revision is None:
        return Turn(status, short(look.seen.problem or "git names no revision"), stands=True)
    if revision.same(status.stable):
        return _at_rest(look, replace(status, stable=revision, rejected=None))
    if status.rejected is not None and revision.same(status.rejected.revision):
        because = f"{revision.name} was rejected: {status.rejected.because}"
        return Turn(status, short(because))
    return start(look, revision, f"{revision.name} was pushed, {stable} is stable")


def _at_rest(look: Look, status: RolloutStatus) -> Turn:
    """Stable is what git asks for; other revisions' pods need the subset to stay named."""
    because = f"{status.stable.name if status.stable else ''} has everyone"
    waits = status.asked_at is not None and status.confirmed_at is None
    return Turn(status, because, PROXIES if waits else None)


def _preparing(look: Look) -> Turn:
    """Everything that must stand before the first request: subset, pods, rules, in this order.

    Make before break (facts/istio.md 4.6): what tells the revisions apart is at the proxies
    before a canary pod is, for a route without a subset would send it requests at once.
    """
    status = confirmed(look)
    look = replace(look, status=status)
    if status.asked_at is not None and status.confirmed_at is None:
        return Turn(status, WAITING, PROXIES)
    if status.subsets is SubsetMode.ROLE and not status.apart:
        return _part(look)
    if look.seen.traffic.differences or wanted.wrong_subsets(status, look.seen):
        return Turn(status, "preparing the subset", PROXIES)
    return _pods_ready(look)


def _part(look: Look) -> Turn:
    """The stable subset first, then the routes that name it; one at a time."""
    wrong = wanted.wrong_subsets(look.status, look.seen)
    if look.status.stable_subset in wrong:
        return Turn(look.status, "preparing subset stable", PROXIES)
    status = replace(look.status, apart=True)
    return Turn(status, "keeping the revisions apart", PROXIES)


def _pods_ready(look: Look) -> Turn:
    first = look.plan.stops[0]
    pods = look.pods(look.status.canary)
    least = max(need(look, first.route.split.canary), look.rollout.spec.workload.min_canary_pods)
    if pods.ready < least:
        because = f"canary pods: {pods.ready} of {least} ready"
        return holding.until(look, f"{because}; {pods.problem}" if pods.problem else because)
    blocks = [f for f in look.seen.findings if f.severity is Severity.BLOCK]
    if blocks:
        return Turn(look.status, short(f"{blocks[0].rule}: {blocks[0].text}"), SOON, stands=True)
    if look.status.pause is not None:
        return Turn(look.status, look.status.pause.because)
    canary = look.status.canary.name if look.status.canary else ""
    return enter_step(look, 0, f"{canary} is ready")


def _stepping(look: Look) -> Turn:
    """At a step: lost pods and failed gates go back, an open gate goes on, all else holds."""
    look = replace(look, status=confirmed(look))
    status = look.status
    if look.pods(status.canary).ready == 0:
        status = replace(status, losses=status.losses + 1)
        name = status.canary.name if status.canary else ""
        look = replace(look, status=status)
        return withdraw(look, f"{name} lost all its pods; stable has everyone", reject=False)
    held = holding.held(look.rollout, status, look.now)
    found = gate.answer(look.rollout, held, status, look.seen, look.now)
    look = replace(look, status=_with(status, found))
    if found.gate is Gate.FAILED:
        return _failed(look, found.because)
    if status.pause is not None:
        return Turn(look.status, status.pause.because, found.again)
    if found.pause:
        return pause(look, found.because)
    if found.gate is Gate.HOLD:
        return Turn(look.status, short(found.because), found.again or SOON, ask=found.ask)
    return _next(look, found.because)


def _with(status: RolloutStatus, found: gate.Finding) -> RolloutStatus:
    checkpoint = status.checkpoint if found.checkpoint is None else found.checkpoint
    return replace(status, verdicts=found.verdicts, checkpoint=checkpoint)


def _failed(look: Look, because: str) -> Turn:
    """A failed gate brings everyone back in this very look, or freezes where that was asked."""
    if look.rollout.spec.on_failure is OnFailure.ROLLBACK:
        return withdraw(look, because, reject=True)
    if look.status.pause is not None:
        return Turn(look.status, look.status.pause.because, SOON)
    return pause(look, f"failed, held as asked: {because}")


def _next(look: Look, because: str) -> Turn:
    """The next stop, once the canary can carry it; after the last what the strategy says."""
    index = (look.status.step.index if look.status.step else -1) + 1
    last = index >= len(look.plan.stops)
    if last and look.plan.finish is Finish.HOLD:
        return Turn(look.status, "all steps passed; promote or abort, as you wish")
    percent = 100 if last else look.plan.stops[index].route.split.canary
    if lack := lacking(look, percent):
        return holding.until(look, lack)
    return switch(look, because) if last else enter_step(look, index, because)


def _switching(look: Look) -> Turn:
    status = confirmed(look)
    if status.confirmed_at is None:
        return Turn(status, WAITING, PROXIES)
    look = replace(look, status=status)
    because = f"everyone is on {status.canary.name if status.canary else ''}"
    status = replace(status, stage=Stage.BAKING, stage_since=look.now)
    return Turn(remember(status, look.now, because), because, AT_ONCE)


def _baking(look: Look) -> Turn:
    """Promoted, with the old pods warm: gates still judge, and the way back is one patch."""
    look = replace(look, status=confirmed(look))
    keep = look.plan.keep_old
    if keep > timedelta(0):
        held = holding.held(look.rollout, look.status, look.now)
        found = gate.answer(look.rollout, held, look.status, look.seen, look.now)
        look = replace(look, status=_with(look.status, found))
        if found.gate is Gate.FAILED and look.pods(look.status.stable).ready:
            return _failed(look, found.because)
        if look.status.pause is not None:
            return Turn(look.status, look.status.pause.because, found.again)
        if found.pause:
            return pause(look, found.because)
        if found.gate is not Gate.OPEN:
            return Turn(look.status, short(found.because), found.again or SOON)
    return _promoted(look)


def _promoted(look: Look) -> Turn:
    """The canary becomes stable; by role its subset must follow, at weight 0."""
    status = look.status
    status = replace(status, stable=status.canary, previous=status.stable)
    name = status.stable.name if status.stable else ""
    if status.subsets is SubsetMode.ROLE:
        because = f"{name} is stable; its subset follows"
        status = replace(asked(status, look.now), stage=Stage.REPOINTING, stage_since=look.now)
        return Turn(remember(status, look.now, because), because, AT_ONCE)
    status = replace(status, stable_subset=status.canary_subset)
    return _retire(replace(look, status=status), f"{name} is stable")


def _repointing(look: Look) -> Turn:
    if wanted.wrong_subsets(look.status, look.seen):
        return Turn(look.status, "subset stable follows the promotion", PROXIES)
    status = confirmed(look)
    if status.confirmed_at is None:
        return Turn(status, WAITING, PROXIES)
    look = replace(look, status=status)
    because = "everyone to subset stable, which is the new revision"
    return Turn(enter(look, Stage.RETURNING, Split(100, 0), because), because, AT_ONCE)


def _returning(look: Look) -> Turn:
    status = confirmed(look)
    if status.confirmed_at is None:
        return Turn(status, WAITING, PROXIES)
    name = status.stable.name if status.stable else ""
    return _retire(replace(look, status=status), f"{name} is stable")


def _retire(look: Look, because: str) -> Turn:
    status = replace(
        asked(look.status, look.now),
        stage=Stage.RETIRING,
        stage_since=look.now,
        split=Split(100, 0),
        previous_since=look.now,
        canary=None,
        step=None,
    )
    told = short(because)
    status = remember(status, look.now, because)
    return Turn(status, told, AT_ONCE, Announce("Promoted", told))


def _retiring(look: Look) -> Turn:
    """The proxies take the released route, the old pods drain, then all is at rest."""
    return _settle(look, "draining the old pods")


def _withdrawing(look: Look) -> Turn:
    """Everyone on the way back; when stable cannot carry them, as many as it can."""
    split = way_back(look)
    if split.stable > look.status.split.stable:
        status = replace(look.status, split=split)
        because = f"stable can carry {split.stable}% by now"
        return Turn(remember(status, look.now, because), because, AT_ONCE)
    status = confirmed(look)
    look = replace(look, status=status)
    if status.split.stable < 100:
        ready = look.pods(status.stable).ready
        because = f"stable has {ready} of {need(look, 100)} pods: holding at {status.split}"
        return Turn(status, because, SOON)
    if status.confirmed_at is None:
        return Turn(status, WAITING, PROXIES)
    return _withdrawn(look)


def _withdrawn(look: Look) -> Turn:
    """Traffic is off the canary: clean up, or begin what git asks for by now."""
    status, revision = look.status, look.seen.asked
    status = replace(status, previous=status.canary, previous_since=look.now)
    look = replace(look, status=status)
    tried = status.rejected.revision if status.rejected else None
    if revision is None or revision.same(status.stable) or revision.same(tried):
        because = "traffic is off the canary; cleaning up"
        status = replace(asked(status, look.now), stage=Stage.CLEANING, stage_since=look.now)
        return Turn(remember(status, look.now, because), because, AT_ONCE)
    if status.losses >= LOSSES:
        turn = start(look, revision, f"{revision.name} lost its pods {status.losses} times")
        return pause(replace(look, status=turn.status), turn.because)
    return start(look, revision, f"{revision.name} starts anew")


def _cleaning(look: Look) -> Turn:
    return _settle(look, "draining the withdrawn pods")


def _settle(look: Look, draining: str) -> Turn:
    """Back to rest once the proxies have the released route and the old pods are gone."""
    status = confirmed(look)
    if status.confirmed_at is None:
        return Turn(status, WAITING, PROXIES)
    look = replace(look, status=status)
    if status.previous is not None:
        left = holding.drain_left(look)
        if left > timedelta(0):
            return Turn(status, draining, left)
        status = replace(status, previous=None, previous_since=None)
    because = _rest_words(status)
    status = replace(status, stage=Stage.IDLE, stage_since=look.now, canary=None, step=None)
    reason = "RolledBack" if status.rejected else "Healthy"
    told = Announce(reason, because, warning=bool(status.rejected))
    return Turn(remember(status, look.now, because), because, AT_ONCE, told)


def _rest_words(status: RolloutStatus) -> str:
    name = status.stable.name if status.stable else ""
    if status.rejected is None:
        return f"{name} has everyone"
    return short(f"back on {name}: {status.rejected.because}")


def phase(status: RolloutStatus, *, stands: bool) -> Phase:
    """The phase that people see, from the stage and what stands in its way."""
    if status.stage in (Stage.WITHDRAWING, Stage.CLEANING):
        return Phase.ROLLING_BACK
    if status.pause is not None or stands:
        return Phase.PAUSED
    if status.stage is Stage.IDLE:
        return Phase.DEGRADED if status.rejected else Phase.HEALTHY
    return Phase.PROGRESSING


_STAGES: Mapping[Stage, Callable[[Look], Turn]] = {
    Stage.IDLE: _idle,
    Stage.PREPARING: _preparing,
    Stage.STEPPING: _stepping,
    Stage.SWITCHING: _switching,
    Stage.BAKING: _baking,
    Stage.REPOINTING: _repointing,
    Stage.RETURNING: _returning,
    Stage.RETIRING: _retiring,
    Stage.WITHDRAWING: _withdrawing,
    Stage.CLEANING: _cleaning,
}
