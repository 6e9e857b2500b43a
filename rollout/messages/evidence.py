"""What was counted, in the field's words: one line a metric, without the test's own figures.

The whole sentence with its evidence stays in the verdict's ``text``, for ``-o json`` and ``-v``.
"""

from collections.abc import Iterable, Mapping, Sequence

from rollout.model.status import Attempt, Standing, Verdict

ROLES = ("canary", "stable")
SAID: Mapping[Standing, str] = {
    Standing.FAILED: "worse than stable",
    Standing.CERTIFIED: "certified",
    Standing.CLEAN: "ok so far",
    Standing.SUSPICIOUS: "maybe worse",
    Standing.TOO_FEW: "too little traffic",
    Standing.NO_DATA: "no data",
    Standing.ERROR: "not readable",
    Standing.NOTHING: "not compared",
}
"""Each standing as every screen says it; docs/analysis.md has a row for each."""


_UNKNOWN = (Standing.NO_DATA, Standing.ERROR)
"""What has a sentence of its own that says why, whatever evidence there was before."""


def lines(attempt: Attempt) -> list[str]:
    """The verdicts of ``attempt``, aligned; those of the step before say so.

    Counts are of the whole attempt: evidence is kept from step to step.
    """
    return aligned(attempt.verdicts, attempt.step.index if attempt.step else None)


def aligned(
    verdicts: Sequence[Verdict], at: int | None = None, sides: tuple[str, str] = ROLES
) -> list[str]:
    """The verdicts, aligned; those of another step than ``at`` say so, where that is known.

    ``sides``: the one that is judged, and the one that it is compared with.
    """
    rows = [_row(verdict, sides) for verdict in verdicts]
    counted = [row for row in rows if len(row) > 2]
    widths = [max(map(len, column)) for column in zip(*counted, strict=True)]
    return [
        _aligned(row, widths) + _notes(verdict, at)
        for verdict, row in zip(verdicts, rows, strict=True)
    ]


def said(verdict: Verdict) -> str:
    """What ``verdict`` comes to, in a word or two."""
    if verdict.standing is not None:
        return SAID[verdict.standing]
    return verdict.outcome.value


def label(verdict: Verdict) -> str:
    """``over 250ms`` for the share of requests slower than that: it is no latency."""
    _, slow, bound = (verdict.counted.outcome if verdict.counted else "").partition(">")
    return f"over {bound}" if slow else verdict.metric


def requests(verdicts: Iterable[Verdict]) -> float:
    """How many canary requests were counted since the attempt began; 0 where none were."""
    return max((v.counted.canary_all for v in verdicts if v.counted), default=0.0)


def number(count: float) -> str:
    """``4686`` in full, ``123k`` and ``1.2M`` where more figures tell nothing more."""
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if count >= 100 * size or (count >= size and unit == "M"):
            return f"{float(f'{count / size:.3g}'):g}{unit}"
    return f"{count:.0f}"


def words(verdict: Verdict) -> str:
    """What ``verdict`` says in one line, without columns."""
    return " ".join(filter(None, _row(verdict, ROLES))) + _notes(verdict, None)


def _row(verdict: Verdict, sides: tuple[str, str]) -> tuple[str, ...]:
    counted, (judged, other) = verdict.counted, sides
    compared = verdict.evidence is not None and verdict.standing not in _UNKNOWN
    if counted is None and compared:
        return (said(verdict), f"{verdict.metric}: no requests counted yet")
    if counted is None:
        return (said(verdict), verdict.text)
    shares = (
        f"{judged} {_share(counted.canary_bad, counted.canary_all)}",
        f"{other} {_share(counted.stable_bad, counted.stable_all)}" if counted.stable_all else "",
    )
    return (said(verdict), label(verdict), *shares)


def _share(bad: float, every: float) -> str:
    percent = 100 * bad / every if every else 0.0
    places = 2 if 0 < percent < 9.995 or not percent else 1
    shown = f"{percent:.{places}f}"
    if bad and not float(shown):
        shown = "<0.01"
    return f"{shown}% ({number(bad)}/{number(every)})"


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    if len(row) != len(widths):
        return "  ".join(row)
    cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
    return "  ".join(cells).rstrip()


def _notes(verdict: Verdict, at: int | None) -> str:
    notes = []
    if verdict.dry_run:
        notes.append("dry run")
    if at is not None and verdict.step is not None and verdict.step != at:
        notes.append(f"as of step {verdict.step + 1}")
    return f"  ({', '.join(notes)})" if notes else ""
