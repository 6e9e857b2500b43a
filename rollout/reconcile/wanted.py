"""What the world should be, as a function of the status and the spec alone."""

from collections.abc import Mapping

from rollout import requests, strategies
from rollout.memo import changed, remembered
from rollout.model.observation import Observation
from rollout.model.reasons import Verb
from rollout.model.spec import Rollout
from rollout.model.status import Revision, RolloutStatus, Stage
from rollout.model.traffic import STABLE_ONLY, Route, Split, Sticky, SubsetMode, Target

_RELEASED = {Stage.IDLE, Stage.PREPARING, Stage.RETIRING, Stage.CLEANING}
_RESTING = {Stage.IDLE, Stage.RETIRING, Stage.CLEANING}
_EVERYONE = {Stage.SWITCHING, Stage.BAKING, Stage.REPOINTING}


def released(status: RolloutStatus) -> bool:
    """Whether nothing of ours should be left on the routes."""
    found = status.stage.name is Stage.PREPARING and status.attempt.taken_over is not None
    return status.stage.name in _RELEASED and not found


def target(rollout: Rollout, status: RolloutStatus) -> Target:
    """What of the mesh's objects is this rollout's now."""
    role = _by_role(status)
    names = status.stable_subset, status.attempt.subset
    return _target(rollout, *names, by_role=role, apart=status.revisions_isolated)


@remembered
def _target(rollout: Rollout, stable: str, canary: str, *, by_role: bool, apart: bool) -> Target:
    before = rollout.target
    return changed(
        before,
        stable=stable or before.stable,
        canary=canary or (before.canary if by_role else ""),
        apart=apart,
    )


def route(rollout: Rollout, status: RolloutStatus) -> Route:
    """Where requests should go now."""
    if status.stage.name is Stage.STEPPING and status.attempt.step is not None:
        stop = strategies.plan(rollout.spec.strategy).at(status.attempt.step.index)
        sticky = _sticky(rollout, status, status.attempt.step.index)
        return changed(stop.route, split=status.stage.split, sticky=sticky)
    if status.stage.name in _EVERYONE:
        return strategies.everyone()
    if status.stage.name is Stage.WITHDRAWING:
        return Route(status.stage.split)
    if status.stage.name is Stage.PREPARING and status.attempt.taken_over is not None:
        return Route(status.attempt.taken_over)
    return STABLE_ONLY


def _sticky(rollout: Rollout, status: RolloutStatus, index: int) -> Sticky | None:
    """The cookie of this attempt; another attempt has other values, so nobody is remembered."""
    wanted = rollout.spec.traffic.stickiness
    if wanted is None or status.attempt.canary is None or status.stage.split.canary == 0:
        return None
    stops = strategies.plan(rollout.spec.strategy).stops
    before = [(i, s.route.split.canary) for i, s in enumerate(stops[:index])]
    return Sticky(
        wanted.cookie,
        f"{status.attempt.canary.name}-{status.attempt.number}",
        wanted.for_,
        _home(status, index),
        tuple((_home(status, i), _moving(w, status.stage.split.canary)) for i, w in before if w),
    )


def _home(status: RolloutStatus, step: int) -> str:
    """The cookie's value for users who got stable at ``step``; no revision's name has colons."""
    return f"stable:{status.attempt.number}:{step}"


def _moving(before: int, now: int) -> int:
    """Percent of stable's users to move when the canary's share rises from ``before`` to ``now``.

    So many that ``now`` percent of all users are on it: who moved before is there already.
    """
    return 100 if before >= 100 else max(0, round(100 * (now - before) / (100 - before)))


def subsets(status: RolloutStatus, seen: Observation) -> Mapping[str, Mapping[str, str]]:
    """Subset name to the labels it must select now; subsets not named here are left alone.

    By version only a missing subset is ours to make.
    While idle nothing is made but what a route names, or will have to; yet a subset ``stable``
    that is there must mean stable.
    """
    here, name = seen.traffic.subsets, status.stable_subset
    names = {name: pod_labels(status.stable, seen)}
    if status.stage.name in _RESTING:
        missed = name in seen.traffic.referenced or status.revisions_isolated or seen.strangers > 0
        names = names if name in here or missed else {}
    else:
        names |= {status.attempt.subset: pod_labels(status.attempt.canary, seen)}
    if not _by_role(status):
        names = {n: v for n, v in names.items() if n not in here}
    return {name: labels for name, labels in names.items() if name and labels}


def unused_subset(status: RolloutStatus, seen: Observation, *, leaving: bool = False) -> str:
    """A subset of our making that no route names any more; empty when there is none.

    The canary's; ``leaving``: stable's, too, since nobody is left to keep it.
    """
    names = (status.attempt.subset, status.stable_subset) if leaving else (status.attempt.subset,)
    unnamed = [name for name in seen.traffic.made if name not in seen.traffic.referenced]
    return next((name for name in names if name in unnamed and _by_role(status)), "")


def _by_role(status: RolloutStatus) -> bool:
    return status.subset_mode is not SubsetMode.VERSION


def wrong_subsets(status: RolloutStatus, seen: Observation) -> Mapping[str, Mapping[str, str]]:
    """The subsets that do not select what they must; empty when all do."""
    return {
        name: labels
        for name, labels in subsets(status, seen).items()
        if not labels.items() <= seen.traffic.subsets.get(name, {}).items()
    }


def pod_labels(revision: Revision | None, seen: Observation) -> Mapping[str, str]:
    """Those that single out its pods; empty where no Deployment says so."""
    found = seen.workloads.get(revision.name) if revision else None
    return found.labels if found else {}


def ours_to_scale(rollout: Rollout) -> bool:
    """Whether pods come and go at our word."""
    workload = rollout.spec.workload
    return workload.template is not None or workload.scale == "managed"


def canary_replicas(rollout: Rollout, status: RolloutStatus) -> int:
    """How many canary pods should run: enough for this step and, beforehand, for the next."""
    stops = strategies.plan(rollout.spec.strategy).stops
    index = status.attempt.step.index if status.attempt.step else -1
    if in_haste(rollout, status):
        index = len(stops) - 1
    coming = stops[max(index, 0) : index + 2]
    wanted = [
        s.step.replicas or _for_share(s.route.split, status.attempt.stable_pods) for s in coming
    ]
    if index == len(stops) - 1 or status.stage.name in _EVERYONE:
        wanted.append(status.attempt.stable_pods)
    return max(*wanted, rollout.spec.workload.min_canary_pods, 1)


def _for_share(split: Split, pods: int) -> int:
    return -(-split.canary * pods // 100)


def in_haste(rollout: Rollout, status: RolloutStatus) -> bool:
    """Whether a person has asked for promotion, and it is not done yet."""
    request = requests.anew(rollout, status)
    promotes = request is not None and request.verb is Verb.PROMOTE
    return promotes and status.stage.name is Stage.STEPPING
