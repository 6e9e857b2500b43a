"""Conditions on one number, as Argo's expressions have them, as limits of ours."""

import re
from dataclasses import dataclass, replace

_NUMBER = r"(-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)"
_TERM = re.compile(rf"(?:result|result\[0\]|asFloat\(result(?:\[0\])?\))\s*(<=|>=|<|>)\s*{_NUMBER}")
_HARMLESS = re.compile(r"(?:len\(result\)\s*==\s*0|isNaN\(result(?:\[0\])?\)|result\s*==\s*nil)")


@dataclass(frozen=True, slots=True)
class Limits:
    """The least and the most that is fine.

    ``loose``: a strict bound became one that is met.
    ``silent``: it says what no data means, which is left out.
    """

    min: float | None = None
    max: float | None = None
    loose: bool = False
    silent: bool = False


def success(text: str) -> Limits | None:
    """What ``successCondition`` asks for; None where it is more than limits of one number.

    ``|| isNaN(result)`` says that no data is fine, ``&& !isNaN(result)`` that it is a failure; both
    are left out, since here it holds.
    """
    terms = [term.strip() for term in re.split(r"\|\|", text)]
    kept = [term for term in terms if not _HARMLESS.fullmatch(_bare(term))]
    if len(kept) != 1:
        return None
    limits = Limits(silent=len(terms) > 1)
    for part in kept[0].split("&&"):
        match = _TERM.fullmatch(_bare(part))
        if match is None:
            if not _HARMLESS.fullmatch(_bare(part).removeprefix("!")):
                return None
            limits = replace(limits, silent=True)
        else:
            limits = _with(limits, match[1], float(match[2]))
    return limits if (limits.min, limits.max) != (None, None) else None


def failure(text: str) -> Limits | None:
    """What ``failureCondition`` leaves as fine: the other side of its one comparison."""
    match = _TERM.fullmatch(_bare(text))
    if match is None:
        return None
    turned = {">": "<=", ">=": "<", "<": ">=", "<=": ">"}[match[1]]
    return _with(Limits(), turned, float(match[2]))


def _bare(text: str) -> str:
    """Without blanks and brackets around the whole."""
    text = text.strip()
    while text.startswith("(") and text.endswith(")"):
        text = text[1:-1].strip()
    return text


def _with(limits: Limits, sign: str, bound: float) -> Limits:
    loose = limits.loose or sign in ("<", ">")
    if sign in ("<", "<="):
        return replace(limits, max=bound, loose=loose)
    return replace(limits, min=bound, loose=loose)
