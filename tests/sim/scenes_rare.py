"""Scenes of things that seldom meet: each shows what a guard does in no other scene."""

from collections.abc import Mapping
from dataclasses import replace

from tests.sim.plan import Mishap, Setup, Subject, When
from tests.sim.steps import CALM, PUSH, Rows, asks, at

_PLAIN = Subject()
_MANAGED = Subject(workload="managed")
_CAREFUL = Subject(careful=True)
_SCALED = Subject(workload="scaled")
_ONE = Subject("one step")
_COUNTS = Subject(counts=True)
_AT_ONCE = Subject("all at once", counts=True)
_TESTERS = Subject("testers", "managed")
_BOXED = Subject("boxed", careful=True)
_MADE = Subject(workload="template", author="host")


PAIRS: Mapping[str, tuple[Subject, Rows]] = {
    "weights edited again and again beside an autoscaler": (
        _SCALED,
        (PUSH, *(at(25.0 + 1.5 * i, "weights edited", value=40.0) for i in range(9))),
    ),
    "the status loses its canary on the way back, and it is aborted": (
        _MANAGED,
        (
            PUSH,
            at(29.0, "stable crashes", lasts=20.0),
            at(30.0, "push", "v3"),
            at(35.0, "status scribbled", "attempt.canary"),
            *asks(36.0, "abort"),
        ),
    ),
    "git names other objects before it is adopted": (
        _PLAIN,
        (at(0.0, "virtualservice deleted", lasts=15.0), at(10.0, "other names"), PUSH),
    ),
    "deleted before it is adopted": (
        _PLAIN,
        (at(0.0, "virtualservice deleted", lasts=60.0), at(10.0, "delete")),
    ),
    "deleted while its routes are gone": (
        _MANAGED,
        (PUSH, at(30.0, "virtualservice deleted", lasts=60.0), at(32.0, "delete")),
    ),
    "edited and put back, and people go on": (
        _CAREFUL,
        (
            PUSH,
            at(30.0, "weights edited", value=40.0),
            at(35.0, "weights edited", value=5.0),
            at(35.0, "proxies behind", lasts=20.0),
            *asks(40.0, "resume"),
        ),
    ),
    "requests say that the edit is gone": (
        _COUNTS,
        (PUSH, at(20.0, "istiod silent", lasts=130.0), at(50.0, "weights edited", value=40.0)),
    ),
    "requests say of the same share twice who has it": (
        _AT_ONCE,
        (PUSH, at(20.0, "istiod silent", lasts=130.0)),
    ),
    "made routes are put back while preparing": (
        Subject("testers"),
        (
            PUSH,
            at(30.0, "made routes moved"),
            *asks(40.0, "abort"),
            at(60.0, "push", "v3"),
            at(60.0, "pods replaced", "v3", 20.0),
            at(66.0, "made routes put back"),
        ),
    ),
    "the status loses its subset while preparing": (
        _PLAIN,
        (
            PUSH,
            at(20.0, "never ready", lasts=15.0),
            at(25.0, "status scribbled", "attempt.subset"),
            *asks(60.0, "abort", "retry", every=10.0),
        ),
    ),
    "the status loses its canary while preparing, and it is aborted": (
        _MADE,
        (
            PUSH,
            at(20.0, "never ready", lasts=20.0),
            at(25.0, "configuration deleted", lasts=15.0),
            at(27.0, "status scribbled", "attempt.canary"),
            *asks(30.0, "abort"),
        ),
    ),
    "the status loses its step, and it is skipped later": (
        _PLAIN,
        (PUSH, at(30.0, "status scribbled", "attempt.step"), *asks(35.0, "skip")),
    ),
    "the status loses its canary as nobody knows what git asks for": (
        _MADE,
        (
            PUSH,
            at(29.0, "configuration deleted", lasts=20.0),
            at(32.0, "status scribbled", "attempt.canary"),
        ),
    ),
    "the status loses whose pods drain, as everyone returns": (
        _MANAGED,
        (
            PUSH,
            Mishap("proxies behind", When(84.0, "VirtualService", 2, True), lasts=20.0),
            at(95.0, "status scribbled", "draining"),
        ),
    ),
    "promoted as nobody knows what git asks for": (
        _MADE,
        (PUSH, at(29.0, "configuration deleted", lasts=40.0), *asks(35.0, "promote")),
    ),
    "rejected where nobody is asked": (_PLAIN, (PUSH, *asks(30.0, "reject"))),
    "one of two steps of a dark launch is skipped": (
        Subject("dark held twice"),
        (PUSH, *asks(30.0, "skip"), *asks(100.0, "promote")),
    ),
    "aborted as the subset moves": (
        _PLAIN,
        (
            PUSH,
            at(80.0, "forbidden", "DestinationRule", 20.0, times=100),
            *asks(90.0, "abort"),
        ),
    ),
    "its Deployment is gone as the subset moves": (
        _PLAIN,
        (
            PUSH,
            at(80.0, "forbidden", "DestinationRule", 20.0, times=100),
            at(90.0, "deployment deleted", "v2", 8.0),
        ),
    ),
    "edited while it bakes and stable is down": (
        _TESTERS,
        (
            PUSH,
            at(74.0, "stable crashes", lasts=15.0),
            at(76.0, "weights edited", value=40.0),
        ),
    ),
    "edited again an hour later": (
        _PLAIN,
        (
            PUSH,
            *asks(25.0, "pause"),
            at(30.0, "weights edited", value=40.0),
            at(35.0, "clock jumps", lasts=60.0, value=3700.0),
            at(45.0, "weights edited", value=40.0),
            *asks(60.0, "resume"),
        ),
    ),
    "its pods are lost a third time, and another is pushed": (
        _PLAIN,
        (
            PUSH,
            *(at(30.0 + 12.0 * i, "canary crashes", lasts=4.0) for i in range(3)),
            at(53.9, "proxies behind", lasts=10.0),
            at(57.0, "push", "v3"),
        ),
    ),
    "paused as everyone goes over": (
        _PLAIN,
        (
            PUSH,
            at(83.0, "proxies behind", lasts=15.0),
            *asks(90.0, "pause", "resume", every=30.0),
        ),
    ),
    "both die as everyone goes over": (
        _PLAIN,
        (
            PUSH,
            at(83.0, "proxies behind", lasts=15.0),
            at(90.0, "stable crashes", lasts=30.0),
            at(90.0, "canary crashes", lasts=25.0),
        ),
    ),
    "made of a template, and the Service is gone": (
        _MADE,
        (PUSH, at(30.0, "service deleted", lasts=20.0)),
    ),
    "its autoscaler is pointed at more pods at rest": (
        _SCALED,
        (
            PUSH,
            at(110.0, "deployment scaled", "v1", value=4.0),
            at(110.0, "autoscaler edited"),
        ),
    ),
    "the status loses its canary as its autoscaler moves": (
        Subject("testers", "template scaled", author="host"),
        (
            PUSH,
            at(60.0, "forbidden", "HorizontalPodAutoscaler", 60.0, times=1000),
            at(70.0, "configuration deleted", lasts=20.0),
            at(72.0, "status scribbled", "attempt.canary"),
        ),
    ),
    "edited as its pods are lost, in the hands of people": (
        _CAREFUL,
        (PUSH, at(30.0, "weights edited", value=40.0), at(30.0, "canary crashes", lasts=20.0)),
    ),
    "nobody answers, and people are asked at once where there is no data": (
        Subject(strict=True),
        (PUSH, at(25.0, "prometheus down", lasts=60.0)),
    ),
    "it fails as the gate says no": (
        Subject("gated"),
        (PUSH, at(19.0, "bad", lasts=60.0), at(19.0, "gate says failed", lasts=60.0)),
    ),
    "counted, worse, and the time for that is over": (
        replace(_COUNTS, harsh=True),
        (PUSH, at(19.0, "worse", lasts=120.0)),
    ),
}
_LONG = replace(CALM, calm=420.0)
_ASKED = replace(CALM, chat=True, subjects=(Subject("approved"),))


