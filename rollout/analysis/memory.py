"""What the judge remembers between looks, as values and as the JSON of a status' checkpoint.

Short on purpose: it stands in an object that etcd keeps.  Lists instead of names inside, times in
whole milliseconds since the epoch, counters by short keys.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from typing import Any

from rollout.analysis.counters import Figures, Tally
from rollout.analysis.evidence import NOT_STARTED, Pair
from rollout.analysis.grid import EPOCH
from rollout.analysis.history import Temper
from rollout.analysis.incidents import Course, Mark
from rollout.analysis.sequential import NO_PART, Part, Trail
from rollout.model.observation import View

VERSION = 4
MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Source:
    """One set of counters: the last of every pod, and what stable's last hour said.

    ``bounds``, ``auto``: latency bounds really counted, and those of them chosen from stable.
    ``tempers``: one per kind of bad; None: the hour has not been read yet.
    ``tries``: how often it was asked for in vain.
    ``rate``: canary requests per second, fading.
    ``newest``: when the newest sample so far was taken; None: not known.
    """

    tally: Tally = field(default_factory=Tally)
    newest: datetime | None = None
    view: View | None = None
    bounds: tuple[timedelta, ...] = ()
    auto: tuple[timedelta, ...] = ()
    tempers: tuple[Temper, ...] | None = None
    tries: int = 0
    rate: float = 0.0

    def counted(self, tally: Tally, newest: datetime | None, rate: float) -> "Source":
        """The same after one more instant."""
        known = (self.view, self.bounds, self.auto, self.tempers, self.tries)
        return Source(tally, newest, *known, rate)


NEW_SOURCE = Source()


@dataclass(frozen=True, slots=True)
class Strikes:
    """Readings of one metric against its limits; ``last``: the newest one, at ``at``."""

    at: datetime | None = None
    last: float | None = None
    beyond: bool = False
    consecutive: int = 0
    total: int = 0
    readings: int = 0

    def plus(self, at: datetime, value: float, beyond: bool) -> "Strikes":
        """One more reading."""
        return Strikes(
            at,
            value,
            beyond,
            self.consecutive + 1 if beyond else 0,
            self.total + beyond,
            self.readings + 1,
        )


@dataclass(frozen=True, slots=True)
class Memory:
    """Everything; an empty checkpoint is an attempt that has not been judged yet.

    ``view``: whose counters, once that is known; ``began``: when the first window did; ``since``:
    when the one did that was looked at last, ``before``: the one before it.
    ``anew``: from when on anything speaks at all, where a person has said so.
    """

    view: View | None = None
    began: datetime | None = None
    since: datetime | None = None
    before: datetime | None = None
    sources: Mapping[str, Source] = field(default_factory=dict)
    trails: Mapping[str, Trail] = field(default_factory=dict)
    strikes: Mapping[str, Strikes] = field(default_factory=dict)
    anew: datetime | None = None

    def source(self, key: str) -> Source:
        """The source of that key, new if there is none."""
        return self.sources.get(key) or NEW_SOURCE

    def with_source(self, key: str, source: Source) -> "Memory":
        """The same with one source replaced."""
        sources = {**self.sources, key: source}
        known = (self.view, self.began, self.since, self.before)
        return Memory(*known, sources, self.trails, self.strikes, self.anew)

    def with_evidence(
        self, trails: Mapping[str, Trail], strikes: Mapping[str, Strikes]
    ) -> "Memory":
        """The same with other evidence; every block makes one, so no ``replace``, which is slow."""
        known = (self.view, self.began, self.since, self.before)
        return Memory(*known, self.sources, trails, strikes, self.anew)


class Checkpoint(Mapping[str, Any]):
    """A memory as the JSON object that ``dump`` makes of it, once somebody reads it.

    Most looks write no status: until one does, nothing has to be spelled out nor parsed again.
    """

    def __init__(self, memory: Memory) -> None:
        self.memory = memory

    @cached_property
    def _json(self) -> dict[str, Any]:
        return dump(self.memory)

    def __getitem__(self, key: str) -> Any:
        return self._json[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._json)

    def __len__(self) -> int:
        return len(self._json)

    def __repr__(self) -> str:
        return repr(self._json)


def recall(checkpoint: Mapping[str, Any], now: datetime) -> Memory:
    """The memory, as far as it is of the past; one that is ahead of ``now`` is none at all.

    A wall clock was ahead then: what is read from now on would count as read already.
    """
    kept = load(checkpoint)
    marks = [kept.since, kept.anew, *(s.tally.at for s in kept.sources.values())]
    marks += [strikes.at for strikes in kept.strikes.values()]
    return Memory() if any(at is not None and at > now for at in marks) else kept


def anew(checkpoint: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
    """The checkpoint whose evidence begins at ``now``: what was counted before speaks no more.

    What the evidence is weighed by stays: whose counters, stable's last hour, the bounds.
    """
    kept = recall(checkpoint, now)
    return Checkpoint(replace(kept, anew=now, trails={}, strikes={}))


def load(checkpoint: Mapping[str, Any]) -> Memory:
    """The memory that ``dump`` wrote; anything else, from another version say, is none at all."""
    if isinstance(checkpoint, Checkpoint):
        return checkpoint.memory
    if checkpoint.get("v") != VERSION:
        return Memory()
    try:
        return Memory(
            view=View(checkpoint["view"]) if checkpoint["view"] else None,
            began=_time(checkpoint["began"]),
            since=_time(checkpoint["since"]),
            before=_time(checkpoint["before"]),
            sources={k: _source(v) for k, v in checkpoint["sources"].items()},
            trails={k: _trail(v) for k, v in checkpoint["trails"].items()},
            strikes={k: _strikes(v) for k, v in checkpoint["strikes"].items()},
            anew=_time(checkpoint.get("anew")),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        # Somebody edited the status: the evidence begins anew, which can only make us wait.
        return Memory()


def dump(memory: Memory) -> dict[str, Any]:
    """``memory`` in JSON's own types, without nulls, which some API servers prune."""
    return {
        "v": VERSION,
        "view": memory.view.value if memory.view else "",
        "began": _stamp(memory.began),
        "since": _stamp(memory.since),
        "before": _stamp(memory.before),
        "sources": {k: _source_json(v) for k, v in memory.sources.items()},
        "trails": {k: _trail_json(v) for k, v in memory.trails.items()},
        "strikes": {k: _strikes_json(v) for k, v in memory.strikes.items()},
    } | ({"anew": _stamp(memory.anew)} if memory.anew else {})


