"""An upgrade of the mesh in words for a terminal of 80 columns; nothing is printed from here."""

import textwrap
from collections.abc import Iterator
from datetime import datetime, timedelta

from rollout.messages import evidence
from rollout.messages.terminal import age
from rollout.model.units import counted
from rollout.model.upgrade import ControlPlaneUpgrade
from rollout.model.upgrading import (
    FORWARD,
    Awaits,
    Confidence,
    NamespaceStatus,
    Standing,
    State,
    UpgradeStatus,
    WaveStatus,
)

HEAD = ("NAME", "PHASE", "FROM", "TO", "STATE", "AT", "BECAUSE")
HISTORY_HEAD = ("ID", "AGE", "STATE", "AT", "BECAUSE")
WIDTH = 66
"""Of a text beside its label, so that both fit into 80 columns."""

A_CHANGE = timedelta(seconds=20)
"""What taking back one label, tag or validator takes, with the look that confirms it."""
A_WORKLOAD = timedelta(minutes=1)
"""What restarting one workload takes where nothing is known of it yet."""

Facts = list[tuple[str, str]]


def row(upgrade: ControlPlaneUpgrade, status: UpgradeStatus) -> tuple[str, ...]:
    """One line of the table, aligned with ``HEAD``."""
    stop, spec = status.attempt.stop, upgrade.spec
    cells = (
        upgrade.key,
        status.phase.value,
        spec.from_,
        spec.to,
        status.state.value,
        stop.name if stop else "",
        status.because,
    )
    return tuple(cell or "-" for cell in cells)


def facts(upgrade: ControlPlaneUpgrade, status: UpgradeStatus, now: datetime) -> Facts:
    """Everything about one upgrade: label and text, a line each."""
    since = f", for {age(now - status.since)}" if status.since else ""
    said = [
        ("Upgrade", f"{upgrade.key}: {upgrade.spec.from_} to {upgrade.spec.to}"),
        ("Phase", f"{status.phase.value}, {progress(status)}{since}"),
        ("Because", status.because),
    ]
    if status.awaits is not None:
        said.append(("Next", NEXT[status.awaits]))
    said += [("Waves", line) for line in waves(upgrade, status)]
    said += [("Evidence", line) for line in evidence.aligned(status.attempt.verdicts)]
    said += [("Warning", text) for text in status.attempt.warnings]
    said.append(("Way back", way_back(status)))
    if status.refused is not None:
        said.append(("Given up", f"{status.refused.to}: {status.refused.because}"))
    return [(label, line) for label, text in said for line in wrapped(text)]


def wrapped(text: str) -> list[str]:
    """``text`` in lines that fit beside a label."""
    return textwrap.wrap(text, WIDTH) or [""]


def progress(status: UpgradeStatus) -> str:
    """The state, and which of ten it is on the way there."""
    if status.state not in FORWARD[:-1]:
        return status.state.value
    return f"{status.state.value} ({FORWARD.index(status.state) + 1} of {len(FORWARD) - 1})"


def waves(upgrade: ControlPlaneUpgrade, status: UpgradeStatus) -> Iterator[str]:
    """A line for each wave, and under those that have begun one for each namespace."""
    for one in status.attempt.waves:
        yield _wave(status, one)
        yield from (f"  {_space(each)}" for each in _shown(one))
    yield from _ahead(upgrade, status)


def waves_in_short(upgrade: ControlPlaneUpgrade, status: UpgradeStatus) -> Iterator[str]:
    """As ``waves``, without their namespaces; of many waves those under way, the rest counted."""
    begun, ahead = status.attempt.waves, list(_ahead(upgrade, status))
    if len(begun) + len(ahead) <= FEW:
        yield from (_wave(status, one) for one in begun)
        yield from ahead
        return
    under_way = [
        one for one in begun if any(each.standing is not Standing.MOVED for each in one.namespaces)
    ]
    if whole := len(begun) - len(under_way):
        yield f"moved: {counted(whole, 'wave')}"
    yield from (_wave(status, one) for one in under_way[: FEW - 2])
    if ahead:
        yield f"not begun: {len(ahead)} more"


def _wave(status: UpgradeStatus, one: WaveStatus) -> str:
    """How many of its namespaces are where the upgrade is taking them."""
    goes_back = status.state in (State.RETURNING, State.RETURNED)
    wanted, word = (Standing.RETURNED, "back") if goes_back else (Standing.MOVED, "moved")
    there = sum(each.standing is wanted for each in one.namespaces)
    return f"{one.name}: {there} of {len(one.namespaces)} namespaces {word}"


