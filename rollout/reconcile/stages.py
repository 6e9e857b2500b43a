"""One function a stage: from a look to a turn. Traffic changes only where a stage is entered."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

from rollout import gate
from rollout.gate import Gate
from rollout.memo import changed
from rollout.model.finding import Severity
from rollout.model.reasons import Cause, PauseKind, Reason, WaitsFor
from rollout.model.spec import Finish, OnFailure
from rollout.model.status import Draining, Phase, RolloutStatus, Stage
from rollout.model.traffic import Split, SubsetMode
from rollout.model.turn import AT_ONCE, SOON, Notice
from rollout.reconcile import handover, holding, identity, journey, takeover, wanted
from rollout.reconcile.look import (
    PROXIES,
    Look,
    Turn,
    Writes,
    asked,
    attempted,
    confirmed,
    enter,
    go_on,
    lacking,
    named,
    no_replicas,
    remember,
    stable_lacks,
    stable_need,
    waited_anew,
    way_back,
)

WAITING = "waiting for the proxies to take the change"


def advance(look: Look) -> Turn:
    """The turn of the stage we are in."""
    return _STAGES[look.status.stage.name](look)


def _idle(look: Look) -> Turn:
    """Nobody is under way: stable has everyone, or git asks for something new."""
    look = changed(look, status=confirmed(look))
    status, revision = look.status, look.seen.asked
    if revision is None:
        because = look.seen.problem or "git names no revision"
        return Turn(status, because, waits_for=WaitsFor.OBJECTS)
    if revision.same(status.stable):
        stable = revision.seen_as(status.stable)
        return at_rest(replace(look, status=replace(status, stable=stable, rejected=None)))
    if status.rejected is not None and revision.same(status.rejected.revision):
        because = f"{revision.title} was rejected: {status.rejected.because}"
        return replace(at_rest(look), because=because)
    if not look.pods(status.stable).known:
        return at_rest(look)  # how many pods it takes to carry everyone is not known now
    came = "was pushed" if look.rollout.commit else "was applied"
    because = f"{revision.title} {came}, {named(status.stable)} is stable"
    return journey.start(look, revision, because)


def at_rest(look: Look) -> Turn:
    """Stable has everyone; while other revisions' pods are there, its subset is named.

    Make before break: the subset is at the proxies before the route names it, and the route is
    the author's again once stable is alone.
    """
    status, strangers = look.status, look.seen.strangers > 0
    name, pods = named(status.stable), look.pods(status.stable)
    if status.stage.waits_for_proxies:
        return _proxies(status)
    if not pods.known:
        return Turn(status, pods.problem, SOON, WaitsFor.OBJECTS)
    if pods.down:
        more = f": {pods.problem}" if pods.problem else ""
        because = f"{name} has everyone and no ready pods{more}"
        return Turn(status, because, waits_for=WaitsFor.STABLE)
    if status.subset_mode is SubsetMode.ROLE and strangers != status.revisions_isolated:
        if strangers and (
            wanted.wrong_subsets(status, look.seen) or pods.ready < stable_need(look, 100)
        ):
            because = "other revisions' pods are there: making subset stable"
            return Turn(status, because, SOON, WaitsFor.SUBSETS)
        because = "other revisions' pods are kept apart" if strangers else "the routes are git's"
        status = replace(status, revisions_isolated=strangers)
        return Turn(remember(status, look.now, because), because, AT_ONCE)
    trouble = handover.trouble(look) or no_replicas(look)
    return Turn(status, f"{name} has everyone; {trouble}" if trouble else f"{name} has everyone")


def _preparing(look: Look) -> Turn:
    """Everything that must stand before the first request: rules, subset, pods, in this order.

    Make before break (docs/facts.md): what tells the revisions apart is at the proxies
    before a canary pod is, for a route without a subset would send it requests at once.
    """
    status = confirmed(look)
    look = replace(look, status=status)
    if status.attempt.taken_over is not None and look.pods(status.attempt.canary).down:
        return _lost(look)
    if blocks := [f for f in look.seen.findings if f.severity is Severity.BLOCK]:
        because = str(blocks[0])
        return Turn(status, because, SOON, WaitsFor.OBJECTS, writes=Writes.AT_REST)
    if status.stage.waits_for_proxies:
        return _proxies(status)
    wrong = wanted.wrong_subsets(status, look.seen)
    unnamed = status.subset_mode is SubsetMode.ROLE and not status.revisions_isolated
    if unnamed and status.stable_subset not in wrong:
        ready, least = look.pods(status.stable).ready, stable_need(look, 100)
        if look.seen.strangers and ready < least:  # whose pods serve these requests now
            because = f"other revisions' pods serve, too: stable has {ready} of {least} pods"
            return Turn(status, because, SOON, WaitsFor.STABLE)
        status = replace(status, revisions_isolated=True)
        return Turn(status, "pinning the routes to subset stable", AT_ONCE)
    if look.seen.traffic.differences or wrong:
        return Turn(status, "preparing the subset", PROXIES, WaitsFor.SUBSETS)
    return _pods_ready(look)


def _pods_ready(look: Look) -> Turn:
    status, first = look.status, look.plan.stops[0]
    pods = look.pods(status.attempt.canary)
    if edited := identity.edited(look):
        return holding.until(look, edited, WaitsFor.OBJECTS)
    if pods.replacing:
        because = f"deployment {pods.deployment} is replacing its pods"
        return holding.until(look, Reason(because), WaitsFor.PODS)
    least = look.rollout.spec.workload.min_canary_pods
    lack = lacking(look, first)
    if pods.ready < least or lack:
        because = lack or f"canary pods: {pods.ready} of {least} ready"
        more = f"; {pods.problem}" if pods.problem and pods.known else ""
        return holding.until(look, Reason(f"{because}{more}"), WaitsFor.PODS)
    if status.attempt.subset not in look.seen.traffic.subsets:
        because = f"no labels tell the pods of {named(status.attempt.canary)} apart"
        return holding.until(look, Reason(because), WaitsFor.SUBSETS)
    pause = status.attempt.pause
    if pause is not None and not pause.kind.may_pass:
        return Turn(status, pause.because)
    for rule, reason in {f.rule: f.overruled for f in look.seen.findings if f.overruled}.items():
        look = replace(look, status=remember(look.status, look.now, f"{rule} overruled: {reason}"))
    if status.attempt.taken_over is not None:
        return takeover.enter(look, status.attempt.taken_over)
    return journey.enter_step(look, 0, f"{named(status.attempt.canary)} is ready")


def _stepping(look: Look) -> Turn:
    """At a step: lost pods and failed gates go back, an open gate goes on, all else holds."""
    look = changed(look, status=confirmed(look))
    if look.pods(look.status.attempt.canary).down:
        return _lost(look)
    look, found = _asked_the_gate(look)
    status = look.status
    again = found.again or (SOON if status.stage.confirmed_at else PROXIES)
    if found.gate is Gate.FAILED:
        return _failed(look, found, again)
    if unseen := _unseen(look):
        return _blind(status, unseen)
    down = _stable_down(look)
    if down and (status.attempt.pause is not None or found.gate is Gate.HOLD):
        notice = Notice("StableDown", warning=True)
        return Turn(status, down, again, WaitsFor.STABLE, notice)  # nobody is asked meanwhile
    look, turn = _paused(look, found, again)
    if turn is not None:
        return turn
    status = look.status
    if status.stage.confirmed_at is None:
        return holding.until(look, Reason(found.because), WaitsFor.PROXIES)
    if found.gate is Gate.HOLD:
        return Turn(status, found.because, again, found.waits_for)
    return _next(look, found.because)


def _paused(look: Look, found: gate.Finding, again: timedelta) -> tuple[Look, Turn | None]:
    """The turn that stands still; None where nothing asks for that, or its reason is gone.

    What a person has to decide stays until that is decided. All else is told as it is now, and
    ends by itself: what had been blind is then waited for anew, as after a person's ``resume``.
    What did not come in time ends where it would be waited for (``holding.until``), too.
    """
    status, pause = look.status, look.status.attempt.pause
    if pause is None:
        turn = journey.pause(look, found.pause, found.because) if found.pause else None
        return look, turn
    if not pause.kind.may_pass:
        return look, Turn(status, pause.because, again)
    holds, late = found.gate is Gate.HOLD, pause.kind is PauseKind.DEADLINE
    if (
        found.pause is None
        and pause.kind is PauseKind.BLIND
        and found.waits_for is not WaitsFor.DATA
    ):
        return look, _sees_again(look, found)
    if found.pause is None and late:
        moved = holds and status.stage.confirmed_at is not None
        return (replace(look, status=attempted(status, pause=None)) if moved else look), None
    if not holds:
        return look, None
    status = holding.renewed(status, found.pause or pause.kind, found.because)
    return look, Turn(status, found.because, again, found.waits_for)


def _sees_again(look: Look, found: gate.Finding) -> Turn:
    because = f"it can be judged again: {found.because}"
    status = attempted(waited_anew(look.status, look.now), pause=None)
    return Turn(remember(status, look.now, because), because, AT_ONCE, notice=Notice("Resumed"))


def _stable_down(look: Look) -> Reason | None:
    """That requests go to a stable without pods; an open gate is still the way on."""
    status = look.status
    if not status.stage.split.stable or not look.pods(status.stable).down:
        return None
    name, share = named(status.stable), status.stage.split.stable
    return Reason(f"{name} has {share}% and no ready pods: mend it, or promote")


def _unseen(look: Look) -> Reason | None:
    """Why nobody can say who serves, or what git asks for; nothing goes on, gates judge alone."""
    templated = look.rollout.spec.workload.template is not None
    if templated and look.seen.asked is None:
        return Reason(look.seen.problem)
    sides = (look.pods(look.status.stable), look.pods(look.status.attempt.canary))
    return next((Reason(side.problem) for side in sides if not side.known), None)


def _blind(status: RolloutStatus, unseen: Reason) -> Turn:
    notice = Notice("Blocked", warning=True)
    return Turn(status, unseen, SOON, WaitsFor.OBJECTS, notice)


def _lost(look: Look) -> Turn:
    """The canary has no pods: everyone back at once, and anew when they are there again."""
    status = attempted(look.status, pod_losses=look.status.attempt.pod_losses + 1)
    because = _gone(look)
    if way_back(look).stable == 100:
        because = f"{because}; stable has everyone"
    turn = journey.withdraw(
        replace(look, status=status), because, Cause.PODS_NOT_READY, reject=False
    )
    pause = status.attempt.pause
    person = pause if pause and pause.kind is PauseKind.PERSON else None
    return replace(turn, status=attempted(turn.status, pause=person))


def _gone(look: Look) -> str:
    """What became of the canary's pods: they may be there and merely not serve."""
    name, pods = named(look.status.attempt.canary), look.pods(look.status.attempt.canary)
    if not pods.exists:
        return f"{name} has no deployment any more"
    if not pods.wanted:
        return f"{name} was scaled to 0"
    if pods.wanted == 1:
        because = f"{name}'s only pod is not ready"
    else:
        because = f"none of {name}'s {pods.wanted} pods is ready"
    return f"{because}: {pods.problem}" if pods.problem else because


