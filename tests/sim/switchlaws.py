"""What may never become of users who move between two clusters, asked of every commit and second.

W1 to W9 are explained in docs/simulation.md. Where users are, and what they meet there, is asked
of the zone and of the gateways (``zones.py``), and not of what the controller has read.
"""

from __future__ import annotations

import contextlib
import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rollout.controller.keeping.store import without_numbers
from rollout.errors import ManifestError
from rollout.manifest import switchovers
from rollout.manifest.switchovers import KIND
from rollout.model.reasons import PauseKind, WaitsFor
from rollout.model.switchover import (
    SWITCH_MAY_FOLLOW,
    Side,
    SwitchoverStatus,
    SwitchStage,
)
from tests import virtual
from tests.sim.beyond import Past
from tests.sim.measured import SOUND
from tests.sim.pace import MINUTES
from tests.sim.requests import BAD
from tests.sim.server import Commit, Json
from tests.sim.zones import QUICK, WEIGHT, share, weights

if TYPE_CHECKING:
    from tests.sim.switching import Switching

HOME_WITHIN = 60.0
"""Seconds in which a green that is bad, or shut, all the time is left (W2)."""
LATELY = 40.0
"""Seconds that what a probe has said may be old, and what was made of it."""
STANDS = 150.0
"""Seconds in which each step of these switchovers is over where nothing is in its way (L9)."""
ANSWERED = 60.0
QUIET = 50.0
"""Seconds between two writes of a status that tell people nothing new (S36)."""
_JUDGED = (SwitchStage.SHIFTING, SwitchStage.BAKING)
_FORWARD = ("promote", "skip")


