"""At rest git's word is in force or refused, and nothing of a journey is left: S37."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rollout.model.spec import MANAGER
from rollout.model.status import Phase, RolloutStatus, Stage
from tests.controller.shop import NAMESPACE
from tests.sim import objects
from tests.sim.plan import MARKS, STRANGE

if TYPE_CHECKING:
    from tests.sim.plan import Subject
    from tests.sim.world import World


def left(world: World, name: str, subject: Subject, status: RolloutStatus) -> str:
    """What is not as it should be once everybody has come to rest; empty: all is."""
    if any(world.fired[kind] for kind in (*MARKS, *STRANGE)):
        return ""  # whose a subset is, and what a route was, is told by our marks alone
    if status.stage.name is not Stage.IDLE or status.phase is Phase.PAUSED or not status.stable:
        return ""
    return (
        _unasked(world, name, status)
        or _rule(world, name, subject, status.stable.name)
        or _pods(world, name, subject, status.stable.name)
        or _unnamed(world, name)
    )


def _unasked(world: World, name: str, status: RolloutStatus) -> str:
    """Git asks for stable, or for what was rejected; a source may hold what git says."""
    rejected = status.rejected.revision if status.rejected else None
    known = [one.name for one in (status.stable, rejected) if one]
    if world.plan.setup.sourced or world.asked[name] in known:
        return ""
    return f"{world.asked[name]} is asked for, and {status.because}"


def _rule(world: World, name: str, subject: Subject, stable: str) -> str:
    """By role the author's subset is there, means stable, and is alone but for what routes name."""
    rule = world.server.get("DestinationRule", NAMESPACE, name)
    if subject.author != "role" or rule is None or subject.rule != "own" or world.team:
        return ""
    authored = json.dumps(objects.mesh(name, subject)[-1]["spec"])
    subsets = {
        one["name"]: objects.means(one)
        for one in objects.written(rule).get("subsets") or ()
        if one["name"] == "stable" or f'"{one["name"]}"' not in authored
    }
    return "" if subsets == {"stable": stable} else f"its subsets are {subsets}"


def _unnamed(world: World, name: str) -> str:
    """No field of a VirtualService that the Rollout names no more is managed by us."""
    named = ((world.rollout(name) or {"spec": {}})["spec"].get("traffic") or {}).get(
        "virtualServices", [{"name": f"{name}-edge"}]
    )
    held = world.server.get("VirtualService", NAMESPACE, f"{name}-edge")
    if held is None or {"name": f"{name}-edge"} in named:
        return ""
    ours = [one["manager"] for one in held["metadata"].get("managedFields") or ()]
    return f"{name}-edge is managed by {ours}" if MANAGER in ours else ""


_SCALING = ("deployment scaled", "deployment deleted", "delete")


def _pods(world: World, name: str, subject: Subject, stable: str) -> str:
    """Where pods are ours to scale, none but stable's run; unless people scaled them."""
    scaled = any(mishap.do in _SCALING for mishap in world.plan.mishaps)
    if subject.workload == "user" or scaled:
        return ""
    for called in objects.REVISIONS:
        revision = world.named(name, called)
        held = world.server.get("Deployment", NAMESPACE, f"{name}-{revision}")
        runs = int(held["spec"].get("replicas", 1)) if held else 0
        if bool(runs) is not (revision == stable):
            return f"{revision} has {runs} pods, and {stable} is stable"
    return ""