def _long(subject: Subject, **more: object) -> Setup:
    return replace(_LONG, subjects=(subject,), **more)  # type: ignore[arg-type]


LONG: Mapping[str, tuple[Setup, Rows]] = {
    "git names other objects at a step, and whose fields they are": (
        replace(CALM, fields=True, subjects=(Subject(author="edged"),)),
        (PUSH, at(30.0, "other names")),
    ),
    "routes cannot be written in time, and people go on": (
        _long(_BOXED),
        (PUSH, at(41.0, "denied", "VirtualService", 280.0, times=10000), *asks(250.0, "resume")),
    ),
    "rejected in Slack": (
        _ASKED,
        (PUSH, at(40.0, "rejected late", lasts=1.0)),
    ),
    "rejected as it fails": (
        _ASKED,
        (
            PUSH,
            at(36.0, "bad", lasts=60.0),
            at(36.0, "prometheus down", lasts=20.0),
            at(35.9, "rejected late", lasts=20.11),
        ),
    ),
    "promoted on the way back, and nobody has approved": (
        _ASKED,
        (PUSH, at(40.0, "stable crashes", lasts=60.0), *asks(44.0, "abort", "promote", every=6.0)),
    ),
    "a step that nobody sees, and nobody approves in time": (
        _long(Subject("nobody first")),
        (PUSH,),
    ),
    "approved when it is over": (
        _ASKED,
        (PUSH, at(40.0, "approved late", lasts=11.0), *asks(50.0, "abort")),
    ),
    "too few pods for too long, more time is given, and numbers are gone": (
        _long(_BOXED),
        (
            PUSH,
            at(25.0, "deployment scaled", "v2", value=1.0),
            at(225.0, "deadline edited", "10m"),
            at(230.0, "prometheus down", lasts=40.0),
            at(330.0, "deployment scaled", "v2", value=2.0),
        ),
    ),
    "its autoscaler cannot be handed over in time": (
        _long(replace(_SCALED, careful=True)),
        (PUSH, at(80.0, "forbidden", "HorizontalPodAutoscaler", 200.0, times=10000)),
    ),
    "deleted, and stable is back as nobody looks": (
        _long(Subject(workload="managed", author="host", careful=True)),
        (
            PUSH,
            at(28.0, "stable crashes", lasts=130.0),
            at(30.0, "delete"),
            at(140.0, "kill", value=40.0),
        ),
    ),
}
_WIDE = replace(CALM, pods=4)
WIDE: Mapping[str, tuple[Setup, Rows]] = {
    "others' pods come as it is prepared, and stable is not whole": (
        replace(_WIDE, subjects=(Subject(workload="managed", author="host"),)),
        (
            at(19.9, "proxies behind", lasts=10.0),
            PUSH,
            at(21.0, "deployment scaled", "v1", value=1.0),
            at(21.0, "deployment scaled", "v3", value=1.0),
            at(60.0, "deployment scaled", "v1", value=4.0),
        ),
    ),
    "stable has too few to go back to, ours to scale": (
        replace(_WIDE, subjects=(replace(_ONE, workload="managed"),), ready_after=8.0),
        (
            PUSH,
            at(40.0, "deployment scaled", "v1", value=1.0),
            *asks(40.0, "abort"),
        ),
    ),
    "pods by the step, of which there are many": (
        replace(_WIDE, subjects=(Subject("sized", "managed"),)),
        (PUSH,),
    ),
    "both sides are narrower": (
        _WIDE,
        (
            PUSH,
            at(50.0, "deployment scaled", "v1", value=2.0),
            at(50.0, "deployment scaled", "v2", value=1.0),
            at(100.0, "deployment scaled", "v2", value=2.0),
        ),
    ),
}
WORLDS = (LONG, WIDE)
