"""A switchover in words for people, at 80 columns; nothing is sent from here."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from rollout.messages import evidence, terminal
from rollout.model.reasons import WaitsFor
from rollout.model.status import Verdict
from rollout.model.switchover import (
    AHEAD,
    MOVED,
    OF_BLUE,
    Side,
    Switchover,
    SwitchoverSpec,
    SwitchoverStatus,
    SwitchStage,
)
from rollout.model.units import words

HISTORY_HEAD = ("AGO", "STAGE", "BLUE/GREEN", "BECAUSE")
HEAD = ("SWITCHOVER", "PHASE", "GREEN", "STAGE", "BECAUSE")


def row(name: str, status: SwitchoverStatus) -> tuple[str, ...]:
    """One line of a table."""
    stage = status.stage
    return name, status.phase.value, f"{stage.split.canary}%", stage.name.value, status.because


def facts(switchover: Switchover, status: SwitchoverStatus, now: datetime) -> list[tuple[str, str]]:
    """Everything about one switchover, as label and text."""
    stage, attempt = status.stage, status.attempt
    said = [
        ("Switchover", switchover.key),
        ("Phase", status.phase.value),
        ("Because", status.because),
        ("Serving", status.serving.value if status.serving else "not known yet"),
        ("Weights", f"blue {stage.split.stable}, green {stage.split.canary}"),
        ("Stage", stage.name.value),
    ]
    if stage.asked_at is not None and stage.name in (*MOVED, SwitchStage.RETURNING):
        said.append(("Weights are", _progress(status, now)))
    said += [("Steps", line) for line in _steps(switchover.spec, status)]
    said += [("Evidence", line) for line in _evidence(attempt.verdicts)]
    said += [("Warning", one) for one in attempt.warnings]
    if attempt.drift is not None:
        said.append(("Drift", attempt.drift.what))
    if attempt.pause is not None:
        since = terminal.age(now - attempt.pause.since)
        said.append(("Paused", f"{attempt.pause.because} ({since} ago)"))
    if status.rejected is not None:
        said.append(("Rejected", status.rejected.because))
    said.append(("Way back", way_back(switchover.spec, status)))
    return said


def _evidence(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """Green beside blue; then blue, which is held to what it was like before."""
    both = [one for one in verdicts if not one.metric.startswith(OF_BLUE)]
    alone = [_alone(one) for one in verdicts if one.metric.startswith(OF_BLUE)]
    yield from evidence.aligned(both, sides=("green", "blue"))
    yield from evidence.aligned(alone, sides=("blue", ""))


def _alone(verdict: Verdict) -> Verdict:
    """The verdict without the side that it is not compared with."""
    counted = verdict.counted and replace(verdict.counted, stable_bad=0.0, stable_all=0.0)
    return replace(verdict, metric=verdict.metric.removeprefix(OF_BLUE), counted=counted)


def _progress(status: SwitchoverStatus, now: datetime) -> str:
    """How far they have come, in one line."""
    stage = status.stage
    found = [
        ("asked for", stage.asked_at),
        ("in the objects", stage.written_at),
        ("at the name servers", stage.served_at),
        ("in the requests", stage.confirmed_at),
    ]
    reached = [f"{what} {terminal.age(now - at)} ago" for what, at in found if at is not None]
    return ", ".join(reached[-2:])


def _steps(spec: SwitchoverSpec, status: SwitchoverStatus) -> Iterator[str]:
    at = status.attempt.step
    past = status.stage.name in (SwitchStage.BAKING, SwitchStage.DRAINING)
    past = past or status.serving is Side.GREEN
    marks = []
    for index, step in enumerate(spec.steps):
        mark = "○"
        if past or (at is not None and index < at.index):
            mark = "✓"
        elif at is not None and index == at.index:
            mark = "●"
        marks.append(f"{mark} {step.name}")
    last = "✓" if status.serving is Side.GREEN else "●" if past else "○"
    yield "  ".join([*marks, f"{last} everyone"])


def way_back(spec: SwitchoverSpec, status: SwitchoverStatus) -> str:
    """What the way back would do, and how long it takes."""
    stage = status.stage
    if stage.name is SwitchStage.RETURNING:
        return "under way: everyone back to blue"
    if stage.name in AHEAD or (stage.name is SwitchStage.SERVING and status.serving is Side.BLUE):
        return "none is needed: no weight has moved"
    if stage.name is SwitchStage.SERVING:
        return "exchange blue and green in a switchover of its own"
    ttl = stage.ttl or (status.low_ttl.ttl if status.low_ttl else timedelta(minutes=1))
    return f"weights 100/0; resolvers follow within {words(spec.dns.safety * ttl)}"


def history(status: SwitchoverStatus, now: datetime) -> list[tuple[str, ...]]:
    """The decisions of the past, newest first."""
    return [
        (terminal.age(now - one.at), one.stage.value, one.split, one.because)
        for one in reversed(status.history)
    ]


def explain(switchover: Switchover, status: SwitchoverStatus, now: datetime) -> str:
    """Why it does not move, and what would move it."""
    name, because = switchover.name, status.because
    there = f"switchover/{name} -n {switchover.namespace}"
    if status.attempt.pause is not None and not status.attempt.pause.kind.may_pass:
        return f"{name}: {because}; `rollout resume {there}`, or abort"
    if status.rejected is not None and status.stage.name is SwitchStage.SERVING:
        return f"{name}: {because}; `rollout retry {there}` tries it again"
    then = _THEN.get(status.waits_for) if status.waits_for else None
    follows = then.format(there=there) if then else _bake(switchover.spec, status, now)
    return f"{name}: {because}" + (f"; {follows}" if follows else "")


def _bake(spec: SwitchoverSpec, status: SwitchoverStatus, now: datetime) -> str:
    """How much of a step's least time is left; empty where none runs, or it is over."""
    since, step = status.stage.confirmed_at, status.attempt.step
    if status.stage.name is not SwitchStage.SHIFTING or since is None or step is None:
        return ""
    index = min(step.index, len(spec.steps) - 1)  # of a spec that has fewer steps now
    left = since + spec.steps[index].bake - now
    return f"it bakes {terminal.age(left)} more at least" if left > timedelta(0) else ""


