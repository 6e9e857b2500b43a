"""What may never be, asked of every commit of the simulated API server as it is made.

S1 to S54 and L1 to L9 are explained in docs/simulation.md.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from math import ceil
from typing import TYPE_CHECKING, Any

from rollout.controller.seeing.pods import HPA
from rollout.errors import ManifestError
from rollout.manifest import objects as manifests
from rollout.model.audit import Act
from rollout.model.reasons import WaitsFor
from rollout.model.spec import MANAGER
from rollout.model.status import (
    PHASE_MAY_FOLLOW,
    STAGE_MAY_FOLLOW,
    Phase,
    RolloutStatus,
    Stage,
)
from rollout.strategies import plan as journey
from tests import virtual
from tests.controller.shop import NAMESPACE
from tests.sim import objects, rest
from tests.sim.beyond import Past
from tests.sim.counted import Counted
from tests.sim.evidence import Evidence
from tests.sim.figures import Figures
from tests.sim.gitlaws import GitLaws
from tests.sim.kept import Kept
from tests.sim.objects import ANN
from tests.sim.outward import Outward
from tests.sim.pace import Pace
from tests.sim.reasons import Reasons
from tests.sim.requests import INCIDENT
from tests.sim.server import Commit, Json
from tests.sim.truth import Truth

if TYPE_CHECKING:
    from tests.sim.plan import Subject
    from tests.sim.world import World

HOME_WITHIN = 60.0
"""Seconds in which a canary that is bad all the time is taken back (S9): four intervals.

