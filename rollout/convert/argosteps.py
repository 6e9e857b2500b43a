"""Argo's canary, step by step: weights, pauses, cohorts, mirrors and pods.

Source of the fields and of their meaning: argo-rollouts, ``docs/features/specification.md`` and
``pkg/apis/rollouts/v1alpha1/types.go``.
"""

from dataclasses import dataclass, field
from typing import Any

from rollout import lenient
from rollout.convert import durations
from rollout.convert.analyses import Templates
from rollout.convert.fields import Fate, Fields, Log
from rollout.convert.result import GATED, approval

_EVERYONE = "everyone: that is the promotion after the last step"


@dataclass(slots=True)
class Steps:
    """Our steps as they grow: a weight, then what belongs to it until the next.

    ``whole``: the weight that is everyone. ``pods``: how many a side has; None: not known.
    ``scale``: the canary's pods as ``setCanaryScale`` has set them, for all steps that follow.
    """

    log: Log
    whole: int = 100
    pods: int | None = None
    made: list[dict[str, Any]] = field(default_factory=list)
    weight: int = 0
    scale: int | None = None
    pending: dict[str, Any] = field(default_factory=dict)

    def at(self) -> dict[str, Any]:
        """The step that a pause belongs to; what came after the pause before begins a new one."""
        if self.pending or not self.made:
            self._begun({} if self.pending.keys() & {"cohorts"} else {"weight": self.weight})
        return self.made[-1]

    @property
    def current(self) -> dict[str, Any]:
        """Where a change of routes or pods belongs: to the step until it pauses, then to the next.

        What comes after a pause must not reach anybody before it is over.
        """
        paused = not self.made or self.made[-1].keys() & {"bake", "approval"}
        return self.pending if paused or self.pending else self.made[-1]

    def raised(self, path: str, wanted: int) -> None:
        """``setWeight``: a step of its own if it rises; everyone is promotion."""
        weight = -(-wanted * 100 // self.whole)
        if weight >= 100:
            self.log.add(path, Fate.CONVERTED, _EVERYONE)
            return
        if weight <= self.weight:
            why = "weights rise: a step back is rollout abort, and everyone goes"
            self.log.add(path, Fate.LOST, why)
            return
        exact = weight * self.whole == wanted * 100
        how = f"a step of weight {weight}" + ("" if exact else ", as weights are whole percents")
        self.log.add(path, Fate.CONVERTED if exact else Fate.CHANGED, how)
        self.weight = weight
        self._begun({"weight": weight})

    def mirrored(self, share: int) -> None:
        """``setMirrorRoute``: a step of its own, in which the weight stays."""
        self._begun({"mirror": f"{share}%"})

    def scaled(self, pods: int | None) -> None:
        """So many canary pods from here on; None: as many as the weight needs."""
        self.scale = pods
        if pods is not None:
            self.current["replicas"] = pods

    def all(self) -> list[dict[str, Any]]:
        """The steps in which anything happens; a last one that nothing ended is one, too."""
        if self.pending.keys() - {"replicas"}:
            self._begun({})
        return self.made

    def _begun(self, step: dict[str, Any]) -> None:
        scale = {} if self.scale is None else {"replicas": self.scale}
        self.made.append({**step, **scale, **self.pending})
        self.pending = {}


def steps(canary: Fields, log: Log, templates: Templates, pods: int | None) -> dict[str, Any]:
    """``strategy.canary`` of ours; ``pods``: the replicas that the Rollout asks for."""
    routing = canary.sub("trafficRouting")
    found = Steps(log, whole=_whole(routing), pods=pods)
    for step in canary.each("steps"):
        _step(step, found, templates)
    made = found.all()
    how = GATED if made else "no weights: our default steps are taken"
    log.add(canary.at("steps"), Fate.CHANGED, how)
    return {"steps": made} if made else {}


def _whole(routing: Fields) -> int:
    """The weight that is everyone."""
    most = routing.converted("maxTrafficWeight", int, "weights are percents of it")
    return most if most and most > 0 else 100


def _step(step: Fields, found: Steps, templates: Templates) -> None:
    weight = step.peek("setWeight")
    if isinstance(weight, int) and not isinstance(weight, bool):
        step.ignored("setWeight")
        found.raised(step.at("setWeight"), weight)
    if "pause" in step:
        _pause(step, found)
    if "setCanaryScale" in step:
        _scale(step.sub("setCanaryScale"), found)
    if "setHeaderRoute" in step:
        _cohorts(step.sub("setHeaderRoute"), found)
    if "setMirrorRoute" in step:
        _mirror(step.sub("setMirrorRoute"), found)
    if "analysis" in step:
        run = step.sub("analysis")
        run.log.add(run.path, Fate.CHANGED, "judged at every step, not at this one alone")
        templates.use(run)
    step.lost("experiment", "no counterpart; a dark release (mirror) tries pods without users")
    step.lost("plugin", "an HTTP gate (webhook of a step) may stand in for it")
    step.lost("setWeightWithin", "one canary weight a step")
    step.lost("replicaProgressThreshold", "minCanaryPods says how many pods must be ready")


def _pause(step: Fields, found: Steps) -> None:
    pause = step.peek("pause")
    duration = pause.get("duration") if isinstance(pause, dict) else None
    path, known = step.at("pause"), durations.seconds(duration)
    step.ignored("pause")
    if duration is not None and known is None:
        why = f"{duration!r} is no duration that is known; write bake"
        found.log.add(path, Fate.LOST, why)
        return
    at = found.at()
    if known is None:
        at["approval"] = approval()
        how = "an approval: rollout approve, within 4h or as approval.expires says"
        found.log.add(path, Fate.CHANGED, how)
    else:
        at["bake"] = durations.written((durations.seconds(at.get("bake", "0s")) or 0) + known)
        how = f"bake of the step: {at['bake']} at least, and longer until it is certified"
        found.log.add(path, Fate.CHANGED, how)


def _scale(scale: Fields, found: Steps) -> None:
    """Argo keeps the number for all later weights, until ``matchTrafficWeight``."""
    how = "replicas of this step and the later ones; a step's pods are there one step earlier"
    replicas, weight = (lenient.number(scale.peek(key)) for key in ("replicas", "weight"))
    if replicas > 0:
        scale.tell("replicas", Fate.CHANGED, how)
        found.scaled(replicas)
    else:
        scale.lost("replicas", "a step has one canary pod or more")
    if weight > 0 and found.pods:
        count = -(-weight * found.pods // 100)
        scale.tell("weight", Fate.CHANGED, f"{count} of {found.pods} pods as they are now: {how}")
        found.scaled(count)
    else:
        why = "of how many pods is not known here: write replicas of the step"
        scale.lost("weight", why)
    if scale.converted("matchTrafficWeight", bool, "canary pods follow the weight by themselves"):
        found.scaled(None)


def _cohorts(route: Fields, found: Steps) -> None:
    route.changed("name", str, "we name our routes ourselves")
    cohorts = []
    for match in route.each("match"):
        header = match.converted("headerName", str, "a cohort's header, in lower case")
        value = match.converted("headerValue", dict, "how its value is matched")
        if header and value:
            cohorts.append({"headers": {header.lower(): dict(value)}})
    if cohorts:
        target = found.current
        target["cohorts"] = [*target.get("cohorts", []), *cohorts]
    else:
        route.log.add(route.path, Fate.LOST, "cohorts stay on the canary until the release is over")


def _mirror(route: Fields, found: Steps) -> None:
    route.changed("name", str, "we name our routes ourselves")
    route.lost("match", "all requests are mirrored, writes too: leave mirror out where that harms")
    how = "mirror of this step alone; Argo's goes on until it is taken away"
    percent = route.changed("percentage", int, how)
    if percent is None and "match" not in route:
        route.log.add(route.path, Fate.CHANGED, "a mirror ends with its step by itself")
        return
    found.mirrored(100 if percent is None else percent)
