"""What follows from one look at a switchover; the order here is what wins.

1. Nothing is written over an object that changed since it was seen (``SetWeights.versions``).
2. Nobody is sent to a gateway that surely answers nobody.
3. Git asks for blue: back, also before a person's request is heard.
4. A person's request, and a person's no.
5. A foreign edit of the weights: seen, named and asked about, not fought.
6. Gates; green that fails goes back in the same look.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from rollout import requests as people
from rollout.model.action import Announce, LetGo
from rollout.model.reasons import PauseKind, WaitsFor
from rollout.model.status import Drift
from rollout.model.switching import SetWeights, Sighting, SwitchAction, SwitchDecision
from rollout.model.switchover import (
    AHEAD,
    MOVED,
    Side,
    Switchover,
    SwitchoverStatus,
    SwitchStage,
    SwitchSubject,
)
from rollout.model.traffic import Split
from rollout.model.turn import SOON, Notice, short
from rollout.model.units import past
from rollout.upgrade.switchover import (
    asking,
    before,
    ending,
    progress,
    requests,
    shifting,
    stages,
    transitions,
)
from rollout.upgrade.switchover.look import (
    BLUE,
    GREEN,
    Look,
    Turn,
    attempted,
    blocked,
    go_back,
    pause,
    remember,
)

_JUDGED = (SwitchStage.SHIFTING, SwitchStage.BAKING)
_WRITTEN = (*MOVED, SwitchStage.RETURNING)


def decide(
    switchover: Switchover, status: SwitchoverStatus, seen: Sighting, now: datetime
) -> SwitchDecision:
    """What to remember and what to do, from one look."""
    look = _brought_up(Look(people.vouched_for(switchover, status), status, seen, now))
    turn = transitions.lawful(look, _turn(look))
    return _finish(look, turn)


def _brought_up(look: Look) -> Look:
    """The look with what is noted in any stage: TTL, silent gateways, how far weights have come."""
    look = replace(look, status=_set_right(look.switchover, look.status, look.now))
    attempt = look.status.attempt
    status = replace(look.status, low_ttl=before.low_ttl(look))
    status = attempted(
        status,
        blue_down_at=_since(attempt.blue_down_at, look, Side.BLUE),
        green_down_at=_since(attempt.green_down_at, look, Side.GREEN),
    )
    look = replace(look, status=status)
    if status.stage.name in _WRITTEN and not requests.drifted(look):
        look = replace(look, status=progress.advanced(look))
    return look


def _set_right(switchover: Switchover, status: SwitchoverStatus, now: datetime) -> SwitchoverStatus:
    """The status in which nothing begins in time to come, as the clock has it now.

    What somebody has edited out of it and the stage says by itself is there again: who served
    before, which weights it asks for, that it has begun. They are asked for anew where it is not
    known when they were.
    """
    attempt, ttl = status.attempt, status.low_ttl
    if ttl is not None and ttl.since > now:
        status = replace(status, low_ttl=replace(ttl, since=now))
    status = attempted(
        status,
        step=attempt.step.set_right(now) if attempt.step else None,
        blue_down_at=past(attempt.blue_down_at, now),
        green_down_at=past(attempt.green_down_at, now),
    )
    stage = status.stage.set_right(now)
    if stage.name is SwitchStage.SERVING:
        return replace(status, stage=stage)
    stage = replace(stage, since=stage.since or now, split=_split(switchover, status))
    unasked = stage.name in _WRITTEN and stage.asked_at is None
    serving = status.serving or Side.BLUE
    return replace(status, serving=serving, stage=stage.asked(now) if unasked else stage)


def _split(switchover: Switchover, status: SwitchoverStatus) -> Split:
    """The weights of its stage; in none in which users are on green has blue all of them."""
    stage, step, steps = status.stage, status.attempt.step, switchover.spec.steps
    if stage.name not in MOVED or stage.split != BLUE:
        return stage.split
    if stage.name is not SwitchStage.SHIFTING:
        return GREEN
    return Split.giving_canary(steps[min(step.index, len(steps) - 1)].weight) if step else BLUE


def _since(known: datetime | None, look: Look, side: Side) -> datetime | None:
    """Since when all probes of ``side`` fail; what was not tried now is as it was."""
    if not look.tried(side):
        return known
    return (known or look.now) if look.fails(side) else None


def _turn(look: Look) -> Turn:
    """The first of these that has something to say; most looks end at the stage's own."""
    if look.switchover.deleting:
        return _leave(look)
    records = look.seen.records
    if look.status.serving is None:
        return _unreadable(look) or before.adopt(look)
    if overtaken := _overtaken(look):
        return overtaken
    look, answered = requests.answered(look)
    if answered is not None:
        return answered
    if rejected := asking.rejected(look):
        return rejected
    if records.problems or records.silent:
        return _hopeful(look)
    return _drifted(look) or stages.advance(look)


def _unreadable(look: Look) -> Turn | None:
    records = look.seen.records
    if records.problems:
        return blocked(look, records.problems[0])
    if records.silent:
        return blocked(look, records.silent[0], WaitsFor.CLUSTER)
    return None