One whose requests are counted may have had an incident of half a minute besides.
"""
BLURRED = 120.0
"""Seconds that what the controller acts on may be old after something went wrong with reading."""
MOST_WRITES = 150
"""Writes of one process in a minute of any trouble; more is a hot loop."""
MOST_RENEWALS = 75
"""Writes of one or two Leases by one process in a minute; it renews each two seconds."""
SIZED = 2.0
"""Pods for all requests by the steps of the strategy "sized", which name 1 and 2 pods."""
_OURS = "controller"


@dataclass
class Known:
    """What the laws remember of one rollout."""

    status: RolloutStatus | None = None
    attempts: dict[int, tuple[str, str]] = field(default_factory=dict)
    raised_at: float = -1e9
    forced_at: float = -1e9
    edited_at: float = -1e9
    respecified_at: float = -1e9
    rebuilt_at: float = -1e9
    shares: Mapping[str, int] = field(default_factory=dict)
    stepping_since: float = 1e9
    scribbled: bool = False

    def stood(self, before: RolloutStatus, after: RolloutStatus) -> None:
        """Since when it has stood on this very step."""
        if after.stage.name is not Stage.STEPPING:
            self.stepping_since = 1e9
        elif after.attempt.step != before.attempt.step:
            self.stepping_since = virtual.passed()


@dataclass(eq=False)
class Laws:
    """``found``: every law that was broken, by whom and when; the play ends at the first."""

    world: World
    found: list[str] = field(default_factory=list)
    known: dict[str, Known] = field(default_factory=dict)
    edges: Counter[str] = field(default_factory=Counter)
    writes: dict[str, deque[float]] = field(default_factory=dict)
    splits: list[tuple[str, str]] = field(default_factory=list)
    times: list[tuple[str, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.evidence, self.git = Evidence(self.world), GitLaws(self.world)
        self.truth, self.reasons = Truth(self.world), Reasons(self.world)
        self.pace, self.counted = Pace(self.world), Counted(self.world)
        self.kept, self.outward = Kept(self.world), Outward(self.world)
        self.figures = Figures(self.world)
        self.world.server.unchanged.append(self.pace.unchanged)

    def broken(self, law: str, what: str) -> None:
        line = f"{law}: {what}"
        self.world.say(f"BROKEN {line}")
        self.found.append(line)

    def unseen(self, said: Mapping[str, Any]) -> None:
        """S29, of what nobody waited for: a task, or a call of the loop's, that died."""
        if said.get("exception") is not None and not self.world.stopping:
            self.broken("S29", f"{said.get('message')}: {said.get('exception')!r}")

    def of(self, name: str) -> Known:
        return self.known.setdefault(name, Known())

    # What people did, since it excuses much

    def requested(self, name: str, text: str) -> None:
        verb = text.partition("@")[0]
        self.truth.requested(name, text)
        self.reasons.requested(name, text)
        if verb in ("promote", "skip", "approve", "resume", "retry"):
            self.of(name).forced_at = virtual.passed()

    def edited(self, name: str) -> None:
        self.of(name).edited_at = virtual.passed()

    def respecified(self, name: str) -> None:
        self.of(name).respecified_at = virtual.passed()

    def forgotten(self, name: str) -> None:
        """Somebody has edited what is stored: all that was known of it is no more."""
        self.known[name] = Known(edited_at=virtual.passed(), respecified_at=virtual.passed())

    def rebuilt(self, name: str) -> None:
        self.of(name).rebuilt_at = virtual.passed()

    @property
    def fresh(self) -> float:
        """Seconds that what the controller acts on may be old: its watch, its look, its queries."""
        setup = self.world.plan.setup
        behind = max(replica.lag for replica in self.world.server.replicas) > max(setup.lag, 1.0)
        if behind or virtual.passed() - self.world.blurred_at < BLURRED:
            return BLURRED
        return 3.0 + setup.lag + 20 * setup.latency

    # Every commit

    def committed(self, commit: Commit) -> None:
        """One commit; whoever made it, what follows for the rollouts is looked at."""
        kind, ours = commit.change.bucket, commit.actor.startswith(_OURS)
        if ours:
            self._bounded(commit)
            self.git.committed(commit)
            if kind == "Event":
                self.counted.told(commit)
        else:
            self._by_others(commit)
        if commit.new["metadata"].get("namespace", "") != NAMESPACE:
            return
        match kind:
            case "Rollout" if commit.new["metadata"]["name"] in dict(self.world.subjects):
                self._status(commit, ours=ours)
            case "VirtualService" if ours:
                self._route(commit)
            case "DestinationRule" if ours:
                self._rule(commit)
            case "Deployment" if ours:
                self._workload(commit)
            case "HorizontalPodAutoscaler" if ours:
                self._handed_over(commit)

    def _by_others(self, commit: Commit) -> None:
        """What people do moves what is expected."""
        if commit.change.bucket == "Rollout":
            self.git.edited(commit)
        if commit.change.bucket == "VirtualService" and not commit.gone:
            self._foreign(commit)

    def _bounded(self, commit: Commit) -> None:
        """S26: nobody writes in a hot loop; Leases are renewed by the clock, and counted apart."""
        shards = max(self.world.plan.setup.shards)
        renewals = MOST_RENEWALS * max(2, shards) // 2
        what, most = ("Leases", renewals) if commit.change.bucket == "Lease" else ("", MOST_WRITES)
        if what and commit.old is not None and not commit.gone:
            self._handed(commit.old["spec"], commit.new["spec"])
        times = self.writes.setdefault(f"{commit.actor} {what}", deque(maxlen=most))
        times.append(commit.at)
        if len(times) == most and commit.at - times[0] < 60:
            self.broken("S26", f"{commit.actor} wrote {what or 'objects'} {most} times a minute")

    def _handed(self, before: Json, after: Json) -> None:
        """S43: since when somebody has a Lease is when it came into these hands."""
        holders = [one.get("holderIdentity") or "" for one in (before, after)]
        since = [one.get("acquireTime") for one in (before, after)]
        if since[0] is not None and (holders[0] == holders[1]) is not (since[0] == since[1]):
            self.broken("S43", f"a Lease of {holders} since {since}")

    def _status(self, commit: Commit, *, ours: bool) -> None:
        """S10, S14, L8 and the tables, of what is saved; a person changes no status."""
        name = str(commit.new["metadata"]["name"])
        known = self.of(name)
        self.kept.committed(commit)
        if commit.gone:
            self.known[name] = Known(edited_at=known.edited_at)
            self._let_go(name)
            return
        if not ours or "status" not in commit.new or not objects.is_whole(commit.new):
            if "status" in commit.new and known.status is not None:
                known.status = objects.status(commit.new)  # somebody may have scribbled in it
            return
        changed = (commit.old or {}).get("spec") != commit.new.get("spec")
        if changed and not self.world.plan.setup.sourced:
            self.broken("S2", f"{name}: the controller changed its spec")
        written = (commit.old or {}).get("status") != commit.new["status"]
        if written and "later" in commit.new["status"] and _readable(commit.new):
            self.broken("L8", f"{name}: {commit.actor} leaves what a later version wrote")
        status = objects.status(commit.new)
        before = known.status or RolloutStatus()
        known.status = status
        if status.epoch < before.epoch:
            self.broken("S10", f"{name}: epoch {before.epoch} -> {status.epoch}")
        leaves = "deletionTimestamp" in commit.new["metadata"]
        self._edge(name, before, status, leaves=leaves)
        known.stood(before, status)
        self.evidence.saved(name, before, status, commit.actor)
        self._told(name, before, status, commit if written else None)
        self._same_attempt(name, status)
        if len(status.because) > 200:
            self.broken("sentence", status.because)

    def _told(
        self, name: str, before: RolloutStatus, after: RolloutStatus, commit: Commit | None
    ) -> None:
        """What other laws ask of a status; ``commit``: the one that wrote it, if one did."""
        if commit is not None:
            self.pace.saved(name, before, after, commit.actor)
            self.counted.saved(before, after, commit.actor)
        self.truth.saved(name, before, after)
        self.figures.saved(name, before, after)
        self.reasons.saved(name, before, after)
        self.outward.saved(name, before)
        self.world.doors.saved(name, before, after)

    def _same_attempt(self, name: str, status: RolloutStatus) -> None:
        """S14: an attempt keeps its revision and its content."""
        known = self.of(name)
        canary = status.attempt.canary
        if canary is not None:
            seen = known.attempts.setdefault(
                status.attempt.number, (canary.name, canary.template_hash)
            )
            content = canary.template_hash
            if seen[0] != canary.name or (seen[1] and content and seen[1] != content):
                self.broken("S14", f"{name}: attempt {status.attempt.number} is {seen}, {canary}")
            if content and not seen[1]:
                known.attempts[status.attempt.number] = (canary.name, content)

    def _edge(
        self, name: str, before: RolloutStatus, after: RolloutStatus, *, leaves: bool
    ) -> None:
        """The tables; whoever leaves may come to rest from everywhere."""
        old, new = before.phase, after.phase
        if new is not old:
            self.edges[f"phase {old} -> {new}"] += 1
            if new not in PHASE_MAY_FOLLOW[old] and not self.of(name).scribbled:
                self.broken("table", f"{name}: phase {old} -> {new}")
        was, now = before.stage.name, after.stage.name
        if now is not was:
            self.edges[f"stage {was} -> {now}"] += 1
            lawful = now in STAGE_MAY_FOLLOW[was] or (leaves and now is Stage.IDLE)
            if not lawful and not self.of(name).scribbled:
                self.broken("table", f"{name}: stage {was} -> {now}")
        if after.waits_for is not None:
            self.edges[f"waits for {after.waits_for}"] += 1
        if after.attempt.pause is not None:
            self.edges[f"pause {after.attempt.pause.kind}"] += 1
        if after.rejected is not None and after.rejected.cause is not None:
            self.edges[f"cause {after.rejected.cause}"] += 1
        if after.stage.confirmed_by is not None:
            self.edges[f"confirmed by {after.stage.confirmed_by}"] += 1

    def _route(self, commit: Commit) -> None:
        name = str(commit.new["metadata"]["name"])
        if commit.gone or commit.old is None:
            self.broken("S2", f"{commit.actor} made or deleted virtualservice {name}")
            return
        if _foreign(commit.old) != _foreign(commit.new):
            self.broken("S2", f"{name}: more than our own leaves was written")
        for weights in objects.weights(commit.new, name):
            whole = all(type(w) is int and 0 <= w <= 100 for w in weights.values())
            if (not whole or sum(weights.values()) != 100) and not self._authored(name, weights):
                self.broken("S1", f"{name}: {weights}")
        self._fence(name, commit)
        self._shares(name, commit.old, commit.new)

    def _authored(self, name: str, weights: Mapping[str, int]) -> bool:
        """Whether a route has the very weights that its author wrote, whatever their sum is."""
        subject = dict(self.world.subjects).get(name)
        spec = objects.mesh(name, subject)[-1] if subject else {"spec": {}}
        return weights in objects.weights(spec, name)

    def _fence(self, name: str, commit: Commit) -> None:
        """S10: no write of an epoch below one that was written."""
        old = objects.epoch(commit.old or {"metadata": {}}, name)
        new = objects.epoch(commit.new, name)
        if old is not None and new is not None and new < old:
            self.broken("S10", f"{name}: epoch {old} -> {new} on {commit.change.bucket}")
        held = self.world.rollout(name)
        stored = objects.status(held).epoch if held else 0
        if new is not None and new > stored:
            self.broken("S20", f"{name}: epoch {new} is written, and {stored} was saved")

    def _foreign(self, commit: Commit) -> None:
        """S12 begins here: whether somebody else divided requests otherwise than we."""
        name = str(commit.new["metadata"]["name"])
        known = self.of(name)
        if known.shares and self.shares(commit.new, name) != known.shares:
            self.evidence.edited(name, known.status, self.fresh)

    def shares(self, vs: Json, name: str) -> dict[str, int]:
        """Percent of ordinary requests by revision; "" where none can be told."""
        rule = self.world.server.get("DestinationRule", NAMESPACE, name)
        subsets = {s["name"]: objects.means(s) for s in objects.written(rule).get("subsets") or ()}
        found: dict[str, int] = {}
        for weights in objects.weights({"spec": {"http": self._plain(vs, name)}}, name):
            for subset, weight in weights.items():
                revision = subsets.get(subset, "") if subset else ""
                found[revision] = found.get(revision, 0) + weight
        return {revision: weight for revision, weight in found.items() if weight}

    def _plain(self, vs: Json, name: str) -> list[Json]:
        """The routes of its author by which it is judged; of several that are alike, ``main``."""
        plain = [r for r in objects.written(vs).get("http") or () if not _is_made(r)]
        subject = dict(self.world.subjects).get(name)
        if (subject and subject.shape) or self.world.fired["shape written"]:
            return [route for route in plain if route.get("name") == "main"]
        return plain

    def _shares(self, name: str, old: Json, vs: Json) -> None:
        """S3 to S7, S20: who gets more requests than before, and by what right."""
        known, now = self.of(name), virtual.passed()
        before, after = known.shares or self.shares(old, name), self.shares(vs, name)
        known.shares = after
        if after != before:
            self.splits.append((name, repr(sorted(after.items()))))
            self.times.append((name, now))
        status = known.status
        self.evidence.routed(name, status, after)
        if status is None or status.stable is None:
            return
        held = self.world.rollout(name)
        if held is None or now - known.edited_at < self.fresh:
            return
        everyone = self._everyone_takes(name, status, before)
        for revision, share in after.items():
            if not revision or share <= before.get(revision, 0):
                continue
            is_stable = revision == status.stable.name
            self._carried(name, revision, share, 0 if is_stable else everyone)
            if not is_stable:
                self._raised(name, revision, share, before.get(revision, 0))

    def _serves(self, name: str, labels: Mapping[str, str]) -> bool:
        """Whether pods with ``labels`` are ready; where none is, requests fail with any meaning."""
        pods = (self.world.pods.ready.get((name, value)) for value in labels.values())
        return any(each is not None and each.values[-1] > 0 for each in pods)

    def _everyone_takes(self, name: str, status: RolloutStatus, before: Mapping[str, int]) -> float:
        """Pods for all requests: as stable had, or what a person who scales them wants for less.

        At a step that says how many pods it wants, as many as make it so.
        """
        assert status.stable is not None
        stable, most = status.stable.name, status.attempt.stable_pods or 1
        if dict(self.world.subjects)[name].strategy == "sized" and status.attempt.step is not None:
            return min(most, SIZED)
        held = self.world.server.get("Deployment", NAMESPACE, f"{name}-{stable}")
        if dict(self.world.subjects)[name].workload != "user" or not held or not before.get(stable):
            return most
        return min(most, int(held["spec"].get("replicas", 1)) * 100 / before[stable])

    def _carried(self, name: str, revision: str, share: int, everyone: float) -> None:
        """S6, S7: pods that can carry it were ready lately; ``everyone``: pods for all requests."""
        lately = self._lately(self.world.pods.ready.get((name, revision)), self.fresh)
        if max(lately) < max(1, ceil(share / 100 * everyone * 0.75)):
            self.broken("S7", f"{name}: {share}% to {revision}, whose pods were {lately}")

    @staticmethod
    def _lately(past: Past | None, seconds: float) -> list[float]:
        return past.lately(virtual.passed() - seconds) if past else [0.0]

    def _raised(self, name: str, revision: str, share: int, before: int) -> None:
        known, now = self.of(name), virtual.passed()
        status = known.status
        assert status is not None
        attempt, split = status.attempt, status.stage.split
        if attempt.canary is None or attempt.canary.name != revision:
            self.broken("S5", f"{name}: {share}% to {revision}, which is not on its way")
            return
        if split.canary < share and status.stage.name is not Stage.REPOINTING:
            self.broken("S20", f"{name}: {share}% to {revision}, and {split} was saved")
        since, known.raised_at = known.raised_at, now
        if now - max(known.forced_at, known.respecified_at, known.rebuilt_at) < 400:
            return
        held = self.world.rollout(name)
        assert held is not None
        weights = [0, 100]
        try:
            rollout = manifests.rollout(held)
            weights += [s.route.split.canary for s in journey(rollout.spec.strategy).stops]
        except ManifestError:
            return
        if share not in weights:
            self.broken("S5", f"{name}: {share}% is no step of {weights}")
        if not before:
            return
        window = max(since, now - 400)
        counts, numbers = dict(self.world.subjects)[name].counts, self.world.numbers
        blind = self._lately(numbers.uncounted if counts else numbers.blind, now - window)
        if all(blind) and now - window > 20:
            self.broken("S18", f"{name}: {before} -> {share}% though nothing was known")
        bad = self._lately(self.world.numbers.bad.get(name), now - window)
        if self._unlike(name, dict(self.world.subjects)[name]):
            return
        if all(b > 1 for b in bad) and now - window > 20:
            self.broken("S3", f"{name}: {before} -> {share}% though it was bad all the time")

    def bounded(self) -> None:
        """S9: who reads bad all the time gets no requests any more, while nothing is in the way."""
        self.git.bounded()
        self.truth.bounded()
        self.pace.bounded()
        self.kept.bounded()
        self.world.doors.bounded()
        self.figures.bounded()
        world = self.world
        for name, subject in world.subjects:
            known, status = self.of(name), self.of(name).status
            within = HOME_WITHIN + (INCIDENT if subject.counts else 0)
            since = virtual.passed() - within
            if since < world.blurred_at or any(self._lately(world.numbers.blind, within)):
                continue
            if status is None or not status.stage.split.canary or subject.careful:
                continue
            if max(known.stepping_since, known.edited_at) > since or self._unlike(name, subject):
                continue
            stable = world.pods.ready.get((name, world.stable(name)))
            able = min(self._lately(stable, within)) >= world.plan.setup.pods
            if able and min(self._lately(world.numbers.bad.get(name), within)) > 1:
                self.broken("S9", f"{name}: bad for {within} s, and {status.stage.split}")

    def _unlike(self, name: str, subject: Subject) -> bool:
        """Whether stable is as bad as the canary, or hardly anybody is counted."""
        counters = self.world.counters
        if counters is None or not subject.counts:
            return False
        flow = counters.flows.get((name, self.world.stable(name)))
        bad = flow is None or flow.bad.values[-1] > counters.ways[name].sound
        since = virtual.passed() - BLURRED
        odd = counters.quiet(name, since) or counters.unclear(name, since)
        return bad or odd or bool(counters.ways[name].odd)

    def _rule(self, commit: Commit) -> None:
        """S8: a subset that gets requests keeps its meaning. S2: other subsets stay."""
        name = str(commit.new["metadata"]["name"])
        known = self.of(name)
        if commit.old is None or commit.gone:
            return
        self._fence(name, commit)
        old, new = _subsets(commit.old), _subsets(commit.new)
        rest = {k: v for k, v in objects.written(commit.old).items() if k != "subsets"}
        if rest != {k: v for k, v in objects.written(commit.new).items() if k != "subsets"}:
            self.broken("S2", f"{name}: the rule's own policies were written")
        vs = self.world.server.get("VirtualService", NAMESPACE, name)
        unread = 0 < known.edited_at < self.world.blurred_at  # or written back only after that
        read_at = self.world.blurred_at if unread else known.edited_at
        if vs is None or virtual.passed() - read_at < 60:
            return
        shaped = {"spec": {"http": self._plain(vs, name)}}
        for weights in objects.weights(shaped, name):
            for subset, weight in weights.items():
                gone = subset and subset in old and old[subset] != new.get(subset)
                if weight and gone and self._serves(name, old[subset]):
                    self.broken(
                        "S8", f"{name}: {subset} {old[subset]} -> {new.get(subset)} at {weight}%"
                    )

    def _workload(self, commit: Commit) -> None:
        """S6: pods are not taken away from whoever has requests."""
        if commit.old is None or commit.gone:
            return
        service = commit.new["spec"]["template"]["metadata"]["labels"]["app"]
        revision = commit.new["spec"]["template"]["metadata"]["labels"]["version"]
        wanted = commit.new["spec"].get("replicas", 1), commit.old["spec"].get("replicas", 1)
        vs = self.world.server.get("VirtualService", NAMESPACE, service)
        if wanted[0] or not wanted[1] or vs is None:
            return
        if virtual.passed() - self.of(service).edited_at < self.fresh:
            return
        scaler = self.world.server.get(HPA, NAMESPACE, f"{service}-load")
        if scaler is not None and _scales(scaler)[1] == f"{service}-{revision}":
            self.broken(
                "S6", f"{service}: the pods of {revision} went, and its autoscaler has them"
            )
        if self.shares(vs, service).get(revision):
            self.broken("S6", f"{service}: the pods of {revision} went, and it has requests")

    def _handed_over(self, commit: Commit) -> None:
        """S2 and S7 of an autoscaler: its one leaf, and never to fewer pods than it leaves."""
        name = str(commit.new["metadata"]["name"]).removesuffix("-load")
        if commit.old is None or commit.gone:
            self.broken("S2", f"{commit.actor} made or deleted the autoscaler of {name}")
            return
        (old, from_), (new, to) = map(_scales, (commit.old, commit.new))
        if old != new:
            self.broken("S2", f"{name}: more of its autoscaler than what it scales was written")
        pods = [self.world.server.get("Deployment", NAMESPACE, one) for one in (from_, to)]
        counts = [int(one["spec"].get("replicas", 1)) if one else 0 for one in pods]
        loaded = virtual.passed() - self.world.loaded_at < self.fresh
        if counts[1] < counts[0] and not loaded:
            self.broken("S7", f"{name}: its autoscaler goes from {counts[0]} pods to {counts[1]}")

    def _let_go(self, name: str) -> None:
        """S23: nothing of ours is left on what people made."""
        vs = self.world.server.get("VirtualService", NAMESPACE, name)
        unwritable = virtual.passed() < self.world.blurred_at
        if vs is None or unwritable or virtual.passed() - self.of(name).edited_at < 60:
            return
        made = [r for r in objects.written(vs).get("http") or () if _is_made(r)]
        if made or objects.epoch(vs, name) is not None:
            self.broken("S23", f"{name}: it was let go, and {made or 'a mark'} is left")
        rule = self.world.server.get("DestinationRule", NAMESPACE, name)
        subject = dict(self.world.subjects)[name]
        if subject.rule == "no subsets" and rule is not None:
            authored = objects.mesh(name, subject)[0]["spec"]
            if rule["spec"] != authored:
                self.broken("S23", f"{name}: it was let go, and its rule is {rule['spec']}")

    # At the end

    def quiet(self, name: str) -> None:
        """S27: at a quiet instant the status says what is."""
        known = self.of(name)
        vs = self.world.server.get("VirtualService", NAMESPACE, name)
        status = known.status
        if vs is None or status is None or status.stable is None:
            self.broken("S27", f"{name}: nothing is known of it")
            return
        subject = dict(self.world.subjects)[name]
        if not known.scribbled and (what := rest.left(self.world, name, subject, status)):
            self.broken("S37", f"{name}: at rest, and {what}")
        shares = self.shares(vs, name)
        told = status.phase is Phase.PAUSED and status.waits_for is WaitsFor.OBJECTS
        if not told and status.stage.name is Stage.IDLE and set(shares) - {"", status.stable.name}:
            self.broken("S27", f"{name}: idle on {status.stable.name}, and {shares}")

    def audited(self) -> None:
        """S19: every decision is told once; no approval by a stranger counts (S21)."""
        acts = self.world.log.told
        self.git.told("the audit log", repr(acts))
        self.git.told("Slack", repr(self.world.chat.said))
        told = [one.id for one in acts if one.act is not Act.SOURCE]
        states = [one.id for one in acts if one.act is Act.SOURCE]
        again = [a for a, b in pairwise(states) if a == b]
        if again:
            self.broken("S19", f"a source's state told twice in a row: {again[:3]}")
        if len(told) != len(set(told)):
            twice = [one for one, count in Counter(told).items() if count > 1]
            self.broken("S19", f"told twice: {twice[:3]}")
        for name, _subject in self.world.subjects:
            stored = objects.status(self.world.rollout(name) or {})
            ids = {one.partition(".")[2] for one in told}
            missing = [e.id for e in stored.history if e.id not in ids]
            if missing:
                self.broken("S19", f"{name}: not told: {missing[:3]}")
            for entry in stored.history:
                if entry.by.startswith("slack:") and entry.by != f"slack:{ANN}":
                    self.broken("S21", f"{name}: {entry.by} decided")
        keys = [said.words.key for said in self.world.chat.said]
        if len(keys) != len(set(keys)):
            self.broken("S22", f"said twice: {[k for k, n in Counter(keys).items() if n > 1][:3]}")


