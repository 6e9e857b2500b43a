"""A Deployment's spec inside a Rollout: no API server looks at it before its pods are wanted."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from rollout import lenient
from rollout.manifest import shapes
from rollout.manifest.complaints import did_you_mean, kind_of
from rollout.manifest.scan import Mistake, Path, show

_FIELDS = (
    "replicas",
    "selector",
    "template",
    "strategy",
    "minReadySeconds",
    "revisionHistoryLimit",
    "progressDeadlineSeconds",
)
_COUNTS = ("replicas", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds")
_MOST = 2**31 - 1  # Kubernetes' counts are of 32 bits
_DEADLINE = 600  # seconds; Kubernetes' own default
_SHARE = re.compile(r"[0-9]{1,9}%")
_ROLLING = ("maxSurge", "maxUnavailable")


def of(content: Mapping[str, Any]) -> Iterator[Mistake]:
    """What is wrong with a Deployment's spec; paths begin at it.

    Source: Kubernetes, pkg/apis/apps/validation, ``ValidateDeploymentSpec``.
    """
    if not lenient.items(lenient.under(content, "template", "spec", "containers")):
        wanted = "a Deployment's spec, with template.spec.containers, is wanted"
        yield Mistake((), "has no containers", wanted)
    else:
        yield from _unknown(content, _FIELDS, ())
    yield from shapes.odd_template(content)
    yield from _counts(content)
    yield from _strategy(lenient.mapping(content.get("strategy")))
    yield from _selected(content)


def _unknown(content: Mapping[str, Any], known: tuple[str, ...], path: Path) -> Iterator[Mistake]:
    for name, value in content.items():
        if value is None:
            continue
        if name == "paused" and not path:
            if value:
                yield Mistake((name,), f"is {kind_of(value)}", "leave it out: no pod would come")
        elif name not in known:
            yield Mistake((*path, name), "is unknown", did_you_mean(str(name), known))


def _counts(content: Mapping[str, Any]) -> Iterator[Mistake]:
    for name in _COUNTS:
        value = content.get(name)
        if isinstance(value, int) and not 0 <= value <= _MOST:
            yield Mistake(
                (name,), f"is {show(value)}", f"a whole number from 0 to {_MOST} is wanted"
            )
    least = lenient.number(content.get("minReadySeconds"))
    most = lenient.number(content.get("progressDeadlineSeconds"), _DEADLINE)
    if 0 <= most <= least <= _MOST:
        found = f"is {least}, and progressDeadlineSeconds {most}"
        yield Mistake(("minReadySeconds",), found, "the deadline must be longer")


def _strategy(strategy: Mapping[str, Any]) -> Iterator[Mistake]:
    path: Path = ("strategy",)
    yield from _unknown(strategy, ("type", "rollingUpdate"), path)
    kind, rolling = strategy.get("type"), strategy.get("rollingUpdate")
    if kind not in (None, "RollingUpdate", "Recreate"):
        yield Mistake((*path, "type"), f"is {kind_of(kind)}", "RollingUpdate or Recreate is wanted")
    if rolling is None:
        return
    if not isinstance(rolling, Mapping) or kind == "Recreate":
        wanted = "leave it out with Recreate" if kind == "Recreate" else "a mapping is wanted"
        yield Mistake((*path, "rollingUpdate"), f"is {kind_of(rolling)}", wanted)
        return
    path = (*path, "rollingUpdate")
    yield from _unknown(rolling, _ROLLING, path)
    for name in _ROLLING:
        if rolling.get(name) is not None and _pods(rolling[name]) is None:
            wanted = "a whole number of pods, or a share such as 25%, is wanted"
            yield Mistake((*path, name), f"is {kind_of(rolling[name])}", wanted)
    if [_pods(rolling.get(name)) for name in _ROLLING] == [0, 0]:
        yield Mistake(
            path, "lets no pod come or go", "maxSurge or maxUnavailable above 0 is wanted"
        )


def _pods(value: object) -> int | None:
    """The number in a count or a share of pods; None where there is none."""
    if isinstance(value, str) and _SHARE.fullmatch(value):
        return int(value[:-1])
    number = lenient.number(value, -1)
    return number if 0 <= number <= _MOST else None


def _selected(content: Mapping[str, Any]) -> Iterator[Mistake]:
    """A Deployment must select its own pods; the API server refuses any other."""
    labels = lenient.mapping(lenient.mapping(content.get("template")).get("metadata")).get("labels")
    here = lenient.mapping(labels)
    wanted = lenient.mapping(lenient.mapping(content.get("selector")).get("matchLabels"))
    for key, value in wanted.items():
        if here.get(key) != value:
            has = f"have {key}: {show(here[key])}" if key in here else f"have no label {key}"
            found = f"is {show(value)}, but the pods {has}"
            yield Mistake(("selector", "matchLabels", key), found, "the same label is wanted")
