"""What a play comes to, in lines that people read: when what was decided, written and told.

It is at the level of leaves, splits and words: an object's own version, a mark of ours or an
instant in a status makes no line. What is decided, and in which order, is compared to the letter;
when it is, and how often is looked, only about (``same``).
"""

import logging
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from prometheus_client.core import Metric

from rollout.controller.leader import SHARDS, WISHED
from tests.controller.shop import NAMESPACE
from tests.make import START
from tests.sim import objects, scenes, story
from tests.sim.plan import Plan
from tests.sim.server import Commit
from tests.sim.story import Result
from tests.sim.world import World

KEPT = Path(__file__).with_name("journals")
_OURS = "controller"
_UNTOLD = frozenset({
    "history", "verdicts", "checkpoint", "blueCheckpoint", "conditions",
    "commit", "observedCommit", "id", "epoch",
    "observedGeneration", "resourceVersion", "generation", "uid", "nonce", "managedFields",
    "templateHash", "subject", "shown", "before", "after", "made",
})  # fmt: skip
"""Leaves that are numbers of ours, of the API server or of git, or are told as lines of their own.
"""
_OF_LEASES = (SHARDS, WISHED)
_COUNTED = (
    "rollout_reconciles_total", "rollout_actions_total", "rollout_promotions_total",
    "rollout_rollbacks_total", "rollout_rollback_seconds_count", "rollout_verdicts_total",
)  # fmt: skip
"""What a controller counts of itself that a change of behaviour changes."""
_BESIDE = ("audit ", "Lease ", "plan: ")
"""How lines begin of what is written, or told, beside the looks: in an order of its own."""
_ABOUT = re.compile(
    r"^ *(\d+) |(?:(?<=success )|(?<=pass )|(?<=inconclusive )|(?<=error ))(\d+)"
    r"|^(\d+)(?= writes of )|(?<=info )(\d+)|(?<=warning )(\d+)|^get \w+ (\d+)(?= times)"
    r"|^asked for \w+ (\d+)(?= times)",
    re.MULTILINE,
)
"""Of a line: the second, looks and their verdicts, writes that no line tells, what is logged and
read again and again.
"""
_JUDGED = re.compile(r"^ *\d+ judged .*\n", re.MULTILINE)
_FIGURE = re.compile(r"\d+(?:\.\d+)?(?:e[+-]?\d+)?")
"""A line that tells what a verdict says, and the figures in it."""
SECONDS = 1.5
"""By which the same decision may come earlier or later: half a second is lost in whole ones."""
VAST = 1e7
"""What e-values are beyond, and no count of these plays is."""


