"""What may never be, asked of every version in etcd of journeys of any kind, in etcd's order.

The laws have the names of docs/simulation.md. Besides: how long a split was not what was decided.
"""

import json
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from rollout.manifest import record
from rollout.model.status import PHASE_MAY_FOLLOW, STAGE_MAY_FOLLOW, RolloutStatus
from tests.chaos import scenarios
from tests.chaos.plane import Commit
from tests.chaos.scenarios import Scenario
from tests.lab.survival.commits import wanted
from tests.sim import objects

Shares = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Wrong:
    """From when until when requests did not divide as the stored status says, and where."""

    scenario: Scenario
    since: float
    until: float


@dataclass
class Past:
    """One scenario so far. ``splits``: what was decided with each epoch."""

    uid: str = ""
    status: RolloutStatus = field(default_factory=RolloutStatus)
    ids: list[str] = field(default_factory=list)
    plan: list[int] = field(default_factory=list)
    shares: Shares = field(default_factory=dict)
    path: list[int] = field(default_factory=list)
    splits: dict[int, Shares] = field(default_factory=dict)
    asked: Shares | None = None
    leaving: bool = False
    route: Any = None
    rule: Any = None
    noted: int = 0
    wrong_since: float | None = None


@dataclass
class Judge:
    """``foreign``: versions of routes that somebody else wrote, by resourceVersion.

    ``decided``: every decision that etcd has ever had, by the Rollout's uid and its own id.
    """

    of: Mapping[str, Scenario]
    foreign: Set[int]
    broken: list[str] = field(default_factory=list)
    wrong: list[Wrong] = field(default_factory=list)
    decided: set[str] = field(default_factory=set)
    _past: dict[str, Past] = field(default_factory=dict)

    def hear(self, *streams: Sequence[Commit]) -> None:
        """Every version of Rollouts, VirtualServices and DestinationRules."""
        for commit in sorted((c for each in streams for c in each), key=lambda c: c.revision):
            scenario = self.of[str(commit.obj["metadata"]["namespace"])]
            past = self._past.setdefault(scenario.space, Past())
            lines = self._one(scenario, past, commit)
            self.broken += [f"{scenario.name}: {line}" for line in lines]
            self._compare(scenario, past, commit.at)

    def _one(self, scenario: Scenario, past: Past, commit: Commit) -> Iterator[str]:
        match commit.obj["kind"]:
            case "Rollout":
                yield from self._rollout(scenario, past, commit.obj)
            case "VirtualService":
                past.route = commit.obj
                yield from self._routed(scenario, past, commit)
            case _:
                if commit.revision not in self.foreign:
                    yield from _repointed(past, commit.obj, scenario.called)
                past.rule = commit.obj
                past.shares = shares(past.route, past.rule, scenario.called)

    def _rollout(self, scenario: Scenario, past: Past, obj: Any) -> Iterator[str]:
        meta, stored = obj["metadata"], obj.get("status") or {}
        if past.uid != meta["uid"]:
            past.uid, past.status, past.ids, past.splits = meta["uid"], RolloutStatus(), [], {}
            past.path, past.noted = [], 0
        past.leaving = bool(meta.get("deletionTimestamp"))
        plan = scenarios.weights(obj["spec"]["strategy"])
        past.plan = list(dict.fromkeys((*past.plan, *plan)))
        if stored:
            yield from _status(past, stored)
        self.decided |= {f"{meta['uid']}.{entry}" for entry in past.ids}
        asked = wanted(stored)
        past.asked = None if asked is None or None in asked else asked  # others' pods, unnamed
        if past.asked is not None:
            past.splits[past.status.epoch] = past.asked

    def _routed(self, scenario: Scenario, past: Past, commit: Commit) -> Iterator[str]:
        name = scenario.called
        if commit.revision in self.foreign:
            past.shares = shares(past.route, past.rule, name)
            return
        for weights in objects.weights(commit.obj, name):
            if sum(weights.values()) != 100 or min(weights.values()) < 0:
                yield f"S1: {weights}"
        before, past.shares = past.shares, shares(past.route, past.rule, name)
        noted = epoch(commit.obj, scenario)
        if noted is not None and noted < past.noted:
            yield f"S10: epoch {past.noted} -> {noted} on the VirtualService"
        if noted is not None and noted > past.status.epoch:
            yield f"S20: epoch {noted} is written, and {past.status.epoch} was saved"
        past.noted = past.noted if noted is None else noted
        asked = past.splits.get(past.noted)
        if noted is not None and asked is not None and not past.leaving:
            yield from _raised(past, before, asked)
        yield from self._stepped(scenario, past)

    def _stepped(self, scenario: Scenario, past: Past) -> Iterator[str]:
        """S5: shares are the plan's; of an orderly journey one after the other, and then none."""
        canary = past.status.attempt.canary
        if canary is None or past.leaving:
            past.path = []
            return
        if "" in past.shares:  # somebody took a subset away: nobody can tell whose its requests are
            return
        share = past.shares.get(canary.name, 0)
        if past.path[-1:] == [share]:
            return
        past.path.append(share)
        if share not in past.plan:
            yield f"S5: {share} is no step of {past.plan}"
        elif scenario.orderly and len(past.path) > 1 and share:
            place = past.plan.index(share)
            if past.path[-2:] != past.plan[place - 1 : place + 1]:
                yield f"S5: {past.path} is no path of {past.plan}"

    def _compare(self, scenario: Scenario, past: Past, at: float) -> None:
        """How long requests have not divided as decided; before all is known they cannot."""
        known = past.asked is not None and past.shares and "" not in past.shares
        right = not known or past.leaving or past.asked == past.shares
        if right and past.wrong_since is not None:
            self.wrong.append(Wrong(scenario, past.wrong_since, at))
            past.wrong_since = None
        elif not right and past.wrong_since is None:
            past.wrong_since = at

    def ended(self, at: float) -> None:
        """Whatever is wrong now stays so."""
        for space, past in self._past.items():
            if past.wrong_since is not None:
                self.wrong.append(Wrong(self.of[space], past.wrong_since, at))
                self.broken.append(f"{self.of[space].name}: S27: {past.asked} and {past.shares}")


