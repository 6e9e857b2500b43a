"""Whose namespaces an upgrade is moving now: no release begins there until they are judged."""

from rollout.model.upgrading import Standing, State, UpgradeStatus, tag_wave
from rollout.upgrade.look import UNDER_WAY

BEGUN = frozenset({Standing.LABELLED, Standing.RESTARTING, Standing.VERIFYING})
_JUDGED = frozenset({State.CANARY, State.WAVES, State.TAGS})


def moving(status: UpgradeStatus) -> frozenset[str]:
    """Namespaces whose pods go to another control plane, or came there and are being judged.

    One whose wave has begun and whose turn has not come is not among them: what is under way in it
    is waited for, and two who wait for each other wait for ever.
    """
    if status.state not in UNDER_WAY:
        return frozenset()
    waves = status.attempt.waves
    found = {each.name for one in waves for each in one.namespaces if each.standing in BEGUN}
    if status.state in _JUDGED and waves and _is_here(status):
        last = waves[-1].namespaces
        found |= {each.name for each in last if each.standing is Standing.MOVED}
    return frozenset(found)


def _is_here(status: UpgradeStatus) -> bool:
    """Whether the newest wave is the one that the stop is about."""
    stop, newest = status.attempt.stop, status.attempt.waves[-1].name
    return stop is not None and newest in (stop.name, stop.part_name, tag_wave(stop.name))