@dataclass(eq=False)
class Journal:
    """Hears everything from the first moment of one world on; ``lines``: what it wrote down."""

    world: World
    lines: list[tuple[float, str]] = field(default_factory=list)
    quiet: Counter[str] = field(default_factory=Counter)
    judged: dict[str, str] = field(default_factory=dict)
    said: Counter[tuple[str, str]] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.world.server.listen.append(self._committed)
        if self.world.switching is not None:
            for side, server in self.world.switching.others().items():
                server.listen.append(partial(self._abroad, side))
        self.world.ears.append(_Said(self.said))

    def text(self) -> str:
        """All of it, in the order in which it happened; what has no time comes last."""
        start = START.timestamp()
        audited = [
            (one.at.timestamp() - start, f"audit {one.object} {one.act} {_who(one)}: {one.because}")
            for one in self.world.log.told
        ]
        told = self.world.upgrading.told if self.world.upgrading else []
        beside = (*audited, *self.world.doors.heard, *told)
        timed = sorted([*self.lines, *beside], key=lambda row: (_beside(row[1]), row[0]))
        return "".join(f"{line}\n" for line in (*(_at(*row) for row in timed), *self._last()))

    def _committed(self, commit: Commit) -> None:
        kind, meta = commit.change.bucket, commit.new["metadata"]
        if not commit.actor.startswith(_OURS):
            return
        named = meta.get("namespace") == NAMESPACE or kind == "Lease"
        what = f"{kind} {meta['name']}" if named else kind
        if kind == "Event":
            told = f"{commit.new['type']} {commit.new['reason']}: {commit.new['message']}"
            self._line(commit, f"event {told}")
        elif commit.gone:
            self._line(commit, f"{what} is gone")
        else:
            changes = [*_changes(_leaves(commit.old or {}), _leaves(commit.new))]
            if changes:
                self._line(commit, f"{what}: {'; '.join(changes)}")
                judged = any(one.judged or one.counts for _, one in self.world.subjects)
                if kind == "Rollout" and judged:
                    self._judged(commit)
            elif kind != "Lease":  # whose renewals are instants
                self.quiet[kind] += 1

    def _abroad(self, side: str, commit: Commit) -> None:
        """What was written in a cluster that is not the controller's own."""
        if commit.actor.startswith(_OURS):
            changes = _changes(_leaves(commit.old or {}), _leaves(commit.new))
            self._line(commit, f"in {side} {commit.change.bucket}: {'; '.join(changes)}")

    def _judged(self, commit: Commit) -> None:
        """What the verdicts say, where something else is decided or told than before."""
        for one in objects.status(commit.new).attempt.verdicts:
            sure = "certified" if one.certified else "dry" if one.dry_run else ""
            told = f"{one.standing} {sure} beyond {one.tolerated}; {one.text}"
            if told != self.judged.get(one.metric):
                self.judged[one.metric] = told
                self._line(commit, f"judged {one.metric} {told}")

    def _line(self, commit: Commit, text: str) -> None:
        self.lines.append((commit.at, text))

    def _last(self) -> Iterator[str]:
        """Slack as it reads in the end, and how often what was done."""
        for said in self.world.chat.said:
            yield f"Slack: {said.words.text}"
        for user, text in self.world.chat.whispers:
            yield f"Slack, to {user} alone: {text}"
        for kind, count in sorted(self.quiet.items()):
            yield f"{count} writes of {kind} that none of these lines tells"
        yield from _read(self.world.read)
        yield from _asked(self.world)
        yield from self._logged()

    def _logged(self) -> Iterator[str]:
        """How often what was logged; decisions, which other lines tell, by their level alone."""
        told, levels = "\n".join(line for _, line in self.lines), Counter[str]()
        for (level, text), times in sorted(self.said.items()):
            if level == "with":
                continue
            if text in told:
                levels[level] += times
            else:
                yield f"logged {level} {times}: {text}"
        fields = " ".join(sorted(text for level, text in self.said if level == "with"))
        counts = ", ".join(f"{level} {n}" for level, n in sorted(levels.items()))
        yield f"logged: {counts}, with {fields}"
        for number, process in sorted(self.world.processes.items()):
            if process.made is not None:
                registry = process.made.metrics.registry.restricted_registry(_COUNTED)
                every = (line for metric in registry.collect() for line in _counted(metric))
                yield f"replica {number}: {', '.join(sorted(every))}"


class _Said(logging.Handler):
    """Counts lines of the log by their level and words, and what fields there are beside these."""

    def __init__(self, said: Counter[tuple[str, str]]) -> None:
        super().__init__(logging.INFO)
        self._said = said

    def emit(self, record: logging.LogRecord) -> None:
        self._said[record.levelname.lower(), record.getMessage()] += 1
        fields = getattr(record, "fields", {})
        self._said.update(("with", name) for name, value in fields.items() if value is not None)


def _read(read: Mapping[str, int]) -> Iterator[str]:
    """How many kinds were listed so many times, and of which kinds single objects were read."""
    lists = Counter(times for what, times in read.items() if what.startswith("list "))
    for times, kinds in sorted(lists.items()):
        yield f"{kinds} kinds were listed {times} times"
    for what, times in sorted(read.items()):
        if what.startswith("get "):
            yield f"{what} {times} times"


def _asked(world: World) -> Iterator[str]:
    """How often those were asked who are no part of Kubernetes, and for what."""
    others = {"proxies": world.istiod.asks, "groups": world.chat.asks, "gates": world.gates.asks}
    asks = {**world.numbers.asks, **others}
    for what, times in sorted(asks.items()):
        if times:
            yield f"asked for {what} {times} times"