@dataclass(eq=False)
class SwitchLaws:
    """``active``: faults that end by themselves and have not yet; ``troubled_at``: when one last
    began or ended. ``step``: green's share that was written last as a step, by attempt.
    """

    switching: Switching
    before: SwitchoverStatus = field(default_factory=SwitchoverStatus)
    active: int = 0
    troubled_at: float = -math.inf
    edited_at: float = -math.inf
    respecified_at: float = -math.inf
    raised_at: float = -math.inf
    told_at: float = -math.inf
    step: tuple[int, int] = (0, 0)
    is_scribbled: bool = False
    epochs: bool = True
    requests: list[tuple[float, str]] = field(default_factory=list)
    _harmed_at: float = math.inf
    _stands: tuple[object, float] = (None, 0.0)
    _blind: Past = field(default_factory=Past)
    _steps: list[int] = field(default_factory=list)
    ours: dict[str, dict[Side, int]] = field(default_factory=dict)

    def begin(self) -> None:
        """Everything is there."""
        self.ours, self.edited_at = self._divided(), -math.inf

    # What people and the world did, since it excuses much

    def asked(self, request: str) -> None:
        self.requests.append((virtual.passed(), request))

    def troubled(self) -> None:
        self.troubled_at = virtual.passed()

    def edited(self) -> None:
        """Somebody else wrote the records; what was put back as we had it is no edit any more."""
        if self._divided() != self.ours:
            self.edited_at = virtual.passed()
        elif self.edited_at > self.raised_at:
            self.edited_at = self.raised_at
        self.troubled()

    def _divided(self) -> dict[str, dict[Side, int]]:
        """The weights of each host's records."""
        objs = [*self.switching.now().values()]
        return {host: weights(objs, host) for host, _ in self.switching.shape.sets}

    def respecified(self) -> None:
        self.respecified_at = virtual.passed()
        self.troubled()

    def scribbled(self) -> None:
        """Somebody wrote in the status, which is all that is known."""
        self.is_scribbled = True
        self.troubled()

    def _since_asked(self, *verbs: str) -> float:
        """When a person last asked for one of these."""
        times = (at for at, text in self.requests if text.partition("@")[0] in verbs)
        return max(times, default=-math.inf)

    @property
    def unanswered(self) -> str:
        """A person's newest request, if it is neither done nor refused."""
        held = self.switching.object
        if held is None or not self.requests:
            return ""
        status = held.get("status") or {}
        text = self.requests[-1][1]
        known = (status.get("lastHandledRequest"), status.get("lastRefusedRequest"))
        return "" if text in known else text

    def _broken(self, law: str, what: str) -> None:
        self.switching.world.laws.broken(law, f"switchover: {what}")

    @property
    def _fresh(self) -> float:
        return self.switching.world.laws.fresh + 3.0

    # Every commit of ours

    def committed(self, commit: Commit, cluster: str) -> None:
        """What the controller wrote in either cluster."""
        kind, meta = commit.change.bucket, commit.new["metadata"]
        if kind == "DNSEndpoint":
            self._record(commit)
        elif kind == "Deployment" and meta["namespace"] == "istio-system":
            self._restart(commit, cluster)
        elif kind == KIND:
            self._saved(commit)
        elif cluster != "home" or (meta.get("namespace") == "edge" and kind != "Event"):
            self._broken("W6", f"{kind} {meta['name']} is written in {cluster}")

    def _record(self, commit: Commit) -> None:
        """W1, W3 and W6 of a record."""
        name = commit.new["metadata"]["name"]
        if commit.gone or commit.old is None:
            self._broken("W6", f"{name} was made or deleted")
            return
        if _foreign(commit.old) != _foreign(commit.new):
            self._broken("W6", f"more of {name} than our weights was written")
        there = self.switching.now()
        for host, _ in self.switching.shape.sets:
            now = weights([*there.values()], host)
            was = weights([*{**there, name: commit.old}.values()], host)
            if not sum(now.values()):
                self._broken("W1", f"the weights of {host} are {now}")
            self._moved(share(was), share(now))
        self.ours = self._divided()

    def _moved(self, was: float, now: float) -> None:
        """Green's share is another one."""
        status, split = self._stored(), self._stored().stage.split
        resumed = self._since_asked("resume", *_FORWARD) > self.edited_at
        anew = self.is_scribbled or status.attempt.number != self.step[0]
        foreign = self.edited_at > self.raised_at and split.canary
        if foreign and now != was and not resumed and not anew:
            self._broken("W8", f"{now:.0%} to green over what somebody has written")
        if now > was + 1e-6:
            self._raised(was, now, split.canary)
        elif now < was - 1e-6:
            self._lowered(now, split.canary)

    def _stored(self) -> SwitchoverStatus:
        return self.switching.status

    def _raised(self, was: float, now: float, canary: int) -> None:
        """W1: a step towards green has passed its gate, and somebody wanted it."""
        status = self._stored()
        if now > canary / 100 + 1e-6:
            self._broken("W1", f"{now:.0%} to green, and {status.stage.split} was saved")
        self._served(Side.GREEN, now)
        self._wanted(now)
        before, self.step = self.step, (status.attempt.number, canary)
        since, self.raised_at = self.raised_at, virtual.passed()
        if before == self.step or self.is_scribbled:
            return
        if canary not in (*self._weights(), 100):
            self._broken("W1", f"{canary}% to green is no step of {self._weights()}")
        if before[0] == self.step[0] and self._since_asked(*_FORWARD) < since:
            self._passed(before[1], canary, since)

    def _weights(self) -> list[int]:
        """Green's shares by the newest spec that can be read."""
        with contextlib.suppress(ManifestError):
            spec = switchovers.switchover(self.switching.object or {}).spec
            self._steps = [one.weight for one in spec.steps]
        return self._steps

    def _passed(self, before: int, canary: int, since: float) -> None:
        """W1: from one step to the next by a gate, which has seen what it judges."""
        passed, users = virtual.passed(), self.switching.users
        what = f"{before}% -> {canary}% to green"
        odd = max(self.edited_at, self.respecified_at, self._since_asked("resume")) > since
        there = self._there(before / 100)
        if there < self.switching.shape.baked - 1.0 and not odd:
            self._broken("W1", f"{what}, and users were there for {there:.0f} s")
        for name, bad in (("fails", users.flows), ("is slow", users.slow)):
            rows = bad[Side.GREEN].bad.lately(since), bad[Side.BLUE].bad.lately(since)
            if min(rows[0]) >= 0.2 and max(rows[1]) < 0.2 and passed - since > 20:
                self._broken("W1", f"{what}, and green {name} all the time")
        if passed - since > 20 and min(self._blind.lately(since)):
            self._broken("W1", f"{what}, and nothing was known all the time")
        pods = self.switching.ready[Side.BLUE].lately(since)
        if max(pods) * 2 < 4 and passed - since > 20:
            self._broken("W1", f"{what}, and there is no way back: {pods} pods of blue")

    def _there(self, asked: float) -> float:
        """Seconds since users have divided so."""
        past = self.switching.users.flows[Side.GREEN].share
        near = self.switching.shape.tolerance + 0.01
        away = [
            until
            for value, until in zip(past.values, [*past.times[1:], math.inf], strict=True)
            if abs(value - asked) > near
        ]
        return virtual.passed() - max(away, default=0.0)

    def _wanted(self, now: float) -> None:
        """W1: git asks for green, nobody deletes it, no person has stopped it."""
        held, passed = self.switching.object, virtual.passed()
        late = passed - self.respecified_at > self._fresh
        if held is None or not late or self.is_scribbled:
            return
        leaves = held["metadata"].get("deletionTimestamp")
        if leaves or held["spec"].get("serve", "blue") != "green":
            self._broken(
                "W1",
                f"{now:.0%} to green, and {'it is deleted' if leaves else 'git asks for blue'}",
            )
        stopped = self._since_asked("abort", "reject")
        again = self._since_asked("retry")
        handled = self._stored().last_handled_request.partition("@")[0] in ("abort", "reject")
        stands = stopped > again and handled and self._stored().rejected is not None
        if stands and passed - stopped > self._fresh:
            self._broken("W1", f"{now:.0%} to green, and a person has said no")

    def _served(self, side: Side, now: float) -> None:
        """W3: nobody is sent where nobody answers."""
        past = self.switching.users.open[side]
        unseen = virtual.passed() < self.switching.away.get(side, -math.inf)
        if not max(past.lately(virtual.passed() - LATELY)) and not unseen:
            self._broken("W3", f"{now:.0%} to green, and {side} answers nobody")

    def _lowered(self, now: float, canary: int) -> None:
        """W3 and W9: only home, where somebody answers, and for a reason."""
        self._served(Side.BLUE, now)
        if canary and now < canary / 100 - 1e-6:
            self._broken("W1", f"{now:.0%} to green, and {canary}% was saved")
        if not canary and not self.is_scribbled and not self._reason():
            self._broken("W9", f"everyone goes home for nothing: {self._stored().because}")
        self.raised_at = virtual.passed()
        self.step = (self._stored().attempt.number, canary)

    def _reason(self) -> bool:
        """Whether anything that happened explains that green is left."""
        since, users = virtual.passed() - 2 * HOME_WITHIN, self.switching.users
        worse = max(users.flows[Side.GREEN].bad.lately(since)) > SOUND
        slow = max(users.slow[Side.GREEN].bad.lately(since)) > QUICK
        shut = not min(users.open[Side.GREEN].lately(since))
        late = virtual.passed() - self.switching.deaf_at < 2 * HOME_WITHIN
        spoken = max(self._since_asked("abort", "reject"), self.switching.pressed_at) > -1
        return worse or slow or shut or late or spoken or self.respecified_at > 0

    def _restart(self, commit: Commit, cluster: str) -> None:
        """W6 of a gateway: one annotation of its pods, of blue's, and only while it drains."""
        if commit.gone or commit.old is None:
            self._broken("W6", "a gateway was made or deleted")
            return
        blue = self.switching.sides[Side.BLUE] is self.switching.world.server
        if cluster != ("home" if blue else "blue"):
            self._broken("W6", f"the gateway of {cluster} was written")
        if _pods(commit.old) != _pods(commit.new):
            self._broken("W6", "more of a gateway than a restart was written")
        if self._stored().stage.name is not SwitchStage.DRAINING:
            self._broken("W6", f"a gateway is restarted at {self._stored().stage.name}")

    # What is saved

    def _saved(self, commit: Commit) -> None:
        """W9 of what is remembered; S36 of how often; L8 of what a later version wrote."""
        if commit.gone:
            self.before, self.epochs = SwitchoverStatus(), True
            return
        if (commit.old or {}).get("spec") != commit.new.get("spec"):
            self._broken("W6", "the controller changed the spec")
        stored = commit.new.get("status")
        if stored is None or (commit.old or {}).get("status") == stored:
            return
        try:
            status = switchovers.status(commit.new)
        except ManifestError:
            return  # it says so, and what is stored stays
        before, self.before = self.before, status
        self._follows(before, status, deleted="deletionTimestamp" in commit.new["metadata"])
        self._new(commit.old or {}, commit.new)
        if "later" in stored:
            self._broken("L8", "what a later version wrote is left")

    def _follows(self, old: SwitchoverStatus, new: SwitchoverStatus, *, deleted: bool) -> None:
        edges = self.switching.world.laws.edges
        edges[f"switchover {new.stage.name}"] += new.stage.name is not old.stage.name
        if new.attempt.pause is not None:
            edges[f"switchover pause {new.attempt.pause.kind}"] += 1
        if new.waits_for is not None:
            edges[f"switchover waits for {new.waits_for}"] += 1
        if len(new.because) > 200:
            self._broken("sentence", new.because)
        if self.is_scribbled:
            return
        if new.epoch < old.epoch:
            self._broken("W9", f"epoch {old.epoch} -> {new.epoch}")
        was, now = old.stage.name, new.stage.name
        if now is not was and now not in SWITCH_MAY_FOLLOW[was]:
            self._broken("W9", f"stage {was} -> {now}")
        if new.attempt.number not in (old.attempt.number, old.attempt.number + 1):
            self._broken("W9", f"attempt {old.attempt.number} -> {new.attempt.number}")
        self._stood(old, new)
        self._let_go(old, new)

    def _stood(self, old: SwitchoverStatus, new: SwitchoverStatus) -> None:
        """W8: a pause ends by a person's word, or by going home; some end by themselves."""
        paused = old.attempt.pause
        if paused is None or paused.kind.may_pass:
            return
        on = new.stage.split.canary > old.stage.split.canary
        ends = new.serving is Side.GREEN is not old.serving
        asked = new.last_handled_request != old.last_handled_request
        if (on or ends) and not asked:
            self._broken("W8", f"goes on to {new.stage} though paused: {paused.because}")

    def _let_go(self, old: SwitchoverStatus, new: SwitchoverStatus) -> None:
        """W7: blue is let go once its users have gone, home is said once they are there."""
        now, users = virtual.passed(), self.switching.users
        if new.stage.name is not SwitchStage.SERVING or old.stage.name is SwitchStage.SERVING:
            return
        lately = users.flows[Side.GREEN].share.lately(now - self._fresh - 15.0)
        there, drained = max(lately), old.stage.name is SwitchStage.DRAINING
        if drained and new.serving is Side.GREEN and there < 1 - 2 * self.switching.shape.below:
            self._broken("W7", f"blue is let go, and {1 - there:.0%} of the users are there")

    def _new(self, old: Json, new: Json) -> None:
        """S36: a status that tells nothing new is written once a minute at the most."""
        world, now = self.switching.world, virtual.passed()
        if _telling(old) != _telling(new) or not world.laws.pace.fair():
            return
        last, self.told_at = self.told_at, now
        if world.skewed_at < last and now - last < QUIET:
            self._broken("S36", "its status is written twice, and says the same")

    # Every second

    def each_second(self) -> None:
        """W2, S31 and L9."""
        world = self.switching.world
        gone = Side.GREEN in self.switching.users.uncounted
        self._blind.now(float(gone or bool(world.numbers.blind.values[-1])))
        if self.switching.object is None:
            return
        self._weights()
        self._harmed()
        self._answered()
        self._goes_on()

    def _able(self) -> bool:
        """Whether nothing keeps a look from being made, and from writing what it decides."""
        world, now = self.switching.world, virtual.passed()
        alive = all(one.alive and one.stopped_until < now for one in world.processes.values())
        calm = now - max(world.blurred_at, self.edited_at, self.respecified_at) > 35.0
        return alive and calm and now > world.skewed_at and not self.is_scribbled

    def _harmed(self) -> None:
        """W2: a green that surely is bad, for those who are there, is left."""
        users, now = self.switching.users, virtual.passed()
        bad = users.flows[Side.GREEN].bad.values[-1] >= BAD
        bad = bad and users.flows[Side.BLUE].bad.values[-1] < BAD
        seen = bad and not self._blind.values[-1] and not self.switching.world.numbers.trouble
        shut = not users.open[Side.GREEN].values[-1]
        found = weights([*self.switching.now().values()])
        there = users.share >= 0.05 and share(found) > 0 and users.rate.values[-1] > 100
        blue = users.open[Side.BLUE].values[-1] and not self.switching.away
        paused = self.before.attempt.pause
        waits = paused is not None and paused.kind in (PauseKind.DRIFT, PauseKind.FAILED)
        judged = self.before.stage.name in (_JUDGED if not shut else (*_JUDGED,))
        harmed = (seen or shut) and there and blue and judged and not waits and self._able()
        careful = self.switching.shape.careful and not shut
        if not harmed or careful:
            self._harmed_at = math.inf
        elif self._harmed_at is math.inf:
            self._harmed_at = now
        elif now - self._harmed_at > HOME_WITHIN:
            what = "answers nobody" if shut else "fails"
            self._broken("W2", f"green {what}, {users.share:.0%} of the users are there")

    def _answered(self) -> None:
        """S31: no request is left lying, but for a step forward while weights are on their way."""
        text, now = self.unanswered, virtual.passed()
        if not text or not self._able() or self.active:
            return
        held = self.switching.object or {"metadata": {}}
        on_its_way = self.before.waits_for in (WaitsFor.RECORDS, WaitsFor.CACHES)
        forward = text.partition("@")[0] in _FORWARD and on_its_way
        late = now - max(self.requests[-1][0], self.troubled_at) > ANSWERED
        if late and not forward and not held["metadata"].get("deletionTimestamp"):
            self._broken("S31", f"{text} is not answered")

    def _goes_on(self) -> None:
        """L9: whoever is under way stands nowhere without a reason."""
        status, now = self.before, virtual.passed()
        step = status.attempt.step
        here = (status.attempt.number, status.stage.name, step and step.index)
        rests = self.switching.rests
        hindered = (
            rests or status.attempt.pause is not None or self.active > 0
            or status.waits_for in (WaitsFor.APPROVAL, WaitsFor.OBJECTS)
            or MINUTES.search(status.because) is not None
            or now - self.troubled_at < 60.0 or not self._able()
            or self.switching.world.numbers.trouble != ""
        )  # fmt: skip
        before, since = self._stands
        if hindered or here != before:
            since = now
        self._stands = here, since
        if now - since > STANDS:
            self._broken("L9", f"{STANDS:g} s at {status.stage.name}: {status.because}")

    # At the end

    def ended(self) -> None:
        """W5 and W7: at rest all is told, and users are where the status says."""
        held = self.switching.object
        found = weights([*self.switching.now().values()])
        if held is None:
            self._audited([])
            return
        status = self._stored()
        self._audited([entry.id for entry in status.history])
        if self.is_scribbled:
            return
        wanted = {Side.GREEN: 1.0, Side.BLUE: 0.0}.get(status.serving or Side.BLUE)
        drifted = self.edited_at > self.raised_at
        if status.stage.name is SwitchStage.SERVING and share(found) != wanted and not drifted:
            self._broken("W7", f"{status.serving} serves everyone, and the weights are {found}")
        if abs(self.switching.users.share - share(found)) > 0.01 and not drifted:
            users = self.switching.users.share
            self._broken("W7", f"at rest, and {users:.0%} of the users are on green: {found}")

    def _audited(self, ids: list[str]) -> None:
        """W5: each decision is told once."""
        log = self.switching.world.log.told
        told = [one.id for one in log if one.object.endswith("edge/edge")]
        twice = [one for one, count in Counter(told).items() if count > 1]
        if twice:
            self._broken("W5", f"told twice: {twice[:3]}")
        known = {one.partition(".")[2] for one in told}
        lacks = [one for one in ids if one not in known]
        if lacks and not self.is_scribbled:
            self._broken("W5", f"not told: {lacks[:3]}")


