"""What the nouns cannot say of a spec: rules between fields, over plain values.

Plain values, because all mistakes of a file are reported at once: a rule speaks also where the
noun could not be built for another reason, and is silent about what it cannot read.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from rollout import lenient
from rollout.manifest import deployments, gates, matches, metrics, plain
from rollout.manifest.scan import Mistake, Path, show
from rollout.model.spec import UNAVOIDABLE
from rollout.model.units import words

_ARGUMENT = re.compile(r"\{\{\s*args\.([^\s{}]*)\s*\}\}")
_DEPLOYMENT = re.compile(r"[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?")  # as a label value too, so 63
_PASSWORD = re.compile(r"[a-z+]+://[^/@:]*:[^/@]*@|https?://[^/@]*@")
_NO_URL = re.compile(r"^(?!/).*\s|[\x00-\x1f\x7f]|^[A-Za-z0-9]+::")  # blanks, remote helpers
_COMMIT = re.compile(r"[0-9a-fA-F]{40}|[0-9a-fA-F]{64}")
_NO_REF = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|^[-/]|[/.]$|\.lock(/|$)|(^|/)\.|^@$")
"""What is in no name of a branch or tag (git, check-ref-format)."""
_HOST = re.compile(r"[a-z0-9*]([-a-z0-9.]{0,251}[a-z0-9])?")


def of(kind: str, spec: object, *, stored: bool = False) -> Iterator[Mistake]:
    """What is wrong with ``spec`` of a ``kind``; paths begin at the spec.

    ``stored``: a rule is silent where nulls would matter, since the API server has none.
    """
    if isinstance(spec, Mapping):
        yield from _RULES[kind](spec)
        if kind == "AnalysisTemplate" and not stored:
            yield from _arguments(spec)


def rollout(spec: Mapping[str, Any]) -> Iterator[Mistake]:
    """The rules of one Rollout."""
    yield from _workload(spec)
    yield from _approvals(spec)
    yield from gates.overruled(lenient.mapping(spec.get("preflight")).get("overrule"), UNAVOIDABLE)
    strategy = lenient.mapping(spec.get("strategy"))
    if len(set(_regexes(strategy))) > matches.MAX_REGEXES:
        yield Mistake(
            ("strategy",), "has too many regexes", f"at most {matches.MAX_REGEXES} are taken"
        )
        return  # nothing else of it is looked at: compiling them is what takes time
    for name in ("canary", "dark"):
        yield from _journey(name, strategy.get(name), ("strategy", name))
    yield from _blue_green(lenient.mapping(strategy.get("blueGreen")), ("strategy", "blueGreen"))
    yield from metrics.of(
        lenient.mapping(spec.get("analysis")).get("metrics"), ("analysis", "metrics")
    )


def template(spec: Mapping[str, Any]) -> Iterator[Mistake]:
    """The rules of one AnalysisTemplate."""
    yield from metrics.of(spec.get("metrics"), ("metrics",), lenient.mapping(spec.get("args")))


def _arguments(spec: Mapping[str, Any]) -> Iterator[Mistake]:
    """Arguments that no default names, not even a null for "required", or that nobody uses."""
    known, used = lenient.mapping(spec.get("args")), set()
    for index, metric in enumerate(lenient.items(spec.get("metrics"))):
        for field in ("bad", "total", "query"):
            for name in _ARGUMENT.findall(str(lenient.mapping(metric).get(field, ""))):
                used.add(name)
                if name not in known:
                    found = f"uses {{{{args.{name[:40]}}}}}, which args does not name"
                    wanted = f"one of {', '.join(known) or 'none'}"
                    yield Mistake(("metrics", index, field), found, wanted)
    for name in known if used <= known.keys() else ():  # a misspelt one is used as another
        if name not in used:
            yield Mistake(("args", name), "is used by no metric", "leave it out")


def source(spec: Mapping[str, Any]) -> Iterator[Mistake]:
    """The rules of one RolloutSource; which transports are open is the controller's to say."""
    url, path, interval = spec.get("url"), spec.get("path"), plain.time(spec.get("interval"))
    if isinstance(url, str) and _PASSWORD.match(url):
        yield Mistake(("url",), "carries a password", "a Secret named by secretRef is wanted")
    if isinstance(url, str) and (not url or _NO_URL.search(url)):
        yield Mistake(("url",), f"is {show(url)}", "a repository's address is wanted")
    ref = spec.get("ref")
    if isinstance(ref, str) and _COMMIT.fullmatch(ref):
        yield Mistake(("ref",), f"is {show(ref)}, a commit's id", "a branch or a tag is wanted")
    elif isinstance(ref, str) and (not ref or _NO_REF.search(ref)):
        yield Mistake(("ref",), f"is {show(ref)}", "a branch, or a tag as refs/tags/…, is wanted")
    if isinstance(path, str) and _leads_out(path):
        yield Mistake(("path",), f"is {show(path)}", "a folder inside the repository is wanted")
    if interval is not None and interval < timedelta(seconds=5):
        yield Mistake(("interval",), f"is {words(interval)}", "at least 5s is wanted")


