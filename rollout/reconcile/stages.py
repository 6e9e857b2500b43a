"""One function a stage: from a look to a turn. Traffic changes only where a stage is entered."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

from rollout import gate
from rollout.gate import Gate
from rollout.model.observation import Severity
from rollout.model.spec import Finish, OnFailure
from rollout.model.status import Phase, RolloutStatus, Stage, SubsetMode
from rollout.model.traffic import Split
from rollout.reconcile import handover, holding, journey, wanted
from rollout.reconcile.look import (
    AT_ONCE,
    PROXIES,
    SOON,
    Look,
    Turn,
    asked,
    confirmed,
    enter,
    lacking,
    named,
    remember,
    stable_lacks,
    stable_need,
    way_back,
)

WAITING = "waiting for the proxies to take the change"


def advance(look: Look) -> Turn:
    """The turn of the stage we are in."""
    return _STAGES[look.status.stage](look)


def _idle(look: Look) -> Turn:
    """Nobody is under way: stable has everyone, or git asks for something new."""
    look = replace(look, status=confirmed(look))
    status, revision = look.status, look.seen.asked
    if revision is None:
        return Turn(status, look.seen.problem or "git names no revision", stands=True)
    if revision.same(status.stable):
        stable = revision.seen_as(status.stable)
        return at_rest(replace(look, status=replace(status, stable=stable, rejected=None)))
    if status.rejected is not None and revision.same(status.rejected.revision):
        because = f"{revision.name} was rejected: {status.rejected.because}"
        return replace(at_rest(look), because=because)
    if not look.pods(status.stable).known:
        return at_rest(look)  # how many pods it takes to carry everyone is not known now
    because = f"{revision.name} was pushed, {named(status.stable)} is stable"
    return journey.start(look, revision, because)


def at_rest(look: Look) -> Turn:
    """Stable has everyone; while other revisions' pods are there, its subset is named.

    Make before break: the subset is at the proxies before the route names it, and the route is
    the author's again once stable is alone.
    """
    status, strangers = look.status, look.seen.strangers > 0
    name, pods = named(status.stable), look.pods(status.stable)
    if status.asked_at is not None and status.confirmed_at is None:
        return Turn(status, WAITING, PROXIES)
    if not pods.known:
        return Turn(status, pods.problem, SOON, stands=True)
    if pods.down:
        return Turn(status, f"{name} has everyone and no ready pods", stands=True)
    if status.subsets is SubsetMode.ROLE and strangers != status.apart:
        if strangers and (
            wanted.wrong_subsets(status, look.seen) or pods.ready < stable_need(look, 100)
        ):
            return Turn(status, "other revisions' pods are there: making subset stable", SOON)
        because = "other revisions' pods are kept apart" if strangers else "the routes are git's"
        status = replace(status, apart=strangers)
        return Turn(remember(status, look.now, because), because, AT_ONCE)
    trouble = handover.trouble(look)
    return Turn(status, f"{name} has everyone; {trouble}" if trouble else f"{name} has everyone")


def _preparing(look: Look) -> Turn:
    """Everything that must stand before the first request: rules, subset, pods, in this order.

    Make before break (facts/istio.md 4.6): what tells the revisions apart is at the proxies
    before a canary pod is, for a route without a subset would send it requests at once.
    """
    status = confirmed(look)
    look = replace(look, status=status)
    if blocks := [f for f in look.seen.findings if f.severity is Severity.BLOCK]:
        return Turn(status, str(blocks[0]), SOON, stands=True, early=True)
    if status.asked_at is not None and status.confirmed_at is None:
        return Turn(status, WAITING, PROXIES)
    wrong = wanted.wrong_subsets(status, look.seen)
    if status.subsets is SubsetMode.ROLE and not status.apart and status.stable_subset not in wrong:
        status = replace(status, apart=True)
        return Turn(status, "keeping the revisions apart", AT_ONCE)
    if look.seen.traffic.differences or wrong:
        return Turn(status, "preparing the subset", PROXIES)
    return _pods_ready(look)


def _pods_ready(look: Look) -> Turn:
    status, first = look.status, look.plan.stops[0]
    pods = look.pods(status.canary)
    if pods.replacing:
        return holding.until(look, f"deployment {pods.deployment} is replacing its pods")
    least = look.rollout.spec.workload.min_canary_pods
    lack = lacking(look, first)
    if pods.ready < least or lack:
        because = lack or f"canary pods: {pods.ready} of {least} ready"
        more = f"; {pods.problem}" if pods.problem and pods.known else ""
        return holding.until(look, f"{because}{more}")
    if status.canary_subset not in look.seen.traffic.subsets:
        return holding.until(look, f"no labels tell the pods of {named(status.canary)} apart")
    if status.pause is not None:
        return Turn(status, status.pause.because)
    for rule, reason in {f.rule: f.overruled for f in look.seen.findings if f.overruled}.items():
        look = replace(look, status=remember(look.status, look.now, f"{rule} overruled: {reason}"))
    return journey.enter_step(look, 0, f"{named(status.canary)} is ready")


def _stepping(look: Look) -> Turn:
    """At a step: lost pods and failed gates go back, an open gate goes on, all else holds."""
    look = replace(look, status=confirmed(look))
    if look.pods(look.status.canary).down:
        return _lost(look)
    look, found = _asked_the_gate(look)
    status = look.status
    again = found.again or (SOON if status.confirmed_at else PROXIES)
    if found.gate is Gate.FAILED:
        return _failed(look, found.because, again)
    if unseen := _unseen(look):
        return Turn(status, unseen, SOON, "Blocked", warn=True, stands=True)
    down = _stable_down(look)
    if down and (status.pause is not None or found.gate is Gate.HOLD):
        return Turn(status, down, again, "StableDown", warn=True)  # nobody is asked meanwhile
    if status.pause is not None:
        return Turn(status, status.pause.because, again)
    if found.pause:
        return journey.pause(look, found.because)
    if status.confirmed_at is None:
        return holding.until(look, found.because)
    if found.gate is Gate.HOLD:
        return Turn(status, found.because, again, ask=found.ask)
    return _next(look, found.because)


def _stable_down(look: Look) -> str:
    """That requests go to a stable without pods, in words; an open gate is still the way on."""
    status = look.status
    if not status.split.stable or not look.pods(status.stable).down:
        return ""
    share = f"{named(status.stable)} has {status.split.stable}% and no ready pods"
    return f"{share}: mend it, or promote"


def _unseen(look: Look) -> str:
    """Why nobody can say who serves, in words; then nothing goes on, and gates judge alone."""
    sides = (look.pods(look.status.stable), look.pods(look.status.canary))
    return next((side.problem for side in sides if not side.known), "")


def _lost(look: Look) -> Turn:
    """The canary has no pods: everyone back at once, and anew when they are there again."""
    status = replace(look.status, losses=look.status.losses + 1)
    because = f"{named(status.canary)} lost all its pods"
    if way_back(look).stable == 100:
        because = f"{because}; stable has everyone"
    turn = journey.withdraw(replace(look, status=status), because, reject=False)
    person = status.pause if status.pause and status.pause.by else None
    return replace(turn, status=replace(turn.status, pause=person))


def _asked_the_gate(look: Look) -> tuple[Look, gate.Finding]:
    held = holding.held(look.rollout, look.status, look.now)
    found = gate.answer(look.rollout, held, look.status, look.seen, look.now)
    checkpoint = look.status.checkpoint if found.checkpoint is None else found.checkpoint
    opened = found.opened or look.status.opened
    status = replace(look.status, verdicts=found.verdicts, checkpoint=checkpoint, opened=opened)
    return replace(look, status=status), found


def _failed(look: Look, because: str, again: timedelta) -> Turn:
    """A failed gate brings everyone back in this very look, or freezes where that was asked."""
    if look.rollout.spec.on_failure is OnFailure.ROLLBACK:
        return journey.withdraw(look, because, reject=True)
    held = look.status.pause
    if held is not None and held.because.startswith("failed"):
        return Turn(look.status, held.because, again)
    return journey.pause(look, f"failed, held as asked: {because}")


def _next(look: Look, because: str) -> Turn:
    """The next stop, once the canary can carry it; after the last what the strategy says."""
    index = (look.status.step.index if look.status.step else -1) + 1
    last = index >= len(look.plan.stops)
    if last and look.plan.finish is Finish.HOLD:
        return journey.pause(look, "all steps passed; promote or abort, as you wish")
    if lack := lacking(look, None if last else look.plan.stops[index]):
        return holding.until(look, lack)
    return journey.switch(look, because) if last else journey.enter_step(look, index, because)


def _switching(look: Look) -> Turn:
    status = confirmed(look)
    look = replace(look, status=status)
    if _dead(look):
        return _lost(look)
    if status.confirmed_at is None:
        return Turn(status, WAITING, PROXIES)
    because = f"everyone is on {named(status.canary)}"
    status = replace(status, stage=Stage.BAKING, stage_since=look.now)
    return Turn(remember(status, look.now, because), because, AT_ONCE)


def _dead(look: Look) -> bool:
    """Whether the canary that has everyone is dead, and stable is not."""
    return look.pods(look.status.canary).down and not look.pods(look.status.stable).down


def _baking(look: Look) -> Turn:
    """Promoted, with the old pods warm: gates still judge, and the way back is one patch."""
    look = replace(look, status=confirmed(look))
    if _dead(look):
        return _lost(look)
    if look.plan.keep_old > timedelta(0) and not look.rollout.deleting:
        look, found = _asked_the_gate(look)
        again = found.again or SOON
        if found.gate is Gate.FAILED and not look.pods(look.status.stable).down:
            return _failed(look, found.because, again)
        if found.pause and look.status.pause is None:
            return journey.pause(look, found.because)
        if found.gate is not Gate.OPEN and look.status.pause is None:
            return Turn(look.status, found.because, again)
    if (unseen := _unseen(look)) and not look.rollout.deleting:
        return Turn(look.status, unseen, SOON, "Blocked", warn=True, stands=True)
    if look.status.pause is not None:
        return Turn(look.status, look.status.pause.because, SOON)
    if look.status.confirmed_at is None:
        return Turn(look.status, WAITING, PROXIES)
    if (lack := handover.missing(look)) and not look.rollout.deleting:
        return holding.until(look, lack)
    return _promoted(look)


def _promoted(look: Look) -> Turn:
    """The canary becomes stable; by role its subset must follow, at weight 0."""
    status = look.status
    status = replace(status, stable=status.canary, previous=status.stable)
    name = named(status.stable)
    if status.subsets is SubsetMode.ROLE:
        because = f"{name} is stable; its subset follows"
        status = replace(asked(status, look.now), stage=Stage.REPOINTING, stage_since=look.now)
        return Turn(remember(status, look.now, because), because, AT_ONCE)
    status = replace(status, stable_subset=status.canary_subset, canary_subset="")
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
    return _retire(replace(look, status=status), f"{named(status.stable)} is stable")


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
    return Turn(remember(status, look.now, because), because, AT_ONCE, "Promoted")


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
        return Turn(status, stable_lacks(look, status.split), SOON)
    if status.confirmed_at is None:
        return Turn(status, WAITING, PROXIES)
    return journey.withdrawn(look)


def _settling(look: Look) -> Turn:
    """Retiring and cleaning: the proxies take the released route, the old pods drain.

    Whoever pushes meanwhile need not wait for that: pods drain beside the next journey, too.
    """
    status = confirmed(look)
    if status.asked_at is not None and status.confirmed_at is None:
        return Turn(status, WAITING, PROXIES)
    look = replace(look, status=status)
    if status.previous is not None and not _pushed_on(look):
        stay, left = handover.scales(look, status.previous), holding.drain_left(look)
        if not (stay and look.rollout.deleting and left <= timedelta(0)):
            lack = f"old pods stay: {handover.missing(look)}"
            return Turn(status, lack if stay else "draining the old pods", max(left, PROXIES))
    because = f"{named(status.stable)} has everyone"
    if status.rejected is not None:
        because = f"back on {named(status.stable)}: {status.rejected.because}"
    status = replace(status, stage=Stage.IDLE, stage_since=look.now)
    reason = "RolledBack" if status.rejected else "Healthy"
    status = remember(status, look.now, because)
    return Turn(status, because, AT_ONCE, reason, warn=status.rejected is not None)


def _pushed_on(look: Look) -> bool:
    """Whether git asks for a revision that has not been tried."""
    revision, status = look.seen.asked, look.status
    tried = status.rejected.revision if status.rejected else None
    known = revision is None or revision.same(status.stable) or revision.same(tried)
    return not known and not look.rollout.deleting


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
    Stage.RETIRING: _settling,
    Stage.WITHDRAWING: _withdrawing,
    Stage.CLEANING: _settling,
}
