"""Whether the controller of a lab is there still, which every demo asks at every look."""

from rollout.errors import OutsideError
from rollout.lab.programs.processes import Child


def alive(child: Child | None) -> None:
    """Errors: ``OutsideError``, with its last words, when the controller has ended by itself."""
    if child is not None and child.ended:
        raise OutsideError(f"the controller ended: {child.last_words()}")
