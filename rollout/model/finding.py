"""What a rule before a journey found, and what that does to the journey's start."""

from collections import Counter
from collections.abc import Sequence
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


MOST = 20
"""Lines about rules that a status keeps."""


def warned(findings: Sequence[Finding]) -> tuple[str, ...]:
    """The lines that a status keeps of ``findings``, in their order.

    Of too many the rules have their share by turns, so that one that finds a hundred leaves room
    for the others; the last line counts what is not told.
    """
    if len(findings) <= MOST:
        return tuple(map(str, findings))
    so_far, turns = Counter[str](), list[tuple[int, int]]()
    for place, finding in enumerate(findings):
        turns.append((so_far[finding.rule], place))
        so_far[finding.rule] += 1
    kept = sorted(place for _, place in sorted(turns)[: MOST - 1])
    left = so_far - Counter(findings[place].rule for place in kept)
    more = ", ".join(f"{count} of {rule}" for rule, count in left.items())
    return (*(str(findings[place]) for place in kept), f"and {more}"[:249])
