"""What the nouns cannot say of a ControlPlaneUpgrade: rules between fields, over plain values."""

from collections.abc import Iterator, Mapping
from typing import Any

from rollout import lenient
from rollout.manifest import gates, metrics, plain
from rollout.manifest.scan import Mistake, Path, show
from rollout.model.upgrade import UNAVOIDABLE


def upgrade(spec: Mapping[str, Any]) -> Iterator[Mistake]:
    """The rules of one ControlPlaneUpgrade."""
    yield from _revisions(spec)
    yield from _stops(spec)
    yield from _tags(spec)
    yield from gates.overruled(lenient.mapping(spec.get("preflight")).get("overrule"), UNAVOIDABLE)
    analysis = lenient.mapping(spec.get("analysis"))
    yield from metrics.of(analysis.get("metrics"), ("analysis", "metrics"))
    yield from _comparable(analysis)


def _revisions(spec: Mapping[str, Any]) -> Iterator[Mistake]:
    old, new = spec.get("from"), spec.get("to")
    if new is not None and old == new and spec.get("allowInPlace") is not True:
        wanted = "another revision, or allowInPlace: true for an upgrade without a way back"
        yield Mistake(("to",), f"is {show(new)}, as from is", wanted)
    if new == "default" and old != new:
        wanted = "a revision of its own: one without a name takes the default at once"
        yield Mistake(("to",), "is default", wanted)


def _stops(spec: Mapping[str, Any]) -> Iterator[Mistake]:
    """Times, approvals and names of all that has a gate."""
    everywhere = bool(lenient.mapping(spec.get("notify")).get("slack"))
    for path, stop, least in _each_stop(spec):
        yield from gates.gate(stop, path, least)
        yield from gates.approval(stop.get("approval"), (*path, "approval"), everywhere)
    yield from gates.approval(spec.get("approval"), ("approval",), everywhere)
    waves = lenient.items(spec.get("waves"))
    if not waves and not spec.get("canary"):
        wanted = "a wave such as {name: rest, oneAtATime: true} is wanted"
        yield Mistake(("waves",), "are none, so that nothing would move", wanted)
    yield from plain.twice(waves, ("waves",), "wave")
    canary = lenient.mapping(spec.get("canary")).get("name")
    if canary and canary in [lenient.mapping(wave).get("name") for wave in waves]:
        yield Mistake(("canary", "name"), f"is {show(canary)}, as a wave is", "a name of its own")
    yield from _twice(spec, "gateways", ("deployment", "gateway"))


def _each_stop(spec: Mapping[str, Any]) -> Iterator[tuple[Path, Mapping[str, Any], str]]:
    """Everything with a gate, and its bake where none is written."""
    for name in ("canary", "default"):
        if isinstance(spec.get(name), Mapping):
            yield (name,), spec[name], "5m"
    for field, least in (("waves", "5m"), ("gateways", "5m"), ("tags", "1m")):
        for index, stop in enumerate(lenient.items(spec.get(field))):
            yield (field, index), lenient.mapping(stop), least


def _twice(spec: Mapping[str, Any], field: str, keys: tuple[str, ...]) -> Iterator[Mistake]:
    seen: set[str] = set()
    for index, stop in enumerate(map(lenient.mapping, lenient.items(spec.get(field)))):
        for key in keys:
            value = stop.get(key)
            if isinstance(value, str) and value in seen:
                yield Mistake((field, index, key), f"is {show(value)} again", "each one once")
            seen |= {value} if isinstance(value, str) else set()


def _tags(spec: Mapping[str, Any]) -> Iterator[Mistake]:
    """A tag moves once, and ``default`` is no tag among others."""
    yield from _twice(spec, "tags", ("name",))
    waves = [
        lenient.mapping(wave).get("tag")
        for wave in (*lenient.items(spec.get("waves")), spec.get("canary"))
    ]
    for index, tag in enumerate(map(lenient.mapping, lenient.items(spec.get("tags")))):
        name = tag.get("name")
        if name == "default":
            yield Mistake(("tags", index, "name"), "is default", "default: {} is wanted for it")
        elif isinstance(name, str) and name in waves:
            yield Mistake(("tags", index, "name"), f"is {show(name)}, which a wave moves", "once")
    if "default" in waves:
        wanted = "default: {} is wanted: it moves far more than its namespaces"
        yield Mistake(("waves",), "move the tag default", wanted)


def _comparable(analysis: Mapping[str, Any]) -> Iterator[Mistake]:
    """The mesh is judged by Istio's own counters, and by single numbers."""
    for index, metric in enumerate(map(lenient.mapping, lenient.items(analysis.get("metrics")))):
        for field in ("bad", "total"):
            if metric.get(field) is not None:
                wanted = "errors, latency, successRate, or a query with a limit"
                yield Mistake(
                    ("analysis", "metrics", index, field), "has no two sides here", wanted
                )
    if analysis.get("templates"):
        wanted = "metrics are wanted: an upgrade has no namespace to look for templates in"
        yield Mistake(("analysis", "templates"), "are not taken", wanted)