def _asked_the_gate(look: Look) -> tuple[Look, gate.Finding]:
    held = holding.held(look.rollout, look.status, look.now)
    found = gate.answer(look.rollout, held, look.status, look.seen, look.now)
    attempt = changed(look.status.attempt, verdicts=found.verdicts)
    if found.checkpoint is not None:
        attempt = replace(attempt, checkpoint=found.checkpoint)
    if found.opened is not None:
        step = attempt.step and replace(attempt.step, opened=found.opened)
        attempt = replace(attempt, step=step)
    return changed(look, status=changed(look.status, attempt=attempt)), found


def _failed(look: Look, found: gate.Finding, again: timedelta) -> Turn:
    """A failed gate brings everyone back in this very look, or freezes where that was asked."""
    if look.rollout.spec.on_failure is OnFailure.ROLLBACK:
        return journey.withdraw(look, found.because, found.cause, reject=True)
    held = look.status.attempt.pause
    if held is not None and held.kind is PauseKind.FAILED:
        return Turn(look.status, held.because, again)
    return journey.pause(look, PauseKind.FAILED, f"failed, held as asked: {found.because}")


def _next(look: Look, because: str) -> Turn:
    """The next stop, once the canary can carry it; after the last what the strategy says."""
    index = (look.status.attempt.step.index if look.status.attempt.step else -1) + 1
    last = index >= len(look.plan.stops)
    if last and look.plan.finish is Finish.HOLD:
        because = "all steps passed; promote or abort, as you wish"
        return journey.pause(look, PauseKind.LAST_STEP, because)
    if lack := lacking(look, None if last else look.plan.stops[index]):
        return holding.until(look, lack, WaitsFor.PODS)
    return journey.switch(look, because) if last else journey.enter_step(look, index, because)