def _counted(metric: Metric) -> Iterator[str]:
    for sample in metric.samples:
        yield f"{' '.join(sample.labels.values()) or sample.name} {sample.value:g}"


def _at(seconds: float, line: str) -> str:
    return f"{seconds:4.0f} {line}"


def _beside(line: str) -> int:
    return next((place for place, one in enumerate(_BESIDE, 1) if line.startswith(one)), 0)


def _who(one: Any) -> str:
    return " ".join(text for text in (str(one.proof), one.who, one.request) if text)


def _leaves(value: object, path: str = "") -> dict[str, str]:
    """Every leaf below ``value`` that is told, by its path."""
    if isinstance(value, dict):
        pairs = [(f"{path}.{key}".lstrip("."), each) for key, each in value.items()
                 if key not in _UNTOLD]  # fmt: skip
    elif isinstance(value, list) and not (value and isinstance(value[0], str)):
        pairs = [(f"{path}[{index}]", each) for index, each in enumerate(value)]
    else:
        text = " | ".join(value) if isinstance(value, list) else str(value)
        ours = "rollout.dev/" in path and not path.endswith(_OF_LEASES)
        return {} if _is_instant(value) or ours else {path: text}
    return {place: text for at, each in pairs for place, text in _leaves(each, at).items()}


def _is_instant(value: object) -> bool:
    return isinstance(value, str) and value[:1].isdigit() and value.endswith("Z")


def _changes(old: dict[str, str], new: dict[str, str]) -> Iterator[str]:
    """What is another leaf now, and what is none any more."""
    for path in sorted({*old, *new}):
        if old.get(path) != new.get(path):
            yield f"{path.removeprefix('status.')} {new.get(path, '-')}"


def of(plan: Plan) -> tuple[str, Result]:
    """The journal of a play of ``plan``, and what else became of it."""
    made: list[Journal] = []
    result = story.play(plan, beside=lambda world: made.append(Journal(world)))
    return made[0].text(), result


def same(one: str, other: str) -> bool:
    """Whether two journals tell the same, about as fast and with about as many looks."""
    judged = [_JUDGED.findall(each) for each in (one, other)]
    if len(judged[0]) != len(judged[1]) or not all(map(_alike, *judged)):
        return False
    one, other = (_JUDGED.sub("", each) for each in (one, other))
    if _ABOUT.sub("", one) != _ABOUT.sub("", other):
        return False
    pairs = zip(_ABOUT.finditer(one), _ABOUT.finditer(other), strict=True)
    return all(_about(*pair) for pair in pairs)


def _about(one: re.Match[str], other: re.Match[str]) -> bool:
    """Of two seconds whether they are near, of two counts whether neither is far more."""
    few, many = sorted(int(next(filter(None, found.groups()))) for found in (one, other))
    return many - few <= (SECONDS if one[1] else few / 4 + 2)


def _alike(one: str, other: str) -> bool:
    """Whether two verdicts say the same at about the same second, with figures that are near."""
    if _FIGURE.sub("", one) != _FIGURE.sub("", other):
        return False
    both = (map(float, _FIGURE.findall(each)) for each in (one, other))
    (second, *mine), (later, *theirs) = both
    return abs(later - second) <= SECONDS and all(map(_near, mine, theirs))


def _near(one: float, other: float) -> bool:
    """Whether a figure is within a tenth; of very large ones their size."""
    least, most = sorted((one, other))
    if least > VAST:
        least, most = math.log(least), math.log(most)
    return most - least <= max(0.1 * most, 0.02)


def kept(name: str) -> str:
    """The journal of a scene as the repository has it; empty: none."""
    path = KEPT / f"{name}.txt"
    return path.read_text() if path.exists() else ""


def files() -> dict[str, str]:
    """The journal of every scene, by path in the repository; one that tells the same stays."""
    made = ((name, of(plan)[0], kept(name)) for name, plan in scenes.plans())
    return {
        f"tests/sim/journals/{name}.txt": before if same(before, text) else text
        for name, text, before in made
    }