def _hopeful(look: Look) -> Turn:
    """The records cannot be read, so nothing is written; but a failure is still found.

    It is remembered, and the way back is written as soon as that is possible again. Before any
    weight has moved there is no hurry: each look would ask the rules, which list both clusters.
    """
    if look.seen.records.problems and look.status.stage.name in _WRITTEN:
        look = replace(look, status=progress.unserved(look))
    if look.status.stage.name in _JUDGED:
        look, _, back = shifting.judged_on(look)
        if back is not None:
            return back
    stands = _unreadable(look) or stages.advance(look)
    return replace(stands, again=SOON) if look.status.stage.name in _WRITTEN else stands


def _overtaken(look: Look) -> Turn | None:
    """Git asks for blue: back at once."""
    under_way = look.status.stage.name in (*AHEAD, *MOVED)
    if look.switchover.spec.serve is Side.GREEN or not under_way:
        return None
    return go_back(look, "git asks for blue now", reject=False)


def _drifted(look: Look) -> Turn | None:
    """Somebody else wrote our weights after us: it is named, and a person decides.

    On the way back the weights are written again, one look after the other: users come first.
    """
    status, stage = look.status, look.status.stage
    if stage.name not in _WRITTEN or stage.written_at is None:
        return None
    if look.seen.records.divide(stage.split):
        return _settled(look)
    by = f" by {look.seen.records.editor}" if look.seen.records.editor else ""
    found = ", ".join(f"{p.blue}/{p.green}" for p in look.seen.records.pairs[:1])
    because = f"the weights were changed{by} to {found}, {stage.split} asked"
    count = (status.attempt.drift.count if status.attempt.drift else 0) + 1
    if stage.name is SwitchStage.RETURNING:
        drift = Drift(count, look.now, because)
        status = attempted(progress.asked_anew(status, look), drift=drift)
        return Turn(remember(status, look.now, because), because, SOON, WaitsFor.RECORDS)
    if stage.name in _JUDGED:
        look, _, back = shifting.judged_on(look)
        if back is not None:
            return back
    status = look.status
    if requests.drifted(look):
        return Turn(status, because, SOON * 3, writes=False)
    noted = attempted(requests.outdated(look, status), drift=Drift(count, look.now, because))
    return replace(pause(replace(look, status=noted), PauseKind.DRIFT, because), writes=False)


def _settled(look: Look) -> Turn | None:
    """Whoever had changed the weights has put them back."""
    if not requests.drifted(look):
        return None
    because = "the weights are as asked again"
    status = attempted(progress.asked_anew(look.status, look), pause=None)
    return Turn(remember(status, look.now, because), because, timedelta(0))


def _leave(look: Look) -> Turn:
    """A deleted switchover goes home first; once everyone is on green, they stay."""
    if look.status.stage.name is SwitchStage.SHIFTING:
        return go_back(look, "the switchover is deleted", reject=False)
    if look.status.stage.name is SwitchStage.RETURNING:
        turn = _unreadable(look) or stages.advance(look)
        late = look.switchover.deleted_at or look.now
        over = look.now - late >= 2 * look.switchover.progress_deadline
        home = turn.status.stage.name is SwitchStage.SERVING
        return _gone(turn, look) if home or over else turn
    because = f"deleted; the weights stay {look.status.stage.split}"
    return _gone(Turn(look.status, because, writes=False), look)


def _gone(turn: Turn, look: Look) -> Turn:
    return replace(turn, actions=(LetGo(),), again=None, writes=False)


def _finish(look: Look, turn: Turn) -> SwitchDecision:
    """The turn as a decision: phase, sentence, and the actions that are due."""
    because = short(turn.because)
    status = replace(
        _about(look, turn.status),
        phase=stages.phase(turn.status, turn.waits_for),
        because=because,
        waits_for=turn.waits_for,
        observed_generation=look.switchover.generation,
        observed_commit=look.switchover.commit,
    )
    due = (*_weights(look, turn, status), *ending.restarts(status), *_told(look, turn, because))
    return SwitchDecision(status, (*due, *turn.actions), turn.again, because)


def _about(look: Look, status: SwitchoverStatus) -> SwitchoverStatus:
    """The status that says by what it goes home, from the first weight on."""
    if status.stage.name not in _WRITTEN or status.attempt.subject is not None:
        return status
    return attempted(status, subject=SwitchSubject.of(look.switchover.spec))


def _weights(look: Look, turn: Turn, status: SwitchoverStatus) -> tuple[SwitchAction, ...]:
    """The weights as the status has them, where the objects have others and may be written."""
    records, stage = look.seen.records, status.stage
    readable = not (records.problems or records.silent)
    writes = turn.writes and stage.name in _WRITTEN and readable
    if not writes or requests.drifted(replace(look, status=status)):
        return ()
    if stage.name is SwitchStage.RETURNING and ending.cannot_carry(look):
        return ()
    if records.divide(stage.split):
        return ()
    return (SetWeights(stage.split, records.versions),)


def _told(look: Look, turn: Turn, because: str) -> tuple[SwitchAction, ...]:
    """The Event, once for each new reason."""
    notice: Notice | None = turn.notice
    if notice is None or because == look.status.because:
        return ()
    findings = look.seen.findings
    return (Announce(notice.reason, because, notice.warning, notice.cause, findings),)
