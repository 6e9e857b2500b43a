"""What must hold of every input at every door, whoever drew it.

Nothing is raised but errors of our own; whatever a person reads is one line of characters that a
terminal shows, and not endless.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from rollout.errors import RolloutError

LONGEST = 4000
"""Characters of one sentence: file, path and values are each cut, but there are several."""


@dataclass(frozen=True, slots=True)
class Fault(Exception):
    """``sentence`` is none; ``why`` says what it is."""

    why: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.why}: {self.sentence[:300]!r}"


def sentences(told: Iterable[object]) -> None:
    """Each is one. Errors: ``Fault``."""
    for one in told:
        _sentence(str(one))


def lines(text: str) -> None:
    """As ``sentences``, of a text of several lines. Errors: ``Fault``."""
    sentences(text.split("\n"))


def refused(error: RolloutError) -> None:
    """An error of ours says something. Errors: ``Fault``."""
    if not str(error).strip():
        raise Fault(f"a {type(error).__name__} without a word", "")
    _sentence(str(error))


def _sentence(text: str) -> None:
    if not text.isprintable():
        raise Fault("characters that steer a screen, or that nobody sees", text)
    if len(text) > LONGEST:
        raise Fault(f"{len(text)} characters", text)
    if "Traceback" in text or 'File "' in text:
        raise Fault("a traceback", text)
