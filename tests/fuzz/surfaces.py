"""The eight doors as a closed table, and one input at one of them with what it cost."""

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from pathlib import Path

from tests.effort import effort
from tests.fuzz.doors import answers, git, manifests, objects, operator, signatures, webhooks, words

CORPUS = Path(__file__).parent / "corpus"
"""By surface, inputs that once were a finding; each is read again by every ``make test``."""


class Surface(StrEnum):
    """Where something comes in that others wrote."""

    MANIFESTS = "manifests"
    GIT = "git"
    SIGNATURES = "signatures"
    WEBHOOKS = "webhooks"
    ANSWERS = "answers"
    OBJECTS = "objects"
    WORDS = "words"
    OPERATOR = "operator"


READ: dict[Surface, Callable[[bytes], None]] = {
    Surface.MANIFESTS: manifests.read,
    Surface.GIT: git.read,
    Surface.SIGNATURES: signatures.read,
    Surface.WEBHOOKS: webhooks.read,
    Surface.ANSWERS: answers.read,
    Surface.OBJECTS: objects.read,
    Surface.WORDS: words.read,
    Surface.OPERATOR: operator.read,
}
ON_THE_LOOP = (Surface.WEBHOOKS, Surface.ANSWERS, Surface.OBJECTS, Surface.WORDS)
"""Read by the controller's one event loop; the others by a child process or a command."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What went wrong at an input; ``where``: the same for the same fault."""

    surface: Surface
    where: str
    story: str
    data: bytes

    @property
    def name(self) -> str:
        """Of the file that keeps the input."""
        return sha256(self.data).hexdigest()[:16]


def tried(surface: Surface, data: bytes) -> Finding | None:
    """None: all is as it must be."""
    try:
        READ[surface](data)
    except Exception as error:  # whatever nobody documented is a finding
        return Finding(surface, _where(error), "".join(traceback.format_exception(error)), data)
    return None


def _where(error: Exception) -> str:
    """The kind of error, and the last line of ours that it passed."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/rollout/" in frame.filename] or list(frames)
    last = ours[-1]
    why = getattr(error, "why", "")
    return f"{type(error).__name__} {why} at {Path(last.filename).name}:{last.lineno}"


def work(surface: Surface, data: bytes) -> int:
    """Calls of functions of one input: the same on every machine."""
    with effort() as made:
        tried(surface, data)
    return made.calls