def _foreign(obj: Json) -> Json:
    """What of an object is never ours to write: all but our leaves and our own annotations."""
    spec, meta = {**objects.written(obj)}, obj["metadata"]
    for kind in ("http", "tls", "tcp"):
        routes = [r for r in spec.get(kind) or () if not _is_made(r)]
        spec[kind] = [{k: v for k, v in r.items() if k != "route"} for r in routes]
    notes = {k: v for k, v in (meta.get("annotations") or {}).items() if "rollout.dev/" not in k}
    ours = ("resourceVersion", "generation", "managedFields")
    plain = {k: v for k, v in meta.items() if k not in ours}
    managers = [one for one in meta.get("managedFields") or () if one.get("manager") != MANAGER]
    theirs = [one for one in managers if one]
    whole = {"spec": spec} if "spec" in obj else {}
    return {**whole, "metadata": {**plain, "annotations": notes}, "managers": theirs}


def _scales(scaler: Json) -> tuple[Json, str]:
    """An autoscaler without what is ours of it, and the Deployment that it scales."""
    spec = scaler["spec"]
    target = {k: v for k, v in spec["scaleTargetRef"].items() if k != "name"}
    return {**spec, "scaleTargetRef": target}, str(spec["scaleTargetRef"]["name"])


def _is_made(route: Json) -> bool:
    """Whether a route is one of ours, by its name."""
    return str(route.get("name", "")).startswith("rollout-")


def _subsets(rule: Json) -> dict[str, Any]:
    return {s["name"]: s.get("labels", {}) for s in objects.written(rule).get("subsets") or ()}


def _readable(obj: Json) -> bool:
    """Whether its spec can be read; while it cannot, what is stored is kept, with the complaint."""
    try:
        manifests.rollout(obj)
    except ManifestError:
        return False
    return True


def settled(status: Json) -> bool:
    """L1: promoted, rolled back, or paused with a reason, or waiting for people by name."""
    phase = status.get("phase")
    if phase in (Phase.HEALTHY, Phase.DEGRADED):
        return bool(status.get("stage", {}).get("name") == Stage.IDLE)
    asked = status.get("waitsFor") in ("Approval", "Webhook")
    return phase == Phase.PAUSED or asked
