"""What must be done, in order: the difference between what the status asks for and what is."""

from collections.abc import Iterator

from rollout.model.action import Announce
from rollout.model.turn import short
from rollout.model.upgradelook import MeshAction
from rollout.model.upgrading import State, UpgradeStatus
from rollout.upgrade import journal, wayback
from rollout.upgrade.look import UNDER_WAY, Look, Turn


def due(look: Look, turn: Turn) -> tuple[MeshAction, ...]:
    """Every action of this turn; the first that fails stops the rest."""
    found = [*_changes(look, turn.status), *turn.actions]
    if turn.notice is not None and _is_news(look, turn):
        found.append(Announce(turn.notice.reason, short(turn.because), turn.notice.warning))
    return tuple(found)


def _changes(look: Look, status: UpgradeStatus) -> Iterator[MeshAction]:
    """Changes that are asked for and not done: the newest on the way there, in reverse back.

    Only those that were not seen done yet: what somebody puts back is asked about.
    """
    attempt = status.attempt
    if attempt.pause is not None and not attempt.pause.kind.may_pass:
        return
    if status.state is State.RETURNING:
        now = wayback.unit(status)
        for change in reversed(now.changes if now else ()):
            yield from journal.undone(change, look.seen)
    elif status.state in UNDER_WAY and not attempt.removing:
        for place in range(attempt.landed, len(attempt.changes)):
            if not journal.superseded(attempt.changes, place):
                yield from journal.done(attempt.changes[place], look.seen)


def _is_news(look: Look, turn: Turn) -> bool:
    """Whether people have not heard it yet: a hold says the same at every look."""
    because = short(turn.because)
    same = because == look.status.because
    return turn.status.epoch != look.status.epoch or not same
