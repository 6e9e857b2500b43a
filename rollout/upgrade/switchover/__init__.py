"""The same shape as reconcile, for users who move to another cluster by DNS: ask, then decide."""

from rollout.upgrade.switchover.ask import ask
from rollout.upgrade.switchover.decide import decide

__all__ = ["ask", "decide"]
