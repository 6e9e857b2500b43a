"""An epoch never falls, whatever somebody wrote over a status: the audit log and fences need it."""

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:  # whoever reads rollouts alone needs no other nouns
    from rollout.model.status import RolloutStatus
    from rollout.model.switchover import SwitchoverStatus
    from rollout.model.upgrading import UpgradeStatus

Status = TypeVar("Status", "RolloutStatus", "SwitchoverStatus", "UpgradeStatus")


def kept(stored: Status, known: Status | None) -> Status:
    """What is stored, and its epoch as it was last ``known``, if that was higher; None: nothing."""
    if known is None or known.epoch <= stored.epoch:
        return stored
    return replace(stored, epoch=known.epoch)
