"""What happens to a world, as data: drawn from a seed, kept as JSON, shrunk when it fails."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from random import Random
from typing import Any

STRATEGIES = (
    "steps", "one step", "approved", "testers", "dark", "dark held", "blue-green", "sticky",
    "gated",
)  # fmt: skip
RARE_STRATEGIES = (
    "nobody first", "unseen", "sized", "plain then dressed", "all at once", "sticky to all",
    "preview",
)  # fmt: skip
"""Steps that send the canary nothing, a preview for nobody, pods by the step, a mirror between,
everyone at the first step.
"""
AUTHORS = ("role", "version", "host")
"""How the author's VirtualService names stable: a subset ``stable``, ``v1``, or the host alone."""
JUDGED = (
    "", "", "latency", "slower", "quantile", "own", "all", "usual", "usual errors", "cold", "warm",
    "tolerant",
)  # fmt: skip
MEASURED = (
    "", "pods", "an incident", "a long incident", "an outage", "unlike", "by turns", "faultless",
    "servers alone", "apart",
)  # fmt: skip
"""How requests that are counted are judged, and how stable was before (``measured.WAYS``)."""
WORKLOADS = ("user", "managed", "scaled")
"""Whose pods: people's, ours to start, or those of an autoscaler that follows the release."""
RULES = (
    "own", "several", "several plain", "none", "pattern", "patterns", "namesake", "policies",
    "no subsets",
)  # fmt: skip
"""One of its own, another one beside it (without a policy of its own), none at all, or none but one
of a pattern of hosts (or two), or one that has its name and is about another host; one whose subset
has a policy, or that has none.
"""


@dataclass(frozen=True, slots=True)
class Subject:
    """One rollout of the world.

    ``careful``: people are asked where others go back. ``strict``: at once where nobody knows.
    ``rule``: which DestinationRules of its host there are. ``long``: its name is as long as may be.
    ``shared``: its metrics are in a template. ``mirrored``: another route is mirrored to it.
    ``counts``: its requests are counted and compared, in place of one plain limit.
    ``harsh``: what looks worse for too long goes back.
    ``beside``: another team's VirtualService shares its host at a gateway, by such a match.
    ``shape``: how its author writes the VirtualService, one of ``shapes.py``; empty: plainly.
    ``judged``: how else than usual (``objects.JUDGED``).
    ``measured``: how its pods count, and how it was before (``measured.WAYS``).
    A workload may also be ``template``: the pods are made from the Rollout itself.
    """

    strategy: str = "steps"
    workload: str = "user"
    author: str = "role"
    careful: bool = False
    strict: bool = False
    rule: str = "own"
    long: bool = False
    shared: bool = False
    mirrored: bool = False
    counts: bool = False
    harsh: bool = False
    beside: str = ""
    judged: str = ""
    shape: str = ""
    measured: str = ""

    @property
    def templated(self) -> bool:
        return self.workload.startswith("template")


@dataclass(frozen=True, slots=True)
class Setup:
    """The world before anything happens.

    ``calm``: seconds after which all faults are over. ``last``: the revision that is pushed once
    everybody has come to rest after that; empty: none.
    ``page``: objects of a list that the API server gives at once; 0: all.
    ``shards``: among how many each replica was told to share the objects, in turn.
    ``fields``: the API server says who manages which fields. ``read``: people look at all of it.
    ``timers``: alarms ring as in a real controller, each a little late.
    ``wordy``: the API server's versions are no numbers, as Kubernetes reserves for itself.
    ``older``: it knows kinds in the versions of former years alone.
    ``without``: what the controllers have none of: ``gates``, ``istiod``, or both.
    ``team``: git has the service's own rules and routes, too.
    ``asked``: somebody asks the door of health, and reads it.
    ``upgrade``: how git asks for the upgrade of the mesh, and what else is in that (``meshes.py``).
    ``switching``: how git asks for a switchover to another cluster (``switches.py``); none: not.
    """

    subjects: tuple[Subject, ...] = (Subject(),)
    replicas: int = 1
    sourced: bool = False
    mesh: bool = False
    chat: bool = False
    lag: float = 0.0
    latency: float = 0.003
    pods: int = 2
    ready_after: float = 1.0
    calm: float = 900.0
    last: str = "v3"
    page: int = 0
    shards: tuple[int, ...] = (1,)
    fields: bool = False
    read: bool = False
    timers: bool = False
    wordy: bool = False
    older: bool = False
    upgrade: str = ""
    without: str = ""
    team: bool = False
    asked: bool = False
    switching: str = ""


