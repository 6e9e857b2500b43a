"""What to do now: ``ask`` says what must be looked at, ``decide`` what follows; both are pure.

A stage (``stages.py``) turns a look into a new status; what should be follows from the status
(``wanted.py``); what must be done is the difference to what is (``actions.py``).
"""

from rollout.reconcile.ask import ask
from rollout.reconcile.decide import decide

__all__ = ["ask", "decide"]
