"""Scenes of what people do at our own doors, and of controllers that are given less."""

from collections.abc import Mapping
from dataclasses import replace

from tests.sim import doors, objects, teams
from tests.sim.plan import Mishap, Setup, Subject, When
from tests.sim.scenes_crowded import while_written
from tests.sim.steps import CALM, PUSH, Rows, asks, at

_TWO = replace(CALM, replicas=2)
_MANAGED = replace(CALM, subjects=(Subject(workload="managed"),))
_ASKED = replace(CALM, asked=True)


def _chat(strategy: str, **more: object) -> Setup:
    return replace(CALM, chat=True, subjects=(Subject(strategy),), **more)  # type: ignore[arg-type]


def _of(strategy: str, **more: object) -> Setup:
    return replace(CALM, subjects=(Subject(strategy, **more),))  # type: ignore[arg-type]


def _page(seconds: float, *ons: str, every: float = 5.0) -> Rows:
    """At the page one thing after another is pressed."""
    return tuple(at(seconds + every * i, "page", on) for i, on in enumerate(ons))


PAGE: Mapping[str, tuple[Setup, Rows]] = {
    "paused at the page, and resumed by another": (
        CALM,
        (PUSH, *_page(30.0, "pause by ann", "pause by bob", "resume by bob")),
    ),
    "everything asked at the page": (
        _MANAGED,
        (PUSH, *_page(25.0, "approve", "retry", "reject", "skip", "abort", "retry", "promote")),
    ),
    "paused by two at once": (CALM, (PUSH, *_page(30.0, "pause by ann+bob", "resume"))),
    "asked at the page of a replica that waits": (
        _TWO,
        (PUSH, at(30.0, "page", "pause", value=1.0), at(40.0, "page", "resume")),
    ),
    "asked at the page, and by annotation at once": (
        CALM,
        (PUSH, *_page(30.0, "pause"), *asks(30.0, "abort"), *_page(50.0, "retry")),
    ),
    "asked at the page of what nobody looks at": (
        CALM,
        (
            PUSH,
            *_page(30.0, "pause of upgrade/mesh", "pause of rollout/shop/nope"),
            *_page(40.0, "pause by nobody of rollout/shop/nope", "pause by nobody", "resume"),
        ),
    ),
    "asked at the page, and it is killed": (
        CALM,
        (
            PUSH,
            *_page(30.0, "abort"),
            Mishap("kill", When(30.0, "Rollout", 1, True), value=2.0),
            *_page(60.0, "abort by bob"),
        ),
    ),
    "asked at the page, and it may not be written": (
        CALM,
        (
            PUSH,
            at(30.0, "page", "pause"),
            Mishap("denied", When(30.0, "Rollout", 1, True), "Rollout", lasts=0.5, times=1),
            *asks(50.0, "pause"),
            *_page(60.0, "resume"),
        ),
    ),
    "asked at two slow pages, and one may not write": (
        CALM,
        (
            PUSH,
            at(30.0, "page", "pause by ann after 3"),
            at(31.0, "page", "pause by bob after 4"),
            at(32.5, "denied", "Rollout", 1.0, times=1),
            *_page(45.0, "resume"),
        ),
    ),
    "asked at the page, and others are faster": (
        CALM,
        (
            PUSH,
            at(30.0, "conflict", "Rollout", 3.0, times=3),
            *_page(30.0, "pause"),
            at(40.0, "conflict", "Rollout", 3.0, times=30),
            *_page(40.0, "resume", "resume"),
        ),
    ),
    "approved at the page": (
        _chat("approved"),
        (PUSH, *_page(40.0, "approve"), *asks(60.0, "abort")),
    ),
    "two people at the page": (
        _chat("two people"),
        (PUSH, *_page(40.0, "approve by ann", "approve by ann", "approve by bob")),
    ),
    "two people at two doors": (
        _chat("two people"),
        (
            PUSH,
            *_page(40.0, "approve by ann"),
            at(45.0, "approve"),
            *asks(50.0, "approve"),
            *_page(60.0, "approve by bob"),
        ),
    ),
    "rejected at the page": (
        _chat("two people"),
        (PUSH, *_page(40.0, "approve by ann", "reject by bob")),
    ),
    "four eyes at the page": (
        _chat("four eyes", sourced=True),
        (PUSH, *_page(40.0, "approve"), at(50.0, "approve"), *_page(55.0, "reject")),
    ),
}
COMMANDS: Mapping[str, tuple[Setup, Rows]] = {
    "asked by commands": (
        CALM,
        (
            PUSH,
            at(25.0, "command", "pause by ann"),
            at(30.0, "command", "pause by bob"),
            *asks(35.0, "pause"),
            at(40.0, "command", "resume by bob"),
            at(45.0, "command", "abort"),
            *asks(60.0, "retry"),
        ),
    ),
    "asked by a command, of what is not there": (
        CALM,
        (PUSH, at(30.0, "command", "abort of nope")),
    ),
    "asked by a command, and others are faster": (
        CALM,
        (
            PUSH,
            at(30.0, "conflict", "Rollout", 3.0, times=3),
            at(30.0, "command", "pause"),
            at(40.0, "conflict", "Rollout", 3.0, times=30),
            at(40.0, "command", "resume"),
            *_page(50.0, "resume"),
        ),
    ),
    "approved by a command": (
        _chat("two people"),
        (
            PUSH,
            at(40.0, "command", "approve by ann"),
            at(45.0, "command", "approve by bob"),
            *_page(50.0, "approve by ann", "approve by bob"),
        ),
    ),
    "rejected by a command": (
        _chat("four eyes"),
        (PUSH, at(40.0, "command", "reject by ann")),
    ),
}
HEALTH: Mapping[str, tuple[Setup, Rows]] = {
    "the door of health, and nobody holds the Lease": (
        replace(_ASKED, replicas=2),
        (
            PUSH,
            at(30.0, "broken", "Lease", 60.0, times=1000),
            at(100.0, "kill", value=20.0),
        ),
    ),
    "the door of health, and nobody may have a shard": (
        replace(_ASKED, replicas=2, shards=(2,)),
        (
            PUSH,
            at(30.0, "lease taken", value=1.0),
            at(30.5, "denied", "Lease", 60.0, times=1000),
        ),
    ),
    "the door of health, and nothing can be read": (
        _ASKED,
        (
            PUSH,
            at(30.0, "unauthorized", "", 100.0, times=100000),
            at(31.0, "watch cut"),
        ),
    ),
    "the door of health, and a kind is not known": (
        _ASKED,
        (
            at(0.5, "unknown kind", "AnalysisTemplate", 40.0, times=1000),
            at(1.0, "watch gone", "AnalysisTemplate"),
            PUSH,
        ),
    ),
}
WITHOUT: Mapping[str, tuple[Setup, Rows]] = {
    "a controller without gates": (
        replace(CALM, without="gates", subjects=(Subject("gated"),)),
        (PUSH, *asks(80.0, "skip")),
    ),
    "a gate, and everyone is to go back to nobody": (
        _of("gated"),
        (
            PUSH,
            at(20.0, "gate holds", lasts=100.0),
            at(30.0, "stable crashes", lasts=60.0),
            *asks(34.0, "abort"),
        ),
    ),
    "a gate, and it bakes long afterwards": (_of("gated and baked"), (PUSH,)),
    "a gate, and it fails as it bakes afterwards": (
        _of("gated and baked"),
        (PUSH, at(55.0, "bad", lasts=40.0)),
    ),
    "a controller without an istiod": (replace(CALM, without="istiod"), (PUSH,)),
    "a controller without an istiod, and requests are counted": (
        replace(CALM, without="istiod", subjects=(Subject(counts=True),)),
        (PUSH,),
    ),
}
OVERTAKEN: Mapping[str, tuple[Setup, Rows]] = {
    f"approved in Slack by one of a group, {what}": (
        _chat("grouped"),
        (
            PUSH,
            at(39.0, "slack slow", lasts=20.0, value=5.0),
            at(40.0, "approve"),
            at(42.0, "replaced by force", value=value),
        ),
    )
    for what, value in (("as it is made anew", 1.0), ("as it is deleted", 0.0))
} | {
    f"paused in Slack by one of a group, {what}": (
        _chat("grouped"),
        (
            PUSH,
            at(39.0, "slack slow", lasts=20.0, value=5.0),
            at(40.0, "pressed", "pause"),
            at(42.0, "replaced by force", value=value),
        ),
    )
    for what, value in (("as it is made anew", 1.0), ("as it is deleted", 0.0))
}
UNMANAGED: Mapping[str, tuple[Setup, Rows]] = {
    f"its routes are gone at a step of {strategy}": (
        _of(strategy),
        (PUSH, at(35.0, "virtualservice deleted", lasts=15.0)),
    )
    for strategy in ("preview", "testers", "marked", "sticky", "dark")
}
_TEMPLATED = _of("steps", workload="template", author="host")
_LATER = at(0.0, "virtualservice deleted", lasts=3.0)
"""It is adopted some seconds later, with pods that are ready."""
ODD: Mapping[str, tuple[Setup, Rows]] = {
    **{
        f"{whose or 'nobody'}'s pods alone as it is adopted, {author}": (
            _of("steps", workload="managed", author=author),
            (
                at(0.0, "stable crashes", lasts=15.0),
                at(0.0, "a bare pod", whose, lasts=12.0),
                at(40.0, "push", "v2"),
            ),
        )
        for whose in ("", "Argo", "another Deployment")
        for author in ("role", "host")
    },
    **{
        f"{whose}'s pods beside as it is adopted": (
            CALM,
            (_LATER, at(0.0, "a bare pod", whose, lasts=20.0), at(40.0, "push", "v2")),
        )
        for whose in ("Argo", "another Deployment", "a gone")
    },
    **{
        f"pods of {whose} beside as it is adopted, {author}": (
            _of("steps", author=author),
            (_LATER, at(0.0, "a bare pod", whose, lasts=20.0), at(40.0, "push", "v2")),
        )
        for whose in ("v1", "v2")
        for author in ("host", "version")
    },
    "the canary alone has everyone as it is adopted": (
        _of("steps", author="version"),
        (
            at(0.0, "subset written"),
            at(0.0, "divided", "the canary alone", 20.0),
            at(40.0, "push", "v2"),
        ),
    ),
    **{
        f"its Deployment comes later, {workload}": (
            _of("steps", workload=workload),
            (at(15.0, "deployment deleted", "v2", 20.0), PUSH),
        )
        for workload in ("user", "managed")
    },
    **{
        f"{whose or 'nobody'}'s pods as a template is adopted": (
            _TEMPLATED,
            (_LATER, at(0.0, "a bare pod", whose, lasts=20.0), at(40.0, "push", "v2")),
        )
        for whose in ("", "Argo", "another Deployment")
    },
    **{
        f"a {kind} without a spec, {when}": (
            CALM,
            (PUSH, at(seconds, "no spec", kind, lasts=10.0)),
        )
        for kind in ("VirtualService", "DestinationRule", "Service", "Deployment")
        for when, seconds in (("at rest", 5.0), ("at a step", 35.0))
        if kind != "Deployment"
    },
    "a VirtualService without a spec that remembers us, and it is deleted": (
        _of("steps", author="version"),
        (PUSH, at(120.0, "no spec", "VirtualService", lasts=20.0), at(125.0, "delete")),
    ),
    **{
        f"an old name is written at a step of {strategy}": (
            replace(_of(strategy, author="version"), calm=240.0),
            (PUSH, at(130.0, "push", "v3"), at(145.0, "an old name written")),
        )
        for strategy in ("preview", "testers", "sticky", "dark")
    },
    "a VirtualService without a spec, and it is deleted": (
        CALM,
        (PUSH, at(35.0, "no spec", "VirtualService", lasts=20.0), at(38.0, "delete")),
    ),
}
_EYES = _chat("four eyes", sourced=True)
_KNOWN = at(0.0, "author known")
_GROUP = _chat("grouped")
ANSWERS: Mapping[str, tuple[Setup, Rows]] = {
    "four eyes, and somebody else approves": (
        _EYES,
        (_KNOWN, PUSH, *_page(48.0, "approve"), *asks(50.0, "approve"), at(60.0, "approve")),
    ),
    "four eyes, and the author approves": (
        _EYES,
        (at(0.0, "author known", objects.ANN), PUSH, at(60.0, "approve"), *asks(90.0, "abort")),
    ),
    "four eyes, and it has another author since": (
        _EYES,
        (
            _KNOWN,
            at(10.0, "approvals written", "as at first"),
            PUSH,
            at(60.0, "approve"),
            at(65.0, "author known", value=1.0),
            at(95.0, "approve"),
            *asks(120.0, "promote"),
        ),
    ),
    "four eyes, and nobody knows the author for too long": (
        replace(_chat("four eyes"), calm=300.0),
        (PUSH, *asks(200.0, "resume", "promote", every=20.0)),
    ),
    "anybody may answer": (
        replace(_EYES, calm=240.0),
        (
            _KNOWN,
            at(10.0, "approvals written", "as at first"),
            at(30.0, "approvals written", "anybody"),
            at(55.0, "accepted"),
            at(60.0, "push", "v2"),
            at(110.0, "approve"),
            at(115.0, "press by a stranger"),
            *asks(150.0, "promote"),
        ),
    ),
    "people are asked nowhere": (
        replace(_chat("nowhere asked"), chat=False),
        (PUSH, *asks(60.0, "approve")),
    ),
    "no pods in time, and paused by a person": (
        _of("steps", careful=True),
        (
            PUSH,
            at(20.0, "never ready", lasts=195.0),
            *asks(142.0, "pause", "pause", "resume", "abort"),
        ),
    ),
    "asked at a slow page, and somebody is faster": (
        CALM,
        (
            PUSH,
            at(30.0, "page", "pause by ann after 3"),
            *asks(31.0, "skip"),
            *_page(40.0, "resume"),
        ),
    ),
    "approved for an attempt that is over by then": (
        _GROUP,
        (
            PUSH,
            at(39.0, "slack slow", lasts=20.0, value=5.0),
            at(40.0, "approve"),
            *asks(40.5, "abort", "retry", every=1.5),
        ),
    ),
    "approved twice at once": (
        _GROUP,
        (
            PUSH,
            at(33.0, "slack slow", lasts=20.0, value=5.0),
            at(34.0, "approve"),
            at(35.0, "approve"),
            at(36.0, "press by a stranger"),
        ),
    ),
    "rejected in Slack, and held": (
        replace(_chat("approved"), subjects=(Subject("approved", careful=True),)),
        (PUSH, at(40.0, "rejected late", lasts=1.0), *asks(60.0, "resume"), at(70.0, "approve")),
    ),
    "approved, and Slack does not know its group any more": (
        _GROUP,
        (
            PUSH,
            at(40.0, "approve"),
            at(40.002, "slack refuses", lasts=20.0),
            *asks(70.0, "promote"),
        ),
    ),
    "approved by one who has left the group": (
        _GROUP,
        (PUSH, at(40.0, "approve"), at(40.002, "left the group"), *asks(70.0, "promote")),
    ),
    "rejected, and git asks others by then": (
        replace(
            _chat("four eyes", sourced=True),
            calm=240.0,
            subjects=(Subject("four eyes", careful=True),),
        ),
        (
            _KNOWN,
            at(10.0, "approvals written", "as at first"),
            at(20.0, "push", "v2"),
            at(60.0, "rejected late", lasts=1.0),
            at(75.0, "approvals written", "others"),
            at(95.0, "accepted"),
            *asks(130.0, "resume", "promote", every=20.0),
        ),
    ),
}
_GIT = replace(CALM, sourced=True, calm=240.0)
EASED: Mapping[str, tuple[Setup, Rows]] = {
    **{
        f"git asks for other approvals, {what}": (
            _GIT,
            (
                at(10.0, "approvals written", "as at first"),
                at(40.0, "approvals written", what),
                *((at(75.0, "accepted"),) if what == "one of two" else ()),
            ),
        )
        for what in doors.APPROVALS
        if what != "as at first"
    },
    "git asks for other approvals, and for another revision": (
        _GIT,
        (
            at(10.0, "approvals written", "as at first"),
            at(40.0, "approvals written", "nobody", value=2.0),
            at(130.0, "accepted"),
        ),
    ),
    "git goes back, and a person accepts it": (
        _GIT,
        (PUSH, at(110.0, "pushed back", lasts=40.0), at(130.0, "accepted")),
    ),
}
_TEAM = replace(CALM, sourced=True, team=True, calm=200.0)
TEAMS: Mapping[str, tuple[Setup, Rows]] = {
    **{
        f"the team pushes {what} {when}": (
            replace(_TEAM, subjects=(Subject(author=author),)),
            (
                at(seconds, "team pushes", what),
                at(20.0, "push", "v2"),
                *((at(90.0, "team pushes", "as before"),) if what == "another host" else ()),
            ),
        )
        for what in teams.CHANGES
        for when, seconds, author in (
            ("at rest", 3.0, "role"),
            ("at a step", 60.0, "role"),
            ("at a step by version", 60.0, "version"),
        )
        if what not in ("other labels", "another host") or author == "role"
    },
    "git has no rule any more": (_TEAM, (PUSH, at(60.0, "team pushes", "DestinationRule gone"))),
    "git has no routes any more": (_TEAM, (PUSH, at(60.0, "team pushes", "VirtualService gone"))),
    "the team pushes, and it is aborted": (
        _TEAM,
        (PUSH, at(60.0, "team pushes", "a policy"), *asks(74.0, "abort")),
    ),
}
_UNSERVED = at(0.0, "service deleted", lasts=4.0)
"""It is adopted once its Service is there, by how it is divided then."""
NAMED: Mapping[str, tuple[Setup, Rows]] = {
    "two sides and no pods as it is adopted": (
        _of("steps", workload="managed", author="version"),
        (
            _UNSERVED,
            at(0.0, "divided", "one without pods", 20.0),
            at(0.0, "deployment deleted", "v1", 10.0),
            at(0.0, "deployment deleted", "v3", 10.0),
            at(40.0, "push", "v2"),
        ),
    ),
    **{
        f"its subsets mean {whom} as it is adopted, {author} and {workload}": (
            _of("steps", workload=workload, author=author),
            (_UNSERVED, at(0.0, "subsets mean", whom, 20.0), at(40.0, "push", "v2")),
        )
        for whom in ("nobody", "everybody", "v1")
        for author, workload in (("role", "user"), ("role", "managed"), ("version", "user"))
    },
    **{
        f"divided later, {how}": (
            _of("steps", workload=workload, author="version"),
            (_UNSERVED, *more, at(0.0, "divided", how, 20.0), at(40.0, "push", "v2")),
        )
        for how, workload, more in (
            ("nobody", "user", ()),
            ("all but a few", "user", (at(0.0, "subsets mean", "v1", 18.0),)),
            ("its subset and the whole service", "user", (at(0.0, "stable crashes", lasts=15.0),)),
            ("three", "user", (at(0.0, "deployment scaled", "v3", value=0.0),)),
            ("the whole service", "user", ()),
        )
    },
    **{
        f"{whose or 'nobody'}'s pods as a template is adopted by role": (
            _of("steps", workload="template"),
            (_UNSERVED, at(0.0, "a bare pod", whose, lasts=20.0), at(40.0, "push", "v2")),
        )
        for whose in ("", "another Deployment")
    },
    **{
        f"stable's subset is called {called}{' beside another' if beside else ''}": (
            _of("steps", workload="managed"),
            (
                _UNSERVED,
                at(0.0, "a name of its own", called, value=beside),
                PUSH,
                at(90.0, "push", "v3"),
            ),
        )
        for called in ("prod", "v1")
        for beside in (0.0, 1.0)
    },
    **{
        f"its status says {what} {where}, {author}": (
            _of("steps", author=author),
            (PUSH, at(30.0, do, on)),
        )
        for author in ("role", "version")
        for what, where, do, on in (
            ("no name of stable's", "at a step", "status scribbled", "stableSubset"),
            ("nothing of what is apart", "at a step", "status scribbled", "revisionsIsolated"),
            ("no mode", "at a step", "status scribbled", "subsetMode"),
            ("canary for both sides", "at a step", "status said", "stableSubset=canary"),
            ("stable for both sides", "at a step", "status said", "attempt.subset=stable"),
            ("v1 for both sides", "at a step", "status said", "attempt.subset=v1"),
            ("v2 for both sides", "at a step", "status said", "stableSubset=v2"),
        )
    },
}
WRONG: Mapping[str, tuple[Setup, Rows]] = {
    **{
        f"a wrong turn of ours, {where}": (
            CALM,
            (
                PUSH,
                at(seconds, "a wrong turn of ours", where),
                at(seconds + 1.0, "rollout touched"),
            ),
        )
        for where, seconds in (
            ("onwards", 30.0),
            ("home", 30.0),
            ("back", 30.0),
            ("out of nothing", 10.0),
        )
    },
    **{
        f"its phase is said to be {phase} at a step": (
            CALM,
            (PUSH, at(30.0, "a wrong turn of ours", phase)),
        )
        for phase in ("Degraded", "RollingBack", "Paused")
    },
    **{
        f"its phase is said to be {phase} on the way back": (
            _MANAGED,
            (
                PUSH,
                at(30.0, "stable crashes", lasts=30.0),
                *asks(34.0, "abort"),
                at(40.0, "a wrong turn of ours", phase),
            ),
        )
        for phase in ("Healthy", "Degraded")
    },
}
_SCALED = _of("steps", workload="scaled")
LOAD: Mapping[str, tuple[Setup, Rows]] = {
    f"more load {when}": (
        _SCALED,
        (PUSH, at(seconds, "load", value=5.0), *more),
    )
    for when, seconds, more in (
        ("as it bakes", 84.8, ()),
        ("as everyone goes over", 84.2, ()),
        ("as it is handed over", 66.0, ()),
        ("before the last step", 61.0, ()),
        ("on the way back", 70.4, asks(70.0, "abort")),
        ("before the way back", 64.0, asks(70.0, "abort")),
    )
}
REBUILT: Mapping[str, tuple[Setup, Rows]] = {
    f"{called} is rebuilt {when}, {workload}": (
        _of("testers", workload=workload),
        (PUSH, *more, at(seconds, "rebuilt", called)),
    )
    for workload in ("user", "managed", "template")
    for called in ("v1", "v2")
    for when, seconds, more in (
        ("while preparing", 20.6, ()),
        ("at a step", 50.0, ()),
        ("while it bakes", 75.0, ()),
        ("on the way back", 50.5, asks(50.0, "abort")),
        ("after it was rejected", 70.0, asks(50.0, "abort")),
        ("at rest later", 130.0, ()),
    )
}
HOME: Mapping[str, tuple[Setup, Rows]] = {
    **{
        f"deleted {when}, and {kind}s do not answer": (
            _of("steps", workload=workload),
            (
                PUSH,
                at(seconds - 0.1, "broken", kind, 20.0, times=1000),
                at(seconds, "delete"),
            ),
        )
        for kind, workload in (
            ("DestinationRule", "managed"),
            ("Deployment", "managed"),
            ("Event", "user"),
            ("HorizontalPodAutoscaler", "scaled"),
        )
        for when, seconds in (("at a step", 30.0), ("as old pods drain", 86.0))
    },
    **{
        f"deleted while nobody runs and it cannot be read, {when}": (
            _MANAGED,
            (
                PUSH,
                at(seconds - 1.0, "spec unreadable", lasts=60.0),
                at(seconds - 0.5, "kill", value=5.0),
                at(seconds, "delete"),
            ),
        )
        for when, seconds in (("while preparing", 21.6), ("at a step", 50.0), ("at rest", 120.0))
    },
    **{
        f"its configuration is gone, and git goes back, {when}": (
            _TEMPLATED,
            (
                PUSH,
                at(seconds, "configuration deleted", lasts=40.0),
                at(seconds + 4.0, "push", "v1"),
            ),
        )
        for when, seconds in (("while preparing", 19.0), ("at a step", 50.0))
    },
    "its configuration is gone at rest for long": (
        _TEMPLATED,
        (at(10.0, "configuration deleted", lasts=100.0), at(120.0, "push", "v2")),
    ),
    "lists are from before what was seen, again and again": (
        CALM,
        (
            PUSH,
            at(50.0, "stale lists", times=8, value=15.0),
            Mishap("stale lists", When(50.0, "Rollout", 1, True), times=8, value=15.0),
        ),
    ),
}
FASTER: Mapping[str, tuple[Setup, Rows]] = {
    f"{what} as it is decided, {where} {nth}": (
        _SCALED if do == "autoscaler deleted" else _MANAGED,
        (PUSH, *while_written(do, on, begin, nth, lasts=8.0)),
    )
    for what, do, on in (
        ("stable's Deployment goes", "deployment deleted", "v1"),
        ("the canary's Deployment goes", "deployment deleted", "v2"),
        ("its autoscaler goes", "autoscaler deleted", ""),
        ("its marks go", "mark gone", ""),
        ("its rule goes", "destinationrule deleted", ""),
        ("its routes go", "virtualservice deleted", ""),
        ("its Service goes", "service deleted", ""),
    )
    for where, begin in (("begun", 20.0), ("everyone goes over", 82.0))
    for nth in (1, 2, 3, 4, 5)
}
ALL = (
    PAGE,
    COMMANDS,
    HEALTH,
    WITHOUT,
    OVERTAKEN,
    UNMANAGED,
    ODD,
    ANSWERS,
    EASED,
    TEAMS,
    NAMED,
    WRONG,
    LOAD,
    REBUILT,
    HOME,
    FASTER,
)
