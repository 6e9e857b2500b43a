"""What follows from one look: a new status first, then actions; the order here is what wins."""

from dataclasses import replace
from datetime import datetime

from rollout import requests as people
from rollout.model.action import LetGo
from rollout.model.reasons import Reason
from rollout.model.turn import SOON, Notice, short
from rollout.model.units import past
from rollout.model.upgrade import ControlPlaneUpgrade
from rollout.model.upgradelook import MeshObservation, UpgradeDecision
from rollout.model.upgrading import Awaits, State, StopStatus, UpgradeStatus
from rollout.upgrade import actions, drift, passing, requests, stages, transitions, wayback, whole
from rollout.upgrade.look import UNDER_WAY, Look, Turn, attempted
from rollout.upgrade.stops import current

_GUARDED = frozenset({
    State.CANARY,
    State.WAVES,
    State.GATEWAYS,
    State.TAGS,
    State.BAKE,
    State.NODES,
    State.REMOVE,
})  # fmt: skip
"""States in which something is, or may be, at the new control plane."""

_BRAKED = _GUARDED | {State.BASE, State.INSTALL}
"""States that may be gone back from, and so never go on where nothing could be taken back."""


def decide(
    upgrade: ControlPlaneUpgrade, status: UpgradeStatus, seen: MeshObservation, now: datetime
) -> UpgradeDecision:
    """What to remember and what to do, from one look."""
    status = _set_right(upgrade, status, now)
    first = Look(people.vouched_for(upgrade, status), status, seen, now)
    look = drift.landed(first)
    turn = transitions.lawful(look, _turn(look))
    return _finish(first, turn)


def _set_right(upgrade: ControlPlaneUpgrade, status: UpgradeStatus, now: datetime) -> UpgradeStatus:
    """The status in which nothing begins in time to come, as the clock has it now.

    A stop that somebody has edited out of it is entered anew: without one, nothing is confirmed.
    """
    attempt = status.attempt
    stop = attempt.stop.set_right(now) if attempt.stop else None
    if stop is None and status.state in UNDER_WAY:
        stop = StopStatus(current(upgrade.spec, status).name, now)
    attempt = replace(
        attempt,
        stop=stop,
        waves=tuple(each.set_right(now) for each in attempt.waves),
        users_gone_at=past(attempt.users_gone_at, now),
        sick_since=past(attempt.sick_since, now),
    )
    return replace(status, attempt=attempt, since=past(status.since, now))


def _turn(look: Look) -> Turn:
    """The first of these that has something to say; most looks end at the state's own."""
    if look.upgrade.deleting:
        return _leave(look)
    if overtaken := _overtaken(look):
        return overtaken
    look, answered = requests.answered(look)
    return (
        answered
        or _ill(look)
        or drift.drifted(look)
        or _standing_still(look)
        or stages.advance(look)
    )


def _overtaken(look: Look) -> Turn | None:
    """Git asks for another target than the one under way: all goes back, and then anew."""
    attempt, spec = look.status.attempt, look.upgrade.spec
    if look.status.state not in UNDER_WAY - {State.RETURNING} or attempt.removing:
        return None
    if (attempt.asked_from, attempt.asked_to) == (spec.from_, spec.to):
        return None
    because = f"git asks for {spec.from_} to {spec.to} now"
    return wayback.begin(look, because, refuse=False)


def _ill(look: Look) -> Turn | None:
    """The new control plane is not whole, or takes the brake away: nothing moves meanwhile.

    After a while what it has goes back. Removal has its own look at everything.
    """
    if look.status.state not in _BRAKED or look.status.attempt.removing:
        return None
    lack = _lack(look) if look.status.state in _GUARDED else None
    why = lack or passing.brake(look)
    since = look.status.attempt.sick_since
    if why is None:
        look = look.having(attempted(look.status, sick_since=None))
        return None if since is None else replace(_recovered(look), again=SOON)
    status = attempted(look.status, sick_since=since or look.now)
    unknown = look.seen.brake is None and lack is None
    if since is not None and look.now - since >= passing.LATE and not unknown:
        return wayback.failed(look.having(status), Reason(why))
    awaits = Awaits.CONTROL_PLANE if lack else Awaits.BRAKE
    return Turn(status, f"nothing moves: {why}", SOON, awaits, Notice("Stopped", warning=True))


def _lack(look: Look) -> Reason | None:
    """What the new control plane lacks."""
    least = 1 if look.status.state is State.BAKE else look.upgrade.spec.min_replicas
    return next(whole.lacks(look.seen.inventory, look.new, least), None)


def _recovered(look: Look) -> Turn:
    return Turn(look.status, "it goes on", SOON, notice=Notice("Recovered"))


def _standing_still(look: Look) -> Turn | None:
    """A person's pause, or a question to people: judged on where it can be, and nothing else."""
    pause = look.status.attempt.pause
    if pause is None or pause.kind.may_pass or look.status.state not in UNDER_WAY:
        return None
    judging = look.at.confirmed_at is not None and look.stop.judged
    if judging or look.status.state is State.RETURNING:
        return None
    return Turn(look.status, pause.because, SOON, look.status.awaits)


def _leave(look: Look) -> Turn:
    """A deleted upgrade goes home first; past the point of no return it goes on to its end."""
    if look.status.state not in UNDER_WAY:
        return Turn(look.status, "nothing of ours is left to do", actions=(LetGo(),))
    if look.status.attempt.removing:
        return stages.advance(look)
    if look.status.state is State.RETURNING:
        pause = look.status.attempt.pause
        waits = pause is not None and not pause.kind.may_pass  # for an answer that nobody may give
        return stages.advance(look.having(attempted(look.status, pause=None)) if waits else look)
    return wayback.begin(look, "the upgrade was deleted", refuse=False)


def _finish(look: Look, turn: Turn) -> UpgradeDecision:
    """The turn as a decision: phase, sentence, and the actions that are due."""
    because = short(turn.because)
    due = actions.due(look, turn)
    status = replace(
        turn.status,
        phase=stages.phase(turn.status, turn.awaits),
        because=because,
        awaits=turn.awaits,
        observed_generation=look.upgrade.generation,
        observed_commit=look.upgrade.commit,
    )
    return UpgradeDecision(status, due, turn.again, because)