def _ahead(upgrade: ControlPlaneUpgrade, status: UpgradeStatus) -> Iterator[str]:
    """A line for each group of which no wave has begun."""
    begun = {one.group for one in status.attempt.waves}
    yield from (
        f"{group.name}: not begun" for group in upgrade.spec.groups if group.name not in begun
    )


FEW = 5
"""Waves told of one by one in a message."""
MOST = 12
"""Namespaces shown of one wave; those that are at rest are left out first."""


def _shown(one: WaveStatus) -> list[NamespaceStatus]:
    if len(one.namespaces) <= MOST:
        return list(one.namespaces)
    rest = (Standing.MOVED, Standing.WAITING, Standing.RETURNED)
    return [each for each in one.namespaces if each.standing not in rest][:MOST]


def _space(each: NamespaceStatus) -> str:
    known = ", by annotations only" if each.confidence is Confidence.ANNOTATIONS else ""
    counted = f" {each.done}/{each.workloads} workloads" if each.workloads else ""
    left = f"; left as they are: {', '.join(each.left[:3])}" if each.left else ""
    return f"{each.name}: {each.standing.value}{counted}{known}{left}"


NEXT = {
    Awaits.FINDINGS: "put it right, or overrule it in spec.preflight.overrule",
    Awaits.INSTALLER: "whoever installs the new control plane",
    Awaits.CONTROL_PLANE: "the control plane must be whole",
    Awaits.BRAKE: "Istio's configuration must be writable",
    Awaits.ROLLOUTS: "the release under way must end",
    Awaits.OWNER: "stop whoever puts it back, then resume writes it again; or abort",
    Awaits.INJECTION: "a pod tried there must get its one proxy",
    Awaits.PODS: "pods are on their way",
    Awaits.PROXIES: "proxies are on their way to their istiod",
    Awaits.BAKE: "time",
    Awaits.EVIDENCE: "more requests",
    Awaits.DATA: "metrics must be there",
    Awaits.APPROVAL: "rollout approve, or rollout reject",
    Awaits.USERS: "what still uses the old revision must move",
    Awaits.OBJECTS: "somebody must put it right",
    Awaits.DRIFT: "resume leaves the edit as it is; abort goes back",
    Awaits.WORSE: "see why the old revision does worse; resume takes back the rest",
    Awaits.FREEZE: "nothing new begins before the freeze is over",
}
"""What would move it on, in words."""


_AS_BEFORE = (Standing.WAITING, Standing.RETURNED)


def way_back(status: UpgradeStatus) -> str:
    """What an abort would do now, and about how long it would take; on it: what is left of it."""
    attempt = status.attempt
    if attempt.way_back is not None and attempt.way_back.seen:
        return attempt.way_back.seen
    if attempt.removing or status.state is State.DONE:
        return "none: the old control plane is gone"
    begun = [
        each for one in attempt.waves for each in one.namespaces if each.standing not in _AS_BEFORE
    ]
    left = attempt.way_back.left if attempt.way_back else len(attempt.changes)
    if not begun and not left:
        return "nothing was changed"
    steps = dict.fromkeys(
        change.step
        for change in attempt.changes[:left]
        if change.ref.kind != "Namespace" and change.step not in {one.name for one in attempt.waves}
    )
    parts = [f"restarts in {counted(len(begun), 'namespace')}"] if begun else []
    parts += [f"takes back {', '.join(reversed(steps))}"] if steps else []
    return f"{', '.join(parts) or 'puts labels back'}; about {age(time_back(status))}"


def time_back(status: UpgradeStatus) -> timedelta:
    """As long as the way there took for what has to go back, and a moment for each change."""
    attempt, took = status.attempt, timedelta(0)
    for one in attempt.waves:
        begun = [each for each in one.namespaces if each.standing not in _AS_BEFORE]
        if one.began_at and one.ended_at and begun:
            took += (one.ended_at - one.began_at) * len(begun) / max(1, len(one.namespaces))
        else:
            took += A_WORKLOAD * sum(max(1, each.workloads) for each in begun)
    left = attempt.way_back.left if attempt.way_back else len(attempt.changes)
    return took + A_CHANGE * left


def explain(upgrade: ControlPlaneUpgrade, status: UpgradeStatus) -> str:
    """Why it is not moving, and what would move it, in one sentence."""
    said = f"{upgrade.key} is in {progress(status)}: {status.because}"
    return f"{said}; {NEXT[status.awaits]}" if status.awaits is not None else said


def history(status: UpgradeStatus, now: datetime) -> list[tuple[str, ...]]:
    """The last decisions, newest first, aligned with ``HISTORY_HEAD``."""
    return [
        (one.id, age(now - one.at), one.state.value, one.stop or "-", one.because)
        for one in reversed(status.history)
    ]
