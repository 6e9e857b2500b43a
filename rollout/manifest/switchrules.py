"""What the nouns cannot say of a ClusterSwitchover, over plain values."""

from collections.abc import Iterator, Mapping
from typing import Any

from rollout import lenient
from rollout.manifest import gates, metrics
from rollout.manifest.scan import Mistake, Path, show
from rollout.model.switchover import UNAVOIDABLE


def of(spec: Mapping[str, Any]) -> Iterator[Mistake]:
    """The rules of one ClusterSwitchover."""
    yield from _clusters(spec)
    yield from _steps(lenient.items(spec.get("steps")), ("steps",))
    yield from _analysis(lenient.mapping(spec.get("analysis")))
    yield from _records(lenient.mapping(spec.get("dns")))
    yield from _abroad(spec)
    yield from _probes(spec)
    yield from _overruled(lenient.items(spec.get("overrule")))
    yield from _approvals(spec)


def _clusters(spec: Mapping[str, Any]) -> Iterator[Mistake]:
    blue, green = (lenient.mapping(spec.get(side)) for side in ("blue", "green"))
    if not blue.get("kubeconfig") and not green.get("kubeconfig") and "green" in spec:
        yield Mistake(
            ("green",), "is the controller's own cluster, as blue is", "a kubeconfig in one of them"
        )
    label = blue.get("label")
    if label and label == green.get("label"):
        yield Mistake(("green", "label"), f"is {show(label)}, as blue's is", "a label of its own")
    theirs = set(map(str, lenient.items(blue.get("answers"))))
    for index, answer in enumerate(lenient.items(green.get("answers"))):
        if str(answer) in theirs:
            found = f"is {show(answer)}, which blue answers, too"
            yield Mistake(("green", "answers", index), found, "an address of its own")


def _steps(steps: list[Any], path: Path) -> Iterator[Mistake]:
    before = 0
    for index, step in enumerate(map(lenient.mapping, steps)):
        weight = step.get("weight")
        if isinstance(weight, bool) or not isinstance(weight, int):
            continue
        if weight == 100:
            wanted = "leave it out: after the last step everyone goes to green, and spec.bake holds"
            yield Mistake((*path, index, "weight"), "is 100", wanted)
        elif weight <= before:
            found = f"is {weight}, no more than the step before ({before})"
            yield Mistake((*path, index, "weight"), found, "weights must rise")
        before = max(before, weight)


def _analysis(analysis: Mapping[str, Any]) -> Iterator[Mistake]:
    if analysis.get("templates"):
        found = "is set, but a switchover's metrics stand in its own spec"
        yield Mistake(("analysis", "templates"), found, "metrics beside it are wanted")
    if analysis.get("reporter") not in (None, "auto"):
        found = f"is {show(analysis['reporter'])}, but the gateways' own counters are read"
        yield Mistake(("analysis", "reporter"), found, "leave it out")
    yield from metrics.of(analysis.get("metrics"), ("analysis", "metrics"))


def _records(dns: Mapping[str, Any]) -> Iterator[Mistake]:
    entries = [lenient.mapping(entry) for entry in lenient.items(dns.get("endpoints"))]
    seen: list[tuple[object, ...]] = []  # of any shape, so nothing that a set would take
    for index, entry in enumerate(entries):
        name = (entry.get("cluster", "home"), entry.get("namespace", ""), entry.get("name"))
        if name in seen:
            found = f"is {show(entry.get('name'))} again"
            yield Mistake(("dns", "endpoints", index, "name"), found, "each object once")
        seen.append(name)
    for index, name in enumerate(lenient.items(dns.get("names"))):
        if name in lenient.items(dns.get("names"))[:index]:
            yield Mistake(("dns", "names", index), f"is {show(name)} again", "each name once")


def _abroad(spec: Mapping[str, Any]) -> Iterator[Mistake]:
    """In the controller's own cluster a switchover writes into its own namespace only."""
    entries = lenient.items(lenient.mapping(spec.get("dns")).get("endpoints"))
    for index, entry in enumerate(map(lenient.mapping, entries)):
        cluster = entry.get("cluster", "home")
        far = cluster != "home" and lenient.mapping(spec.get(str(cluster))).get("kubeconfig")
        if entry.get("namespace") and not far:
            found = f"is {show(entry['namespace'])}, in the controller's own cluster"
            wanted = "leave it out: there the switchover's own namespace is written"
            yield Mistake(("dns", "endpoints", index, "namespace"), found, wanted)


def _probes(spec: Mapping[str, Any]) -> Iterator[Mistake]:
    names = {str(name) for name in lenient.items(lenient.mapping(spec.get("dns")).get("names"))}
    for index, probe in enumerate(map(lenient.mapping, lenient.items(spec.get("probes")))):
        url = probe.get("url")
        if not isinstance(url, str) or "://" not in url or not names:
            continue
        name = url.split("://", 1)[1].split("/")[0].split(":")[0]
        if not any(_covers(pattern, name) for pattern in names):
            found = f"asks for {show(name)}, which dns.names does not move"
            yield Mistake(("probes", index, "url"), found, f"one of {', '.join(sorted(names))}")


def _covers(pattern: str, name: str) -> bool:
    return pattern == name or (pattern.startswith("*.") and name.endswith(pattern[1:]))


def _overruled(entries: list[Any]) -> Iterator[Mistake]:
    for index, entry in enumerate(map(lenient.mapping, entries)):
        rule = entry.get("rule")
        if isinstance(rule, str) and rule in UNAVOIDABLE:
            found = f"is {rule}, which nobody can overrule"
            yield Mistake(("overrule", index, "rule"), found, UNAVOIDABLE[rule])


def _approvals(spec: Mapping[str, Any]) -> Iterator[Mistake]:
    everywhere = bool(lenient.mapping(spec.get("notify")).get("slack"))
    for index, step in enumerate(map(lenient.mapping, lenient.items(spec.get("steps")))):
        yield from gates.approval(step.get("approval"), ("steps", index, "approval"), everywhere)