def shares(route: Any, rule: Any, name: str) -> Shares:
    """Percent of ordinary requests by revision; "" where none can be told."""
    if route is None:
        return {}
    subsets = (rule or {"spec": {}})["spec"].get("subsets") or ()
    versions = {each["name"]: each.get("labels", {}).get("version", "") for each in subsets}
    plain = [r for r in route["spec"]["http"] if not str(r.get("name", "")).startswith("rollout-")]
    sums: dict[str, int] = {}
    for weights in objects.weights({"spec": {"http": plain}}, name):
        for subset, weight in weights.items():
            version = versions.get(subset, "")
            sums[version] = sums.get(version, 0) + weight
    return {version: weight for version, weight in sums.items() if weight}


def epoch(route: Any, scenario: Scenario) -> int | None:
    """The fencing epoch that its Rollout wrote on the VirtualService; None: nothing of it."""
    notes = route["metadata"].get("annotations") or {}
    text = notes.get(f"rollout.dev/{scenario.called}.{scenario.space}")
    return int(json.loads(text)["epoch"]) if text else None


def _status(past: Past, stored: Any) -> Iterator[str]:
    was, now = past.status, record.status({"status": stored})
    ids = [str(entry["id"]) for entry in stored.get("history", ())]
    if now.epoch < was.epoch:
        yield f"S10: epoch {was.epoch} -> {now.epoch}"
    if len({*ids}) != len(ids):
        yield f"S19: a decision twice in {ids}"
    if ids[: len(past.ids)] != past.ids:
        yield f"S19: {past.ids} became {ids}"
    if now.phase is not was.phase and now.phase not in PHASE_MAY_FOLLOW[was.phase]:
        yield f"table: phase {was.phase} -> {now.phase}"
    stages = was.stage.name, now.stage.name
    if stages[0] is not stages[1] and stages[1] not in STAGE_MAY_FOLLOW[stages[0]]:
        yield f"table: stage {stages[0]} -> {stages[1]}"
    if now.attempt.number != was.attempt.number:
        past.path = [0]
    past.status, past.ids = now, ids


def _raised(past: Past, before: Shares, asked: Shares) -> Iterator[str]:
    """S20: whoever is not stable gets no more than was decided."""
    stable = past.status.stable
    for version, share in past.shares.items():
        more = share > max(before.get(version, 0), asked.get(version, 0))
        if version and more and (stable is None or version != stable.name):
            yield f"S20: {past.shares} is written, and {asked} was decided"


def _repointed(past: Past, rule: Any, name: str) -> Iterator[str]:
    """S8: a subset that has requests keeps its meaning."""
    if past.route is None or past.rule is None:
        return
    old, new = (
        {each["name"]: each.get("labels") for each in obj["spec"].get("subsets") or ()}
        for obj in (past.rule, rule)
    )
    for weights in objects.weights(past.route, name):
        for subset, weight in weights.items():
            if weight and subset in old and old[subset] != new.get(subset):
                yield f"S8: {subset} {old[subset]} -> {new.get(subset)} at {weight} %"
