"""When a step ends: the one rule of the controller's gate, of ``ramp``, backtests and benchmarks.

Pure: a standing and the time waited go in, what to do and why comes out.  Who counts, who asks
people and what is said stands elsewhere.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Literal

from rollout.model.spec import TIME_BOX, Ending
from rollout.model.status import Standing


class Do(StrEnum):
    """What a step does now."""

    WAIT = "wait"
    OPEN = "open"
    ASK = "ask"  # a person decides; the canary keeps its share and is judged on
    BACK = "back"


class Why(StrEnum):
    """For which reason; closed, so that nobody has to read the sentence made of it."""

    FAILED = "failed"
    BLIND = "blind"  # nothing is known, or not enough
    BAKING = "baking"
    CERTIFIED = "certified"
    UNJUDGED = "unjudged"  # there is nothing to judge by, or nobody to compare with
    GATHERING = "gathering"  # evidence is waited for
    SUSPICIOUS = "suspicious"
    TOO_FEW = "too few"
    UNCERTIFIED = "uncertified"  # the time box is over, nothing looks wrong


@dataclass(frozen=True, slots=True)
class Terms:
    """What a step was given.

    ``bake``: the least time; ``time_box``: until when evidence is waited for.
    ``longest``: until when it is where a certificate is in sight by then; 0: no longer.
    ``patience``: how long it may be where something speaks against the canary; no shorter than the
    time box.  More evidence tells more than a person can.
    ``blind``: how long nothing may be known before a person is asked, or hardly anything counted.
    ``comparing``: False once everyone is on the canary: nothing is left to certify.
    ``on_inconclusive``: the time box is over, nothing looks wrong; at every step alike.
    """

    bake: timedelta = timedelta(minutes=1)
    time_box: timedelta = TIME_BOX
    longest: timedelta = timedelta(0)
    patience: timedelta = TIME_BOX
    blind: timedelta = timedelta(minutes=30)
    comparing: bool = True
    on_inconclusive: Ending = Ending.PROMOTE
    on_suspicious: Literal["hold", "rollback"] = "hold"


@dataclass(frozen=True, slots=True)
class Ruling:
    """The rule's answer; ``left``: when time alone could change it."""

    do: Do
    why: Why
    left: timedelta | None = None


BLIND = frozenset({Standing.NO_DATA, Standing.ERROR})


def ruling(
    standing: Standing, waited: timedelta, terms: Terms, certain_in: timedelta | None = None
) -> Ruling:
    """What a step does that has ``waited`` since its route was confirmed.

    ``certain_in``: the forecast of when a canary like stable is certified; None: not in sight.
    The order is the precedence: proof beats everything, what is not known opens nothing.
    """
    if standing is Standing.FAILED:
        return Ruling(Do.BACK, Why.FAILED)
    if standing in BLIND:
        return _until(terms.blind, waited, Why.BLIND) or Ruling(Do.ASK, Why.BLIND)
    if baking := _until(terms.bake, waited, Why.BAKING):
        return baking
    if standing is Standing.CERTIFIED:
        return Ruling(Do.OPEN, Why.CERTIFIED)
    if standing is Standing.NOTHING or not (terms.comparing or standing is Standing.SUSPICIOUS):
        return Ruling(Do.OPEN, Why.UNJUDGED)
    box = max(terms.time_box, _patience(standing, terms))
    in_sight = certain_in is not None and waited + certain_in <= terms.longest
    if standing is Standing.CLEAN and in_sight:
        box = max(box, terms.longest)
    return _until(box, waited, Why.GATHERING) or _ended(standing, terms)


def _patience(standing: Standing, terms: Terms) -> timedelta:
    """How much longer than its box a step waits; who can learn nothing waits as if blind."""
    if standing is Standing.SUSPICIOUS:
        return terms.patience
    return min(terms.patience, terms.blind) if standing is Standing.TOO_FEW else timedelta(0)


def _until(end: timedelta, waited: timedelta, why: Why) -> Ruling | None:
    return Ruling(Do.WAIT, why, end - waited) if waited < end else None


def _ended(standing: Standing, terms: Terms) -> Ruling:
    """The time is over without a certain answer, and the policies decide.

    Nothing passes on what is not known, with one exception: where nothing looks wrong and too
    little traffic came to certify it, ``on_inconclusive`` may let it pass, and it is said.
    """
    if standing is Standing.SUSPICIOUS:
        return Ruling(Do.BACK if terms.on_suspicious == "rollback" else Do.ASK, Why.SUSPICIOUS)
    if standing is Standing.TOO_FEW:
        return Ruling(Do.ASK, Why.TOO_FEW)
    return Ruling(_ENDINGS[terms.on_inconclusive], Why.UNCERTIFIED)


_ENDINGS = {Ending.PROMOTE: Do.OPEN, Ending.HOLD: Do.ASK, Ending.ROLLBACK: Do.BACK}
