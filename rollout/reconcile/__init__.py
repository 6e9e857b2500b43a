"""What to do now: ``ask`` says what must be looked at, ``decide`` what follows; both are pure.

A stage (``stages.py``) turns a look into a new status; what should be follows from the status
(``wanted.py``); what must be done is the difference to what is (``actions.py``).
"""

from dataclasses import replace
from datetime import datetime, timedelta

from rollout import confirm, gate
from rollout.model.action import (
    Announce,
    Decision,
    LetGo,
    PointSubset,
    ReleaseRoutes,
    SetRoute,
)
from rollout.model.observation import CountsQuestion, Observation, Questions, ValueQuestion
from rollout.model.spec import OnDrift, Rollout
from rollout.model.status import Drift, RolloutStatus, Stage
from rollout.model.traffic import STABLE_ONLY
from rollout.reconcile import actions, adopt, holding, requests, stages, wanted
from rollout.reconcile.look import SOON, Look, Turn, asked, pause, remember, short, withdraw

__all__ = ["ask", "decide"]

FLAPPING = 5
"""Restorations in an hour after which somebody else is clearly writing, too."""

_TURN_ROUND = (Stage.PREPARING, Stage.STEPPING, Stage.SWITCHING, Stage.BAKING)


def ask(rollout: Rollout, status: RolloutStatus, now: datetime) -> Questions:
    """Everything the next ``decide`` at about ``now`` must see."""
    revisions = tuple(
        {r.name: r for r in (status.stable, status.canary, status.previous) if r}.values()
    )
    counts: tuple[CountsQuestion, ...] = ()
    values: tuple[ValueQuestion, ...] = ()
    if status.stage in (Stage.STEPPING, Stage.BAKING):
        held = holding.held(rollout, status, now)
        counts, values = gate.questions(rollout, held, status, now)
    if status.confirmed_at is None and not wanted.released(status):
        counts += _shares(rollout, status, now)
    return Questions(
        target=wanted.target(rollout, status),
        route=STABLE_ONLY if rollout.deleting else wanted.route(rollout, status),
        revisions=revisions,
        since=status.asked_at if status.confirmed_at is None else None,
        counts=counts,
        values=values,
        webhook=_webhook(rollout, status),
        preflight=status.stage is Stage.PREPARING,
        released=rollout.deleting or wanted.released(status),
    )


def decide(rollout: Rollout, status: RolloutStatus, seen: Observation, now: datetime) -> Decision:
    """What to remember and what to do, from one look."""
    look = Look(rollout, status, seen, now)
    if seen.traffic.epoch > status.epoch:
        because = f"epoch {seen.traffic.epoch} was written by somebody newer; nothing is done"
        return Decision(status, (), SOON, because)
    if rollout.deleting:
        return _let_go(look)
    return _finish(look, _turn(look))


def _turn(look: Look) -> Turn:
    """The first of these that has something to say; most looks end at the stage's own."""
    if look.seen.traffic.problems:
        return _unmanageable(look)
    if look.status.stable is None:
        return adopt.adopt(look)
    merged = requests.merge_answers(look.status, look.seen.answers)
    look = replace(look, status=merged)
    if look.rollout.request is not None and requests.is_new(look):
        return requests.handle(look, look.rollout.request)
    return _overtaken(look) or _drifted(look) or stages.advance(look)


def _unmanageable(look: Look) -> Turn:
    """The objects cannot be patched as they are: stand still; nothing measured now counts."""
    status = look.status
    if status.asked_at is not None:
        status = replace(status, confirmed_at=None, confirmed_by=None)
    return Turn(status, short(look.seen.traffic.problems[0]), SOON * 6, stands=True)


