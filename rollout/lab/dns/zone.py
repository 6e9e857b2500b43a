"""A zone with weighted record sets, as Route 53 has them; who programs it is not known here.

Source: Amazon Route 53 Developer Guide, "Values specific for weighted records": the share of a
record is its weight by the sum of all; weight 0 is not returned unless all are 0, and then each is
as likely as the others.
"""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from rollout.lab.dns import wire
from rollout.lab.dns.wire import Answer

Key = tuple[str, str, str]
"""Name, type and set identifier."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a set; ``owner``: whose it is, as external-dns notes in a TXT record."""

    name: str
    type: str
    identifier: str
    weight: int
    ttl: int
    targets: tuple[str, ...]
    owner: str = ""

    @property
    def key(self) -> Key:
        return self.name, self.type, self.identifier


@dataclass(frozen=True, slots=True)
class Version:
    """The zone as it was from some moment on."""

    at: float
    serial: int
    records: Mapping[Key, Record] = field(default_factory=dict)

    def drawn(self, name: str, kind: int, chance: random.Random) -> tuple[Answer, ...]:
        """What one question gets: one record of the set, by chance."""
        found = [r for r in self.records.values() if r.name == name and wire.TYPES[r.type] == kind]
        if not found:
            return ()
        weights = [record.weight for record in found]
        chosen = chance.choices(found, weights if any(weights) else None)[0]
        return tuple(Answer(name, kind, chosen.ttl, target) for target in chosen.targets)

    def has(self, name: str) -> bool:
        """Whether there is anything of that name."""
        return any(record.name == name for record in self.records.values())


class Zone:
    """Every version of one zone, newest last."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.versions = [Version(float("-inf"), 1)]

    @property
    def records(self) -> Mapping[Key, Record]:
        """Those of the newest version, whether or not a server has it yet."""
        return self.versions[-1].records

    def change(self, at: float, upserts: Iterable[Record], deletes: Iterable[Key] = ()) -> None:
        """One batch of changes: all of it holds from ``at`` on, or nothing."""
        records = dict(self.records)
        for key in deletes:
            records.pop(key, None)
        records |= {record.key: record for record in upserts}
        if records != self.records:
            self.versions.append(Version(at, self.versions[-1].serial + 1, records))

    def version(self, now: float, delay: float = 0.0) -> Version:
        """What a server has that learns of a change ``delay`` seconds later."""
        return next(v for v in reversed(self.versions) if v.at + delay <= now)
