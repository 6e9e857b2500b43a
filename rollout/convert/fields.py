"""An object that knows which of its fields were read: nothing can be lost silently."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Json = Mapping[str, Any]


class Fate(StrEnum):
    """What became of a field."""

    CONVERTED = "converted"  # it means the same
    CHANGED = "changed"  # it means something near; ``how`` says what
    LOST = "lost"  # it is not in the result; ``how`` says why, and what to do


@dataclass(frozen=True, slots=True)
class Note:
    """What became of one field of one object; ``path`` is as in the manifest: ``spec.replicas``."""

    source: str
    path: str
    fate: Fate
    how: str


@dataclass(slots=True)
class Log:
    """The notes on one object, in the order in which they were made."""

    source: str
    notes: list[Note] = field(default_factory=list)

    def add(self, path: str, fate: Fate, how: str) -> None:
        """One note more."""
        self.notes.append(Note(self.source, path, fate, how))


@dataclass(slots=True)
class Fields:
    """One mapping of a manifest; whoever reads a field says what becomes of it.

    A field of another type than asked for counts as not read, and is told of in the end.
    """

    value: Json
    path: str
    log: Log
    _read: set[str] = field(default_factory=set)
    _below: dict[str, list["Fields"]] = field(default_factory=dict)

    @classmethod
    def of(cls, value: object, path: str, log: Log) -> "Fields":
        """``value`` if it is a mapping, else an empty one."""
        return cls(value if isinstance(value, dict) else {}, path, log)

    def __contains__(self, key: str) -> bool:
        return key in self.value

    def at(self, key: str) -> str:
        """The path of a field here."""
        return f"{self.path}.{key}" if self.path else key

    def sub(self, key: str) -> "Fields":
        """The mapping ``key``; empty where there is none. Its fields speak for themselves."""
        value = self.value.get(key)
        if not isinstance(value, dict):
            return Fields.of(None, self.at(key), self.log)
        (made,) = self._held(key, [(self.at(key), value)])
        return made

    def each(self, key: str) -> Iterator["Fields"]:
        """The mappings of the list ``key``."""
        value = self.value.get(key)
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            return
        yield from self._held(key, [(f"{self.at(key)}[{n}]", one) for n, one in enumerate(value)])

    def _held(self, key: str, values: list[tuple[str, Json]]) -> list["Fields"]:
        """What is below ``key``: the same, however often it is asked for."""
        self._read.add(key)
        if key not in self._below:
            self._below[key] = [Fields(value, path, self.log) for path, value in values]
        return self._below[key]

    def converted(self, key: str, kind: type | tuple[type, ...], where: str) -> Any:
        """The value, which means the same as ``where`` of ours; None where there is none."""
        return self._take(key, kind, Fate.CONVERTED, where)

    def changed(self, key: str, kind: type | tuple[type, ...], how: str) -> Any:
        """The value, which means something near."""
        return self._take(key, kind, Fate.CHANGED, how)

    def lost(self, key: str, why: str) -> Any:
        """The value that is not in the result, whatever it is."""
        return self._take(key, object, Fate.LOST, why)

    def tell(self, key: str, fate: Fate, how: str) -> None:
        """What becomes of a field whose value was looked at before; nothing where there is none."""
        if key in self.value:
            self._read.add(key)
            self.log.add(self.at(str(key)), fate, how)

    def ignored(self, *keys: str) -> None:
        """Fields that say nothing of their own, or of which another note tells."""
        self._read |= {key for key in keys if key in self.value}

    def plain(self, *keys: str) -> None:
        """As ``ignored``, where they hold one value, as the name of a kind does."""
        single = (key for key in keys if not isinstance(self.value.get(key), dict | list))
        self.ignored(*single)

    def peek(self, key: str) -> Any:
        """The value; what becomes of it is said elsewhere, or in the end."""
        return self.value.get(key)

    def rest(
        self, why: str = "not known to this converter; write it by hand if it matters"
    ) -> None:
        """Notes for all that nobody has read, here and below."""
        for key in self.value:
            if key not in self._read:
                self.tell(key, Fate.LOST, why)
        for below in self._below.values():
            for each in below:
                each.rest(why)

    def _take(self, key: str, kind: Any, fate: Fate, how: str) -> Any:
        value = self.value.get(key)
        odd = isinstance(value, bool) and kind is not object and bool not in _kinds(kind)
        if key not in self.value or value is None or not isinstance(value, kind) or odd:
            return None
        self._read.add(key)
        self.log.add(self.at(key), fate, how)
        return value


def _kinds(kind: Any) -> tuple[type, ...]:
    return kind if isinstance(kind, tuple) else (kind,)
