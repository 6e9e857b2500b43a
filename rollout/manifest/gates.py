"""Rules of what every journey has: times, approvals, and findings that a person lets pass."""

from collections.abc import Iterator, Mapping
from typing import Any

from rollout import lenient
from rollout.manifest import metrics, plain
from rollout.manifest.scan import Mistake, Path, show
from rollout.model.spec import BY_KUBERNETES
from rollout.model.units import words


def approval(value: object, path: Path, everywhere: bool) -> Iterator[Mistake]:
    """What no answer can meet: only Slack proves to us who somebody is.

    ``everywhere``: the object names a channel for all that has none of its own.
    """
    values = lenient.mapping(value)
    quorum, people = values.get("quorum", 1), lenient.items(values.get("approvers"))
    if values.get("slack") or everywhere:
        return
    if isinstance(quorum, int) and quorum > 1:
        found = f"is {quorum}, but answers without a name count as one"
        yield Mistake((*path, "quorum"), found, _CHANNEL)
    if people and BY_KUBERNETES not in people:
        found = "names nobody whose answer could be proved"
        yield Mistake((*path, "approvers"), found, f"{_CHANNEL}, or {BY_KUBERNETES}")
    if values.get("notAuthor") is True:
        found = "is true, but answers without a name do not count then"
        yield Mistake((*path, "notAuthor"), found, _CHANNEL)


_CHANNEL = "slack: '#channel' beside it is wanted, or notify.slack"


def gate(step: Mapping[str, Any], path: Path, least: str = "1m") -> Iterator[Mistake]:
    """The times and the metrics of one stop; ``least``: its bake where none is written."""
    bake, box = plain.time(step.get("bake", least)), plain.time(step.get("timeBox"))
    if bake is not None and box is not None and box < bake:
        found = f"is {words(box)}, shorter than the bake ({words(bake)})"
        yield Mistake((*path, "timeBox"), found, "at least the bake is wanted")
    yield from metrics.of(step.get("analysis"), (*path, "analysis"))


def overruled(value: object, unavoidable: Mapping[str, str]) -> Iterator[Mistake]:
    """What cannot be let pass, and what is let pass twice."""
    seen: set[str] = set()
    for index, entry in enumerate(map(lenient.mapping, lenient.items(value))):
        rule, here = entry.get("rule"), ("preflight", "overrule", index, "rule")
        if not isinstance(rule, str):
            continue
        if rule in unavoidable:
            yield Mistake(here, f"is {rule}, which nobody can overrule", unavoidable[rule])
        elif rule in seen:
            yield Mistake(here, f"is {show(rule)} again", "each rule once is wanted")
        seen.add(rule)