def _overtaken(look: Look) -> Turn | None:
    """Git asks for something else than the journey under way: everyone back at once."""
    status, revision = look.status, look.seen.asked
    if status.stage not in _TURN_ROUND or revision is None:
        return None
    if revision.same(status.canary):
        if revision != status.canary:
            look = replace(look, status=replace(status, canary=revision))
            return stages.advance(look)
        return None
    return withdraw(look, f"git asks for {revision.name} now", reject=False)


def _drifted(look: Look) -> Turn | None:
    """Somebody wrote our leaves after the proxies had them: restored, or asked about."""
    status = look.status
    wrong = wanted.wrong_subsets(status, look.seen)
    differences = (*look.seen.traffic.differences, *(f"subset {name}" for name in wrong))
    if not differences or status.confirmed_at is None or status.stage is Stage.PREPARING:
        return None
    if status.pause is not None and status.pause.because.startswith("drift"):
        return Turn(status, status.pause.because)
    if look.rollout.spec.on_drift is OnDrift.PAUSE and status.stage in _TURN_ROUND:
        return pause(look, f"drift: {differences[0]}")
    return _restored(look, differences[0])


def _restored(look: Look, what: str) -> Turn:
    before = look.status.drift
    recent = before is not None and look.now - before.last < timedelta(hours=1)
    count = (before.count if before and recent else 0) + 1
    status = replace(look.status, drift=Drift(count, look.now, what))
    owner = look.seen.traffic.owner
    because = f"restored {what}"
    if count >= FLAPPING:
        because = f"{owner or 'somebody'} keeps writing our weights ({count}x): see rollout plan"
    told = short(because)
    warn = count in (1, FLAPPING)
    tell = Announce("Drift", told, warning=True) if warn else None
    return Turn(remember(status, look.now, because), told, SOON, tell)


def _let_go(look: Look) -> Decision:
    """The object is being deleted: take back what is ours, in order, then let it go."""
    because = "deleted: giving the routes back"
    due = () if look.seen.traffic.problems else actions.deleted(look)
    if due:
        return Decision(look.status, due, SOON, because)
    return Decision(look.status, (LetGo(),), None, because)


def _finish(look: Look, turn: Turn) -> Decision:
    """The turn as a decision: phase, sentence, warnings, and the actions that are due."""
    because = turn.because
    status = replace(
        turn.status,
        phase=stages.phase(turn.status, stands=turn.stands),
        because=because,
        warnings=_warnings(look, turn.status),
        observed_generation=look.rollout.generation,
        observed_commit=look.rollout.commit,
    )
    due = () if look.seen.traffic.problems else actions.due(look, replace(turn, status=status))
    if any(isinstance(action, SetRoute | ReleaseRoutes | PointSubset) for action in due):
        status = asked(status, look.now)  # what the proxies should know changes: ask them anew
    return Decision(status, due, turn.again, because)


def _warnings(look: Look, status: RolloutStatus) -> tuple[str, ...]:
    """Preflight's findings while they are asked for; afterwards those of the start stay."""
    if look.status.stage is not Stage.PREPARING:
        return () if status.stage is Stage.IDLE else status.warnings
    return tuple(f"{f.rule}: {f.text}" for f in look.seen.findings)[:20]


def _shares(rollout: Rollout, status: RolloutStatus, now: datetime) -> tuple[CountsQuestion, ...]:
    """What tells whether requests divide as asked; nothing where nobody asked anything yet."""
    if status.asked_at is None or status.stable is None or status.canary is None:
        return ()
    names = (status.stable.name, status.canary.name)
    workloads = {name: wanted.deployment(rollout, name) for name in names}
    every = rollout.spec.analysis.interval
    return confirm.question(rollout.namespace, workloads, status.asked_at, now, every)


def _webhook(rollout: Rollout, status: RolloutStatus) -> str:
    """The HTTP gate of the step we are at, once its route is confirmed."""
    if status.stage is not Stage.STEPPING or status.confirmed_at is None:
        return ""
    step = holding.held(rollout, status, status.confirmed_at).step
    return step.webhook.name if step.webhook else ""
