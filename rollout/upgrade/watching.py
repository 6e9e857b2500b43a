"""The way back, watched: what requests say of the namespaces that are back, and what follows.

Nothing on the way back waits for a metric: whoever goes back has a reason, and a revision that
does harm does it for as long as it is there. But going on where going back itself does harm would
harm the rest as well. So it stops, and asks, where both are seen: the namespace that came back
first serves surely worse than before, and those that are not back yet do not.
When all is back, requests are looked at once more for a while, so that its end can say how they
are; that end it reaches whatever they say.
"""

from dataclasses import replace

from rollout.gate import Finding, Gate
from rollout.model.reasons import PauseKind, Reason
from rollout.model.status import Standing as Evidence
from rollout.model.turn import AT_ONCE, SOON, Notice
from rollout.model.upgrading import Awaits, Standing, UpgradeStatus
from rollout.upgrade import gating
from rollout.upgrade.gating import BESIDE, MOVED
from rollout.upgrade.look import Look, Turn, at_stop, attempted, namespaces, paused, remember

PATIENCE = 2
"""So many times the longest bake of its waves is waited for an answer when all is back."""

ALL = 1
"""The part of the way back in which everything is back already."""
_WELL = frozenset({Evidence.CERTIFIED, Evidence.CLEAN})


def noted(look: Look) -> tuple[Look, Turn | None]:
    """The look with what requests say by now, and the turn that holds where they say no.

    A hold ends by itself once what is not back serves worse, too: then it was not the way back.
    """
    status, stop = look.status, look.at
    if stop.part == ALL:
        return look, None
    if stop.confirmed_at is None:
        back, away = _returned(status), _away(status)
        if back and away:
            look = look.having(_begun(look, back, away, part=0))
        return look, None
    if look.now - stop.confirmed_at > look.stop.step.longest:
        return look, None
    look, found = _judged(look)
    return _held(look, _harm(found))


def _judged(look: Look) -> tuple[Look, dict[str, Finding]]:
    """What the gate says of either side, and the look that remembers its evidence."""
    found = gating.findings(look.upgrade, look.status, look.seen, look.now)
    both = gating.together(found)
    status = attempted(look.status, verdicts=both.verdicts, checkpoint=both.checkpoint or {})
    return look.having(status), found


def _begun(look: Look, back: list[str], others: list[str], *, part: int) -> UpgradeStatus:
    """The status in which these are watched from now on."""
    compared = gating.few(look.seen.inventory, back, others)
    status = at_stop(look.status, part=part, confirmed_at=look.now)
    return attempted(status, compared=compared, verdicts=(), checkpoint={})


def _returned(status: UpgradeStatus) -> list[str]:
    return [n.name for n in namespaces(status) if n.standing is Standing.RETURNED]


def _away(status: UpgradeStatus) -> list[str]:
    """Whose pods are at the new revision still."""
    at_rest = (Standing.RETURNED, Standing.WAITING)
    return [n.name for n in namespaces(status) if n.standing not in at_rest]


def _harm(found: dict[str, Finding]) -> Reason | None:
    """That coming back made it worse: sure of the one, and that the other side is well."""
    moved, beside = found[MOVED], found.get(BESIDE)
    if moved.gate is not Gate.FAILED or beside is None:
        return None
    stands = {verdict.standing for verdict in beside.verdicts}
    return Reason(moved.because) if stands and stands <= _WELL else None


def _held(look: Look, harm: Reason | None) -> tuple[Look, Turn | None]:
    back, pause = look.status.attempt.way_back, look.status.attempt.pause
    asked = pause is not None and pause.kind is PauseKind.STABLE_WORSE
    heeds = back is not None and back.holds and not look.upgrade.deleting
    if harm is None or not heeds or not _away(look.status):
        return (look.having(attempted(look.status, pause=None)) if asked else look), None
    if pause is not None and not asked and not pause.kind.may_pass:
        return look, None
    because = f"worse since it is back: {harm}"
    return look, paused(look, PauseKind.STABLE_WORSE, because, awaits=Awaits.WORSE)


def last(look: Look) -> Turn | None:
    """The turn that watches what is back; None: that is over, or there is nothing to watch.

    Whoever deleted the upgrade waits for nothing more.
    """
    attempt, names = look.status.attempt, _returned(look.status)
    back, stop = attempt.way_back, look.at
    if back is None or back.seen or not names or look.upgrade.deleting:
        return None
    if stop.part != ALL or stop.confirmed_at is None:
        known = {each.name for each in namespaces(look.status)}
        others = gating.elsewhere(look.seen.inventory, known)
        status = _begun(look, names, others, part=ALL)
        because = f"all is back at {look.old}, its requests are watched"
        return Turn(remember(status, look.now, because), because, AT_ONCE)
    look, both = _judged(look)
    found = gating.together(both)
    if found.gate is Gate.HOLD and look.now - stop.confirmed_at < PATIENCE * look.stop.bake:
        because = f"all is back at {look.old}: {found.because}"
        return Turn(look.status, because, found.again or SOON, Awaits.BAKE)
    return _ended(look, found)


def _ended(look: Look, found: Finding) -> Turn:
    """What was seen is written down, and told where it is bad."""
    worse = found.gate is Gate.FAILED
    words = {
        Gate.OPEN: "requests are as before",
        Gate.FAILED: "requests are worse than before",
        Gate.HOLD: "whether requests are as before is not sure",
    }
    seen = f"{words[found.gate]}: {found.because}"
    notice = Notice("WorseThanBefore", warning=True) if worse else None
    return Turn(remember(told(look.status, seen), look.now, seen), seen, AT_ONCE, notice=notice)


def told(status: UpgradeStatus, seen: str) -> UpgradeStatus:
    """The status whose way back ends with these words about the requests."""
    back = status.attempt.way_back
    return attempted(status, way_back=back and replace(back, seen=seen[:249]))


def unheeded(status: UpgradeStatus) -> UpgradeStatus:
    """The status whose way back goes on whatever requests say: a person said so."""
    back = status.attempt.way_back
    return attempted(status, way_back=back and replace(back, holds=False))