def _leads_out(path: str) -> bool:
    from rollout.model.source import folders  # noqa: PLC0415 - its nouns are no Rollout's

    try:
        folders(path)
    except ValueError:
        return True
    return False


def _regexes(strategy: Mapping[str, Any]) -> Iterator[str]:
    for name in ("canary", "dark"):
        for step in lenient.items(lenient.mapping(strategy.get(name)).get("steps")):
            yield from matches.regexes(lenient.mapping(step).get("cohorts"))
    yield from matches.regexes(lenient.mapping(strategy.get("blueGreen")).get("preview"))


def _workload(spec: Mapping[str, Any]) -> Iterator[Mistake]:
    workload, revision = lenient.mapping(spec.get("workload")), spec.get("revision", "")
    pattern, path = workload.get("deployments"), ("workload", "deployments")
    if isinstance(pattern, str):
        name = pattern.replace("{revision}", revision if isinstance(revision, str) else "v1")
        if "{revision}" not in pattern:
            yield Mistake(path, f"is {show(pattern)}", "{revision} somewhere in it is wanted")
        elif not _DEPLOYMENT.fullmatch(name) and revision:
            yield Mistake(path, f"gives {show(name)}", "a Deployment's name: a-z, 0-9, - and .")
    content = workload.get("template")
    if isinstance(content, Mapping):
        for wrong in deployments.of(content):
            yield Mistake(("workload", "template", *wrong.path), wrong.found, wrong.wanted)


def _journey(name: str, strategy: object, path: Path) -> Iterator[Mistake]:
    if not isinstance(strategy, Mapping) or "steps" not in strategy:
        return
    steps, path = lenient.items(strategy["steps"]), (*path, "steps")
    if not steps and isinstance(strategy["steps"], list):
        wanted = "leave it out for the default ramp" if name == "canary" else "a step is wanted"
        yield Mistake(path, "is empty", wanted)
    yield from _weights(steps, path) if name == "canary" else _darkness(steps, path)
    yield from plain.twice(steps, path, "step")
    reached = False
    for index, step in enumerate(map(lenient.mapping, steps)):
        here = (*path, index)
        reached = reached or bool(step.get("cohorts"))
        if step.get("fault") and not reached:
            yield Mistake((*here, "fault"), "has no cohort to meet", "cohorts, here or before")
        yield from matches.cohorts(step.get("cohorts"), (*here, "cohorts"))
        yield from gates.gate(step, here)


def _weights(steps: list[Any], path: Path) -> Iterator[Mistake]:
    before = 0
    for index, step in enumerate(map(lenient.mapping, steps)):
        weight = step.get("weight")
        if isinstance(weight, bool) or not isinstance(weight, int):
            continue
        if weight < before:
            found = f"is {weight}, less than the step before ({before})"
            yield Mistake((*path, index, "weight"), found, "weights must rise")
        before = max(before, weight) if weight <= 100 else before


def _darkness(steps: list[Any], path: Path) -> Iterator[Mistake]:
    reached = False
    for index, step in enumerate(map(lenient.mapping, steps)):
        if step.get("weight") is not None:
            found = f"is {show(step['weight'])}, but in a dark release ordinary users see stable"
            yield Mistake((*path, index, "weight"), found, "no weight, or strategy canary")
        reached = reached or bool(step.get("cohorts"))
        if not reached and not step.get("mirror"):
            yield Mistake((*path, index), "sends nothing to the canary", "cohorts or mirror")


def _blue_green(strategy: Mapping[str, Any], path: Path) -> Iterator[Mistake]:
    yield from matches.cohorts(strategy.get("preview"), (*path, "preview"))
    yield from gates.gate(strategy, path)
    host = strategy.get("previewHost")
    if isinstance(host, str) and not _HOST.fullmatch(host):
        yield Mistake((*path, "previewHost"), f"is {show(host)}", "a host name is wanted")


def _approvals(spec: Mapping[str, Any]) -> Iterator[Mistake]:
    """What no answer can meet: only Slack proves to us who somebody is."""
    strategy = lenient.mapping(spec.get("strategy"))
    everywhere = bool(lenient.mapping(spec.get("notify")).get("slack"))
    for name in ("canary", "dark"):
        for index, step in enumerate(lenient.items(lenient.under(strategy, name, "steps"))):
            here = ("strategy", name, "steps", index, "approval")
            yield from gates.approval(lenient.mapping(step).get("approval"), here, everywhere)
    approval = lenient.mapping(strategy.get("blueGreen")).get("approval")
    yield from gates.approval(approval, ("strategy", "blueGreen", "approval"), everywhere)


def _upgrade(spec: Mapping[str, Any]) -> Iterator[Mistake]:
    from rollout.manifest import upgraderules  # noqa: PLC0415 - its nouns are no Rollout's

    return upgraderules.upgrade(spec)


def _switchover(spec: Mapping[str, Any]) -> Iterator[Mistake]:
    from rollout.manifest import switchrules  # noqa: PLC0415 - its nouns are no Rollout's

    return switchrules.of(spec)


_RULES = {
    "Rollout": rollout,
    "AnalysisTemplate": template,
    "RolloutSource": source,
    "ControlPlaneUpgrade": _upgrade,
    "ClusterSwitchover": _switchover,
}
