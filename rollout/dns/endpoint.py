"""external-dns's DNSEndpoint to the nouns of a record set, and back to a patch of its weights.

Only ``providerSpecific[name=aws/weight].value`` of our records is ever written: another identifier,
type or name would make external-dns delete and create the record (its ``plan``,
``requiresDeleteCreate``), and whatever else stands in the object is its author's.
Sources: external-dns, ``apis/v1alpha1``, ``endpoint/endpoint.go``; docs, "Setting up external-dns
on AWS: weighted records" (``aws/weight``, 0 to 255, and ``setIdentifier``).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from rollout import lenient
from rollout.model.switching import RecordPair
from rollout.model.switchover import Side, SwitchoverSpec
from rollout.model.traffic import Split

Obj = Mapping[str, Any]
WEIGHT = "aws/weight"
TYPES = ("A", "AAAA", "CNAME")
HEAVIEST = 255
OURS = "rollout"  # our name in managedFields


@dataclass(frozen=True, slots=True)
class DnsRecord:
    """One record of one side: where its weight stands in which object, and what it is.

    ``path``: JSON Pointer of the weight's value.
    """

    side: Side
    name: str
    type: str
    place: str
    path: str
    weight: int
    ttl: timedelta
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RecordSet:
    """What objects hold of a record set: its records, and why some cannot be used."""

    records: tuple[DnsRecord, ...] = ()
    problems: tuple[str, ...] = ()


def found(spec: SwitchoverSpec, objs: Mapping[str, Obj]) -> RecordSet:
    """The records of ``spec`` in ``objs``, by place (``dnsendpoint shop/shop``)."""
    records, problems = [], []
    for place, obj in objs.items():
        for one in _records(spec, place, obj):
            if isinstance(one, DnsRecord):
                records.append(one)
            else:
                problems.append(f"SW-002: {place}: {one}")
    return RecordSet(tuple(records), tuple(problems))


def _records(spec: SwitchoverSpec, place: str, obj: Obj) -> Iterator[DnsRecord | str]:
    identifiers = {spec.cluster(side).set_identifier: side for side in Side}
    entries = lenient.mapping(obj.get("spec")).get("endpoints")
    for index, entry in enumerate(lenient.mappings(entries)):
        name = lenient.text(entry.get("dnsName")).rstrip(".").lower()
        kind = lenient.text(entry.get("recordType")) or "A"
        if name not in spec.dns.names or kind not in TYPES:
            continue
        side = identifiers.get(lenient.text(entry.get("setIdentifier")))
        if side is None:
            which = lenient.text(entry.get("setIdentifier")) or "no setIdentifier"
            yield f"{name} {kind} has {which}; only blue's and green's may be in the set"
            continue
        yield _record(side, (name, kind, place), index, entry)


def _record(side: Side, what: tuple[str, str, str], index: int, entry: Obj) -> DnsRecord | str:
    name, kind, place = what
    for at, one in enumerate(lenient.mappings(entry.get("providerSpecific"))):
        if one.get("name") != WEIGHT:
            continue
        text = lenient.text(one.get("value"))
        weight = lenient.whole(text)
        if weight is None or weight > HEAVIEST:
            return f"{name} of {side} has weight {text[:20]!r}; 0 to {HEAVIEST} is wanted"
        path = f"/spec/endpoints/{index}/providerSpecific/{at}/value"
        seconds = entry.get("recordTTL")
        ttl = timedelta(seconds=seconds if isinstance(seconds, int) and seconds > 0 else 0)
        targets = tuple(map(str, lenient.items(entry.get("targets"))))
        return DnsRecord(side, name, kind, place, path, weight, ttl, targets)
    return f"{name} of {side} has no {WEIGHT}: make it weighted before anything moves"


def pairs(spec: SwitchoverSpec, records: Sequence[DnsRecord]) -> tuple[tuple[RecordPair, ...], str]:
    """Each name's and type's two records, and what is wrong with them; empty: nothing."""
    by_set: dict[tuple[str, str], dict[Side, DnsRecord]] = {}
    for one in records:
        mine = by_set.setdefault((one.name, one.type), {})
        if one.side in mine:
            return (), f"SW-003: {one.name} {one.type} of {one.side} stands twice: one writer"
        mine[one.side] = one
    for name in spec.dns.names:
        if not any(key[0] == name for key in by_set):
            return (), f"SW-002: {name} is in none of the objects"
    found = []
    for (name, kind), sides in by_set.items():
        if len(sides) < len(Side):
            missing = Side.GREEN if Side.BLUE in sides else Side.BLUE
            return (), f"SW-002: {name} {kind} has no record of {missing}"
        blue, green = sides[Side.BLUE], sides[Side.GREEN]
        if blue.ttl != green.ttl:
            return (), f"SW-002: {name} {kind} has two TTLs; a set has one"
        targets = {side: sides[side].targets for side in Side}
        ttl = blue.ttl
        found.append(RecordPair(name, kind, blue.place, blue.weight, green.weight, ttl, targets))
    return tuple(found), ""


def patches(
    records: Sequence[DnsRecord], objs: Mapping[str, Obj], split: Split
) -> dict[str, list[Obj]]:
    """By place, the operations that bring every weight to ``split``; none where it is so.

    Each tests the object's version and the weight that it replaces. Objects whose weights rise
    come first: so the sum never is 0, and what falls is never missed.
    """
    made: dict[str, list[Obj]] = {}
    rising: dict[str, int] = {}
    for one in records:
        wanted = split.stable if one.side is Side.BLUE else split.canary
        if one.weight == wanted:
            continue
        version = lenient.text(lenient.meta(objs[one.place]).get("resourceVersion"))
        test = {"op": "test", "path": "/metadata/resourceVersion", "value": version}
        ops = made.setdefault(one.place, [test])
        ops.append({"op": "test", "path": one.path, "value": str(one.weight)})
        ops.append({"op": "replace", "path": one.path, "value": str(wanted)})
        rising[one.place] = rising.get(one.place, 0) + wanted - one.weight
    return dict(sorted(made.items(), key=lambda item: -rising[item[0]]))


def editor(objs: Mapping[str, Obj]) -> str:
    """Who wrote any of the objects last, other than us and external-dns's status; or empty."""
    entries = (
        entry
        for obj in objs.values()
        for entry in lenient.mappings(lenient.meta(obj).get("managedFields"))
        if entry.get("manager") != OURS and not entry.get("subresource")
    )
    last = max(entries, key=lambda entry: lenient.text(entry.get("time")), default=lenient.NONE)
    return lenient.text(last.get("manager"))
