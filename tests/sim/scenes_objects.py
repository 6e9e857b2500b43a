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
        CALM,
        (at(0.0, "unknown kind", "DestinationRule", 40.0, times=1), PUSH),
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
            Mishap("stale lists", When(10.0, "DestinationRule", 1, True), lasts=9.0, value=4.0),
            Mishap("other replica", When(20.0, "DestinationRule", 1, True), lasts=9.0, value=4.0),
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
            Mishap("push", When(20.1), "v2", 1),
            Mishap("push", When(21.0), "v2", 2),
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