def _stamp(at: datetime | None) -> int:
    return round((at - EPOCH) / MILLISECOND) if at else 0


def _time(stamp: int | None) -> datetime | None:
    return EPOCH + stamp * MILLISECOND if stamp else None


def _lengths(bounds: tuple[timedelta, ...]) -> list[float]:
    return [bound / MILLISECOND for bound in bounds]


@lru_cache(1024)  # every look reads the same few, and a timedelta is slow to make
def _bounds(lengths: tuple[float, ...]) -> tuple[timedelta, ...]:
    return tuple(timedelta(milliseconds=length) for length in lengths)


def _source_json(source: Source) -> dict[str, Any]:
    tempers = source.tempers or ()
    return {
        "at": _stamp(source.tally.at),
        "newest": _stamp(source.newest),
        "view": source.view.value if source.view else "",
        "pods": {k: list(figures) for k, figures in source.tally.pods.items()},
        "gone": {k: [_stamp(at), *figures] for k, (at, figures) in source.tally.gone.items()},
        "bounds": _lengths(source.bounds),
        "auto": _lengths(source.auto),
        "hour": [_temper_json(temper) for temper in tempers],
        "read": int(source.tempers is not None),
        "tries": source.tries,
        "rate": source.rate,
    }


def _temper_json(temper: Temper) -> list[Any]:
    known = [temper.dispersion, temper.spread, temper.bad, temper.every, int(temper.known)]
    return [*known, temper.lasting, temper.outages] if temper.lasting else known


def _source(json: Mapping[str, Any]) -> Source:
    at = _time(json["at"])
    pods = {k: tuple(figures) for k, figures in json["pods"].items()}
    gone = {k: _gone(v) for k, v in json["gone"].items()}
    tempers = tuple(
        Temper(d, s, bad, every, bool(known), *lasting)
        for d, s, bad, every, known, *lasting in json["hour"]
    )
    return Source(
        tally=Tally(at, pods, gone),
        newest=_time(json.get("newest")),
        view=View(json["view"]) if json["view"] else None,
        bounds=_bounds(tuple(json["bounds"])),
        auto=_bounds(tuple(json["auto"])),
        tempers=tempers if json["read"] else None,
        tries=json["tries"],
        rate=json["rate"],
    )


def _gone(entry: list[int]) -> tuple[datetime, Figures]:
    return EPOCH + entry[0] * MILLISECOND, tuple(entry[1:])


def _trail_json(trail: Trail) -> list[Any]:
    pair, seconds, warm = trail.part
    return [
        _logs_json(trail.harmful),
        trail.waiting,
        trail.blocks,
        int(trail.cooled),
        trail.agreeing,
        trail.bad_blocks,
        {str(percent): list(logs) for percent, logs in trail.safe.items()},
        list(trail.total),
        trail.base_bad,
        trail.base_all,
        [[m.waiting, m.over, m.every, *_logs_json(m.logs)] for m in trail.marks],
        list(trail.course),
        *([*pair, seconds, int(warm)] if seconds else ()),
    ]


def _logs_json(logs: tuple[float, ...]) -> list[float]:
    """How many there are, and all but the last ones that say nothing any more."""
    count = len(logs)
    while count and logs[count - 1] == NOT_STARTED:
        count -= 1
    return [len(logs), *logs[:count]]


def _logs(count: int, *logs: float) -> tuple[float, ...]:
    return (*logs, *(NOT_STARTED,) * (count - len(logs)))


def _trail(json: list[Any]) -> Trail:
    harmful, waiting, blocks, cooled, agreeing, bad_blocks, safe, total, *rest = json
    base_bad, base_all, marks, course, *part = rest
    return Trail(
        harmful=_logs(*harmful),
        waiting=waiting,
        blocks=blocks,
        cooled=bool(cooled),
        agreeing=agreeing,
        bad_blocks=bad_blocks,
        safe={int(percent): tuple(logs) for percent, logs in safe.items()},
        total=Pair(*total),
        base_bad=base_bad,
        base_all=base_all,
        part=Part(Pair(*part[:4]), part[4], bool(part[5])) if part else NO_PART,
        marks=tuple(Mark(w, _logs(*logs), over, every) for w, over, every, *logs in marks),
        course=Course(*course),
    )


def _strikes_json(strikes: Strikes) -> list[Any]:
    last = 0.0 if strikes.last is None else strikes.last
    seen = int(strikes.last is not None)
    counts = [strikes.consecutive, strikes.total, strikes.readings]
    return [_stamp(strikes.at), seen, last, int(strikes.beyond), *counts]


def _strikes(json: list[Any]) -> Strikes:
    at, seen, last, beyond, consecutive, total, readings = json
    return Strikes(
        _time(at), float(last) if seen else None, bool(beyond), consecutive, total, readings
    )
