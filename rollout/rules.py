"""Rules before a journey as a table: what each finds, what blocks, and who lets it pass and why."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from rollout.model.finding import Finding, Severity

Case = TypeVar("Case")

BLOCK, WARN, INFO = Severity.BLOCK, Severity.WARN, Severity.INFO
_ORDER = (BLOCK, WARN, INFO)


@dataclass(frozen=True, slots=True)
class Rule(Generic[Case]):
    """One rule; its sources are in the docstring of ``check``.

    ``check``: one sentence per finding, each with its object in front.
    ``by_files``: what it finds among some objects stays true with more of them.
    """

    id: str
    severity: Severity
    check: Callable[[Case], Iterator[str]]
    by_files: bool = False


@dataclass(frozen=True, slots=True)
class Book(Generic[Case]):
    """All rules of one kind of journey, an id twice where a rule can block or warn.

    ``unavoidable``: the ids that nobody can overrule.
    """

    rules: tuple[Rule[Case], ...]
    unavoidable: Collection[str]

    def findings(
        self,
        case: Case,
        overruled: Mapping[str, str],
        rules: Iterable[Rule[Case]] | None = None,
    ) -> tuple[Finding, ...]:
        """What the rules find, blocks first, each sentence once; empty when all is well.

        ``overruled``: rule to the reason for which a person lets it pass: what blocks is a warning
        with the reason then.
        A rule that stumbles over an object it cannot read says so and stops no other rule.
        """
        asked = self.rules if rules is None else rules
        found = {
            self._judged(finding, overruled): None for rule in asked for finding in _of(rule, case)
        }
        found |= dict.fromkeys(self._idle(overruled, {f.rule for f in found if f.overruled}))
        return tuple(
            sorted(found, key=lambda f: (_ORDER.index(f.severity), not f.overruled, f.rule))
        )

    def _judged(self, finding: Finding, overruled: Mapping[str, str]) -> Finding:
        reason = overruled.get(finding.rule, "")
        if finding.severity is not BLOCK or not reason or finding.rule in self.unavoidable:
            return finding
        return replace(finding, severity=WARN, overruled=reason)

    def _idle(self, overruled: Mapping[str, str], used: set[str]) -> Iterator[Finding]:
        """What is overruled and finds nothing, so that no reason outlives what it was given for."""
        for rule in sorted(set(overruled) - used):
            known = any(one.id == rule and one.severity is BLOCK for one in self.rules)
            told = "blocks nothing here" if known else "is no rule that blocks"
            yield Finding(rule, INFO, f"is overruled and {told}; take it out of preflight.overrule")


def _of(rule: Rule[Case], case: Case) -> list[Finding]:
    try:
        return [Finding(rule.id, rule.severity, text) for text in rule.check(case)]
    except Exception as broken:
        # The API server checks shapes, but not of every field; one odd object must not end a look.
        found = f"{type(broken).__name__}: {broken}"
        text = f"could not be judged: an object has an unexpected shape ({found})"
        return [Finding(rule.id, WARN, text)]
