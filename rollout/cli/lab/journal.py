"""What visitors met on a journey, leg by leg: asked, served, failed; nothing is measured here."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import sqrt
from typing import Protocol

from rollout.confirm import SIGMAS
from rollout.model.status import RolloutStatus, Stage

SLACK = 0.01
"""Of all requests: those that were under way while the route changed."""


class Answers(Protocol):
    """What came back since the last one was taken: answers and failures by version."""

    @property
    def versions(self) -> Counter[str]: ...
    @property
    def failed_versions(self) -> Counter[str]: ...
    @property
    def requests(self) -> int: ...
    @property
    def failures(self) -> int: ...


@dataclass(slots=True)
class Met:
    """Answers and failures by version; "" failed before any version saw it."""

    answers: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    requests: int = 0

    def add(self, tally: Answers) -> None:
        self.answers += tally.versions
        self.failures += tally.failed_versions
        self.requests += tally.requests

    def share(self, version: str) -> float:
        """Of all answers, 0 to 1."""
        return self.answers[version] / max(1, self.answers.total())

    def error_ratio(self, version: str) -> float:
        """Of this version's answers, 0 to 1."""
        return self.failures[version] / max(1, self.answers[version])


@dataclass(slots=True)
class Leg:
    """One stretch in which one share was asked for.

    ``asked``: percent of requests for the revision on trial; ``before``: in the leg before.
    ``moving``: until the proxies had it; ``settled``: from then on.
    """

    revision: str
    name: str
    asked: int
    before: int
    because: str
    settled: Met = field(default_factory=Met)
    moving: Met = field(default_factory=Met)

    @property
    def served(self) -> Met:
        """What to show: the settled part, as soon as there is one."""
        return self.settled if self.settled.requests else self.moving

    @property
    def excess(self) -> float:
        """By how much more than asked was served, beyond chance; 0 for none.

        While the route is on its way the larger of the two shares is allowed.
        """
        parts = ((self.settled, self.asked), (self.moving, max(self.asked, self.before)))
        return max(_excess(met, self.revision, percent) for met, percent in parts)


def _excess(met: Met, revision: str, percent: int) -> float:
    total = met.answers.total()
    if not total:
        return 0.0
    asked = percent / 100
    tolerance = SIGMAS * sqrt(asked * (1 - asked) / total) + SLACK
    over = met.share(revision) - asked - tolerance
    # A single request that was under way is no share: with few requests the slack is three.
    return max(0.0, over) if met.share(revision) * total > asked * total + 3 else 0.0


@dataclass(slots=True)
class TrialJournal:
    """The legs of one revision's journey, the last one under way."""

    revision: str
    stable: str
    legs: list[Leg] = field(default_factory=list)
    _is_settled: bool = False

    def see(self, status: RolloutStatus) -> bool:
        """The status as it is now; answers whether a leg begins."""
        asked, name = share_asked(status, self.revision), _name(status)
        last = self.legs[-1] if self.legs else None
        begins = last is None or (last.asked, last.name) != (asked, name)
        if begins:
            before = last.asked if last else 0
            self.legs.append(Leg(self.revision, name, asked, before, status.because))
        self._is_settled = status.stage.confirmed_at is not None
        return begins

    def add(self, tally: Answers) -> None:
        """What came back since the last time belongs to the leg under way."""
        if self.legs:
            leg = self.legs[-1]
            (leg.settled if self._is_settled else leg.moving).add(tally)

    @property
    def excess(self) -> float:
        """The worst of all legs."""
        return max((leg.excess for leg in self.legs), default=0.0)

    def lines(self) -> Iterator[tuple[str, str]]:
        """Two lines a leg: figures, and the sentence with which it began."""
        yield from (line(leg, self.stable) for leg in self.legs)


def line(leg: Leg, stable: str) -> tuple[str, str]:
    """One leg's figures in under 80 columns, and why it began."""
    met = leg.served
    errors = "  ".join(
        f"{version} {met.error_ratio(version):6.2%}" for version in (stable, leg.revision)
    )
    served = f"{met.share(leg.revision):5.1%} of {met.answers.total():<5}"
    figures = f"{leg.revision}  {leg.name:<9} asked {leg.asked:3}%  served {served} errors {errors}"
    return figures, leg.because


def share_asked(status: RolloutStatus, revision: str) -> int:
    """The percentage of ordinary requests that ``revision`` should get now."""
    if status.stable is not None and status.stable.name == revision:
        return 100
    if status.attempt.canary is not None and status.attempt.canary.name == revision:
        return status.stage.split.canary
    return 0


def total(journals: Iterable[TrialJournal]) -> Met:
    """Everything that all journeys met."""
    whole = Met()
    for journal in journals:
        for leg in journal.legs:
            for met in (leg.settled, leg.moving):
                whole.answers += met.answers
                whole.failures += met.failures
                whole.requests += met.requests
    return whole


_NAMES = {
    Stage.IDLE: "rest",
    Stage.PREPARING: "prepare",
    Stage.SWITCHING: "everyone",
    Stage.BAKING: "everyone",
    Stage.REPOINTING: "everyone",
    Stage.RETURNING: "everyone",
    Stage.RETIRING: "everyone",
    Stage.WITHDRAWING: "way back",
    Stage.CLEANING: "way back",
}


def _name(status: RolloutStatus) -> str:
    """What this stretch is called, in at most nine letters."""
    if status.stage.name is Stage.STEPPING and status.attempt.step is not None:
        return status.attempt.step.name[:9]
    return _NAMES[status.stage.name]