_THEN = {
    WaitsFor.RECORDS: "external-dns and the provider take their time",
    WaitsFor.CACHES: "it goes on by itself when their TTL is over",
    WaitsFor.SHARE: "users follow as their resolvers and connections end",
    WaitsFor.CLUSTER: "it goes on when the cluster answers again",
    WaitsFor.STABLE: "blue must be able to carry everyone",
    WaitsFor.OBJECTS: "somebody must put that right",
    WaitsFor.DATA: "Prometheus must have the counters of both gateways",
    WaitsFor.APPROVAL: "say `rollout approve {there}` or `rollout reject {there}`",
    WaitsFor.DRAIN: "it ends with blue's last connections",
}


def plan(name: str, spec: SwitchoverSpec) -> list[str]:
    """What a push of ``serve: green`` would lead to, step by step."""
    dns = spec.dns
    objects = ", ".join(one.name for one in dns.endpoints)
    lines = [
        f"switchover {name}: {', '.join(dns.names)} from blue to green",
        f"  serve is {spec.serve}" + ("" if spec.serve is Side.GREEN else ": nothing moves"),
        "  checked   the SW rules; then green in the dark, past DNS:",
        *(f"            {probe.url} answers {probe.status}" for probe in spec.probes),
    ]
    if dns.previous_ttl:
        lines.append(f"  waits     {words(dns.previous_ttl)} since the TTL was lowered")
    lines.append(f"  written   aws/weight in DNSEndpoint {objects}, nothing else:")
    for step in spec.steps:
        asks = ", a person says yes" if step.approval else ""
        split = f"blue {100 - step.weight:3} green {step.weight:3}"
        gate = f"bake {words(step.bake)}, evidence until {words(step.time_box)}{asks}"
        lines.append(f"            {split}   {gate}")
    lines.append(f"            blue   0 green 100   bake {words(spec.bake)}")
    lines.append(
        f"  at each   {len(dns.name_servers)} name server(s) sure, {dns.safety} TTLs, "
        f"requests within {dns.share_tolerance:.0%}"
    )
    lines.append(f"  drained   when blue has less than {spec.drain.below:.2%} of the requests")
    lines.append("  way back  weights 100/0 at any of them, in the look that finds a failure")
    return lines
