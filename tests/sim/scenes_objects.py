"""Scenes of the API server's and of Istio's objects: how they are read, and who writes beside."""

from collections.abc import Mapping
from dataclasses import replace

from tests.sim.plan import Mishap, Setup, Subject, When
from tests.sim.steps import CALM, PUSH, Rows, asks, at, write

_PLAIN = Subject()
_MANAGED = Subject(workload="managed")
_PAGED = replace(CALM, page=3)
_FIELDS = replace(CALM, fields=True)
_READ = replace(CALM, page=2, read=True)
_TIMED = replace(CALM, timers=True)


def _of(setup: Setup, subject: Subject) -> Setup:
    return replace(setup, subjects=(subject,))


def _bare(author: str = "host", rule: str = "none") -> Subject:
    return Subject(author=author, rule=rule)


READING: Mapping[str, tuple[Setup, Rows]] = {
    "lists come in pages": (_PAGED, (PUSH, at(40.0, "watch gone"), at(60.0, "compaction"))),
    "pages that end in the middle": (
        _PAGED,
        (PUSH, at(40.0, "watch gone"), at(40.0, "slow", "Deployment", 20.0, times=2, value=0.4)),
    ),
    "people look at everything": (_READ, (PUSH, *asks(60.0, "abort"))),
    "people look at everything, and it is away": (
        replace(_READ, replicas=2),
        (PUSH, at(0.0, "broken", "Rollout", 20.0, times=1000), at(50.0, "kill", value=10.0)),
    ),
    "kinds that nobody has are not known": (
        CALM,
        (
            *(
                at(0.0, "unknown kind", kind, 145.0, times=100000)
                for kind in ("Gateway", "AnalysisTemplate", "Sidecar")
            ),
            PUSH,
        ),
    ),
    "a kind is not known at first": (
        CALM,
        (at(0.0, "unknown kind", "VirtualService", 30.0, times=100000), PUSH),
    ),
    "a kind is known in an older version": (
        _of(CALM, Subject(workload="scaled")),
        (
            at(0.0, "unknown kind", "HorizontalPodAutoscaler", 140.0, times=1),
            at(0.0, "unknown kind", "EndpointSlice", 140.0, times=1),
            PUSH,
            at(100.0, "load", value=4.0),
        ),
    ),
    "watches end at once, again and again": (
        CALM,
        (PUSH, *(at(25.0 + 0.7 * turn, "watch cut") for turn in range(12))),
    ),
    "watches fail, again and again": (
        CALM,
        (
            PUSH,
            at(30.0, "broken", "Rollout", 25.0, times=1000),
            at(31.0, "watch cut", "Rollout"),
            at(70.0, "watch half a line"),
            at(75.0, "forbidden", "VirtualService", 12.0, times=1000),
            at(75.5, "watch cut", "VirtualService"),
        ),
    ),
    "old lists after our writes": (
        CALM,
        (
            PUSH,
            write("DestinationRule", 1, "stale lists", lasts=20.0, value=5.0),
            at(60.0, "other replica", value=8.0),
            at(90.0, "stale lists", value=40.0),
        ),
    ),
    "old lists after a rule of ours": (
        _of(CALM, _bare()),
        (
            PUSH,
            Mishap("stale lists", When(0.5, "DestinationRule", 1, True), lasts=9.0, value=4.0),
            Mishap("other replica", When(20.0, "DestinationRule", 1, True), lasts=9.0, value=4.0),
        ),
    ),
    "an answer about a rule comes late": (
        _of(CALM, _bare()),
        (
            at(0.0, "late after", "DestinationRule", 15.0, times=1, value=4.0),
            at(8.0, "destinationrule deleted", lasts=20.0),
            PUSH,
        ),
    ),
    "objects go while nobody watches": (
        CALM,
        (
            PUSH,
            at(30.0, "watch gone"),
            at(30.1, "service deleted", lasts=10.0),
            at(60.0, "watch gone"),
            at(60.1, "destinationrule deleted", lasts=3.0),
        ),
    ),
    "news comes twice, of what is gone, too": (
        CALM,
        (PUSH, at(28.0, "watch doubled"), at(30.0, "service deleted", lasts=10.0)),
    ),
    "news of a deletion comes late": (
        CALM,
        (
            PUSH,
            at(38.0, "replica lags", lasts=30.0, value=4.0),
            at(40.0, "virtualservice deleted", lasts=0.5),
            at(42.0, "weights edited", value=40.0),
            at(60.0, "virtualservice deleted", lasts=0.5),
        ),
    ),
    "history goes back": (
        CALM,
        (
            PUSH,
            at(40.0, "stale lists", "Deployment", 20.0, times=7, value=35.0),
            at(60.0, "rebuilt", "v3"),
            at(75.0, "stale lists", "VirtualService", 20.0, times=7, value=30.0),
        ),
    ),
    "a watch tells of what has no name": (
        CALM,
        (PUSH, at(30.0, "watch nameless"), at(60.0, "watch nameless", "Rollout")),
    ),
    "statuses cannot be written at first": (
        replace(_READ, page=0),
        (at(0.0, "denied", "Rollout", 60.0, times=1000), at(70.0, "push", "v2")),
    ),
    "it is replaced while answers are awaited": (
        CALM,
        (
            PUSH,
            at(24.0, "prometheus slow", lasts=60.0),
            at(40.0, "replaced by force"),
            at(70.0, "replaced by force", value=1.0),
        ),
    ),
    "it is replaced at rest": (CALM, (at(10.0, "replaced by force", value=1.0), PUSH)),
    "another controller holds it": (
        CALM,
        (PUSH, at(30.0, "held by others", lasts=60.0), at(31.0, "delete")),
    ),
    "another controller holds it, and ours lets go by force": (
        CALM,
        (
            PUSH,
            at(24.0, "prometheus slow", lasts=60.0),
            at(40.0, "held by others", lasts=40.0, value=1.0),
            at(40.0, "delete"),
        ),
    ),
    "its status is gone": (
        CALM,
        (at(10.0, "status written over", "gone"), PUSH, at(40.0, "status scribbled", "gone")),
    ),
    "its status is odd": (
        CALM,
        (
            at(10.0, "status written over", "odd"),
            at(15.0, "status written over", "gone"),
            PUSH,
            at(40.0, "status written over", "odd"),
            at(60.0, "status written over", "gone"),
        ),
    ),
    **{
        f"its status is {what}, it cannot be read, and it is deleted": (
            CALM,
            (
                at(9.0, "kill", value=3.0),
                at(10.0, "status written over", what),
                at(10.0, "spec unreadable", lasts=100.0),
                at(30.0, "rollout touched"),
                at(40.0, "delete"),
            ),
        )
        for what in ("gone", "odd", "under way")
    },
    "its metrics are in a template": (
        _of(CALM, Subject(shared=True)),
        (PUSH, at(45.0, "bad", lasts=40.0)),
    ),
    "its template is gone": (
        _of(CALM, Subject(shared=True)),
        (PUSH, at(30.0, "template gone", lasts=30.0)),
    ),
    "its pods are lost while answers are awaited": (
        CALM,
        (
            PUSH,
            at(30.0, "prometheus slow", lasts=60.0),
            at(50.0, "canary crashes", lasts=20.0),
        ),
    ),
    "it is touched while answers are awaited": (
        CALM,
        (
            PUSH,
            at(24.0, "prometheus slow", lasts=60.0),
            *(at(30.0 + 2.3 * turn, "rollout touched") for turn in range(12)),
        ),
    ),
    "every answer about rules is lost": (
        _of(CALM, _bare()),
        (PUSH, at(0.0, "lost after", "DestinationRule", 60.0, times=3)),
    ),
    "alarms as in a real controller": (
        _TIMED,
        (PUSH, at(40.0, "clock jumps", lasts=20.0, value=3600.0), *asks(75.0, "pause", "resume")),
    ),
    "alarms of several, as in a real controller": (
        replace(_TIMED, subjects=(_PLAIN, _MANAGED, _PLAIN)),
        (
            PUSH,
            Mishap("push", When(20.0), "v2", 1),
            Mishap("push", When(20.0), "v2", 2),
            Mishap("delete", When(60.0), who=1),
        ),
    ),
    "it is deleted while it cannot be read": (
        CALM,
        (PUSH, at(30.0, "spec unreadable", lasts=60.0), at(40.0, "delete")),
    ),
    "it is deleted at rest while it cannot be read": (
        CALM,
        (at(10.0, "spec unreadable", lasts=60.0), at(20.0, "delete"), at(60.0, "push", "v2")),
    ),
    "restarted while it cannot be read": (
        CALM,
        (
            PUSH,
            at(30.0, "spec unreadable", lasts=70.0),
            at(40.0, "kill", value=2.0),
            *asks(50.0, "abort"),
        ),
    ),
    "restarted on the way back while it cannot be read": (
        CALM,
        (
            PUSH,
            at(30.0, "stable crashes", lasts=60.0),
            *asks(32.0, "abort"),
            at(35.0, "spec unreadable", lasts=70.0),
            at(40.4, "kill", value=2.0),
        ),
    ),
    "restarted on the way back while it cannot be read, pods managed": (
        _of(CALM, Subject(workload="managed")),
        (
            PUSH,
            at(30.0, "stable crashes", lasts=60.0),
            *asks(32.0, "abort"),
            at(35.0, "spec unreadable", lasts=100.0),
            at(40.4, "kill", value=2.0),
        ),
    ),
    "restarted while it is deleted and cannot be read": (
        CALM,
        (
            PUSH,
            at(30.0, "stable crashes", lasts=60.0),
            at(35.0, "spec unreadable", lasts=70.0),
            at(38.0, "delete"),
            at(40.0, "kill", value=2.0),
        ),
    ),
    "a bug of ours, and people go back": (
        CALM,
        (PUSH, at(30.0, "a bug of ours", lasts=60.0), *asks(40.0, "abort")),
    ),
    "a bug of ours": (CALM, (PUSH, at(30.0, "a bug of ours", lasts=30.0))),
}
ISTIO: Mapping[str, tuple[Setup, Rows]] = {
    "fields are the author's again": (_FIELDS, (PUSH,)),
    "fields are the author's again on the way back": (
        _of(_FIELDS, _MANAGED),
        (PUSH, *asks(40.0, "abort"), at(80.0, "mesh applied again")),
    ),
    "deleted while it manages fields": (_FIELDS, (PUSH, at(50.0, "delete"))),
    "fields cannot be released": (
        _FIELDS,
        (PUSH, at(85.0, "denied", "VirtualService", 30.0, times=1000)),
    ),
    "no rule, a bare host": (_of(CALM, _bare()), (PUSH,)),
    "no rule, a bare host, and it is taken back": (
        _of(CALM, _bare()),
        (PUSH, *asks(45.0, "abort"), at(80.0, "push", "v3")),
    ),
    "no rule, a bare host, and it is deleted": (
        _of(CALM, Subject(workload="managed", author="host", rule="none")),
        (PUSH, at(45.0, "delete")),
    ),
    "a rule of a pattern": (_of(CALM, _bare(rule="pattern")), (PUSH, *asks(60.0, "abort"))),
    "a rule of a pattern, with its subset": (
        _of(CALM, _bare("role", "pattern")),
        (PUSH, at(110.0, "push", "v3")),
    ),
    "several rules": (_of(CALM, Subject(rule="several")), (PUSH,)),
    "several rules, and a bare host": (_of(CALM, _bare(rule="several")), (PUSH,)),
    "several rules, and one goes": (
        _of(CALM, Subject(rule="several")),
        (PUSH, at(40.0, "destinationrule deleted", lasts=10.0), *asks(70.0, "abort")),
    ),
    "several rules by version": (_of(CALM, Subject(author="version", rule="several")), (PUSH,)),
    "a long name": (_of(_FIELDS, Subject(long=True)), (PUSH, *asks(60.0, "abort"))),
    "marks are scribbled on": (
        CALM,
        (
            PUSH,
            *(
                at(26.0 + 9.0 * turn, "mark scribbled", what)
                for turn, what in enumerate(("words", "other", "negative", "far", "no text"))
            ),
            at(80.0, "mark gone"),
        ),
    ),
    "marks are scribbled on, and it is taken back": (
        _of(CALM, _MANAGED),
        (PUSH, at(40.0, "mark scribbled", "words"), *asks(41.0, "abort")),
    ),
    "marks are gone": (
        _of(CALM, Subject("testers")),
        (PUSH, at(30.0, "mark gone"), at(60.0, "mark gone"), *asks(70.0, "abort")),
    ),
    "marks are gone, and it is deleted": (
        CALM,
        (PUSH, at(40.0, "mark gone"), at(40.1, "delete")),
    ),
    "marks are gone as it is promoted": (
        CALM,
        (PUSH, Mishap("mark gone", When(20.0, "VirtualService", 4, True))),
    ),
    "a subset goes as it is removed": (
        CALM,
        (PUSH, Mishap("subset removed", When(85.0, "DestinationRule", 1))),
    ),
    "a subset goes before it is removed": (
        CALM,
        (PUSH, Mishap("subset removed", When(85.0, "VirtualService", 1, True))),
    ),
    "a subset goes on the way back": (
        _of(CALM, _MANAGED),
        (PUSH, *asks(40.0, "abort"), Mishap("subset removed", When(40.0, "VirtualService", 1))),
    ),
    "a rule is written over": (CALM, (PUSH, at(40.0, "rule written"), at(70.0, "rule written"))),
    "a newer mark": (
        CALM,
        (
            PUSH,
            at(30.0, "mark scribbled", "newer"),
            Mishap("mark scribbled", When(60.0, "Rollout", 1, True), "newer"),
            at(75.0, "mark gone"),
        ),
    ),
    "no rule of its own, and another's has its name": (_of(CALM, _bare(rule="namesake")), (PUSH,)),
    "several rules without a policy": (_of(CALM, Subject(rule="several plain")), (PUSH,)),
    "a subset with a policy": (_of(CALM, Subject(rule="policies")), (PUSH,)),
    "a rule without subsets": (_of(CALM, _bare(rule="no subsets")), (PUSH, *asks(60.0, "abort"))),
    "a rule without subsets, and it is deleted": (
        _of(CALM, _bare(rule="no subsets")),
        (PUSH, at(45.0, "delete")),
    ),
    "mirrored from elsewhere": (_of(CALM, Subject(mirrored=True)), (PUSH,)),
    "its rule cannot be deleted at once": (
        _of(CALM, _bare()),
        (PUSH, *asks(45.0, "abort"), at(45.0, "conflict", "DestinationRule", 60.0, times=3)),
    ),
    "deleted, and its rule cannot be deleted at once": (
        _of(CALM, Subject(workload="managed", author="host", rule="none")),
        (PUSH, at(45.0, "delete"), at(45.1, "conflict", "DestinationRule", 60.0, times=3)),
    ),
    "deleted while rules cannot be written": (
        _of(CALM, _MANAGED),
        (PUSH, at(29.0, "broken", "DestinationRule", 25.0, times=100), at(30.0, "delete")),
    ),
    "deleted, and Events cannot be written": (
        CALM,
        (PUSH, at(29.0, "forbidden", "Event", 100.0, times=100), at(30.0, "delete")),
    ),
    "deleted at rest, and Events cannot be written": (
        CALM,
        (at(10.0, "forbidden", "Event", 100.0, times=100), at(11.0, "delete")),
    ),
    "deleted while it bakes, and Events cannot be written": (
        _of(CALM, Subject("testers")),
        (PUSH, at(74.0, "forbidden", "Event", 60.0, times=100), at(75.0, "delete")),
    ),
    "a subset is written by hand as it is made": (
        CALM,
        (PUSH, Mishap("subset written", When(20.0, "Rollout", 1, True))),
    ),
    "its mark goes as its subset is removed": (
        CALM,
        (PUSH, Mishap("mark gone", When(86.5, "Rollout", 1, True))),
    ),
    "applied anew at rest, behind a bare host": (
        _of(CALM, Subject(author="host")),
        (PUSH, at(110.0, "mesh applied again"), at(130.0, "mesh applied again")),
    ),
    "its routes are emptied": (
        CALM,
        (PUSH, at(40.0, "routes emptied", lasts=5.0), at(120.0, "routes emptied", lasts=5.0)),
    ),
    "its routes are emptied on the way back": (
        CALM,
        (PUSH, *asks(40.0, "abort"), at(40.01, "routes emptied", lasts=15.0)),
    ),
    "made routes are put back": (
        _of(CALM, Subject("testers")),
        (
            PUSH,
            at(30.0, "made routes moved"),
            at(40.0, "made routes put back"),
            at(135.0, "made routes put back"),
        ),
    ),
    "made routes are edited": (
        _of(CALM, Subject("testers")),
        (
            PUSH,
            at(30.0, "made routes gone"),
            at(40.0, "made routes edited"),
            at(50.0, "made routes twice"),
        ),
    ),
    "made routes stay behind": (
        _of(CALM, Subject("testers")),
        (PUSH, at(130.0, "made routes edited")),
    ),
}
ALL = (READING, ISTIO)
