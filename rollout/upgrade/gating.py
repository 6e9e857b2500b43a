"""The gate of an upgrade: the product's own, on requests into namespaces as they are and were.

What moved is compared with itself before it moved, because no two namespaces are alike; and what
did not move is compared with its own past, too, as the control: what got worse everywhere is not
the upgrade's. All else of a gate (bake, time box, approvals, evidence) is a Rollout's, and so is
the gate itself: here is only what it is handed.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from rollout import gate
from rollout.gate import Finding, Gate, Held, Window
from rollout.model.inventory import Inventory
from rollout.model.observation import CountsQuestion, Observation, SeenTraffic, Side, ValueQuestion
from rollout.model.reasons import PauseKind
from rollout.model.spec import (
    Canary,
    Metric,
    Rollout,
    RolloutSpec,
    Step,
    Strategy,
    Workload,
)
from rollout.model.status import Attempt, RolloutStatus, StepStatus, Verdict
from rollout.model.upgrade import ControlPlaneUpgrade
from rollout.model.upgradelook import MeshObservation
from rollout.model.upgrading import (
    Compared,
    Standing,
    State,
    StopStatus,
    UpgradeStatus,
    WayBack,
)
from rollout.upgrade.look import namespaces, wave
from rollout.upgrade.stops import Stop, current

BEFORE, NOW = "before", "now"
MOVED, BESIDE = "moved", "beside"
MOST_PODS = 200
"""Pods counted on either side: their counters are remembered one by one in the status."""

SLOWEST = 30.0
"""Seconds from a change to the proxies, at the 99th percentile, beyond which nothing goes on."""


def compared(upgrade: ControlPlaneUpgrade, status: UpgradeStatus, inventory: Inventory) -> Compared:
    """What this stop has moved, and what has not moved at all.

    A wave is judged by its own namespaces, everything later by all that moved.
    """
    here = wave(status, _wave_name(upgrade, status))
    moved = [each.name for each in (here.namespaces if here else namespaces(status))]
    known = {each.name for each in namespaces(status) if each.standing is not Standing.WAITING}
    return few(inventory, moved, elsewhere(inventory, known | set(moved)))


def elsewhere(inventory: Inventory, begun: set[str]) -> list[str]:
    """The namespaces that have proxies and are none of these."""
    return sorted({pod.namespace for pod in inventory.pods if pod.proxies} - begun)


def few(inventory: Inventory, moved: list[str], others: list[str]) -> Compared:
    """As many of either side as are counted pod by pod."""
    return Compared(_few(inventory, moved), _few(inventory, others))


def _wave_name(upgrade: ControlPlaneUpgrade, status: UpgradeStatus) -> str:
    stop = status.attempt.stop
    if stop is None or status.state not in (State.CANARY, State.WAVES):
        return ""
    return wave_name(current(upgrade.spec, status), status)


def wave_name(stop: Stop, status: UpgradeStatus) -> str:
    """The name under which the wave we are at is remembered."""
    if stop.wave is None or not stop.wave.one_at_a_time or status.attempt.stop is None:
        return stop.name
    return status.attempt.stop.part_name


def _few(inventory: Inventory, names: list[str]) -> tuple[str, ...]:
    """As many of ``names`` as are counted pod by pod; at least one."""
    pods: dict[str, int] = {}
    for pod in inventory.pods:
        pods[pod.namespace] = pods.get(pod.namespace, 0) + (pod.proxies > 0)
    chosen: list[str] = []
    for name in names:
        if chosen and sum(pods.get(one, 0) for one in (*chosen, name)) > MOST_PODS:
            break
        chosen.append(name)
    return tuple(chosen)


def questions(
    upgrade: ControlPlaneUpgrade, status: UpgradeStatus, now: datetime
) -> tuple[tuple[CountsQuestion, ...], tuple[ValueQuestion, ...]]:
    """What Prometheus must be asked for the stop we are at; nothing before it is confirmed."""
    counts: list[CountsQuestion] = []
    values: list[ValueQuestion] = []
    for name, held in _held(upgrade, status, now).items():
        asked, read = gate.questions(_rollout(upgrade), held, _status(status, name), now)
        counts += [replace(one, metric=_key(name, one.metric)) for one in asked]
        values += [replace(one, metric=_key(name, one.metric)) for one in read]
    return tuple(counts), tuple(values)


def groups(upgrade: ControlPlaneUpgrade, status: UpgradeStatus, now: datetime) -> tuple[str, ...]:
    """The user groups whose members decide whether the stop we are at is approved."""
    approval = current(upgrade.spec, status).approval
    if approval is None:
        return ()
    return gate.groups(_rollout(upgrade), approval, _status(status, MOVED), now)


def _key(name: str, metric: str) -> str:
    """The two comparisons count the same metrics, so that their answers are told apart."""
    return f"{name}:{metric}"


def _held(upgrade: ControlPlaneUpgrade, status: UpgradeStatus, now: datetime) -> dict[str, Held]:
    """What the gate is handed: the comparison of what moved, and its control."""
    stop, at = current(upgrade.spec, status), status.attempt.stop
    if at is None or at.confirmed_at is None:
        return {}
    step, waited = stop.step, now - at.confirmed_at
    if not stop.judged:
        return {MOVED: Held(step, None, waited)}
    known = status.attempt.compared
    goes_back = status.state is State.RETURNING
    whole = step if goes_back else replace(step, analysis=_control_plane(upgrade, status))
    ago = _ago(upgrade, status.attempt.way_back, at, step.longest)
    window = _window(at, at.confirmed_at, known.moved, ago)
    held = {MOVED: Held(whole, window, waited, step.longest)}
    if known.beside:
        alone = replace(Step(name=BESIDE, bake=step.bake, time_box=step.time_box))
        window = _window(at, at.confirmed_at, known.beside, ago)
        held[BESIDE] = Held(alone, window, waited, step.longest)
    return held


def _window(
    at: StopStatus, since: datetime, names: tuple[str, ...], ago: timedelta
) -> Window | None:
    """These namespaces now and before the stop began; None where there are none."""
    if not names:
        return None
    return Window(
        namespace="",
        stable=BEFORE,
        canary=NOW,
        workloads={BEFORE: f"{', '.join(names[:2])} before", NOW: f"{', '.join(names[:2])} now"},
        since=since,
        step=at.number,
        weight=50,
        next_weight=50,
        asked=since,
        sides={BEFORE: Side(names, ago), NOW: Side(names)},
    )


def _ago(
    upgrade: ControlPlaneUpgrade, back: WayBack | None, at: StopStatus, longest: timedelta
) -> timedelta:
    """How much earlier the time before is: all that may be looked at ends before the stop began.

    On the way back: before the stop began that it is taken back from.
    A whole number of intervals, so that the counters of both are taken at shared instants.
    """
    every, well = upgrade.spec.analysis.interval, back.well_until if back is not None else None
    took = (at.confirmed_at or at.entered_at) - (well or at.entered_at) + longest
    return -(-took // every) * every


def _control_plane(upgrade: ControlPlaneUpgrade, status: UpgradeStatus) -> tuple[Metric, ...]:
    """What the new control plane says of itself; every number must be there to be believed.

    Source: Istio, "pilot-discovery" reference, "Exported metrics".
    """
    pods = f'pod=~"{status.attempt.istiod or "istiod"}-.*"'
    rejects = f"sum(increase(pilot_total_xds_rejects{{{pods}}}[2m]))"
    broken = f'sum(increase(pilot_xds_pushes{{{pods},type=~".*senderr"}}[2m]))'
    p99 = (
        "histogram_quantile(0.99, sum by (le) "
        f"(rate(pilot_proxy_convergence_time_bucket{{{pods}}}[5m])))"
    )
    return (
        Metric("istiod", query=f"sum(pilot_xds{{{pods}}})", min=1),
        Metric("rejected-configs", query=f"{rejects} or vector(0)", max=0),
        Metric("push-errors", query=f"{broken} or vector(0)", max=0),
        Metric("convergence", query=f"({p99} >= 0) or vector(0)", max=SLOWEST),
    )


def answer(
    upgrade: ControlPlaneUpgrade, status: UpgradeStatus, seen: MeshObservation, now: datetime
) -> Finding:
    """Whether the stop may end now; what got worse beside, too, fails nobody."""
    found = findings(upgrade, status, seen, now)
    if MOVED not in found:
        return Finding(Gate.HOLD, "not confirmed yet")
    return together(found)


def findings(
    upgrade: ControlPlaneUpgrade, status: UpgradeStatus, seen: MeshObservation, now: datetime
) -> dict[str, Finding]:
    """What the gate says of ``MOVED``, and of ``BESIDE`` where something is; empty: too early."""
    return {
        name: gate.answer(
            _rollout(upgrade), each, _status(status, name), _observed(name, seen), now
        )
        for name, each in _held(upgrade, status, now).items()
    }


def together(found: Mapping[str, Finding]) -> Finding:
    """The one answer of both."""
    moved, beside = found[MOVED], found.get(BESIDE)
    checkpoint: dict[str, Any] = {
        name: dict(each.checkpoint) for name, each in found.items() if each.checkpoint is not None
    }
    control = tuple(_beside(v) for v in beside.verdicts) if beside else ()
    verdicts = (*moved.verdicts, *control)
    finding = replace(moved, verdicts=verdicts, checkpoint=checkpoint)
    if moved.gate is Gate.FAILED and beside is not None and beside.gate is Gate.FAILED:
        because = f"worse everywhere, also where nothing moved: {moved.because}"
        return replace(finding, gate=Gate.HOLD, because=because, pause=PauseKind.SUSPICIOUS)
    return finding


def _beside(verdict: Verdict) -> Verdict:
    text = f"beside: {verdict.text}"[:249]
    return replace(verdict, metric=_key(BESIDE, verdict.metric), text=text)


def _observed(name: str, seen: MeshObservation) -> Observation:
    """The part of the observation that answers one comparison."""
    begins = f"{name}:"
    return Observation(
        asked=None,
        traffic=SeenTraffic(),
        counts=tuple(
            replace(one, metric=one.metric.removeprefix(begins))
            for one in seen.counts
            if one.metric.startswith(begins)
        ),
        values=tuple(
            replace(one, metric=one.metric.removeprefix(begins))
            for one in seen.values
            if one.metric.startswith(begins)
        ),
        no_answers=tuple(
            replace(one, metric=one.metric.removeprefix(begins))
            for one in seen.no_answers
            if one.metric.startswith(begins)
        ),
        unasked=seen.unasked,
        members=seen.members,
    )


def _rollout(upgrade: ControlPlaneUpgrade) -> Rollout:
    """The upgrade as the gate reads it: what is asked of its analysis, and by whom it was asked."""
    spec = RolloutSpec(
        service="mesh",
        workload=Workload(deployments="{revision}"),
        strategy=Strategy(canary=Canary()),
        revision=NOW,
        analysis=upgrade.spec.analysis,
        notify=upgrade.spec.notify,
        progress_deadline=upgrade.spec.progress_deadline,
    )
    return Rollout(
        name=upgrade.name,
        namespace="",
        uid=upgrade.uid,
        generation=upgrade.generation,
        spec=spec,
        commit=upgrade.commit,
        author=upgrade.author,
    )


def _status(status: UpgradeStatus, name: str) -> RolloutStatus:
    """What the gate reads of a status: the stop as a step, the people's answers, its memory.

    Nobody answers about namespaces that did not move: a no would be taken for harm everywhere.
    """
    stop, kept = status.attempt.stop, status.attempt.checkpoint.get(name)
    at = StepStatus(stop.number, stop.name, stop.entered_at) if stop else None
    return RolloutStatus(
        attempt=Attempt(
            number=status.attempt.number,
            step=at,
            verdicts=status.attempt.verdicts,
            approvals=status.attempt.approvals if name == MOVED else (),
            checkpoint=kept if isinstance(kept, Mapping) else {},
        )
    )
