"""Verdicts in words and numbers: the sentences of the status, of events and of ``explain``."""

import math
from collections.abc import Sequence
from datetime import timedelta

from rollout.analysis.evidence import Line, Pair
from rollout.analysis.forecast import Outlook
from rollout.analysis.history import Temper
from rollout.analysis.sequential import Outcome, Trail, widened
from rollout.analysis.standing import can_tell
from rollout.model.units import percent as as_percent
from rollout.model.units import words


def share(bad: float, every: float) -> str:
    """``0.87% (41/4686)``."""
    return f"{_figures(bad / every * 100 if every else 0)}% ({bad}/{every})"


def share_of(value: float) -> str:
    """``0.87%``."""
    return f"{_figures(value * 100)}%"


def _figures(percent: float) -> str:
    """Three figures; more where three would make less than everything read as everything."""
    for figures in range(3, 17):
        text = f"{percent:.{figures}g}"
        if percent >= 100 or not float(text) >= 100:
            break
    return text


def sides(pair: Pair, line: Line) -> str:
    """Both sides' counts; an absolute limit looks at the canary alone."""
    canary = f"canary {share(pair.canary_bad, pair.canary_all)}"
    if line.ratio == 0:
        return f"{canary} of at most {as_percent(round(line.absolute, 9))}"
    return f"{canary} vs stable {share(pair.stable_bad, pair.stable_all)}"


def evidence(log_e: float) -> str:
    """``e=284``; never a probability."""
    if math.isnan(log_e):
        return "e is not known"
    if log_e == math.inf:
        return "e beyond any number"
    return f"e={math.exp(log_e):.3g}" if log_e < 14 else f"e=1e{log_e / math.log(10):.0f}"


def tolerance(line: Line) -> str:
    """``1.1x stable + 0.1pp``, or the limit itself."""
    if line.ratio == 0:
        return f"{as_percent(round(line.absolute, 9))} at most"
    return f"not worse than {line.ratio:.3g}x stable + {line.absolute * 100:.3g}pp"


def e_value(log_e: float) -> float:
    """The e-value in four figures; no larger than a JSON number can be."""
    return float(f"{math.exp(min(log_e, 600.0)):.4g}")


def verdict(outcome: Outcome, trail: Trail, bar: float, temper: Temper) -> str:
    """The whole sentence of one outcome.

    ``bar``: the e-value at which this outcome alone sends the canary back.
    """
    line = widened(outcome.line, temper)
    text = (
        f"{outcome.name}: {sides(trail.counted, line)}; {evidence(trail.log_e)} "
        f"against '{tolerance(line)}' (bar {bar:.3g})"
    )
    notes = [] if temper.known else ["no history of stable"]
    if line != outcome.line:
        notes.append(f"widened: pods may differ by {temper.spread * 100:.0f}%")
    if temper.dispersion > 1.05:
        notes.append(f"dispersion {temper.dispersion:.2g}")
    if not can_tell(outcome, trail, temper):
        notes.append("nearly all are on both sides: it cannot show a worse canary")
    if trail.log_e < math.log(bar) <= trail.log_free:
        notes.append("enough if it goes on: 30s of it could be an incident")
    if temper.lasting:
        notes.append(f"incidents of stable's pods last {temper.lasting + 1}m")
    return "; ".join([text, *notes])


def certificate(harm: float, percent: int, risk: float) -> str:
    """What a certificate says, and how often it is wrong."""
    cap = harm * 100 / percent * 100
    return f"certified below +{cap:.3g}pp (risk {as_percent(round(risk, 9))})"


QUIET = "no traffic on the preview: send some, or `rollout skip`"


def needed(requests: float, per_second: float) -> str:
    """``~900 more canary requests, about 6m``."""
    if not math.isfinite(requests) or requests > 1e9:
        return ""
    count = f"~{float(f'{max(1.0, requests):.2g}'):,.0f} more canary requests"
    if not per_second > 0:
        return f"{count}, none are coming"
    seconds = max(1.0, requests / per_second)
    if seconds > YEAR:
        return f"{count}, more than a year of them at this rate"
    unit = next(unit for least, unit in _UNITS if seconds >= least)
    return f"{count}, about {words(timedelta(seconds=math.ceil(seconds / unit) * unit))}"


YEAR = 365 * 86400.0  # seconds
_UNITS = ((2 * 86400, 86400), (2 * 3600, 3600), (90, 60), (0, 1))
"""From how many seconds on a time is told in whole days, hours, minutes, seconds."""


def foreseen(seen: Sequence[tuple[Outcome, Outlook, float]], box: timedelta) -> str:
    """What a step will see, what it would send back, and how it ends.

    ``seen``: an outcome of each metric, its outlook, and stable's share of bad requests.
    """
    if not seen:
        return ""
    requests = min(outlook.requests for _, outlook, _ in seen)
    parts = [f"about {float(f'{requests:.2g}'):,.0f} canary requests in {words(box)}"]
    for outcome, outlook, share in seen:
        parts.append(f"{outcome.name}: {_visible(outlook)} (stable {share_of(share)})")
    times = [outlook.certifies for _, outlook, _ in seen]
    known = [time for time in times if time is not None]
    if len(known) == len(times):
        parts.append(
            f"certified after {words(timedelta(seconds=math.ceil(max(known).total_seconds())))}"
        )
    else:
        parts.append("too little traffic to certify: it goes by its time box")
    return "; ".join(parts)


def _visible(outlook: Outlook) -> str:
    """What is sent back by the end of a step, and what cannot be seen by then."""
    if outlook.visible is None:
        return "cannot see even an outage"
    return f"sends back {share_of(outlook.visible)} or more, cannot see less"
