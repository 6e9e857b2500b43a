"""When Python looks for objects that hold each other in a circle: rarely, as we make next to none.

What is let go of is freed at once, by its count of references; the collector finds only circles,
and goes through every object there is to do so. With a thousand rollouts under way that takes
half a second now and then, in which nobody's verdict is acted upon.
Source: Python, "gc: garbage collector interface", and its ``set_threshold``.
"""

import gc

YOUNG, OLDER, ALL = 20_000, 5, 1000
"""New objects between two passes over them; such passes between two over the last ones; and so
many of these between two over everything: at seventy looks a second that is about a day."""


def rarely() -> None:
    """From now on in this process."""
    gc.set_threshold(YOUNG, OLDER, ALL)
