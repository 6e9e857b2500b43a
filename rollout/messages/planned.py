"""A journey beforehand, as nouns and as lines for a terminal; nothing is decided here."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from rollout import yamltext
from rollout.messages import terminal
from rollout.messages.change import PlannedChange
from rollout.model.spec import GROUP, Rollout, Step
from rollout.model.units import words

Json = Mapping[str, Any]
INDENT = " " * 15  # the width of a headline's time and weight
UNBROKEN = 1_000_000  # columns: a value is one line of a diff, however long


@dataclass(frozen=True, slots=True)
class Moment:
    """Changes that happen together. ``at``: the soonest, from the push on.

    ``step``: the spec of the step that begins here, if one does; ``weight``: the canary's share.
    ``forecast``: what its gate will see at present traffic, in words; empty: unknown.
    """

    at: timedelta
    because: str
    weight: int
    changes: tuple[PlannedChange, ...] = ()
    step: Step | None = None
    forecast: str = ""


@dataclass(frozen=True, slots=True)
class Planned:
    """A whole journey of ``canary``; ``ends``: the last sentence, ``complete``: it got through.

    ``stable`` and ``canary`` are names; ``titles``: what people know the two by, where they differ.
    ``notes``: what a person should know beforehand, one sentence each.
    ``ignore``: object to the rule that makes its GitOps tool leave our leaves alone.
    """

    rollout: Rollout
    strategy: str
    stable: str
    canary: str
    moments: tuple[Moment, ...]
    ends: str
    complete: bool
    notes: tuple[str, ...] = ()
    ignore: Mapping[str, str] | None = None
    titles: tuple[str, str] = ("", "")

    @property
    def sides(self) -> tuple[str, str]:
        """From what to what, in people's words."""
        stable, canary = self.titles
        wanted = canary or self.canary or self.rollout.spec.revision or "the template"
        return stable or self.stable or terminal.NONE_YET, wanted


class Tone(StrEnum):
    """What a line is, so that a screen may colour it."""

    PLAIN = "plain"
    HEAD = "head"
    ADDED = "added"
    REMOVED = "removed"
    FAINT = "faint"
    WARNING = "warning"


Line = tuple[str, Tone]


def lines(planned: Planned, *, diffs: bool = True) -> Iterator[Line]:
    """The plan for a terminal, one line at a time."""
    yield f"{planned.rollout.key}: {' -> '.join(planned.sides)}, {planned.strategy}", Tone.HEAD
    if planned.complete:
        yield (
            f"at the soonest {span(length(planned))} from push to rest; gates may hold",
            Tone.FAINT,
        )
    for note in planned.notes:
        yield f"! {note}", Tone.WARNING
    for moment in planned.moments:
        if diffs:
            yield "", Tone.PLAIN
        yield headline(moment), Tone.HEAD
        if moment.step is not None:
            yield f"{INDENT}{gate(moment.step)}", Tone.FAINT
        if moment.forecast:
            yield f"{INDENT}{moment.forecast}", Tone.FAINT
        for change in moment.changes if diffs else ():
            yield from _change(change)
    yield "", Tone.PLAIN
    yield f"{planned.ends}", Tone.HEAD if planned.complete else Tone.WARNING
    for name, rule in (planned.ignore or {}).items():
        yield "", Tone.PLAIN
        yield f"{name}: so that its GitOps tool leaves our weights alone", Tone.WARNING
        yield from ((f"  {line}", Tone.PLAIN) for line in rule.splitlines())


def length(planned: Planned) -> timedelta:
    """From the push to the last change."""
    return planned.moments[-1].at if planned.moments else timedelta(0)


def headline(moment: Moment) -> str:
    """``   1m  20%  step 2``, and why."""
    return f"{span(moment.at):>7}  {moment.weight:3}%  {moment.because}"


def span(time: timedelta) -> str:
    """``time`` in its two largest units: ``1h 15m``, ``6m 2s``, ``0s``."""
    left, said = int(time.total_seconds()), []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        if left >= size:
            said.append(f"{left // size}{unit}")
            left %= size
    return " ".join(said[:2]) or "0s"


def gate(step: Step) -> str:
    """What holds the step, in words."""
    waits = [f"{' or '.join(map(str, step.cohorts))} to the canary"] if step.cohorts else []
    waits += [f"a copy of {100 * step.mirror:g}%"] if step.mirror else []
    waits += [f"bakes {words(step.bake)}"]
    waits += [f"waits at most {words(step.time_box)}"] if step.time_box else []
    if step.approval is not None:
        who = ", ".join(step.approval.approvers) or "anybody"
        waits.append(f"then {step.approval.quorum} of {who} must approve")
    waits += [f"then webhook {step.webhook.name} must open"] if step.webhook else []
    return ", ".join(waits)


def diff(change: PlannedChange) -> Iterator[str]:
    """The object's YAML as a unified diff, two lines of context, without what no person wrote."""
    before, after = _yaml(change.before), _yaml(change.after)
    for line in difflib.unified_diff(before, after, n=2, lineterm=""):
        if not line.startswith(("---", "+++")):
            yield line


def _change(change: PlannedChange) -> Iterator[Line]:
    what = "made" if change.before is None else "removed" if change.after is None else "patched"
    yield f"{INDENT}{change.object} is {what}", Tone.PLAIN
    for line in diff(change):
        yield f"{INDENT}{line}", _TONES.get(line[:1], Tone.PLAIN)


_TONES = {"+": Tone.ADDED, "-": Tone.REMOVED, "@": Tone.FAINT}


def _yaml(obj: Json | None) -> list[str]:
    if obj is None:
        return []
    kept = {key: value for key, value in obj.items() if key not in ("status", "metadata")}
    annotations = dict(obj["metadata"].get("annotations") or {})
    for key in annotations:
        if key.startswith(f"{GROUP}/"):
            annotations[key] = "(what Rollout must remember)"
    if annotations:
        kept = {"metadata": {"annotations": annotations}} | kept
    return yamltext.document(kept, width=UNBROKEN).splitlines()


def plain(planned: Planned) -> dict[str, Any]:
    """The plan for machines: each moment with its exact JSON Patches."""
    return {
        "rollout": planned.rollout.key,
        "stable": planned.stable,
        "canary": planned.canary,
        "complete": planned.complete,
        "ends": planned.ends,
        "notes": list(planned.notes),
        "moments": [
            {
                "at": span(moment.at),
                "weight": moment.weight,
                "because": moment.because,
                **({"forecast": moment.forecast} if moment.forecast else {}),
                "changes": list(_plain(moment.changes)),
            }
            for moment in planned.moments
        ],
    }


def _plain(changes: Iterable[PlannedChange]) -> Iterator[dict[str, Any]]:
    for change in changes:
        said: dict[str, Any] = {"object": change.object, "patch": list(change.patch)}
        if change.before is None:
            said["made"] = change.after
        yield said | ({"removed": True} if change.after is None else {})
