"""Text for a field of a forge that takes so many characters and no more, in one line."""

from rollout.errors import visible
from rollout.model.units import sentence


def line(text: str, most: int) -> str:
    """``text`` in at most ``most`` characters.

    What is too long is cut in its middle: it begins with what it is about and ends with what
    decides.
    """
    return sentence(" ".join(visible(text).split()), most)