def _switching(look: Look) -> Turn:
    status = confirmed(look)
    look = replace(look, status=status)
    if _dead(look):
        return _lost(look)
    if status.stage.confirmed_at is None:
        return _proxies(status)
    because = f"everyone is on {named(status.attempt.canary)}"
    status = go_on(look, Stage.BAKING)
    return Turn(remember(status, look.now, because), because, AT_ONCE)


def _dead(look: Look) -> bool:
    """Whether the canary that has everyone is dead, and stable is not."""
    return look.pods(look.status.attempt.canary).down and not look.pods(look.status.stable).down


def _baking(look: Look) -> Turn:
    """Promoted, with the old pods warm: gates still judge, and the way back is one patch."""
    look = changed(look, status=confirmed(look))
    if _dead(look):
        return _lost(look)
    if look.plan.keep_old > timedelta(0) and not look.rollout.deleting:
        look, found = _asked_the_gate(look)
        again = found.again or SOON
        if found.gate is Gate.FAILED and not look.pods(look.status.stable).down:
            return _failed(look, found, again)
        look, turn = _paused(look, found, again)
        if turn is not None:
            return turn
        if found.gate is not Gate.OPEN:
            return Turn(look.status, found.because, again, found.waits_for)
    if (unseen := _unseen(look)) and not look.rollout.deleting:
        return _blind(look.status, unseen)
    pause = look.status.attempt.pause
    if pause is not None and not pause.kind.may_pass:
        return Turn(look.status, pause.because, SOON)
    if look.status.stage.confirmed_at is None:
        return _proxies(look.status)
    if (lack := handover.missing(look)) and not look.rollout.deleting:
        return holding.until(look, lack, WaitsFor.AUTOSCALER)
    return _promoted(look)


