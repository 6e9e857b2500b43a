"""What to do now with the mesh's own upgrade: ``ask`` and ``decide``, both pure, as in reconcile.

A state (``stages.py``) turns a look into a new status, which writes down every change before it is
done (``journal.py``); ``actions.py`` does what the world lacks of it, ``wayback.py`` takes it back.
"""

from rollout.upgrade.ask import ask
from rollout.upgrade.decide import decide

__all__ = ["ask", "decide"]
