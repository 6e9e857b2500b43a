"""An upgrade of the mesh and a switchover between clusters, as the page shows each in full."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from rollout.messages import requests, switching, terminal, upgrades
from rollout.messages.page import rows, sheet
from rollout.messages.page.rows import Json, short, stamp
from rollout.model.reasons import Verb, WaitsFor
from rollout.model.switchover import Side, Switchover, SwitchoverStatus, SwitchStage
from rollout.model.units import words
from rollout.model.upgrade import ControlPlaneUpgrade
from rollout.model.upgrading import FORWARD, Awaits, State, UpgradeStatus, WaveStatus

NAMESPACES = 200  # of one wave
LINES = 40

Proxies = Mapping[str, Mapping[str, int]]
"""How many pods have a proxy, by namespace and the revision that injected it."""


def upgrade(
    found: ControlPlaneUpgrade, status: UpgradeStatus, proxies: Proxies, now: datetime
) -> Json:
    """An upgrade of the mesh: states, waves, namespaces, and whose the proxies are."""
    return {
        **rows.upgrade(found, status),
        "next": short(upgrades.explain(found, status)),
        "from": short(found.spec.from_),
        "to": short(found.spec.to),
        "author": short(found.author, 80),
        "states": list(_states(status)),
        "waves": list(_waves(found, status, proxies)),
        "proxies": _by_revision(_everywhere(proxies)),
        "verdicts": [sheet.verdict(one) for one in status.attempt.verdicts[:LINES]],
        "notes": list(_notes(_of_upgrade(status, now))),
        "history": [
            {
                "id": short(one.id, 40),
                "at": stamp(one.at),
                "stage": short(f"{one.state.value} {one.stop}".strip()),
                "because": short(one.because),
                "evidence": short(one.evidence),
            }
            for one in reversed(status.history)
        ],
        "verbs": sheet.means(_upgrade_verbs(status), requests.UPGRADE),
    }


def switchover(found: Switchover, status: SwitchoverStatus, meta: Json, now: datetime) -> Json:
    """A switchover: weights, steps, how far the records are, and the way back."""
    facts = switching.facts(found, status, now)
    return {
        **rows.switchover(meta, status),
        "next": short(switching.explain(found, status, now)),
        "stage": status.stage.name.value,
        "share": status.stage.split.canary,
        "names": [short(name, 255) for name in found.spec.dns.names],
        "steps": list(_switch_steps(found, status)),
        "verdicts": [sheet.verdict(one) for one in status.attempt.verdicts[:LINES]],
        "notes": list(_notes((k, v) for k, v in facts if k in _SHOWN)),
        "history": [
            {
                "id": short(one.id, 40),
                "at": stamp(one.at),
                "weight": sheet.canary_of(one.split),
                "split": short(one.split, 20),
                "stage": one.stage.value,
                "because": short(one.because),
            }
            for one in reversed(status.history)
        ],
        "verbs": sheet.means(_switch_verbs(status), requests.SWITCHOVER),
    }


_SHOWN = frozenset({"Serving", "Weights are", "Warning", "Drift", "Paused", "Rejected", "Way back"})


def _states(status: UpgradeStatus) -> Iterator[Json]:
    forward = FORWARD[:-1]
    done = status.state is State.DONE
    at = forward.index(status.state) if status.state in forward else -1
    for index, state in enumerate(forward):
        now = "now" if index == at else "past" if done or index < at else "ahead"
        yield {"name": state.value, "state": now}


def _waves(found: ControlPlaneUpgrade, status: UpgradeStatus, proxies: Proxies) -> Iterator[Json]:
    begun = {wave.group for wave in status.attempt.waves}
    for wave in status.attempt.waves:
        yield _wave(wave, proxies)
    for group in found.spec.groups:
        if group.name not in begun:
            yield {"name": short(group.name), "began": None, "ended": None, "namespaces": []}


def _wave(wave: WaveStatus, proxies: Proxies) -> Json:
    return {
        "name": short(wave.name),
        "began": stamp(wave.began_at),
        "ended": stamp(wave.ended_at),
        "namespaces": [
            {
                "name": short(one.name, 63),
                "standing": one.standing.value,
                "done": one.done,
                "workloads": one.workloads,
                "confidence": one.confidence.value if one.confidence else "",
                "left": [short(left) for left in one.left[:5]],
                "proxies": _by_revision(proxies.get(one.name, {})),
            }
            for one in wave.namespaces[:NAMESPACES]
        ],
    }


def _everywhere(proxies: Proxies) -> Mapping[str, int]:
    counts: Counter[str] = Counter()
    for inside in proxies.values():
        counts.update(inside)
    return counts


def _by_revision(counts: Mapping[str, int]) -> list[Json]:
    return [{"revision": short(name, 63), "count": counts[name]} for name in sorted(counts)]


def _of_upgrade(status: UpgradeStatus, now: datetime) -> Iterator[tuple[str, str]]:
    attempt = status.attempt
    yield "State", upgrades.progress(status)
    if status.awaits is not None:
        yield "Next", upgrades.NEXT[status.awaits]
    if attempt.pause is not None:
        since = terminal.age(now - attempt.pause.since)
        yield "Paused", f"{attempt.pause.because} ({since} ago)"
    yield from (("Warning", text) for text in attempt.warnings)
    yield "Way back", upgrades.way_back(status)
    if status.refused is not None:
        yield "Given up", f"{status.refused.to}: {status.refused.because}"


def _upgrade_verbs(status: UpgradeStatus) -> Iterator[Verb]:
    moving = status.state in FORWARD[:-1]
    if status.awaits is Awaits.APPROVAL:
        yield from (Verb.APPROVE, Verb.REJECT)
    if status.attempt.pause is not None:
        yield Verb.RESUME
    elif moving:
        yield Verb.PAUSE
    if moving and not status.attempt.removing:
        yield Verb.ABORT
    if status.state is State.RETURNED:
        yield Verb.RETRY


def _switch_verbs(status: SwitchoverStatus) -> Iterator[Verb]:
    stage = status.stage.name
    if status.waits_for is WaitsFor.APPROVAL:
        yield from (Verb.APPROVE, Verb.REJECT)
    if status.attempt.pause is not None:
        yield Verb.RESUME
    elif stage not in (SwitchStage.SERVING, SwitchStage.RETURNING):
        yield Verb.PAUSE
    if stage not in (SwitchStage.SERVING, SwitchStage.RETURNING):
        yield Verb.ABORT
    if stage is SwitchStage.SERVING and status.rejected is not None:
        yield Verb.RETRY


def _switch_steps(found: Switchover, status: SwitchoverStatus) -> Iterator[Json]:
    at = status.attempt.step
    past = status.stage.name in (SwitchStage.BAKING, SwitchStage.DRAINING)
    past = past or status.serving is Side.GREEN
    for index, step in enumerate(found.spec.steps):
        before = past or (at is not None and index < at.index)
        now = at is not None and index == at.index and not past
        asks = ", approval" if step.approval is not None else ""
        yield {
            "name": step.name,
            "weight": step.weight,
            "state": "now" if now else "past" if before else "ahead",
            "gate": f"bake {words(step.bake)}{asks}",
        }


def _notes(said: Iterable[tuple[str, str]]) -> Iterator[Json]:
    yield from ({"label": label, "text": short(text)} for label, text in [*said][:LINES])
