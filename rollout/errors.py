"""Every error we raise on purpose, sorted by who can put it right; nothing is logged here.

Form of a message: *where: what was found; what is wanted.*
One line, lower case, no full stop.
"""

from enum import StrEnum

GIVEN = 300  # characters of what somebody gave that a refusal repeats


def visible(text: str) -> str:
    """``text`` with a blank for each character that steers a screen, or that none shows."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else " " for c in text)


def why(error: OSError | EOFError) -> str:
    """What the system says of it, such as "No space left on device"; where nothing, its kind."""
    text = error.strerror if isinstance(error, OSError) else ""
    return text or type(error).__name__


class RolloutError(Exception):
    """Any error of ours; its text is one line that may be shown to people.

    Whatever of it others wrote: what would steer a screen, or begin another line, is a blank.
    """

    def __init__(self, text: str = "") -> None:
        super().__init__(visible(text))


class ManifestError(RolloutError):
    """The author of the YAML can put it right: fix the file and push again.

    ``line`` counts from 1; 0 means the whole file.
    """

    def __init__(self, file: str, line: int, found: str, wanted: str = "") -> None:
        self.file = file
        self.line = line
        self.found = found
        self.wanted = wanted
        where = f"{file}:{line}" if line else file
        super().__init__(f"{where}: {found}; {wanted}" if wanted else f"{where}: {found}")


class Outside(StrEnum):
    """What an outside system did, where somebody has to tell one from the other."""

    SILENT = "silent"  # it did not answer, or not in a way that can be used
    STARTING = "starting"  # it has not been heard yet: we have only just begun to listen
    UNKNOWN_KIND = "unknown kind"  # the API server has no such kind; its CRD is not installed


class OutsideError(RolloutError):
    """Nobody has to: a system did not answer, and the next look tries again.

    ``retry_after``: the least seconds it asked us to wait; None: it did not say.
    ``what``: the text without what the next look will do, for whoever looks once.
    """

    def __init__(
        self,
        text: str,
        retry_after: float | None = None,
        *,
        kind: Outside = Outside.SILENT,
        what: str = "",
    ) -> None:
        self.retry_after = retry_after
        self.kind = kind
        self.what = what or text
        super().__init__(text)


class UnprovenError(OutsideError):
    """The API server does not know whoever asked by the word that was sent along, or no more."""


class ConflictError(RolloutError):
    """The controller does: someone wrote first, so look again and decide anew."""


class RefusedError(RolloutError):
    """An operator can: a system answered, and the answer was no."""


class OwnedError(RefusedError):
    """Fields that another field manager of the API server wrote last, with another value.

    ``fields``: each as the server names it (``.spec.replicas``), and its manager.
    """

    def __init__(self, text: str, fields: tuple[tuple[str, str], ...]) -> None:
        self.fields = fields
        super().__init__(text)
