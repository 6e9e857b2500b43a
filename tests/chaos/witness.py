"""What may never be, asked of every version of every Rollout and VirtualService in etcd.

The laws have the names of docs/simulation.md; there they are asked in simulated worlds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from rollout.manifest import record
from rollout.model.status import PHASE_MAY_FOLLOW, STAGE_MAY_FOLLOW, RolloutStatus
from tests.chaos.plane import Commit
from tests.sim import objects

PLAN = (0, 10, 50, 100)
"""The shares of the canary in the journeys that are watched, in their order."""


@dataclass
class Past:
    """One rollout so far."""

    status: RolloutStatus = field(default_factory=RolloutStatus)
    ids: list[str] = field(default_factory=list)
    path: list[int] = field(default_factory=list)


def broken(rollouts: Sequence[Commit], routes: Sequence[Commit]) -> list[str]:
    """Every law that was broken, with the object; empty: none."""
    past: dict[str, Past] = {}
    every = sorted((*rollouts, *routes), key=lambda commit: commit.revision)
    return [line for commit in every for line in _one(past, commit.obj)]


def path(routes: Sequence[Commit], space: str, name: str) -> list[int]:
    """The shares that v2 had, one after the other, each told once."""
    shares: list[int] = []
    for commit in routes:
        meta = commit.obj["metadata"]
        if (meta["namespace"], meta["name"]) == (space, name):
            share = objects.weights(commit.obj, name)[0].get("v2", 0)
            shares += [share] if shares[-1:] != [share] else []
    return shares


def _one(past: dict[str, Past], obj: Any) -> Iterator[str]:
    meta = obj["metadata"]
    key = f"{meta['namespace']}/{meta['name']}"
    known = past.setdefault(key, Past())
    if obj["kind"] == "VirtualService":
        yield from (f"{key}: {line}" for line in _route(known, obj, str(meta["name"])))
    elif "status" in obj:
        yield from (f"{key}: {line}" for line in _status(known, obj))


def _route(known: Past, obj: Any, name: str) -> Iterator[str]:
    for weights in objects.weights(obj, name):
        if sum(weights.values()) != 100 or min(weights.values()) < 0:
            yield f"S1: {weights}"
        share = weights.get("v2", 0)
        known.path += [share] if known.path[-1:] != [share] else []
    ways = [PLAN.index(share) if share in PLAN else -1 for share in known.path]
    if ways != list(range(ways[0], ways[0] + len(ways))):
        yield f"S5: {known.path} is no path of {PLAN}"


def _status(known: Past, obj: Any) -> Iterator[str]:
    status, ids = record.status(obj), [str(e["id"]) for e in obj["status"].get("history", ())]
    if status.epoch < known.status.epoch:
        yield f"S10: epoch {known.status.epoch} -> {status.epoch}"
    if len({*ids}) != len(ids):
        yield f"S19: a decision twice in {ids}"
    if ids[: len(known.ids)] != known.ids:
        yield f"S19: {known.ids} became {ids}"
    was, now = known.status, status
    if now.phase is not was.phase and now.phase not in PHASE_MAY_FOLLOW[was.phase]:
        yield f"table: phase {was.phase} -> {now.phase}"
    if (
        now.stage.name is not was.stage.name
        and now.stage.name not in STAGE_MAY_FOLLOW[was.stage.name]
    ):
        yield f"table: stage {was.stage.name} -> {now.stage.name}"
    known.status, known.ids = status, ids
