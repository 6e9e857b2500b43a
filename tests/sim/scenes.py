"""Short plays, each of a few things that happen one by one, whose journals the repository keeps.

A seed draws what nobody thought of; a scene plays what each guard is there for, at a moment that
is known: who reads its journal reads what the controller does about it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from tests.sim import (
    scenes_crowded,
    scenes_doing,
    scenes_doors,
    scenes_found,
    scenes_judged,
    scenes_leases,
    scenes_made,
    scenes_measured,
    scenes_meddled,
    scenes_mesh,
    scenes_objects,
    scenes_odd,
    scenes_rare,
    scenes_routes,
    scenes_switched,
)
from tests.sim.plan import AUTHORS, STRATEGIES, WORKLOADS, Mishap, Plan, Setup, Subject, When
from tests.sim.steps import CALM, PUSH, Rows, asks, at

VERBS = ("promote", "skip", "pause", "resume", "abort", "retry", "approve", "reject")
_PLAIN = Subject()
_CAREFUL = Subject(careful=True)
_MANAGED = Subject(workload="managed")
_SCALED = Subject(workload="scaled")
_ONE = Subject("one step")
_TESTERS = Subject("testers", "managed")

PEOPLE: Mapping[str, tuple[Subject, Rows]] = {
    "promoted on the way back, and nobody asks for it": (
        _MANAGED,
        (
            PUSH,
            at(30.0, "stable crashes", lasts=45.0),
            at(32.0, "push", "v3"),
            *asks(36.0, "promote"),
        ),
    ),
    "everything asked at rest": (_PLAIN, asks(2.0, *VERBS)),
    "everything asked while preparing": (
        _PLAIN,
        (PUSH, at(20.0, "never ready", lasts=35.0), *asks(24.0, *VERBS)),
    ),
    "everything asked on the way back": (
        _MANAGED,
        (
            PUSH,
            at(30.0, "stable crashes", lasts=45.0),
            *asks(34.0, "abort", *VERBS),
            *asks(60.0, "promote"),
        ),
    ),
    "paused, asked all else, resumed": (
        _PLAIN,
        (
            PUSH,
            *asks(30.0, "pause", "pause", "approve", "retry"),
            *asks(60.0, "resume", "resume"),
        ),
    ),
    "skipped to the end": (_PLAIN, (PUSH, *asks(24.0, "skip", "skip", "skip", every=4.0))),
    "the last step of a dark launch is held": (
        Subject("dark held"),
        (PUSH, *asks(80.0, "skip", "promote", every=40.0)),
    ),
    "skipped past the last step of a dark launch": (
        Subject("dark held"),
        (PUSH, *asks(40.0, "skip", "promote", every=30.0)),
    ),
    "promoted at once": (_MANAGED, (PUSH, *asks(20.2, "promote"))),
    "promoted past an approval": (
        Subject("approved"),
        (PUSH, *asks(40.0, "skip", "promote", every=10.0)),
    ),
    "approved by annotation": (
        Subject("approved"),
        (PUSH, *asks(40.0, "approve", "abort", every=90.0)),
    ),
    "rejected by annotation": (
        Subject("approved"),
        (PUSH, *asks(40.0, "reject", "abort", every=90.0)),
    ),
    "nobody approves": (Subject("approved"), (PUSH, *asks(140.0, "abort"))),
    "aborted while preparing, and retried": (
        _PLAIN,
        (PUSH, at(20.0, "never ready", lasts=25.0), *asks(25.0, "abort", "retry", every=40.0)),
    ),
    "aborted while it bakes": (_TESTERS, (PUSH, *asks(75.0, "abort"))),
    "paused while it bakes": (_TESTERS, (PUSH, *asks(75.0, "pause", "resume", every=40.0))),
    "aborted, and pushed anew": (_PLAIN, (PUSH, *asks(30.0, "abort"), at(50.0, "push", "v3"))),
    "aborted, and retried": (_MANAGED, (PUSH, *asks(30.0, "abort", "retry", every=30.0))),
    "paused, and its pods are lost": (
        _MANAGED,
        (
            PUSH,
            *asks(30.0, "pause"),
            at(40.0, "canary crashes", lasts=10.0),
            *asks(90.0, "resume"),
        ),
    ),
}
PUSHES: Mapping[str, tuple[Subject, Rows]] = {
    "deleted, and rules cannot be written": (
        _MANAGED,
        (PUSH, at(29.0, "forbidden", "DestinationRule", 40.0, times=100), at(30.0, "delete")),
    ),
    "called off while preparing": (
        _PLAIN,
        (PUSH, at(20.0, "never ready", lasts=55.0), at(30.0, "push", "v1")),
    ),
    "called off at a step": (_MANAGED, (PUSH, at(30.0, "push", "v1"))),
    "pushed over while preparing": (_MANAGED, (PUSH, at(22.0, "push", "v3"))),
    "pushed over while it bakes": (_TESTERS, (PUSH, at(75.0, "push", "v3"))),
    "pushed over while old pods drain": (_MANAGED, (PUSH, at(89.5, "push", "v3"))),
    "pushed over on the way back": (
        _MANAGED,
        (PUSH, *asks(30.0, "abort"), at(30.5, "push", "v3")),
    ),
    "pushed back as old pods drain": (_MANAGED, (PUSH, at(89.5, "push", "v1"))),
    "a revision that nobody has": (_PLAIN, (at(20.0, "push", "v9"), at(60.0, "push", "v2"))),
    "deleted at rest": (_MANAGED, (at(20.0, "delete"),)),
    "deleted while preparing": (_MANAGED, (PUSH, at(21.0, "delete"))),
    "deleted at a step": (_MANAGED, (PUSH, at(30.0, "delete"))),
    "deleted while it bakes": (_TESTERS, (PUSH, at(75.0, "delete"))),
    "deleted while old pods drain": (_MANAGED, (PUSH, at(89.5, "delete"))),
    "deleted on the way back": (_MANAGED, (PUSH, *asks(30.0, "abort"), at(30.5, "delete"))),
    "deleted while stable is down": (
        _PLAIN,
        (PUSH, at(28.0, "stable crashes", lasts=60.0), at(30.0, "delete")),
    ),
    "deleted while nobody is there": (
        _MANAGED,
        (
            PUSH,
            at(28.0, "stable crashes", lasts=60.0),
            at(28.0, "canary crashes", lasts=60.0),
            at(30.0, "delete"),
        ),
    ),
    "other steps while it stands on one": (_PLAIN, (PUSH, at(30.0, "spec edited"))),
    "a spec that cannot be read": (_PLAIN, (PUSH, at(30.0, "spec unreadable", lasts=20.0))),
    "a spec that cannot be read, and an abort": (
        _PLAIN,
        (
            PUSH,
            at(30.0, "spec unreadable", lasts=60.0),
            *asks(35.0, "abort"),
            at(40.0, "kill", value=1.0),
        ),
    ),
    "touched": (_PLAIN, (at(10.0, "rollout touched"), PUSH, at(30.0, "rollout touched"))),
}
PODS: Mapping[str, tuple[Subject, Rows]] = {
    "too few pods to begin with": (
        _ONE,
        (
            at(15.0, "deployment scaled", "v2", value=1.0),
            PUSH,
            at(40.0, "deployment scaled", "v2", value=2.0),
        ),
    ),
    "no pods in time": (_CAREFUL, (PUSH, at(20.0, "never ready", lasts=125.0))),
    "no pods in time, asked to go on": (
        _CAREFUL,
        (PUSH, at(20.0, "never ready", lasts=195.0), *asks(145.0, "resume", "abort")),
    ),
    "its pods are scaled away": (
        _PLAIN,
        (
            PUSH,
            at(30.0, "deployment scaled", "v2", value=0.0),
            at(70.0, "deployment scaled", "v2", value=2.0),
        ),
    ),
    "its pods are lost, again and again": (
        _PLAIN,
        (PUSH, *(at(30.0 + 12.0 * i, "canary crashes", lasts=4.0) for i in range(5))),
    ),
    "its pods are lost while preparing": (
        _MANAGED,
        (PUSH, at(20.5, "canary crashes", lasts=20.0)),
    ),
    "its pods are lost while it bakes": (_TESTERS, (PUSH, at(75.0, "canary crashes", lasts=20.0))),
    "its pods are lost as it is promoted": (
        _PLAIN,
        (PUSH, Mishap("canary crashes", When(20.0, "VirtualService", 4, True), lasts=20.0)),
    ),
    "stable dies under it": (_PLAIN, (PUSH, at(30.0, "stable crashes", lasts=30.0))),
    "stable dies under it, and it fails": (
        _PLAIN,
        (PUSH, at(30.0, "stable crashes", lasts=40.0), at(32.0, "bad", lasts=30.0)),
    ),
    "stable dies under it, and it is aborted": (
        _MANAGED,
        (PUSH, at(30.0, "stable crashes", lasts=40.0), *asks(32.0, "abort")),
    ),
    "stable dies under it while paused": (
        _PLAIN,
        (
            PUSH,
            *asks(28.0, "pause"),
            at(30.0, "stable crashes", lasts=20.0),
            *asks(60.0, "resume"),
        ),
    ),
    "stable dies as it bakes": (
        _TESTERS,
        (PUSH, at(72.0, "stable crashes", lasts=20.0), at(75.0, "bad", lasts=30.0)),
    ),
    "stable dies at rest": (_PLAIN, (at(5.0, "stable crashes", lasts=20.0), PUSH)),
    "both die": (
        _PLAIN,
        (PUSH, at(30.0, "stable crashes", lasts=40.0), at(30.0, "canary crashes", lasts=30.0)),
    ),
    "both sides are wider": (
        _PLAIN,
        (
            PUSH,
            at(30.0, "deployment scaled", "v1", value=4.0),
            at(50.0, "deployment scaled", "v2", value=4.0),
        ),
    ),
    "stable is wider, ours to scale": (
        _MANAGED,
        (PUSH, at(30.0, "deployment scaled", "v1", value=4.0)),
    ),
    "stable is narrower, ours to scale": (
        _MANAGED,
        (PUSH, at(30.0, "deployment scaled", "v1", value=1.0), *asks(50.0, "abort")),
    ),
    "the canary is rebuilt": (_PLAIN, (PUSH, at(30.0, "rebuilt", "v2"))),
    "stable is rebuilt": (_PLAIN, (PUSH, at(30.0, "rebuilt", "v1"))),
    "stable is rebuilt as the canary bakes": (
        _TESTERS,
        (PUSH, at(75.0, "rebuilt", "v1"), *asks(100.0, "promote", "resume")),
    ),
    "stable is rebuilt at rest": (_PLAIN, (at(10.0, "rebuilt", "v1"), PUSH)),
    "the Service is gone": (_PLAIN, (PUSH, at(30.0, "service deleted", lasts=20.0))),
    "the Service is gone at rest": (_MANAGED, (at(5.0, "service deleted", lasts=30.0), PUSH)),
    "more load": (_SCALED, (PUSH, at(30.0, "load", value=4.0), at(70.0, "load", value=2.0))),
    "its autoscaler is edited": (_SCALED, (PUSH, at(100.0, "autoscaler edited"))),
    "its autoscaler is gone": (_SCALED, (PUSH, at(60.0, "autoscaler deleted", lasts=60.0))),
    "its autoscaler is gone at rest": (_SCALED, (at(5.0, "autoscaler deleted", lasts=10.0), PUSH)),
    "deleted with an autoscaler": (_SCALED, (PUSH, at(87.0, "delete"))),
}
EDITS: Mapping[str, tuple[Subject, Rows]] = {
    "weights edited once": (_PLAIN, (PUSH, at(30.0, "weights edited", value=40.0))),
    "weights edited again and again": (
        _PLAIN,
        (PUSH, *(at(25.0 + 1.5 * i, "weights edited", value=40.0) for i in range(9))),
    ),
    "weights edited, and people are asked": (
        _CAREFUL,
        (PUSH, at(30.0, "weights edited", value=40.0), *asks(40.0, "resume")),
    ),
    "weights edited, and promoted over that": (
        _CAREFUL,
        (PUSH, at(30.0, "weights edited", value=40.0), *asks(40.0, "promote")),
    ),
    "weights edited while stable is down": (
        _PLAIN,
        (PUSH, at(28.0, "stable crashes", lasts=20.0), at(30.0, "weights edited", value=40.0)),
    ),
    "weights edited on the way back": (
        _MANAGED,
        (
            PUSH,
            at(28.0, "stable crashes", lasts=30.0),
            *asks(30.0, "abort"),
            at(35.0, "weights edited", value=100.0),
        ),
    ),
    "its subset is removed": (_PLAIN, (PUSH, at(30.0, "subset removed"))),
    "the rule is gone": (_PLAIN, (PUSH, at(30.0, "destinationrule deleted", lasts=5.0))),
    "the rule is gone at rest": (_PLAIN, (at(10.0, "destinationrule deleted", lasts=5.0), PUSH)),
    "the routes are gone": (_PLAIN, (PUSH, at(30.0, "virtualservice deleted", lasts=10.0))),
    "the routes are gone on the way back": (
        _MANAGED,
        (PUSH, *asks(30.0, "abort"), at(30.2, "virtualservice deleted", lasts=10.0)),
    ),
    "written anew with an old version's name": (
        Subject(author="version"),
        (PUSH, at(110.0, "virtualservice deleted", lasts=5.0, value=1.0)),
    ),
    "applied anew while preparing": (_PLAIN, (PUSH, at(20.5, "mesh applied again"))),
    "applied anew at a step": (_MANAGED, (PUSH, at(30.0, "mesh applied again"))),
    "applied anew as the subset moves": (
        _MANAGED,
        (PUSH, Mishap("mesh applied again", When(20.0, "DestinationRule", 2, True))),
    ),
}
NUMBERS: Mapping[str, tuple[Subject, Rows]] = {
    "nobody knows, and people are asked at once": (
        Subject(strict=True),
        (PUSH, at(25.0, "prometheus empty", lasts=90.0)),
    ),
    "it fails at once": (_MANAGED, (PUSH, at(19.0, "bad", lasts=60.0))),
    "it fails, and is retried": (
        _PLAIN,
        (PUSH, at(30.0, "bad", lasts=30.0), *asks(70.0, "retry")),
    ),
    "it fails, and is held": (
        _CAREFUL,
        (PUSH, at(30.0, "bad", lasts=60.0), *asks(60.0, "resume"), *asks(130.0, "resume")),
    ),
    "it fails while it bakes": (_TESTERS, (PUSH, at(72.0, "bad", lasts=40.0))),
    "it fails while it bakes, and is held": (
        replace(_TESTERS, careful=True),
        (PUSH, at(72.0, "bad", lasts=40.0), *asks(130.0, "resume")),
    ),
    "it fails in the dark": (Subject("dark", "managed"), (PUSH, at(30.0, "bad", lasts=40.0))),
    "nobody knows for a while": (_PLAIN, (PUSH, at(25.0, "prometheus down", lasts=40.0))),
    "nobody knows for too long": (_CAREFUL, (PUSH, at(25.0, "prometheus empty", lasts=130.0))),
    "nobody knows, and people go on": (
        _CAREFUL,
        (PUSH, at(25.0, "prometheus down", lasts=300.0), *asks(147.0, "resume")),
    ),
    "odd answers": (
        _PLAIN,
        (
            PUSH,
            *(
                at(25.0 + 8.0 * i, f"prometheus {kind}", lasts=6.0)
                for i, kind in enumerate(
                    ("nan", "empty", "two series", "partial", "infinite", "refuses")
                )
            ),
        ),
    ),
    "answers that come late, and a failure": (
        _PLAIN,
        (PUSH, at(25.0, "prometheus slow", lasts=60.0), *asks(40.0, "abort")),
    ),
    "the gate holds": (Subject("gated"), (PUSH, at(20.0, "gate holds", lasts=60.0))),
    "the gate holds for too long": (
        Subject("gated", careful=True),
        (PUSH, at(20.0, "gate holds", lasts=600.0)),
    ),
    "the gate says no": (
        Subject("gated", "managed"),
        (PUSH, at(20.0, "gate says failed", lasts=60.0)),
    ),
    "nobody is at the gate": (
        Subject("gated"),
        (PUSH, at(20.0, "gate down", lasts=40.0), at(70.0, "gate refuses", lasts=20.0)),
    ),
    "proxies are behind": (_PLAIN, (PUSH, at(20.0, "proxies behind", lasts=50.0))),
    "proxies are behind for long": (
        _CAREFUL,
        (PUSH, at(25.0, "proxies behind", lasts=300.0), at(140.0, "push", "v1")),
    ),
    "nobody speaks for the proxies": (_MANAGED, (PUSH, at(20.0, "istiod silent", lasts=150.0))),
    "nobody speaks for the proxies, and pushes are slow": (
        _MANAGED,
        (PUSH, at(20.0, "istiod silent", lasts=200.0, value=20.0)),
    ),
    "the namespace moves": (_PLAIN, (at(15.0, "namespace moves", lasts=30.0), PUSH)),
}
_TWO = replace(CALM, replicas=2)
_GIT = replace(CALM, sourced=True)
_CHAT = replace(CALM, chat=True)
OUTSIDE: Mapping[str, tuple[Setup, Rows]] = {
    "deleted, and nobody can let it go": (
        replace(CALM, subjects=(_CAREFUL,), calm=300.0),
        (at(20.0, "denied", "Rollout", 200.0, times=10000), at(21.0, "delete")),
    ),
    "a kind that nobody uses is not known": (
        CALM,
        (
            at(0.5, "unknown kind", "AnalysisTemplate", 40.0, times=1000),
            at(1.0, "watch gone", "AnalysisTemplate"),
            PUSH,
        ),
    ),
    "nobody may read for long": (
        CALM,
        (PUSH, at(30.0, "unauthorized", "", 115.0, times=100000), at(31.0, "watch cut")),
    ),
    "the leader is killed": (_TWO, (PUSH, at(40.0, "kill", value=20.0))),
    "the leader ends": (_TWO, (PUSH, at(40.0, "terminate", value=20.0))),
    "the leader stands still": (_TWO, (PUSH, at(40.0, "pause", value=12.0))),
    "the Lease cannot be written": (
        _TWO,
        (
            PUSH,
            at(40.0, "broken", "Lease", 12.0, times=100),
            at(70.0, "conflict", "Lease", 5.0, times=2),
        ),
    ),
    "answers about the Lease are lost": (
        _TWO,
        (PUSH, at(40.0, "lost after", "Lease", 20.0, times=2)),
    ),
    "routes cannot be written": (
        CALM,
        (PUSH, at(20.0, "denied", "VirtualService", 20.0, times=100)),
    ),
    "routes cannot be written on the way back": (
        CALM,
        (PUSH, at(30.0, "denied", "VirtualService", 30.0, times=100), *asks(31.0, "abort")),
    ),
    "rules cannot be written": (
        CALM,
        (PUSH, at(20.0, "forbidden", "DestinationRule", 20.0, times=100)),
    ),
    "statuses cannot be written": (CALM, (PUSH, at(30.0, "broken", "Rollout", 20.0, times=100))),
    "Events cannot be written": (CALM, (PUSH, at(20.0, "forbidden", "Event", 60.0, times=100))),
    "somebody is faster": (
        CALM,
        (
            PUSH,
            at(20.0, "conflict", "Rollout", 40.0, times=3),
            at(40.0, "conflict", "VirtualService", 60.0, times=2),
        ),
    ),
    "the API server is busy": (CALM, (PUSH, at(20.0, "throttled", "", 20.0, times=4))),
    "nobody may read any more": (CALM, (PUSH, at(30.0, "unauthorized", "", 30.0, times=1000))),
    "answers are lost": (
        CALM,
        (
            PUSH,
            at(20.0, "lost after", "Rollout", 20.0, times=1),
            at(42.0, "reset after", "VirtualService", 60.0, times=1),
        ),
    ),
    "a kind is not known": (
        CALM,
        (
            at(5.0, "unknown kind", "DestinationRule", 60.0, times=1000),
            at(6.0, "watch gone", "DestinationRule"),
            PUSH,
        ),
    ),
    "watches end": (
        CALM,
        (
            PUSH,
            *(
                at(25.0 + 5.0 * i, kind)
                for i, kind in enumerate(
                    (
                        "watch cut",
                        "watch half a line",
                        "watch gone",
                        "watch error",
                        "watch garbage",
                        "watch doubled",
                        "compaction",
                        "stale lists",
                    )
                )
            ),
        ),
    ),
    "watches are silent": (
        CALM,
        (PUSH, at(30.0, "watch silent", lasts=100.0), *asks(35.0, "abort")),
    ),
    "old news": (
        CALM,
        (
            PUSH,
            at(30.0, "replica lags", lasts=40.0, value=5.0),
            at(80.0, "other replica", value=5.0),
        ),
    ),
    "the audit log is full": (CALM, (PUSH, at(20.0, "audit log full", lasts=60.0))),
    "a clock is wrong": (
        CALM,
        (
            PUSH,
            at(30.0, "clock jumps", lasts=20.0, value=3600.0),
            at(60.0, "clock jumps", lasts=20.0, value=-3600.0),
        ),
    ),
    "a later version": (CALM, (PUSH, at(30.0, "a later version", value=3.0))),
    "git": (_GIT, (PUSH, at(40.0, "broken yaml", lasts=20.0))),
    "git is down, and goes back": (
        _GIT,
        (at(10.0, "git down", lasts=30.0), PUSH, at(110.0, "pushed back", lasts=20.0)),
    ),
    "git has nothing": (_GIT, (PUSH, at(40.0, "all files gone", lasts=30.0))),
    "git wants another namespace": (_GIT, (PUSH, at(40.0, "wants another namespace", lasts=30.0))),
    "told in Slack": (_CHAT, (PUSH, at(30.0, "bad", lasts=30.0))),
    "Slack is down": (
        _CHAT,
        (PUSH, at(20.0, "slack down", lasts=40.0), at(80.0, "slack unanswered")),
    ),
}
_ASKED = replace(_CHAT, subjects=(Subject("approved"),))
APPROVALS: Mapping[str, tuple[Setup, Rows]] = {
    "approved in Slack": (
        _ASKED,
        (PUSH, at(40.0, "press by a stranger"), at(50.0, "pressed twice")),
    ),
}
_WIDE = replace(CALM, pods=4)
WIDE: Mapping[str, tuple[Setup, Rows]] = {
    "others' pods come while stable is not whole": (
        replace(_WIDE, ready_after=8.0, subjects=(_MANAGED,)),
        (
            at(5.0, "deployment scaled", "v1", value=1.0),
            at(9.5, "deployment scaled", "v2", value=1.0),
            at(17.0, "deployment scaled", "v1", value=4.0),
            PUSH,
        ),
    ),
    "one pod of four, half of the requests": (
        replace(_WIDE, subjects=(_ONE,)),
        (
            at(15.0, "deployment scaled", "v2", value=1.0),
            PUSH,
            at(60.0, "deployment scaled", "v2", value=4.0),
        ),
    ),
    "fewer pods in the middle": (
        _WIDE,
        (
            PUSH,
            at(30.0, "deployment scaled", "v2", value=1.0),
            at(100.0, "deployment scaled", "v2", value=4.0),
        ),
    ),
    "stable has too few to go back to": (
        replace(_WIDE, subjects=(_ONE,)),
        (
            PUSH,
            at(30.0, "deployment scaled", "v1", value=1.0),
            *asks(35.0, "abort"),
            at(60.0, "deployment scaled", "v1", value=3.0),
        ),
    ),
    "pods that come late": (replace(_WIDE, ready_after=8.0, subjects=(_MANAGED,)), (PUSH,)),
    "stable serves beside others": (
        replace(_WIDE, subjects=(Subject(author="host"),)),
        (
            at(10.0, "deployment scaled", "v1", value=1.0),
            PUSH,
            at(50.0, "deployment scaled", "v1", value=4.0),
        ),
    ),
}


def plans() -> Iterator[tuple[str, Plan]]:
    """Every scene by its name."""
    for strategy in STRATEGIES:
        if strategy not in ("approved", "dark held"):  # these ask people
            yield f"{strategy}", _plan(CALM, Subject(strategy), (PUSH,))
    for author in AUTHORS:
        for workload in WORKLOADS:
            subject = Subject("steps", workload, author)
            yield f"steps by {author}, {workload}", _plan(CALM, subject, (PUSH,))
    beside = (
        *scenes_judged.SCENES,
        *scenes_measured.SCENES,
        scenes_made.MADE,
        *scenes_odd.SCENES,
        scenes_rare.PAIRS,
    )
    for scenes in (PEOPLE, PUSHES, PODS, EDITS, NUMBERS, *beside):
        yield from ((name, _plan(CALM, *scene)) for name, scene in scenes.items())
    worlds = (
        *scenes_objects.ALL,
        *scenes_leases.ALL,
        *scenes_made.WORLDS,
        scenes_measured.WORLDS,
        scenes_odd.LONG,
        *scenes_rare.WORLDS,
        *scenes_crowded.ALL,
        scenes_mesh.SCENES,
        scenes_meddled.SCENES,
        scenes_switched.SCENES,
        scenes_found.FOUND,
        *scenes_routes.ALL,
        *scenes_doing.ALL,
        *scenes_doors.ALL,
    )
    for outside in (OUTSIDE, APPROVALS, WIDE, *worlds):
        yield from ((name, Plan(1, *scene)) for name, scene in outside.items())


def _plan(setup: Setup, subject: Subject, rows: Rows) -> Plan:
    chat = setup.chat or subject.strategy == "approved"
    return Plan(1, replace(setup, subjects=(subject,), chat=chat), rows)