@dataclass(frozen=True, slots=True)
class When:
    """At a time, or as the controller makes its ``nth`` write of a kind after that time."""

    at: float = 0.0
    write: str = ""
    nth: int = 0
    after: bool = False


@dataclass(frozen=True, slots=True)
class Mishap:
    """``do`` happens to ``on`` (a kind, a person's verb, a revision) of the subject ``who``."""

    do: str
    when: When
    on: str = ""
    who: int = 0
    lasts: float = 0.0
    times: int = 1
    value: float = 0.0


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole play: ``seed`` is what randomness is left (jitter of waits)."""

    seed: int
    setup: Setup
    mishaps: tuple[Mishap, ...]

    def text(self) -> str:
        return json.dumps(asdict(self), indent=1, sort_keys=True)

    def without(self, indexes: Sequence[int]) -> "Plan":
        kept = [m for i, m in enumerate(self.mishaps) if i not in indexes]
        return replace(self, mishaps=tuple(kept))


def read(text: str) -> Plan:
    """The plan that ``Plan.text`` wrote."""
    made = json.loads(text)
    setup = made["setup"]
    subjects = tuple(Subject(**one) for one in setup.pop("subjects"))
    setup["shards"] = tuple(setup.get("shards", (1,)))
    mishaps = tuple(_mishap(one) for one in made["mishaps"])
    return Plan(made["seed"], Setup(subjects, **setup), mishaps)


def _mishap(one: Mapping[str, Any]) -> Mishap:
    return Mishap(**{**one, "when": When(**one["when"])})


WRITTEN = ("VirtualService", "DestinationRule", "Rollout", "Deployment", "Event", "Lease")
REQUESTS = (
    "conflict", "throttled", "broken", "forbidden", "unauthorized", "denied", "unknown kind",
    "lost before", "lost after", "reset after", "garbled after", "slow",
    "late after",
)  # fmt: skip
WATCHES = (
    "watch cut", "watch half a line", "watch silent", "watch gone", "watch error",
    "watch garbage", "watch nameless", "watch doubled", "compaction", "replica lags",
    "other replica", "stale lists",
)  # fmt: skip
PROCESSES = ("kill", "terminate", "pause", "clock jumps", "a later version")
EDITS = (
    "weights edited", "mesh applied again", "virtualservice deleted", "subset removed",
    "destinationrule deleted", "rollout touched", "service deleted", "deployment scaled",
)  # fmt: skip
METRICS = (
    "bad", "prometheus down", "prometheus slow", "prometheus nan", "prometheus empty",
    "prometheus two series", "prometheus partial", "prometheus infinite", "prometheus refuses",
)  # fmt: skip
PODS = ("never ready", "canary crashes", "stable crashes", "flapping", "endpoints late", "rebuilt")
MESH = ("proxies behind", "istiod silent", "namespace moves")
LEASES = ("lease taken", "lease scribbled")
MARKS = (
    "mark scribbled", "mark gone", "rule written", "made routes gone", "made routes edited",
    "made routes twice", "made routes moved",
)  # fmt: skip
SCRIBBLES: Mapping[str, Sequence[str]] = {
    "lease taken": ("",),
    "lease scribbled": ("digits", "words", "another number", "wished", "bare", "nobody", "gone"),
    "mark scribbled": ("words", "other", "negative", "far"),
}
"""What is written over a Lease, or over a mark of ours; the value says of which Lease."""
PEOPLE = ("push", "request", "delete", "spec edited", "spec unreadable")
STRANGE = (
    "replaced by force", "held by others", "status of a former version", "status written over",
    "template gone", "measures written", "routes emptied", "made routes put back",
    "subset written", "shape written",
)  # fmt: skip
"""In scenes alone: after them it is for people to say what should be."""
CHAT = ("slack down", "slack unanswered", "approve", "press by a stranger", "pressed twice")
GIT = ("git down", "pushed back", "broken yaml", "all files gone", "wants another namespace")
OTHERS = ("audit log full", "a bug of ours")
GATES = ("gate holds", "gate says failed", "gate down", "gate slow", "gate refuses")
MESHES = (
    "old istiod deaf", "new istiod deaf", "mesh pods unready", "mesh requests fail",
    "mesh proxies refuse", "upgrade asked", "upgrade deleted",
)  # fmt: skip
VALUES: Mapping[str, Sequence[float]] = {
    "pause": (1.0, 6.0, 12.0, 40.0),
    "clock jumps": (-3600.0, -30.0, 30.0, 3600.0),
    **dict.fromkeys(("weights edited", "load"), (0.0, 30.0, 100.0)),
    **dict.fromkeys(("kill", "terminate", "a later version"), (0.2, 3.0, 20.0)),
    "lull": (0.0, 1.0, 20.0),
    "slow answers": (1.6, 6.0),
    "scrapes behind": (6.0, 15.0),
    "no endpoint": (2.0, 60.0),
}
"""Seconds, percent, requests a second, or times as long, of which one is drawn."""
SCRAPES = ("counters anew", "counters of others", "uncounted", "failures unread")
COUNTED = ("lull", "worse", "slow answers", "both fail", "no endpoint", "scrapes behind", *SCRAPES)
TEMPLATES = ("template edited", "configuration deleted")
SCALERS = ("load", "autoscaler edited", "autoscaler deleted")
FAMILIES = (
    REQUESTS,
    WATCHES,
    PROCESSES,
    EDITS,
    METRICS,
    PODS,
    MESH,
    PEOPLE,
    CHAT,
    GIT,
    OTHERS,
    GATES,
    SCALERS,
    MESHES,
    LEASES,
    MARKS,
    COUNTED,
    TEMPLATES,
)
ALL = tuple(kind for family in FAMILIES for kind in family)


BUSY = 130.0
"""Seconds in which most first journeys are over; what happens after them meets idle rollouts."""


def drawn(seed: int) -> Plan:
    """The plan of ``seed``: a world, and a few mishaps of a few kinds (swarm testing)."""
    setup = _setup(Random(f"setup {seed}"))
    rng = Random(f"mishaps {seed}")
    usable = [kind for kind in ALL if _happens(kind, setup)]
    kinds = rng.sample(usable, rng.randint(3, 9))
    if setup.mesh:
        kinds += 2 * rng.sample(MESHES, 2)
    mishaps = [_drawn(rng.choice(kinds), setup, rng) for _ in range(rng.randint(3, 12))]
    if rng.random() < RARELY:
        mishaps += _rare(rng.choice([*RARE]), setup, rng)
    begin = [Mishap("push", When(20.0 + 3 * i), "v2", i) for i in range(len(setup.subjects))]
    return Plan(seed, setup, (*begin, *sorted(mishaps, key=lambda m: m.when.at)))


RARELY = 0.5
_AGAIN = tuple(("weights edited", 1.5 * turn, "", 0.0) for turn in range(8))
RARE: Mapping[str, tuple[tuple[str, float, str, float], ...]] = {
    "stable dies under a canary": (("stable crashes", 0, "", 90),),
    "both sides die": (("stable crashes", 0, "", 90), ("canary crashes", 3, "", 60)),
    "a withdrawal is overtaken": (
        ("bad", 0, "", 40), ("push", 15, "v3", 0), ("push", 18, "v2", 0),
    ),
    "promoted on the way back": (
        ("stable crashes", 0, "", 150), ("request", 4, "abort", 0), ("request", 9, "promote", 0),
    ),
    "the way back waits": (
        ("stable crashes", 0, "", 60), ("bad", 5, "", 60), ("push", 40, "v3", 0),
    ),
    "a preparation is called off": (("push", -40, "v1", 0),),
    "a preparation is pushed over": (("push", -40, "v3", 0),),
    "its pods never come": (("never ready", -60, "", 200),),
    "aborted under way": (("request", 0, "abort", 0), ("request", 40, "retry", 0)),
    "stable is rebuilt": (("rebuilt", 0, "v1", 0),),
    "failed and pushed again": (("bad", 0, "", 40), ("push", 70, "v3", 0)),
    "nobody sees anything": (("prometheus down", 0, "", 200),),
    "somebody keeps editing": _AGAIN,
}  # fmt: skip
"""Ways that single mishaps seldom make: what happens, how many seconds after a beginning between 25
and 90 s, to what, for how long. Half of the seeds go one of them besides.
"""


def _rare(way: str, setup: Setup, rng: Random) -> list[Mishap]:
    """The mishaps that make ``way``, each a little earlier or later."""
    who, begin = rng.randrange(len(setup.subjects)), rng.uniform(25, 90)
    earliest = rng.uniform(20.05, 29)  # while a first canary is prepared
    times = [max(earliest, begin + row[1] * rng.uniform(0.7, 1.3)) for row in RARE[way]]
    rows = zip(times, RARE[way], strict=True)
    return [Mishap(do, When(round(at, 2)), on, who, lasts) for at, (do, _, on, lasts) in rows]


def _setup(rng: Random) -> Setup:
    count = rng.choices((1, 2, 3), (75, 20, 5))[0]
    chat, sourced = rng.random() < 0.25, rng.random() < 0.25
    strategies = [s for s in STRATEGIES if chat or s != "approved"]
    setup = Setup(
        subjects=tuple(_subject(rng, strategies) for _ in range(count)),
        replicas=2 if rng.random() < 0.2 else 1,
        sourced=sourced,
        mesh=rng.random() < 0.02,
        chat=chat,
        lag=rng.choice((0.0, 0.0, 0.05, 0.5, 3.0)),
        latency=rng.choice((0.001, 0.003, 0.02, 0.2)),
        pods=rng.choice((1, 2, 2, 4)),
        ready_after=rng.choice((0.1, 1.0, 8.0)),
        calm=rng.choice((240.0, 420.0, 600.0)),
        last=rng.choice(("v3", "")),
        page=rng.choice((0, 0, 0, 3)),
        shards=rng.choice(((1,), (1,), (2,), (2, 1))),
        fields=rng.random() < 0.2,
        read=rng.random() < 0.1,
    )
    rare = tuple(_rarer(subject, rng) for subject in setup.subjects)
    return replace(setup, subjects=rare)


def _subject(rng: Random, strategies: Sequence[str]) -> Subject:
    return Subject(
        rng.choice(strategies), rng.choice(WORKLOADS), rng.choice(AUTHORS), rng.random() < 0.25
    )


def _rarer(subject: Subject, rng: Random) -> Subject:
    """One in four has another kind of steps, a template, or requests that are counted."""
    if rng.random() < 0.08:
        subject = replace(subject, strategy=rng.choice(RARE_STRATEGIES))
    if rng.random() < 0.08 and subject.author != "version":
        subject = replace(subject, workload="template")
    if rng.random() >= 0.1:
        return subject
    return replace(subject, counts=True, judged=rng.choice(JUDGED), measured=rng.choice(MEASURED))


def _happens(kind: str, setup: Setup) -> bool:
    if kind in CHAT:
        return setup.chat
    if kind in GATES:
        return any(subject.strategy.startswith("gated") for subject in setup.subjects)
    if kind in MESHES:
        return setup.mesh
    if kind in SCALERS:
        return any(subject.workload == "scaled" for subject in setup.subjects)
    if kind in LEASES:
        return setup.replicas > 1
    if kind in COUNTED:
        return any(subject.counts for subject in setup.subjects)
    if kind in TEMPLATES:
        return any(subject.workload == "template" for subject in setup.subjects)
    return setup.sourced if kind in GIT else True


def _when(setup: Setup, rng: Random) -> When:
    latest = BUSY if rng.random() < 0.8 else setup.calm * 0.8
    at = round(rng.uniform(0, latest), 2)
    if rng.random() < 0.4:
        write = rng.choices(WRITTEN, (4, 3, 6, 1, 1, setup.replicas - 1))[0]
        return When(at, write, rng.randint(1, 4), rng.random() < 0.5)
    return When(at)


def _drawn(kind: str, setup: Setup, rng: Random) -> Mishap:
    lasts = rng.choice((0.5, 5.0, 20.0, 60.0, 150.0))
    made = Mishap(kind, _when(setup, rng), "", rng.randrange(len(setup.subjects)), lasts)
    match kind:
        case _ if kind in SCRIBBLES:
            return replace(made, on=rng.choice(SCRIBBLES[kind]), value=rng.choice((0.0, 1.0)))
        case _ if kind in REQUESTS:
            on = rng.choice(("", "VirtualService", "DestinationRule", "Rollout", "Deployment"))
            times = rng.choice((1, 1, 2, 5, 1000))
            return replace(made, on=on, times=times, value=rng.choice((0.4, 4.0, 30.0)))
        case _ if kind in WATCHES:
            on = rng.choice(("", "", "VirtualService", "Rollout", "EndpointSlice", "Deployment"))
            return replace(made, on=on, value=rng.choice((0.3, 5.0, 40.0)))
        case "push":
            return replace(made, on=rng.choice(("v1", "v2", "v3")))
        case "request" | "upgrade asked":
            verbs = ("promote", "skip", "pause", "resume", "abort", "retry", "approve", "reject")
            return replace(made, on=rng.choice(verbs))
        case _ if kind in SCRAPES:
            return replace(made, on=rng.choice(("v1", "v2", "v3")))
        case "template edited":
            return replace(made, on=rng.choice(("replicas", "minReadySeconds")), value=3.0)
        case "deployment scaled" | "rebuilt":
            return replace(made, on=rng.choice(("v1", "v2", "v3")), value=rng.choice((0.0, 1, 4)))
        case _ if kind in VALUES:
            return replace(made, value=rng.choice(VALUES[kind]))
    return made
