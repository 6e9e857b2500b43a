"""The eight doors as a closed table, and one input at one of them with what it cost."""

import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
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
GAP = 0.1
"""Seconds of CPU for which one input may keep that loop busy."""
AGAIN = 3
"""How often an input that took longer is read again: what it costs itself, it costs each time."""


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


@dataclass(slots=True)
class Watch:
    """Inputs at one door as they pass; findings are files of ``folder``, one of a kind.

    ``slowest``: seconds of CPU that one input took. Where that is more than ``GAP`` it is read
    again and the least counts, as the collection of garbage that whoever drew the input left
    behind falls into one reading or another.
    """

    surface: Surface
    folder: Path
    inputs: int = 0
    slowest: float = 0.0
    known: set[str] = field(default_factory=set)

    def read(self, data: bytes) -> None:
        """One input passes."""
        seconds, finding = _timed(self.surface, data)
        if seconds > GAP:
            seconds = min(seconds, *(_timed(self.surface, data)[0] for _ in range(AGAIN)))
        self.slowest = max(self.slowest, seconds)
        self.inputs += 1
        if seconds > GAP and self.surface in ON_THE_LOOP:
            self._keep(Finding(self.surface, "slow", f"{seconds * 1000:.0f} ms of CPU", data))
        if finding is not None:
            self._keep(finding)

    def _keep(self, finding: Finding) -> None:
        """The input as a file, and its story beside it; the first of each kind."""
        if finding.where in self.known:
            return
        self.known.add(finding.where)
        file = self.folder / f"{finding.surface}-{finding.name}"
        file.write_bytes(finding.data)
        story = f"{finding.where}\n{finding.story}"
        file.with_suffix(".txt").write_text(story, "utf-8", "replace")


def _timed(surface: Surface, data: bytes) -> tuple[float, Finding | None]:
    """Seconds of CPU that it took, and what went wrong."""
    began = time.thread_time()
    finding = tried(surface, data)
    return time.thread_time() - began, finding


def work(surface: Surface, data: bytes) -> int:
    """Calls of functions of one input: the same on every machine."""
    with effort() as made:
        tried(surface, data)
    return made.calls