def _promoted(look: Look) -> Turn:
    """The canary becomes stable; by role its subset must follow, at weight 0.

    Not one without ready pods, also where stable has none either: then nothing moves.
    """
    status = look.status
    if look.pods(status.attempt.canary).down:
        lack = Reason(f"{named(status.attempt.canary)} has everyone and no ready pods")
        return holding.until(look, lack, WaitsFor.PODS)
    old = Draining(status.stable) if status.stable else None
    status = attempted(replace(status, stable=status.attempt.canary, draining=old), pause=None)
    name = named(status.stable)
    if status.subset_mode is SubsetMode.ROLE:
        because = f"{name} is stable; subset stable is moved to it"
        status = go_on(replace(look, status=asked(status, look.now)), Stage.REPOINTING)
        return Turn(remember(status, look.now, because), because, AT_ONCE)
    status = attempted(replace(status, stable_subset=status.attempt.subset), subset="")
    return _retire(replace(look, status=status), f"{name} is stable")


def _repointing(look: Look) -> Turn:
    if not wanted.pod_labels(look.status.stable, look.seen):
        because = f"{named(look.status.stable)} has no deployment: subset stable stays as it is"
        return Turn(look.status, because, PROXIES, WaitsFor.SUBSETS)
    if wanted.wrong_subsets(look.status, look.seen):
        because = "subset stable follows the promotion"
        return Turn(look.status, because, PROXIES, WaitsFor.SUBSETS)
    status = confirmed(look)
    if status.stage.confirmed_at is None:
        return _proxies(status)
    look = replace(look, status=status)
    because = f"everyone to subset stable, which has {named(status.stable)} now"
    return Turn(enter(look, Stage.RETURNING, Split(100, 0), because), because, AT_ONCE)