def _foreign(obj: Json) -> Json:
    """What of a record's object is never ours: all but the weights of our set."""
    meta = {
        key: one
        for key, one in obj["metadata"].items()
        if key not in ("resourceVersion", "generation", "managedFields")
    }
    entries = []
    for entry in obj["spec"]["endpoints"]:
        ours = entry["dnsName"] != "api.example.com" and entry.get("setIdentifier") in tuple(Side)
        own = [
            {**one, "value": ""} if ours and one["name"] == WEIGHT else one
            for one in entry.get("providerSpecific") or ()
        ]
        entries.append({**entry, "providerSpecific": own})
    return {"metadata": meta, "endpoints": entries, "status": obj.get("status")}


def _pods(obj: Json) -> Json:
    """What of a gateway is never ours: all but the mark of a restart."""
    template = {**obj["spec"]["template"]}
    meta = {**(template.get("metadata") or {})}
    notes = {**(meta.pop("annotations", None) or {})}
    notes.pop("kubectl.kubernetes.io/restartedAt", None)
    return {**obj["spec"], "template": {**template, "metadata": {**meta, "annotations": notes}}}


def _telling(obj: Json) -> Any:
    """What people, and the next process, read in a status, but for numbers."""
    status = {**(obj.get("status") or {})}
    attempt = {**(status.get("attempt") or {})}
    for key in ("verdicts", "checkpoint", "blueCheckpoint"):
        attempt.pop(key, None)
    rest = {k: v for k, v in status.items() if k not in ("because", "attempt", "conditions")}
    return {**rest, "attempt": attempt, "because": without_numbers(str(status.get("because", "")))}
