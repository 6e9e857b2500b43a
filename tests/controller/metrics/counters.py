"""Counters by pod as Prometheus may answer them, and what is counted of them, if anything is."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rollout.model.observation import Counting
from tests.controller.metrics.shapes import STAMP, Word, sample, vector

Pods = Mapping[str, tuple[tuple[int, ...], int]]
"""By pod, bad requests and all of them."""


@dataclass(frozen=True, slots=True)
class Counted:
    """One answer. ``says``: what is counted, or that nothing can be."""

    name: str
    body: bytes
    says: Pods | Word
    counting: Counting = Counting.ERRORS

    def __str__(self) -> str:
        return self.name.replace(" ", "-")


WHOSE = {"destination_workload": "web", "destination_workload_namespace": "shop"}


def part(which: str, value: Any, pod: str = "a", **more: str) -> dict[str, Any]:
    """One series of the union that counters are asked by."""
    labels = {"pod": pod, "instance": f"{pod}:1", "rollout_part": which, **WHOSE, **more}
    return sample(value, **labels)


def seen(age: float, pod: str = "a") -> dict[str, Any]:
    """When a pod's newest sample was taken."""
    return sample(str(STAMP - age), pod=pod, instance=f"{pod}:1", rollout_part="seen")


TOTAL, BAD, FRESH = part("total", "120"), part("bad", "3"), seen(5)
SOUND: Pods = {"a": ((3,), 120)}


def _errors() -> Iterator[Counted]:
    yield Counted("sound", vector(TOTAL, BAD, FRESH), SOUND)
    yield Counted("in another order", vector(FRESH, BAD, TOTAL), SOUND)
    yield Counted("nothing bad", vector(TOTAL, FRESH), {"a": ((0,), 120)})
    yield Counted("no word of when", vector(TOTAL, BAD), SOUND)
    yield Counted("bad without a total", vector(BAD, FRESH), {})
    yield Counted("only when", vector(FRESH), {})
    yield Counted("nothing at all", vector(), {})
    yield Counted(
        "more bad than all", vector(TOTAL, part("bad", "500"), FRESH), {"a": ((120,), 120)}
    )
    two = vector(TOTAL, BAD, part("total", "80", "b"), part("bad", "0", "b"))
    yield Counted("two pods", two, {"a": ((3,), 120), "b": ((0,), 80)})
    hole = vector(TOTAL, BAD, part("bad", "5", "b"))
    yield Counted("a pod with a hole", hole, SOUND)
    ports = vector(TOTAL, BAD, part("total", "100", instance="a:2"), FRESH)
    yield Counted("a pod scraped at two ports", ports, SOUND)
    for age, says in ((59, SOUND), (61, {}), (600, {}), (-600, SOUND)):
        yield Counted(f"newest {age} s ago", vector(TOTAL, BAD, seen(age)), says)
    for number in ("120.4", "119.6", "1.2e2", "120."):
        yield Counted(f"all are {number}", vector(part("total", number), BAD, FRESH), SOUND)
    for number in ("NaN", "+Inf", "-Inf", "-1", "-0.5", "1e400", "9007199254740992", "1e300"):
        broken = vector(part("total", number), BAD, FRESH)
        yield Counted(f"all are {number}", broken, Word.UNKNOWN)
        yield Counted(f"bad are {number}", vector(TOTAL, part("bad", number)), Word.UNKNOWN)
    for number in ("", "x", "1_0", "\u0665", " 5", "0x5"):
        yield Counted(f"all are {number!r}", vector(part("total", number), BAD), Word.ERROR)
    other = {"destination_workload": "other"}
    yield Counted("another workload", vector(part("total", "5", **other)), {})
    yield Counted("another, broken", vector(TOTAL, BAD, part("total", "NaN", **other)), SOUND)
    elsewhere = {"destination_workload_namespace": "other"}
    yield Counted("another namespace", vector(part("total", "5", **elsewhere)), {})
    yield Counted("no part of ours", vector(sample("5", pod="a", **WHOSE)), {})
    yield Counted("a part nobody asked for", vector(part("more", "5"), TOTAL, BAD), SOUND)
    nameless = {"rollout_part": "total", **WHOSE}
    yield Counted("no pod", vector(sample("5", instance="i", **nameless)), {"i": ((0,), 5)})
    yield Counted("neither pod nor instance", vector(sample("5", **nameless)), {"": ((0,), 5)})
    late = {**TOTAL, "value": [STAMP - 600, "120"]}
    yield Counted("of another time", vector(late), Word.UNKNOWN)
    yield Counted("partly of another time", vector(TOTAL, {**BAD, **late}), Word.UNKNOWN)
    yield Counted("with warnings", vector(TOTAL, BAD, warnings=["x"]), Word.UNKNOWN)
    yield Counted("empty with warnings", vector(warnings=["x"]), Word.UNKNOWN)
    yield Counted("with infos", vector(TOTAL, BAD, infos=["x"]), SOUND)
    histogram = {"metric": TOTAL["metric"], "histogram": [STAMP, {"count": "1"}]}
    yield Counted("a native histogram", vector(histogram), Word.ERROR)


def _slow() -> Iterator[Counted]:
    def slow(name: str, says: Pods | Word, *series: Any, **more: Any) -> Counted:
        return Counted(f"buckets: {name}", vector(*series, **more), says, Counting.SLOW)

    fast, every = part("total", "100", le="250"), part("total", "120", le="+Inf")
    yield slow("sound", {"a": ((20,), 120)}, fast, every, FRESH)
    three = (part("total", "100", le="250.0"), part("total", "110", le="1000"), every)
    yield slow("sorted by bound", {"a": ((20, 10), 120)}, *reversed(three))
    yield slow("no endless one", {}, fast, FRESH)
    yield slow("the endless one alone", {"a": ((), 120)}, every)
    falling = part("total", "130", le="250")
    yield slow("more within a bound than at all", {"a": ((0,), 120)}, falling, every)
    other = part("total", "80", "b", le="+Inf")
    yield slow("a pod without the bucket", {"a": ((), 120), "b": ((), 80)}, fast, every, other)
    for le in ("x", "", "1e400", "NaN", "-Inf", "250ms"):
        yield slow(f"a bound that is {le!r}", Word.UNKNOWN, part("total", "5", le=le), every)
    for number in ("NaN", "-1", "+Inf"):
        yield slow(f"{number} within a bound", Word.UNKNOWN, part("total", number, le="250"), every)
    yield slow("old", {}, fast, every, seen(300))
    yield slow("with warnings", Word.UNKNOWN, fast, every, warnings=["x"])


COUNTERS: Sequence[Counted] = (*_errors(), *_slow())
"""Answers to the question for counters."""
