"""The plan of an upgrade of the mesh as lines for a terminal, and as JSON; nothing is decided."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any

from rollout.messages.planned import Line, Tone, span
from rollout.model.finding import Finding, Severity
from rollout.model.units import counted
from rollout.model.upgradeplan import PlannedSpace, PlannedStop, PlannedWave, UpgradePlan

_NAMED = 4
_RESTARTS = {
    "annotation": "",
    "restartAt": " by restartAt",
    "pod by pod": " pod by pod",
    "manual": " by hand",
}


def lines(plan: UpgradePlan, findings: Sequence[Finding]) -> Iterator[Line]:
    """The plan, at most 80 columns wide where names allow it; blocks and warnings come first."""
    spaces = sum(len(wave.spaces) for wave in plan.waves)
    works = sum(len(space.workloads) for wave in plan.waves for space in wave.spaces)
    yield f"upgrade/{plan.name}: {plan.old} -> {plan.new}", Tone.HEAD
    scope = (counted(len(plan.waves), "wave"), counted(spaces, "namespace"))
    restarted = (counted(works, "workload"), counted(plan.pods, "pod"))
    yield ", ".join((*scope, *restarted)) + " to restart", Tone.PLAIN
    yield f"about {span(plan.takes)} in all; people and evidence may take longer", Tone.FAINT
    for finding in findings:
        if finding.severity is not Severity.INFO:
            yield f"! {finding}", Tone.WARNING
    for wave in plan.waves:
        yield from _wave(wave, plan)
    yield from _stops(plan)
    yield from _end(plan)


def _wave(wave: PlannedWave, plan: UpgradePlan) -> Iterator[Line]:
    yield "", Tone.PLAIN
    what = f"{counted(len(wave.spaces), 'namespace')}, {counted(wave.pods, 'pod')}"
    yield f"wave {wave.name}: {what}, about {span(wave.takes)}", Tone.HEAD
    waits = f"bakes {span(wave.bake)}" + (", then asks people" if wave.approval else "")
    yield f"  {waits}", Tone.FAINT
    if wave.tag:
        yield f"  tag {wave.tag} moves to {plan.new}; labels stay as they are", Tone.PLAIN
    for space in wave.spaces:
        yield from _space(space, plan.new)
    if wave.missing:
        yield f"  ! not at {plan.old}: {_named(wave.missing)}", Tone.WARNING


def _space(space: PlannedSpace, new: str) -> Iterator[Line]:
    label = f"{space.label} -> istio.io/rev={new}" if space.label else "by its tag"
    yield f"  {space.name}: {label}", Tone.PLAIN
    restarted = f"{counted(len(space.workloads), 'workload')}, {counted(space.pods, 'pod')}"
    yield f"    restarts {restarted}, about {span(space.takes)}", Tone.FAINT
    odd = [each for each in space.workloads if _RESTARTS[each.restart]]
    for each in odd[:_NAMED]:
        yield f"    {each.ref.kind.lower()} {each.ref.name}{_RESTARTS[each.restart]}", Tone.PLAIN
    for what, refs in (
        ("lets no pod go now", space.budgets),
        ("cannot be restarted; the old revision stays until it is gone", space.left),
        ("would move in place", space.gateways),
    ):
        for ref in refs[:_NAMED]:
            yield f"    ! {ref.kind.lower()} {ref.name} {what}", Tone.WARNING
        if len(refs) > _NAMED:
            yield f"    ! and {len(refs) - _NAMED} more", Tone.WARNING


def _stops(plan: UpgradePlan) -> Iterator[Line]:
    for what, stops in (("gateway", plan.gateways), ("tag", plan.tags)):
        for stop in stops:
            yield "", Tone.PLAIN
            yield f"{_title(what, stop)}: about {span(stop.takes)}", Tone.HEAD
            yield f"  {stop.how}", Tone.PLAIN


def _title(what: str, stop: PlannedStop) -> str:
    return stop.name if stop.name == "default" else f"{what} {stop.name}"


def _end(plan: UpgradePlan) -> Iterator[Line]:
    yield "", Tone.PLAIN
    yield f"bake: {span(plan.bake)}; nothing changes", Tone.HEAD
    if plan.removal:
        yield f"then {plan.old} is removed after a person's yes: no way back from there", Tone.HEAD
    else:
        yield f"{plan.old} stays", Tone.HEAD
    if plan.uncovered:
        yield f"! in no wave: {_named(plan.uncovered)}", Tone.WARNING
    if plan.own:
        yield f"! named by their own pods: {_named(map(str, plan.own))}", Tone.WARNING


def _named(names: Iterable[str]) -> str:
    every = list(names)
    more = len(every) - _NAMED
    return ", ".join(every[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def plain(plan: UpgradePlan, findings: Sequence[Finding]) -> dict[str, Any]:
    """The plan for machines; times are whole seconds."""
    return {
        "upgrade": plan.name,
        "from": plan.old,
        "to": plan.new,
        "seconds": _seconds(plan.takes),
        "pods": plan.pods,
        "waves": [_plain_wave(wave) for wave in plan.waves],
        "gateways": [_plain_stop(stop) for stop in plan.gateways],
        "tags": [_plain_stop(stop) for stop in plan.tags],
        "bakeSeconds": _seconds(plan.bake),
        "removal": plan.removal or "keep",
        "uncovered": list(plan.uncovered),
        "ownLabels": [str(ref) for ref in plan.own],
        "findings": [
            {"rule": each.rule, "severity": each.severity.value, "text": each.text}
            for each in findings
        ],
    }


def _plain_wave(wave: PlannedWave) -> dict[str, Any]:
    return {
        "name": wave.name,
        "tag": wave.tag,
        "seconds": _seconds(wave.takes),
        "bakeSeconds": _seconds(wave.bake),
        "approval": wave.approval,
        "missing": list(wave.missing),
        "namespaces": [
            {
                "name": space.name,
                "label": space.label,
                "seconds": _seconds(space.takes),
                "pods": space.pods,
                "workloads": [
                    {
                        "object": str(each.ref),
                        "pods": each.pods,
                        "restart": each.restart.value,
                        "seconds": _seconds(each.takes),
                    }
                    for each in space.workloads
                ],
                "budgets": [str(ref) for ref in space.budgets],
                "left": [str(ref) for ref in space.left],
                "gateways": [str(ref) for ref in space.gateways],
            }
            for space in wave.spaces
        ],
    }


def _plain_stop(stop: PlannedStop) -> dict[str, Any]:
    return {"name": stop.name, "how": stop.how, "seconds": _seconds(stop.takes)}


def _seconds(time: timedelta) -> int:
    return int(time.total_seconds())