def _returning(look: Look) -> Turn:
    status = confirmed(look)
    if status.stage.confirmed_at is None:
        return _proxies(status)
    return _retire(replace(look, status=status), f"{named(status.stable)} is stable")


def _retire(look: Look, because: str) -> Turn:
    status, old = look.status, look.status.draining
    status = journey.over(replace(status, draining=replace(old, since=look.now) if old else None))
    status = enter(replace(look, status=status), Stage.RETIRING, Split(100, 0), because)
    return Turn(status, because, AT_ONCE, notice=Notice("Promoted"))


def _withdrawing(look: Look) -> Turn:
    """Everyone on the way back; when stable cannot carry them, as many as it can."""
    split = way_back(look)
    if split.stable > look.status.stage.split.stable:
        status = replace(look.status, stage=replace(look.status.stage, split=split))
        because = f"stable can carry {split.stable}% by now"
        return Turn(remember(status, look.now, because), because, AT_ONCE)
    status = confirmed(look)
    look = replace(look, status=status)
    if status.stage.split.stable < 100:
        because = stable_lacks(look, status.stage.split)
        return Turn(status, because, SOON, WaitsFor.STABLE)
    if status.stage.confirmed_at is None:
        return _proxies(status)
    return journey.withdrawn(look)


def _settling(look: Look) -> Turn:
    """Retiring and cleaning: the proxies take the released route, the old pods drain.

    Whoever pushes meanwhile need not wait for that: pods drain beside the next journey, too.
    """
    status = confirmed(look)
    if status.stage.waits_for_proxies:
        return _proxies(status)
    look = replace(look, status=status)
    old = status.draining
    if old is not None and not _pushed_on(look):
        stay, left = handover.scales(look, old.revision), holding.drain_left(look, old)
        if not (stay and look.rollout.deleting and left <= timedelta(0)):
            return _draining(look, left, scaled=stay)
    because = f"{named(status.stable)} has everyone"
    if status.rejected is not None:
        because = f"back on {named(status.stable)}: {status.rejected.because}"
    status = remember(go_on(look, Stage.IDLE), look.now, because)
    failed = status.rejected is not None
    notice = Notice("RolledBack" if failed else "Healthy", warning=failed)
    return Turn(status, because, AT_ONCE, notice=notice)


def _draining(look: Look, left: timedelta, *, scaled: bool) -> Turn:
    """The old pods stay for a while, or until the autoscaler that scales them scales others."""
    again = max(left, PROXIES)
    if scaled:
        because = f"old pods stay: {handover.missing(look)}"
        return Turn(look.status, because, again, WaitsFor.AUTOSCALER)
    return Turn(look.status, "draining the old pods", again, WaitsFor.DRAIN)


def _proxies(status: RolloutStatus) -> Turn:
    return Turn(status, WAITING, PROXIES, WaitsFor.PROXIES)


def _pushed_on(look: Look) -> bool:
    """Whether git asks for a revision that has not been tried."""
    revision, status = look.seen.asked, look.status
    tried = status.rejected.revision if status.rejected else None
    known = revision is None or revision.same(status.stable) or revision.same(tried)
    return not known and not look.rollout.deleting


def phase(status: RolloutStatus, waits_for: WaitsFor | None) -> Phase:
    """The phase that people see, from the stage and what stands in its way."""
    stands = waits_for in (WaitsFor.OBJECTS, WaitsFor.STABLE)
    if status.stage.name in (Stage.WITHDRAWING, Stage.CLEANING):
        return Phase.ROLLING_BACK
    if status.attempt.pause is not None or stands:
        return Phase.PAUSED
    if status.stage.name is Stage.IDLE:
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
