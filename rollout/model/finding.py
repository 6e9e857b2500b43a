"""What a rule before a journey found, and what that does to the journey's start."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """What a finding does: block a journey's start, be shown, be told."""

    BLOCK = "block"
    WARN = "warn"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule that found something: ``rule`` is ``ROL-010``, ``text`` one sentence.

    ``overruled``: why a person lets a blocking finding pass; empty: nobody does.
    """

    rule: str
    severity: Severity
    text: str
    overruled: str = ""

    def __str__(self) -> str:
        return f"{self.rule}: {self.whole}"

    @property
    def whole(self) -> str:
        """The sentence, with the reason for which it is let pass."""
        return f"{self.text} (overruled: {self.overruled})" if self.overruled else self.text
