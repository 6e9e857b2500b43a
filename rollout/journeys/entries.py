"""What every kind's history and judgement say alike, whatever else they remember."""

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from rollout.messages import evidence
from rollout.model.journey import Decided, Reached
from rollout.model.status import Verdict


class Past(Protocol):
    """A decision of the past, as the ``Entry`` of any kind has it."""

    @property
    def id(self) -> str: ...
    @property
    def at(self) -> datetime: ...
    @property
    def because(self) -> str: ...
    @property
    def evidence(self) -> str: ...
    @property
    def commit(self) -> str: ...
    @property
    def by(self) -> str: ...
    @property
    def request(self) -> str: ...
    @property
    def claimed(self) -> str: ...
    @property
    def reason(self) -> str: ...


def decided(
    entry: Past,
    stage: str,
    reached: Reached | None,
    *,
    split: str = "",
    revision: str = "",
    image: str = "",
) -> Decided:
    """``entry`` as people's doors see it; the other arguments are what each kind has of its own."""
    return Decided(
        id=entry.id,
        at=entry.at,
        stage=stage,
        split=split,
        because=entry.because,
        reached=reached,
        revision=revision,
        evidence=entry.evidence,
        commit=entry.commit,
        by=entry.by,
        request=entry.request,
        claimed=entry.claimed,
        reason=entry.reason,
        image=image,
    )


def remarks(warnings: Iterable[str], verdicts: Iterable[Verdict]) -> tuple[str, ...]:
    """What the rules and the gates say of the attempt, a line each."""
    judged = map(evidence.words, verdicts)
    return (*(f"warning: {text}" for text in warnings), *judged)
